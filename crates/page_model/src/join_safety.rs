//! Which consumer groups the page joins without a question, how a topic is read where the user has not said it, and what
//! joining a group of others would commit.

use std::collections::BTreeSet;

use protocol::{GroupProtocol, GroupResult, TopicSummary};

use super::intent::{Intent, ReadMode};
use super::page::Page;

impl Page {
    /// How these topics are read where the user has not said it: as the tutorial does on the demo broker and on the tutorial's
    /// topic, elsewhere without a group. The bridge's `--topic` may be a topic of others.
    pub fn usual_mode(&self, topics: &[String]) -> ReadMode {
        // Until the bridge has said which cluster it is, the tutorial's form is shown; nothing can be started by then.
        let is_known = self.bridge.is_some();
        let is_tutorial = !is_known || topics.iter().all(|topic| self.is_for_trying_out(topic));
        if is_tutorial { ReadMode::Group } else { ReadMode::Watch }
    }

    /// Whether listening needs no question: reading without a group never does. A group is joined freely on the demo broker, by
    /// the default name on the tutorial's topic, and where this browser has joined it before. Any other group, also the one of
    /// `--group`, is joined without a question only if it has neither members nor positions ([`Joining::of`]).
    pub fn may_listen(&self, intent: &Intent) -> bool {
        let is_default = || {
            let group = self.bridge.as_ref().map(|bridge| &bridge.defaults.group);
            group == Some(&intent.group) && intent.topics.iter().all(|topic| self.is_for_trying_out(topic))
        };
        let is_own = || self.cluster_key().is_some_and(|cluster| self.own_names.has_group(&cluster, &intent.group));
        intent.mode == ReadMode::Watch || self.is_demo() || is_default() || is_own()
    }
}

/// What joining a group of others means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    pub group: String,
    /// Everything that the group reads, and what the user asked for.
    pub topics: Vec<String>,
    /// Partitions of these topics.
    pub partitions: u64,
    pub members: usize,
    pub protocol: Option<GroupProtocol>,
}

impl Joining {
    /// Nothing where the group has neither members nor positions: then nobody else uses it. `listed`: the topics of the
    /// cluster, as far as they are known.
    pub fn of(intent: &Intent, group: &GroupResult, listed: &[TopicSummary]) -> Option<Self> {
        let has_positions = group.positions.iter().any(|position| position.offset.is_some());
        if group.members.is_empty() && !has_positions {
            return None;
        }
        let read = group.positions.iter().map(|position| position.topic.clone());
        let topics: BTreeSet<String> = read.chain(intent.topics.iter().cloned()).collect();
        let partitions_of = |topic: &String| {
            let listed =
                listed.iter().find(|summary| summary.name == *topic).map(|summary| u64::from(summary.partitions));
            let positions = group.positions.iter().filter(|position| position.topic == *topic).count() as u64;
            listed.unwrap_or(positions)
        };
        Some(Self {
            group: group.group.clone(),
            partitions: topics.iter().map(partitions_of).sum(),
            topics: topics.into_iter().collect(),
            members: group.members.len(),
            protocol: group.protocol,
        })
    }
}

#[cfg(test)]
mod tests {
    use protocol::{GroupMember, GroupPosition, Offset};

    use super::*;
    use crate::own_names::OwnNames;
    use crate::send_safety::tests::page_of;

    fn intent(topics: &[&str], group: &str) -> Intent {
        let topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        Intent { topics, group: group.into(), ..Intent::default() }
    }

    fn topics(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn production_topics_are_browsed_without_a_group_unless_the_user_says_so() {
        let page = page_of("prod", false);
        for (names, expected) in [
            (&["foobar"][..], ReadMode::Group),
            (&["payments"], ReadMode::Watch),
            // The bridge's `--topic` may be anybody's.
            (&["mine"], ReadMode::Watch),
            (&["mine", "foobar"], ReadMode::Watch),
        ] {
            assert_eq!(page.usual_mode(&topics(names)), expected, "{names:?}");
        }
        assert_eq!(page_of("mock", true).usual_mode(&topics(&["payments"])), ReadMode::Group);
        assert_eq!(Page::default().usual_mode(&topics(&["payments"])), ReadMode::Group, "nothing is known yet");
    }

    #[test]
    fn only_a_group_of_this_browser_is_joined_without_a_question() {
        let mut page = page_of("prod", false);
        assert!(page.may_listen(&intent(&["foobar"], "my-group")), "the tutorial's topic");
        assert!(!page.may_listen(&intent(&["foobar"], "payments-ledger")));
        assert!(!page.may_listen(&intent(&["mine"], "my-group")), "others may use the group of `--group`");
        assert!(!page.may_listen(&intent(&["payments"], "my-group")));
        assert!(!page.may_listen(&intent(&["mine"], "payments-ledger")));
        assert!(page.may_listen(&Intent { mode: ReadMode::Watch, ..intent(&["payments"], "payments-ledger") }));
        assert!(page_of("mock", true).may_listen(&intent(&["payments"], "payments-ledger")));
        let mut own = OwnNames::default();
        own.add_group("prod", "payments-ledger");
        page.set_own_names(own);
        assert!(page.may_listen(&intent(&["payments"], "payments-ledger")));
    }

    #[test]
    fn joining_reads_all_topics_of_the_group_and_counts_their_partitions() {
        let position = |topic: &str, partition, offset: Option<i64>| GroupPosition {
            topic: topic.into(),
            partition,
            offset: offset.map(Offset),
            end: Offset(9),
            lag: 0,
        };
        let mut group = GroupResult {
            group: "payments-ledger".into(),
            state: "Empty".into(),
            members: Vec::new(),
            positions: vec![position("payments", 0, Some(4)), position("refunds", 1, None)],
            protocol: Some(GroupProtocol::Classic),
            coordinator: None,
            assignor: None,
            lag: 0,
        };
        let summary = r#"{"name":"refunds","partitions":9,"replication":1,"internal":false}"#;
        let listed = [serde_json::from_str(summary).expect("a summary")];
        let joining =
            Joining::of(&intent(&["payments"], "payments-ledger"), &group, &listed).expect("it has a position");
        assert_eq!(joining.topics, ["payments", "refunds"]);
        assert_eq!((joining.partitions, joining.members), (10, 0));

        group.positions.remove(0);
        assert_eq!(Joining::of(&intent(&["payments"], "g"), &group, &[]), None, "nobody uses it");
        group.members.push(GroupMember {
            member: "m".into(),
            client: "c".into(),
            host: "h".into(),
            partitions: Vec::new(),
            instance: None,
        });
        assert_eq!(Joining::of(&intent(&["payments"], "g"), &group, &[]).map(|joining| joining.members), Some(1));
    }
}
