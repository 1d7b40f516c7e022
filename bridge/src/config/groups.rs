//! The command line of `bridge groups`, with the option names of `kafka-consumer-groups`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, Subcommand};
use protocol::{GroupName, TopicName};

use super::KafkaArgs;
use super::topics::{CommonArgs, ConfirmationArgs};

#[derive(Subcommand, Debug, Clone)]
pub enum GroupsCommand {
    /// List the consumer groups, one name per line
    List(ListGroups),
    /// Show offsets, lag and members of one group or of all groups
    Describe(DescribeGroups),
    /// Reset a group's offsets; without --execute this is a dry run
    Reset(ResetArgs),
    /// Delete a group without members, and its committed offsets
    Delete(DeleteGroupArgs),
}

impl GroupsCommand {
    pub fn kafka(&self) -> &KafkaArgs {
        let common = match self {
            Self::List(args) => &args.common,
            Self::Describe(args) => &args.common,
            Self::Reset(args) => &args.common,
            Self::Delete(args) => &args.common,
        };
        &common.kafka
    }

    pub fn kafka_mut(&mut self) -> &mut KafkaArgs {
        let common = match self {
            Self::List(args) => &mut args.common,
            Self::Describe(args) => &mut args.common,
            Self::Reset(args) => &mut args.common,
            Self::Delete(args) => &mut args.common,
        };
        &mut common.kafka
    }
}

#[derive(Args, Debug, Clone)]
pub struct ListGroups {
    /// Print a table with state, members and lag
    #[arg(long)]
    pub verbose: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
#[command(group = ArgGroup::new("which").required(true).args(["group", "all_groups"]))]
pub struct DescribeGroups {
    /// Group to describe
    #[arg(long)]
    pub group: Option<GroupName>,

    /// Describe every group
    #[arg(long)]
    pub all_groups: bool,

    /// Show the members instead of the offsets
    #[arg(long, conflicts_with = "state")]
    pub members: bool,

    /// Show state and coordinator instead of the offsets
    #[arg(long)]
    pub state: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
#[command(group = ArgGroup::new("target").required(true).args([
    "to_earliest", "to_latest", "to_datetime", "to_offset", "shift_by", "from_file",
]))]
#[command(group = ArgGroup::new("scope").required(true).args(["topic", "all_topics", "from_file"]))]
pub struct ResetArgs {
    /// Group to reset
    #[arg(long)]
    pub group: GroupName,

    /// Topic, or some of its partitions (foobar:0,1); repeatable
    #[arg(long, value_name = "TOPIC[:PARTITION,…]")]
    pub topic: Vec<TopicScope>,

    /// Reset every partition in which the group has a committed offset
    #[arg(long)]
    pub all_topics: bool,

    /// Reset to the earliest offset
    #[arg(long)]
    pub to_earliest: bool,

    /// Reset to the latest offset, so that only new records are read
    #[arg(long)]
    pub to_latest: bool,

    /// Reset to the first record at or after this time: 2026-01-01T00:00:00.000, in UTC unless it ends with an offset
    /// (+01:00)
    #[arg(long, value_parser = parse_datetime, value_name = "DATETIME")]
    pub to_datetime: Option<i64>,

    /// Reset to this offset
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..), value_name = "N")]
    pub to_offset: Option<i64>,

    /// Shift the offsets by N, forward or (negative) backward
    #[arg(long, allow_negative_numbers = true, value_name = "N")]
    pub shift_by: Option<i64>,

    /// Reset to the offsets of a CSV file with topic,partition,offset (or group,topic,partition,offset) on each line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["topic", "all_topics"])]
    pub from_file: Option<PathBuf>,

    /// Apply the reset; without this option it is only shown
    #[arg(long)]
    pub execute: bool,

    /// Only show the reset, which is the default
    #[arg(long, conflicts_with = "execute")]
    pub dry_run: bool,

    /// Print the new offsets as CSV, for --from-file
    #[arg(long, conflicts_with = "json")]
    pub export: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct DeleteGroupArgs {
    /// Group to delete
    #[arg(long)]
    pub group: GroupName,

    #[command(flatten)]
    pub confirmation: ConfirmationArgs,

    #[command(flatten)]
    pub common: CommonArgs,
}

/// A topic, or some of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicScope {
    pub topic: TopicName,
    /// Empty for all partitions.
    pub partitions: Vec<i32>,
}

impl FromStr for TopicScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Topic names never contain a colon.
        let (name, partitions) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let topic = TopicName::parse(name).map_err(|error| error.to_string())?;
        let number = |text: &str| match text.trim().parse() {
            Ok(number @ 0..) => Ok(number),
            _ => Err(format!("invalid partition {text:?}; use for example {name}:0,1")),
        };
        let partitions = partitions.map(|list| list.split(',').map(number).collect()).transpose()?.unwrap_or_default();
        Ok(Self { topic, partitions })
    }
}

/// Milliseconds since 1970-01-01 UTC.
fn parse_datetime(text: &str) -> Result<i64, String> {
    formats::parse_time(text).ok_or_else(|| "use a time such as 2026-01-01T00:00:00.000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_scope_may_list_partitions() {
        let partitions = |text: &str| text.parse::<TopicScope>().map(|scope| scope.partitions).ok();
        assert_eq!(partitions("foobar"), Some(vec![]));
        assert_eq!(partitions("foobar:0,12"), Some(vec![0, 12]));
        for bad in ["foobar:", "foobar:-1", "foobar:a", "foo bar", ":0"] {
            assert_eq!(partitions(bad), None, "{bad:?}");
        }
    }
}
