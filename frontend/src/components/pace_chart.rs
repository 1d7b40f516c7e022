//! Two small pictures: records a second over the last minute, and how long the page's own records took to be seen.

use leptos::prelude::*;

use super::chart::{Chart, highest};
use super::format::{duration, number};
use super::{desk, preferences};
use crate::words::fill;
use page_model::arrange;

#[component]
pub fn PaceCharts() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    // Both change once a second, or once for each own record.
    let rates = Memo::new(move |_| desk.counts(|page| page.pace().seconds().map(|n| n as f64).collect::<Vec<_>>()));
    let round_trips = Memo::new(move |_| {
        desk.sends(|_| ());
        desk.counts(|page| page.pace().round_trips_ms().collect::<Vec<_>>())
    });
    let rate_label = move || {
        let most = rates.with(|rates| highest(rates)) as u64;
        fill(prefs.words().chart_rate, &[("n", &number(most, prefs.language()))])
    };
    let seen_label = move || {
        round_trips.with(|ms| {
            let middle = duration(median(ms), prefs.language());
            fill(prefs.words().chart_seen, &[("n", &ms.len().to_string()), ("ms", &middle)])
        })
    };
    view! {
        <Chart points=rates class="chart" testid="chart-rate" label=Signal::derive(rate_label) />
        <Chart points=round_trips class="chart own" testid="chart-seen" label=Signal::derive(seen_label) />
    }
}

fn median(points: &[f64]) -> f64 {
    let mut sorted = points.to_vec();
    arrange(&mut sorted, f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
