//! The confirmation before the first record to a topic that may have data of others. All records, runs and batches are sent
//! through it.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::TopicRequest;

use crate::context::permissions::allow_topic;
use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::context::{preferences, store};
use crate::ui::confirm_dialog::confirmations;
use crate::ui::confirm_dialog::{Confirmation, Confirmations};
use crate::ui::format::number;
use page_model::{ReadState, records_of};

#[derive(Clone, Copy)]
pub struct SendGuard {
    store: Store,
    preferences: Preferences,
    confirmations: Confirmations,
}

pub fn send_guard() -> SendGuard {
    SendGuard { store: store(), preferences: preferences(), confirmations: confirmations() }
}

impl SendGuard {
    /// Sends at once if no confirmation is needed, else after the user has confirmed. `records`: how many would be sent;
    /// `None` if unknown.
    pub fn send(self, topic: &str, records: Option<u64>, send: impl Fn() + 'static) {
        let topic = topic.trim().to_owned();
        if self.store.untracked(|state| state.may_send_to(&topic)) {
            allow_topic(self.store, &topic);
            return send();
        }
        // The current number of records: an earlier answer may be outdated.
        self.store.request(TopicRequest { name: topic.clone() }, move |reply| {
            if records_of(&reply) == Some(0) {
                allow_topic(self.store, &topic);
                send();
            } else {
                self.ask(topic, records, Rc::new(send));
            }
        });
    }

    fn ask(self, topic: String, records: Option<u64>, send: Rc<dyn Fn()>) {
        let (words, language) = (self.preferences.words_untracked(), self.preferences.language_untracked());
        let cluster = self.store.untracked(|state| state.cluster_name());
        let text = match records {
            Some(n) => words.produce_text_count.count(n, &number(n, language)),
            None => words.produce_text_endless.to_owned(),
        };
        self.confirmations.ask(Confirmation {
            title: words.produce_title.with_cluster_topic(&cluster, &topic),
            text,
            verb: |w| w.produce_confirm,
            typed: None,
            needs_connection: true,
            on_confirm: Rc::new(move |confirmations| {
                allow_topic(self.store, &topic);
                confirmations.finish(Ok(()));
                send();
            }),
        });
    }
}

/// Why "Send 10" is disabled for this topic; `None` if it is not. `content`: a topic, and whether it has records.
pub fn send_ten_blocked(
    topic: Memo<String>,
    content: RwSignal<Option<(String, bool)>>,
) -> impl Fn() -> Option<String> + Copy + Send + Sync {
    let (store, prefs) = (store(), preferences());
    let is_allowed = Memo::new(move |_| topic.with(|topic| store.read(|state| state.may_send_to(topic))));
    move || {
        if is_allowed.get() {
            return None;
        }
        let name = topic.get().trim().to_owned();
        let words = prefs.words();
        let text = match content.get().filter(|(known, _)| *known == name) {
            Some((_, false)) => return None,
            Some((_, true)) => words.send_ten_foreign,
            None => words.send_ten_checking,
        };
        Some(text.with_topic(&name))
    }
}
