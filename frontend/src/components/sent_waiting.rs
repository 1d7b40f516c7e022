//! Why records that were sent have no outcome, or are not visible, yet: the partition and the reason, until it is over.

use leptos::prelude::*;
use protocol::{ProduceWaiting, WaitReason};

use super::format::number;
use super::{desk, preferences};
use crate::words::{Words, fill};
use page_model::Language;

/// Of several partitions the one that was told last, and how many more there are.
pub fn wait_text(waits: &[ProduceWaiting], words: &Words, language: Language) -> Option<String> {
    let (wait, more) = waits.split_first()?;
    let template = match wait.reason {
        WaitReason::TooFewInSyncReplicas => words.wait_in_sync,
        WaitReason::NoLeader => words.wait_no_leader,
        WaitReason::OpenTransaction => words.wait_transaction,
    };
    let place = format!("{}-{}", wait.topic, wait.partition);
    let offset = wait.offset.map(|offset| offset.0.to_string()).unwrap_or_default();
    let text = fill(template, &[("place", &place), ("offset", &offset)]);
    match more.len() as u64 {
        0 => Some(text),
        n => Some(fill(words.wait_more, &[("text", &text), ("n", &number(n, language))])),
    }
}

#[component]
pub fn SentWaiting() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let waits = Memo::new(move |_| desk.sends(|page| page.waits().sent().to_vec()));
    let text = move || waits.with(|waits| wait_text(waits, prefs.words(), prefs.language()));
    // The bridge's words name numbers.
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
