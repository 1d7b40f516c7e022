//! What every way of sending goes through: a topic that may hold the data of others is confirmed before the first record.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::TopicRequest;

use super::confirm_dialog::{Confirmation, Confirmations};
use super::format::number;
use super::permissions::allow_topic;
use super::{confirmations, desk, preferences};
use crate::desk::Desk;
use crate::settings::Preferences;
use crate::words::{count, fill};
use page_model::records_of;

#[derive(Clone, Copy)]
pub struct SendGuard {
    desk: Desk,
    preferences: Preferences,
    confirmations: Confirmations,
}

pub fn send_guard() -> SendGuard {
    SendGuard { desk: desk(), preferences: preferences(), confirmations: confirmations() }
}

impl SendGuard {
    /// Sends at once where no question is needed, after the answer where it is. `records`: how many would be sent; nothing where
    /// that is not known beforehand.
    pub fn send(self, topic: &str, records: Option<u64>, send: impl Fn() + 'static) {
        let topic = topic.trim().to_owned();
        if self.desk.peek(|page| page.may_send_to(&topic)) {
            allow_topic(self.desk, &topic);
            return send();
        }
        // As it is now: what was empty a minute ago may hold something.
        self.desk.ask(TopicRequest { name: topic.clone() }, move |answer| {
            if records_of(&answer) == Some(0) {
                allow_topic(self.desk, &topic);
                send();
            } else {
                self.ask(topic, records, Rc::new(send));
            }
        });
    }

    fn ask(self, topic: String, records: Option<u64>, send: Rc<dyn Fn()>) {
        let (words, language) = (self.preferences.words_untracked(), self.preferences.language_untracked());
        let cluster = self.desk.peek(|page| page.cluster_name());
        let text = match records {
            Some(n) => count(words.produce_text_one, words.produce_text_many, n, &number(n, language)),
            None => words.produce_text_endless.to_owned(),
        };
        self.confirmations.ask(Confirmation {
            title: fill(words.produce_title, &[("topic", &topic), ("cluster", &cluster)]),
            text,
            verb: |w| w.produce_verb,
            typed: None,
            on_confirm: Rc::new(move |confirmations| {
                allow_topic(self.desk, &topic);
                confirmations.finish(Ok(()));
                send();
            }),
        });
    }
}

/// Why the tutorial's ten records are not sent to this topic with one press: nothing where they may be.
pub fn send_ten_obstacle(
    topic: Memo<String>,
    content: RwSignal<Option<(String, bool)>>,
) -> impl Fn() -> Option<String> + Copy + Send + Sync {
    let (desk, prefs) = (desk(), preferences());
    let is_free = Memo::new(move |_| topic.with(|topic| desk.cluster(|page| page.may_send_to(topic))));
    move || {
        if is_free.get() {
            return None;
        }
        let name = topic.get().trim().to_owned();
        let words = prefs.words();
        let template = match content.get().filter(|(known, _)| *known == name) {
            Some((_, false)) => return None,
            Some((_, true)) => words.send_ten_foreign,
            None => words.send_ten_checking,
        };
        Some(fill(template, &[("topic", &name)]))
    }
}
