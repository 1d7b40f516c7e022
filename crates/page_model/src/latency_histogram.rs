//! A histogram of latencies in constant memory, for percentiles.

use hdrhistogram::Histogram;

/// Ten minutes; longer latencies are counted as ten minutes.
const LONGEST_US: u64 = 600_000_000;
/// Two significant digits: percentiles are accurate to one per cent, which is more than the page shows.
const DIGITS: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
}

#[derive(Debug)]
pub struct LatencyHistogram(Option<Histogram<u64>>);

impl Default for LatencyHistogram {
    fn default() -> Self {
        // Fails only for invalid bounds.
        Self(Histogram::new_with_bounds(1, LONGEST_US, DIGITS).ok())
    }
}

impl LatencyHistogram {
    pub fn record(&mut self, ms: f64, count: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n((ms * 1000.0).max(1.0) as u64, count);
        }
    }

    pub fn percentiles(&self) -> Option<Percentiles> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Some(Percentiles { p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_accurate_to_one_per_cent() {
        let mut latency = LatencyHistogram::default();
        assert_eq!(latency.percentiles(), None);
        (1..=1000).for_each(|ms| latency.record(f64::from(ms), 3));
        let Percentiles { p50_ms, p95_ms, p99_ms } = latency.percentiles().expect("values");
        for (found, right) in [(p50_ms, 500.0), (p95_ms, 950.0), (p99_ms, 990.0)] {
            assert!((found / right - 1.0).abs() < 0.01, "{found} is not {right}");
        }
    }
}
