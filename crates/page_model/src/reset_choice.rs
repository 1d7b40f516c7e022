//! The form of an offset reset: the target, and the topics and partitions to reset. Makes the request for a plan, or reports
//! the field that is invalid.

use protocol::{Offset, PlanOffsetReset, Position, ResetTarget, TopicName, TopicPartition};

use super::filter_fields::{InputError, closed_ranges};
use formats::{OffsetsError, OffsetsFile, parse_offsets};

/// No topic has more partitions.
const MAX_PARTITIONS: usize = 100_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetTo {
    #[default]
    Earliest,
    Latest,
    Time,
    Offset,
    Shift,
    File,
}

impl ResetTo {
    pub const ALL: [Self; 6] = [Self::Earliest, Self::Latest, Self::Time, Self::Offset, Self::Shift, Self::File];

    pub fn name(self) -> &'static str {
        match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::Time => "time",
            Self::Offset => "offset",
            Self::Shift => "shift",
            Self::File => "file",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetChoice {
    pub to: ResetTo,
    /// A local date and time, as an `<input type="datetime-local">` writes it.
    pub time: String,
    pub offset: String,
    /// A number of records, forward or (negative) back.
    pub shift: String,
    /// Lines of `topic,partition,offset`, or `group,topic,partition,offset`.
    pub file: String,
    /// Empty: all topics of the group.
    pub topic: String,
    /// `0, 2-4`; empty: all partitions of the topic.
    pub partitions: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResetFormError {
    Time,
    Offset,
    Shift,
    /// The file has no line.
    FileEmpty,
    /// All of its lines, so many, are of other groups.
    OtherGroups(usize),
    File(Vec<OffsetsError>),
    Topic,
    Partitions(InputError),
}

impl ResetChoice {
    /// Whether topics and partitions can be chosen. The lines of a file name their partitions.
    pub fn has_scope(&self) -> bool {
        self.to != ResetTo::File
    }

    /// The request for a plan. `local_time_ms` converts a local date and time to milliseconds since 1970-01-01 UTC, which
    /// only the browser can.
    pub fn request(
        &self,
        group: &str,
        local_time_ms: impl Fn(&str) -> Option<i64>,
    ) -> Result<PlanOffsetReset, ResetFormError> {
        let to = match self.to {
            ResetTo::Earliest => ResetTarget::Earliest,
            ResetTo::Latest => ResetTarget::Latest,
            ResetTo::Time => local_time_ms(&self.time).map(ResetTarget::Timestamp).ok_or(ResetFormError::Time)?,
            ResetTo::Offset => {
                let offset = self.offset.trim().parse().ok().filter(|offset: &i64| *offset >= 0);
                ResetTarget::Offset(Offset(offset.ok_or(ResetFormError::Offset)?))
            }
            ResetTo::Shift => {
                // The keyboard of a phone may write U+2212 as the minus sign.
                let by = self.shift.trim().replace('−', "-").parse().ok().filter(|by: &i64| *by != 0);
                ResetTarget::Shift(by.ok_or(ResetFormError::Shift)?)
            }
            ResetTo::File => match parse_offsets(&self.file, group).map_err(ResetFormError::File)? {
                OffsetsFile { positions, other_groups: 0 } if positions.is_empty() => {
                    return Err(ResetFormError::FileEmpty);
                }
                OffsetsFile { positions, other_groups } if positions.is_empty() => {
                    return Err(ResetFormError::OtherGroups(other_groups));
                }
                OffsetsFile { positions, .. } => return Ok(to_positions(group, positions)),
            },
        };
        let (topics, partitions) = self.scope()?;
        Ok(PlanOffsetReset { group: group.to_owned(), topics, partitions, to })
    }

    /// How many lines of the file are ignored because they are of other groups.
    pub fn ignored_lines(&self, group: &str) -> usize {
        parse_offsets(&self.file, group).map_or(0, |file| file.other_groups)
    }

    fn scope(&self) -> Result<(Vec<String>, Vec<TopicPartition>), ResetFormError> {
        if self.topic.trim().is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let topic = TopicName::parse(self.topic.trim()).map_err(|_| ResetFormError::Topic)?.to_string();
        let partitions = closed_ranges(&self.partitions, MAX_PARTITIONS).map_err(ResetFormError::Partitions)?;
        if partitions.is_empty() {
            return Ok((vec![topic], Vec::new()));
        }
        let topic_partition = |partition| TopicPartition { topic: topic.clone(), partition };
        Ok((Vec::new(), partitions.into_iter().map(topic_partition).collect()))
    }
}

/// The request for a plan that moves exactly these partitions to these offsets.
pub fn to_positions(group: &str, positions: Vec<Position>) -> PlanOffsetReset {
    let to = ResetTarget::Positions(positions);
    PlanOffsetReset { group: group.to_owned(), topics: Vec::new(), partitions: Vec::new(), to }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(choice: &ResetChoice) -> Result<PlanOffsetReset, ResetFormError> {
        choice.request("g", |text| text.parse().ok())
    }

    fn choice(to: ResetTo, text: &str) -> ResetChoice {
        let text = text.to_owned();
        let (time, offset, shift, file) = (text.clone(), text.clone(), text.clone(), text);
        ResetChoice { to, time, offset, shift, file, ..ResetChoice::default() }
    }

    #[test]
    fn every_target_makes_a_request() {
        let position = |offset| Position { topic: "t".to_owned(), partition: 0, offset: Offset(offset) };
        for (choice, target) in [
            (choice(ResetTo::Earliest, ""), ResetTarget::Earliest),
            (choice(ResetTo::Latest, ""), ResetTarget::Latest),
            (choice(ResetTo::Time, "1763800000000"), ResetTarget::Timestamp(1_763_800_000_000)),
            (choice(ResetTo::Offset, " 7 "), ResetTarget::Offset(Offset(7))),
            (choice(ResetTo::Shift, "+7"), ResetTarget::Shift(7)),
            (choice(ResetTo::Shift, "−7"), ResetTarget::Shift(-7)),
            (choice(ResetTo::File, "t,0,9"), ResetTarget::Positions(vec![position(9)])),
            (choice(ResetTo::File, "h,t,0,8\ng,t,0,9"), ResetTarget::Positions(vec![position(9)])),
        ] {
            let request = request(&choice).expect("a request");
            assert_eq!((request.to, request.topics.len(), request.partitions.len()), (target, 0, 0));
        }
    }

    #[test]
    fn invalid_field_is_reported() {
        for (choice, error) in [
            (choice(ResetTo::Time, "noon"), ResetFormError::Time),
            (choice(ResetTo::Offset, "-1"), ResetFormError::Offset),
            (choice(ResetTo::Shift, "0"), ResetFormError::Shift),
            (choice(ResetTo::File, "\n"), ResetFormError::FileEmpty),
            (choice(ResetTo::File, "h,t,0,9\nh,t,1,9"), ResetFormError::OtherGroups(2)),
        ] {
            assert_eq!(request(&choice), Err(error));
        }
        assert!(
            matches!(request(&choice(ResetTo::File, "t,0")), Err(ResetFormError::File(errors)) if errors.len() == 1)
        );
        let of = |topic: &str, partitions: &str| {
            let (topic, partitions) = (topic.to_owned(), partitions.to_owned());
            request(&ResetChoice { topic, partitions, ..ResetChoice::default() })
        };
        assert_eq!(of("no topic!", ""), Err(ResetFormError::Topic));
        assert!(matches!(of("t", "x"), Err(ResetFormError::Partitions(InputError::Numbers(_)))));
        assert!(of("", "x").is_ok(), "partitions are ignored without a topic");
    }

    #[test]
    fn topic_is_reset_completely_or_by_partitions() {
        let of = |partitions: &str| {
            let (topic, partitions) = ("t".to_owned(), partitions.to_owned());
            request(&ResetChoice { topic, partitions, ..ResetChoice::default() }).expect("a request")
        };
        let whole = of("");
        assert_eq!((whole.topics, whole.partitions.len()), (vec!["t".to_owned()], 0));
        let some = of("0, 2-3, 2");
        let partitions: Vec<i32> = some.partitions.iter().map(|topic_partition| topic_partition.partition).collect();
        assert_eq!((some.topics.len(), partitions), (0, vec![0, 2, 3]));
        assert!(
            matches!(
                ResetChoice { topic: "t".into(), partitions: "3-".into(), ..ResetChoice::default() }
                    .request("g", |_| None),
                Err(ResetFormError::Partitions(_))
            ),
            "a range without an end is invalid"
        );
    }
}
