//! The controls of the list: filter, pause, clear, and the record counts.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::i18n::{Plural, Words};
use crate::live::filter_bar::{FilterBox, FilterFieldRows, FilterText};
use crate::live::list_settings::ListSettings;
use crate::live::masked_note::masked_hint;
use crate::live::partitions::Partitions;
use crate::live::rate_charts::RateCharts;
use crate::live::read_as::ReadAs;
use crate::live::watch_fields::WatchFields;
use crate::platform::browser;
use crate::ui::format::number;
use crate::ui::keys::key_is_free;
use page_model::{Counts, Phase, ReadState};

#[component]
pub fn FeedToolbar(filter: FilterBox, fields: WatchFields) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let is_paused = Memo::new(move |_| store.read(|state| state.feed().is_paused()));
    window_event_listener(leptos::ev::keydown, move |event| {
        if !key_is_free(&event) {
            return;
        }
        match event.key().as_str() {
            "/" => {
                event.prevent_default();
                browser::focus("filter");
            }
            // On a button, the space bar presses that button.
            " " if !browser::focus_is_on_a_button() => {
                event.prevent_default();
                store.act(|state, _| state.pause_or_resume());
            }
            _ => {}
        }
    });
    view! {
        <div class="toolbar">
            <FilterText filter=filter />
            <button
                type="button"
                class="button pause"
                data-testid="pause"
                data-state=move || if is_paused.get() { "paused" } else { "live" }
                aria-pressed=move || is_paused.get().to_string()
                title=prefs.text(|w| w.pause_hint)
                on:click=move |_| store.act(|state, _| state.pause_or_resume())
            >
                <span class="same-width" data-other=prefs.text(|w| w.resume)>
                    {move || if is_paused.get() { prefs.words().resume } else { prefs.words().pause }}
                </span>
                <kbd>{prefs.text(|w| w.keys_space)}</kbd>
            </button>
            <button
                type="button"
                class="button quiet"
                data-testid="clear"
                on:click=move |_| store.act(|state, _| state.clear_feed())
            >
                {prefs.text(|w| w.clear)}
            </button>
            <ReadAs fields=fields />
            <ListSettings filter=filter />
        </div>
        <FilterFieldRows filter=filter />
        <div class="counts">
            <Status />
            <Masked />
            <Numbers filter=filter />
        </div>
    }
}

/// `Listening on 'foobar'`.
#[component]
fn Status() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let phase = Memo::new(move |_| store.read(|state| state.listening().phase()));
    let intent = Memo::new(move |_| store.read(|state| state.listening().intent().clone()));
    let is_joining = Memo::new(move |_| store.read(|state| state.listening().is_joining()));
    let is_connected = Memo::new(move |_| store.read(|state| state.link().is_open()));
    let partitions = Memo::new(move |_| {
        store.read(|state| {
            let list = state
                .listening()
                .assigned()?
                .iter()
                .map(|topic_partition| topic_partition.partition.to_string())
                .collect::<Vec<_>>();
            (!list.is_empty()).then(|| list.join(", "))
        })
    });
    let text = move || {
        let words = prefs.words();
        intent.with(|intent| match phase.get() {
            Phase::Idle => words.status_idle.to_owned(),
            Phase::Starting if is_connected.get() => words.status_starting.with_topic(&intent.topic()),
            Phase::Starting => words.status_offline.with_topic(&intent.topic()),
            Phase::Listening if is_joining.get() => {
                words.status_joining.with_group_topic(&intent.group, &intent.topic())
            }
            Phase::Listening => words.status_listening.with_topic(&intent.topic()),
            Phase::Stopping => words.status_stopping.to_owned(),
        })
    };
    let title = move || partitions.get().map(|list| prefs.words().partitions_read.with_list(&list));
    view! {
        <span
            class="status"
            data-testid="status"
            data-state=move || if is_joining.get() { "joining" } else { phase.get().name() }
            role="status"
            title=title
        >
            <i class="dot" aria-hidden="true"></i>
            {text}
        </span>
    }
}

/// The fields that the bridge hides in the records of the subscription.
#[component]
fn Masked() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let shown = |list: String| (!list.is_empty()).then_some(list);
    let names = Memo::new(move |_| {
        shown(store.read(|state| state.listening().masked().names().collect::<Vec<_>>().join(", ")))
    });
    let hint = move || store.read(|state| masked_hint(state.listening().masked())(prefs.words()));
    view! {
        <Show when=move || names.with(Option::is_some)>
            <span class="label" data-testid="masked" title=hint>
                {move || prefs.words().masked.with_names(&names.get().unwrap_or_default())}
                <span class="out-of-sight">{hint}</span>
            </span>
        </Show>
    }
}

#[component]
fn Numbers(filter: FilterBox) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let counts = Memo::new(move |_| store.read(|state| state.feed().counts()));
    let figure = move |of: fn(&Counts) -> u64, words: fn(&Words) -> Plural<&'static str>| {
        let n = Memo::new(move |_| counts.with(of));
        let word = move || words(prefs.words()).of(n.get());
        view! {
            <b>{move || number(n.get(), prefs.language())}</b>
            " "
            {word}
        }
    };
    let has_filter = Memo::new(move |_| filter.is_active());
    let behind = Memo::new(move |_| store.read(|state| state.behind()));
    let rate = Memo::new(move |_| store.read(|state| state.receive_stats().rate()));
    // The rate stays while the chart has points, so that the toolbar does not move when no records arrive.
    let has_rate = Memo::new(move |_| store.read(|state| state.receive_stats().seconds().len() > 0));
    let is_missing = Memo::new(move |_| counts.with(|counts| counts.missing > 0));
    view! {
        <span>{figure(|c| c.received, |w| w.received_count)}</span>
        <span title=prefs.text(|w| w.kept_hint)>{figure(|c| c.kept, |w| w.kept_count)}</span>
        <Show when=move || has_filter.get()>
            <span>{figure(|c| c.scanned, |w| w.scanned_count)}</span>
            <span>{figure(|c| c.matching, |w| w.matching_count)}</span>
        </Show>
        <Show when=move || counts.with(|counts| counts.lost_matches > 0)>
            <span class="missing" data-testid="lost-matches">
                {figure(|c| c.lost_matches, |w| w.lost_matches_count)}
            </span>
        </Show>
        <Show when=move || is_missing.get()>
            <span class="missing">{figure(|c| c.missing, |w| w.missing_count)}</span>
        </Show>
        <Show when=move || behind.get().is_some_and(|behind| behind > 0)>
            <span title=prefs.text(|w| w.behind_hint) data-testid="behind">
                <b>{move || number(behind.get().unwrap_or(0), prefs.language())}</b>
                " "
                {prefs.text(|w| w.behind)}
            </span>
        </Show>
        <Partitions />
        <span class="rates">
            <RateCharts />
            <Show when=move || has_rate.get()>
                <span class="rate" data-testid="rate">
                    <b>{move || number(rate.get(), prefs.language())}</b>
                    {prefs.text(|w| w.per_second)}
                </span>
            </Show>
        </span>
    }
}
