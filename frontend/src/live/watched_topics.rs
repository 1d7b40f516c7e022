//! The field for the topics to listen to. A single topic is plain text. Several topics are chips with a remove button each,
//! followed by an input for the next one.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use protocol::TopicName;

use crate::context::preferences;
use crate::live::watch_fields::WatchFields;
use crate::platform::browser;
use page_model::TopicsText;

const INPUT: &str = "topic";

#[component]
pub fn WatchedTopics(
    fields: WatchFields,
    #[prop(into)] is_idle: Signal<bool>,
    /// The field has no topic, or an invalid name.
    is_invalid: Memo<bool>,
) -> impl IntoView {
    let prefs = preferences();
    let has_focus = RwSignal::new(false);
    let parts = Memo::new(move |_| TopicsText::new(&fields.topic()).parts(has_focus.get()));
    let chips = Memo::new(move |_| parts.with(|(names, _)| names.clone()));
    let recent = Memo::new(move |_| fields.recent_topics());
    let write = move |names: &[String], rest: &str| fields.choose_topic(TopicsText::join(names, rest));
    let remove = move |name: &str| {
        let (mut names, rest) = parts.get_untracked();
        names.retain(|known| known != name);
        write(&names, &rest);
        browser::focus(INPUT);
    };
    // The existing names stay chips while the next name is typed.
    let on_focus = move |_| {
        let names = chips.get_untracked();
        if !names.is_empty() && is_idle.get_untracked() {
            write(&names, "");
        }
        has_focus.set(true);
    };
    // Backspace in an empty input turns the last chip back into text.
    let on_key = move |event: KeyboardEvent| {
        let (mut names, rest) = parts.get_untracked();
        if event.key() == "Backspace"
            && rest.is_empty()
            && is_idle.get_untracked()
            && let Some(last) = names.pop()
        {
            event.prevent_default();
            write(&names, &last);
        }
    };
    let chip = move |name: String| {
        let is_bad = TopicName::parse(&name).is_err();
        let (title, shown, removed, label) = (name.clone(), name.clone(), name.clone(), name.clone());
        view! {
            <li class="chip" class:fault=is_bad data-testid="topic-chip" data-topic=name>
                <span class="clip" title=title>
                    {shown}
                </span>
                <button
                    type="button"
                    data-testid="topic-remove"
                    aria-label=move || prefs.words().topic_remove.with_topic(&label)
                    hidden=move || !is_idle.get()
                    on:click=move |_| remove(&removed)
                >
                    "×"
                </button>
            </li>
        }
    };
    view! {
        <div class="inline-field topic-field" class:fault=move || is_invalid.get()>
            <label for=INPUT>{prefs.text(|w| w.topic)}</label>
            <ul
                class="chips"
                aria-label=prefs.text(|w| w.topics_chosen)
                hidden=move || chips.with(Vec::is_empty)
                // While listening the buttons are hidden. The list must still be focusable to be scrolled with the keyboard.
                tabindex=move || (!is_idle.get()).then_some("0")
            >
                // Keyed, so that a button keeps the focus while another topic is added or removed.
                <For each=move || chips.get() key=String::clone children=chip />
            </ul>
            <input
                id=INPUT
                data-testid="topic"
                type="text"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                readonly=move || !is_idle.get()
                title=move || {
                    let words = prefs.words();
                    if !is_idle.get() {
                        words.stop_to_change
                    } else if is_invalid.get() {
                        words.topic_invalid
                    } else {
                        words.topics_hint
                    }
                }
                placeholder=move || if chips.with(Vec::is_empty) || !is_idle.get() { "" } else { "+" }
                aria-invalid=move || is_invalid.get().to_string()
                list="recent-topics"
                prop:value=move || parts.with(|(_, rest)| rest.clone())
                on:focus=on_focus
                on:blur=move |_| has_focus.set(false)
                on:keydown=on_key
                on:input=move |event| write(&chips.get_untracked(), &event_target_value(&event))
            />
            <datalist id="recent-topics">
                {move || {
                    let topics = recent.get().into_iter();
                    topics.map(|topic| view! { <option value=topic></option> }).collect::<Vec<_>>()
                }}
            </datalist>
        </div>
    }
}
