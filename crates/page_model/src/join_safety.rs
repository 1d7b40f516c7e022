//! What joining a consumer group that others may use would commit, for the confirmation dialog. The rule which groups
//! need a confirmation is `ReadState::may_listen`.

use std::collections::BTreeSet;

use protocol::{GroupProtocol, GroupResult, TopicSummary};

use super::intent::Intent;

/// The facts for the confirmation dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    pub group: String,
    /// The topics that the group reads, and those of the intent.
    pub topics: Vec<String>,
    /// Partitions of these topics.
    pub partitions: u64,
    pub members: usize,
    pub protocol: Option<GroupProtocol>,
}

impl Joining {
    /// `None` if the group has neither members nor committed offsets, and hence no other user. `listed`: the topics of
    /// the cluster, as far as they are known.
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
    use protocol::{GroupKind, GroupMember, GroupPosition, Offset};

    use super::*;
    use crate::allowed_names::AllowedNames;
    use crate::app_state::AppState;
    use crate::intent::ReadMode;
    use crate::read_state::ReadState;
    use crate::send_safety::tests::state_of;

    fn intent(topics: &[&str], group: &str) -> Intent {
        let topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        Intent { topics, group: group.into(), ..Intent::default() }
    }

    fn topics(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn topics_of_others_are_read_without_a_group_by_default() {
        let state = state_of("prod", false);
        for (names, expected) in [
            (&["foobar"][..], ReadMode::Group),
            (&["payments"], ReadMode::Watch),
            // The bridge's `--topic` may be a topic of others.
            (&["mine"], ReadMode::Watch),
            (&["mine", "foobar"], ReadMode::Watch),
        ] {
            assert_eq!(state.default_mode(&topics(names)), expected, "{names:?}");
        }
        assert_eq!(state_of("mock", true).default_mode(&topics(&["payments"])), ReadMode::Group);
        assert_eq!(AppState::default().default_mode(&topics(&["payments"])), ReadMode::Group, "before `welcome`");
    }

    #[test]
    fn group_of_others_needs_a_confirmation() {
        let mut state = state_of("prod", false);
        assert!(state.may_listen(&intent(&["foobar"], "my-group")), "the tutorial's topic");
        assert!(!state.may_listen(&intent(&["foobar"], "payments-ledger")));
        assert!(!state.may_listen(&intent(&["mine"], "my-group")), "others may use the group of `--group`");
        assert!(!state.may_listen(&intent(&["payments"], "my-group")));
        assert!(!state.may_listen(&intent(&["mine"], "payments-ledger")));
        assert!(state.may_listen(&Intent { mode: ReadMode::Watch, ..intent(&["payments"], "payments-ledger") }));
        assert!(state_of("mock", true).may_listen(&intent(&["payments"], "payments-ledger")));
        let mut own = AllowedNames::default();
        own.add_group("prod", "payments-ledger");
        state.set_allowed_names(own);
        assert!(state.may_listen(&intent(&["payments"], "payments-ledger")));
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
            kind: GroupKind::Classic,
            not_described: None,
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
        assert_eq!(
            Joining::of(&intent(&["payments"], "g"), &group, &[]),
            None,
            "the group has neither members nor offsets"
        );
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
