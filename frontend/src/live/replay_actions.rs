//! Buttons to send a received record again: unchanged, or after editing it in the composer.

use leptos::prelude::*;
use protocol::ProduceRecord;

use crate::context::{preferences, store};
use crate::live::masked_note::MASKED_NOTE;
use crate::send::send_blocked::send_blocked_words;
use crate::send::send_fields::SendFields;
use crate::send::send_guard::send_guard;
use crate::ui::keys::key_is_free;
use page_model::{Draft, Field, HeaderRow, Partition};

/// `record`: the received record. The new record has the same topic, key, value and headers, the same partition if the user
/// wants, and a new timestamp. A record with masked fields cannot be sent again, since that would write the masks. The key `r`
/// copies the record into the composer while this component is mounted.
#[component]
pub fn ReplayActions(record: ProduceRecord, is_masked: bool) -> impl IntoView {
    let (store, prefs, guard, fields) = (store(), preferences(), send_guard(), expect_context::<SendFields>());
    let record = StoredValue::new(ProduceRecord { timestamp: None, ..record });
    let keeps_partition = RwSignal::new(false);
    let partition = record.with_value(|record| record.partition);
    let chosen = move || {
        let partition = partition.filter(|_| keeps_partition.get_untracked());
        record.with_value(|record| ProduceRecord { partition, ..record.clone() })
    };
    let topic = record.with_value(|record| record.topic.clone());
    let send_blocked = send_blocked_words(Signal::stored(topic));
    let masked = move || is_masked.then(|| prefs.words().masked_send);
    let blocked = move || masked().or_else(send_blocked);
    let cannot_send = move || blocked().is_some();
    let resend = move || {
        if !untrack(cannot_send) {
            let record = chosen();
            guard.send(&record.topic.clone(), Some(1), move || {
                store.act(|state, now_ms| state.send_record(&record, now_ms));
            });
        }
    };
    let edit = move || {
        if is_masked {
            return;
        }
        let ProduceRecord { topic, partition, key, value, headers, .. } = chosen();
        let draft = Draft {
            partition: partition.map_or(Partition::Auto, Partition::Fixed),
            timestamp: String::new(),
            key: Field::editable(&key, false),
            value: Field::editable(&value, true),
            headers: headers
                .into_iter()
                .map(|header| HeaderRow { value: Field::editable(&header.1, false), name: header.0 })
                .collect(),
        };
        fields.edit(&topic, draft);
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
            disabled=is_masked
            title=move || masked().unwrap_or(prefs.words().replay_edit_hint)
            aria-describedby=is_masked.then_some(MASKED_NOTE)
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
            title=move || blocked().unwrap_or(prefs.words().replay_hint)
            aria-describedby=is_masked.then_some(MASKED_NOTE)
            on:click=move |_| resend()
        >
            {prefs.text(|w| w.replay)}
        </button>
    }
}
