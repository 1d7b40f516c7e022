//! Events of the audit log: who did what. Each has the client's address and name, the user, and the cluster.
//!
//! Changes of Kafka's objects and refusals by the bridge are logged at the level INFO. What a client does all the time, joining groups and
//! writing, is logged at DEBUG, so that it is in the file of `--audit` and not on standard error.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{ClientName, ClusterName, ErrorBody, ErrorCode, MessageBody as _, Produce};

use crate::http::Peer;

/// How often the totals of a socket that writes are logged.
const TOTALS_EVERY: Duration = Duration::from_secs(600);

/// For how many topics of a socket the records are counted. With one more, the totals are logged at once and counted anew.
const MAX_TOPICS: usize = 1024;

/// For how many topics of a socket the refusals are logged between two totals; those for further topics are counted.
const MAX_REFUSED_TOPICS: usize = 256;

/// The client that sent a request.
#[derive(Clone, Debug)]
pub struct Asker {
    pub peer: Peer,
    /// The name that the client gave itself in `hello`.
    pub client: ClientName,
    /// The Kafka cluster of its socket.
    pub cluster: ClusterName,
    /// The name by which the bridge has recognized the user.
    pub user: Arc<str>,
}

/// Quoted, so that a client's name cannot end the log field and forge another one.
impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.peer, self.client.as_str())
    }
}

/// Logs an event with the fields of its [`Asker`]. The name of the user is a string, which the log quotes and escapes.
macro_rules! audit {
    (@$level:ident, $asker:expr, $($fields:tt)+) => {{
        let asker: &$crate::websocket::audit::Asker = $asker;
        tracing::event!(
            target: "audit",
            tracing::Level::$level,
            asker = %asker, user = &*asker.user, cluster = %asker.cluster,
            $($fields)+
        )
    }};
    ($asker:expr, $($fields:tt)+) => { $crate::websocket::audit::audit!(@INFO, $asker, $($fields)+) };
}
pub(super) use audit;

/// Logs that the bridge refused a change because of its rules, or because the cluster is read-only.
pub(super) fn refused(asker: &Asker, change: &str, error: &ErrorBody) {
    let reason = &error.message;
    if error.code == ErrorCode::ReadOnly.number() {
        audit!(asker, change, reason, "audit: refused: the cluster is read-only");
    } else {
        audit!(asker, change, reason, "audit: refused by the access rules");
    }
}

/// Counts the records that a socket writes, and logs the first record for each topic, the totals every ten minutes and at the end.
pub(super) struct WriteLog {
    asker: Asker,
    /// Records since the last totals, also those that fail later.
    records: HashMap<Box<str>, u64>,
    /// Apart from the records, so that refusals cannot keep the topics of records out of the log.
    refused: HashSet<Box<str>>,
    /// Refusals for topics beyond [`MAX_REFUSED_TOPICS`].
    further_refusals: u64,
    totals_at: Instant,
}

impl WriteLog {
    pub fn new(asker: Asker) -> Self {
        Self {
            asker,
            records: HashMap::new(),
            refused: HashSet::new(),
            further_refusals: 0,
            totals_at: Instant::now() + TOTALS_EVERY,
        }
    }

    /// Counts records that are passed to the producer.
    pub fn written(&mut self, topic: &str, records: u64) {
        if let Some(written) = self.records.get_mut(topic) {
            *written += records;
            return;
        }
        if self.records.len() >= MAX_TOPICS {
            self.log_totals();
            self.records.clear();
        }
        audit!(@DEBUG, &self.asker, change = Produce::NAME, topic, "audit: first record for the topic");
        self.records.insert(topic.into(), records);
    }

    /// Logs the first refusal for each topic, and again after the totals.
    pub fn refused(&mut self, topic: &str, error: &ErrorBody) {
        let is_by_bridge = [ErrorCode::Forbidden, ErrorCode::ReadOnly].iter().any(|code| code.number() == error.code);
        if !is_by_bridge || protocol::TopicName::parse(topic).is_err() {
            return;
        }
        if self.refused.contains(topic) {
            return;
        }
        if self.refused.len() >= MAX_REFUSED_TOPICS {
            self.further_refusals += 1;
            return;
        }
        self.refused.insert(topic.into());
        refused(&self.asker, Produce::NAME, error);
    }

    /// Logs the totals if it is time.
    pub fn log_totals_when_due(&mut self) {
        if Instant::now() >= self.totals_at {
            self.totals_at = Instant::now() + TOTALS_EVERY;
            self.log_totals();
            self.refused.clear();
        }
    }

    fn log_totals(&mut self) {
        let change = Produce::NAME;
        for (topic, records) in &mut self.records {
            let records = std::mem::take(records);
            if records > 0 {
                let topic: &str = topic;
                audit!(@DEBUG, &self.asker, change, topic, records, "audit: records written");
            }
        }
        let refusals = std::mem::take(&mut self.further_refusals);
        if refusals > 0 {
            audit!(&self.asker, change, refusals, "audit: refused for further topics");
        }
    }
}

impl Drop for WriteLog {
    fn drop(&mut self) {
        self.log_totals();
    }
}
