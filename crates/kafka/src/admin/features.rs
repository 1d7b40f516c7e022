//! The features of the brokers, and the Kafka release that follows from them. Each broker has its own connection and a
//! cached answer, and a slow broker does not delay the others.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::{Broker, BrokerDetails, ClusterFeature, ErrorBody, SupportedLevels};

use super::Admin;
use crate::broker_connection::api_versions::{self, ApiVersions};
use crate::broker_requests::ask_each;
use crate::releases::{self, Release};

const METADATA_VERSION: &str = "metadata.version";

/// Features change only when brokers are upgraded, and cluster views are refreshed every two seconds.
const CACHED_FOR: Duration = Duration::from_secs(10);

/// The whole cluster view waits this long for a broker that does not answer; usually brokers answer within a
/// millisecond.
const TIMEOUT: Duration = Duration::from_secs(2);

type Answer = Result<Arc<ApiVersions>, ErrorBody>;

/// The answers of the last [`CACHED_FOR`].
#[derive(Default)]
pub(super) struct FeatureCache(Mutex<HashMap<Broker, (Instant, Answer)>>);

/// The answer of each broker, by its id.
pub(super) struct BrokerFeatures(BTreeMap<i32, Answer>);

impl Admin {
    /// The features of the brokers that are up.
    pub(super) fn features(&self, brokers: &[BrokerDetails]) -> BrokerFeatures {
        let up = brokers.iter().filter(|broker| broker.up);
        let addresses: Vec<_> =
            up.map(|broker| Broker { id: broker.id, host: broker.host.clone(), port: broker.port }).collect();
        let unknown = {
            let mut cache = self.feature_cache.0.lock().unwrap_or_else(PoisonError::into_inner);
            cache.retain(|address, (at, _)| at.elapsed() < CACHED_FOR && addresses.contains(address));
            addresses.iter().filter(|address| !cache.contains_key(address)).cloned().collect()
        };
        // The lock is not held during the requests, because brokers may be slow.
        let ask = |_: &Broker, connection: &mut _| api_versions::fetch(connection).map(Arc::new);
        let answers = ask_each(&self.connection.properties, unknown, TIMEOUT, "its features", ask);
        let mut cache = self.feature_cache.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        cache.extend(answers.into_iter().map(|(address, answer)| (address, (now, answer))));
        let cached = |address: Broker| Some((address.id, cache.get(&address)?.1.clone()));
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

#[cfg(test)]
mod tests {
    use protocol::ErrorCode;

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
            Ok(Arc::new(ApiVersions { supported, finalized: Some(Finalized { epoch, levels }), ..Default::default() }))
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
}
