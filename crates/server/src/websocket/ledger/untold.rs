//! Which outcomes a client has still to be told: ranges of numbers, joined so that repeating a request costs nothing.

use std::collections::BTreeMap;
use std::ops::Range;

/// Disjoint ranges with holes between them: from a first number to the one after the last.
#[derive(Default)]
pub struct Untold(BTreeMap<u64, u64>);

impl Untold {
    pub fn add(&mut self, Range { mut start, mut end }: Range<u64>) {
        if start >= end {
            return;
        }
        // The usual case: right behind the last range, or the only one.
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

    /// Everything before this number, in the first range, was told.
    pub fn told(&mut self, before: u64) {
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
        let mut untold = Untold::default();
        ranges.iter().for_each(|range| untold.add(range.clone()));
        untold.0.into_iter().collect()
    }

    #[test]
    fn ranges_that_touch_or_overlap_are_one() {
        assert_eq!(of(&[0..2, 2..3]), [(0, 3)]);
        assert_eq!(of(&[5..6, 0..2, 1..9]), [(0, 9)]);
        assert_eq!(of(&[0..10, 3..4]), [(0, 10)]);
        assert_eq!(of(&[4..6, 0..2, 8..9, 1..8]), [(0, 9)]);
        assert_eq!(of(&[4..6, 0..2, 3..3]), [(0, 2), (4, 6)]);
    }

    #[test]
    fn what_was_told_leaves_from_the_front() {
        let mut untold = Untold::default();
        untold.add(0..10);
        untold.add(20..30);
        untold.told(4);
        assert_eq!(untold.first(), Some(4..10));
        untold.told(10);
        assert_eq!(untold.first(), Some(20..30));
    }
}
