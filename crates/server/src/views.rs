//! Live views: each view is queried once, however many clients subscribe to it, and only while it has subscribers.
//!
//! Each view has one task, which queries Kafka on a blocking thread and keeps the latest snapshot for all subscribers.
//! This module uses [`Admin`](kafka::admin::Admin); it knows neither sockets nor librdkafka.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::{ClusterDetails, ErrorBody, ErrorCode, GroupName, GroupResult, PartitionInfo, TopicName, TopicSummary};
use tokio::sync::{Semaphore, watch};

use kafka::admin::{Admin, ListedGroup, TopicSnapshot};

/// How often a view of one topic or group is queried.
const SINGLE_INTERVAL: Duration = Duration::from_secs(1);

/// How often a list is queried: a list of thousands changes slowly, and costs more.
const LIST_INTERVAL: Duration = Duration::from_secs(2);

/// The pause after a query is at least this many times as long as the query took, so that views never cause most of a
/// cluster's load.
const PAUSE_FACTOR: u32 = 3;

/// How many views may be queried at the same time.
pub(crate) const CONCURRENT_QUERIES: usize = 4;

/// What a client can subscribe to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum View {
    Cluster,
    Topics,
    Topic(TopicName),
    Groups,
    Group(GroupName),
}

/// The data of a view at one moment.
#[derive(Clone, Debug, PartialEq)]
pub enum ViewData {
    Cluster(ClusterDetails),
    /// Sorted by name.
    Topics(Vec<TopicSummary>),
    Topic {
        partitions: Vec<PartitionInfo>,
        records: u64,
        rate: Option<f64>,
    },
    /// Sorted by name.
    Groups(Vec<ListedGroup>),
    Group(GroupResult),
}

/// The result of one query.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When Kafka was queried, in milliseconds since 1970-01-01 UTC.
    pub at: i64,
    pub result: Result<ViewData, ErrorBody>,
}

/// The latest snapshot; `None` before the first one. Dropping the receiver ends the subscription.
pub type Snapshots = watch::Receiver<Option<Arc<Snapshot>>>;

type Sender = Arc<watch::Sender<Option<Arc<Snapshot>>>>;

/// The live views that have subscribers.
pub struct Views {
    admin: Arc<Admin>,
    running: Mutex<HashMap<View, Sender>>,
    queries: Semaphore,
}

impl Views {
    pub fn new(admin: Arc<Admin>) -> Self {
        Self { admin, running: Mutex::default(), queries: Semaphore::new(CONCURRENT_QUERIES) }
    }

    /// Subscribes to a view, and starts its task if this is the first subscriber.
    pub fn subscribe(self: &Arc<Self>, view: View) -> Snapshots {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = running.get(&view) {
            return sender.subscribe();
        }
        let (sender, snapshots) = watch::channel(None);
        let sender = Arc::new(sender);
        running.insert(view.clone(), Arc::clone(&sender));
        tokio::spawn(Arc::clone(self).poll(view, sender));
        snapshots
    }

    /// How many views of each kind run, for `/metrics`.
    pub fn counts(&self) -> [(&'static str, usize); 5] {
        let mut counts = ["cluster", "topics", "topic", "groups", "group"].map(|kind| (kind, 0));
        for view in self.running.lock().unwrap_or_else(PoisonError::into_inner).keys() {
            let index = match view {
                View::Cluster => 0,
                View::Topics => 1,
                View::Topic(_) => 2,
                View::Groups => 3,
                View::Group(_) => 4,
            };
            counts[index].1 += 1;
        }
        counts
    }

    /// The lag of each group in the latest snapshots, for `/metrics`.
    pub fn group_lags(&self) -> BTreeMap<String, u64> {
        let latest: Vec<(View, Arc<Snapshot>)> = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let with_groups = running.iter().filter(|(view, _)| matches!(view, View::Groups | View::Group(_)));
            with_groups.filter_map(|(view, sender)| Some((view.clone(), sender.borrow().clone()?))).collect()
        };
        let mut lags = BTreeMap::new();
        for (view, snapshot) in &latest {
            match (view, &snapshot.result) {
                (_, Ok(ViewData::Groups(groups))) => {
                    for ListedGroup { summary: group, .. } in groups {
                        if let Some(lag) = group.lag {
                            lags.entry(group.group.clone()).or_insert(lag);
                        }
                    }
                }
                // Queried more often than the list.
                (View::Group(group), Ok(ViewData::Group(result))) => {
                    lags.insert(group.as_str().to_owned(), result.lag);
                }
                _ => {}
            }
        }
        lags
    }

    async fn poll(self: Arc<Self>, view: View, sender: Sender) {
        tracing::debug!(?view, "started polling a view");
        let mut rates = RateMemory::default();
        while !self.remove_if_unused(&view, &sender) {
            let started_at = Instant::now();
            // The semaphore is never closed.
            let permit = self.queries.acquire().await;
            if sender.receiver_count() == 0 {
                // The last subscriber left while the task waited for its turn. Skipping the query keeps clients that
                // open and close views from delaying others.
                continue;
            }
            let (admin, queried) = (Arc::clone(&self.admin), view.clone());
            let at = now_ms();
            let answer = tokio::task::spawn_blocking(move || {
                let result = rates.query(&admin, &queried);
                (rates, result)
            });
            let (kept, result) = answer.await.unwrap_or_else(|error| {
                tracing::error!(%error, ?view, "the query of a live view panicked");
                let message = "the query of this live view failed inside the bridge; see the bridge's log";
                (RateMemory::default(), Err(ErrorBody::new(ErrorCode::Internal, message)))
            });
            rates = kept;
            drop(permit);
            let failed = result.is_err();
            tracing::debug!(?view, took = ?started_at.elapsed(), failed, "queried a view");
            sender.send_replace(Some(Arc::new(Snapshot { at, result })));
            let pause = match failed {
                // A failed query took as long as its timeout already, and subscribers wait for Kafka to come back.
                true => view.interval(),
                false => view.interval().saturating_sub(started_at.elapsed()).max(started_at.elapsed() * PAUSE_FACTOR),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = sender.closed() => {}
            }
        }
        tracing::debug!(?view, "stopped polling a view: no subscribers left");
    }

    /// Removes the view if it has no subscribers, and says whether it did. The next subscriber starts a new task.
    fn remove_if_unused(&self, view: &View, sender: &Sender) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Checked under the lock, since `subscribe` adds subscribers under it as well.
        let is_unused = sender.receiver_count() == 0;
        if is_unused {
            running.remove(view);
        }
        is_unused
    }
}

impl View {
    fn interval(&self) -> Duration {
        match self {
            Self::Cluster | Self::Topics | Self::Groups => LIST_INTERVAL,
            Self::Topic(_) | Self::Group(_) => SINGLE_INTERVAL,
        }
    }
}

/// How many records each topic ever had at the last query, from which the rates are computed.
#[derive(Default)]
struct RateMemory {
    at: Option<Instant>,
    written: HashMap<String, i64>,
}

impl RateMemory {
    fn query(&mut self, admin: &Admin, view: &View) -> Result<ViewData, ErrorBody> {
        Ok(match view {
            View::Cluster => ViewData::Cluster(admin.cluster_details()?),
            View::Topics => {
                let topics = admin.topic_snapshots()?;
                let rates =
                    self.rates(topics.iter().filter_map(|topic| Some((topic.summary.name.clone(), topic.written?))));
                let rated =
                    |TopicSnapshot { summary, .. }| TopicSummary { rate: rates.get(&summary.name).copied(), ..summary };
                ViewData::Topics(topics.into_iter().map(rated).collect())
            }
            View::Topic(name) => {
                let partitions = admin.partitions(name)?;
                // As in the list of topics, there is no rate unless every partition reported its offsets.
                let is_known = partitions.iter().all(|partition| partition.records().is_some());
                let written: Option<i64> = is_known.then(|| partitions.iter().map(|partition| partition.high.0).sum());
                let rates = self.rates(written.map(|written| (name.to_string(), written)).into_iter());
                ViewData::Topic {
                    records: partitions.iter().filter_map(PartitionInfo::records).sum(),
                    rate: rates.get(name.as_str()).copied(),
                    partitions,
                }
            }
            View::Groups => ViewData::Groups(admin.listed_groups()?),
            View::Group(group) => ViewData::Group(admin.group_snapshot(group)?),
        })
    }

    /// Records per second since the last query, rounded to a tenth.
    fn rates(&mut self, written: impl Iterator<Item = (String, i64)>) -> HashMap<String, f64> {
        let written: HashMap<String, i64> = written.collect();
        let since = self.at.replace(Instant::now()).map(|at| at.elapsed().as_secs_f64());
        let before = std::mem::replace(&mut self.written, written);
        let Some(since) = since else { return HashMap::new() };
        let rate = |(topic, now): (&String, &i64)| {
            // A smaller count than before means that the topic was deleted and created again.
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
