//! Shows why sent records have no outcome yet, or are not visible yet: the partition and the reason.

use leptos::prelude::*;
use protocol::{ProduceWaiting, WaitReason};

use crate::context::{preferences, store};
use crate::i18n::{Language, Words};
use crate::ui::format::number;
use page_model::ReadState;

/// The text about the latest waiting partition, and the number of further ones.
pub fn wait_text(waits: &[ProduceWaiting], words: &Words, language: Language) -> Option<String> {
    let (wait, more) = waits.split_first()?;
    let topic_partition = format!("{}-{}", wait.topic, wait.partition);
    let offset = wait.offset.map(|offset| offset.0.to_string()).unwrap_or_default();
    let text = match wait.reason {
        WaitReason::TooFewInSyncReplicas => words.wait_in_sync.with_partition(&topic_partition),
        WaitReason::NoLeader => words.wait_no_leader.with_partition(&topic_partition),
        WaitReason::OpenTransaction => words.wait_transaction.with_offset_partition(&offset, &topic_partition),
    };
    match more.len() as u64 {
        0 => Some(text),
        n => Some(words.wait_more.with_n_text(&number(n, language), &text)),
    }
}

#[component]
pub fn SentWaiting() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let waits = Memo::new(move |_| store.read(|state| state.waits().sent().to_vec()));
    let text = move || waits.with(|waits| wait_text(waits, prefs.words(), prefs.language()));
    // The bridge's message contains numbers, such as that of in-sync replicas.
    let detail = move || waits.with(|waits| waits.first().map(|wait| wait.message.clone()));
    let reason = move || {
        waits.with(|waits| {
            waits.first().map(|wait| match wait.reason {
                WaitReason::TooFewInSyncReplicas => "too_few_in_sync_replicas",
                WaitReason::NoLeader => "no_leader",
                WaitReason::OpenTransaction => "open_transaction",
            })
        })
    };
    view! {
        <p class="sent-waiting" role="status" data-testid="produce-waiting" data-reason=reason>
            {text}
            <span class="waiting-detail">{detail}</span>
        </p>
    }
}
