//! Two charts: records received per second over the last minute, and the round trips of the page's own records.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::ui::chart::{Chart, highest};
use crate::ui::format::{duration, number};
use page_model::{ReadState, stable_sort};

#[component]
pub fn RateCharts() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    // The memos change once a second, and with each own record.
    let rates =
        Memo::new(move |_| store.read(|state| state.receive_stats().seconds().map(|n| n as f64).collect::<Vec<_>>()));
    let round_trips =
        Memo::new(move |_| store.read(|state| state.receive_stats().round_trips_ms().collect::<Vec<_>>()));
    let rate_label = move || {
        let most = rates.with(|rates| highest(rates)) as u64;
        prefs.words().chart_rate.with_n(&number(most, prefs.language()))
    };
    let seen_label = move || {
        round_trips.with(|ms| {
            let middle = duration(median(ms), prefs.language());
            prefs.words().chart_seen.with_ms_n(&middle, &ms.len().to_string())
        })
    };
    view! {
        <Chart points=rates class="chart" testid="chart-rate" label=Signal::derive(rate_label) />
        <Chart points=round_trips class="chart own" testid="chart-seen" label=Signal::derive(seen_label) />
    }
}

fn median(points: &[f64]) -> f64 {
    let mut sorted = points.to_vec();
    stable_sort(&mut sorted, f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
