//! Passes the high watermarks of the last fetches to the feed of a group, which computes the lag from them.

use std::time::{Duration, Instant};

use super::Reader;
use crate::native;
use feed::ReadMode;

/// Often enough for a lag that Prometheus asks for every few seconds.
const EVERY: Duration = Duration::from_secs(1);

impl Reader {
    pub(super) fn note_high_watermarks(&mut self) {
        let now = Instant::now();
        if !matches!(self.mode, ReadMode::Group { .. }) || now < self.watermarks_at {
            return;
        }
        self.watermarks_at = now + EVERY;
        let known = self.feed.next_offsets().into_keys().filter_map(|partition| {
            let high = native::fetched_high_watermark(&self.consumer, &partition.topic, partition.partition)?;
            Some((partition, high))
        });
        self.feed.set_high_watermarks(known.collect());
    }
}
