//! The form of a run: a pattern with placeholders, the number of records and their rate, and a preview.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::send::more_button::MoreButton;
use crate::send::record_fields::RecordFields;
use crate::send::saved_templates::SavedTemplates;
use crate::send::send_blocked::send_blocked_words;
use crate::send::send_fields::SendFields;
use crate::send::send_form::SendForm;
use crate::send::send_guard::send_guard;
use crate::send::typed_task::{TypedTask, start_typed};
use crate::ui::explain::Explain;
use crate::ui::lazy::lazy_part;
use page_model::{DraftKind, MAX_PER_SECOND, ReadState, Run, topic_is_valid};

/// Number of records in the preview.
const PREVIEW_RECORDS: u64 = 3;
/// Longer keys and values do not fit into a line of the preview.
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

lazy_part! {
    /// The form for a run of many records.
    run, load_run_form, pub fn run_form(fields: SendFields) -> LoadedView {
        Ok(view! { <RunForm fields=fields /> }.into_any())
    }
}

#[component]
fn RunForm(fields: SendFields) -> impl IntoView {
    let (store, prefs, guard) = (store(), preferences(), send_guard());
    let blocked = send_blocked_words(fields.topic.into());
    let topic_error = Memo::new(move |_| fields.topic.with(|topic| !topic_is_valid(topic)));
    let is_valid = Memo::new(move |_| fields.plan().is_valid());
    let run_is_active = Memo::new(move |_| store.read(|state| state.run().is_some_and(Run::is_active)));
    let why_not = move || {
        let words = prefs.words();
        // The field says what does not fit its encoding.
        let is_incorrect = || topic_error.get() || !is_valid.get() || fields.checks(DraftKind::Pattern).has_error();
        let of_form = || is_incorrect().then_some(words.cannot_send_form);
        blocked().or_else(of_form).or_else(|| run_is_active.get().then_some(words.run_active))
    };
    let cannot_start = Memo::new(move |_| why_not().is_some());
    let start = move || {
        if !cannot_start.get_untracked() {
            let (topic, plan, title) = (fields.topic.get_untracked(), untrack(|| fields.plan()), fields.run_title());
            let encoding = untrack(|| fields.encoded_parts(DraftKind::Pattern));
            guard.send(&topic.clone(), plan.count, move || {
                if encoding.is_text() {
                    store.start_run(&topic, &plan, title.clone());
                } else {
                    let task = TypedTask::Run(topic.clone(), plan.clone(), title.clone(), encoding.clone());
                    start_typed(fields, task);
                }
            });
        }
    };
    let placeholders = move || {
        let words = prefs.words();
        PLACEHOLDERS.map(|(text, what)| {
            view! {
                <dt>{text}</dt>
                <dd>{what(words)}</dd>
            }
        })
    };
    let write_count = move |value: Option<f64>| fields.count.set(value.map(|value| value.round() as u64));
    let write_rate = move |value: Option<f64>| fields.per_second.set(value);
    view! {
        <SendForm class="composer run-form" send=start>
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
                <span id="run-why-not" class="why-not" role="status">
                    {move || why_not()}
                </span>
            </div>
        </SendForm>
    }
}

/// The field of an optional number, with a checkbox for no number.
#[component]
fn Amount(
    testid: &'static str,
    label: fn(&Words) -> &'static str,
    without: fn(&Words) -> &'static str,
    explain: fn(&Words) -> &'static str,
    value: Signal<Option<f64>>,
    write: impl Fn(Option<f64>) + Copy + Send + Sync + 'static,
    /// The number that the field gets when the user clears the checkbox.
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

/// The first records of the run. Random values differ from those that are sent.
#[component]
fn Preview(fields: SendFields) -> impl IntoView {
    let prefs = preferences();
    let records = Memo::new(move |_| {
        let plan = fields.plan();
        let count = plan.count.unwrap_or(u64::MAX).min(PREVIEW_RECORDS);
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
