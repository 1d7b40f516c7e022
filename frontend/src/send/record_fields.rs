//! The fields of a record, or of the pattern of a run: topic, partition, key, value, headers, timestamp.

use leptos::prelude::*;
use protocol::RecordPart;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use crate::context::preferences;
use crate::send::field_editor::FieldEditor;
use crate::send::header_rows::{HeaderRows, add_header};
use crate::send::send_fields::SendFields;
use crate::send::typed_formats::{load_typed_formats, typed_formats};
use crate::ui::explain::Explain;
use crate::ui::lazy::Lazy;
use page_model::{Draft, DraftKind, Partition, iso, topic_is_valid};

/// The prefix of the fields' ids and test ids. Records and patterns have different ones, so that ids are unique.
pub fn prefix(kind: DraftKind) -> &'static str {
    match kind {
        DraftKind::Record => "compose",
        DraftKind::Pattern => "run",
    }
}

#[component]
pub fn RecordFields(fields: SendFields, kind: DraftKind) -> impl IntoView {
    let prefs = preferences();
    let draft = fields.draft(kind);
    let headers = Memo::new(move |_| draft.with(|draft| draft.named_headers().count()));
    let is_filled = draft.with_untracked(|draft| !draft.headers.is_empty() || !draft.timestamp.trim().is_empty());
    let add_first_header = move |_| {
        // The first opening adds an empty row, which saves the user a click.
        if draft.with_untracked(|draft| draft.headers.is_empty()) {
            add_header(draft);
        }
    };
    view! {
        <div class="two">
            <TopicField fields=fields id=format!("{}-topic", prefix(kind)) />
            <PartitionField draft=draft kind=kind />
        </div>
        <div class="typed-formats">
            <Lazy preload=load_typed_formats view=move || typed_formats(fields, kind) is_small=true />
        </div>
        <FieldEditor fields=fields kind=kind part=RecordPart::Key />
        <FieldEditor fields=fields kind=kind part=RecordPart::Value />
        <details
            class="headers"
            data-testid=format!("{}-headers", prefix(kind))
            open=is_filled
            on:toggle=add_first_header
        >
            <summary>
                {prefs.text(|w| w.headers_timestamp)}
                <span class="count">{move || Some(headers.get()).filter(|n| *n > 0).map(|n| n.to_string())}</span>
            </summary>
            <HeaderRows draft=draft kind=kind />
            <TimestampField draft=draft kind=kind />
        </details>
    }
}

/// The topic to send to: the first topic of the watch form until the user enters another one.
#[component]
pub fn TopicField(fields: SendFields, id: String) -> impl IntoView {
    let prefs = preferences();
    let is_invalid = Memo::new(move |_| fields.topic.with(|topic| !topic_is_valid(topic)));
    let note = format!("{id}-note");
    view! {
        <div class="field">
            <div class="field-head">
                <label for=id.clone()>{prefs.text(|w| w.topic)}</label>
                <Explain thing=|w| w.topic text=|w| w.explain_topic />
            </div>
            <input
                id=id.clone()
                data-testid=id
                type="text"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                aria-invalid=move || is_invalid.get().to_string()
                aria-describedby=note.clone()
                prop:value=move || fields.topic.get()
                on:input=move |event| fields.write_topic(event_target_value(&event))
            />
            <p id=note class="field-note fault" role="status">
                {move || is_invalid.get().then(|| prefs.words().topic_invalid)}
            </p>
        </div>
    }
}

/// The partition: auto, or a number. The bridge reports an error if the partition does not exist.
#[component]
fn PartitionField(draft: RwSignal<Draft>, kind: DraftKind) -> impl IntoView {
    let prefs = preferences();
    let partition = Memo::new(move |_| draft.with(|draft| draft.partition));
    let choose = move |partition: Partition| draft.update(|draft| draft.partition = partition);
    let is_fixed = Memo::new(move |_| matches!(partition.get(), Partition::Fixed(_)));
    let id = format!("{}-partition", prefix(kind));
    view! {
        <div class="field">
            <div class="field-head">
                <label for=id.clone()>{prefs.text(|w| w.partition)}</label>
                <Explain thing=|w| w.partition text=|w| w.explain_partition />
            </div>
            <div class="partition" class:fixed=move || is_fixed.get()>
                <select
                    id=id.clone()
                    data-testid=id.clone()
                    prop:value=move || if is_fixed.get() { "fixed" } else { "auto" }
                    on:change=move |event| {
                        let fixed = event_target_value(&event) == "fixed";
                        choose(if fixed { Partition::Fixed(0) } else { Partition::Auto });
                    }
                >
                    <option value="auto" selected=!is_fixed.get_untracked()>
                        {prefs.text(|w| w.partition_auto)}
                    </option>
                    <option value="fixed" selected=is_fixed.get_untracked()>
                        {prefs.text(|w| w.partition_fixed)}
                    </option>
                </select>
                <Show when=move || is_fixed.get()>
                    <input
                        type="number"
                        min="0"
                        max="2147483647"
                        data-testid=format!("{}-partition-number", prefix(kind))
                        aria-label=prefs.text(|w| w.partition_number)
                        prop:value=move || match partition.get() {
                            Partition::Fixed(number) => number.to_string(),
                            Partition::Auto => String::new(),
                        }
                        on:change=move |event| match event_target_value(&event).parse() {
                            Ok(number @ 0..) => choose(Partition::Fixed(number)),
                            _ => restore(&event, partition.get_untracked()),
                        }
                    />
                </Show>
            </div>
        </div>
    }
}

/// Discards non-numeric input, so that the field shows the partition that is used.
fn restore(event: &leptos::ev::Event, partition: Partition) {
    let field = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
    if let (Some(field), Partition::Fixed(number)) = (field, partition) {
        field.set_value(&number.to_string());
    }
}

/// The timestamp: empty for the time of sending, milliseconds, or an RFC 3339 time.
#[component]
fn TimestampField(draft: RwSignal<Draft>, kind: DraftKind) -> impl IntoView {
    let prefs = preferences();
    let is_valid = Memo::new(move |_| draft.with(Draft::timestamp_is_valid));
    let timestamp_ms = Memo::new(move |_| draft.with(Draft::timestamp_ms));
    let id = format!("{}-timestamp", prefix(kind));
    let note = format!("{id}-note");
    let note_text = move || match (is_valid.get(), timestamp_ms.get()) {
        (false, _) => prefs.words().timestamp_invalid.to_owned(),
        // Milliseconds are shown as a readable time, too.
        (true, Some(ms)) if draft.with(|draft| draft.timestamp.trim().parse::<i64>().is_ok()) => {
            iso(ms).unwrap_or_default()
        }
        _ => String::new(),
    };
    view! {
        <div class="field">
            <div class="field-head">
                <label for=id.clone()>{prefs.text(|w| w.timestamp)}</label>
                <Explain thing=|w| w.timestamp text=|w| w.explain_timestamp />
            </div>
            <input
                id=id.clone()
                data-testid=id
                type="text"
                class="mono"
                autocomplete="off"
                spellcheck="false"
                placeholder=prefs.text(|w| w.timestamp_now)
                aria-invalid=move || (!is_valid.get()).to_string()
                aria-describedby=note.clone()
                prop:value=move || draft.with(|draft| draft.timestamp.clone())
                on:input=move |event| draft.update(|draft| draft.timestamp = event_target_value(&event))
            />
            <p id=note class="field-note" role="status" class:fault=move || !is_valid.get()>
                {note_text}
            </p>
        </div>
    }
}
