//! Helpers for the confirmation before the first record to a topic that may hold data of others. The rule is
//! `ReadState::may_send_to`.

use protocol::{ErrorCode, PartitionInfo, TopicResult};

use super::allowed_names::AllowedNames;
use super::app_state::AppState;
use super::component_requests::RequestError;
use super::slice::Slice;

/// The topic of the tutorial that this project comes from.
pub const SEED_TOPIC: &str = "foobar";

impl AppState {
    pub fn set_allowed_names(&mut self, allowed_names: AllowedNames) {
        self.allowed_names = allowed_names;
        self.changes.mark(Slice::Cluster);
    }
}

/// The number of records in a topic, from the reply to a `topic` request: 0 for a topic that does not exist. `None` if Kafka
/// did not report the offsets of every partition: a partition without a leader may contain records.
pub fn records_of(reply: &Result<TopicResult, RequestError>) -> Option<u64> {
    match reply {
        Ok(topic) => topic.partitions.iter().map(PartitionInfo::records).sum(),
        Err(RequestError::Refused(error)) if error.code == ErrorCode::TopicMissing.number() => Some(0),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use protocol::{Cluster, ClusterState, Defaults, ErrorBody, GroupStart, Limits};

    use super::*;
    use crate::app_state::Bridge;
    use crate::link::Link;
    use crate::read_state::ReadState;
    use crate::{Draft, Field, RunPlan, RunStart, RunTitle};

    pub fn state_of(cluster: &str, demo: bool) -> AppState {
        let cluster = Cluster {
            id: Some(cluster.into()),
            demo,
            brokers: Vec::new(),
            state: ClusterState::Up,
            bootstrap_servers: "prod:9092".into(),
            named_by_user: true,
            error: None,
        };
        let defaults = Defaults { topic: "mine".into(), group: "my-group".into(), start: GroupStart::Earliest };
        let limits = Limits { message_bytes: 1 << 20, subscriptions: 16, produce_window: 1000, frame_bytes: 4 << 20 };
        let mut state = AppState::default();
        state.link = Link::Open;
        state.cluster = Some(cluster);
        state.bridge =
            Some(Bridge { defaults, limits, read_only: false, clusters: Vec::new(), user: None, rights: None });
        state
    }

    #[test]
    fn only_tutorial_default_and_allowed_topics_need_no_confirmation() {
        let mut state = state_of("prod", false);
        for (topic, expected) in
            [("foobar", true), ("mine", true), (" mine ", true), ("payments.dlq", false), ("", false)]
        {
            assert_eq!(state.may_send_to(topic), expected, "{topic:?}");
        }
        let mut own = AllowedNames::default();
        own.add_topic("prod", "payments.dlq");
        state.set_allowed_names(own.clone());
        assert!(state.may_send_to("payments.dlq") && !state.may_send_to("payments"));
        let mut elsewhere = state_of("staging", false);
        elsewhere.set_allowed_names(own);
        assert!(!elsewhere.may_send_to("payments.dlq"), "a topic of the same name in another cluster");
        assert!(state_of("mock", true).may_send_to("anything"), "the demo broker has no data of others");
    }

    #[test]
    fn records_batches_and_runs_all_need_the_confirmation() {
        let start = || RunStart { now_ms: 0.0, wall_ms: 0.0, seed: 1 };
        let draft = Draft { value: Field::text("x"), ..Draft::default() };
        for (topic, expected) in [("payments.dlq", false), ("mine", true)] {
            let mut state = state_of("prod", false);
            assert_eq!(state.send(topic, &draft, 0.0), expected, "one record to {topic}");
            state.set_batch(None, "{\"a\":1}".into());
            assert_eq!(state.send_batch(topic, start()), expected, "a batch to {topic}");
            let mut state = state_of("prod", false);
            assert_eq!(state.start_run(topic, &RunPlan::seed(), RunTitle::Seed, start()), expected, "a run to {topic}");
            assert_eq!(state.take_outbox().is_empty(), !expected);
        }
    }

    #[test]
    fn missing_topic_has_no_records_and_unreported_offsets_are_unknown() {
        let partition = |low: i64, high: i64| {
            format!(r#"{{"partition":0,"leader":1,"replicas":[1],"in_sync":[1],"low":"{low}","high":"{high}"}}"#)
        };
        let record_count = |partitions: &str| {
            let text = format!(r#"{{"type":"topic_result","id":1,"name":"t","partitions":[{partitions}]}}"#);
            records_of(&Ok(serde_json::from_str::<TopicResult>(&text).expect("a topic")))
        };
        assert_eq!(record_count(&partition(5, 5)), Some(0));
        assert_eq!(record_count(&format!("{},{}", partition(0, 2), partition(1, 4))), Some(5));
        let without_leader =
            r#"{"partition":1,"leader":null,"replicas":[1],"in_sync":[],"low":"0","high":"0","offsets_unknown":true}"#;
        assert_eq!(record_count(without_leader), None, "the partition may contain records");
        let silent_leader =
            r#"{"partition":1,"leader":2,"replicas":[2],"in_sync":[2],"low":"0","high":"0","offsets_unknown":true}"#;
        assert_eq!(record_count(&format!("{},{silent_leader}", partition(5, 5))), None);
        let refused = |code| records_of(&Err(RequestError::Refused(ErrorBody::new(code, ""))));
        assert_eq!(refused(ErrorCode::TopicMissing), Some(0));
        assert_eq!(refused(ErrorCode::KafkaUnreachable), None);
        assert_eq!(records_of(&Err(RequestError::NotConnected)), None);
    }
}
