//! What is kept, or of it what passes the filter, as a file. Made in pieces, so that half a million records do not stop
//! the page.

use leptos::prelude::*;

use crate::app::{preferences, store};
use crate::i18n::Words;
use crate::live::filter_bar::FilterBox;
use crate::platform::browser;
use page_model::{Entry, FileFormat, ReadState};

/// Records between two breaths of the page.
const PIECE: usize = 4000;

#[component]
pub fn Export(filter: FilterBox) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let percent = RwSignal::new(None::<usize>);
    let nothing_kept = Memo::new(move |_| store.read(|state| state.feed().counts().kept == 0));
    // A filter at fault is not what the user asked for, and a file does not say so.
    let why_not = move || filter.first_fault(prefs).map(|why| prefs.words().export_blocked.with_why(&why));
    let is_blocked = Memo::new(move |_| filter.faults.with(|faults| !faults.is_empty()));
    let export = move |format: FileFormat| {
        // A snapshot of handles: what comes meanwhile belongs to the next file.
        let (entries, filter) = store.untracked(|state| {
            let entries: Vec<Entry> = state.feed().entries().filter(|entry| entry.is_record()).cloned().collect();
            (entries, state.feed().filter().clone())
        });
        let topics = store.untracked(|state| state.listening().intent().topics.join("+"));
        percent.set(Some(0));
        leptos::task::spawn_local(async move {
            let mut file = browser::FileParts::new();
            let mut text = format.head().to_owned();
            for (at, piece) in entries.chunks(PIECE).enumerate() {
                let records = piece.iter().filter_map(Entry::record).filter(|record| filter.matches(record));
                records.for_each(|record| format.push(&record.export(), &mut text));
                file.push(&text);
                text.clear();
                percent.set(Some(at * PIECE * 100 / entries.len().max(1)));
                browser::breathe().await;
            }
            file.push(&text);
            file.save(&format!("{topics}.{}", format.extension()), format.media_type());
            percent.set(None);
        });
    };
    let button = move |format: FileFormat, testid: &'static str, word: fn(&'static Words) -> &'static str| {
        view! {
            <button
                type="button"
                class="button small"
                data-testid=testid
                disabled=move || percent.get().is_some() || nothing_kept.get() || is_blocked.get()
                title=why_not
                aria-describedby="export-note"
                on:click=move |_| export(format)
            >
                {prefs.text(word)}
            </button>
        }
    };
    view! {
        <div class="menu-line">
            <span>
                {prefs.text(|w| w.export)}
                <span class="muted" role="status">{move || percent.get().map(|percent| format!(" {percent} %"))}</span>
            </span>
            <span class="pair">
                {button(FileFormat::JsonLines, "export-jsonl", |w| w.export_jsonl)}
                {button(FileFormat::Csv, "export-csv", |w| w.export_csv)}
            </span>
        </div>
        <p id="export-note" class="menu-note" class:fault=move || is_blocked.get() data-testid="export-note">
            {move || why_not().unwrap_or_else(|| prefs.words().export_hint.to_owned())}
        </p>
    }
}
