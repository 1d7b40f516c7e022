//! Consumer groups: list, describe and delete.

use std::ffi::CString;
use std::time::Duration;

use protocol::{Broker, GroupKind, GroupMember, GroupProtocol, TopicPartition};
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka_sys as sys;
use sys::rd_kafka_consumer_group_type_t as GroupType;

use super::admin::{AdminRequests, Failure, array, entries, failure, optional_text, text};
use super::c_string::c_string;

/// Kafka's state of a group that does not exist.
pub const DEAD: &str = "Dead";

pub struct ListedGroup {
    pub group: String,
    pub state: String,
    pub kind: GroupKind,
}

/// A group as Kafka describes it to consumers.
pub struct DescribedGroup {
    pub state: String,
    pub protocol: Option<GroupProtocol>,
    pub coordinator: Option<Broker>,
    pub assignor: Option<String>,
    pub members: Vec<GroupMember>,
    pub error: Option<Failure>,
}

impl DescribedGroup {
    /// A group that does not exist.
    pub fn dead() -> Self {
        let (protocol, coordinator, assignor, members, error) = Default::default();
        Self { state: DEAD.to_owned(), protocol, coordinator, assignor, members, error }
    }

    /// Whether no consumer group has the name.
    pub fn is_dead(&self) -> bool {
        self.state == DEAD
    }
}

/// All groups of the brokers that answered, and the errors of the other brokers. Blocks for at most `timeout`.
///
/// # Errors
/// If the whole request fails.
pub fn list_groups<C: ClientContext>(
    client: &Client<C>,
    timeout: Duration,
) -> Result<(Vec<ListedGroup>, Vec<Failure>), Failure> {
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS;
    let mut requests = AdminRequests::new(client, kind, timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers.
        unsafe { sys::rd_kafka_ListConsumerGroups(client, options, queue) }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to ListConsumerGroups; what is read lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_ListConsumerGroups_result(answer.0);
        let listed = array(|count| sys::rd_kafka_ListConsumerGroups_result_valid(result, count));
        let listed = listed.iter().map(|&listing| ListedGroup {
            group: text(sys::rd_kafka_ConsumerGroupListing_group_id(listing)),
            state: state_name(sys::rd_kafka_ConsumerGroupListing_state(listing)),
            // Brokers that do not report the type have only classic groups.
            kind: match sys::rd_kafka_ConsumerGroupListing_type(listing) {
                GroupType::RD_KAFKA_CONSUMER_GROUP_TYPE_CONSUMER => GroupKind::Consumer,
                _ => GroupKind::Classic,
            },
        });
        let errors = array(|count| sys::rd_kafka_ListConsumerGroups_result_errors(result, count));
        Ok((listed.collect(), errors.iter().filter_map(|&error| failure(error)).collect()))
    }
}

/// Each group with its members, in the order of `groups`; a failure of one group is its `error`. Blocks for at most
/// `timeout`.
///
/// # Errors
/// If the whole request fails.
pub fn describe_groups<C: ClientContext>(
    client: &Client<C>,
    groups: &[String],
    timeout: Duration,
) -> Result<Vec<DescribedGroup>, Failure> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let names = groups.iter().map(|group| c_string(group)).collect::<Result<Vec<CString>, _>>()?;
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let mut requests = AdminRequests::to_coordinator(client, kind, timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; `names` outlives the call, which copies them.
        unsafe {
            sys::rd_kafka_DescribeConsumerGroups(client, pointers.as_mut_ptr(), pointers.len(), options, queue);
        }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to DescribeConsumerGroups; what is read lives as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(answer.0);
        let described = array(|count| sys::rd_kafka_DescribeConsumerGroups_result_groups(result, count));
        Ok(described.iter().map(|&description| described_group(description)).collect())
    }
}

/// # Safety
/// A valid description.
unsafe fn described_group(description: *const sys::rd_kafka_ConsumerGroupDescription_t) -> DescribedGroup {
    // SAFETY: the caller's promise; members are read by an index below their count.
    unsafe {
        let members = sys::rd_kafka_ConsumerGroupDescription_member_count(description);
        let members = (0..members).map(|index| {
            let member = sys::rd_kafka_ConsumerGroupDescription_member(description, index);
            let assignment = sys::rd_kafka_MemberDescription_assignment(member);
            let mut partitions: Vec<TopicPartition> = entries(sys::rd_kafka_MemberAssignment_partitions(assignment))
                .into_iter()
                .map(|e| e.partition)
                .collect();
            partitions.sort();
            GroupMember {
                member: text(sys::rd_kafka_MemberDescription_consumer_id(member)),
                client: text(sys::rd_kafka_MemberDescription_client_id(member)),
                host: text(sys::rd_kafka_MemberDescription_host(member)),
                partitions,
                instance: optional_text(sys::rd_kafka_MemberDescription_group_instance_id(member)),
            }
        });
        DescribedGroup {
            state: state_name(sys::rd_kafka_ConsumerGroupDescription_state(description)),
            protocol: protocol(sys::rd_kafka_ConsumerGroupDescription_type(description)),
            coordinator: node(sys::rd_kafka_ConsumerGroupDescription_coordinator(description)),
            assignor: optional_text(sys::rd_kafka_ConsumerGroupDescription_partition_assignor(description))
                .filter(|assignor| !assignor.is_empty()),
            members: members.collect(),
            error: failure(sys::rd_kafka_ConsumerGroupDescription_error(description)),
        }
    }
}

/// # Safety
/// Null or a valid node.
unsafe fn node(node: *const sys::rd_kafka_Node_t) -> Option<Broker> {
    // SAFETY: the caller's promise.
    (!node.is_null()).then(|| unsafe {
        Broker {
            id: sys::rd_kafka_Node_id(node),
            host: text(sys::rd_kafka_Node_host(node)),
            port: sys::rd_kafka_Node_port(node),
        }
    })
}

fn state_name(state: sys::rd_kafka_consumer_group_state_t) -> String {
    // SAFETY: a constant text for every state.
    unsafe { text(sys::rd_kafka_consumer_group_state_name(state)) }
}

fn protocol(kind: GroupType) -> Option<GroupProtocol> {
    match kind {
        GroupType::RD_KAFKA_CONSUMER_GROUP_TYPE_CONSUMER => Some(GroupProtocol::Consumer),
        GroupType::RD_KAFKA_CONSUMER_GROUP_TYPE_CLASSIC => Some(GroupProtocol::Classic),
        _ => None,
    }
}

/// Deletes a group. Blocks for at most `timeout`.
///
/// # Errors
/// If the group has members, or Kafka refuses the request or does not answer.
pub fn delete_group<C: ClientContext>(client: &Client<C>, group: &str, timeout: Duration) -> Result<(), Failure> {
    let name = c_string(group)?;
    let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETEGROUPS;
    let mut requests = AdminRequests::to_coordinator(client, kind, timeout);
    requests.send(0, |client, options, queue| {
        // SAFETY: valid pointers; the request is ours and destroyed once, after the call copied it.
        unsafe {
            let mut deletion = sys::rd_kafka_DeleteGroup_new(name.as_ptr());
            sys::rd_kafka_DeleteGroups(client, &mut deletion, 1, options, queue);
            sys::rd_kafka_DeleteGroup_destroy(deletion);
        }
    });
    let answer = requests.only_answer()?;
    // SAFETY: the event is an answer to DeleteGroups; its results live as long as it.
    unsafe {
        let result = sys::rd_kafka_event_DeleteGroups_result(answer.0);
        let results = array(|count| sys::rd_kafka_DeleteGroups_result_groups(result, count));
        results.iter().find_map(|&result| failure(sys::rd_kafka_group_result_error(result))).map_or(Ok(()), Err)
    }
}
