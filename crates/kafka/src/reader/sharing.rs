//! When a tail with a reader of its own has caught up: its feed becomes the one that others join, or its subscription goes over
//! to that one and this reader ends.

use std::time::{Duration, Instant};

use protocol::TailStart;

use super::Reader;
use crate::native;
use feed::{HandOver, ReadMode, Reservation, Share};

/// How often a reader looks whether it has caught up.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a reader reads on, at most, until it has passed the place that is kept for its subscription.
const RESERVED_FOR: Duration = Duration::from_secs(1);

/// How long a reader takes no records, at most, until the shared reader and the subscription are as far as it is; and how often it
/// looks. The shared one gets the same records at about the same time.
const WAIT_AT_MOST: Duration = Duration::from_millis(100);
const WAIT_STEP: Duration = Duration::from_millis(1);

/// After an attempt that failed the next one comes so much later, then twice as much later, and so on.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// A reader that began, or tried to be shared, within this time is about to make room: a newcomer that finds none waits for it.
const SOON: Duration = Duration::from_secs(1);

/// How far a reader is on the way to being shared.
pub(super) struct Sharing {
    began_at: Instant,
    look_at: Instant,
    /// It had caught up at the last look as well. Once is not enough: a fetch tells of the end before its records are taken.
    was_at_end: bool,
    pause: Duration,
    /// The place in the shared feed, and when it was made.
    reservation: Option<(Reservation, Instant)>,
}

impl Sharing {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { began_at: now, look_at: now, was_at_end: false, pause: FIRST_PAUSE, reservation: None }
    }

    fn try_later(&mut self) {
        self.reservation = None;
        self.look_at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl Reader {
    /// Notifies the feed of the topics that are read without errors, if that has changed.
    pub(super) fn notify_settled(&mut self) {
        if !matches!(self.mode, ReadMode::Tail(_)) {
            return;
        }
        let is_settled = self.missing.is_empty() && self.lost_positions.is_empty() && self.errors.is_empty();
        let settled = is_settled.then(|| self.watch.version());
        if settled != self.notified_settled {
            self.notified_settled = settled;
            self.feed.set_settled(settled.map(|_| self.watch.ids()));
        }
    }

    pub(super) fn share_when_caught_up(&mut self) {
        let now = Instant::now();
        let Some(sharing) = self.sharing.as_ref().filter(|sharing| now >= sharing.look_at) else { return };
        let is_reserved = sharing.reservation.is_some();
        // The last poll may have returned an error.
        self.notify_settled();
        let is_at_end = !is_reserved && self.is_at_end();
        let Some(sharing) = &mut self.sharing else { return };
        if !is_reserved {
            let is_due = is_at_end && sharing.was_at_end;
            sharing.was_at_end = is_at_end;
            if !is_due {
                sharing.look_at = now + LOOK_EVERY;
                return self.feed.set_about_to_share(is_at_end || sharing.began_at.elapsed() < SOON);
            }
            self.feed.set_about_to_share(sharing.pause < SOON);
            match self.feed.share(self.watch.partitions() == self.feed.next_offsets().len()) {
                Share::BecameShared => return self.became_shared(),
                Share::Reserved(reservation) => sharing.reservation = Some((reservation, now)),
                Share::Unavailable => return sharing.try_later(),
            }
        }
        self.hand_over();
    }

    /// Hands the subscription over as soon as both readers and the subscription are as far as they must be.
    fn hand_over(&mut self) {
        let Some(sharing) = &mut self.sharing else { return };
        let Some((reservation, since)) = &mut sharing.reservation else { return };
        let wait_until = Instant::now() + WAIT_AT_MOST;
        loop {
            match reservation.hand_over(&self.feed) {
                HandOver::Done => {
                    self.sharing = None;
                    return;
                }
                HandOver::ReadOn if since.elapsed() < RESERVED_FOR => return,
                HandOver::Wait if Instant::now() < wait_until => std::thread::sleep(WAIT_STEP),
                HandOver::ReadOn | HandOver::Wait | HandOver::Failed => return sharing.try_later(),
            }
        }
    }

    /// From now on others join this feed, at the end.
    fn became_shared(&mut self) {
        self.sharing = None;
        self.feed.set_about_to_share(false);
        self.mode = ReadMode::Tail(TailStart::Latest);
    }

    fn is_at_end(&self) -> bool {
        let consumer = &self.consumer;
        self.feed.is_at_end(|partition| native::fetched_high_watermark(consumer, &partition.topic, partition.partition))
    }
}
