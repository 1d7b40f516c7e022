//! What stands above the live list while it holds: records that are not visible yet, and partitions that are not committed.

use leptos::prelude::*;

use super::format::number;
use super::{desk, preferences};
use crate::words::{Words, count, fill};
use page_model::{Language, Page};

/// What waits behind open transactions; nothing where nothing does.
pub fn unread_text(page: &Page, words: &Words, language: Language) -> Option<String> {
    let unread = page.waits().unread();
    let records = unread.iter().map(|wait| u64::try_from(wait.end.0 - wait.offset.0).unwrap_or(0)).sum();
    let n = number(records, language);
    match unread {
        [] => None,
        [wait] => {
            let template = if records == 1 { words.unread_one } else { words.unread_many };
            let (offset, partition) = (wait.offset.0.to_string(), wait.partition.to_string());
            Some(fill(template, &[("offset", &offset), ("partition", &partition), ("n", &n)]))
        }
        several => {
            let m = several.len() as u64;
            let partitions = count(words.partitions_one, words.partitions_many, m, &number(m, language));
            Some(fill(words.unread_partitions, &[("n", &n), ("partitions", &partitions)]))
        }
    }
}

#[component]
pub fn ListNotices() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let unread = Memo::new(move |_| desk.listening(|page| unread_text(page, prefs.words(), prefs.language())));
    let held = Memo::new(move |_| {
        let (words, n) = (prefs.words(), desk.listening(|page| page.listening().held_commits().len() as u64));
        (n > 0).then(|| count(words.commits_held_one, words.commits_held_many, n, &number(n, prefs.language())))
    });
    view! {
        <p class="list-notice" role="status" data-testid="records-waiting">{move || unread.get()}</p>
        <p class="list-notice" role="status" data-testid="commits-held">{move || held.get()}</p>
    }
}
