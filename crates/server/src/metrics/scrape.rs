//! The metrics that are computed when Prometheus asks: states that other parts of the bridge keep anyway. Nothing here
//! asks Kafka.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use kafka::statistics::{BrokerStatistics, ReportingClient};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use protocol::ClusterState;

use crate::clusters::Cluster;
use crate::websocket::Shared;

/// How many groups of one cluster have their lag in `/metrics`: each is a time series of its own.
const MAX_GROUPS: usize = 100;

/// The broker of an address in `bootstrap.servers` that has not answered yet.
const BOOTSTRAP: &str = "bootstrap";

pub type Labels = Vec<(&'static str, String)>;

/// Collects values under their metrics.
#[derive(Default)]
pub struct Scrape {
    registry: Registry,
}

impl Scrape {
    pub fn into_registry(self) -> Registry {
        self.registry
    }

    pub fn gauge(&mut self, name: &str, help: &str, value: i64) {
        // Not a family: one without labels would be written with empty braces.
        let gauge = Gauge::<i64>::default();
        gauge.set(value);
        self.registry.register(name, help, gauge);
    }

    pub fn gauges(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, i64)>) {
        let family = Family::<Labels, Gauge>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.registry.register(name, help, family);
    }

    pub fn counters(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, u64)>) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value);
        }
        self.registry.register(name, help, family);
    }

    pub fn seconds(&mut self, name: &str, help: &str, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.registry.register(name, help, gauge);
    }

    pub fn seconds_of(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (Labels, f64)>) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.registry.register(name, help, family);
    }

    pub fn seconds_counter(&mut self, name: &str, help: &str, value: f64) {
        let counter = Counter::<f64, AtomicU64>::default();
        counter.inc_by(value);
        self.registry.register(name, help, counter);
    }
}

/// Adds the state of the bridge and of its clusters.
pub fn add(scrape: &mut Scrape, shared: &Shared) {
    let first_is_up = is_up(shared.clusters.first());
    scrape.gauge("ponte_kafka_up", "1 while a broker of the first cluster answers, else 0", first_is_up.into());
    scrape.gauge("ponte_sockets", "Open WebSockets", count(shared.slots.taken()));
    scrape.gauge(
        "ponte_sockets_limit",
        "How many WebSockets may be open after their hello",
        count(shared.slots.limit()),
    );

    let signed_in = shared.admission.sign_in().map_or(0, |sign_in| sign_in.open_sessions());
    scrape.gauge("ponte_sign_in_sessions", "Browsers that are signed in with OpenID Connect", count(signed_in));

    let sessions = shared.sessions.totals();
    let of_sessions = |value: fn(&crate::websocket::SessionTotals) -> usize| {
        shared.clusters.iter().map(move |cluster| {
            let totals = sessions.get(&cluster.name).copied().unwrap_or_default();
            (of(cluster), count(value(&totals)))
        })
    };
    let states =
        of_sessions.clone()(|totals| totals.open).map(|(labels, value)| (with(labels, "state", "open"), value));
    let lost =
        of_sessions.clone()(|totals| totals.lost).map(|(labels, value)| (with(labels, "state", "lingering"), value));
    let help = "Sessions with a socket (open), and sessions without one that are kept for their clients (lingering)";
    scrape.gauges("ponte_sessions", help, states.chain(lost));
    let help = "Memory in bytes for the outcomes of produced records, of all sessions together";
    scrape.gauges("ponte_outcome_memory_bytes", help, of_sessions.clone()(|totals| totals.bytes));
    let help = "Records that sessions have sent and that have no outcome yet";
    scrape.gauges("ponte_records_in_flight", help, of_sessions(|totals| totals.in_flight));

    let clusters: Vec<&Cluster> = shared.clusters.iter().map(|cluster| &**cluster).collect();
    add_clusters(scrape, &clusters);
    add_lag(scrape, &clusters);
    add_librdkafka(scrape, &clusters);
}

fn add_clusters(scrape: &mut Scrape, clusters: &[&Cluster]) {
    let help = "1 while a broker of the cluster answers, else 0";
    scrape.gauges("ponte_cluster_up", help, clusters.iter().map(|cluster| (of(cluster), is_up(cluster).into())));
    let help = "Brokers of the cluster, as its metadata names them";
    let brokers = clusters.iter().map(|cluster| (of(cluster), count(cluster.state.borrow().brokers.len())));
    scrape.gauges("ponte_cluster_brokers", help, brokers);

    let totals: Vec<_> = clusters.iter().map(|cluster| (*cluster, cluster.feeds.totals())).collect();
    let readers = totals.iter().flat_map(|(cluster, totals)| {
        totals.readers.map(|(kind, readers)| (with(of(cluster), "kind", kind), count(readers)))
    });
    let help = "Running Kafka consumers: shared by the tails of a topic (tail), of a group (group), of one subscription \
                (private), and connected for the next tail (standby)";
    scrape.gauges("ponte_readers", help, readers);
    if let Some(cluster) = clusters.first() {
        let help = "How many Kafka consumers may run for subscriptions, of all clusters together";
        scrape.gauge("ponte_readers_limit", help, count(cluster.feeds.max_readers()));
    }
    let subscriptions = totals.iter().flat_map(|(cluster, totals)| {
        totals.subscriptions.map(|(kind, subscriptions)| (with(of(cluster), "kind", kind), count(subscriptions)))
    });
    scrape.gauges(
        "ponte_subscriptions",
        "Open subscriptions, by the kind of consumer that they read from",
        subscriptions,
    );
    let help = "Bytes of records that are kept for subscriptions, counted once for any number of them";
    scrape.gauges("ponte_feed_bytes", help, totals.iter().map(|(cluster, totals)| (of(cluster), count(totals.bytes))));
    let views = clusters.iter().flat_map(|cluster| {
        let counts = cluster.views.counts();
        counts.into_iter().map(|(view, running)| (with(of(cluster), "view", view), count(running)))
    });
    let help = "Live views that query Kafka, each for any number of subscribers";
    scrape.gauges("ponte_live_views", help, views);
}

fn add_lag(scrape: &mut Scrape, clusters: &[&Cluster]) {
    let (mut lags, mut left_out) = (Vec::new(), Vec::new());
    for cluster in clusters {
        let viewed = cluster.views.group_lags().into_iter().map(|(group, lag)| ((group, "view"), lag));
        let read = cluster.feeds.totals().group_lags.into_iter().map(|(group, lag)| ((group, "member"), lag));
        let all: BTreeMap<(String, &'static str), u64> = viewed.chain(read).collect();
        left_out.push((of(cluster), count(all.len().saturating_sub(MAX_GROUPS))));
        lags.extend(all.into_iter().take(MAX_GROUPS).map(|((group, source), lag)| {
            let labels = with(with(of(cluster), "group", &group), "source", source);
            (labels, i64::try_from(lag).unwrap_or(i64::MAX))
        }));
    }
    let help = "Lag of watched groups in records: of all partitions as a live view last saw it (view), or of the partitions \
                that this bridge reads as a member (member)";
    scrape.gauges("ponte_group_lag_records", help, lags);
    let help = "Lags of watched groups that ponte_group_lag_records leaves out, because there are too many";
    scrape.gauges("ponte_group_lags_left_out", help, left_out);
}

fn add_librdkafka(scrape: &mut Scrape, clusters: &[&Cluster]) {
    let refused = clusters.iter().map(|cluster| (of(cluster), cluster.statistics.refused_sign_ins()));
    let help = "Sign-ins that brokers of the cluster refused, as far as librdkafka reported them";
    scrape.counters("ponte_kafka_sign_in_failures", help, refused);

    let latest: Vec<_> = clusters
        .iter()
        .flat_map(|cluster| cluster.statistics.latest().into_iter().map(|(client, latest)| (*cluster, client, latest)))
        .collect();
    let producers = || latest.iter().filter(|(_, client, _)| *client == ReportingClient::Producer);
    let help = "Records in librdkafka's producer that Kafka has not acknowledged";
    let records = producers().map(|(cluster, _, latest)| (of(cluster), whole(latest.queued_records)));
    scrape.gauges("ponte_kafka_producer_queue_records", help, records);
    let help = "Bytes of records in librdkafka's producer that Kafka has not acknowledged";
    let bytes = producers().map(|(cluster, _, latest)| (of(cluster), whole(latest.queued_bytes)));
    scrape.gauges("ponte_kafka_producer_queue_bytes", help, bytes);
    let help = "Limit in bytes of librdkafka's producer queue; sockets are not read while it is full";
    let limits = producers().map(|(cluster, _, latest)| (of(cluster), whole(latest.max_queued_bytes)));
    scrape.gauges("ponte_kafka_producer_queue_limit_bytes", help, limits);

    let brokers: Vec<(Labels, &BrokerStatistics)> = latest
        .iter()
        .flat_map(|(cluster, client, latest)| {
            latest.brokers.iter().map(|broker| (of_broker(cluster, *client, broker), broker))
        })
        .collect();
    for (name, help, value) in BROKER_GAUGES {
        scrape.gauges(name, help, brokers.iter().map(|(labels, broker)| (labels.clone(), value(broker))));
    }
    for (name, help, value) in BROKER_COUNTERS {
        scrape.counters(name, help, brokers.iter().map(|(labels, broker)| (labels.clone(), value(broker))));
    }
    for (name, help, value) in BROKER_SECONDS {
        let known = brokers.iter().filter_map(|(labels, broker)| Some((labels.clone(), value(broker)?)));
        scrape.seconds_of(name, help, known);
    }
}

type OfBroker<T> = (&'static str, &'static str, fn(&BrokerStatistics) -> T);

const BROKER_GAUGES: &[OfBroker<i64>] = &[
    ("ponte_kafka_broker_up", "1 while the client can send requests to the broker, else 0", |broker| {
        broker.is_up().into()
    }),
    ("ponte_kafka_broker_requests_unsent", "Requests that wait to be sent to the broker", |broker| {
        broker.requests_to_send
    }),
    (
        "ponte_kafka_broker_requests_unanswered",
        "Requests that were sent to the broker and have no response yet",
        |broker| broker.requests_without_response,
    ),
];

const BROKER_COUNTERS: &[OfBroker<u64>] = &[
    ("ponte_kafka_broker_sent_bytes", "Bytes sent to the broker", |broker| broker.sent_bytes),
    ("ponte_kafka_broker_received_bytes", "Bytes received from the broker", |broker| broker.received_bytes),
    ("ponte_kafka_broker_send_errors", "Requests that could not be sent to the broker", |broker| broker.send_errors),
    ("ponte_kafka_broker_receive_errors", "Responses of the broker that could not be received", |broker| {
        broker.receive_errors
    }),
    ("ponte_kafka_broker_request_timeouts", "Requests to the broker that timed out", |broker| broker.request_timeouts),
    ("ponte_kafka_broker_connection_attempts", "Attempts to connect to the broker", |broker| {
        whole_or_zero(broker.connection_attempts)
    }),
    ("ponte_kafka_broker_disconnections", "Connections to the broker that ended", |broker| {
        whole_or_zero(broker.disconnections)
    }),
];

const BROKER_SECONDS: &[OfBroker<Option<f64>>] = &[
    ("ponte_kafka_broker_round_trip_p50_seconds", "Median time until a response, over the last 5 s", |broker| {
        broker.round_trips().map(|times| times.p50)
    }),
    (
        "ponte_kafka_broker_round_trip_p99_seconds",
        "99th percentile of the time until a response, over the last 5 s",
        |broker| broker.round_trips().map(|times| times.p99),
    ),
    ("ponte_kafka_broker_round_trip_average_seconds", "Average time until a response, over the last 5 s", |broker| {
        broker.round_trips().map(|times| times.average)
    }),
    (
        "ponte_kafka_broker_throttle_average_seconds",
        "Average time that the broker delayed responses, because the client exceeded a quota, over the last 5 s",
        |broker| Some(broker.throttle_seconds()),
    ),
];

fn of_broker(cluster: &Cluster, client: ReportingClient, broker: &BrokerStatistics) -> Labels {
    let id = if broker.id < 0 { BOOTSTRAP.to_owned() } else { broker.id.to_string() };
    let labels = with(of(cluster), "client", client.name());
    with(with(labels, "broker", &id), "address", &broker.address)
}

fn of(cluster: &Cluster) -> Labels {
    vec![("cluster", cluster.name.as_str().to_owned())]
}

fn with(mut labels: Labels, name: &'static str, value: &str) -> Labels {
    labels.push((name, value.to_owned()));
    labels
}

fn is_up(cluster: &Cluster) -> bool {
    cluster.state.borrow().state == ClusterState::Up
}

fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn whole_or_zero(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
