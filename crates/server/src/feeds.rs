//! Which feeds exist, and which subscriptions share one.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use protocol::{
    CommitMode, ErrorBody, ErrorCode, GroupId, GroupStart, TailStart, TopicName, TopicPartition, WhenSlow, Window,
};

use feed::{Cursor, Feed, Home, ReadMode, Share};
use kafka::client_config::Connection;
use kafka::questions::Questions;
use kafka::reader::Readers;

use crate::metrics::METRICS;

/// Readers that may run at once where there are descriptors enough. Each has a Kafka client of its own: four to five threads, and
/// [`DESCRIPTORS_OF_A_READER`].
pub const MAX_READERS: usize = 64;

/// Of a reader's Kafka client with one broker, at most; each further broker adds one or two.
pub const DESCRIPTORS_OF_A_READER: usize = 9;

/// One in so many readers may be private: one that no other subscription can join. These are, those of groups aside, the readers of
/// subscriptions that block or have not caught up yet.
const READERS_FOR_A_PRIVATE_ONE: usize = 2;

/// What a client that was refused waits before it tries again.
const RETRY_AFTER_MS: u64 = 1000;

/// A checked subscription.
#[derive(Clone, Debug)]
pub struct FeedRequest {
    pub topics: Vec<TopicName>,
    pub mode: ReadMode,
    /// None without a group.
    pub commit: Option<CommitMode>,
    pub when_slow: WhenSlow,
    pub window: Window,
}

/// Requests with the same key may share a feed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// Pages of one group are views of the bridge's one member.
    Group { id: GroupId, start: GroupStart, topics: Vec<TopicName> },
    /// Everyone who looks at what comes from now on.
    Latest { topics: Vec<TopicName> },
    /// A start of its own, or one that may hold the reader up. Looked up by its own reader alone, once it has caught up.
    Private(u64),
}

pub struct Feeds {
    readers: Readers,
    max_readers: usize,
    inner: Arc<Mutex<Inner>>,
}

/// The registry as the reader of a private feed sees it.
struct PrivateHome {
    feeds: Weak<Mutex<Inner>>,
    /// The number of the private feed's key.
    number: u64,
    /// The shared feed's key.
    shared: Key,
}

#[derive(Default)]
struct Inner {
    running: HashMap<Key, Running>,
    next_private: u64,
    closed: bool,
}

struct Running {
    feed: Arc<Feed>,
    reader: std::thread::JoinHandle<()>,
}

impl Feeds {
    pub fn new(connection: Connection, questions: Arc<Questions>, max_readers: usize) -> Self {
        Self { readers: Readers::new(connection, questions), max_readers, inner: Arc::default() }
    }

    /// Joins the feed that fits, or starts one.
    pub fn subscribe(&self, request: FeedRequest) -> Result<Cursor, ErrorBody> {
        let mut inner = lock(&self.inner);
        if inner.closed {
            return Err(ErrorBody::new(ErrorCode::ShuttingDown, "the bridge is shutting down; connect again later"));
        }
        inner.running.retain(|_, running| !running.reader.is_finished());
        let shared = Key::shared(&request);
        if let Some(running) = shared.as_ref().and_then(|key| inner.running.remove(key)) {
            let joined = running.feed.join(request.when_slow, request.commit, request.window);
            // One that is about to end makes room for a successor, and is still waited for at shutdown.
            let key = match (&shared, &joined) {
                (Some(key), Some(_)) => key.clone(),
                _ => Key::Private(inner.private_number()),
            };
            inner.running.insert(key, running);
            if let Some(cursor) = joined {
                return Ok(cursor);
            }
        }
        inner.require_room(shared.is_none(), self.max_readers)?;
        let (key, feed) = match shared {
            Some(key) => (key, Feed::new(matches!(request.mode, ReadMode::Group { .. }), METRICS.records_read())),
            None => self.private_feed(&mut inner, &request),
        };
        let feed = Arc::new(feed);
        let cursor = feed
            .join(request.when_slow, request.commit, request.window)
            .ok_or_else(|| ErrorBody::new(ErrorCode::Internal, "a new feed took no subscription"))?;
        if let ReadMode::Tail(TailStart::Offsets(positions)) = &request.mode {
            let named = positions
                .iter()
                .map(|position| TopicPartition { topic: position.topic.clone(), partition: position.partition });
            cursor.reads_only(named.collect::<BTreeSet<TopicPartition>>());
        }
        let reader = self.readers.start(Arc::clone(&feed), request.topics, request.mode)?;
        inner.running.insert(key, Running { feed, reader });
        Ok(cursor)
    }

    /// The feed of this subscription alone. Unless it blocks, it may be shared as soon as it has caught up.
    fn private_feed(&self, inner: &mut Inner, request: &FeedRequest) -> (Key, Feed) {
        let number = inner.private_number();
        let once_caught_up = FeedRequest { mode: ReadMode::Tail(TailStart::Latest), ..request.clone() };
        let feed = match Key::shared(&once_caught_up) {
            Some(shared) => {
                let home = PrivateHome { feeds: Arc::downgrade(&self.inner), number, shared };
                Feed::with_home(home, METRICS.records_read())
            }
            None => Feed::new(false, METRICS.records_read()),
        };
        (Key::Private(number), feed)
    }

    /// Whether a reader is about to make room for another.
    pub fn is_any_making_room(&self) -> bool {
        lock(&self.inner).running.values().any(|running| running.feed.makes_room())
    }

    /// Ends every reader: positions are committed, groups are left. Blocks until done or until `deadline`.
    pub fn close(&self, deadline: Instant) {
        let running = {
            let mut inner = lock(&self.inner);
            inner.closed = true;
            std::mem::take(&mut inner.running)
        };
        for reader in running.values() {
            reader.feed.end();
        }
        self.readers.close();
        for reader in running.into_values() {
            while !reader.reader.is_finished() {
                if Instant::now() >= deadline {
                    tracing::warn!("a reader did not leave its group in time; Kafka will notice by itself");
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

impl Home for PrivateHome {
    fn share(&self, reads_all: bool) -> Share {
        let Some(feeds) = self.feeds.upgrade() else { return Share::NotNow };
        let mut inner = lock(&feeds);
        if let Some(reservation) = inner.running.get(&self.shared).and_then(|running| running.feed.reserve()) {
            return Share::There(reservation);
        }
        if !reads_all {
            return Share::NotNow;
        }
        let Some(mine) = inner.running.remove(&Key::Private(self.number)) else { return Share::NotNow };
        if let Some(ending) = inner.running.insert(self.shared.clone(), mine) {
            let key = Key::Private(inner.private_number());
            inner.running.insert(key, ending);
        }
        Share::Here
    }
}

impl Key {
    /// The key under which a feed may be found again; none for one that is nobody else's.
    fn shared(request: &FeedRequest) -> Option<Self> {
        let mut topics = request.topics.clone();
        topics.sort();
        match (&request.mode, request.when_slow) {
            (ReadMode::Group { id, start }, _) => Some(Self::Group { id: id.clone(), start: *start, topics }),
            (ReadMode::Tail(TailStart::Latest), WhenSlow::Skip | WhenSlow::Close) => Some(Self::Latest { topics }),
            (ReadMode::Tail(_), _) => None,
        }
    }
}

impl Inner {
    /// Refuses one more reader where there are as many as may be. Readers count until their threads have ended.
    fn require_room(&self, is_private: bool, max_readers: usize) -> Result<(), ErrorBody> {
        let max_private_readers = (max_readers / READERS_FOR_A_PRIVATE_ONE).max(1);
        let private = self.running.keys().filter(|key| matches!(key, Key::Private(_))).count();
        let message = if self.running.len() >= max_readers {
            // A group's member that waits for a page to come back waits the shorter where others need its place.
            let abandoned =
                self.running.values().filter_map(|running| Some((running.feed.abandoned_since()?, running)));
            if let Some((_, longest)) = abandoned.min_by_key(|(since, _)| *since) {
                longest.feed.end();
            }
            format!("the bridge has {max_readers} consumers, which is as many as it may have; end a subscription first")
        } else if is_private && private >= max_private_readers {
            format!(
                "{max_private_readers} subscriptions of this bridge have a consumer of their own, which is as many as may; end \
                 one first, wait until one has caught up, or start with latest; with when_slow block a subscription keeps its own"
            )
        } else {
            return Ok(());
        };
        let error = ErrorBody::new(ErrorCode::TooManyReaders, message);
        Err(ErrorBody { retry_after_ms: Some(RETRY_AFTER_MS), ..error })
    }

    fn private_number(&mut self) -> u64 {
        self.next_private += 1;
        self.next_private
    }
}

fn lock(feeds: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    // Each change is complete before anything can fail.
    feeds.lock().unwrap_or_else(PoisonError::into_inner)
}
