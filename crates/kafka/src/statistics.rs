//! librdkafka's statistics of the producer and the metadata client, and refused sign-ins. Readers have no statistics:
//! there may be many of them, and librdkafka formats all of a client's partitions as JSON each time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// How often librdkafka reports its statistics: more often than Prometheus usually asks, which is every 15 s.
const INTERVAL: Duration = Duration::from_secs(5);

/// Statistics of a client that has reported none for this long are dropped, because the client is gone.
const VALID_FOR: Duration = Duration::from_secs(4 * INTERVAL.as_secs());

/// The value of `statistics.interval.ms` for clients with statistics.
pub(crate) fn interval_ms() -> String {
    INTERVAL.as_millis().to_string()
}

/// A client that reports statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportingClient {
    Producer,
    Metadata,
}

impl ReportingClient {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Metadata => "metadata",
        }
    }
}

/// The latest statistics of the clients of one cluster.
#[derive(Debug, Default)]
pub struct Statistics {
    latest: Mutex<BTreeMap<ReportingClient, Reported>>,
    refused_sign_ins: AtomicU64,
}

#[derive(Debug)]
struct Reported {
    at: Instant,
    statistics: ClientStatistics,
}

/// What one client reported. The names of the fields in librdkafka's JSON are those of its STATISTICS.md.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClientStatistics {
    /// Records in the producer's queue and in flight.
    #[serde(rename = "msg_cnt")]
    pub queued_records: u64,
    #[serde(rename = "msg_size")]
    pub queued_bytes: u64,
    #[serde(rename = "msg_size_max")]
    pub max_queued_bytes: u64,
    #[serde(default, deserialize_with = "values")]
    pub brokers: Vec<BrokerStatistics>,
}

/// The connection of one client to one broker. Counters start when the client is created.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BrokerStatistics {
    /// -1 for an address of `bootstrap.servers` whose broker is not known yet.
    #[serde(rename = "nodeid")]
    pub id: i32,
    /// `host:port`.
    #[serde(rename = "nodename")]
    pub address: String,
    /// `configured`, `learned`, `internal` or `logical`.
    source: String,
    state: String,
    #[serde(rename = "outbuf_cnt")]
    pub requests_to_send: i64,
    #[serde(rename = "waitresp_cnt")]
    pub requests_without_response: i64,
    #[serde(rename = "txbytes")]
    pub sent_bytes: u64,
    #[serde(rename = "rxbytes")]
    pub received_bytes: u64,
    #[serde(rename = "txerrs")]
    pub send_errors: u64,
    #[serde(rename = "rxerrs")]
    pub receive_errors: u64,
    #[serde(rename = "req_timeouts")]
    pub request_timeouts: u64,
    #[serde(rename = "connects")]
    pub connection_attempts: i64,
    #[serde(rename = "disconnects")]
    pub disconnections: i64,
    #[serde(rename = "rtt")]
    round_trip_us: Window,
    #[serde(rename = "throttle")]
    throttle_ms: Window,
}

/// Values since the last report.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
struct Window {
    avg: i64,
    p50: i64,
    p99: i64,
    cnt: i64,
}

/// Round-trip times since the last report, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundTrips {
    pub average: f64,
    pub p50: f64,
    pub p99: f64,
}

impl BrokerStatistics {
    /// Whether requests can be sent now.
    pub fn is_up(&self) -> bool {
        self.state == "UP"
    }

    /// `None` if no request was answered since the last report.
    pub fn round_trips(&self) -> Option<RoundTrips> {
        let seconds = |us: i64| us as f64 / 1e6;
        let Window { avg, p50, p99, cnt } = self.round_trip_us;
        (cnt > 0).then(|| RoundTrips { average: seconds(avg), p50: seconds(p50), p99: seconds(p99) })
    }

    /// For how many seconds the broker delayed a response on average, because the client exceeded a quota.
    pub fn throttle_seconds(&self) -> f64 {
        if self.throttle_ms.cnt > 0 { self.throttle_ms.avg as f64 / 1e3 } else { 0.0 }
    }

    /// Whether this is the connection to a broker, not librdkafka's placeholder for a role such as the coordinator.
    fn is_of_broker(&self) -> bool {
        !self.address.is_empty() && !matches!(self.source.as_str(), "internal" | "logical")
    }
}

impl Statistics {
    /// Stores a report, which replaces the client's last one. So brokers that the client does not know any more
    /// disappear.
    pub(crate) fn note(&self, client: ReportingClient, json: &[u8]) {
        let mut statistics: ClientStatistics = match protocol::from_json_bytes(json) {
            Ok(statistics) => statistics,
            Err(error) => return tracing::debug!(%error, "librdkafka's statistics are not as expected"),
        };
        statistics.brokers.retain(BrokerStatistics::is_of_broker);
        self.lock().insert(client, Reported { at: Instant::now(), statistics });
    }

    pub(crate) fn note_refused_sign_in(&self) {
        self.refused_sign_ins.fetch_add(1, Ordering::Relaxed);
    }

    /// The latest report of each client that still reports.
    pub fn latest(&self) -> Vec<(ReportingClient, ClientStatistics)> {
        let mut latest = self.lock();
        latest.retain(|_, reported| reported.at.elapsed() < VALID_FOR);
        latest.iter().map(|(client, reported)| (*client, reported.statistics.clone())).collect()
    }

    /// How many sign-ins the brokers refused since the start, as far as librdkafka reported them.
    pub fn refused_sign_ins(&self) -> u64 {
        self.refused_sign_ins.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ReportingClient, Reported>> {
        // Each change is one insert or removal, so the map is valid after a panic elsewhere.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The values of a JSON object; the names are repeated inside.
fn values<'de, D: serde::Deserializer<'de>>(object: D) -> Result<Vec<BrokerStatistics>, D::Error> {
    Ok(BTreeMap::<String, BrokerStatistics>::deserialize(object)?.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As librdkafka 2.12 writes it, without most of the fields.
    fn report(brokers: &[(i32, &str, &str)]) -> String {
        let broker = |(id, address, source): &(i32, &str, &str)| {
            format!(
                r#""{address}/{id}": {{"name": "{address}/{id}", "nodeid": {id}, "nodename": "{address}", "source": "{source}",
                "state": "UP", "stateage": 1, "outbuf_cnt": 1, "waitresp_cnt": 2, "tx": 9, "txbytes": 700, "txerrs": 0, "rx": 8,
                "rxbytes": 800, "rxerrs": 1, "req_timeouts": 3, "connects": 4, "disconnects": 2,
                "rtt": {{"min": 1, "max": 9, "avg": 1500, "sum": 5, "stddev": 1, "p50": 1000, "p75": 1, "p95": 1, "p99": 4000,
                "p99_99": 1, "outofrange": 0, "hdrsize": 1, "cnt": 3}}, "throttle": {{"avg": 20, "p50": 0, "p99": 0, "cnt": 2}},
                "req": {{"Produce": 5}}, "toppars": {{"t-0": {{"topic": "t", "partition": 0}}}}}}"#
            )
        };
        let brokers: Vec<String> = brokers.iter().map(broker).collect();
        format!(
            r#"{{"name": "ponte#producer-1", "type": "producer", "msg_cnt": 7, "msg_size": 900, "msg_max": 100000,
            "msg_size_max": 67108864, "brokers": {{{}}}, "topics": {{"t": {{"partitions": {{}}}}}}, "tx": 9}}"#,
            brokers.join(",")
        )
    }

    #[test]
    fn report_has_queue_and_brokers_without_placeholders() {
        let statistics = Statistics::default();
        let json = report(&[(1, "kafka:9092", "learned"), (-1, "", "logical"), (-1, ":0", "internal")]);
        statistics.note(ReportingClient::Producer, json.as_bytes());
        let latest = statistics.latest();
        let [(ReportingClient::Producer, reported)] = latest.as_slice() else { panic!("{latest:?}") };
        assert_eq!((reported.queued_records, reported.queued_bytes, reported.max_queued_bytes), (7, 900, 67_108_864));
        let [broker] = reported.brokers.as_slice() else { panic!("{reported:?}") };
        assert_eq!((broker.id, broker.address.as_str(), broker.is_up()), (1, "kafka:9092", true));
        assert_eq!(broker.round_trips(), Some(RoundTrips { average: 0.0015, p50: 0.001, p99: 0.004 }));
        assert_eq!((broker.throttle_seconds(), broker.request_timeouts), (0.02, 3));
    }

    #[test]
    fn broker_that_the_next_report_lacks_is_forgotten() {
        let statistics = Statistics::default();
        let both = report(&[(1, "one:9092", "learned"), (2, "two:9092", "learned")]);
        statistics.note(ReportingClient::Metadata, both.as_bytes());
        assert_eq!(statistics.latest()[0].1.brokers.len(), 2);
        statistics.note(ReportingClient::Metadata, report(&[(2, "two:9092", "learned")]).as_bytes());
        let ids: Vec<i32> = statistics.latest()[0].1.brokers.iter().map(|broker| broker.id).collect();
        assert_eq!(ids, [2]);
    }

    #[test]
    fn unexpected_report_changes_nothing() {
        let statistics = Statistics::default();
        statistics.note(ReportingClient::Producer, b"{}");
        statistics.note(ReportingClient::Producer, b"not JSON");
        assert_eq!(statistics.latest(), []);
    }
}
