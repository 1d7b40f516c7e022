//! Requests: client messages with exactly one reply, which has the `id` of the request.
//!
//! Each request declares its reply, its kind, and what it does to which object of Kafka. So access rules have one
//! place, and neither side can confuse replies.

use crate::{
    AddPartitions, AddPartitionsResult, AlterTopicConfig, AlterTopicConfigResult, ClientMessage, ClusterDetailsChanged,
    ClusterDetailsRequest, ClusterDetailsResult, ClusterRequest, ClusterResult, CreateTopic, CreateTopicResult,
    DeleteGroup, DeleteGroupResult, DeleteTopic, DeleteTopicResult, EmptyTopic, EmptyTopicResult, Fetch, Fetched,
    GroupChanged, GroupRequest, GroupResult, GroupsChanged, GroupsRequest, GroupsResult, PlanOffsetReset,
    PlanOffsetResetResult, ResetOffsets, ResetOffsetsResult, ResumeCommits, ResumeCommitsResult, ServerMessage,
    Subscribe, Subscribed, TopicChanged, TopicRequest, TopicResult, TopicsChanged, TopicsRequest, TopicsResult,
    Unsubscribe, Unsubscribed, Unwatch, Unwatched, WatchCluster, WatchGroup, WatchGroups, WatchTopic, WatchTopics,
    Watching,
};

/// What a request does to Kafka and to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads once and changes nothing.
    Query,
    /// Changes something in Kafka; refused by a bridge with `--read-only`.
    Change,
    /// Opens, controls or ends a subscription or a live view.
    Stream,
}

/// What a request does to its [`Object`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reads names, settings, positions and states, but no records.
    Describe,
    /// Reads records.
    Read,
    Create,
    /// Changes settings, partitions or positions.
    Alter,
    /// Deletes the object or its records.
    Delete,
}

/// The object of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object<'a> {
    Cluster,
    /// All topics.
    Topics,
    Topic(&'a str),
    /// The topics of one subscription, by name.
    TopicList(&'a [String]),
    /// All consumer groups.
    Groups,
    Group(&'a str),
    /// A subscription or a live view of the same socket; access was checked when it was opened.
    Opened(u32),
}

/// A client message with exactly one reply.
pub trait Request: Into<ClientMessage> {
    type Reply: Into<ServerMessage> + TryFrom<ServerMessage, Error = ServerMessage>;

    /// The message's `type`.
    const NAME: &'static str;
    const KIND: Kind;
    const ACTION: Action;

    fn object(&self) -> Object<'_>;
}

/// A request that opens a live view.
pub trait LiveView: Request<Reply = Watching> {
    /// The message that the view pushes, besides `watch_trouble`.
    type Push: Into<ServerMessage> + TryFrom<ServerMessage, Error = ServerMessage>;
}

macro_rules! requests {
    ($($name:literal $kind:ident $action:ident $request:ident => $reply:ident, $object:expr;)*) => {$(
        impl Request for $request {
            type Reply = $reply;

            const NAME: &'static str = $name;
            const KIND: Kind = Kind::$kind;
            const ACTION: Action = Action::$action;

            fn object(&self) -> Object<'_> {
                let object: for<'a> fn(&'a Self) -> Object<'a> = $object;
                object(self)
            }
        }
    )*};
}

requests! {
    "cluster" Query Describe ClusterRequest => ClusterResult, |_| Object::Cluster;
    "cluster_details" Query Describe ClusterDetailsRequest => ClusterDetailsResult, |_| Object::Cluster;
    "topics" Query Describe TopicsRequest => TopicsResult, |_| Object::Topics;
    "topic" Query Describe TopicRequest => TopicResult, |topic| Object::Topic(&topic.name);
    "fetch" Query Read Fetch => Fetched, |fetch| Object::Topic(&fetch.topic);
    "groups" Query Describe GroupsRequest => GroupsResult, |_| Object::Groups;
    "group" Query Describe GroupRequest => GroupResult, |group| Object::Group(&group.group);
    "plan_offset_reset" Query Describe PlanOffsetReset => PlanOffsetResetResult, |plan| Object::Group(&plan.group);
    "create_topic" Change Create CreateTopic => CreateTopicResult, |topic| Object::Topic(&topic.name);
    "alter_topic_config" Change Alter AlterTopicConfig => AlterTopicConfigResult, |topic| Object::Topic(&topic.name);
    "add_partitions" Change Alter AddPartitions => AddPartitionsResult, |topic| Object::Topic(&topic.name);
    "empty_topic" Change Delete EmptyTopic => EmptyTopicResult, |topic| Object::Topic(&topic.name);
    "delete_topic" Change Delete DeleteTopic => DeleteTopicResult, |topic| Object::Topic(&topic.name);
    "reset_offsets" Change Alter ResetOffsets => ResetOffsetsResult, |reset| Object::Group(&reset.plan.group);
    "delete_group" Change Delete DeleteGroup => DeleteGroupResult, |group| Object::Group(&group.group);
    "subscribe" Stream Read Subscribe => Subscribed, |subscribe| Object::TopicList(&subscribe.topics);
    "resume_commits" Stream Alter ResumeCommits => ResumeCommitsResult, |resume| Object::Opened(resume.subscription);
    "unsubscribe" Stream Read Unsubscribe => Unsubscribed, |ended| Object::Opened(ended.subscription);
    "watch_cluster" Stream Describe WatchCluster => Watching, |_| Object::Cluster;
    "watch_topics" Stream Describe WatchTopics => Watching, |_| Object::Topics;
    "watch_topic" Stream Describe WatchTopic => Watching, |topic| Object::Topic(&topic.name);
    "watch_groups" Stream Describe WatchGroups => Watching, |_| Object::Groups;
    "watch_group" Stream Describe WatchGroup => Watching, |group| Object::Group(&group.group);
    "unwatch" Stream Describe Unwatch => Unwatched, |ended| Object::Opened(ended.watch);
}

impl LiveView for WatchCluster {
    type Push = ClusterDetailsChanged;
}

impl LiveView for WatchTopics {
    type Push = TopicsChanged;
}

impl LiveView for WatchTopic {
    type Push = TopicChanged;
}

impl LiveView for WatchGroups {
    type Push = GroupsChanged;
}

impl LiveView for WatchGroup {
    type Push = GroupChanged;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire_name<R: Request>(request: R) -> &'static str {
        request.into().name()
    }

    #[test]
    fn request_has_the_name_of_its_message() {
        assert_eq!(wire_name(TopicsRequest {}), TopicsRequest::NAME);
        assert_eq!(wire_name(Unwatch { watch: 1 }), Unwatch::NAME);
        let group = || "g".to_owned();
        assert_eq!(wire_name(GroupRequest { group: group() }), GroupRequest::NAME);
        assert_eq!(wire_name(WatchGroup { group: group() }), WatchGroup::NAME);
    }

    #[test]
    fn reply_to_another_request_is_returned_as_the_error() {
        let reply = ServerMessage::from(TopicsResult { topics: Vec::new() });
        assert_eq!(GroupsResult::try_from(reply.clone()), Err(reply.clone()));
        assert_eq!(TopicsResult::try_from(reply), Ok(TopicsResult { topics: Vec::new() }));
    }
}
