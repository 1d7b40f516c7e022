//! Requests: client messages with exactly one reply, which has the `id` of the request.
//!
//! Each request declares its reply, its kind, and what it does to which objects of Kafka. So access rules have one
//! place, and neither side can confuse replies.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::rights::Action::{Alter, Create, Delete, Describe, Read, Write};
use crate::rights::Object::{Cluster, Group, Groups, Opened, Registry, Subject, Subjects, Topic, Topics};
use crate::rights::{Action, Need};
use crate::{
    AddPartitions, AddPartitionsResult, AddSchema, AddSchemaResult, AlterTopicConfig, AlterTopicConfigResult,
    CheckSchema, CheckSchemaResult, ClientMessage, ClusterDetailsChanged, ClusterDetailsRequest, ClusterDetailsResult,
    ClusterRequest, ClusterResult, CreateTopic, CreateTopicResult, DeleteGroup, DeleteGroupResult, DeleteSubject,
    DeleteSubjectResult, DeleteTopic, DeleteTopicResult, DescribeEncoding, DescribeEncodingResult, EmptyTopic,
    EmptyTopicResult, Encode, EncodeResult, Encoding, Fetch, Fetched, GroupChanged, GroupRequest, GroupResult,
    GroupsChanged, GroupsRequest, GroupsResult, MessageBody, Mode, OffsetResetPlan, PlanOffsetReset,
    PlanOffsetResetResult, RegisterSchema, RegisterSchemaResult, ResetOffsets, ResetOffsetsResult, ResetTarget,
    ResumeCommits, ResumeCommitsResult, SchemaDraft, SchemaRequest, SchemaResult, Search, SearchStarted, SearchStop,
    SearchStopResult, ServerMessage, SetCompatibility, SetCompatibilityResult, SubjectRequest, SubjectResult,
    SubjectsRequest, SubjectsResult, Subscribe, Subscribed, TimelineRequest, TimelineResult, TopicChanged,
    TopicRequest, TopicResult, TopicsChanged, TopicsRequest, TopicsResult, Unsubscribe, Unsubscribed, Unwatch,
    Unwatched, WatchCluster, WatchGroup, WatchGroups, WatchTopic, WatchTopics, Watching,
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

/// A client message with exactly one reply.
pub trait Request: MessageBody + Serialize + Into<ClientMessage> {
    type Reply: Into<ServerMessage> + MessageBody;

    const KIND: Kind;

    /// What the user must be allowed to do.
    fn needs(&self) -> Vec<Need<'_>>;
}

/// A request that opens a live view.
pub trait LiveView: Request<Reply = Watching> {
    /// The message that the view pushes, besides `watch_trouble`.
    type Push: Into<ServerMessage> + MessageBody;
}

macro_rules! requests {
    ($($kind:ident $request:ident => $reply:ident, $needs:expr;)*) => {
    $(
        impl Request for $request {
            type Reply = $reply;

            const KIND: Kind = Kind::$kind;

            fn needs(&self) -> Vec<Need<'_>> {
                let needs: for<'a> fn(&'a Self) -> Vec<Need<'a>> = $needs;
                needs(self)
            }
        }
    )*

        impl ClientMessage {
            /// Its kind, the name of its reply and what it needs; `None` if the message is no request.
            #[cfg(feature = "schema")]
            pub fn as_request(&self) -> Option<(Kind, &'static str, Vec<Need<'_>>)> {
                match self {
                    $(Self::$request(request) => Some((Kind::$kind, $reply::NAME, request.needs())),)*
                    _ => None,
                }
            }
        }
    };
}

requests! {
    Query ClusterRequest => ClusterResult, |_| vec![(Describe, Cluster)];
    Query ClusterDetailsRequest => ClusterDetailsResult, |_| vec![(Describe, Cluster)];
    Query TopicsRequest => TopicsResult, |_| vec![(Describe, Topics)];
    Query TopicRequest => TopicResult, |topic| vec![(Describe, Topic(&topic.name))];
    Query Fetch => Fetched, |fetch| vec![(Read, Topic(&fetch.topic))];
    Query TimelineRequest => TimelineResult, |timeline| vec![(Describe, Topic(&timeline.topic))];
    Query GroupsRequest => GroupsResult, |_| vec![(Describe, Groups)];
    Query GroupRequest => GroupResult, |group| vec![(Describe, Group(&group.group))];
    Query PlanOffsetReset => PlanOffsetResetResult, |plan| plans(plan);
    Query SubjectsRequest => SubjectsResult, |_| vec![(Describe, Subjects)];
    Query SubjectRequest => SubjectResult, |request| vec![(Describe, Subject(&request.subject))];
    Query SchemaRequest => SchemaResult, |request| vec![(Describe, Subject(&request.subject))];
    Query CheckSchema => CheckSchemaResult, |check| references(Describe, &check.subject, &check.schema);
    Query AddSchema => AddSchemaResult, |_| vec![(Describe, Cluster)];
    Query DescribeEncoding => DescribeEncodingResult, |request| encodes(&request.topic, &request.encoding);
    Query Encode => EncodeResult, |request| encodes(&request.topic, &request.encoding);
    Change RegisterSchema => RegisterSchemaResult, |new| references(Write, &new.subject, &new.schema);
    Change DeleteSubject => DeleteSubjectResult, |deleted| vec![(Delete, Subject(&deleted.subject))];
    Change SetCompatibility => SetCompatibilityResult, |set| match &set.subject {
        Some(subject) => vec![(Alter, Subject(subject))],
        None => vec![(Alter, Registry)],
    };
    Change CreateTopic => CreateTopicResult, |topic| vec![(Create, Topic(&topic.name))];
    Change AlterTopicConfig => AlterTopicConfigResult, |topic| vec![(Alter, Topic(&topic.name))];
    Change AddPartitions => AddPartitionsResult, |topic| vec![(Alter, Topic(&topic.name))];
    Change EmptyTopic => EmptyTopicResult, |topic| vec![(Delete, Topic(&topic.name))];
    Change DeleteTopic => DeleteTopicResult, |topic| vec![(Delete, Topic(&topic.name))];
    Change ResetOffsets => ResetOffsetsResult, |reset| moves(&reset.plan);
    Change DeleteGroup => DeleteGroupResult, |group| vec![(Delete, Group(&group.group))];
    Stream Subscribe => Subscribed, |subscribe| reads(subscribe);
    Stream ResumeCommits => ResumeCommitsResult, |resume| vec![(Alter, Opened(resume.subscription))];
    Stream Search => SearchStarted, |search| search.topics.iter().map(|topic| (Read, Topic(topic.as_str()))).collect();
    Stream SearchStop => SearchStopResult, |stopped| vec![(Describe, Opened(stopped.search))];
    Stream Unsubscribe => Unsubscribed, |ended| vec![(Describe, Opened(ended.subscription))];
    Stream WatchCluster => Watching, |_| vec![(Describe, Cluster)];
    Stream WatchTopics => Watching, |_| vec![(Describe, Topics)];
    Stream WatchTopic => Watching, |topic| vec![(Describe, Topic(&topic.name))];
    Stream WatchGroups => Watching, |_| vec![(Describe, Groups)];
    Stream WatchGroup => Watching, |group| vec![(Describe, Group(&group.group))];
    Stream Unwatch => Unwatched, |ended| vec![(Describe, Opened(ended.watch))];
}

/// A subscription reads each of its topics, and a member also its group.
fn reads(subscribe: &Subscribe) -> Vec<Need<'_>> {
    let topics = subscribe.topics.iter().map(|name| (Read, Topic(name)));
    let group = match &subscribe.mode {
        Mode::Tail { .. } => None,
        Mode::Group { id, .. } => Some((Read, Group(id))),
    };
    topics.chain(group).collect()
}

/// A plan shows the ends of the topics that it names. If it names none, it has the positions in topics that the user may describe.
fn plans(plan: &PlanOffsetReset) -> Vec<Need<'_>> {
    let named = plan.topics.iter().chain(plan.partitions.iter().map(|partition| &partition.topic));
    let positions = match &plan.to {
        ResetTarget::Positions(positions) => positions.as_slice(),
        _ => &[],
    };
    let topics: BTreeSet<&str> =
        named.chain(positions.iter().map(|position| &position.topic)).map(String::as_str).collect();
    let topics = topics.into_iter().map(|topic| (Describe, Topic(topic)));
    [(Describe, Group(&plan.group))].into_iter().chain(topics).collect()
}

/// A schema shows what it references.
fn references<'a>(action: Action, subject: &'a str, schema: &'a SchemaDraft) -> Vec<Need<'a>> {
    let referenced = schema.references.iter().map(|reference| (Describe, Subject(&reference.subject)));
    [(action, Subject(subject))].into_iter().chain(referenced).collect()
}

/// Who writes to a topic may use the topic's own schemas; another subject must be named.
fn encodes<'a>(topic: &'a str, encoding: &'a Encoding) -> Vec<Need<'a>> {
    let subject = encoding.subject.as_ref().map(|subject| (Describe, Subject(subject)));
    [(Write, Topic(topic))].into_iter().chain(subject).collect()
}

/// A reset changes the group's positions in each topic of the plan. A user who moves a position must be able to see the topic.
fn moves(plan: &OffsetResetPlan) -> Vec<Need<'_>> {
    let changed = plan.changes.iter().map(|change| change.topic.as_str());
    let topics: BTreeSet<&str> = changed.chain(plan.forget.iter().map(|position| position.topic.as_str())).collect();
    let topics = topics.into_iter().map(|topic| (Describe, Topic(topic)));
    [(Alter, Group(&plan.group))].into_iter().chain(topics).collect()
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
