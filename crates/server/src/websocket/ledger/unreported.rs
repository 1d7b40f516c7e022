//! Which outcomes must still be sent to the client: ranges of numbers. Overlapping ranges are joined, so repeated
//! requests take no more memory.

use std::collections::BTreeMap;
use std::ops::Range;

/// Disjoint, non-adjacent ranges: the first number, and the number after the last.
#[derive(Default)]
pub struct Unreported(BTreeMap<u64, u64>);

impl Unreported {
    pub fn add(&mut self, Range { mut start, mut end }: Range<u64>) {
        if start >= end {
            return;
        }
        // Usually the new range directly follows the last one, or is the only one.
        while let Some((&before, &before_end)) = self.0.range(..=end).next_back()
            && before_end >= start
        {
            start = start.min(before);
            end = end.max(before_end);
            self.0.remove(&before);
        }
        self.0.insert(start, end);
    }

    pub fn first(&self) -> Option<Range<u64>> {
        self.0.first_key_value().map(|(&start, &end)| start..end)
    }

    /// Removes the numbers below `before` from the first range, because their outcomes were sent.
    pub fn remove_before(&mut self, before: u64) {
        if let Some((start, end)) = self.0.pop_first()
            && before < end
        {
            self.0.insert(before.max(start), end);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.0.len() * size_of::<(u64, u64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ranges: &[Range<u64>]) -> Vec<(u64, u64)> {
        let mut unreported = Unreported::default();
        ranges.iter().for_each(|range| unreported.add(range.clone()));
        unreported.0.into_iter().collect()
    }

    #[test]
    fn touching_and_overlapping_ranges_are_joined() {
        assert_eq!(of(&[0..2, 2..3]), [(0, 3)]);
        assert_eq!(of(&[5..6, 0..2, 1..9]), [(0, 9)]);
        assert_eq!(of(&[0..10, 3..4]), [(0, 10)]);
        assert_eq!(of(&[4..6, 0..2, 8..9, 1..8]), [(0, 9)]);
        assert_eq!(of(&[4..6, 0..2, 3..3]), [(0, 2), (4, 6)]);
    }

    #[test]
    fn reported_numbers_are_removed_from_the_front() {
        let mut unreported = Unreported::default();
        unreported.add(0..10);
        unreported.add(20..30);
        unreported.remove_before(4);
        assert_eq!(unreported.first(), Some(4..10));
        unreported.remove_before(10);
        assert_eq!(unreported.first(), Some(20..30));
    }

    #[test]
    fn ranges_with_a_number_between_them_stay_apart() {
        assert_eq!(of(&[0..2, 3..5]), [(0, 2), (3, 5)]);
        assert_eq!(of(&[3..5, 0..2]), [(0, 2), (3, 5)]);
        assert_eq!(of(&[0..2, 6..8, 2..5]), [(0, 5), (6, 8)]);
        assert_eq!(of(&[0..2, 6..8, 3..6]), [(0, 2), (3, 8)]);
        assert_eq!(of(&[3..3, 7..7]), [], "empty ranges");
    }

    #[test]
    fn removal_below_the_first_range_keeps_it() {
        let mut unreported = Unreported::default();
        unreported.add(5..10);
        unreported.remove_before(3);
        assert_eq!(unreported.first(), Some(5..10));
        unreported.remove_before(9);
        assert_eq!(unreported.first(), Some(9..10));
        unreported.remove_before(u64::MAX);
        assert_eq!((unreported.first(), unreported.is_empty()), (None, true));
        unreported.remove_before(20);
        assert!(unreported.is_empty());
    }

    #[test]
    fn memory_grows_with_the_number_of_ranges() {
        let mut unreported = Unreported::default();
        for (ranges, start) in [(1, 0), (2, 20), (1, 10), (2, 40)] {
            unreported.add(start..start + 10);
            assert_eq!((unreported.bytes(), unreported.is_empty()), (ranges * 16, false), "{start}");
        }
    }
}
