//! Where the last sent record is, and where its time went. Derived from the last send alone; the picture is a component.

use super::sends::{Outcome, SentRow};

/// One arch of the bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Leg {
    /// No record has gone this way.
    #[default]
    Idle,
    /// A record is under way here.
    UnderWay,
    Crossed {
        ms: f64,
    },
}

/// A record that has no place in the log, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadEnd {
    Failed,
    /// It may be there all the same.
    Unknown,
}

/// Page → bridge, bridge → Kafka, Kafka → page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crossing {
    pub legs: [Leg; 3],
    /// Where the record lies: topic, partition, offset.
    pub place: Option<(String, i32, i64)>,
    pub seen_after_ms: Option<f64>,
    pub bad_end: Option<BadEnd>,
}

impl Crossing {
    /// `watched`: the live feed reads this record's topic, so that it will come back.
    ///
    /// The bridge measures its part (`took_us`); the page knows the whole way to the acknowledgement, and what remains of
    /// it is twice the way between page and bridge. The rest of the round trip is the way back from Kafka.
    pub fn of(last: Option<&SentRow>, watched: bool) -> Self {
        let Some(row) = last else { return Self::default() };
        match &row.outcome {
            Outcome::Queued => Self { legs: [Leg::UnderWay, Leg::UnderWay, Leg::Idle], ..Self::default() },
            Outcome::Failed(_) => Self { bad_end: Some(BadEnd::Failed), ..Self::default() },
            Outcome::Unknown(_) => Self { bad_end: Some(BadEnd::Unknown), ..Self::default() },
            Outcome::Acked { partition, offset, took_ms, after_ms } => {
                let to_bridge_ms = ((after_ms - took_ms) / 2.0).max(0.0);
                let back = match row.seen_after_ms {
                    Some(seen_ms) => Leg::Crossed { ms: (seen_ms - to_bridge_ms - took_ms).max(0.0) },
                    None if watched => Leg::UnderWay,
                    None => Leg::Idle,
                };
                Self {
                    legs: [Leg::Crossed { ms: to_bridge_ms }, Leg::Crossed { ms: *took_ms }, back],
                    place: Some((row.topic.to_string(), *partition, *offset)),
                    seen_after_ms: row.seen_after_ms,
                    bad_end: None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(outcome: Outcome, seen_after_ms: Option<f64>) -> SentRow {
        SentRow { number: 0, topic: "t".into(), preview: None, outcome, seen_after_ms }
    }

    #[test]
    fn the_three_legs_add_up_to_the_round_trip() {
        let acked = Outcome::Acked { partition: 0, offset: 7, took_ms: 1.5, after_ms: 2.5 };
        let crossing = Crossing::of(Some(&row(acked, Some(3.0))), true);
        assert_eq!(crossing.legs, [Leg::Crossed { ms: 0.5 }, Leg::Crossed { ms: 1.5 }, Leg::Crossed { ms: 1.0 }]);
        assert_eq!(crossing.place, Some(("t".into(), 0, 7)));
    }

    #[test]
    fn the_way_back_is_lit_only_when_somebody_waits_for_the_record() {
        let acked = Outcome::Acked { partition: 0, offset: 7, took_ms: 1.0, after_ms: 2.0 };
        assert_eq!(Crossing::of(Some(&row(acked.clone(), None)), true).legs[2], Leg::UnderWay);
        assert_eq!(Crossing::of(Some(&row(acked, None)), false).legs[2], Leg::Idle);
    }

    #[test]
    fn a_record_without_a_good_end_lights_nothing() {
        let crossing = Crossing::of(Some(&row(Outcome::Unknown(None), None)), true);
        assert_eq!((crossing.bad_end, crossing.legs), (Some(BadEnd::Unknown), [Leg::Idle; 3]));
    }
}
