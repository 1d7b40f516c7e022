//! WebSockets: one [`session`] for each, and the state that outlives a lost socket. This module knows feeds and the
//! producer, not librdkafka.

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

use crate::access_token::CurrentToken;
use crate::clusters::Clusters;
use crate::http::Peer;
use crate::token_attempts::TokenAttempts;

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
    /// A client without this token is refused at `hello`.
    pub token: CurrentToken,
    pub token_attempts: TokenAttempts,
    pub sessions: Sessions,
    pub slots: Arc<Slots>,
    pub gate: Arc<Gate>,
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
}

impl Shared {
    /// Whether a client with this token may be served. After several wrong tokens from the same address the answer is
    /// delayed. `whence` is logged: where the token was sent.
    pub async fn admits(&self, token: Option<&str>, peer: Peer, whence: &str) -> bool {
        if !self.token.is_set() {
            return true;
        }
        let Some(given) = token else { return false };
        self.token_attempts.wait(peer.ip()).await;
        let is_right = self.token.matches(given);
        if !is_right {
            self.token_attempts.failed(peer, whence);
        }
        is_right
    }
}
