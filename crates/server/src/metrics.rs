//! The metrics of `/metrics`, for Prometheus. They are global, since a process is one bridge, and counted once per
//! batch.

use std::sync::LazyLock;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

type Labels = [(&'static str, &'static str); 1];

pub struct Metrics {
    registry: Registry,
    kafka_up: Gauge,
    sockets: Gauge,
    records_read: Counter,
    records_delivered: Counter,
    records_missed: Counter,
    records_produced: Family<Labels, Counter>,
    tokens_refused: Counter,
    sockets_evicted: Counter,
    connections_evicted: Counter,
    accept_errors: Counter,
    tls_handshake_errors: Counter,
}

/// The outcome of produced records.
#[derive(Clone, Copy, Debug)]
pub enum DeliveryOutcome {
    Acked,
    Failed,
    Unknown,
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("ponte");
        registry.register("build", "The version of the bridge", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let kafka_up = Gauge::default();
        registry.register("kafka_up", "1 while a broker answers, else 0", kafka_up.clone());
        let sockets = Gauge::default();
        registry.register("sockets", "Open WebSockets", sockets.clone());
        let records_read = Counter::default();
        registry.register(
            "records_read",
            "Records read from Kafka, counted once for any number of subscriptions",
            records_read.clone(),
        );
        let records_delivered = Counter::default();
        let help = "Records sent to sockets, counted once for each subscription";
        registry.register("records_delivered", help, records_delivered.clone());
        let records_missed = Counter::default();
        let help = "Records that a subscription missed and was sent a gap for";
        registry.register("records_missed", help, records_missed.clone());
        let records_produced = Family::<Labels, Counter>::default();
        // Created now, because Prometheus computes a rate only once the counter exists with zero.
        for outcome in [DeliveryOutcome::Acked, DeliveryOutcome::Failed, DeliveryOutcome::Unknown] {
            drop(records_produced.get_or_create(&outcome.labels()));
        }
        registry.register("records_produced", "Records produced by sockets, by outcome", records_produced.clone());
        let tokens_refused = Counter::default();
        registry.register("tokens_refused", "Wrong access tokens", tokens_refused.clone());
        let sockets_evicted = Counter::default();
        let help = "WebSockets closed before their hello, because too many sockets had not sent one";
        registry.register("sockets_evicted", help, sockets_evicted.clone());
        let connections_evicted = Counter::default();
        let help = "Idle connections closed to make room for another one";
        registry.register("connections_evicted", help, connections_evicted.clone());
        let accept_errors = Counter::default();
        let help = "Connections that could not be accepted, for example because no file descriptor was free";
        registry.register("accept_errors", help, accept_errors.clone());
        let tls_handshake_errors = Counter::default();
        let help = "TLS handshakes that failed";
        registry.register("tls_handshake_errors", help, tls_handshake_errors.clone());
        Self {
            registry,
            kafka_up,
            sockets,
            records_read,
            records_delivered,
            records_missed,
            records_produced,
            tokens_refused,
            sockets_evicted,
            connections_evicted,
            accept_errors,
            tls_handshake_errors,
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

    /// All metrics as text; the two gauges are set to the given values first.
    pub fn text(&self, kafka_is_up: bool, sockets: usize) -> String {
        self.kafka_up.set(kafka_is_up.into());
        self.sockets.set(i64::try_from(sockets).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl DeliveryOutcome {
    fn labels(self) -> Labels {
        let name = match self {
            Self::Acked => "acked",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        };
        [("outcome", name)]
    }
}
