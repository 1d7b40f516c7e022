//! Questions with one answer and changes with one outcome: the cluster, topics, groups, a range of records. Each is asked
//! off the async workers. What would destroy something must be confirmed, what changes something is written to the log.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use protocol::{
    AlterTopicConfigResult, ClientMessage, ClientName, ClusterDetailsResult, CreateTopicResult, DeleteGroupResult,
    DeleteTopicResult, ErrorBody, ErrorCode, ErrorMessage, GroupId, OffsetResetPlan, ServerMessage, TopicName,
};

use super::gate::{Taken, Work};
use super::outbox::Outbox;
use super::{READ_ONLY, Shared};
use kafka::cluster::with_reason;

/// Who asks, for the log.
#[derive(Clone, Debug)]
pub struct Asker {
    pub peer: SocketAddr,
    /// What the client calls itself.
    pub client: ClientName,
}

/// Answers when it is the request's turn; other messages of the socket go on meanwhile. A request whose socket is lost before
/// its turn is never asked.
pub async fn answer(
    shared: Arc<Shared>,
    asker: Asker,
    outbox: Outbox,
    taken: Taken,
    id: Option<u64>,
    request: ClientMessage,
) {
    let name = request.name();
    // Held until the answer is in the outbox: what a client does not read holds up that client's own requests.
    let _turn = taken.turn().await;
    let work = if matches!(request, ClientMessage::Fetch(_)) { Work::Fetch } else { Work::Ask };
    let permit = taken.permit(work).await;
    let asked = tokio::task::spawn_blocking(move || {
        // As long as the thread is blocked, whatever becomes of the socket.
        let _permit = permit;
        ask(&shared, &asker, request).map_err(|error| with_reason(error, &shared.cluster.borrow()))
    });
    let answer = asked.await.unwrap_or_else(|error| {
        tracing::error!(%error, request = name, "a request failed");
        Err(ErrorBody::new(ErrorCode::Internal, format!("{name} failed inside the bridge; its log says more")))
    });
    let answer = answer.unwrap_or_else(|error| ErrorMessage { subscription: None, error }.into());
    // If the socket is gone there is nobody to tell.
    let _ = outbox.reply(id, answer).await;
}

fn ask(shared: &Shared, asker: &Asker, request: ClientMessage) -> Result<ServerMessage, ErrorBody> {
    let admin = &shared.admin;
    let name = request.name();
    match request {
        ClientMessage::ClusterDetailsRequest(_) => {
            Ok(ClusterDetailsResult { details: admin.cluster_details()? }.into())
        }
        ClientMessage::TopicsRequest(_) => Ok(admin.topics()?.into()),
        ClientMessage::TopicRequest(request) => Ok(admin.topic(&topic(&request.name)?)?.into()),
        ClientMessage::GroupsRequest(_) => Ok(admin.groups()?.into()),
        ClientMessage::GroupRequest(request) => Ok(admin.group(&group(&request.group)?)?.into()),
        ClientMessage::PlanOffsetReset(request) => {
            Ok(admin.plan_offset_reset(&group(&request.group)?, &request)?.into())
        }
        ClientMessage::Fetch(request) => {
            let name = topic(&request.topic)?;
            if request.from > request.to || request.from.0 < 0 || request.partition < 0 {
                let message = format!(
                    "partition {}, offsets {} to {}: a range goes forward, and partitions and offsets \
                     count from 0",
                    request.partition, request.from, request.to
                );
                return Err(ErrorBody::new(ErrorCode::BadRequest, message));
            }
            Ok(admin.fetch(&name, &request)?.into())
        }
        ClientMessage::CreateTopic(_)
        | ClientMessage::AlterTopicConfig(_)
        | ClientMessage::AddPartitions(_)
        | ClientMessage::EmptyTopic(_)
        | ClientMessage::DeleteTopic(_)
        | ClientMessage::DeleteGroup(_)
        | ClientMessage::ResetOffsets(_) => {
            if shared.read_only {
                tracing::info!(target: "audit", %asker, change = name, "audit: refused: the bridge is read-only");
                return Err(ErrorBody::new(ErrorCode::ReadOnly, format!("{name} changes Kafka; {READ_ONLY}")));
            }
            change(shared, asker, request)
        }
        other => {
            let message = format!("this bridge does not answer {:?}", other.name());
            Err(ErrorBody::new(ErrorCode::Unsupported, message))
        }
    }
}

/// Changes something, and says so in the log: who, what, old and new.
fn change(shared: &Shared, asker: &Asker, request: ClientMessage) -> Result<ServerMessage, ErrorBody> {
    let admin = &shared.admin;
    let change = request.name();
    match request {
        ClientMessage::CreateTopic(request) => {
            let name = topic(&request.name)?;
            if request.partitions.is_some_and(|count| count < 1) || request.replication.is_some_and(|count| count < 1) {
                let message = "partitions and replication are numbers from 1; leave them out for the broker's defaults";
                return Err(ErrorBody::new(ErrorCode::BadRequest, message));
            }
            admin.create_topic(&name, &request)?;
            let (partitions, replication, config) = (request.partitions, request.replication, request.config);
            tracing::info!(target: "audit", %asker, change, topic = %name, ?partitions, ?replication, ?config, "audit: topic created");
            Ok(CreateTopicResult { name: request.name }.into())
        }
        ClientMessage::AlterTopicConfig(request) => {
            let name = topic(&request.name)?;
            let changes = admin.alter_topic_config(&name, &request)?;
            for changed in &changes {
                let (setting, old, new) = (&changed.name, &changed.from, &changed.to);
                tracing::info!(target: "audit", %asker, change, topic = %name, setting, ?old, ?new, "audit: setting changed");
            }
            Ok(AlterTopicConfigResult { name: request.name, changes }.into())
        }
        ClientMessage::AddPartitions(request) => {
            let name = topic(&request.name)?;
            require_confirmation(change, &request.name, &request.confirm)?;
            let added = admin.add_partitions(&name, &request)?;
            tracing::info!(target: "audit", %asker, change, topic = %name, old = added.from, new = added.partitions, "audit: partitions added");
            Ok(added.into())
        }
        ClientMessage::EmptyTopic(request) => {
            let name = topic(&request.name)?;
            require_confirmation(change, &request.name, &request.confirm)?;
            let emptied = admin.empty_topic(&name)?;
            for partition in &emptied.partitions {
                let (number, old, new) = (partition.partition, partition.from, partition.to);
                tracing::info!(target: "audit", %asker, change, topic = %name, partition = number, %old, %new, "audit: records deleted");
            }
            Ok(emptied.into())
        }
        ClientMessage::DeleteTopic(request) => {
            let name = topic(&request.name)?;
            require_confirmation(change, &request.name, &request.confirm)?;
            admin.delete_topic(&name)?;
            tracing::info!(target: "audit", %asker, change, topic = %name, "audit: topic deleted");
            Ok(DeleteTopicResult { name: request.name }.into())
        }
        ClientMessage::DeleteGroup(request) => {
            let name = group(&request.group)?;
            require_confirmation(change, &request.group, &request.confirm)?;
            admin.delete_group(&name)?;
            tracing::info!(target: "audit", %asker, change, group = name.as_str(), "audit: group deleted");
            Ok(DeleteGroupResult { group: request.group }.into())
        }
        ClientMessage::ResetOffsets(request) => {
            let name = group(&request.plan.group)?;
            let outcome = admin.reset_offsets(&name, &request.plan);
            log_reset(asker, &name, &request.plan, outcome.as_ref().err());
            Ok(outcome?.into())
        }
        other => Err(ErrorBody::new(ErrorCode::Internal, format!("{:?} is no change", other.name()))),
    }
}

/// A reset that failed may have been taken in part, so it is logged as well.
fn log_reset(asker: &Asker, group: &GroupId, plan: &OffsetResetPlan, error: Option<&ErrorBody>) {
    let change = "reset_offsets";
    // As a text, which the log quotes: a group's name may contain spaces.
    let group = group.as_str();
    if let Some(error) = error {
        tracing::info!(target: "audit", %asker, change, group, error = error.name, reason = error.message, "audit: reset failed");
        return;
    }
    for moved in plan.changes.iter().filter(|moved| moved.from != Some(moved.to)) {
        let (topic, partition, old, new) = (&moved.topic, moved.partition, moved.from.map(|from| from.0), moved.to);
        tracing::info!(target: "audit", %asker, change, group, topic, partition, ?old, %new, "audit: position moved");
    }
    for forgotten in &plan.forget {
        let (topic, partition, old) = (&forgotten.topic, forgotten.partition, forgotten.offset);
        tracing::info!(target: "audit", %asker, change, group, topic, partition, %old, "audit: position deleted");
    }
}

/// Quoted, so that no client can end the field and begin another one.
impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.peer, self.client.as_str())
    }
}

/// Whoever destroys something names it twice.
fn require_confirmation(change: &str, name: &str, confirm: &str) -> Result<(), ErrorBody> {
    if name == confirm {
        return Ok(());
    }
    let message =
        format!("{change} of {name:?} needs its name once more in `confirm`, typed by the user; nothing was changed");
    Err(ErrorBody::new(ErrorCode::NotConfirmed, message))
}

pub(super) fn topic(name: &str) -> Result<TopicName, ErrorBody> {
    TopicName::parse(name).map_err(|error| ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()))
}

pub(super) fn group(name: &str) -> Result<GroupId, ErrorBody> {
    GroupId::parse(name).map_err(|error| ErrorBody::new(ErrorCode::InvalidGroup, error.to_string()))
}
