//! Requests: client messages with exactly one reply, which has the `id` of the request.
//!
//! Each request declares its reply, its kind, and what it does to which object of Kafka. So access rules have one
//! place, and neither side can confuse replies.

use crate::{
    AddPartitions, AddPartitionsResult, AlterTopicConfig, AlterTopicConfigResult, ClientMessage, ClusterDetailsChanged,
    ClusterDetailsRequest, ClusterDetailsResult, ClusterRequest, ClusterResult, CreateTopic, CreateTopicResult,
    DeleteGroup, DeleteGroupResult, DeleteTopic, DeleteTopicResult, EmptyTopic, EmptyTopicResult, Fetch, Fetched,
    GroupChanged, GroupRequest, GroupResult, GroupsChanged, GroupsRequest, GroupsResult, MessageBody, PlanOffsetReset,
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
pub trait Request: MessageBody + Into<ClientMessage> {
    type Reply: Into<ServerMessage> + MessageBody;

    const KIND: Kind;
    const ACTION: Action;

    fn object(&self) -> Object<'_>;
}

/// A request that opens a live view.
pub trait LiveView: Request<Reply = Watching> {
    /// The message that the view pushes, besides `watch_trouble`.
    type Push: Into<ServerMessage> + MessageBody;
}

macro_rules! requests {
    ($($kind:ident $action:ident $request:ident => $reply:ident, $object:expr;)*) => {$(
        impl Request for $request {
            type Reply = $reply;

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
    Query Describe ClusterRequest => ClusterResult, |_| Object::Cluster;
    Query Describe ClusterDetailsRequest => ClusterDetailsResult, |_| Object::Cluster;
    Query Describe TopicsRequest => TopicsResult, |_| Object::Topics;
    Query Describe TopicRequest => TopicResult, |topic| Object::Topic(&topic.name);
    Query Read Fetch => Fetched, |fetch| Object::Topic(&fetch.topic);
    Query Describe GroupsRequest => GroupsResult, |_| Object::Groups;
    Query Describe GroupRequest => GroupResult, |group| Object::Group(&group.group);
    Query Describe PlanOffsetReset => PlanOffsetResetResult, |plan| Object::Group(&plan.group);
    Change Create CreateTopic => CreateTopicResult, |topic| Object::Topic(&topic.name);
    Change Alter AlterTopicConfig => AlterTopicConfigResult, |topic| Object::Topic(&topic.name);
    Change Alter AddPartitions => AddPartitionsResult, |topic| Object::Topic(&topic.name);
    Change Delete EmptyTopic => EmptyTopicResult, |topic| Object::Topic(&topic.name);
    Change Delete DeleteTopic => DeleteTopicResult, |topic| Object::Topic(&topic.name);
    Change Alter ResetOffsets => ResetOffsetsResult, |reset| Object::Group(&reset.plan.group);
    Change Delete DeleteGroup => DeleteGroupResult, |group| Object::Group(&group.group);
    Stream Read Subscribe => Subscribed, |subscribe| Object::TopicList(&subscribe.topics);
    Stream Alter ResumeCommits => ResumeCommitsResult, |resume| Object::Opened(resume.subscription);
    Stream Read Unsubscribe => Unsubscribed, |ended| Object::Opened(ended.subscription);
    Stream Describe WatchCluster => Watching, |_| Object::Cluster;
    Stream Describe WatchTopics => Watching, |_| Object::Topics;
    Stream Describe WatchTopic => Watching, |topic| Object::Topic(&topic.name);
    Stream Describe WatchGroups => Watching, |_| Object::Groups;
    Stream Describe WatchGroup => Watching, |group| Object::Group(&group.group);
    Stream Describe Unwatch => Unwatched, |ended| Object::Opened(ended.watch);
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
