//! WebSockets: one [`session`] for each, and the state that outlives a lost socket. This module knows feeds and the
//! producer, not librdkafka.

mod audit;
mod closing;
mod content;
mod frame;
mod gate;
mod greeting;
mod ledger;
mod outbox;
mod produce;
mod rate;
mod read_side;
mod replies;
mod requests;
mod session;
mod sessions;
mod slots;
mod subscription;
mod subscriptions;
mod upgrade;
mod visibility;
mod watches;

use std::sync::Arc;

use protocol::Limits;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::clusters::Clusters;

pub use self::gate::Gate;
pub use self::sessions::{SessionTotals, Sessions};
pub use self::slots::{Slots, SocketLimits};
pub use self::upgrade::{Refused, upgrade};

/// The largest frame: room for a produce batch of several records, or for one of the largest records in base64.
pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// Kafka's default `message.max.bytes`, without the batch overhead.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

pub const LIMITS: Limits = Limits { message_bytes: MAX_RECORD_BYTES as u64, subscriptions: 16, produce_window: 50_000 };

/// Explains why a change is refused; ends the error message.
const READ_ONLY: &str = "this cluster is read-only (--read-only, or read-only = true in the configuration file)";

/// The state of the bridge as a whole, which the sessions of all clusters share.
pub struct Shared {
    pub clusters: Clusters,
    /// Who is admitted, and what they may do.
    pub admission: Admission,
    pub sessions: Sessions,
    pub slots: Arc<Slots>,
    pub gate: Arc<Gate>,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
}
