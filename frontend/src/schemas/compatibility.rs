//! The compatibility level of the registry or of a subject, and how it is changed.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{Action, CompatibilityLevel, SetCompatibility};

use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::schemas::blocked::schema_blocked;
use crate::ui::confirm_dialog::{Confirmation, confirmations};

/// Which changes of a schema the level allows.
fn level_meaning(level: CompatibilityLevel, words: &'static Words) -> &'static str {
    match level {
        CompatibilityLevel::None => words.level_none,
        CompatibilityLevel::Backward => words.level_backward,
        CompatibilityLevel::BackwardTransitive => words.level_backward_transitive,
        CompatibilityLevel::Forward => words.level_forward,
        CompatibilityLevel::ForwardTransitive => words.level_forward_transitive,
        CompatibilityLevel::Full => words.level_full,
        CompatibilityLevel::FullTransitive => words.level_full_transitive,
    }
}

fn level_of(name: &str) -> Option<CompatibilityLevel> {
    CompatibilityLevel::ALL.into_iter().find(|level| level.name() == name)
}

/// The level in a list. A second step changes it, since arrow keys in a list choose at once.
#[component]
pub fn CompatibilityField(
    /// `None`: the level of the registry.
    subject: Option<StoredValue<String>>,
    /// The level that is set here.
    own: Signal<Option<CompatibilityLevel>>,
    /// For a subject: the level that applies if the subject has none of its own.
    registry: Signal<Option<CompatibilityLevel>>,
    on_changed: Callback<()>,
) -> impl IntoView {
    let (store, prefs, confirmations) = (store(), preferences(), confirmations());
    let blocked = schema_blocked(Action::Alter, subject);
    let is_subject = subject.is_some();
    // `None`: the level that is set. `Some(None)`: no level of its own.
    let chosen = RwSignal::new(None::<Option<CompatibilityLevel>>);
    let shown = Memo::new(move |_| chosen.get().unwrap_or_else(|| own.get()));
    let is_changed = Memo::new(move |_| shown.get() != own.get());
    let shown_name = move || shown.get().map_or("", CompatibilityLevel::name);
    let meaning = move || {
        let level = shown.get().or_else(|| registry.get());
        level.map_or("", |level| level_meaning(level, prefs.words()))
    };
    let registry_option = move || match registry.get() {
        Some(level) => prefs.words().level_of_registry.with_level(level.name()),
        None if is_subject => prefs.words().level_of_registry_unknown.to_owned(),
        None => prefs.words().level_unknown.to_owned(),
    };
    let ask = move || {
        let level = shown.get_untracked();
        if !is_changed.get_untracked() || untrack(blocked).is_some() || (level.is_none() && !is_subject) {
            return;
        }
        let words = prefs.words_untracked();
        let name = subject.and_then(|subject| subject.try_get_value());
        let title = match &name {
            Some(name) => words.level_subject_title.with_subject(name),
            None => words.level_registry_title.to_owned(),
        };
        let text = match (level, is_subject) {
            (Some(level), true) => format!("{}: {}", level.name(), level_meaning(level, words)),
            (Some(level), false) => {
                format!("{}: {} {}", level.name(), level_meaning(level, words), words.level_registry_text)
            }
            (None, _) => words.level_remove_text.to_owned(),
        };
        confirmations.ask(Confirmation {
            title,
            text,
            verb: |w| w.level_change,
            typed: None,
            needs_connection: true,
            on_confirm: Rc::new(move |confirmations| {
                let request = SetCompatibility { subject: name.clone(), level };
                store.request(request, move |reply| {
                    if reply.is_ok() {
                        chosen.try_set(None);
                        let _ = on_changed.try_run(());
                    }
                    confirmations.finish(reply.map(drop));
                });
            }),
        });
    };
    let options = CompatibilityLevel::ALL.map(|level| {
        view! {
            <option value=level.name() selected=shown.get_untracked() == Some(level)>
                {level.name()}
            </option>
        }
    });
    view! {
        <form
            class="compatibility"
            on:submit=move |event| {
                event.prevent_default();
                ask();
            }
        >
            <span class="inline-field">
                <label for="schema-compatibility">{prefs.text(|w| w.compatibility)}</label>
                <select
                    id="schema-compatibility"
                    data-testid="schema-compatibility"
                    data-level=move || own.get().map_or("", CompatibilityLevel::name)
                    disabled=move || blocked().is_some()
                    title=blocked
                    aria-describedby="level-meaning"
                    prop:value=shown_name
                    on:change=move |event| chosen.set(Some(level_of(&event_target_value(&event))))
                >
                    <option value="" disabled=!is_subject selected=shown.get_untracked().is_none()>
                        {registry_option}
                    </option>
                    {options}
                </select>
            </span>
            <button
                type="submit"
                class="button small"
                data-testid="schema-compatibility-set"
                disabled=move || !is_changed.get() || blocked().is_some()
                title=blocked
            >
                {prefs.text(|w| w.level_change)}
            </button>
            <span id="level-meaning" class="field-note">
                {meaning}
            </span>
        </form>
    }
}
