//! Below the found records: how far the search is, older records, the file, the link and the time zone.

use leptos::prelude::*;
use protocol::{Order, SearchEnd};

use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::live::export::write_file;
use crate::messages::browse::Browse;
use crate::ui::format::{bytes, duration, number, rate};
use crate::ui::fresh::fresh;
use crate::ui::menu::Menu;
use crate::ui::uncopied::Uncopied;
use page_model::{FileFormat, Filter, FoundRecords, PartitionShare, SearchState};

/// More partitions are not listed.
const MAX_PARTITIONS: usize = 200;

#[component]
pub fn FoundStatus(browse: Browse) -> impl IntoView {
    let prefs = preferences();
    let is_running = Memo::new(move |_| browse.is_running());
    let has_filter =
        Memo::new(move |_| browse.read(|found| found.request().is_some_and(|request| !request.filter.is_empty())));
    let found = move || {
        let counts = browse.counts();
        let n = if is_running.get() { counts.found.max(counts.matched) } else { counts.found };
        let word = if has_filter.get() { prefs.words().found_matches } else { prefs.words().found_count };
        word.count(n, &number(n, prefs.language()))
    };
    // What was scanned matters while a filter selects records.
    let scanned = move || {
        if !has_filter.get() {
            return String::new();
        }
        let (counts, language, words) = (browse.counts(), prefs.language(), prefs.words());
        let mut text =
            words.search_scanned.with_n_total(&number(counts.scanned, language), &number(counts.total, language));
        let (speed, left, read) =
            browse.read(|found| (found.rate(), found.ms_left(), found.progress().scanned_bytes as usize));
        if read > 0 {
            text.push_str(&format!(" · {}", bytes(read, language)));
        }
        if is_running.get() {
            if let Some(speed) = speed {
                text.push_str(&format!(" · {}{}", rate(speed, language), words.per_second));
            }
            if let Some(ms) = left {
                text.push_str(&format!(" · {}", words.search_left.with_ms(&duration(ms, language))));
            }
        }
        text
    };
    let note = move || {
        let (words, language) = (prefs.words(), prefs.language());
        let mut notes = Vec::new();
        browse.read(|found| {
            match found.state() {
                SearchState::Lost => notes.push(words.search_lost.to_owned()),
                SearchState::Done(SearchEnd::Stopped) => notes.push(words.search_stopped.to_owned()),
                _ => {}
            }
            let failed = found.counts().failed;
            if failed > 0 {
                let text = words.search_not_evaluated.count(failed, &number(failed, language));
                let why = found.progress().first_failure.clone().unwrap_or_default();
                notes.push(format!("{text} {why}").trim_end().to_owned());
            }
            if found.deleted() > 0 {
                notes.push(words.search_deleted.count(found.deleted(), &number(found.deleted(), language)));
            }
            if found.is_cut() {
                notes.push(words.found_cut.to_owned());
            }
        });
        (!notes.is_empty()).then(|| notes.join(" "))
    };
    let can_go_on = Memo::new(move |_| browse.read(FoundRecords::can_go_on));
    let has_partitions = Memo::new(move |_| browse.read(FoundRecords::has_partitions));
    // An interrupted search continues; after a page the next one follows.
    let older_word = move || {
        let words = prefs.words();
        browse.read(|found| {
            let order = found.request().map(|request| request.order);
            match (found.state(), order) {
                (SearchState::Done(SearchEnd::Count), Some(Order::Oldest)) => words.newer,
                (SearchState::Done(SearchEnd::Count), _) => words.older,
                _ => words.go_on,
            }
        })
    };
    let replaces = move || browse.read(FoundRecords::is_full).then(|| prefs.words().older_replaces);
    view! {
        <div class="found-foot">
            <Show when=move || is_running.get() && has_filter.get()>
                <progress
                    max="1"
                    aria-label=prefs.text(|w| w.search_progress)
                    prop:value=move || browse.read(FoundRecords::share_done)
                ></progress>
            </Show>
            <Show when=move || has_filter.get() && has_partitions.get()>
                <PartitionsMenu browse=browse />
            </Show>
            <span class="found-counts" data-testid="search-counts">
                <b>{found}</b>
                <span class="muted">{scanned}</span>
            </span>
            <Show when=move || can_go_on.get()>
                <button
                    type="button"
                    class="button small"
                    data-testid="older"
                    title=replaces
                    on:click=move |_| browse.go_on()
                >
                    {older_word}
                </button>
            </Show>
            <span class="out-of-sight" role="status">
                {move || if is_running.get() { prefs.words().search_running.to_owned() } else { found() }}
            </span>
            <div class="spacer"></div>
            <FoundActions browse=browse />
        </div>
        {fresh(move || {
            let text = browse.uncopied.get();
            text.map(|text| view! { <Uncopied text=text uncopied=browse.uncopied /> }).into_any()
        })}
        <p class="list-notice" role="status" data-testid="search-note">
            {note}
        </p>
    }
}

/// How far the search is in each partition.
#[component]
fn PartitionsMenu(browse: Browse) -> impl IntoView {
    let prefs = preferences();
    let rows = move || {
        let language = prefs.language();
        let mut shares = browse.read(FoundRecords::partition_shares);
        let rest = shares.len().saturating_sub(MAX_PARTITIONS);
        shares.truncate(MAX_PARTITIONS);
        let row = |share: PartitionShare| {
            let left = language.search_left.with_ms(&number(share.left, language));
            view! {
                <tr data-testid="search-partition" data-partition=share.partition data-left=share.left>
                    <th scope="row" class="mono">
                        {share.partition}
                    </th>
                    <td>
                        <progress max="1" aria-label=left.clone() value=share.done()></progress>
                    </td>
                    <td class="number">{left}</td>
                </tr>
            }
        };
        let rows: Vec<_> = shares.into_iter().map(row).collect();
        let rest = (rest > 0).then(|| {
            view! {
                <tr>
                    <td colspan="3">{format!("… +{}", number(rest as u64, language))}</td>
                </tr>
            }
        });
        (rows, rest)
    };
    view! {
        <Menu label=move || prefs.words().partitions_word.to_owned() testid="search-by-partition" class="small">
            <table class="partition-shares">
                <tbody>{rows}</tbody>
            </table>
        </Menu>
    }
}

#[component]
fn FoundActions(browse: Browse) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let percent = RwSignal::new(None::<usize>);
    let is_empty = Memo::new(move |_| browse.read(|found| found.rows().is_empty()));
    let export = move |format: FileFormat| {
        // In the order in which they are shown.
        let count = browse.rows.with_value(Vec::len);
        let entries = (0..count).filter_map(|row| browse.entry(row)).collect();
        write_file(store, entries, Filter::default(), browse.topic.get_value(), format, percent);
    };
    let button = move |format: FileFormat, testid: &'static str, word: fn(&'static Words) -> &'static str| {
        view! {
            <button
                type="button"
                class="button small"
                data-testid=testid
                disabled=move || percent.get().is_some() || is_empty.get()
                on:click=move |_| export(format)
            >
                {prefs.text(word)}
            </button>
        }
    };
    let zone = move || browse.zone.name(js_sys::Date::now() as i64, prefs.words());
    let copy_link = move |_| browse.copy(browse.link());
    view! {
        <button
            type="button"
            class="link"
            data-testid="time-zone"
            data-value=move || if browse.zone.is_utc() { "utc" } else { "local" }
            title=prefs.text(|w| w.zone_hint)
            on:click=move |_| browse.zone.switch()
        >
            {zone}
        </button>
        <button
            type="button"
            class="button small"
            data-testid="copy-link"
            title=prefs.text(|w| w.copy_link_hint)
            on:click=copy_link
        >
            {prefs.text(|w| w.copy_link)}
        </button>
        <span class="pair" role="group" aria-label=prefs.text(|w| w.export)>
            {button(FileFormat::JsonLines, "search-jsonl", |w| w.export_jsonl)}
            {button(FileFormat::Csv, "search-csv", |w| w.export_csv)}
        </span>
    }
}
