//! Live views: what somebody looks at is asked for once, however many look, and no longer when nobody does.
//!
//! Each view that is looked at has one task, which asks Kafka off the async workers and keeps the latest picture for
//! everyone. It knows [`Admin`](kafka::admin::Admin), and neither sockets nor librdkafka.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::{
    ClusterDetails, ErrorBody, ErrorCode, GroupId, GroupResult, GroupSummary, PartitionInfo, TopicName, TopicSummary,
};
use tokio::sync::{Semaphore, watch};

use kafka::admin::{Admin, TopicLook};

/// How often Kafka is asked for one thing.
const ONE_EVERY: Duration = Duration::from_secs(1);

/// How often it is asked for everything of a kind: a list of thousands changes slowly, and costs more.
const ALL_EVERY: Duration = Duration::from_secs(2);

/// Where an answer takes long, the pause before the next question is so many times as long: views never are most of what a
/// cluster has to do.
const PAUSE_FACTOR: u32 = 3;

/// How many views ask at the same time.
pub(crate) const ASKING: usize = 4;

/// What can be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum View {
    Cluster,
    Topics,
    Topic(TopicName),
    Groups,
    Group(GroupId),
}

/// What was seen at a look.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    Cluster(ClusterDetails),
    /// By name.
    Topics(Vec<TopicSummary>),
    Topic {
        partitions: Vec<PartitionInfo>,
        records: u64,
        rate: Option<f64>,
    },
    /// By name.
    Groups(Vec<GroupSummary>),
    Group(GroupResult),
}

/// One look.
#[derive(Clone, Debug)]
pub struct Look {
    /// When Kafka was asked, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    pub seen: Result<Picture, ErrorBody>,
}

/// The latest look; `None` before the first one. When the receiver is dropped, nobody looks.
pub type Looks = watch::Receiver<Option<Arc<Look>>>;

type Sender = Arc<watch::Sender<Option<Arc<Look>>>>;

/// The views that somebody looks at.
pub struct Views {
    admin: Arc<Admin>,
    running: Mutex<HashMap<View, Sender>>,
    asking: Semaphore,
}

impl Views {
    pub fn new(admin: Arc<Admin>) -> Self {
        Self { admin, running: Mutex::default(), asking: Semaphore::new(ASKING) }
    }

    /// Looks on, together with everyone who looks at the same.
    pub fn look(self: &Arc<Self>, view: View) -> Looks {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = running.get(&view) {
            return sender.subscribe();
        }
        let (sender, looks) = watch::channel(None);
        let sender = Arc::new(sender);
        running.insert(view.clone(), Arc::clone(&sender));
        tokio::spawn(Arc::clone(self).keep_looking(view, sender));
        looks
    }

    async fn keep_looking(self: Arc<Self>, view: View, sender: Sender) {
        tracing::debug!(?view, "a view is looked at");
        let mut memory = Memory::default();
        while !self.is_left(&view, &sender) {
            let began = Instant::now();
            // The semaphore is never closed.
            let permit = self.asking.acquire().await;
            if sender.receiver_count() == 0 {
                // Left while it waited for its turn: a client that opens and ends views holds up nobody's.
                continue;
            }
            let (admin, asked) = (Arc::clone(&self.admin), view.clone());
            let at = now_ms();
            let answer = tokio::task::spawn_blocking(move || {
                let seen = memory.look(&admin, &asked);
                (memory, seen)
            });
            let (kept, seen) = answer.await.unwrap_or_else(|error| {
                tracing::error!(%error, ?view, "a look failed");
                let message = "a look failed inside the bridge; its log says more";
                (Memory::default(), Err(ErrorBody::new(ErrorCode::Internal, message)))
            });
            memory = kept;
            drop(permit);
            let failed = seen.is_err();
            tracing::debug!(?view, took = ?began.elapsed(), failed, "asked for a view");
            sender.send_replace(Some(Arc::new(Look { at, seen })));
            let pause = match failed {
                // It took as long as its deadline; when Kafka comes back, somebody waits for it.
                true => view.every(),
                false => view.every().saturating_sub(began.elapsed()).max(began.elapsed() * PAUSE_FACTOR),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = sender.closed() => {}
            }
        }
        tracing::debug!(?view, "nobody looks at a view any more");
    }

    /// Whether nobody looks any more; then the view is gone, and who comes next starts it anew.
    fn is_left(&self, view: &View, sender: &Sender) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: who looks on subscribes under it as well.
        let is_left = sender.receiver_count() == 0;
        if is_left {
            running.remove(view);
        }
        is_left
    }
}

impl View {
    fn every(&self) -> Duration {
        match self {
            Self::Cluster | Self::Topics | Self::Groups => ALL_EVERY,
            Self::Topic(_) | Self::Group(_) => ONE_EVERY,
        }
    }
}

/// What a view remembers from one look to the next: how many records were ever written, for rates.
#[derive(Default)]
struct Memory {
    at: Option<Instant>,
    written: HashMap<String, i64>,
}

impl Memory {
    fn look(&mut self, admin: &Admin, view: &View) -> Result<Picture, ErrorBody> {
        Ok(match view {
            View::Cluster => Picture::Cluster(admin.cluster_details()?),
            View::Topics => {
                let looks = admin.look_at_topics()?;
                let rates =
                    self.rates(looks.iter().filter_map(|look| Some((look.summary.name.clone(), look.written?))));
                let rated =
                    |TopicLook { summary, .. }| TopicSummary { rate: rates.get(&summary.name).copied(), ..summary };
                Picture::Topics(looks.into_iter().map(rated).collect())
            }
            View::Topic(name) => {
                let partitions = admin.partitions(name)?;
                // As in the list of topics: no rate where a partition did not report its offsets.
                let is_known = partitions.iter().all(|partition| partition.records().is_some());
                let written: Option<i64> = is_known.then(|| partitions.iter().map(|partition| partition.high.0).sum());
                let rates = self.rates(written.map(|written| (name.to_string(), written)).into_iter());
                Picture::Topic {
                    records: partitions.iter().filter_map(PartitionInfo::records).sum(),
                    rate: rates.get(name.as_str()).copied(),
                    partitions,
                }
            }
            View::Groups => Picture::Groups(admin.groups()?.groups),
            View::Group(group) => Picture::Group(admin.look_at_group(group)?),
        })
    }

    /// Records per second since the last look, to a tenth.
    fn rates(&mut self, written: impl Iterator<Item = (String, i64)>) -> HashMap<String, f64> {
        let written: HashMap<String, i64> = written.collect();
        let since = self.at.replace(Instant::now()).map(|at| at.elapsed().as_secs_f64());
        let before = std::mem::replace(&mut self.written, written);
        let Some(since) = since else { return HashMap::new() };
        let rate = |(topic, now): (&String, &i64)| {
            // Less than before: the topic was deleted and created again.
            let more = now.checked_sub(*before.get(topic)?).filter(|more| *more >= 0)?;
            Some((topic.clone(), (more as f64 / since * 10.0).round() / 10.0))
        };
        self.written.iter().filter_map(rate).collect()
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
