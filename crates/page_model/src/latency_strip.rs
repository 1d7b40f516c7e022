//! The latency strip: the hops of the last sent record (page → bridge → Kafka → page) and the latency of each. A component
//! draws it.

use super::sends::{Outcome, SentRow};

/// The state of one hop of the strip.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Hop {
    /// No record was sent over this hop.
    #[default]
    Idle,
    /// A record is on this hop now.
    InFlight,
    Done {
        ms: f64,
    },
}

/// Why a record has no known offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryFailure {
    Failed,
    /// There is no delivery report; the record may be in the log.
    Unknown,
}

/// Page → bridge, bridge → Kafka, Kafka → page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyStrip {
    pub hops: [Hop; 3],
    /// Topic, partition and offset of the record.
    pub position: Option<(String, i32, i64)>,
    pub seen_after_ms: Option<f64>,
    pub failure: Option<DeliveryFailure>,
}

impl LatencyStrip {
    /// `watched`: whether the live list reads the record's topic, so that the record returns to the page.
    ///
    /// The bridge measures the time between itself and Kafka (`took_us`). The page measures the time until the
    /// acknowledgement; half of the difference is the hop from page to bridge. The rest of the round trip is the hop from
    /// Kafka back to the page.
    pub fn of(last: Option<&SentRow>, watched: bool) -> Self {
        let Some(row) = last else { return Self::default() };
        match &row.outcome {
            Outcome::Queued => Self { hops: [Hop::InFlight, Hop::InFlight, Hop::Idle], ..Self::default() },
            Outcome::Failed(_) => Self { failure: Some(DeliveryFailure::Failed), ..Self::default() },
            Outcome::Unknown(_) => Self { failure: Some(DeliveryFailure::Unknown), ..Self::default() },
            Outcome::Acked { partition, offset, took_ms, after_ms } => {
                let to_bridge_ms = ((after_ms - took_ms) / 2.0).max(0.0);
                let back = match row.seen_after_ms {
                    Some(seen_ms) => Hop::Done { ms: (seen_ms - to_bridge_ms - took_ms).max(0.0) },
                    None if watched => Hop::InFlight,
                    None => Hop::Idle,
                };
                Self {
                    hops: [Hop::Done { ms: to_bridge_ms }, Hop::Done { ms: *took_ms }, back],
                    position: Some((row.topic.to_string(), *partition, *offset)),
                    seen_after_ms: row.seen_after_ms,
                    failure: None,
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
    fn three_hops_add_up_to_the_round_trip() {
        let acked = Outcome::Acked { partition: 0, offset: 7, took_ms: 1.5, after_ms: 2.5 };
        let latency_strip = LatencyStrip::of(Some(&row(acked, Some(3.0))), true);
        assert_eq!(latency_strip.hops, [Hop::Done { ms: 0.5 }, Hop::Done { ms: 1.5 }, Hop::Done { ms: 1.0 }]);
        assert_eq!(latency_strip.position, Some(("t".into(), 0, 7)));
    }

    #[test]
    fn last_hop_is_in_flight_only_if_the_topic_is_watched() {
        let acked = Outcome::Acked { partition: 0, offset: 7, took_ms: 1.0, after_ms: 2.0 };
        assert_eq!(LatencyStrip::of(Some(&row(acked.clone(), None)), true).hops[2], Hop::InFlight);
        assert_eq!(LatencyStrip::of(Some(&row(acked, None)), false).hops[2], Hop::Idle);
    }

    #[test]
    fn record_with_unknown_outcome_has_only_idle_hops() {
        let latency_strip = LatencyStrip::of(Some(&row(Outcome::Unknown(None), None)), true);
        assert_eq!((latency_strip.failure, latency_strip.hops), (Some(DeliveryFailure::Unknown), [Hop::Idle; 3]));
    }
}
