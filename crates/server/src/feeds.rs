//! The registry of feeds: which exist, and which subscriptions share one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use protocol::{
    CommitMode, ErrorBody, ErrorCode, GroupId, GroupStart, Isolation, TailStart, TopicName, TopicPartition, WhenSlow,
    Window,
};

use feed::{Cursor, Feed, ReadMode, Share, SharedFeedLookup};
use kafka::client_config::Connection;
use kafka::metadata_client::MetadataClient;
use kafka::reader::Readers;

use crate::metrics::METRICS;
use crate::variants::Variants;

/// Readers that may run at once if there are enough descriptors. Each has its own Kafka client, with four to five
/// threads and [`DESCRIPTORS_PER_READER`].
pub const MAX_READERS: usize = 64;

/// Descriptors of a reader's Kafka client with one broker, at most; each further broker adds one or two.
pub const DESCRIPTORS_PER_READER: usize = 9;

/// One in this many readers may be private, that is, one that no other subscription can join. Apart from groups, these
/// are the readers of subscriptions that block or have not caught up yet.
const READERS_PER_PRIVATE_READER: usize = 2;

/// How long a refused client should wait before it tries again.
const RETRY_AFTER_MS: u64 = 1000;

/// A validated subscription request.
#[derive(Clone, Debug)]
pub struct FeedRequest {
    pub topics: Vec<TopicName>,
    pub mode: ReadMode,
    pub isolation: Isolation,
    /// `None` without a group.
    pub commit: Option<CommitMode>,
    pub when_slow: WhenSlow,
    pub window: Window,
}

/// Subscriptions with the same key may share a feed. The cluster is not part of the key, because each cluster has its
/// own registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// All pages of one group share the bridge's one member.
    Group { id: GroupId, start: GroupStart, topics: Vec<TopicName>, isolation: Isolation },
    /// Subscriptions that start at the end of the topics.
    Latest { topics: Vec<TopicName>, isolation: Isolation },
    /// A feed with its own start, or one that may hold the reader up. Only its own reader uses this key, to share the
    /// feed once it has caught up.
    Private(u64),
}

/// The feeds of one cluster.
pub struct Feeds {
    readers: Readers,
    limit: Arc<ReaderLimit>,
    inner: Arc<Mutex<Inner>>,
    /// The variants in which subscriptions read the feeds.
    pub(crate) variants: Variants,
}

/// The limit of readers, which the clusters of a bridge share, because file descriptors belong to the process.
pub struct ReaderLimit {
    max_readers: usize,
    /// The feeds of each cluster. The lock is held while a reader is admitted, and taken before the lock of any feeds, so
    /// that two clusters cannot use the same room.
    clusters: Mutex<Vec<Weak<Mutex<Inner>>>>,
}

/// How many readers run.
#[derive(Clone, Copy, Default)]
struct Usage {
    all: usize,
    private: usize,
}

/// Lets the reader of a private feed find or become the shared feed of its topics.
struct SharedFeedOf {
    feeds: Weak<Mutex<Inner>>,
    /// The number in the private feed's key.
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

/// What is running now, for `/metrics`.
pub struct FeedTotals {
    /// How many readers of each kind there are.
    pub readers: [(&'static str, usize); 4],
    /// How many subscriptions the readers of each kind have.
    pub subscriptions: [(&'static str, usize); 3],
    /// The bytes of records in all feeds.
    pub bytes: usize,
    /// The lag of each group with a member, in records.
    pub group_lags: BTreeMap<String, u64>,
}

struct Running {
    feed: Arc<Feed>,
    reader: std::thread::JoinHandle<()>,
}

impl ReaderLimit {
    pub fn new(max_readers: usize) -> Arc<Self> {
        Arc::new(Self { max_readers, clusters: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Mutex<Inner>>>> {
        // The only change is a single push.
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feeds {
    pub fn new(connection: Connection, metadata_client: Arc<MetadataClient>, limit: &Arc<ReaderLimit>) -> Self {
        let inner = Arc::default();
        limit.lock().push(Arc::downgrade(&inner));
        Self {
            readers: Readers::new(connection, metadata_client),
            limit: Arc::clone(limit),
            inner,
            variants: Variants::default(),
        }
    }

    /// Joins an existing feed that fits, or starts a new one.
    pub fn subscribe(&self, request: FeedRequest) -> Result<Cursor, ErrorBody> {
        let clusters = self.limit.lock();
        let is_other = |feeds: &Arc<Mutex<Inner>>| !Arc::ptr_eq(feeds, &self.inner);
        let others: Vec<_> = clusters.iter().filter_map(Weak::upgrade).filter(is_other).collect();
        let elsewhere = others.iter().map(|feeds| lock(feeds).usage()).fold(Usage::default(), Usage::plus);
        let mut inner = lock(&self.inner);
        if inner.closed {
            return Err(ErrorBody::new(ErrorCode::ShuttingDown, "the bridge is shutting down; connect again later"));
        }
        inner.forget_ended();
        let shared = Key::shared(&request);
        if let Some(running) = shared.as_ref().and_then(|key| inner.running.remove(key)) {
            let joined = running.feed.join(request.when_slow, request.commit, request.window);
            // A feed that is about to end is kept under a private key: its successor takes the shared key, and shutdown
            // still waits for its reader.
            let key = match (&shared, &joined) {
                (Some(key), Some(_)) => key.clone(),
                _ => Key::Private(inner.private_number()),
            };
            inner.running.insert(key, running);
            if let Some(cursor) = joined {
                return Ok(cursor);
            }
        }
        let usage = inner.usage().plus(elsewhere);
        if let Err(error) = usage.require_room(shared.is_none(), self.limit.max_readers) {
            // A group member without subscriptions, which waits for a page to come back, ends early if its reader is
            // needed.
            let is_ending = usage.all < self.limit.max_readers || inner.end_longest_abandoned();
            drop(inner);
            if !is_ending {
                let _ = others.iter().any(|feeds| lock(feeds).end_longest_abandoned());
            }
            return Err(error);
        }
        let (key, feed) = match shared {
            Some(key) => (key, Feed::new(matches!(request.mode, ReadMode::Group { .. }), METRICS.records_read())),
            None => self.private_feed(&mut inner, &request),
        };
        let feed = Arc::new(feed);
        let cursor = feed
            .join(request.when_slow, request.commit, request.window)
            .ok_or_else(|| ErrorBody::new(ErrorCode::Internal, "a new feed refused its first subscription"))?;
        if let ReadMode::Tail(TailStart::Offsets(positions)) = &request.mode {
            let named = positions
                .iter()
                .map(|position| TopicPartition { topic: position.topic.clone(), partition: position.partition });
            cursor.restrict_to(named.collect::<BTreeSet<TopicPartition>>());
        }
        let reader = self.readers.start(Arc::clone(&feed), request.topics, request.mode)?;
        inner.running.insert(key, Running { feed, reader });
        Ok(cursor)
    }

    /// A new feed for this subscription alone. Unless the subscription blocks, the feed may be shared once it has
    /// caught up.
    fn private_feed(&self, inner: &mut Inner, request: &FeedRequest) -> (Key, Feed) {
        let number = inner.private_number();
        let once_caught_up = FeedRequest { mode: ReadMode::Tail(TailStart::Latest), ..request.clone() };
        let feed = match Key::shared(&once_caught_up) {
            Some(shared) => {
                let lookup = SharedFeedOf { feeds: Arc::downgrade(&self.inner), number, shared };
                Feed::private(lookup, METRICS.records_read())
            }
            None => Feed::new(false, METRICS.records_read()),
        };
        (Key::Private(number), feed)
    }

    /// How many readers may run at once, of all clusters together.
    pub fn max_readers(&self) -> usize {
        self.limit.max_readers
    }

    pub fn totals(&self) -> FeedTotals {
        // The feeds are locked one after the other, without the registry's lock.
        let running: Vec<(Key, Arc<Feed>)> = {
            let inner = lock(&self.inner);
            let alive = inner.running.iter().filter(|(_, running)| !running.reader.is_finished());
            alive.map(|(key, running)| (key.clone(), Arc::clone(&running.feed))).collect()
        };
        let mut group_lags = BTreeMap::new();
        let (mut tails, mut groups, mut private) = ((0, 0), (0, 0), (0, 0));
        let mut bytes = 0;
        for (key, feed) in running {
            let (readers, subscriptions) = match key {
                Key::Latest { .. } => &mut tails,
                Key::Private(_) => &mut private,
                Key::Group { id, .. } => {
                    if let Some(lag) = feed.lag() {
                        *group_lags.entry(id.as_str().to_owned()).or_default() += lag;
                    }
                    &mut groups
                }
            };
            *readers += 1;
            *subscriptions += feed.subscriptions();
            bytes += feed.bytes();
        }
        let standby = usize::from(self.readers.has_standby());
        FeedTotals {
            readers: [("tail", tails.0), ("group", groups.0), ("private", private.0), ("standby", standby)],
            subscriptions: [("tail", tails.1), ("group", groups.1), ("private", private.1)],
            bytes,
            group_lags,
        }
    }

    /// Whether some reader is about to end, which makes room for another one.
    pub fn frees_a_reader_soon(&self) -> bool {
        let clusters = self.limit.lock();
        let mut feeds = clusters.iter().filter_map(Weak::upgrade);
        feeds.any(|feeds| lock(&feeds).running.values().any(|running| running.feed.frees_its_reader_soon()))
    }

    /// Ends every reader: it commits its positions and leaves its group. Blocks until all have ended or until
    /// `deadline`.
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
                    tracing::warn!(
                        "a reader did not leave its group in time; Kafka removes the member after the session timeout"
                    );
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

impl SharedFeedLookup for SharedFeedOf {
    fn share(&self, reads_all: bool) -> Share {
        let Some(feeds) = self.feeds.upgrade() else { return Share::Unavailable };
        let mut inner = lock(&feeds);
        if let Some(reservation) = inner.running.get(&self.shared).and_then(|running| running.feed.reserve()) {
            return Share::Reserved(reservation);
        }
        if !reads_all {
            return Share::Unavailable;
        }
        let Some(mine) = inner.running.remove(&Key::Private(self.number)) else { return Share::Unavailable };
        if let Some(ending) = inner.running.insert(self.shared.clone(), mine) {
            let key = Key::Private(inner.private_number());
            inner.running.insert(key, ending);
        }
        Share::BecameShared
    }
}

impl Key {
    /// The key of a feed that other subscriptions can join, or `None` for a private feed.
    fn shared(request: &FeedRequest) -> Option<Self> {
        let mut topics = request.topics.clone();
        topics.sort();
        let isolation = request.isolation;
        match (&request.mode, request.when_slow) {
            (ReadMode::Group { id, start }, _) => {
                Some(Self::Group { id: id.clone(), start: *start, topics, isolation })
            }
            (ReadMode::Tail(TailStart::Latest), WhenSlow::Skip | WhenSlow::Close) => {
                Some(Self::Latest { topics, isolation })
            }
            (ReadMode::Tail(_), _) => None,
        }
    }
}

impl Usage {
    fn plus(self, other: Self) -> Self {
        Self { all: self.all + other.all, private: self.private + other.private }
    }

    /// Returns an error if the limit of readers is reached.
    fn require_room(self, is_private: bool, max_readers: usize) -> Result<(), ErrorBody> {
        let max_private_readers = (max_readers / READERS_PER_PRIVATE_READER).max(1);
        let message = if self.all >= max_readers {
            format!("the bridge has {max_readers} consumers, which is its limit; end a subscription first")
        } else if is_private && self.private >= max_private_readers {
            format!(
                "{max_private_readers} subscriptions of this bridge have their own consumer, which is the limit; end \
                 one first, wait until one has caught up, or start with latest; with when_slow block a subscription always has its own"
            )
        } else {
            return Ok(());
        };
        let error = ErrorBody::new(ErrorCode::TooManyReaders, message);
        Err(ErrorBody { retry_after_ms: Some(RETRY_AFTER_MS), ..error })
    }
}

impl Inner {
    fn forget_ended(&mut self) {
        self.running.retain(|_, running| !running.reader.is_finished());
    }

    /// A reader counts until its thread has ended.
    fn usage(&mut self) -> Usage {
        self.forget_ended();
        let private = self.running.keys().filter(|key| matches!(key, Key::Private(_))).count();
        Usage { all: self.running.len(), private }
    }

    /// Ends the reader that has been without subscriptions for the longest time; returns whether there is one.
    fn end_longest_abandoned(&self) -> bool {
        let abandoned = self.running.values().filter_map(|running| Some((running.feed.abandoned_since()?, running)));
        let longest = abandoned.min_by_key(|(since, _)| *since);
        longest.inspect(|(_, running)| running.feed.end()).is_some()
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
