//! The card of the current or last run: progress, outcomes, latencies, and buttons to pause and to cancel.

use leptos::prelude::*;
use protocol::RecordPart;

use crate::context::error_text::error_text;
use crate::context::store::Store;
use crate::context::{preferences, store};
use crate::i18n::{Language, Plural, WithN, Words};
use crate::platform::browser;
use crate::ui::format::{duration, number};
use crate::ui::lazy::lazy_part;
use page_model::{EncodingFailure, Failures, Percentiles, ReadState, Run, RunState, RunTitle, SendBlocked};

lazy_part! {
    /// The card. It is created once and only its numbers change, so that the buttons keep their place and the focus.
    run_card, load_run_card, pub fn run_card() -> LoadedView {
        Ok(view! { <RunCard /> }.into_any())
    }
}

#[component]
fn RunCard() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let title = Memo::new(move |_| store.read(|state| state.run().map(|run| run.title.clone())));
    let title_words = move || title_words(title.get().as_ref(), prefs.words());
    let blocked = Memo::new(move |_| store.read(|state| state.run_blocked()));
    let is_endless = Memo::new(move |_| of_run(store, |run| run.total.is_none() && run.is_active()));
    view! {
        <div
            class="run"
            data-testid="run"
            data-sent=move || of_run(store, |run| run.sent)
            data-acked=move || of_run(store, |run| run.acked)
            data-failed=move || of_run(store, |run| run.failed)
            data-unknown=move || of_run(store, |run| run.unknown)
            data-seen=move || of_run(store, |run| run.seen)
            data-state=move || of_run(store, |run| run.state.name())
        >
            <div class="run-head">
                <span class="clip">
                    <b>{title_words}</b>
                    " "
                    <span class="muted">{move || rate_words(store, prefs.words(), prefs.language())}</span>
                </span>
                <RunControls />
            </div>
            <progress
                max=move || of_run(store, |run| run.total.unwrap_or(1)).to_string()
                prop:value=move || of_run(store, |run| run.total.map_or(1.0, |_| run.sent as f64))
                class:endless=move || is_endless.get()
                aria-label=title_words
            ></progress>
            <p class="run-note" role="status">
                {move || {
                    let blocked = blocked.get();
                    store.read(|state| state.run().map(|run| note(run, blocked, prefs.words(), prefs.language())))
                }}
            </p>
            <p class="run-note fault" role="alert" data-testid="run-stopped">
                {move || store.read(|state| state.run().and_then(|run| stopped(run, prefs.words())))}
            </p>
            <Latencies />
            <FailureList />
        </div>
    }
}

fn of_run<T: Default>(store: Store, read: impl Fn(&Run) -> T) -> T {
    store.read(|state| state.run().map(read).unwrap_or_default())
}

fn title_words(title: Option<&RunTitle>, words: &Words) -> String {
    match title {
        Some(RunTitle::Seed) => words.send_ten.to_owned(),
        Some(RunTitle::Pattern(Some(name)) | RunTitle::Batch(Some(name))) => name.clone(),
        Some(RunTitle::Batch(None)) => words.tab_batch.to_owned(),
        _ => words.run_title.to_owned(),
    }
}

/// The measured rate of a fast run, else the rate of the plan.
fn rate_words(store: Store, words: &Words, language: Language) -> String {
    let now_ms = browser::now_ms();
    store.read(|state| {
        let Some(run) = state.run() else { return String::new() };
        let measured = run.rate(now_ms).filter(|_| run.per_second.is_none_or(|planned| planned > 2.0));
        match (measured, run.per_second) {
            (Some(rate), _) if rate >= 1.0 => words.rate_per_second.with_n(&number(rate.round() as u64, language)),
            (_, None) => words.run_unlimited.to_owned(),
            (_, Some(planned)) if planned > 2.0 => words.rate_per_second.with_n(&number(planned as u64, language)),
            (_, Some(planned)) => words.run_every.with_s(&duration(1000.0 / planned, language)),
        }
    })
}

/// Buttons while the run is active, then whether it is done or cancelled.
#[component]
fn RunControls() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let state = Memo::new(move |_| store.read(|state| state.run().map(|run| run.state)));
    let is_active = Memo::new(move |_| store.read(|state| state.run().is_some_and(Run::is_active)));
    let is_paused = Memo::new(move |_| state.get() == Some(RunState::Paused));
    move || {
        if is_active.get() {
            view! {
                <span class="run-controls">
                    <button
                        type="button"
                        class="link"
                        data-testid="run-pause"
                        on:click=move |_| store.act(|state, now_ms| state.pause_or_resume_run(now_ms))
                    >
                        {move || if is_paused.get() { prefs.words().resume } else { prefs.words().pause }}
                    </button>
                    <button
                        type="button"
                        class="link"
                        data-testid="run-cancel"
                        on:click=move |_| store.act(|state, now_ms| state.cancel_run(now_ms))
                    >
                        {prefs.text(|w| w.run_cancel)}
                    </button>
                </span>
            }
            .into_any()
        } else {
            let ended = move || match state.get() {
                Some(RunState::Done) => prefs.words().run_done,
                _ => prefs.words().run_cancelled,
            };
            view! { <span class="muted run-end">{ended}</span> }.into_any()
        }
    }
}

/// Percentiles of the time to the acknowledgement, and of the time until the records were received in the live list.
#[component]
fn Latencies() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let acked = move || store.read(|state| state.run().and_then(|run| run.acked_after.percentiles()));
    let seen = move || store.read(|state| state.run().and_then(|run| run.seen_after.percentiles()));
    let acked = Memo::new(move |_| acked());
    let seen = Memo::new(move |_| seen());
    // The rows are kept while their numbers change.
    let row = move |label: fn(&Words) -> &'static str, percentiles: Memo<Option<Percentiles>>| {
        let columns: [fn(&Percentiles) -> f64; 3] = [|p| p.p50_ms, |p| p.p95_ms, |p| p.p99_ms];
        let cells = columns.map(|ms_of| {
            let text = move || percentiles.get().map(|percentiles| duration(ms_of(&percentiles), prefs.language()));
            view! { <td>{text}</td> }
        });
        view! {
            <tr>
                <th scope="row">{move || label(prefs.words())}</th>
                {cells}
            </tr>
        }
    };
    let has_any = Memo::new(move |_| acked.get().is_some());
    let has_seen = Memo::new(move |_| seen.get().is_some());
    view! {
        <Show when=move || has_any.get()>
            <table class="latencies" data-testid="run-latencies">
                <thead>
                    <tr>
                        <th scope="col">
                            <span class="out-of-sight">{prefs.text(|w| w.latency)}</span>
                        </th>
                        <th scope="col">"p50"</th>
                        <th scope="col">"p95"</th>
                        <th scope="col">"p99"</th>
                    </tr>
                </thead>
                <tbody>
                    {row(|w| w.latency_acked, acked)}
                    <Show when=move || has_seen.get()>{row(|w| w.latency_seen, seen)}</Show>
                </tbody>
            </table>
        </Show>
    }
}

/// The failed records, grouped by reason.
#[component]
fn FailureList() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let failed = Memo::new(move |_| of_run(store, |run| run.failed));
    let failures = move || {
        failed.track();
        store.untracked(|state| state.run().map(|run| run.failures.clone()).unwrap_or_default())
    };
    let item = move |Failures { reason, count, labels }: Failures| {
        let more = count > labels.len() as u64;
        let named: Vec<String> = labels.iter().take(12).map(u64::to_string).collect();
        let dots = if more || labels.len() > named.len() { ", …" } else { "" };
        let is_batch = store.untracked(|state| state.run().is_some_and(|run| matches!(run.title, RunTitle::Batch(_))));
        let words = prefs.words();
        let which = if is_batch { words.failed_lines } else { words.failed_records };
        let which = which.with_list(&format!("{}{dots}", named.join(", ")));
        view! {
            <li>
                <b>{number(count, prefs.language())} "×"</b>
                " "
                {error_text(&reason, prefs.words())}
                <span class="failed-which">{which}</span>
            </li>
        }
    };
    view! {
        <Show when=move || failed.get() != 0>
            <ul class="failures" data-testid="run-failures">
                {move || failures().into_iter().map(item).collect::<Vec<_>>()}
            </ul>
        </Show>
    }
}

/// Why the run stopped before its end.
fn stopped(run: &Run, words: &Words) -> Option<String> {
    let EncodingFailure { label, part, path, message } = run.stopped_by.as_ref()?;
    let Some(label) = label else { return Some(message.clone()) };
    let place = match part {
        Some(RecordPart::Key) => words.key,
        _ => words.value,
    };
    let place = if path.is_empty() { place.to_owned() } else { format!("{place} {path}") };
    let reason = format!("{place}: {message}");
    Some(match run.title {
        RunTitle::Batch(_) => words.run_stopped_line.with_n_why(&label.to_string(), &reason),
        _ => words.run_stopped_record.with_n_why(&label.saturating_add(1).to_string(), &reason),
    })
}

/// `7 of 10 sent · 7 acknowledged · 7 seen`; other counts are omitted while they are 0.
fn note(run: &Run, blocked: Option<SendBlocked>, words: &Words, language: Language) -> String {
    let shown = |n: u64| number(n, language);
    let n = |words: Plural<WithN>, n: u64| words.count(n, &shown(n));
    let sent = match run.total {
        Some(total) => words.run_sent.with_n_total(&shown(run.sent), &shown(total)),
        None => n(words.run_sent_count, run.sent),
    };
    let mut parts = vec![sent, n(words.run_acked_count, run.acked)];
    if run.failed > 0 {
        parts.push(n(words.run_failed_count, run.failed));
    }
    if run.unknown > 0 {
        parts.push(n(words.run_unknown_count, run.unknown));
    }
    if run.seen > 0 {
        parts.push(n(words.run_seen_count, run.seen));
    }
    match run.state {
        RunState::Paused => parts.push(words.run_paused.to_owned()),
        RunState::Running => match blocked {
            Some(SendBlocked::NotConnected) => parts.push(words.run_offline.to_owned()),
            Some(SendBlocked::ReadOnly) => parts.push(words.cannot_send_read_only.to_owned()),
            Some(SendBlocked::Forbidden) => parts.push(words.forbidden_write.to_owned()),
            Some(SendBlocked::TooManyWaiting) | None => {}
        },
        _ => {}
    }
    parts.join(" · ")
}
