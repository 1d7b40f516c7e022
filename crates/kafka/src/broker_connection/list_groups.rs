//! The ListGroups request: groups of every type, while librdkafka reports only those whose members are consumers.

use kafka_protocol::messages::{ApiKey, ListGroupsRequest, ListGroupsResponse};
use protocol::GroupKind;

use super::{BrokerConnection, NO_ERROR, Request, RequestError, api_versions};

/// From version 4 on the response has the states of the groups, from version 5 on (Kafka 3.8) the types.
const VERSIONS: std::ops::RangeInclusive<i16> = 4..=5;

impl Request for ListGroupsRequest {
    const KEY: ApiKey = ApiKey::ListGroups;
    /// Enough for 200,000 groups with names of 50 characters.
    const MAX_RESPONSE_BYTES: u32 = 16 * 1024 * 1024;
    type Response = ListGroupsResponse;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkasGroup {
    pub name: String,
    pub kind: GroupKind,
    pub state: String,
}

/// The groups that the broker coordinates.
///
/// # Errors
/// If the connection fails, or the broker refuses the request or is too old for it.
pub fn fetch(connection: &mut BrokerConnection) -> Result<Vec<KafkasGroup>, RequestError> {
    let version = api_versions::fetch(connection)?.newest(ApiKey::ListGroups, VERSIONS)?;
    let response = connection.request(version, &ListGroupsRequest::default())?;
    if response.error_code != NO_ERROR {
        return Err(RequestError::Refused { request: ApiKey::ListGroups, code: response.error_code });
    }
    let group = |group: kafka_protocol::messages::list_groups_response::ListedGroup| KafkasGroup {
        name: group.group_id.0.to_string(),
        kind: kind(&group.group_type),
        state: group.group_state.to_string(),
    };
    Ok(response.groups.into_iter().map(group).collect())
}

/// The type by Kafka's name of it. Brokers that report no types have only classic groups.
fn kind(name: &str) -> GroupKind {
    match name.to_ascii_lowercase().as_str() {
        "" | "classic" => GroupKind::Classic,
        "consumer" => GroupKind::Consumer,
        "share" => GroupKind::Share,
        "streams" => GroupKind::Streams,
        _ => GroupKind::Other,
    }
}
