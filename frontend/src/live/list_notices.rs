//! The notices above the live list: records that are not visible yet, and partitions that are not committed.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::i18n::{Language, Words};
use crate::ui::format::number;
use page_model::ReadState;

/// The records that wait behind open transactions; `None` if there are none.
pub fn unread_text(state: &impl ReadState, words: &Words, language: Language) -> Option<String> {
    let unread = state.waits().unread();
    let records = unread.iter().map(|wait| u64::try_from(wait.end.0 - wait.offset.0).unwrap_or(0)).sum();
    let n = number(records, language);
    match unread {
        [] => None,
        [wait] => {
            let (offset, partition) = (wait.offset.0.to_string(), wait.partition.to_string());
            Some(words.unread_count.of(records).with_n_offset_partition(&n, &offset, &partition))
        }
        several => {
            let m = several.len() as u64;
            let partitions = words.partitions_count.count(m, &number(m, language));
            Some(words.unread_partitions.with_n_partitions(&n, &partitions))
        }
    }
}

#[component]
pub fn ListNotices() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let unread = Memo::new(move |_| store.read(|state| unread_text(state, prefs.words(), prefs.language())));
    let held = Memo::new(move |_| {
        let (words, n) = (prefs.words(), store.read(|state| state.listening().held_commits().len() as u64));
        (n > 0).then(|| words.commits_held_count.count(n, &number(n, prefs.language())))
    });
    view! {
        <p class="list-notice" role="status" data-testid="records-waiting">
            {move || unread.get()}
        </p>
        <p class="list-notice" role="status" data-testid="commits-held">
            {move || held.get()}
        </p>
    }
}
