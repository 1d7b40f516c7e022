//! WebSockets: one [`session`] for each, and the state that outlives a lost socket. This module knows feeds and the
//! producer, not librdkafka.

mod audit;
mod closing;
mod content;
mod frame;
mod gate;
mod greeting;
mod large_frames;
mod ledger;
mod outbox;
mod produce;
mod pushes;
mod rate;
mod read_side;
mod replies;
mod requests;
mod searches;
mod session;
mod sessions;
mod slots;
mod subscription;
mod subscriptions;
mod upgrade;
mod visibility;
mod watches;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::clusters::Clusters;
use crate::search::Searches;

pub use self::gate::Gate;
pub use self::large_frames::LargeFrames;
pub use self::sessions::{SessionTotals, Sessions};
pub use self::slots::{Slots, SocketLimits};
pub use self::upgrade::{Refused, upgrade};

/// Explains why a change is refused; ends the error message.
const READ_ONLY: &str = "this cluster is read-only (--read-only, or read-only = true in the configuration file)";

/// The state of the bridge as a whole, which the sessions of all clusters share.
pub struct Shared {
    pub clusters: Clusters,
    /// Who is admitted, and what they may do.
    pub admission: Admission,
    pub sessions: Sessions,
    pub slots: Arc<Slots>,
    pub large_frames: Arc<LargeFrames>,
    pub gate: Arc<Gate>,
    pub searches: Searches,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
}
