//! The confirmation before listening in a consumer group that others use: joining moves partitions and committed offsets, so
//! the user has to type the group's name.

use std::rc::Rc;

use protocol::{ErrorCode, GroupRequest, GroupResult, TopicSummary, TopicsRequest};

use crate::context::permissions::allow_group;
use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::context::{preferences, store};
use crate::groups::group_view::protocol_name;
use crate::live::watch_fields::WatchFields;
use crate::ui::confirm_dialog::confirmations;
use crate::ui::confirm_dialog::{Confirmation, Confirmations};
use crate::ui::format::number;
use page_model::{Intent, Joining, ReadMode, ReadState, RequestError};

#[derive(Clone, Copy)]
pub struct JoinGuard {
    store: Store,
    preferences: Preferences,
    confirmations: Confirmations,
}

pub fn join_guard() -> JoinGuard {
    JoinGuard { store: store(), preferences: preferences(), confirmations: confirmations() }
}

impl JoinGuard {
    /// Starts listening: at once, or after the confirmation if one is needed.
    pub fn listen(self, fields: WatchFields) {
        let intent = fields.intent();
        if self.store.untracked(|state| state.may_listen(&intent)) {
            return self.start(intent);
        }
        self.store.request(GroupRequest { group: intent.group.clone() }, move |reply| match reply {
            Ok(group) => self.request_topics(fields, intent, group),
            Err(RequestError::Refused(error)) if error.code == ErrorCode::GroupMissing.number() => self.start(intent),
            _ => self.ask(fields, intent, None),
        });
    }

    fn start(self, intent: Intent) {
        if intent.mode == ReadMode::Group {
            allow_group(self.store, &intent.group);
        }
        self.store.act(|state, _| state.listen(intent));
    }

    /// Requests the topics' number of partitions for the confirmation dialog.
    fn request_topics(self, fields: WatchFields, intent: Intent, group: GroupResult) {
        let joining = |listed: &[TopicSummary]| Joining::of(&intent, &group, listed);
        if joining(&[]).is_none() {
            return self.start(intent);
        }
        self.store.request(TopicsRequest {}, move |reply| {
            let listed = match reply {
                Ok(listed) => listed.topics,
                // The committed offsets name most partitions.
                _ => Vec::new(),
            };
            let joining = Joining::of(&intent, &group, &listed);
            self.ask(fields, intent, joining);
        });
    }

    /// `joining`: `None` if Kafka did not report the group.
    fn ask(self, fields: WatchFields, intent: Intent, joining: Option<Joining>) {
        let words = self.preferences.words_untracked();
        let text = match &joining {
            Some(joining) => self.text(&intent, joining),
            None => format!("{} {}", words.join_unknown, words.join_instead),
        };
        let topics = joining.map_or_else(|| intent.topics.clone(), |joining| joining.topics);
        let group = intent.group.clone();
        self.confirmations.ask(Confirmation {
            title: words.join_title.with_group(&group),
            text,
            verb: |w| w.join_confirm,
            typed: Some(group),
            needs_connection: true,
            on_confirm: Rc::new(move |confirmations| {
                // A member that subscribes to fewer topics than the others would leave partitions unassigned.
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
            n => words.join_members_count.count(n, &shown(n)),
        };
        let n = joining.topics.len() as u64;
        let topics = words.join_topics_count.count(n, &shown(n));
        let n = joining.partitions;
        let partitions = words.partitions_count.count(n, &shown(n));
        let commits = if intent.commits_nothing { words.join_commits_nothing } else { words.join_commits };
        let names = joining.topics.join(", ");
        let commits = commits.with_names_partitions_topics(&names, &partitions, &topics);
        let mut text = format!("{members} {commits}");
        if joining.protocol.is_some() {
            text.push(' ');
            text.push_str(&words.join_protocol.with_protocol(protocol_name(joining.protocol)));
        }
        format!("{text} {}", words.join_instead)
    }
}
