//! What can be done again with a record that was read: send it as it is, or put it into the composer first.

use leptos::prelude::*;
use protocol::ProduceRecord;

use super::composer::obstacle_words;
use super::{desk, preferences};
use crate::app::key_is_free;
use crate::send_fields::SendFields;
use crate::state::{Draft, Field, HeaderRow, Partition};

/// `record` holds the topic, key, value and headers as they were read, and the partition that they were read from; its
/// timestamp is not taken: the new record happens now. The key `r` replays while this is on screen.
#[component]
pub fn ReplayActions(record: ProduceRecord) -> impl IntoView {
    let (desk, prefs, fields) = (desk(), preferences(), expect_context::<SendFields>());
    let record = StoredValue::new(ProduceRecord { timestamp: None, ..record });
    let keeps_partition = RwSignal::new(false);
    let partition = record.with_value(|record| record.partition);
    let chosen = move || {
        let partition = partition.filter(|_| keeps_partition.get_untracked());
        record.with_value(|record| ProduceRecord { partition, ..record.clone() })
    };
    let obstacle = obstacle_words();
    let cannot_send = move || obstacle().is_some();
    let replay = move || {
        if !untrack(cannot_send) {
            desk.send_record(&chosen());
        }
    };
    let edit = move |_| {
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
            replay();
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
            title=prefs.text(|w| w.replay_edit_hint)
            on:click=edit
        >
            {prefs.text(|w| w.replay_edit)}
        </button>
        <button
            type="button"
            class="button small"
            data-testid="replay"
            disabled=cannot_send
            title=move || obstacle().unwrap_or(prefs.words().replay_hint)
            on:click=move |_| replay()
        >
            {prefs.text(|w| w.replay)}
            <kbd>"r"</kbd>
        </button>
    }
}
