//! The watch form: topics, read mode, group and start, and the button that starts and stops listening. While listening, the
//! fields are read-only.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::live::join_guard::join_guard;
use crate::live::watch_fields::WatchFields;
use crate::live::watched_topics::WatchedTopics;
use crate::ui::explain::Explain;
use page_model::{Phase, ReadMode, ReadState};

#[component]
pub fn WatchForm(fields: WatchFields) -> impl IntoView {
    let (store, prefs, guard) = (store(), preferences(), join_guard());
    let phase = Memo::new(move |_| store.read(|state| state.listening().phase()));
    let is_idle = move || phase.get() == Phase::Idle;
    let locked = move || (!is_idle()).then(|| prefs.words().stop_to_change);
    let topic_error = Memo::new(move |_| fields.has_invalid_topic());
    let group_error = Memo::new(move |_| fields.has_invalid_group());
    let start_error = Memo::new(move |_| fields.start().is_none());
    let forbidden = Memo::new(move |_| fields.listen_blocked());
    let is_valid = move || !topic_error.get() && !group_error.get() && !start_error.get();
    let can_start = move || is_valid() && forbidden.with(Option::is_none);
    let is_watching = Memo::new(move |_| fields.mode() == ReadMode::Watch);
    let start_name = Memo::new(move |_| fields.start_name());
    let toggle = move || match phase.get_untracked() {
        Phase::Idle if can_start() => guard.listen(fields),
        Phase::Idle | Phase::Stopping => {}
        Phase::Starting | Phase::Listening => store.act(|state, _| state.stop_listening()),
    };
    let button_text = move || {
        let words = prefs.words();
        match phase.get() {
            Phase::Idle => words.listen,
            Phase::Starting | Phase::Listening => words.listen_stop,
            Phase::Stopping => words.listen_stopping,
        }
    };
    let mode_button = move |mode: ReadMode| {
        view! {
            <button
                type="button"
                data-testid=if mode == ReadMode::Group { "mode-group" } else { "mode-watch" }
                aria-pressed=move || (fields.mode() == mode).to_string()
                disabled=move || !is_idle()
                title=move || {
                    let words = prefs.words();
                    locked()
                        .unwrap_or(if mode == ReadMode::Group { words.mode_group_hint } else { words.mode_watch_hint })
                }
                on:click=move |_| fields.choose_mode(mode)
            >
                {move || if mode == ReadMode::Group { prefs.words().mode_group } else { prefs.words().mode_watch }}
            </button>
        }
    };
    view! {
        <form
            class="watch"
            data-state=move || phase.get().name()
            on:submit=move |event| {
                event.prevent_default();
                toggle();
            }
        >
            <h2 id="live-title">{prefs.text(|w| w.live_title)}</h2>
            <div
                class="seg"
                role="group"
                data-testid="mode"
                data-value=move || if fields.mode() == ReadMode::Group { "group" } else { "watch" }
                aria-label=prefs.text(|w| w.read_mode)
            >
                {mode_button(ReadMode::Group)}
                {mode_button(ReadMode::Watch)}
            </div>
            <Explain thing=|w| w.read_mode text=|w| w.explain_mode />
            <div class="names">
                <WatchedTopics fields=fields is_idle=Signal::derive(is_idle) is_invalid=topic_error />
                <Show when=move || fields.needs_group()>
                    <div class="inline-field group-field" class:fault=move || group_error.get()>
                        <label for="group">{prefs.text(|w| w.group)}</label>
                        <Explain thing=|w| w.group text=|w| w.explain_group />
                        <input
                            id="group"
                            data-testid="group"
                            type="text"
                            autocomplete="off"
                            autocapitalize="off"
                            spellcheck="false"
                            readonly=move || !is_idle()
                            title=locked
                            aria-invalid=move || group_error.get().to_string()
                            prop:value=move || fields.group()
                            on:input=move |event| fields.choose_group(event_target_value(&event))
                        />
                    </div>
                </Show>
            </div>
            <div class="inline-field start-field" class:fault=move || start_error.get()>
                <label for="start">{prefs.text(|w| w.start)}</label>
                <select
                    id="start"
                    data-testid="start"
                    disabled=move || !is_idle()
                    title=move || {
                        let words = prefs.words();
                        locked()
                            .unwrap_or(
                                match fields.mode() {
                                    ReadMode::Group => words.start_group_hint,
                                    ReadMode::Watch => words.start_watch_hint,
                                },
                            )
                    }
                    prop:value=move || start_name.get()
                    on:change=move |event| fields.choose_start(event_target_value(&event))
                >
                    <option value="earliest">{prefs.text(|w| w.start_earliest)}</option>
                    <option value="latest">{prefs.text(|w| w.start_latest)}</option>
                    <option value="last" hidden=move || !is_watching.get()>
                        {prefs.text(|w| w.start_last)}
                    </option>
                    <option value="offset" hidden=move || !is_watching.get()>
                        {prefs.text(|w| w.start_offset)}
                    </option>
                    <option value="time" hidden=move || !is_watching.get()>
                        {prefs.text(|w| w.start_time)}
                    </option>
                    <option value="committed" hidden=move || !is_watching.get()>
                        {prefs.text(|w| w.start_committed)}
                    </option>
                </select>
                <Show when=move || matches!(start_name.get().as_str(), "last" | "offset" | "time")>
                    <input
                        class="start-detail"
                        class:long=move || start_name.get() == "time"
                        data-testid=move || format!("start-{}", start_name.get())
                        type=move || if start_name.get() == "time" { "datetime-local" } else { "text" }
                        step="1"
                        inputmode="numeric"
                        autocomplete="off"
                        placeholder=move || if start_name.get() == "offset" { "2@120" } else { "" }
                        readonly=move || !is_idle()
                        aria-label=move || {
                            let words = prefs.words();
                            match start_name.get().as_str() {
                                "last" => words.start_last_label,
                                "offset" => words.start_offset_label,
                                _ => words.start_time,
                            }
                        }
                        title=move || (start_name.get() == "offset").then(|| prefs.words().start_offset_label)
                        aria-invalid=move || start_error.get().to_string()
                        prop:value=move || fields.start_detail()
                        on:input=move |event| fields.choose_start_detail(event_target_value(&event))
                    />
                </Show>
            </div>
            <button
                type="submit"
                class="button listen"
                data-testid="listen"
                data-state=move || phase.get().name()
                disabled=move || phase.get() == Phase::Stopping || (is_idle() && !can_start())
                title=move || {
                    (is_idle() && !can_start())
                        .then(|| {
                            let words = prefs.words();
                            match forbidden.get().filter(|_| is_valid()) {
                                Some(forbidden) => forbidden,
                                None if start_error.get() && !topic_error.get() => words.invalid_start.to_owned(),
                                None => words.topic_invalid.to_owned(),
                            }
                        })
                }
            >
                {button_text}
            </button>
        </form>
    }
}
