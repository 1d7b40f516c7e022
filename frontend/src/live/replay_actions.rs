//! Buttons to send a received record again: unchanged, or after editing it in the composer.

use leptos::prelude::*;
use protocol::ProduceRecord;

use crate::context::{navigation, preferences, store};
use crate::i18n::Words;
use crate::live::detail::RecordHost;
use crate::live::masked_note::MASKED_NOTE;
use crate::live::original_bytes::OriginalBytes;
use crate::send::send_blocked::send_blocked_words;
use crate::send::send_fields::SendFields;
use crate::send::send_guard::send_guard;
use crate::ui::keys::key_is_free;
use page_model::{Address, Draft, DraftMasks, Field, HeaderRow, OriginalRecord, Partition, View};

/// The new record has the same topic, key, value and headers as the received one, the same partition if the user wants, and a new
/// timestamp. If the list has decoded JSON, the original bytes are fetched first, and the record cannot be sent without them. A record
/// with masked fields cannot be sent again as it is, since that would write the masks; it can be edited, and the draft marks them. The
/// key `r` copies the record into the composer while this component is mounted.
#[component]
pub fn ReplayActions(original: OriginalBytes, topic: String, masked: Vec<String>) -> impl IntoView {
    let (store, prefs, guard, fields) = (store(), preferences(), send_guard(), expect_context::<SendFields>());
    let keeps_partition = RwSignal::new(false);
    // The form and the outcomes of sent records are in the live view.
    let (navigation, is_elsewhere) = (navigation(), use_context::<RecordHost>().is_some());
    let show_live = move || {
        if is_elsewhere {
            navigation.open(Address::of(View::Live));
        }
    };
    // Calls `then` with the record to send.
    let with_record = move |then: Box<dyn FnOnce(ProduceRecord, Vec<String>)>| {
        let keeps_partition = keeps_partition.get_untracked();
        original.with(move |OriginalRecord { record, masked }| {
            let partition = record.partition.filter(|_| keeps_partition);
            then(ProduceRecord { partition, timestamp: None, ..record }, masked);
        });
    };
    let topic = StoredValue::new(topic);
    let send_blocked = send_blocked_words(Signal::stored(topic.get_value()));
    let has_masks = !masked.is_empty();
    let masked = StoredValue::new(masked);
    let is_masked = move || has_masks || original.is_masked();
    let gone = move || original.is_gone().then(|| prefs.words().raw_gone);
    let blocked = move || is_masked().then(|| prefs.words().masked_send).or_else(gone).or_else(send_blocked);
    let hint = move |listed: fn(&'static Words) -> &'static str| {
        if original.is_listed { listed(prefs.words()) } else { prefs.words().replay_original_hint }
    };
    let cannot_send = move || blocked().is_some();
    let resend = move || {
        if !untrack(cannot_send) {
            guard.send(&topic.get_value(), Some(1), move || {
                with_record(Box::new(move |record, masked| {
                    // Fields may be masked that were not when the row arrived.
                    if masked.is_empty() {
                        store.act(|state, now_ms| state.send_record(&record, now_ms));
                        show_live();
                    }
                }));
            });
        }
    };
    let edit = move || {
        if untrack(gone).is_none() {
            let listed = masked.get_value();
            // What was decoded is edited as JSON, and written in the schema that it had.
            let decoded = original.decoded.get_value();
            with_record(Box::new(move |record, mut masked| {
                let mut draft = draft_of(&record);
                let encoding = decoded.put_into(&mut draft);
                masked.extend(listed.into_iter().filter(|path| !masked.contains(path)).collect::<Vec<_>>());
                draft.masks = DraftMasks::of(&draft, masked);
                fields.edit(&record.topic, draft, encoding);
                show_live();
            }));
        }
    };
    let keys = window_event_listener(leptos::ev::keydown, move |event| {
        if key_is_free(&event) && event.key() == "r" {
            // The letter must not be typed into the field that gets the focus.
            event.prevent_default();
            edit();
        }
    });
    on_cleanup(move || keys.remove());
    view! {
        <label class="check">
            <input
                type="checkbox"
                data-testid="replay-same-partition"
                prop:checked=move || keeps_partition.get()
                on:change=move |event| keeps_partition.set(event_target_checked(&event))
            />
            {prefs.text(|w| w.same_partition)}
        </label>
        <button
            type="button"
            class="button small"
            data-testid="replay-edit"
            disabled=move || gone().is_some()
            title=move || gone().unwrap_or_else(|| hint(|w| w.replay_edit_hint))
            aria-describedby=move || is_masked().then_some(MASKED_NOTE)
            on:click=move |_| edit()
        >
            {prefs.text(|w| w.replay_edit)}
            <kbd>"r"</kbd>
        </button>
        <button
            type="button"
            class="button small"
            data-testid="replay"
            disabled=cannot_send
            title=move || blocked().unwrap_or_else(|| hint(|w| w.replay_hint))
            aria-describedby=move || is_masked().then_some(MASKED_NOTE)
            on:click=move |_| resend()
        >
            {prefs.text(|w| w.replay)}
        </button>
    }
}

fn draft_of(record: &ProduceRecord) -> Draft {
    Draft {
        partition: record.partition.map_or(Partition::Auto, Partition::Fixed),
        timestamp: String::new(),
        key: Field::editable(&record.key, false),
        value: Field::editable(&record.value, true),
        headers: record
            .headers
            .iter()
            .map(|header| HeaderRow { value: Field::editable(&header.1, false), name: header.0.clone() })
            .collect(),
        masks: None,
    }
}
