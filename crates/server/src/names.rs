//! Names of topics and groups in requests.

use protocol::{ErrorBody, ErrorCode, GroupName, TopicName};

/// # Errors
/// If the name is not a valid name of a topic.
pub fn topic(name: &str) -> Result<TopicName, ErrorBody> {
    TopicName::parse(name).map_err(|error| ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()))
}

/// # Errors
/// If the name is not a valid name of a group.
pub fn group(name: &str) -> Result<GroupName, ErrorBody> {
    GroupName::parse(name).map_err(|error| ErrorBody::new(ErrorCode::InvalidGroup, error.to_string()))
}
