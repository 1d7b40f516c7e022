//! The command line of `bridge topics`, in the words of `kafka-topics`.

use clap::{Args, Subcommand};
use protocol::TopicName;

use super::KafkaArgs;

#[derive(Subcommand, Debug, Clone)]
pub enum TopicsCommand {
    /// List the topics, a name a line
    List(ListTopics),
    /// Show partitions, replicas and settings of one topic, or of all
    Describe(DescribeTopics),
    /// Create a topic
    Create(CreateTopicArgs),
    /// Change settings of a topic; those not named stay
    Alter(AlterTopic),
    /// Give a topic more partitions
    AddPartitions(AddPartitionsArgs),
    /// Delete every record of a topic; the topic stays
    Empty(EmptyTopicArgs),
    /// Delete a topic with all its records
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
}

#[derive(Args, Debug, Clone)]
pub struct ListTopics {
    /// Leave out Kafka's own topics (names that begin with __)
    #[arg(long)]
    pub exclude_internal: bool,

    /// A table with partitions, replicas and records instead of names alone
    #[arg(long)]
    pub verbose: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct DescribeTopics {
    /// Only this topic
    #[arg(long)]
    pub topic: Option<TopicName>,

    /// Every setting with its source and its default, not only those that differ
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

    /// How many partitions [default: the broker's]
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..), value_name = "N")]
    pub partitions: Option<i32>,

    /// How many replicas each partition has [default: the broker's]
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=i64::from(i16::MAX)), value_name = "N")]
    pub replication_factor: Option<i32>,

    /// A setting, such as retention.ms=3600000; repeatable
    #[arg(long = "config", value_parser = parse_setting, value_name = "NAME=VALUE")]
    pub settings: Vec<(String, String)>,

    /// Do nothing, and succeed, where the topic exists
    #[arg(long)]
    pub if_not_exists: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct AlterTopic {
    /// The topic
    #[arg(long)]
    pub topic: TopicName,

    /// A setting to change, such as retention.ms=3600000; repeatable
    #[arg(long = "config", value_parser = parse_setting, value_name = "NAME=VALUE", required_unless_present = "delete_config")]
    pub settings: Vec<(String, String)>,

    /// A setting that goes back to its default; repeatable
    #[arg(long, value_name = "NAME")]
    pub delete_config: Vec<String>,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct AddPartitionsArgs {
    /// The topic
    #[arg(long)]
    pub topic: TopicName,

    /// How many partitions it has afterwards
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..), value_name = "N")]
    pub partitions: i32,

    #[command(flatten)]
    pub confirmation: ConfirmationArgs,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct EmptyTopicArgs {
    /// The topic
    #[arg(long)]
    pub topic: TopicName,

    #[command(flatten)]
    pub confirmation: ConfirmationArgs,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct DeleteTopicArgs {
    /// The topic
    #[arg(long)]
    pub topic: TopicName,

    /// Do nothing, and succeed, where there is no such topic
    #[arg(long)]
    pub if_exists: bool,

    #[command(flatten)]
    pub confirmation: ConfirmationArgs,

    #[command(flatten)]
    pub common: CommonArgs,
}

/// What every command of this kind takes.
#[derive(Args, Debug, Clone)]
pub struct CommonArgs {
    #[command(flatten)]
    pub kafka: KafkaArgs,

    /// Print JSON, on one line
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Debug, Clone, Copy)]
pub struct ConfirmationArgs {
    /// Do not ask for the name once more
    #[arg(long)]
    pub yes: bool,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("a setting is NAME=VALUE, such as retention.ms=3600000".to_owned()),
    }
}
