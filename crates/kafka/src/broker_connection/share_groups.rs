//! Requests about share groups (KIP-932), which librdkafka does not have: their members, and where their partitions start.

use std::collections::HashMap;

use kafka_protocol::messages::describe_share_group_offsets_request::DescribeShareGroupOffsetsRequestGroup;
use kafka_protocol::messages::describe_share_group_offsets_response::DescribeShareGroupOffsetsResponseGroup;
use kafka_protocol::messages::share_group_describe_response::Member;
use kafka_protocol::messages::{
    ApiKey, DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse, GroupId, ShareGroupDescribeRequest,
    ShareGroupDescribeResponse,
};
use kafka_protocol::protocol::StrBytes;
use protocol::{GroupMember, TopicPartition};

use super::{BrokerConnection, NO_ERROR, Request, RequestError, api_versions};

/// The first version, of Kafka 4.0, was for early access and is not compatible.
const DESCRIBE_VERSION: i16 = 1;
const OFFSETS_VERSION: i16 = 0;

/// Enough for the members and partitions of the largest groups.
const MAX_RESPONSE_BYTES: u32 = 16 * 1024 * 1024;

impl Request for ShareGroupDescribeRequest {
    const KEY: ApiKey = ApiKey::ShareGroupDescribe;
    const MAX_RESPONSE_BYTES: u32 = MAX_RESPONSE_BYTES;
    type Response = ShareGroupDescribeResponse;
}

impl Request for DescribeShareGroupOffsetsRequest {
    const KEY: ApiKey = ApiKey::DescribeShareGroupOffsets;
    const MAX_RESPONSE_BYTES: u32 = MAX_RESPONSE_BYTES;
    type Response = DescribeShareGroupOffsetsResponse;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareGroup {
    pub assignor: String,
    /// Several members may have the same partition.
    pub members: Vec<GroupMember>,
    /// The offset of the first record that is not settled, for each partition; `None` if Kafka does not know it yet.
    pub starts: Starts,
}

pub type Starts = Vec<(TopicPartition, Option<i64>)>;

/// The groups by their names, each with Kafka's error code if it was not described. Requires a connection to the
/// coordinator of all of them.
///
/// # Errors
/// If the connection fails, or the broker is too old for these requests.
pub fn fetch(
    connection: &mut BrokerConnection,
    groups: &[String],
) -> Result<HashMap<String, Result<ShareGroup, i16>>, RequestError> {
    let versions = api_versions::fetch(connection)?;
    let group_ids = || groups.iter().map(|group| GroupId(StrBytes::from_string(group.clone())));

    let version = versions.newest(ApiKey::ShareGroupDescribe, DESCRIBE_VERSION..=DESCRIBE_VERSION)?;
    let request = ShareGroupDescribeRequest::default().with_group_ids(group_ids().collect());
    let described = connection.request(version, &request)?.groups;

    let version = versions.newest(ApiKey::DescribeShareGroupOffsets, OFFSETS_VERSION..=OFFSETS_VERSION)?;
    // No topics means all of the group's.
    let all_topics = |id| DescribeShareGroupOffsetsRequestGroup::default().with_group_id(id).with_topics(None);
    let request = DescribeShareGroupOffsetsRequest::default().with_groups(group_ids().map(all_topics).collect());
    let offsets = connection.request(version, &request)?.groups;
    let mut starts: HashMap<String, Result<Starts, i16>> =
        offsets.into_iter().map(|group| (group.group_id.0.to_string(), starts(group))).collect();

    let described = described.into_iter().map(|group| {
        let name = group.group_id.0.to_string();
        let starts = starts.remove(&name).unwrap_or_else(|| Ok(Starts::new()));
        let described = match group.error_code {
            NO_ERROR => starts.map(|starts| ShareGroup {
                assignor: group.assignor_name.to_string(),
                members: group.members.into_iter().map(member).collect(),
                starts,
            }),
            code => Err(code),
        };
        (name, described)
    });
    Ok(described.collect())
}

fn member(member: Member) -> GroupMember {
    let partitions = member.assignment.topic_partitions.into_iter().flat_map(|topic| {
        let name = topic.topic_name.0;
        topic.partitions.into_iter().map(move |partition| TopicPartition { topic: name.to_string(), partition })
    });
    let mut partitions: Vec<TopicPartition> = partitions.collect();
    partitions.sort();
    GroupMember {
        member: member.member_id.to_string(),
        client: member.client_id.to_string(),
        host: member.client_host.to_string(),
        partitions,
        instance: None,
    }
}

fn starts(group: DescribeShareGroupOffsetsResponseGroup) -> Result<Starts, i16> {
    if group.error_code != NO_ERROR {
        return Err(group.error_code);
    }
    let starts = group.topics.into_iter().flat_map(|topic| {
        let name = topic.topic_name.0;
        topic.partitions.into_iter().map(move |partition| {
            let named = TopicPartition { topic: name.to_string(), partition: partition.partition_index };
            let is_known = partition.error_code == NO_ERROR && partition.start_offset >= 0;
            (named, is_known.then_some(partition.start_offset))
        })
    });
    Ok(starts.collect())
}
