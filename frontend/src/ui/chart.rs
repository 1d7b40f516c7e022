//! A small line chart of recent values: the newest value at the right edge, 0 at the bottom, the highest value at the top.

use leptos::prelude::*;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 22.0;
/// Points of a full chart: 60 seconds, or 60 records.
const POINTS: usize = 60;

/// `label`: a description of the chart, for screen readers and as a tooltip.
#[component]
pub fn Chart(
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

/// Adds a point, and removes the oldest point of a full chart.
pub fn keep_point(points: &mut Vec<f64>, point: f64) {
    if points.len() == POINTS {
        points.remove(0);
    }
    points.push(point);
}

pub fn highest(points: &[f64]) -> f64 {
    points.iter().copied().fold(0.0, f64::max)
}

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
