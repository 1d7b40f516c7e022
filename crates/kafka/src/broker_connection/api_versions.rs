//! The ApiVersions request: which requests and features a broker supports, and the finalized features of the cluster (KIP-584).
//! librdkafka sends the request too, but does not expose the features.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bytes::Buf;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::StrBytes;

use super::{BrokerConnection, CLIENT_NAME, NO_ERROR, Request, RequestError, decode_response};

/// Version 4 includes features whose lowest level is 0, which are most of them; brokers before Kafka 3.9 support only
/// version 3.
const VERSIONS: [i16; 2] = [4, 3];

/// The broker does not support the version of the request; the response then has version 0.
const UNSUPPORTED_VERSION: i16 = 35;

impl Request for ApiVersionsRequest {
    const KEY: ApiKey = ApiKey::ApiVersions;
    /// The response of Kafka 4.3 has 700 bytes.
    const MAX_RESPONSE_BYTES: u32 = 64 * 1024;
    type Response = ApiVersionsResponse;
}

/// The features that a broker reports; empty for brokers without features (before Kafka 2.4, or with ZooKeeper).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiVersions {
    pub supported: Vec<FeatureLevels>,
    /// The finalized features of the cluster, as far as this broker knows.
    pub finalized: Option<Finalized>,
    /// The versions that the broker supports of each request, by its number.
    pub requests: BTreeMap<i16, RangeInclusive<i16>>,
}

impl ApiVersions {
    /// The newest version of the request that the broker supports, among those that the bridge knows.
    ///
    /// # Errors
    /// If there is none.
    pub fn newest(&self, request: ApiKey, known: RangeInclusive<i16>) -> Result<i16, RequestError> {
        let newest = self.requests.get(&(request as i16)).and_then(|supported| {
            let newest = *supported.end().min(known.end());
            (newest >= *supported.start().max(known.start())).then_some(newest)
        });
        newest.ok_or(RequestError::NotSupported { request })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureLevels {
    pub name: String,
    pub min: i16,
    pub max: i16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// Increases with every change.
    pub epoch: i64,
    pub levels: Vec<FeatureLevels>,
}

/// Requests the features, in the newest version that the broker supports.
///
/// # Errors
/// If the connection fails, or the broker answers with an error or a malformed response.
pub fn fetch(connection: &mut BrokerConnection) -> Result<ApiVersions, RequestError> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str(CLIENT_NAME))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    for version in VERSIONS {
        let body = connection.exchange(version, &request)?;
        // In every version the first field is the error code.
        match body.clone().try_get_i16() {
            Ok(NO_ERROR) | Err(_) => {}
            Ok(UNSUPPORTED_VERSION) => continue,
            Ok(code) => return Err(RequestError::Refused { request: ApiKey::ApiVersions, code }),
        }
        return decode_response::<ApiVersionsRequest>(version, body).map(ApiVersions::from);
    }
    Ok(ApiVersions::default())
}

impl From<ApiVersionsResponse> for ApiVersions {
    fn from(response: ApiVersionsResponse) -> Self {
        let levels = |name: &StrBytes, min, max| FeatureLevels { name: name.to_string(), min, max };
        let supported = response.supported_features.iter();
        let finalized = response.finalized_features.iter();
        let finalized =
            finalized.map(|feature| levels(&feature.name, feature.min_version_level, feature.max_version_level));
        let epoch = response.finalized_features_epoch;
        Self {
            supported: supported
                .map(|feature| levels(&feature.name, feature.min_version, feature.max_version))
                .collect(),
            requests: response.api_keys.iter().map(|key| (key.api_key, key.min_version..=key.max_version)).collect(),
            finalized: (epoch >= 0).then(|| Finalized { epoch, levels: finalized.collect() }),
        }
    }
}
