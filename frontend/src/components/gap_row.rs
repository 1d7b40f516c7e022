//! A hole in the list: how many records are missing, which, and why.

use leptos::prelude::*;
use protocol::GapReason;

use super::format::number;
use super::preferences;
use crate::state::GapRow;
use crate::words::fill;

#[component]
pub fn GapLine(gap: GapRow) -> impl IntoView {
    let prefs = preferences();
    let (from, to) = (gap.from, gap.to);
    let reason = match gap.reason {
        GapReason::Slow => "slow",
        GapReason::Retention => "retention",
        GapReason::Recreated => "recreated",
    };
    let text = move || {
        let words = prefs.words();
        let template = match (gap.reason, gap.records()) {
            (GapReason::Recreated, _) => words.gap_recreated,
            (GapReason::Slow, 1) => words.gap_slow_one,
            (GapReason::Slow, _) => words.gap_slow_many,
            (GapReason::Retention, 1) => words.gap_retention_one,
            (GapReason::Retention, _) => words.gap_retention_many,
        };
        let n = number(gap.records(), prefs.language());
        // `to` is exclusive on the wire; people read "10 to 129".
        fill(template, &[("n", &n), ("from", &from.to_string()), ("to", &(to - 1).to_string())])
    };
    let title = text.clone();
    view! {
        <div
            class="gap"
            role="row"
            data-testid="gap"
            data-from=from.to_string()
            data-to=to.to_string()
            data-reason=reason
            title=title
        >
            <span role="gridcell" class="clip">
                <span aria-hidden="true">"⚠ "</span>
                {text}
            </span>
        </div>
    }
}
