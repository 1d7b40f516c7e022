//! The form of a run: a pattern with placeholders, how many records and how fast, what the first ones will be.

use leptos::prelude::*;

use crate::app::{preferences, store};
use crate::i18n::Words;
use crate::send::composer::{MoreButton, is_send_key, send_blocked_words};
use crate::send::record_fields::RecordFields;
use crate::send::saved_templates::SavedTemplates;
use crate::send::send_fields::SendFields;
use crate::send::send_guard::send_guard;
use crate::ui::explain::Explain;
use page_model::{DraftKind, MAX_PER_SECOND, ReadState, Run, topic_is_valid};

/// Records that are shown before they are sent.
const PREVIEWED: u64 = 3;
/// More of a key or value does not fit into its line.
const PREVIEW_CHARS: usize = 200;

type Placeholder = (&'static str, fn(&Words) -> &'static str);

const PLACEHOLDERS: [Placeholder; 6] = [
    ("{{i}}", |words| words.placeholder_i),
    ("{{uuid}}", |words| words.placeholder_uuid),
    ("{{now}}", |words| words.placeholder_now),
    ("{{now_iso}}", |words| words.placeholder_now_iso),
    ("{{random 1 100}}", |words| words.placeholder_random),
    ("{{choice a b \"c d\"}}", |words| words.placeholder_choice),
];

#[component]
pub fn RunForm(fields: SendFields) -> impl IntoView {
    let (store, prefs, guard) = (store(), preferences(), send_guard());
    let blocked = send_blocked_words();
    let topic_fault = Memo::new(move |_| fields.topic.with(|topic| !topic_is_valid(topic)));
    let is_sound = Memo::new(move |_| fields.plan().is_sound());
    let run_is_active = Memo::new(move |_| store.read(|state| state.run().is_some_and(Run::is_active)));
    let why_not = move || {
        let words = prefs.words();
        let of_form = || (topic_fault.get() || !is_sound.get()).then_some(words.cannot_send_draft);
        blocked().or_else(of_form).or_else(|| run_is_active.get().then_some(words.run_active))
    };
    let cannot_start = Memo::new(move |_| why_not().is_some());
    let start = move || {
        if !cannot_start.get_untracked() {
            let (topic, plan, title) = (fields.topic.get_untracked(), untrack(|| fields.plan()), fields.run_title());
            guard.send(&topic.clone(), plan.count, move || {
                store.start_run(&topic, &plan, title.clone());
            });
        }
    };
    let placeholders = move || {
        let words = prefs.words();
        PLACEHOLDERS.map(|(text, what)| view! { <dt>{text}</dt><dd>{what(words)}</dd> })
    };
    let write_count = move |value: Option<f64>| fields.count.set(value.map(|value| value.round() as u64));
    let write_rate = move |value: Option<f64>| fields.per_second.set(value);
    view! {
        <form
            class="composer run-form"
            on:submit=move |event| {
                event.prevent_default();
                start();
            }
            on:keydown=move |event| {
                if is_send_key(&event) {
                    event.prevent_default();
                    start();
                }
            }
        >
            <div class="fields">
            <SavedTemplates fields=fields />
            <RecordFields fields=fields kind=DraftKind::Pattern />
            <details class="headers placeholders" data-testid="run-placeholders">
                <summary>{prefs.text(|w| w.placeholders)}</summary>
                <dl>{placeholders}</dl>
                <p>{prefs.text(|w| w.placeholders_note)}</p>
            </details>
            <div class="two">
                <Amount
                    testid="run-count"
                    label=|w| w.run_count
                    without=|w| w.run_endless
                    explain=|w| w.explain_run_count
                    value=Signal::derive(move || fields.count.get().map(|count| count as f64))
                    write=write_count
                    proposed=10.0
                    step="1"
                />
                <Amount
                    testid="run-rate"
                    label=|w| w.run_rate
                    without=|w| w.run_unlimited
                    explain=|w| w.explain_run_rate
                    value=Signal::derive(move || fields.per_second.get())
                    write=write_rate
                    proposed=2.0
                    step="any"
                />
            </div>
            <Preview fields=fields />
            </div>
            <div class="actions">
                <button
                    type="submit"
                    class="button primary"
                    data-testid="run-start"
                    disabled=move || cannot_start.get()
                    title=why_not
                    aria-describedby="run-why-not"
                >
                    {prefs.text(|w| w.run_start)}
                </button>
                <MoreButton is_open=fields.is_open />
                <span id="run-why-not" class="why-not" role="status">{move || why_not()}</span>
            </div>
        </form>
    }
}

/// A number, or none at all, which has a word of its own.
#[component]
fn Amount(
    testid: &'static str,
    label: fn(&Words) -> &'static str,
    without: fn(&Words) -> &'static str,
    explain: fn(&Words) -> &'static str,
    value: Signal<Option<f64>>,
    write: impl Fn(Option<f64>) + Copy + Send + Sync + 'static,
    /// Stands there when the user wants a number after all.
    proposed: f64,
    step: &'static str,
) -> impl IntoView {
    let prefs = preferences();
    let has_value = Memo::new(move |_| value.get().is_some());
    let is_valid = Memo::new(move |_| value.get().is_none_or(|value| value > 0.0 && value <= MAX_PER_SECOND * 1000.0));
    view! {
        <div class="field amount">
            <div class="field-head">
                <label for=testid>{move || label(prefs.words())}</label>
                <Explain thing=label text=explain />
            </div>
            <input
                id=testid
                data-testid=testid
                type="number"
                min="0"
                step=step
                disabled=move || !has_value.get()
                aria-invalid=move || (!is_valid.get()).to_string()
                prop:value=move || value.get().map(|value| value.to_string()).unwrap_or_default()
                on:change=move |event| write(Some(event_target_value(&event).parse().unwrap_or(proposed)))
            />
            <label class="check">
                <input
                    type="checkbox"
                    data-testid=format!("{testid}-none")
                    prop:checked=move || !has_value.get()
                    on:change=move |event| write((!event_target_checked(&event)).then_some(proposed))
                />
                {move || without(prefs.words())}
            </label>
        </div>
    }
}

/// The first records as they will be; random values will be others.
#[component]
fn Preview(fields: SendFields) -> impl IntoView {
    let prefs = preferences();
    let records = Memo::new(move |_| {
        let plan = fields.plan();
        let count = plan.count.unwrap_or(u64::MAX).min(PREVIEWED);
        plan.preview(count, js_sys::Date::now() as i64, PREVIEW_CHARS)
    });
    let lines = move || {
        let lines = records.get().into_iter().map(|(key, value)| {
            view! {
                <li class="mono clip">
                    {key.map(|key| view! { <span class="preview-key">{key} " → "</span> })}
                    {value.unwrap_or_else(|| prefs.words().tombstone.to_owned())}
                </li>
            }
        });
        lines.collect::<Vec<_>>()
    };
    view! {
        <Show when=move || records.with(|records| !records.is_empty())>
            <div class="preview">
                <h3>{prefs.text(|w| w.preview)}</h3>
                <ol data-testid="run-preview">{lines}</ol>
            </div>
        </Show>
    }
}
