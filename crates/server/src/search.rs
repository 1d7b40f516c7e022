//! Searches through the history of topics, in the bridge: each scans ranges of offsets on a thread of its own, and sends the records that match
//! its filter in the order of their times.

mod merge;
mod plan;
mod rate;
mod run;

use std::sync::Arc;

use filter::CompiledFilter;
use kafka::admin::Admin;
use kafka::cluster::{ClusterWatch, with_reason};
use protocol::{ErrorBody, ErrorCode, Search, SearchStarted, ServerMessage};
use serdes::Decoder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use self::plan::Plan;
use self::rate::ByteRate;
use crate::clusters::Cluster;
use crate::permissions::{Permissions, require_maskable};

/// How long a refused client should wait before it tries again.
const RETRY_AFTER_MS: u64 = 2000;

/// Messages of a search that wait for the socket. The search waits for its client beyond that.
const WAITING_MESSAGES: usize = 2;

/// How many searches the bridge runs, and how fast they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// Searches that run at the same time.
    pub running: usize,
    /// Bytes of keys and values a second that all searches together read from Kafka; `None`: no limit.
    pub bytes_per_second: Option<u64>,
}

/// The limits that all searches of the bridge share.
pub struct Searches {
    running: Arc<Semaphore>,
    limits: SearchLimits,
    rate: Arc<ByteRate>,
}

/// What a search reads.
#[derive(Clone)]
pub struct Source {
    pub admin: Arc<Admin>,
    pub decoder: Arc<Decoder>,
    /// Whether Kafka is up, for the reasons of errors.
    pub state: Option<ClusterWatch>,
}

/// A search that was checked and may run.
pub struct AdmittedSearch {
    source: Source,
    request: Search,
    filter: CompiledFilter,
    mask: Option<Arc<access::MaskProfile>>,
    rate: Arc<ByteRate>,
    _permit: OwnedSemaphorePermit,
}

/// What the thread of a search sends.
pub enum Sent {
    /// The first message.
    Started(Result<SearchStarted, ErrorBody>),
    /// Records, progress, or the end.
    Push(Box<ServerMessage>),
}

impl Searches {
    pub fn new(limits: SearchLimits) -> Self {
        let rate = Arc::new(ByteRate::new(limits.bytes_per_second));
        Self { running: Arc::new(Semaphore::new(limits.running)), limits, rate }
    }

    /// Checks a request that the user is allowed to make.
    ///
    /// # Errors
    /// If a field of the request is invalid, or the bridge runs the maximum number of searches.
    pub(crate) fn admit(
        &self,
        cluster: &Cluster,
        permissions: &Permissions,
        request: Search,
    ) -> Result<AdmittedSearch, ErrorBody> {
        let mask = permissions.masks(request.topics.iter().map(String::as_str));
        if mask.is_some() {
            require_maskable(request.decode)?;
        }
        let source = Source {
            admin: Arc::clone(&cluster.admin),
            decoder: Arc::clone(&cluster.decoder),
            state: Some(cluster.state.clone()),
        };
        let admitted = self.admit_unmasked(source, request)?;
        Ok(AdmittedSearch { mask, ..admitted })
    }

    /// The same for a user who may see everything.
    ///
    /// # Errors
    /// As for a request of the WebSocket.
    pub fn admit_unmasked(&self, source: Source, request: Search) -> Result<AdmittedSearch, ErrorBody> {
        plan::check(&request)?;
        let filter = CompiledFilter::compile(&request.filter)
            .map_err(|error| ErrorBody::new(ErrorCode::InvalidFilter, error.to_string()))?;
        let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() else {
            let message = format!(
                "the bridge runs {} searches, which is its limit (--max-searches); try again when one has ended",
                self.limits.running
            );
            let error = ErrorBody::new(ErrorCode::TooManySearches, message);
            return Err(ErrorBody { retry_after_ms: Some(RETRY_AFTER_MS), ..error });
        };
        let rate = Arc::clone(&self.rate);
        Ok(AdmittedSearch { source, request, filter, mask: None, rate, _permit: permit })
    }
}

impl Source {
    /// The error with the reason why Kafka cannot be reached, if that is known.
    fn with_reason(&self, error: ErrorBody) -> ErrorBody {
        match &self.state {
            Some(state) => with_reason(error, &state.borrow()),
            None => error,
        }
    }
}

impl AdmittedSearch {
    /// Starts the thread. The search ends when `stop` is cancelled, or the receiver is dropped.
    pub fn start(self, number: u32, stop: CancellationToken) -> mpsc::Receiver<Sent> {
        let (sender, receiver) = mpsc::channel(WAITING_MESSAGES);
        tokio::task::spawn_blocking(move || self.run(number, &stop, &sender));
        receiver
    }

    fn run(self, search: u32, stop: &CancellationToken, sender: &mpsc::Sender<Sent>) {
        let started = Plan::of(&self.source.admin, &self.request);
        let masked = self.mask.as_ref().map(|profile| profile.fields()).unwrap_or_default();
        let (plan, started) = match started {
            Ok(plan) => {
                let started = SearchStarted { search, ranges: plan.shown(), masked };
                (Some(plan), Ok(started))
            }
            Err(error) => (None, Err(self.source.with_reason(error))),
        };
        // If the socket is gone, no client receives the records.
        if sender.blocking_send(Sent::Started(started)).is_ok()
            && let Some(plan) = plan
        {
            run::Run::new(search, &self, plan, stop, sender).run();
        }
    }
}
