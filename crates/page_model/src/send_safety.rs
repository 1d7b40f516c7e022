//! Which topics the page sends to without a question. Others may hold the data of somebody else: before the first record of
//! this browser the user confirms.

use protocol::{ErrorCode, PartitionInfo, ServerMessage, TopicResult};

use super::own_names::OwnNames;
use super::page::Page;
use super::questions::Unanswered;

/// The topic of the tutorial that this project comes from.
pub const SEED_TOPIC: &str = "foobar";

impl Page {
    /// The demo broker is in memory and this bridge's own, and the tutorial's topic is for trying out.
    pub fn is_for_trying_out(&self, topic: &str) -> bool {
        self.is_demo() || topic == SEED_TOPIC
    }

    /// Whether the page sends to this topic without a question.
    pub fn may_send_to(&self, topic: &str) -> bool {
        let topic = topic.trim();
        // Who started the bridge has named it for sending.
        let is_default = || self.bridge.as_ref().is_some_and(|bridge| bridge.defaults.topic == topic);
        let is_own = || self.cluster_key().is_some_and(|cluster| self.own_names.has_topic(&cluster, topic));
        self.is_for_trying_out(topic) || is_default() || is_own()
    }

    /// What names belong to: the cluster id, or the bootstrap addresses of a cluster that has not told its id.
    pub fn cluster_key(&self) -> Option<String> {
        self.cluster.as_ref().map(|cluster| cluster.id.clone().unwrap_or_else(|| cluster.bootstrap_servers.clone()))
    }

    /// The cluster as the user knows it: by the address that the bridge was given.
    pub fn cluster_name(&self) -> String {
        let Some(cluster) = &self.cluster else { return String::new() };
        let first = || cluster.brokers.first().map(|broker| format!("{}:{}", broker.host, broker.port));
        match cluster.bootstrap_servers.as_str() {
            "" => first().or_else(|| cluster.id.clone()).unwrap_or_default(),
            servers => servers.to_owned(),
        }
    }

    pub fn own_names(&self) -> &OwnNames {
        &self.own_names
    }

    pub fn set_own_names(&mut self, own_names: OwnNames) {
        self.own_names = own_names;
        self.changed.cluster = true;
    }
}

/// How many records a topic has, from the bridge's answer to `topic`: 0 for a topic that does not exist. `None` where Kafka
/// did not report the offsets of every partition: one without a leader may hold records.
pub fn records_of(answer: &Result<ServerMessage, Unanswered>) -> Option<u64> {
    match answer {
        Ok(ServerMessage::TopicResult(TopicResult { partitions, .. })) => {
            partitions.iter().map(PartitionInfo::records).sum()
        }
        Err(Unanswered::Refused(error)) if error.code == ErrorCode::TopicMissing.number() => Some(0),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use protocol::{Cluster, ClusterState, Defaults, ErrorBody, GroupStart, Limits};

    use super::*;
    use crate::link::Link;
    use crate::page::Bridge;
    use crate::{Draft, Field, RunPlan, RunStart, RunTitle};

    pub fn page_of(cluster: &str, demo: bool) -> Page {
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
        let limits = Limits { message_bytes: 1 << 20, subscriptions: 16, produce_window: 1000 };
        let mut page = Page::default();
        page.link = Link::Open;
        page.cluster = Some(cluster);
        page.bridge = Some(Bridge { defaults, limits, read_only: false });
        page
    }

    #[test]
    fn only_topics_for_trying_out_and_own_ones_need_no_question() {
        let mut page = page_of("prod", false);
        for (topic, expected) in
            [("foobar", true), ("mine", true), (" mine ", true), ("payments.dlq", false), ("", false)]
        {
            assert_eq!(page.may_send_to(topic), expected, "{topic:?}");
        }
        let mut own = OwnNames::default();
        own.add_topic("prod", "payments.dlq");
        page.set_own_names(own.clone());
        assert!(page.may_send_to("payments.dlq") && !page.may_send_to("payments"));
        let mut elsewhere = page_of("staging", false);
        elsewhere.set_own_names(own);
        assert!(!elsewhere.may_send_to("payments.dlq"), "another cluster's topic of the same name");
        assert!(page_of("mock", true).may_send_to("anything"), "the demo broker holds nobody's data");
    }

    #[test]
    fn no_way_of_sending_passes_the_question() {
        let start = || RunStart { now_ms: 0.0, wall_ms: 0.0, seed: 1 };
        let draft = Draft { value: Field::text("x"), ..Draft::default() };
        for (topic, expected) in [("payments.dlq", false), ("mine", true)] {
            let mut page = page_of("prod", false);
            assert_eq!(page.send(topic, &draft, 0.0), expected, "one record to {topic}");
            page.set_batch(None, "{\"a\":1}".into());
            assert_eq!(page.send_batch(topic, start()), expected, "a batch to {topic}");
            let mut page = page_of("prod", false);
            assert_eq!(page.start_run(topic, &RunPlan::seed(), RunTitle::Seed, start()), expected, "a run to {topic}");
            assert_eq!(page.take_outbox().is_empty(), !expected);
        }
    }

    #[test]
    fn a_topic_that_is_missing_or_empty_has_no_records_and_silence_is_not_empty() {
        let partition = |low: i64, high: i64| {
            format!(r#"{{"partition":0,"leader":1,"replicas":[1],"in_sync":[1],"low":"{low}","high":"{high}"}}"#)
        };
        let told = |partitions: &str| {
            let text = format!(r#"{{"type":"topic_result","id":1,"name":"t","partitions":[{partitions}]}}"#);
            records_of(&Ok(crate::incoming::parse(&text).expect("a message").expect("known").message))
        };
        assert_eq!(told(&partition(5, 5)), Some(0));
        assert_eq!(told(&format!("{},{}", partition(0, 2), partition(1, 4))), Some(5));
        let without_leader =
            r#"{"partition":1,"leader":null,"replicas":[1],"in_sync":[],"low":"0","high":"0","offsets_unknown":true}"#;
        assert_eq!(told(without_leader), None, "it may hold records");
        let silent_leader =
            r#"{"partition":1,"leader":2,"replicas":[2],"in_sync":[2],"low":"0","high":"0","offsets_unknown":true}"#;
        assert_eq!(told(&format!("{},{silent_leader}", partition(5, 5))), None);
        let refused = |code| records_of(&Err(Unanswered::Refused(ErrorBody::new(code, ""))));
        assert_eq!(refused(ErrorCode::TopicMissing), Some(0));
        assert_eq!(refused(ErrorCode::KafkaUnreachable), None);
        assert_eq!(records_of(&Err(Unanswered::NotConnected)), None);
    }
}
