//! The command line of `bridge groups`, in the words of `kafka-consumer-groups`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use protocol::{GroupId, TopicName};

use super::KafkaArgs;
use super::topics::{CommonArgs, ConfirmationArgs};

#[derive(Subcommand, Debug, Clone)]
pub enum GroupsCommand {
    /// List the consumer groups, a name a line
    List(ListGroups),
    /// Show positions, lag and members of one group, or of all
    Describe(DescribeGroups),
    /// Move a group's positions; without --execute only show what would happen
    Reset(ResetArgs),
    /// Delete a group that has no members, with its positions
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
}

#[derive(Args, Debug, Clone)]
pub struct ListGroups {
    /// A table with state, members and lag instead of names alone
    #[arg(long)]
    pub verbose: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
#[command(group = ArgGroup::new("which").required(true).args(["group", "all_groups"]))]
pub struct DescribeGroups {
    /// The group
    #[arg(long)]
    pub group: Option<GroupId>,

    /// Every group
    #[arg(long)]
    pub all_groups: bool,

    /// The members instead of the positions
    #[arg(long, conflicts_with = "state")]
    pub members: bool,

    /// State and coordinator instead of the positions
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
    /// The group
    #[arg(long)]
    pub group: GroupId,

    /// A topic, or some of its partitions (foobar:0,1); repeatable
    #[arg(long, value_name = "TOPIC[:PARTITION,…]")]
    pub topic: Vec<TopicScope>,

    /// Wherever the group has a position
    #[arg(long)]
    pub all_topics: bool,

    /// To the first record that is still there
    #[arg(long)]
    pub to_earliest: bool,

    /// To the end: only what is written from now on
    #[arg(long)]
    pub to_latest: bool,

    /// To the first record at or after this time: 2026-01-01T00:00:00.000, in UTC unless it ends with an offset (+01:00)
    #[arg(long, value_parser = parse_datetime, value_name = "DATETIME")]
    pub to_datetime: Option<i64>,

    /// To this offset
    #[arg(long, value_parser = clap::value_parser!(i64).range(0..), value_name = "N")]
    pub to_offset: Option<i64>,

    /// So many records on, or (negative) back
    #[arg(long, allow_negative_numbers = true, value_name = "N")]
    pub shift_by: Option<i64>,

    /// To the offsets of a CSV file: topic,partition,offset a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["topic", "all_topics"])]
    pub from_file: Option<PathBuf>,

    /// Do it; without this, only show it
    #[arg(long)]
    pub execute: bool,

    /// Only show it: what happens without --execute as well
    #[arg(long, conflicts_with = "execute")]
    pub dry_run: bool,

    /// Print the new positions as CSV, for --from-file
    #[arg(long, conflicts_with = "json")]
    pub export: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

#[derive(Args, Debug, Clone)]
pub struct DeleteGroupArgs {
    /// The group
    #[arg(long)]
    pub group: GroupId,

    #[command(flatten)]
    pub confirmation: ConfirmationArgs,

    #[command(flatten)]
    pub common: CommonArgs,
}

/// A topic, or some partitions of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicScope {
    pub topic: TopicName,
    /// Empty: all of them.
    pub partitions: Vec<i32>,
}

impl FromStr for TopicScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Topic names hold no colon.
        let (name, partitions) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let topic = TopicName::parse(name).map_err(|error| error.to_string())?;
        let number = |text: &str| match text.trim().parse() {
            Ok(number @ 0..) => Ok(number),
            _ => Err(format!("{text:?} is no partition: write {name}:0,1")),
        };
        let partitions = partitions.map(|list| list.split(',').map(number).collect()).transpose()?.unwrap_or_default();
        Ok(Self { topic, partitions })
    }
}

/// Milliseconds since 1970-01-01 UTC. Without an offset the time is meant in UTC, as Kafka's tools have it.
fn parse_datetime(text: &str) -> Result<i64, String> {
    let in_utc = |text: &str| Ok::<_, jiff::Error>(text.parse::<DateTime>()?.to_zoned(TimeZone::UTC)?.timestamp());
    let timestamp = text.parse::<Timestamp>().or_else(|_| in_utc(text));
    timestamp.map(Timestamp::as_millisecond).map_err(|_| "use a time such as 2026-01-01T00:00:00.000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_utc_unless_it_says_otherwise() {
        for (text, expected) in [
            ("1970-01-01T00:00:01.500", Some(1500)),
            ("1970-01-01T00:00:01", Some(1000)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-02", Some(86_400_000)),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(parse_datetime(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_topic_may_be_narrowed_to_partitions() {
        let partitions = |text: &str| text.parse::<TopicScope>().map(|scope| scope.partitions).ok();
        assert_eq!(partitions("foobar"), Some(vec![]));
        assert_eq!(partitions("foobar:0,12"), Some(vec![0, 12]));
        for bad in ["foobar:", "foobar:-1", "foobar:a", "foo bar", ":0"] {
            assert_eq!(partitions(bad), None, "{bad:?}");
        }
    }
}
