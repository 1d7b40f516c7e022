//! The lag of a group over time: the data of its chart, and whether the group catches up.

use std::collections::VecDeque;

/// Ten minutes at one sample per second.
const POINTS: usize = 600;
/// Samples further apart than this had an interruption in between, such as a lost connection: the line is broken there.
const APART_MS: i64 = 10_000;
/// The growth is measured over this time. Over a shorter time it would jump with every commit; a longer time hides changes.
const GROWTH_MS: i64 = 30_000;

/// The time of a sample in milliseconds since 1970-01-01 UTC, and the lag at that time.
pub type LagPoint = (i64, u64);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LagHistory {
    points: VecDeque<LagPoint>,
}

impl LagHistory {
    pub fn push(&mut self, at_ms: i64, lag: u64) {
        // A restarted bridge may have an earlier clock; older samples would be drawn in the wrong order.
        if self.points.back().is_some_and(|&(last_ms, _)| at_ms <= last_ms) {
            self.points.clear();
        }
        self.points.push_back((at_ms, lag));
        if self.points.len() > POINTS {
            self.points.pop_front();
        }
    }

    pub fn samples(&self) -> usize {
        self.points.len()
    }

    pub fn highest(&self) -> u64 {
        self.points.iter().map(|&(_, lag)| lag).max().unwrap_or(0)
    }

    /// From the first point to the last, in milliseconds.
    pub fn span_ms(&self) -> i64 {
        self.points.front().zip(self.points.back()).map_or(0, |(first, last)| last.0 - first.0)
    }

    /// How much the lag grows in a second, or (negative) shrinks; `None` with less than three seconds of samples.
    pub fn growth_per_second(&self) -> Option<f64> {
        let &(now_ms, now) = self.points.back()?;
        let &(then_ms, then) = self.points.iter().find(|&&(at_ms, _)| now_ms - at_ms <= GROWTH_MS)?;
        let seconds = (now_ms - then_ms) as f64 / 1000.0;
        (seconds >= 3.0).then(|| (now as f64 - then as f64) / seconds)
    }

    /// The lines of a chart of this size: time from left to right, lag 0 at the bottom. Missing samples break a line.
    pub fn lines(&self, width: f64, height: f64) -> Vec<Vec<(f64, f64)>> {
        let Some(&(first_ms, _)) = self.points.front() else { return Vec::new() };
        let (span_ms, highest) = (self.span_ms().max(1) as f64, self.highest().max(1) as f64);
        let mut lines: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut last_ms = i64::MIN;
        for &(at_ms, lag) in &self.points {
            let point = (width * (at_ms - first_ms) as f64 / span_ms, height - height * lag as f64 / highest);
            match lines.last_mut().filter(|_| at_ms - last_ms <= APART_MS) {
                Some(line) => line.push(point),
                None => lines.push(vec![point]),
            }
            last_ms = at_ms;
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(points: impl IntoIterator<Item = LagPoint>) -> LagHistory {
        let mut history = LagHistory::default();
        points.into_iter().for_each(|(at_ms, lag)| history.push(at_ms, lag));
        history
    }

    #[test]
    fn chart_lines_break_where_samples_are_missing() {
        let history = history([(1_000, 0), (2_000, 50), (21_000, 100)]);
        assert_eq!(history.lines(200.0, 10.0), [vec![(0.0, 10.0), (10.0, 5.0)], vec![(200.0, 0.0)]]);
        assert_eq!(LagHistory::default().lines(200.0, 10.0), Vec::<Vec<_>>::new());
    }

    #[test]
    fn growth_is_measured_over_the_last_thirty_seconds() {
        assert_eq!(history([(0, 100), (1_000, 90)]).growth_per_second(), None, "too early to tell");
        let slowing =
            (0..=60).map(|second| (second * 1000, if second < 30 { 1000 } else { 1300 - 10 * second as u64 }));
        assert_eq!(history(slowing).growth_per_second(), Some(-10.0));
    }

    #[test]
    fn history_keeps_at_most_ten_minutes() {
        let history = history((0..2000).map(|second| (second * 1000, 1)));
        assert_eq!((history.samples(), history.span_ms()), (POINTS, 599_000));
    }
}
