//! The lag of a group since this view was opened: a chart, its time span, and whether the group catches up.

use leptos::prelude::*;

use crate::context::preferences;
use crate::groups::group_screen::GroupScreen;
use crate::i18n::Words;
use crate::ui::format::number;
use page_model::LagHistory;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 40.0;
/// Half of the line's width stays inside of the chart.
const EDGE: f64 = 1.5;
/// Space above the highest point, so that a constant lag is a line and does not fill the chart.
const ABOVE: f64 = 8.0;

#[component]
pub fn LagChart(screen: GroupScreen) -> impl IntoView {
    let prefs = preferences();
    let paths = Memo::new(move |_| screen.snapshot(|group| (path(&group.history, false), path(&group.history, true))));
    let label = move || {
        let (words, language) = (prefs.words(), prefs.language());
        screen.snapshot(|group| {
            let span = time_words(group.history.span_ms() as f64, words);
            let (now, most) = (number(group.lag, language), number(group.history.highest(), language));
            words.chart_lag.with_most_now_time(&most, &now, &span)
        })
    };
    let most = move || number(screen.snapshot(|group| group.history.highest()), prefs.language());
    let span = move || time_words(screen.snapshot(|group| group.history.span_ms()) as f64, prefs.words());
    view! {
        <figure
            class="lag-chart"
            data-testid="lag-chart"
            data-points=move || screen.snapshot(|group| group.history.samples())
        >
            <span class="chart" role="img" aria-label=label title=label>
                <svg viewBox="0 0 240 40" preserveAspectRatio="none" aria-hidden="true">
                    <path class="area" d=move || paths.with(|(_, area)| area.clone()) />
                    <path d=move || paths.with(|(line, _)| line.clone()) />
                </svg>
            </span>
            <figcaption aria-hidden="true">
                <span>{most}</span>
                <span>{span}</span>
            </figcaption>
        </figure>
    }
}

/// `−120/s · caught up in about 4 min`.
#[component]
pub fn LagTrend(screen: GroupScreen) -> impl IntoView {
    let prefs = preferences();
    move || {
        let (words, language) = (prefs.words(), prefs.language());
        let (lag, growth) = screen.snapshot(|group| (group.lag, group.history.growth_per_second()));
        let growth = growth?;
        let text = match growth.round() as i64 {
            0 if lag == 0 => words.lag_caught_up.to_owned(),
            0 => words.lag_steady.to_owned(),
            per_second if per_second > 0 => words.lag_growing.with_n(&number(per_second.unsigned_abs(), language)),
            per_second => {
                let shrinking = words.lag_shrinking.with_n(&number(per_second.unsigned_abs(), language));
                let left = time_words(lag as f64 / -growth * 1000.0, words);
                if lag == 0 { shrinking } else { format!("{shrinking} · {}", words.lag_caught_up_in.with_time(&left)) }
            }
        };
        let is_growing = growth >= 0.5;
        Some(view! {
            <span class="lag-trend" data-testid="lag-trend" class:bad=is_growing>
                {text}
            </span>
        })
    }
}

/// A rounded duration: `40 s`, `4 min`, `3 h`.
fn time_words(ms: f64, words: &'static Words) -> String {
    let seconds = (ms / 1000.0).round();
    let (text, n) = match seconds {
        seconds if seconds < 120.0 => (words.seconds, seconds),
        seconds if seconds < 7200.0 => (words.minutes, seconds / 60.0),
        seconds => (words.hours, seconds / 3600.0),
    };
    text.with_n(&format!("{n:.0}"))
}

fn path(history: &LagHistory, is_area: bool) -> String {
    let mut path = String::new();
    for line in history.lines(WIDTH, HEIGHT - EDGE - ABOVE) {
        for (at, (x, y)) in line.iter().enumerate() {
            path.push_str(&format!("{}{x:.1} {:.1}", if at == 0 { "M" } else { "L" }, y + ABOVE));
        }
        if let (true, Some((first, _)), Some((last, _))) = (is_area, line.first(), line.last()) {
            path.push_str(&format!("L{last:.1} {HEIGHT}L{first:.1} {HEIGHT}Z"));
        }
    }
    path
}
