//! The live list as it is on screen: the ring of records, and whether the display follows it or is held. Reception never
//! stops while the display is held.

use std::sync::Arc;

use super::filter::Filter;
use super::ring::{Counts, Entry, Ring};

/// Why the display does not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The user scrolled up; coming back to the end lets go.
    Scrolled,
    /// The user paused; only resuming lets go.
    Paused,
}

/// The list as it was when the display was held. It shares its records with the ring, so holding costs pointers, and at
/// worst, when the ring has moved on entirely, the ring's limit a second time.
#[derive(Debug)]
struct Held {
    why: Hold,
    entries: Vec<Arc<Entry>>,
    /// The ring's next index then: what is newer is not shown.
    end_index: u64,
    /// The ring's `matched_ever` then.
    matched_then: u64,
}

#[derive(Debug, Default)]
pub struct Feed {
    pub ring: Ring,
    held: Option<Held>,
}

impl Feed {
    pub fn hold(&self) -> Option<Hold> {
        self.held.as_ref().map(|held| held.why)
    }

    pub fn is_paused(&self) -> bool {
        self.hold() == Some(Hold::Paused)
    }

    /// Freezes the display. A pause outranks a scroll and keeps what the scroll froze.
    pub fn freeze(&mut self, why: Hold) {
        match &mut self.held {
            Some(held) => {
                if why == Hold::Paused {
                    held.why = why;
                }
            }
            None => {
                self.held = Some(Held {
                    why,
                    entries: self.ring.snapshot(),
                    end_index: self.ring.next_index(),
                    matched_then: self.ring.matched_ever(),
                });
            }
        }
    }

    /// Follows the newest again.
    pub fn follow(&mut self) {
        self.held = None;
    }

    /// Records that came since the display was held and pass the filter.
    pub fn unseen(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| self.ring.matched_ever().saturating_sub(held.matched_then))
    }

    pub fn set_filter(&mut self, filter: Filter) {
        self.ring.set_filter(filter);
        // Of the held list, what the ring has meanwhile dropped goes: it cannot be found again when the filter changes.
        if let Some(held) = &mut self.held {
            let all = self.ring.snapshot();
            let (shown, unseen): (Vec<_>, Vec<_>) = all.into_iter().partition(|entry| entry.index() < held.end_index);
            held.entries = shown;
            let unseen_records = unseen.iter().filter(|entry| entry.record().is_some()).count() as u64;
            held.matched_then = self.ring.matched_ever() - unseen_records;
        }
    }

    pub fn clear(&mut self) {
        self.ring.clear();
        if let Some(held) = &mut self.held {
            held.entries.clear();
            held.end_index = self.ring.next_index();
            held.matched_then = self.ring.matched_ever();
        }
    }

    pub fn counts(&self) -> Counts {
        self.ring.counts()
    }

    /// Rows of the list on screen.
    pub fn len(&self) -> usize {
        self.held.as_ref().map_or_else(|| self.ring.len(), |held| held.entries.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, place: usize) -> Option<&Arc<Entry>> {
        match &self.held {
            Some(held) => held.entries.get(place),
            None => self.ring.get(place),
        }
    }

    /// Where an entry stands in the list on screen.
    pub fn place_of(&self, index: u64) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle)?.index() < index { low = middle + 1 } else { high = middle }
        }
        self.get(low).filter(|entry| entry.index() == index).map(|_| low)
    }

    /// The record `steps` rows below (or above) the selected one; gaps are passed over, and the ends stop it. Without a
    /// selection: the last record.
    pub fn step_from(&self, selected: Option<u64>, steps: i64) -> Option<(usize, Arc<Entry>)> {
        let last = self.len().checked_sub(1)? as i64;
        let mut place = match selected.and_then(|index| self.place_of(index)) {
            Some(place) => (place as i64 + steps).clamp(0, last),
            None => last,
        };
        let onward = if steps < 0 { -1 } else { 1 };
        for direction in [onward, -onward] {
            while let Some(entry) = usize::try_from(place).ok().and_then(|at| self.get(at)) {
                if entry.record().is_some() {
                    return Some((place as usize, Arc::clone(entry)));
                }
                place += direction;
            }
            place = place.clamp(0, last);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use protocol::GapReason;

    use super::*;
    use crate::state::ring::tests::record;
    use crate::state::ring::{Arrival, RingLimits};

    fn feed(records: usize) -> Feed {
        Feed { ring: Ring::new(RingLimits { records, bytes: usize::MAX }), held: None }
    }

    fn push(feed: &mut Feed, offset: i64, value: &str) {
        let record = record(offset, value);
        feed.ring.push_record(Arrival { topic: "t".into(), partition: 0, record, size: 1, round_trip_ms: None });
    }

    fn offsets(feed: &Feed) -> Vec<i64> {
        (0..feed.len()).filter_map(|at| feed.get(at)?.record().map(|row| row.record.offset.0)).collect()
    }

    #[test]
    fn a_paused_display_stands_still_while_everything_is_received() {
        let mut feed = feed(3);
        (0..3).for_each(|n| push(&mut feed, n, "a"));
        feed.freeze(Hold::Paused);
        (3..10).for_each(|n| push(&mut feed, n, "a"));
        assert_eq!(offsets(&feed), [0, 1, 2]);
        assert_eq!((feed.unseen(), feed.counts().received), (7, 10));
        feed.follow();
        assert_eq!((offsets(&feed), feed.unseen()), (vec![7, 8, 9], 0));
    }

    #[test]
    fn a_pause_outranks_a_scroll() {
        let mut feed = feed(9);
        feed.freeze(Hold::Scrolled);
        feed.freeze(Hold::Paused);
        feed.freeze(Hold::Scrolled);
        assert_eq!(feed.hold(), Some(Hold::Paused));
    }

    #[test]
    fn a_filter_set_while_held_counts_only_matching_new_records() {
        let mut feed = feed(100);
        push(&mut feed, 0, "a");
        push(&mut feed, 1, "b");
        feed.freeze(Hold::Scrolled);
        push(&mut feed, 2, "a");
        push(&mut feed, 3, "b");
        feed.set_filter(Filter::new("a"));
        assert_eq!((offsets(&feed), feed.unseen()), (vec![0], 1));
        push(&mut feed, 4, "a");
        assert_eq!(feed.unseen(), 2);
    }

    #[test]
    fn stepping_skips_gaps_and_stops_at_the_ends() {
        let mut feed = feed(9);
        push(&mut feed, 0, "a");
        feed.ring.push_gap("t".into(), 0, 1, 5, GapReason::Slow);
        push(&mut feed, 5, "a");
        let offset = |step: Option<(usize, Arc<Entry>)>| step.and_then(|(_, e)| e.record().map(|r| r.record.offset.0));
        assert_eq!(offset(feed.step_from(None, -1)), Some(5));
        assert_eq!(offset(feed.step_from(Some(2), -1)), Some(0));
        assert_eq!(offset(feed.step_from(Some(0), -1)), Some(0));
        assert_eq!(offset(feed.step_from(Some(0), 1)), Some(5));
    }

    #[test]
    fn a_place_is_found_by_index_with_a_filter_too() {
        let mut feed = feed(9);
        (0..6).for_each(|n| push(&mut feed, n, if n % 2 == 0 { "even" } else { "odd" }));
        feed.set_filter(Filter::new("even"));
        assert_eq!((feed.place_of(4), feed.place_of(3)), (Some(2), None));
    }
}
