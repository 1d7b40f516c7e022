//! What starting to listen goes through: a consumer group that others use is joined only after its name was typed, since joining
//! it moves partitions and positions.

use std::rc::Rc;

use protocol::{ErrorCode, GroupRequest, GroupResult, ServerMessage, TopicSummary, TopicsRequest};

use super::confirm_dialog::{Confirmation, Confirmations};
use super::format::number;
use super::group_view::protocol_name;
use super::permissions::allow_group;
use super::{confirmations, desk, preferences};
use crate::desk::Desk;
use crate::settings::Preferences;
use crate::watch_fields::WatchFields;
use crate::words::{count, fill};
use page_model::{Intent, Joining, ReadMode, Unanswered};

#[derive(Clone, Copy)]
pub struct JoinGuard {
    desk: Desk,
    preferences: Preferences,
    confirmations: Confirmations,
}

pub fn join_guard() -> JoinGuard {
    JoinGuard { desk: desk(), preferences: preferences(), confirmations: confirmations() }
}

impl JoinGuard {
    /// Listens to what the fields say: at once where no question is needed, after the answer where it is.
    pub fn listen(self, fields: WatchFields) {
        let intent = fields.intent();
        if self.desk.peek(|page| page.may_listen(&intent)) {
            return self.start(intent);
        }
        self.desk.ask(GroupRequest { group: intent.group.clone() }, move |answer| match answer {
            Ok(ServerMessage::GroupResult(group)) => self.ask_for_topics(fields, intent, group),
            Err(Unanswered::Refused(error)) if error.code == ErrorCode::GroupMissing.number() => self.start(intent),
            _ => self.ask(fields, intent, None),
        });
    }

    fn start(self, intent: Intent) {
        if intent.mode == ReadMode::Group {
            allow_group(self.desk, &intent.group);
        }
        self.desk.listen(intent);
    }

    /// How many partitions the topics have.
    fn ask_for_topics(self, fields: WatchFields, intent: Intent, group: GroupResult) {
        let joining = |listed: &[TopicSummary]| Joining::of(&intent, &group, listed);
        if joining(&[]).is_none() {
            return self.start(intent);
        }
        self.desk.ask(TopicsRequest {}, move |answer| {
            let listed = match answer {
                Ok(ServerMessage::TopicsResult(listed)) => listed.topics,
                // The positions tell most of them.
                _ => Vec::new(),
            };
            let joining = Joining::of(&intent, &group, &listed);
            self.ask(fields, intent, joining);
        });
    }

    /// Without facts where Kafka did not tell them.
    fn ask(self, fields: WatchFields, intent: Intent, joining: Option<Joining>) {
        let words = self.preferences.words_untracked();
        let text = match &joining {
            Some(joining) => self.text(&intent, joining),
            None => format!("{} {}", words.join_unknown, words.join_instead),
        };
        let topics = joining.map_or_else(|| intent.topics.clone(), |joining| joining.topics);
        let group = intent.group.clone();
        self.confirmations.ask(Confirmation {
            title: fill(words.join_title, &[("group", &group)]),
            text,
            verb: |w| w.join_verb,
            typed: Some(group),
            on_confirm: Rc::new(move |confirmations| {
                // A member that reads less than the others would leave partitions to nobody.
                fields.choose_topic(topics.join(", "));
                confirmations.finish(Ok(()));
                self.start(Intent { topics: topics.clone(), ..intent.clone() });
            }),
        });
    }

    fn text(self, intent: &Intent, joining: &Joining) -> String {
        let (words, language) = (self.preferences.words_untracked(), self.preferences.language_untracked());
        let shown = |n: u64| number(n, language);
        let members = match joining.members as u64 {
            0 => words.join_members_none.to_owned(),
            n => count(words.join_members_one, words.join_members_many, n, &shown(n)),
        };
        let n = joining.topics.len() as u64;
        let topics = count(words.join_topics_one, words.join_topics_many, n, &shown(n));
        let n = joining.partitions;
        let partitions = count(words.partitions_one, words.partitions_many, n, &shown(n));
        let commits = if intent.commits_nothing { words.join_commits_nothing } else { words.join_commits };
        let names = joining.topics.join(", ");
        let commits = fill(commits, &[("topics", &topics), ("partitions", &partitions), ("names", &names)]);
        let mut text = format!("{members} {commits}");
        if joining.protocol.is_some() {
            text.push(' ');
            text.push_str(&fill(words.join_protocol, &[("protocol", protocol_name(joining.protocol))]));
        }
        format!("{text} {}", words.join_instead)
    }
}
