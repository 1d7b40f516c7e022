//! The metrics of `/metrics`, for Prometheus. Counters and histograms are global, since a process is one bridge, and
//! counted once per batch. What other parts keep anyway is computed when Prometheus asks ([`scrape`]).

mod exposition;
mod histogram;
mod process;
mod scrape;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use protocol::{ClusterName, ErrorBody, ErrorCode, GapReason};

pub use self::exposition::Format;
use self::histogram::{AGE_BOUNDS_US, Histogram, LATENCY_BOUNDS_US};
use self::scrape::Scrape;
use crate::sign_in::SignInOutcome;
use crate::websocket::Shared;

pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The type of a message that the protocol does not know.
pub const UNKNOWN_MESSAGE: &str = "unknown";

type Labels<const N: usize> = [(&'static str, &'static str); N];

pub struct Metrics {
    registry: Registry,
    records_read: Counter,
    records_delivered: Counter,
    records_missed: Counter,
    records_produced: Family<Labels<1>, Counter>,
    tokens_refused: Counter,
    sign_ins: Family<Labels<1>, Counter>,
    sockets_evicted: Counter,
    connections_evicted: Counter,
    accept_errors: Counter,
    tls_handshake_errors: Counter,
    refusals: Family<Labels<1>, Counter>,
    requests: Family<Labels<2>, Counter>,
    socket_closes: Family<[(&'static str, String); 2], Counter>,
    outbox_bytes: Gauge,
    gaps: Family<[(&'static str, String); 2], Counter>,
    gap_records: Family<[(&'static str, String); 2], Counter>,
    ack_latency: LatencyFamily,
    delivery_latency: LatencyFamily,
    delivered_record_age: LatencyFamily,
    of_clusters: Mutex<BTreeMap<ClusterName, &'static ClusterMetrics>>,
}

type LatencyFamily = Family<[(&'static str, String); 1], Histogram, fn() -> Histogram>;

/// The metrics of one cluster that are counted per batch, found once and kept.
pub struct ClusterMetrics {
    ack_latency: Histogram,
    delivery_latency: Histogram,
    delivered_record_age: Histogram,
    slow: GapCounters,
    retention: GapCounters,
    recreated: GapCounters,
    out_of_range: GapCounters,
}

struct GapCounters {
    gaps: Counter,
    records: Counter,
}

/// The outcome of produced records.
#[derive(Clone, Copy, Debug)]
pub enum DeliveryOutcome {
    Acked,
    Failed,
    Unknown,
}

/// Why an HTTP request, a socket or a message was refused.
#[derive(Clone, Copy, Debug)]
pub enum RefusalReason {
    /// A connection from a trusted proxy does not begin with a PROXY header, although the bridge expects one.
    ProxyHeader,
    /// The request violates HTTP's rules about hosts.
    MalformedHost,
    /// The request is for a host name that is not served.
    Host,
    /// The page is of an origin that may not connect.
    Origin,
    /// The upgrade request violates the WebSocket protocol, or names another subprotocol.
    Handshake,
    /// As many sockets are open as may be.
    Sockets,
    /// As many sockets of this address are open as may be.
    SocketsOfAddress,
    /// No file descriptor is free.
    Descriptors,
    /// The access token is wrong or missing.
    Token,
    /// The browser is not signed in.
    SignedOut,
    /// The socket sent requests too fast.
    Rate,
    /// The frame was too large.
    FrameTooLarge,
}

/// Who closed a socket first.
#[derive(Clone, Copy, Debug)]
pub enum ClosedBy {
    Bridge,
    Client,
    /// The connection ended without a close frame.
    Network,
}

/// The time at which frames were written.
pub struct WrittenAt {
    now: Instant,
    /// Milliseconds since 1970-01-01 UTC.
    ms: i64,
}

impl WrittenAt {
    /// Reads one clock for both times, because reading a clock is most of the cost of measuring. The difference between
    /// the two is read once a second, so that changes of the system's time are followed.
    pub fn now() -> Self {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        static READ_IN_SECOND: AtomicU64 = AtomicU64::new(u64::MAX);
        static MS_AT_START: AtomicI64 = AtomicI64::new(0);
        let now = Instant::now();
        let since_start = now.saturating_duration_since(*START);
        let ms_since_start = i64::try_from(since_start.as_millis()).unwrap_or(i64::MAX);
        if READ_IN_SECOND.load(Ordering::Acquire) != since_start.as_secs() {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let ms = i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX);
            MS_AT_START.store(ms - ms_since_start, Ordering::Relaxed);
            READ_IN_SECOND.store(since_start.as_secs(), Ordering::Release);
        }
        Self { now, ms: MS_AT_START.load(Ordering::Relaxed).saturating_add(ms_since_start) }
    }
}

impl Metrics {
    fn new() -> Self {
        process::keep_start_time();
        let mut registry = Registry::with_prefix("ponte");
        registry.register("build", "The version of the bridge", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let latency: fn() -> Histogram = || Histogram::new(LATENCY_BOUNDS_US);
        let age: fn() -> Histogram = || Histogram::new(AGE_BOUNDS_US);
        let metrics = Self {
            records_read: register(
                &mut registry,
                "records_read",
                "Records read from Kafka, counted once for any number of subscriptions",
            ),
            records_delivered: register(
                &mut registry,
                "records_delivered",
                "Records sent to sockets, counted once for each subscription",
            ),
            records_missed: register(
                &mut registry,
                "records_missed",
                "Records that a subscription missed and was sent a gap for",
            ),
            records_produced: register(&mut registry, "records_produced", "Records produced by sockets, by outcome"),
            tokens_refused: register(&mut registry, "tokens_refused", "Wrong access tokens"),
            sign_ins: register(&mut registry, "sign_ins", "Sign-ins with OpenID Connect, by outcome"),
            sockets_evicted: register(
                &mut registry,
                "sockets_evicted",
                "WebSockets closed before their hello, because too many sockets had not sent one",
            ),
            connections_evicted: register(
                &mut registry,
                "connections_evicted",
                "Idle connections closed to make room for another one",
            ),
            accept_errors: register(
                &mut registry,
                "accept_errors",
                "Connections that could not be accepted, for example because no file descriptor was free",
            ),
            tls_handshake_errors: register(&mut registry, "tls_handshake_errors", "TLS handshakes that failed"),
            refusals: register(&mut registry, "refusals", "Refused HTTP requests, sockets and messages, by reason"),
            requests: register(
                &mut registry,
                "requests",
                "Messages of clients by type and outcome: ok, or the name of the error; of produce, flow, ack and pong only \
                 those with an error",
            ),
            socket_closes: register(
                &mut registry,
                "socket_closes",
                "Closed WebSockets, by close code and by who closed first: bridge, client, or network without a close frame",
            ),
            outbox_bytes: register(&mut registry, "outbox_bytes", "Bytes of frames that wait for their sockets"),
            gaps: register(&mut registry, "gaps", "Gaps that subscriptions were sent, by reason"),
            gap_records: register(
                &mut registry,
                "gap_records",
                "Records that a subscription missed and was sent a gap for, by reason",
            ),
            ack_latency: register_family(
                &mut registry,
                "ack_latency_seconds",
                "Time from the arrival of produced records at the bridge until Kafka has acknowledged them; one observation \
                 for each record",
                latency,
            ),
            delivery_latency: register_family(
                &mut registry,
                "delivery_latency_seconds",
                "Time from reading records from Kafka until they are written to a socket, including the wait for credit of a \
                 slow client; one observation for each record and subscription",
                latency,
            ),
            delivered_record_age: register_family(
                &mut registry,
                "delivered_record_age_seconds",
                "Age of records when they are written to a socket, by their timestamps; all records of a frame count as old \
                 as the last one",
                age,
            ),
            of_clusters: Mutex::default(),
            registry,
        };
        // Created now, because Prometheus computes a rate only once the counter exists with zero.
        for outcome in DeliveryOutcome::ALL {
            drop(metrics.records_produced.get_or_create(&outcome.labels()));
        }
        for outcome in SignInOutcome::ALL {
            drop(metrics.sign_ins.get_or_create(&[("outcome", outcome.name())]));
        }
        for reason in RefusalReason::ALL {
            drop(metrics.refusals.get_or_create(&reason.labels()));
        }
        metrics
    }

    /// The metrics of the cluster with this name. There are few names, so they are kept until the process ends.
    pub fn of_cluster(&self, name: &ClusterName) -> &'static ClusterMetrics {
        let mut of_clusters = self.of_clusters.lock().unwrap_or_else(PoisonError::into_inner);
        of_clusters.entry(name.clone()).or_insert_with(|| Box::leak(Box::new(self.new_cluster(name))))
    }

    fn new_cluster(&self, name: &ClusterName) -> ClusterMetrics {
        let cluster = [("cluster", name.as_str().to_owned())];
        let gap = |reason: &str| {
            let labels = [("cluster", name.as_str().to_owned()), ("reason", reason.to_owned())];
            let (gaps, records) =
                (self.gaps.get_or_create(&labels).clone(), self.gap_records.get_or_create(&labels).clone());
            GapCounters { gaps, records }
        };
        ClusterMetrics {
            ack_latency: self.ack_latency.get_or_create(&cluster).clone(),
            delivery_latency: self.delivery_latency.get_or_create(&cluster).clone(),
            delivered_record_age: self.delivered_record_age.get_or_create(&cluster).clone(),
            slow: gap("slow"),
            retention: gap("retention"),
            recreated: gap("recreated"),
            out_of_range: gap("out_of_range"),
        }
    }

    /// The counter for feeds to increment.
    pub fn records_read(&self) -> Counter {
        self.records_read.clone()
    }

    pub fn delivered(&self, records: usize) {
        self.records_delivered.inc_by(records as u64);
    }

    pub fn missed(&self, records: u64) {
        self.records_missed.inc_by(records);
    }

    pub fn produced(&self, records: u64, outcome: DeliveryOutcome) {
        self.records_produced.get_or_create(&outcome.labels()).inc_by(records);
    }

    pub fn token_refused(&self) {
        self.tokens_refused.inc();
    }

    pub fn sign_in(&self, outcome: SignInOutcome) {
        self.sign_ins.get_or_create(&[("outcome", outcome.name())]).inc();
    }

    pub fn socket_evicted(&self) {
        self.sockets_evicted.inc();
    }

    pub fn connection_evicted(&self) {
        self.connections_evicted.inc();
    }

    pub fn accept_failed(&self) {
        self.accept_errors.inc();
    }

    pub fn tls_handshake_failed(&self) {
        self.tls_handshake_errors.inc();
    }

    pub fn refused(&self, reason: RefusalReason) {
        self.refusals.get_or_create(&reason.labels()).inc();
    }

    /// Counts a message of a client; `name` is its type.
    pub fn request(&self, name: &'static str, outcome: Result<(), &ErrorBody>) {
        let outcome = match outcome {
            Ok(()) => "ok",
            Err(error) => {
                let code = ErrorCode::ALL.iter().find(|code| code.number() == error.code);
                code.unwrap_or(&ErrorCode::Internal).name()
            }
        };
        self.requests.get_or_create(&[("type", name), ("outcome", outcome)]).inc();
    }

    pub fn socket_closed(&self, by: ClosedBy, code: u16) {
        /// Those of RFC 6455 and its registry. A client can send 4,000 codes, which must not become as many time series.
        const STANDARD: std::ops::RangeInclusive<u16> = 1000..=1015;
        let (by, code) = match by {
            ClosedBy::Bridge => ("bridge", code.to_string()),
            ClosedBy::Client if STANDARD.contains(&code) => ("client", code.to_string()),
            ClosedBy::Client => ("client", "other".to_owned()),
            ClosedBy::Network => ("network", code.to_string()),
        };
        self.socket_closes.get_or_create(&[("by", by.to_owned()), ("code", code)]).inc();
    }

    /// Counts the bytes of a frame that waits to be written; call [`Self::frame_left_outbox`] later.
    pub fn frame_entered_outbox(&self, bytes: usize) {
        self.outbox_bytes.inc_by(i64::try_from(bytes).unwrap_or(0));
    }

    pub fn frame_left_outbox(&self, bytes: usize) {
        self.outbox_bytes.dec_by(i64::try_from(bytes).unwrap_or(0));
    }

    /// All metrics as text.
    pub fn text(&self, shared: &Shared, format: Format) -> String {
        for cluster in shared.clusters.iter() {
            self.of_cluster(&cluster.name);
        }
        let mut scrape = Scrape::default();
        scrape::add(&mut scrape, shared);
        process::add(&mut scrape);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &scrape.into_registry()))
            .and_then(|()| encode_eof(&mut text));
        format.convert(text)
    }
}

/// Registers a metric that starts with zero.
fn register<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn register_family(registry: &mut Registry, name: &str, help: &str, new: fn() -> Histogram) -> LatencyFamily {
    let family = LatencyFamily::new_with_constructor(new);
    registry.register(name, help, family.clone());
    family
}

impl ClusterMetrics {
    /// Counts acknowledged records.
    pub fn acked(&self, took: Duration, records: u64) {
        self.ack_latency.observe(took, records);
    }

    /// Counts records that were written to a socket: when the reader read them, and the timestamp of the last one in
    /// milliseconds.
    pub fn written(&self, at: &WrittenAt, read_at: Instant, timestamp: Option<i64>, records: u64) {
        self.delivery_latency.observe(at.now.saturating_duration_since(read_at), records);
        if let Some(timestamp) = timestamp {
            // Negative if the clocks of bridge and producer differ.
            let age_ms = u64::try_from(at.ms.saturating_sub(timestamp)).unwrap_or(0);
            self.delivered_record_age.observe(Duration::from_millis(age_ms), records);
        }
    }

    pub fn gap(&self, reason: GapReason, records: u64) {
        let counters = match reason {
            GapReason::Slow => &self.slow,
            GapReason::Retention => &self.retention,
            GapReason::Recreated => &self.recreated,
            GapReason::OutOfRange => &self.out_of_range,
        };
        counters.gaps.inc();
        counters.records.inc_by(records);
    }
}

/// For ledgers of tests: those of the first cluster.
impl Default for &'static ClusterMetrics {
    fn default() -> Self {
        METRICS.of_cluster(&ClusterName::default())
    }
}

impl DeliveryOutcome {
    const ALL: [Self; 3] = [Self::Acked, Self::Failed, Self::Unknown];

    fn labels(self) -> Labels<1> {
        let name = match self {
            Self::Acked => "acked",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        };
        [("outcome", name)]
    }
}

impl RefusalReason {
    const ALL: [Self; 12] = [
        Self::ProxyHeader,
        Self::MalformedHost,
        Self::Host,
        Self::Origin,
        Self::Handshake,
        Self::Sockets,
        Self::SocketsOfAddress,
        Self::Descriptors,
        Self::Token,
        Self::SignedOut,
        Self::Rate,
        Self::FrameTooLarge,
    ];

    fn labels(self) -> Labels<1> {
        let name = match self {
            Self::ProxyHeader => "proxy_header",
            Self::MalformedHost => "malformed_host",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::Handshake => "handshake",
            Self::Sockets => "sockets",
            Self::SocketsOfAddress => "sockets_of_address",
            Self::Descriptors => "descriptors",
            Self::Token => "token",
            Self::SignedOut => "signed_out",
            Self::Rate => "rate",
            Self::FrameTooLarge => "frame_too_large",
        };
        [("reason", name)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_a_write_is_the_systems_time() {
        for _ in 0..3 {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
            let expected = i64::try_from(since_1970.as_millis()).expect("a few digits");
            let written = WrittenAt::now();
            // A slow machine may need long between the two.
            let late = i64::try_from(written.now.elapsed().as_millis()).expect("a few digits") + 1000;
            assert!((expected - 1..=expected + late).contains(&written.ms), "{expected} {}", written.ms);
        }
    }
}
