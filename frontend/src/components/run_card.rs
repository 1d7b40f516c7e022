//! A run under way or done: how far it is, what came of it, and the way to stop it.

use leptos::prelude::*;

use super::format::duration;
use super::{desk, preferences};
use crate::state::{Run, RunState};
use crate::words::{self, Words, fill};

#[component]
pub fn RunCard() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    // The card is made once and its numbers move, so that nothing jumps and the button stays the same.
    let has_run = Memo::new(move |_| desk.sends(|page| page.run().is_some()));
    let is_running = Memo::new(move |_| of_run(desk, |run| run.state == RunState::Running));
    view! {
        <Show when=move || has_run.get()>
            <div
                class="run"
                data-testid="run"
                data-sent=move || of_run(desk, |run| run.sent)
                data-acked=move || of_run(desk, |run| run.acked)
                data-failed=move || of_run(desk, |run| run.failed)
                data-unknown=move || of_run(desk, |run| run.unknown)
                data-seen=move || of_run(desk, |run| run.seen)
                data-state=move || of_run(desk, |run| run.state.name())
            >
                <div class="run-head">
                    <span class="clip">
                        <b>{prefs.text(|w| w.send_ten)}</b>
                        " "
                        <span class="muted">{move || is_running.get().then(|| prefs.words().run_every)}</span>
                    </span>
                    <RunEnd />
                </div>
                <progress
                    max=move || of_run(desk, |run| run.total)
                    prop:value=move || of_run(desk, |run| f64::from(run.sent))
                    aria-label=prefs.text(|w| w.send_ten)
                ></progress>
                <p class="run-note" role="status">
                    {move || {
                        desk.link(|_| ());
                        let offline = desk.peek(|page| !page.link().is_open());
                        desk.sends(|page| page.run().map(|run| note(run, offline, prefs.words())))
                    }}
                </p>
            </div>
        </Show>
    }
}

fn of_run<T: Default>(desk: crate::desk::Desk, read: impl Fn(&Run) -> T) -> T {
    desk.sends(|page| page.run().map(read).unwrap_or_default())
}

/// The button while it runs, the word for how it ended afterwards.
#[component]
fn RunEnd() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let state = Memo::new(move |_| desk.sends(|page| page.run().map(|run| run.state)));
    let ended = move |word: &str| {
        let median = desk.sends(|page| page.run().and_then(Run::median_ms));
        match median {
            Some(ms) => {
                let median = fill(prefs.words().run_median, &[("ms", &duration(ms, prefs.language()))]);
                format!("{word} · {median}")
            }
            None => word.to_owned(),
        }
    };
    move || match state.get() {
        Some(RunState::Running) => view! {
            <button type="button" class="link" data-testid="run-cancel" on:click=move |_| desk.cancel_run()>
                {prefs.text(|w| w.run_cancel)}
            </button>
        }
        .into_any(),
        Some(RunState::Done) => {
            view! { <span class="muted run-end">{move || ended(prefs.words().run_done)}</span> }.into_any()
        }
        _ => view! { <span class="muted run-end">{move || ended(prefs.words().run_cancelled)}</span> }.into_any(),
    }
}

/// `7 of 10 sent · 7 acknowledged · 7 seen`; what did not happen is not mentioned.
fn note(run: &Run, offline: bool, words: &Words) -> String {
    let n = |one: &str, many: &str, n: u32| words::count(one, many, u64::from(n), &n.to_string());
    let mut parts = vec![
        fill(words.run_sent, &[("n", &run.sent.to_string()), ("total", &run.total.to_string())]),
        n(words.run_acked_one, words.run_acked_many, run.acked),
    ];
    if run.failed > 0 {
        parts.push(n(words.run_failed_one, words.run_failed_many, run.failed));
    }
    if run.unknown > 0 {
        parts.push(n(words.run_unknown_one, words.run_unknown_many, run.unknown));
    }
    if run.seen > 0 {
        parts.push(n(words.run_seen_one, words.run_seen_many, run.seen));
    }
    if offline && run.state == RunState::Running {
        parts.push(words.run_paused.to_owned());
    }
    parts.join(" · ")
}
