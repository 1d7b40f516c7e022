//! Why nothing can be sent now.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::i18n::Words;
use page_model::{ReadState, SendBlocked};

/// Why no record can be sent to the topic now, regardless of the form's contents.
pub fn send_blocked_words(topic: Signal<String>) -> impl Fn() -> Option<&'static str> + Copy + Send + Sync {
    let (store, prefs) = (store(), preferences());
    let blocked = Memo::new(move |_| topic.with(|topic| store.read(|state| state.send_blocked_to(topic))));
    move || blocked.get().map(|blocked| send_blocked_text(blocked, prefs.words()))
}

pub fn send_blocked_text(blocked: SendBlocked, words: &'static Words) -> &'static str {
    match blocked {
        SendBlocked::NotConnected => words.cannot_send_offline,
        SendBlocked::ReadOnly => words.cannot_send_read_only,
        SendBlocked::Forbidden => words.forbidden_write,
        SendBlocked::TooManyWaiting => words.cannot_send_waiting,
    }
}
