//! The command line of `bridge topics`, with the option names of `kafka-topics`.

use clap::{Args, Subcommand};
use protocol::TopicName;

use super::KafkaArgs;

#[derive(Subcommand, Debug, Clone)]
pub enum TopicsCommand {
    /// List the topics, one name per line
    List(ListTopics),
    /// Show partitions, replicas and settings of one topic or of all topics
    Describe(DescribeTopics),
    /// Create a topic
    Create(CreateTopicArgs),
    /// Change settings of a topic; all others are unchanged
    Alter(AlterTopic),
    /// Increase the number of partitions of a topic
    AddPartitions(AddPartitionsArgs),
    /// Delete all records of a topic; the topic itself is kept
    Empty(EmptyTopicArgs),
    /// Delete a topic and all its records
    Delete(DeleteTopicArgs),
}

impl TopicsCommand {
    pub fn kafka(&self) -> &KafkaArgs {
        let common = match self {
            Self::List(args) => &args.common,
            Self::Describe(args) => &args.common,
            Self::Create(args) => &args.common,
            Self::Alter(args) => &args.common,
            Self::AddPartitions(args) => &args.common,
            Self::Empty(args) => &args.common,
            Self::Delete(args) => &args.common,
        };
        &common.kafka
    }

    pub fn kafka_mut(&mut self) -> &mut KafkaArgs {
        let common = match self {
            Self::List(args) => &mut args.common,
            Self::Describe(args) => &mut args.common,
            Self::Create(args) => &mut args.common,
            Self::Alter(args) => &mut args.common,
            Self::AddPartitions(args) => &mut args.common,
            Self::Empty(args) => &mut args.common,
            Self::Delete(args) => &mut args.common,
        };
        &mut common.kafka
    }
}

#[derive(Args, Debug, Clone)]
pub struct ListTopics {
    /// Exclude internal topics (names that begin with __)
    #[arg(long)]
    pub exclude_internal: bool,

    /// Print a table with partitions, replicas and records
    #[arg(long)]
    pub verbose: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct DescribeTopics {
    /// Topic to describe [default: all topics]
    #[arg(long)]
    pub topic: Option<TopicName>,

    /// Show all settings with their source and default, not only the overridden ones
    #[arg(long)]
    pub all_settings: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct CreateTopicArgs {
    /// Name of the new topic
    #[arg(long)]
    pub topic: TopicName,

    /// Number of partitions [default: the broker's]
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..), value_name = "N")]
    pub partitions: Option<i32>,

    /// Number of replicas of each partition [default: the broker's]
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=i64::from(i16::MAX)), value_name = "N")]
    pub replication_factor: Option<i32>,

    /// Topic setting, such as retention.ms=3600000; repeatable
    #[arg(long = "config", value_parser = parse_setting, value_name = "NAME=VALUE")]
    pub settings: Vec<(String, String)>,

    /// Succeed without a change if the topic exists
    #[arg(long)]
    pub if_not_exists: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct AlterTopic {
    /// Topic to change
    #[arg(long)]
    pub topic: TopicName,

    /// Setting to change, such as retention.ms=3600000; repeatable
    #[arg(long = "config", value_parser = parse_setting, value_name = "NAME=VALUE", required_unless_present = "delete_config")]
    pub settings: Vec<(String, String)>,

    /// Setting to reset to its default; repeatable
    #[arg(long, value_name = "NAME")]
    pub delete_config: Vec<String>,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct AddPartitionsArgs {
    /// Topic to change
    #[arg(long)]
    pub topic: TopicName,

    /// New total number of partitions
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..), value_name = "N")]
    pub partitions: i32,

    #[command(flatten)]
    pub confirmation: ConfirmationArgs,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct EmptyTopicArgs {
    /// Topic to empty
    #[arg(long)]
    pub topic: TopicName,

    #[command(flatten)]
    pub confirmation: ConfirmationArgs,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct DeleteTopicArgs {
    /// Topic to delete
    #[arg(long)]
    pub topic: TopicName,

    /// Succeed without a change if the topic does not exist
    #[arg(long)]
    pub if_exists: bool,

    #[command(flatten)]
    pub confirmation: ConfirmationArgs,

    #[command(flatten)]
    pub common: CommonArgs,
}

/// The options of every command.
#[derive(Args, Debug, Clone)]
pub struct CommonArgs {
    #[command(flatten)]
    pub kafka: KafkaArgs,

    /// Print JSON on one line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug, Clone, Copy)]
pub struct ConfirmationArgs {
    /// Do not ask to type the name
    #[arg(long)]
    pub yes: bool,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("a setting has the form NAME=VALUE, such as retention.ms=3600000".to_owned()),
    }
}
