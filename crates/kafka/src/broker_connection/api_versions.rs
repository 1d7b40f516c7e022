//! The features that a broker supports and those in force in the cluster: the ApiVersions request. librdkafka sends it too, but does
//! not pass the features on (KIP-584).

use bytes::Buf;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::StrBytes;

use super::{BrokerConnection, CLIENT_NAME, Request, RequestError, decode_response};

/// Version 4 includes the features whose lowest level is 0, which are most of them; brokers before 3.9 speak 3.
const VERSIONS: [i16; 2] = [4, 3];

const NO_ERROR: i16 = 0;

/// The broker does not speak the version; the rest of the response is then that of version 0.
const UNSUPPORTED_VERSION: i16 = 35;

impl Request for ApiVersionsRequest {
    const KEY: ApiKey = ApiKey::ApiVersions;
    /// Kafka 4.3 answers with 700 bytes.
    const MAX_RESPONSE_BYTES: u32 = 64 * 1024;
    type Response = ApiVersionsResponse;
}

/// What a broker reports. All empty from a broker that has no features (before Kafka 2.4, or with ZooKeeper).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiVersions {
    pub supported: Vec<FeatureLevels>,
    /// What is in force in the cluster, as far as this broker knows.
    pub finalized: Option<Finalized>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureLevels {
    pub name: String,
    pub min: i16,
    pub max: i16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// Rises with every change.
    pub epoch: i64,
    pub levels: Vec<FeatureLevels>,
}

/// Asks over a connection that was just opened.
pub fn ask(connection: &mut BrokerConnection) -> Result<ApiVersions, RequestError> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str(CLIENT_NAME))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    for version in VERSIONS {
        let body = connection.exchange(version, &request)?;
        // The first field in every version.
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
            finalized: (epoch >= 0).then(|| Finalized { epoch, levels: finalized.collect() }),
        }
    }
}
