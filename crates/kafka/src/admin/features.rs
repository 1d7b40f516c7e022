//! The features of the brokers, and the Kafka release that follows from them. Each broker has its own connection and a
//! cached answer, and a slow broker does not delay the others.

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::{BrokerDetails, ClusterFeature, ErrorBody, ErrorCode, SupportedLevels};

use super::Admin;
use crate::broker_connection::api_versions::{self, ApiVersions};
use crate::broker_connection::{BrokerConnection, ConnectError, RequestError, Transport};
use crate::client_config::KafkaProperties;
use crate::releases::{self, Release};

const METADATA_VERSION: &str = "metadata.version";

/// Features change only when brokers are upgraded, and cluster views are refreshed every two seconds.
const CACHED_FOR: Duration = Duration::from_secs(10);

/// The whole cluster view waits this long for a broker that does not answer; usually brokers answer within a
/// millisecond.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How many brokers are queried at the same time.
const MAX_CONCURRENT: usize = 16;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Address {
    id: i32,
    host: String,
    port: u16,
}

type Answer = Result<Arc<ApiVersions>, ErrorBody>;

/// The answers of the last [`CACHED_FOR`].
#[derive(Default)]
pub(super) struct FeatureCache(Mutex<HashMap<Address, (Instant, Answer)>>);

/// The answer of each broker, by its id.
pub(super) struct BrokerFeatures(BTreeMap<i32, Answer>);

impl Admin {
    /// The features of the brokers that are up.
    pub(super) fn features(&self, brokers: &[BrokerDetails]) -> BrokerFeatures {
        let up = brokers.iter().filter(|broker| broker.up);
        let addresses: Vec<_> =
            up.map(|broker| Address { id: broker.id, host: broker.host.clone(), port: broker.port }).collect();
        let unknown = {
            let mut cache = self.feature_cache.0.lock().unwrap_or_else(PoisonError::into_inner);
            cache.retain(|address, (at, _)| at.elapsed() < CACHED_FOR && addresses.contains(address));
            addresses.iter().filter(|address| !cache.contains_key(address)).cloned().collect()
        };
        // The lock is not held during the requests, because brokers may be slow.
        let answers = fetch_all(&self.connection.properties, unknown);
        let mut cache = self.feature_cache.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        cache.extend(answers.into_iter().map(|(address, answer)| (address, (now, answer))));
        let cached = |address: Address| Some((address.id, cache.get(&address)?.1.clone()));
        BrokerFeatures(addresses.into_iter().filter_map(cached).collect())
    }
}

impl BrokerFeatures {
    /// The broker's release, if it reports the feature `metadata.version`.
    pub(super) fn release(&self, broker: i32) -> Option<Release> {
        let answered = self.0.get(&broker)?.as_ref().ok()?;
        releases::of_broker(answered.supported.iter().find(|feature| feature.name == METADATA_VERSION)?.max)
    }

    /// The error of the first broker that has one.
    pub(super) fn error(&self) -> Option<ErrorBody> {
        self.0.values().find_map(|answer| answer.as_ref().err().cloned())
    }

    /// The features of the cluster, sorted by name; `None` if no broker answered.
    pub(super) fn features(&self) -> Option<Vec<ClusterFeature>> {
        let answered: Vec<_> = self.0.iter().filter_map(|(id, answer)| Some((*id, answer.as_ref().ok()?))).collect();
        if answered.is_empty() {
            return None;
        }
        // Brokers apply a change one after the other; the highest epoch is the latest.
        let finalized = answered.iter().filter_map(|(_, answered)| answered.finalized.as_ref());
        let finalized = finalized.max_by_key(|finalized| finalized.epoch);
        let mut features: BTreeMap<&str, Vec<SupportedLevels>> = BTreeMap::new();
        for (broker, answered) in &answered {
            for levels in &answered.supported {
                let supported = SupportedLevels { broker: *broker, min: levels.min, max: levels.max };
                features.entry(&levels.name).or_default().push(supported);
            }
        }
        for levels in finalized.into_iter().flat_map(|finalized| &finalized.levels) {
            features.entry(&levels.name).or_default();
        }
        let finalized_level = |name: &str| {
            let levels = &finalized?.levels;
            Some(levels.iter().find(|feature| feature.name == name).map_or(0, |feature| feature.max))
        };
        let feature = |(name, supported): (&str, _)| {
            let finalized = finalized_level(name);
            let release = finalized.filter(|_| name == METADATA_VERSION).and_then(releases::name);
            ClusterFeature { name: name.to_owned(), finalized, release, supported }
        };
        Some(features.into_iter().map(feature).collect())
    }
}

/// Blocks until all brokers have answered or [`TIMEOUT`] is over. A thread that is still resolving a host name then
/// ends by itself.
fn fetch_all(properties: &KafkaProperties, brokers: Vec<Address>) -> Vec<(Address, Answer)> {
    if brokers.is_empty() {
        return Vec::new();
    }
    let deadline = Instant::now() + TIMEOUT;
    let transport = match Transport::of(properties) {
        Ok(transport) => Arc::new(transport),
        Err(error) => {
            return brokers.into_iter().map(|broker| (broker.clone(), Err(not_connected(&broker, &error)))).collect();
        }
    };
    let (answered, answers) = mpsc::channel();
    let threads = brokers.len().min(MAX_CONCURRENT);
    let waiting = Arc::new(Mutex::new(brokers.clone()));
    for _ in 0..threads {
        let (waiting, transport, answered) = (Arc::clone(&waiting), Arc::clone(&transport), answered.clone());
        std::thread::spawn(move || {
            let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
            while let Some(broker) = next() {
                let answer = fetch(&transport, &broker, deadline);
                // After the deadline the receiver is dropped.
                if answered.send((broker, answer)).is_err() {
                    return;
                }
            }
        });
    }
    drop(answered);
    let mut answered: HashMap<Address, Answer> = HashMap::new();
    while let Ok((broker, answer)) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        answered.insert(broker, answer);
    }
    let late = |broker: &Address| {
        let message = format!("{} did not report its features in time", label(broker));
        Err(ErrorBody::new(ErrorCode::KafkaUnreachable, message))
    };
    let answer = |broker: Address| {
        let answer = answered.remove(&broker).unwrap_or_else(|| late(&broker));
        (broker, answer)
    };
    brokers.into_iter().map(answer).collect()
}

fn fetch(transport: &Transport, broker: &Address, deadline: Instant) -> Answer {
    let opened = BrokerConnection::open(transport, &broker.host, broker.port, deadline);
    let mut connection = opened.map_err(|error| not_connected(broker, &error))?;
    let answered = api_versions::fetch(&mut connection).map_err(|error| {
        let code = match error {
            RequestError::Io(_) => ErrorCode::KafkaUnreachable,
            _ => ErrorCode::AdminRefused,
        };
        tracing::debug!(broker = broker.id, %error, "a broker did not report its features");
        ErrorBody::new(code, format!("{} did not report its features: {error}", label(broker)))
    })?;
    Ok(Arc::new(answered))
}

fn not_connected(broker: &Address, error: &ConnectError) -> ErrorBody {
    let code = match error {
        ConnectError::Io(_) => ErrorCode::KafkaUnreachable,
        #[cfg(feature = "tls")]
        ConnectError::Tls(_) => ErrorCode::AdminRefused,
        #[cfg(not(feature = "tls"))]
        ConnectError::NoTls => ErrorCode::NotOnThisCluster,
    };
    tracing::debug!(broker = broker.id, %error, "cannot connect to a broker to request its features");
    ErrorBody::new(code, format!("cannot connect to {} to request its features: {error}", label(broker)))
}

fn label(broker: &Address) -> String {
    format!("broker {} ({}:{})", broker.id, broker.host, broker.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker_connection::api_versions::{FeatureLevels, Finalized};

    fn levels(name: &str, min: i16, max: i16) -> FeatureLevels {
        FeatureLevels { name: name.to_owned(), min, max }
    }

    #[test]
    fn supported_levels_are_kept_per_broker_and_finalized_levels_come_from_the_latest_epoch() {
        let broker = |max, epoch, finalized| {
            let supported = vec![levels(METADATA_VERSION, 7, max), levels("share.version", 0, 1)];
            let levels = vec![levels(METADATA_VERSION, 7, finalized)];
            Ok(Arc::new(ApiVersions { supported, finalized: Some(Finalized { epoch, levels }) }))
        };
        let unreachable = ErrorBody::new(ErrorCode::KafkaUnreachable, "unreachable");
        let answers = [(1, broker(29, 8, 29)), (2, broker(33, 7, 28)), (3, Err(unreachable.clone()))];
        let answered = BrokerFeatures(BTreeMap::from(answers));
        let features = answered.features().expect("two answers");
        let supported = |broker, min, max| SupportedLevels { broker, min, max };
        assert_eq!(
            features,
            [
                ClusterFeature {
                    name: METADATA_VERSION.to_owned(),
                    finalized: Some(29),
                    release: Some("4.2-IV1".to_owned()),
                    supported: vec![supported(1, 7, 29), supported(2, 7, 33)],
                },
                ClusterFeature {
                    name: "share.version".to_owned(),
                    finalized: Some(0),
                    release: None,
                    supported: vec![supported(1, 0, 1), supported(2, 0, 1)],
                },
            ]
        );
        assert_eq!(answered.error(), Some(unreachable));
        let release = |broker| answered.release(broker).map(|release| release.name);
        assert_eq!([1, 2, 3].map(release), [Some("4.2"), Some("4.4"), None]);
    }

    #[test]
    fn broker_that_does_not_answer_and_broker_that_refuses_are_both_unreachable() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = |listener: &std::net::TcpListener| listener.local_addr().expect("a bound listener").port();
        let address = |id, port| Address { id, host: "127.0.0.1".to_owned(), port };
        let (hanging, refusing) = (address(1, port(&silent)), address(2, port(&closed)));
        drop(closed);
        let began = Instant::now();
        let answers = fetch_all(&KafkaProperties::default(), vec![hanging, refusing]);
        assert!(began.elapsed() >= TIMEOUT);
        let codes: Vec<_> = answers.into_iter().map(|(_, answer)| answer.expect_err("no broker").code).collect();
        assert_eq!(codes, [ErrorCode::KafkaUnreachable.number(); 2]);
    }
}
