//! Sharing of tails that have caught up: the feed of the reader becomes the shared feed of its topics, or the
//! subscription moves to the existing shared feed and this reader ends.

use std::time::{Duration, Instant};

use protocol::TailStart;

use super::Reader;
use crate::native;
use feed::{HandOver, ReadMode, Reservation, Share};

/// How often a reader checks whether it has caught up.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// How long a reader continues at most until it has passed the reserved position in the shared feed.
const RESERVED_FOR: Duration = Duration::from_secs(1);

/// How long a reader pauses at most until the shared reader and the subscription have reached its position, and how
/// often it checks. This is short, because the shared reader gets the same records at about the same time.
const MAX_WAIT: Duration = Duration::from_millis(100);
const WAIT_STEP: Duration = Duration::from_millis(1);

/// The pauses after failed attempts: the first, which doubles each time, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// A reader that started within this time, or retries after a shorter pause, is about to share. A new subscription that
/// finds no free reader waits for it.
const SOON: Duration = Duration::from_secs(1);

/// The progress of a reader towards sharing.
pub(super) struct Sharing {
    started_at: Instant,
    check_at: Instant,
    /// Whether the reader had caught up at the last check. One check is not enough, because a fetch updates the high
    /// watermark before its records are taken from the queue.
    was_at_end: bool,
    pause: Duration,
    /// The reserved position in the shared feed, and when it was reserved.
    reservation: Option<(Reservation, Instant)>,
}

impl Sharing {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { started_at: now, check_at: now, was_at_end: false, pause: FIRST_PAUSE, reservation: None }
    }

    fn try_later(&mut self) {
        self.reservation = None;
        self.check_at = Instant::now() + self.pause;
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
        let Some(sharing) = self.sharing.as_ref().filter(|sharing| now >= sharing.check_at) else { return };
        let is_reserved = sharing.reservation.is_some();
        // Called again here, because the last poll may have returned an error.
        self.notify_settled();
        let is_at_end = !is_reserved && self.is_at_end();
        let Some(sharing) = &mut self.sharing else { return };
        if !is_reserved {
            let is_due = is_at_end && sharing.was_at_end;
            sharing.was_at_end = is_at_end;
            if !is_due {
                sharing.check_at = now + CHECK_EVERY;
                return self.feed.set_about_to_share(is_at_end || sharing.started_at.elapsed() < SOON);
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

    /// Moves the subscription to the shared feed as soon as both readers and the subscription have reached the required
    /// positions.
    fn hand_over(&mut self) {
        let Some(sharing) = &mut self.sharing else { return };
        let Some((reservation, since)) = &mut sharing.reservation else { return };
        let wait_until = Instant::now() + MAX_WAIT;
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

    /// From now on other subscriptions join this feed at its end.
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
