//! Why the schema registry cannot be changed now.

use leptos::prelude::*;
use protocol::{Action, Object};

use crate::context::request_error::change_blocked_text;
use crate::context::{preferences, store};
use crate::i18n::Words;
use page_model::{ChangeBlocked, ReadState};

pub fn blocked_text(blocked: ChangeBlocked, words: &'static Words) -> &'static str {
    match blocked {
        ChangeBlocked::Forbidden(Action::Write) => words.forbidden_register,
        other => change_blocked_text(other, words),
    }
}

/// Why the subject cannot be changed; `None` while it can. Without a subject: the settings of the registry.
pub fn schema_blocked(
    action: Action,
    subject: Option<StoredValue<String>>,
) -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (store, prefs) = (store(), preferences());
    move || {
        let name = subject.map(|subject| subject.try_get_value().unwrap_or_default());
        let object = name.as_deref().map_or(Object::Registry, Object::Subject);
        let blocked = store.read(|state| state.schema_change_blocked(action, &object));
        blocked.map(|blocked| blocked_text(blocked, prefs.words()))
    }
}

/// Why no schema can be registered under any name.
pub fn register_blocked() -> impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static {
    let (store, prefs) = (store(), preferences());
    move || store.read(|state| state.register_blocked()).map(|blocked| blocked_text(blocked, prefs.words()))
}
