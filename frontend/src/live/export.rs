//! Exports the kept records that match the filter as a file. The file is written in chunks, so that the page stays responsive
//! with half a million records.

use leptos::prelude::*;

use crate::context::store::Store;
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::live::filter_bar::FilterBox;
use crate::platform::browser;
use page_model::{Entry, FileFormat, Filter, MaskedFields, NoticeKind, ReadState};

/// Records per chunk. The browser handles other events between two chunks.
const CHUNK_RECORDS: usize = 4000;
/// Records that are checked for the hint that the file has decoded keys and values.
const SAMPLED_RECORDS: usize = 100;

/// Saves the records that match the filter in a file, whose name begins with `name`.
pub fn write_file(
    store: Store,
    entries: Vec<Entry>,
    filter: Filter,
    name: String,
    format: FileFormat,
    percent: RwSignal<Option<usize>>,
) {
    let is_masked = entries.iter().any(|entry| !entry.masked().is_empty());
    percent.set(Some(0));
    leptos::task::spawn_local(async move {
        let mut file = browser::FileParts::new();
        let mut text = format.head().to_owned();
        let mut is_decoded = false;
        for (at, chunk) in entries.chunks(CHUNK_RECORDS).enumerate() {
            let records = chunk.iter().filter_map(Entry::record).filter(|record| filter.matches(record));
            records.for_each(|record| {
                is_decoded |= !record.is_as_stored();
                format.push(&record.export(), &mut text);
            });
            file.push(&text);
            text.clear();
            percent.try_set(Some(at * CHUNK_RECORDS * 100 / entries.len().max(1)));
            browser::yield_to_browser().await;
        }
        file.push(&text);
        // The name says it also to those who get the file later.
        let masked = if is_masked { "-masked" } else { "" };
        let decoded = if is_decoded { "-decoded" } else { "" };
        file.save(&format!("{name}{decoded}{masked}.{}", format.extension()), format.media_type());
        if is_decoded {
            store.notify(NoticeKind::ExportIsDecoded);
        }
        if is_masked {
            store.notify(NoticeKind::ExportIsMasked);
        }
        percent.try_set(None);
    });
}

#[component]
pub fn Export(filter: FilterBox) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let percent = RwSignal::new(None::<usize>);
    let nothing_kept = Memo::new(move |_| store.read(|state| state.feed().counts().kept == 0));
    // The file would not show that an invalid field was replaced by its last valid text.
    let why_not = move || filter.first_error(prefs).map(|why| prefs.words().export_blocked.with_why(&why));
    // The kept records may be of several subscriptions. Not counted again for each record: a subscription has the same masks for
    // all of its records.
    let masked_paths = Memo::new(move |_| {
        nothing_kept.track();
        let latest = store.read(|state| state.listening().masked().clone());
        store.untracked(|state| {
            let kept = state.feed().entries().map(Entry::masked);
            MaskedFields::paths_of_all(std::iter::once(latest).chain(kept))
        })
    });
    let masked = move || {
        masked_paths
            .with(|paths| (!paths.is_empty()).then(|| prefs.words().export_masked.with_names(&paths.join(", "))))
    };
    let has_decoded = Memo::new(move |_| {
        let kept = store.read(|state| state.feed().counts()).kept as usize;
        let is_decoded = |entry: &Entry| entry.record().is_some_and(|record| !record.is_as_stored());
        // A sample is enough for a hint; the file's name says it for certain.
        let step = (kept / SAMPLED_RECORDS).max(1);
        store.untracked(|state| state.feed().entries().step_by(step).any(is_decoded))
    });
    let is_blocked = Memo::new(move |_| filter.errors.with(|errors| !errors.is_empty()));
    let export = move |format: FileFormat| {
        // A snapshot: records that arrive meanwhile are not exported.
        let (entries, filter) = store.untracked(|state| {
            let entries: Vec<Entry> = state.feed().entries().filter(|entry| entry.is_record()).cloned().collect();
            (entries, state.feed().filter().clone())
        });
        let topics = store.untracked(|state| state.listening().intent().topics.join("+"));
        write_file(store, entries, filter, topics, format, percent);
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
                {prefs.text(|w| w.export)} <span class="muted" role="status">
                    {move || percent.get().map(|percent| format!(" {percent} %"))}
                </span>
            </span>
            <span class="pair">
                {button(FileFormat::JsonLines, "export-jsonl", |w| w.export_jsonl)}
                {button(FileFormat::Csv, "export-csv", |w| w.export_csv)}
            </span>
        </div>
        <p id="export-note" class="menu-note" class:fault=move || is_blocked.get() data-testid="export-note">
            {move || why_not().or_else(masked).unwrap_or_else(|| prefs.words().export_hint.to_owned())}
            {move || has_decoded.get().then(|| format!(" {}", prefs.words().export_decoded))}
        </p>
    }
}
