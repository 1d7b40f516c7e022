//! Two small pictures: records a second over the last minute, and how long the page's own records took to be seen.

use leptos::prelude::*;

use super::format::{duration, number};
use super::{desk, preferences};
use crate::words::fill;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 22.0;
/// Points of a full picture: a minute, or sixty records.
const POINTS: usize = 60;

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

#[component]
fn Chart(
    points: Memo<Vec<f64>>,
    class: &'static str,
    testid: &'static str,
    #[prop(into)] label: Signal<String>,
) -> impl IntoView {
    view! {
        <Show when=move || points.with(|points| points.len() > 1)>
            <span class=class role="img" data-testid=testid aria-label=move || label.get() title=move || label.get()>
                <svg viewBox="0 0 120 22" width="120" height="22" preserveAspectRatio="none" aria-hidden="true">
                    <path class="area" d=move || points.with(|points| path(points, true)) />
                    <path d=move || points.with(|points| path(points, false)) />
                </svg>
            </span>
        </Show>
    }
}

fn highest(points: &[f64]) -> f64 {
    points.iter().copied().fold(0.0, f64::max)
}

fn median(points: &[f64]) -> f64 {
    let mut sorted = points.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// The newest at the right edge.
fn path(points: &[f64], is_area: bool) -> String {
    let most = highest(points).max(1.0);
    let step = WIDTH / (POINTS - 1) as f64;
    let left = WIDTH - step * points.len().saturating_sub(1) as f64;
    let mut path = String::new();
    for (at, point) in points.iter().enumerate() {
        let (x, y) = (left + step * at as f64, HEIGHT - 1.0 - (HEIGHT - 3.0) * point / most);
        path.push_str(&format!("{}{} {}", if at == 0 { "M" } else { "L" }, tenths(x), tenths(y)));
    }
    if is_area {
        path.push_str(&format!("L{WIDTH} {HEIGHT}L{} {HEIGHT}Z", tenths(left)));
    }
    path
}

fn tenths(n: f64) -> f64 {
    (n * 10.0).round() / 10.0
}
