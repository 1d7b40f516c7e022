//! The options of a subscription: `Watch::group(&topic, &group).commit_by_ack().window(5)`.

use protocol::{
    CommitMode, Decode, Format, GroupStart, Mode, Offset, Position, Subscribe, TailStart, WhenSlow, Window,
};

/// More than any test sends.
const PLENTY: Window = Window { records: 1_000_000, bytes: 1 << 30 };

#[derive(Clone, Debug)]
pub struct Watch(Subscribe);

impl Watch {
    /// A tail from the first record.
    pub fn tail(topic: &str) -> Self {
        Self::new(topic, Mode::Tail { start: TailStart::Earliest })
    }

    /// A group member that starts at the first record; `flow` commits.
    pub fn group(topic: &str, group: &str) -> Self {
        let (start, commit) = (GroupStart::Earliest, CommitMode::Auto);
        Self::new(topic, Mode::Group { id: group.to_owned(), start, commit })
    }

    fn new(topic: &str, mode: Mode) -> Self {
        let topics = vec![topic.to_owned()];
        Self(Subscribe {
            topics,
            mode,
            window: PLENTY,
            format: Format::Json,
            when_slow: None,
            decode: Decode::default(),
        })
    }

    /// Adds another topic.
    pub fn and(mut self, topic: &str) -> Self {
        self.0.topics.push(topic.to_owned());
        self
    }

    pub fn latest(self) -> Self {
        match self.0.mode {
            Mode::Tail { .. } => self.starting(TailStart::Latest),
            Mode::Group { id, commit, .. } => {
                let mode = Mode::Group { id, start: GroupStart::Latest, commit };
                Self(Subscribe { mode, ..self.0 })
            }
        }
    }

    pub fn last(self, records: u64) -> Self {
        self.starting(TailStart::Last(records))
    }

    pub fn since(self, timestamp_ms: i64) -> Self {
        self.starting(TailStart::Timestamp(timestamp_ms))
    }

    pub fn at(self, partition: i32, offset: i64) -> Self {
        let topic = self.0.topics[0].clone();
        self.starting(TailStart::Offsets(vec![Position { topic, partition, offset: Offset(offset) }]))
    }

    /// From these positions on: partition and offset.
    pub fn from_positions(self, positions: impl IntoIterator<Item = (i32, i64)>) -> Self {
        let topic = self.0.topics[0].clone();
        let position = |(partition, offset)| Position { topic: topic.clone(), partition, offset: Offset(offset) };
        let positions = positions.into_iter().map(position).collect();
        self.starting(TailStart::Offsets(positions))
    }

    /// The same for a client that reconnects: partitions that are not named are read from their first record.
    pub fn resuming(self, positions: impl IntoIterator<Item = (i32, i64)>) -> Self {
        let Self(Subscribe { mode: Mode::Tail { start: TailStart::Offsets(positions) }, .. }) =
            self.clone().from_positions(positions)
        else {
            unreachable!("that is what it makes")
        };
        self.starting(TailStart::Resume(positions))
    }

    pub fn is_tail(&self) -> bool {
        matches!(self.0.mode, Mode::Tail { .. })
    }

    fn starting(mut self, start: TailStart) -> Self {
        assert!(matches!(self.0.mode, Mode::Tail { .. }), "a group starts where it has committed");
        self.0.mode = Mode::Tail { start };
        self
    }

    pub fn commit_by_ack(mut self) -> Self {
        let Mode::Group { commit, .. } = &mut self.0.mode else { panic!("a tail commits nothing") };
        *commit = CommitMode::Ack;
        self
    }

    pub fn window(self, records: u64) -> Self {
        self.window_bytes(records, PLENTY.bytes)
    }

    pub fn window_bytes(mut self, records: u64, bytes: u64) -> Self {
        self.0.window = Window { records, bytes };
        self
    }

    /// Batches come as binary frames.
    pub fn binary(mut self) -> Self {
        self.0.format = Format::Binary;
        self
    }

    pub fn when_slow(mut self, when_slow: WhenSlow) -> Self {
        self.0.when_slow = Some(when_slow);
        self
    }

    pub fn message(&self) -> Subscribe {
        self.0.clone()
    }
}
