//! Texts for failed requests and for blocked changes.

use leptos::prelude::*;
use protocol::{Action, Object};

use crate::context::error_text::error_text;
use crate::context::{preferences, store};
use crate::i18n::Words;
use page_model::{ChangeBlocked, ListenBlocked, ReadState, RequestError};

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
        ChangeBlocked::Forbidden(action) => forbidden_text(action, words),
        ChangeBlocked::KafkaDown => words.empty_no_broker,
        ChangeBlocked::DemoBroker => words.cannot_change_demo,
    }
}

/// What the user's access rights lack.
pub fn forbidden_text(action: Action, words: &'static Words) -> &'static str {
    match action {
        Action::Describe | Action::Read => words.forbidden_read,
        Action::Write => words.forbidden_write,
        Action::Create => words.forbidden_create,
        Action::Alter => words.forbidden_alter,
        Action::Delete => words.forbidden_delete,
    }
}

/// Why the page cannot listen.
pub fn listen_blocked_text(blocked: &ListenBlocked, words: &'static Words) -> String {
    match blocked {
        ListenBlocked::Topic(topic) => words.listen_forbidden_topic.with_topic(topic),
        ListenBlocked::Group(group) => words.listen_forbidden_group.with_group(group),
    }
}

/// The kind of object that a view shows.
#[derive(Clone, Copy)]
pub enum ObjectKind {
    Topic,
    Group,
}

/// Why the topic or group `name` cannot be changed now, for the buttons of a view; `None` while it can.
pub fn change_blocked(
    action: Action,
    kind: ObjectKind,
    name: StoredValue<String>,
) -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (store, prefs) = (store(), preferences());
    move || {
        let name = name.try_get_value()?;
        let object = match kind {
            ObjectKind::Topic => Object::Topic(&name),
            ObjectKind::Group => Object::Group(&name),
        };
        let blocked = store.read(|state| state.change_blocked(action, &object));
        blocked.map(|blocked| change_blocked_text(blocked, prefs.words()))
    }
}

/// Why topics cannot be created; `None` while they can. The demo broker can create topics, too.
pub fn create_blocked() -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (store, prefs) = (store(), preferences());
    move || store.read(|state| state.create_blocked()).map(|blocked| change_blocked_text(blocked, prefs.words()))
}
