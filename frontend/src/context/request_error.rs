//! Texts for failed requests and for blocked changes.

use crate::context::error_text::error_text;
use crate::context::{preferences, store};
use crate::i18n::Words;
use page_model::{ChangeBlocked, ReadState, RequestError};

pub fn request_error_text(reason: &RequestError, words: &'static Words) -> String {
    match reason {
        RequestError::NotConnected => words.cannot_send_offline.to_owned(),
        RequestError::ConnectionLost => words.reply_lost.to_owned(),
        RequestError::Refused(error) => error_text(error, words),
    }
}

/// Why a control that changes something is disabled.
pub fn change_blocked_text(blocked: ChangeBlocked, words: &'static Words) -> &'static str {
    match blocked {
        ChangeBlocked::NotConnected => words.cannot_send_offline,
        ChangeBlocked::ReadOnly => words.cannot_send_read_only,
        ChangeBlocked::KafkaDown => words.empty_no_broker,
        ChangeBlocked::DemoBroker => words.cannot_change_demo,
    }
}

/// Why changes are blocked, for the buttons of a view; `None` while Kafka can be changed.
pub fn change_blocked() -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (store, prefs) = (store(), preferences());
    move || store.read(|state| state.change_blocked()).map(|blocked| change_blocked_text(blocked, prefs.words()))
}

/// Why topics cannot be created; `None` while they can. The demo broker can create topics, too.
pub fn create_blocked() -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (store, prefs) = (store(), preferences());
    move || store.read(|state| state.create_blocked()).map(|blocked| change_blocked_text(blocked, prefs.words()))
}
