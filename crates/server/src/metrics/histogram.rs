//! A histogram without locks. Observations come from many threads, once for each batch of records; the histogram of
//! `prometheus-client` locks a mutex for each of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// The upper bounds of latencies, in microseconds: 100 µs to 60 s.
pub const LATENCY_BOUNDS_US: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000, 60_000_000,
];

/// The upper bounds of ages, in microseconds: 1 ms to 1 day. Timestamps of records are in milliseconds.
pub const AGE_BOUNDS_US: &[u64] = &[
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    300_000_000,
    3_600_000_000,
    86_400_000_000,
];

/// Counts durations in buckets. A clone counts in the same buckets.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds_us: &'static [u64],
    /// One more than there are bounds: the last one has what exceeds them.
    buckets: Box<[AtomicU64]>,
    /// Reaches its limit after 584,000 years of latency.
    sum_us: AtomicU64,
}

impl Histogram {
    pub fn new(bounds_us: &'static [u64]) -> Self {
        let buckets = (0..=bounds_us.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { bounds_us, buckets, sum_us: AtomicU64::new(0) }))
    }

    /// Counts `times` observations of the same value.
    pub fn observe(&self, value: Duration, times: u64) {
        let Inner { bounds_us, buckets, sum_us } = &*self.0;
        let us = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        let bucket = bounds_us.partition_point(|bound| *bound < us);
        buckets[bucket].fetch_add(times, Ordering::Relaxed);
        sum_us.fetch_add(us.saturating_mul(times), Ordering::Relaxed);
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let seconds = |us: u64| us as f64 / 1e6;
        let Inner { bounds_us, buckets, sum_us } = &*self.0;
        let bounds = bounds_us.iter().map(|bound| seconds(*bound)).chain([f64::INFINITY]);
        let counts = buckets.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        // Not counted separately, so that it always equals the last bucket.
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(seconds(sum_us.load(Ordering::Relaxed)), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn bound_belongs_to_its_bucket_and_larger_values_to_the_last() {
        let histogram = Histogram::new(&[100, 1000]);
        for (us, times) in [(0, 1), (100, 2), (101, 4), (1000, 8), (1001, 16), (90_000_000, 32)] {
            histogram.observe(Duration::from_micros(us), times);
        }
        let mut registry = Registry::default();
        registry.register("h", "A histogram", histogram);
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a String");
        for line in [
            r#"h_bucket{le="0.0001"} 3"#,
            r#"h_bucket{le="0.001"} 15"#,
            r#"h_bucket{le="+Inf"} 63"#,
            "h_count 63",
            "h_sum 2880.02462",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }
}
