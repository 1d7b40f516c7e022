//! Requests to Kafka and to the schema registry: queries and changes, each with one answer. Each has its handler in a file of its own. This module
//! has what they share: waiting for permits, the blocking thread, the `--read-only` check, the answer.

mod add_partitions;
mod add_schema;
mod alter_topic_config;
mod check_schema;
mod cluster_details;
mod create_topic;
mod delete_group;
mod delete_subject;
mod delete_topic;
mod describe_encoding;
mod empty_topic;
mod encode;
mod fetch;
mod group;
mod groups;
mod plan_offset_reset;
mod register_schema;
mod registry;
mod reset_offsets;
mod schema;
mod set_compatibility;
mod subject;
mod subjects;
mod timeline;
mod topic;
mod topics;

use std::sync::Arc;

use kafka::admin::Admin;
use kafka::cluster::with_reason;
use protocol::{ErrorBody, ErrorCode, ErrorMessage, Kind, MessageBody as _, Request, ResetOffsets};

pub(super) use crate::names::{group, topic};

use super::READ_ONLY;
use super::audit::{self, Asker, audit};
use super::gate::{AdmittedRequest, Work};
use super::outbox::Outbox;
use crate::clusters::Cluster;
use crate::metrics::METRICS;
use crate::permissions::Permissions;
use serdes::Decoder;

/// What a handler may use.
pub(super) struct Context<'a> {
    pub admin: &'a Admin,
    pub decoder: &'a Decoder,
    pub asker: &'a Asker,
    pub permissions: &'a Permissions,
}

/// Answers one kind of request. It runs on a blocking thread.
pub(super) trait Handler: Request + Send + 'static
where
    Self::Reply: Send + 'static,
{
    const WORK: Work = Work::Query;

    /// The handler of a [`Kind::Change`] logs what it has changed: who, what, old and new value.
    fn apply(self, context: &Context<'_>) -> Result<Self::Reply, ErrorBody>;
}

/// Answers a request as soon as it gets its permits; other messages of the socket are processed meanwhile. If the
/// socket is lost before, the request is not executed.
pub(super) async fn answer<R: Handler>(
    cluster: Arc<Cluster>,
    asker: Asker,
    permissions: Permissions,
    outbox: Outbox,
    admitted: AdmittedRequest,
    id: Option<u64>,
    request: R,
) where
    R::Reply: Send + 'static,
{
    // Held until the answer is in the outbox, so that a client that does not read its answers delays only its own
    // requests.
    let _socket_permit = admitted.socket_permit().await;
    let permit = admitted.thread_permit(R::WORK).await;
    let handled = tokio::task::spawn_blocking(move || {
        // Held while the thread is blocked, even if the socket is lost.
        let _permit = permit;
        ask(&cluster, &asker, &permissions, request).map_err(|error| with_reason(error, &cluster.state.borrow()))
    });
    let answer = handled.await.unwrap_or_else(|error| {
        tracing::error!(%error, request = R::NAME, "a request handler panicked");
        Err(ErrorBody::new(ErrorCode::Internal, format!("{} failed inside the bridge; see the bridge's log", R::NAME)))
    });
    METRICS.request(R::NAME, answer.as_ref().map(drop));
    // If the socket is gone, the answer is discarded.
    let _ = match answer {
        Ok(reply) => outbox.reply(id, reply).await,
        Err(error) => outbox.reply(id, ErrorMessage::from(error)).await,
    };
}

fn ask<R: Handler>(
    cluster: &Cluster,
    asker: &Asker,
    permissions: &Permissions,
    request: R,
) -> Result<R::Reply, ErrorBody>
where
    R::Reply: Send + 'static,
{
    let is_change = R::KIND == Kind::Change;
    let allowed = match is_change && cluster.read_only {
        true => Err(ErrorBody::new(
            ErrorCode::ReadOnly,
            format!("{} changes Kafka or the schema registry; {READ_ONLY}", R::NAME),
        )),
        false => permissions.require(&request.needs()),
    };
    if let Err(error) = allowed {
        if is_change {
            audit::refused(asker, R::NAME, &error);
        }
        return Err(error);
    }
    let applied = request.apply(&Context { admin: &cluster.admin, decoder: &cluster.decoder, asker, permissions });
    // A reset logs its failures with the positions.
    if let Err(error) = &applied
        && is_change
        && R::NAME != ResetOffsets::NAME
    {
        let (error, reason) = (&error.name, &error.message);
        audit!(asker, change = R::NAME, error, reason, "audit: change failed");
    }
    applied
}

/// A request that deletes something must repeat its name in `confirm`.
fn require_confirmation<R: Request>(name: &str, confirm: &str) -> Result<(), ErrorBody> {
    if name == confirm {
        return Ok(());
    }
    let message =
        format!("{} of {name:?}: `confirm` must repeat the name, typed by the user; nothing was changed", R::NAME);
    Err(ErrorBody::new(ErrorCode::NotConfirmed, message))
}
