//! The timeline of a search: a range of time in buckets of a round length, what is counted in them, and the buckets that the
//! user chooses.

use protocol::{Order, RangeBound, Search, TimelineRequest};

use super::FoundRecords;
use crate::entry::Entry;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 24 hours in buckets of 15 minutes, and one more because the range does not start at a quarter of an hour.
const MAX_BUCKETS: i64 = 97;

/// The lengths that a bucket may have; a longer range has buckets of several years.
const LENGTHS: [i64; 27] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
    90 * DAY,
    365 * DAY,
];

/// Buckets of equal length, whose bounds are multiples of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeBuckets {
    /// The start of the first bucket, in milliseconds since 1970-01-01 UTC.
    pub from: i64,
    pub length_ms: i64,
    pub count: u32,
}

impl TimeBuckets {
    /// The buckets that contain `from` to `to` (exclusive). `ahead_ms`: by how much local time is ahead of UTC, so that days start
    /// at the user's midnight. `None` for an empty range, and for times that no clock shows.
    pub fn covering(from: i64, to: i64, ahead_ms: i64) -> Option<Self> {
        // Beyond these, JavaScript has no dates.
        const LIMIT: i64 = 8_640_000_000_000_000;
        if from >= to || from < -LIMIT || to > LIMIT {
            return None;
        }
        let around = |length_ms: i64| {
            let first = (from + ahead_ms).div_euclid(length_ms);
            let end = (to - 1 + ahead_ms).div_euclid(length_ms) + 1;
            Self {
                from: first * length_ms - ahead_ms,
                length_ms,
                count: u32::try_from(end - first).unwrap_or(u32::MAX),
            }
        };
        let fits = |buckets: &Self| i64::from(buckets.count) <= MAX_BUCKETS;
        LENGTHS.into_iter().map(around).find(fits).or_else(|| {
            let years = (to - from) / (365 * DAY * (MAX_BUCKETS - 2)) + 1;
            Some(around(years * 365 * DAY)).filter(fits)
        })
    }

    pub fn start_of(&self, bucket: u32) -> i64 {
        self.from + self.length_ms * i64::from(bucket)
    }

    /// The end of the last bucket (exclusive).
    pub fn to(&self) -> i64 {
        self.start_of(self.count)
    }

    pub fn bucket_of(&self, ms: i64) -> Option<usize> {
        (self.from..self.to()).contains(&ms).then(|| usize::try_from((ms - self.from) / self.length_ms).ok()).flatten()
    }

    /// The bucket at this share of the width, from 0 to 1; the first or the last one beyond the edges.
    pub fn bucket_at(&self, share: f64) -> u32 {
        let bucket = (share.clamp(0.0, 1.0) * f64::from(self.count)) as u32;
        bucket.min(self.count.saturating_sub(1))
    }

    /// How many of the records are in each bucket.
    pub fn count_of(&self, rows: &[Entry]) -> Vec<u64> {
        let mut counts = vec![0; self.count as usize];
        let timestamps = rows.iter().filter_map(|row| row.record()?.timestamp);
        for bucket in timestamps.filter_map(|ms| self.bucket_of(ms)) {
            if let Some(count) = counts.get_mut(bucket) {
                *count += 1;
            }
        }
        counts
    }

    pub fn request(&self, topic: &str, partitions: &[i32]) -> TimelineRequest {
        TimelineRequest {
            topic: topic.to_owned(),
            partitions: partitions.to_vec(),
            from: self.from,
            to: self.to(),
            buckets: self.count,
        }
    }
}

/// Buckets that are chosen by dragging, or with the keyboard: from where the choice began to where it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChosenBuckets {
    pub anchor: u32,
    pub cursor: u32,
}

impl ChosenBuckets {
    pub fn one(bucket: u32) -> Self {
        Self { anchor: bucket, cursor: bucket }
    }

    /// The first and the last chosen bucket.
    pub fn ends(&self) -> (u32, u32) {
        (self.anchor.min(self.cursor), self.anchor.max(self.cursor))
    }

    /// The cursor moves by this many buckets within `count` buckets. Without `extends`, the choice is the bucket at the cursor.
    #[must_use]
    pub fn moved(&self, steps: i64, extends: bool, count: u32) -> Self {
        let last = i64::from(count.saturating_sub(1));
        let cursor = i64::from(self.cursor).saturating_add(steps).clamp(0, last);
        let cursor = u32::try_from(cursor).unwrap_or_default();
        Self { anchor: if extends { self.anchor } else { cursor }, cursor }
    }

    /// The times at which the chosen buckets start and end (exclusive).
    pub fn times(&self, buckets: &TimeBuckets) -> (i64, i64) {
        let (first, last) = self.ends();
        (buckets.start_of(first), buckets.start_of(last + 1))
    }

    /// The sum of the counts of the chosen buckets.
    pub fn sum(&self, counts: &[u64]) -> u64 {
        let (first, last) = self.ends();
        counts.iter().take(last as usize + 1).skip(first as usize).sum()
    }
}

/// What is known about the times of a topic's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicTimes {
    pub oldest_ms: Option<i64>,
    /// Of the records that were found.
    pub newest_ms: Option<i64>,
    /// When the latest search started.
    pub now_ms: i64,
}

/// Whether the timeline of the search needs the timestamp of the topic's oldest record.
pub fn needs_oldest(search: &Search) -> bool {
    !matches!(search.from, RangeBound::Timestamp(_))
}

/// The range of the search if times bound it. An open start is the oldest record, an open end the newest known one, or now.
/// `None` while it is not known.
pub fn timeline_range(search: &Search, times: &TopicTimes) -> Option<(i64, i64)> {
    let from = match search.from {
        RangeBound::Timestamp(from) => from,
        _ => times.oldest_ms?,
    };
    let to = match (&search.to, &search.from, times.newest_ms) {
        (RangeBound::Timestamp(to), ..) => *to,
        (_, RangeBound::Timestamp(_), _) | (.., None) => times.now_ms.max(from + 1),
        (.., Some(newest)) => newest.max(from) + 1,
    };
    (from < to).then_some((from, to))
}

/// Whether the first record that the search finds is the newest one of the topic.
fn shows_newest(search: &Search) -> bool {
    search.order == Order::Newest && search.to == RangeBound::Latest && search.filter.is_empty()
}

impl FoundRecords {
    /// Whether the rows will show the topic's newest record soon: the timeline of the whole topic then ends there.
    pub fn waits_for_newest(&self) -> bool {
        self.is_running() && self.rows().is_empty() && self.request().is_some_and(shows_newest)
    }

    /// The newest known timestamp of the topic: that of the rows if they include the newest record, or are newer than `known`.
    pub fn newer_than(&self, known: Option<i64>) -> Option<i64> {
        if known.is_none() && !self.request().is_some_and(shows_newest) {
            return None;
        }
        known.max(self.rows().iter().filter_map(|row| row.record()?.timestamp).max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-22 08:26:40 UTC.
    const START: i64 = 1_763_800_000_000;

    fn search(json: &str) -> Search {
        protocol::from_json(&format!(r#"{{"topics":["orders"],"count":50{json}}}"#)).expect("a search")
    }

    #[test]
    fn buckets_have_a_round_length_and_cover_the_range() {
        let of = |from, to| TimeBuckets::covering(from, to, 0).map(|buckets| (buckets.length_ms, buckets.count));
        assert_eq!(of(START, START + 1), Some((SECOND, 1)));
        assert_eq!(of(START, START + 5 * MINUTE), Some((5 * SECOND, 60)));
        assert_eq!(of(START, START + HOUR), Some((MINUTE, 61)));
        assert_eq!(of(START, START + DAY), Some((15 * MINUTE, 97)));
        assert_eq!(of(0, DAY), Some((15 * MINUTE, 96)));
        assert_eq!(of(START, START + 7 * DAY), Some((2 * HOUR, 85)));
        assert_eq!(of(START, START + 30 * DAY), Some((12 * HOUR, 61)));
        assert_eq!(of(0, START), Some((365 * DAY, 56)));
        assert_eq!(of(START, START), None);
        assert_eq!(of(i64::MIN, START), None);
        assert_eq!(of(0, i64::MAX), None);
        let long = TimeBuckets::covering(-8_640_000_000_000_000, 8_640_000_000_000_000, 0).expect("long buckets");
        assert!(i64::from(long.count) <= MAX_BUCKETS, "{long:?}");
        for seconds in 1..100_000 {
            let (from, to) = (START + seconds, START + seconds * 997);
            let buckets = TimeBuckets::covering(from, to, 0).expect("buckets");
            assert!(buckets.from <= from && to <= buckets.to(), "{buckets:?}");
            assert!(i64::from(buckets.count) <= MAX_BUCKETS, "{buckets:?}");
        }
    }

    #[test]
    fn days_start_at_the_midnight_of_the_time_zone() {
        let buckets = TimeBuckets::covering(START, START + 60 * DAY, HOUR).expect("buckets");
        assert_eq!((buckets.length_ms, buckets.from.rem_euclid(DAY)), (DAY, 23 * HOUR));
    }

    #[test]
    fn each_time_belongs_to_one_bucket() {
        let buckets = TimeBuckets { from: START, length_ms: SECOND, count: 3 };
        let of = |after| buckets.bucket_of(START + after);
        assert_eq!([-1, 0, 999, 1000, 2999, 3000].map(of), [None, Some(0), Some(0), Some(1), Some(2), None]);
        assert_eq!([-1.0, 0.0, 0.5, 0.99, 1.0, 7.0].map(|share| buckets.bucket_at(share)), [0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn chosen_buckets_follow_the_cursor() {
        let one = ChosenBuckets::one(3);
        assert_eq!(one.moved(-1, false, 10), ChosenBuckets::one(2));
        assert_eq!(one.moved(i64::MAX, false, 10), ChosenBuckets::one(9));
        let extended = one.moved(-2, true, 10);
        assert_eq!(extended.ends(), (1, 3));
        let buckets = TimeBuckets { from: START, length_ms: SECOND, count: 10 };
        assert_eq!(extended.times(&buckets), (START + 1000, START + 4000));
        assert_eq!(extended.sum(&[1, 10, 100, 1000, 10_000]), 1110);
        assert_eq!(ChosenBuckets::one(7).sum(&[1]), 0);
    }

    #[test]
    fn open_ends_of_the_range_are_the_oldest_and_the_newest_record() {
        let times = TopicTimes { oldest_ms: Some(10), newest_ms: Some(70), now_ms: 100 };
        let range = |json: &str, times: &TopicTimes| timeline_range(&search(json), times);
        assert_eq!(range("", &times), Some((10, 71)));
        assert_eq!(range("", &TopicTimes { newest_ms: None, ..times }), Some((10, 100)));
        assert_eq!(range("", &TopicTimes { oldest_ms: None, ..times }), None);
        assert_eq!(range(r#","from":{"timestamp":20}"#, &times), Some((20, 100)));
        assert_eq!(range(r#","from":{"timestamp":20},"to":{"timestamp":30}"#, &TopicTimes::default()), Some((20, 30)));
        assert_eq!(range(r#","to":{"timestamp":30}"#, &times), Some((10, 30)));
        assert_eq!(range(r#","to":{"timestamp":5}"#, &times), None);
        assert_eq!(range(r#","from":{"last":5}"#, &times), Some((10, 71)));
        assert!(needs_oldest(&search("")) && !needs_oldest(&search(r#","from":{"timestamp":20}"#)));
    }
}
