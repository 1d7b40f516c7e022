//! Questions with one answer: the cluster, topics, a range of records. Each is asked off the async workers.

use std::sync::Arc;

use protocol::{
    ClientMessage, ClusterResult, CreateTopicResult, ErrorBody, ErrorCode, ErrorMessage, ServerMessage, TopicName,
};

use super::Shared;
use super::outbox::Outbox;

/// Answers in its own time; other messages of the socket go on meanwhile.
pub async fn answer(shared: Arc<Shared>, outbox: Outbox, id: Option<u64>, request: ClientMessage) {
    let name = request.name();
    let asked = tokio::task::spawn_blocking(move || ask(&shared, request)).await;
    let answer = asked.unwrap_or_else(|error| {
        tracing::error!(%error, request = name, "a request failed");
        Err(ErrorBody::new(ErrorCode::Internal, format!("{name} failed inside the bridge; its log says more")))
    });
    let answer = answer.unwrap_or_else(|error| ErrorMessage { subscription: None, error }.into());
    // If the socket is gone there is nobody to tell.
    let _ = outbox.reply(id, answer).await;
}

fn ask(shared: &Shared, request: ClientMessage) -> Result<ServerMessage, ErrorBody> {
    match request {
        ClientMessage::ClusterRequest(_) => Ok(ClusterResult { cluster: shared.cluster.borrow().clone() }.into()),
        ClientMessage::TopicsRequest(_) => Ok(shared.admin.topics()?.into()),
        ClientMessage::TopicRequest(request) => Ok(shared.admin.topic(&topic(&request.name)?)?.into()),
        ClientMessage::CreateTopic(request) => {
            let name = topic(&request.name)?;
            if request.partitions.is_some_and(|count| count < 1) || request.replication.is_some_and(|count| count < 1) {
                let message = "partitions and replication are numbers from 1; leave them out for the broker's defaults";
                return Err(ErrorBody::new(ErrorCode::BadRequest, message));
            }
            shared.admin.create_topic(&name, &request)?;
            tracing::info!(topic = name.as_str(), "topic created");
            Ok(CreateTopicResult { name: request.name }.into())
        }
        ClientMessage::Fetch(request) => {
            let name = topic(&request.topic)?;
            if request.from > request.to || request.partition < 0 {
                let message = format!(
                    "partition {}, offsets {} to {}: a range goes forward in a partition from 0",
                    request.partition, request.from, request.to
                );
                return Err(ErrorBody::new(ErrorCode::BadRequest, message));
            }
            Ok(shared.admin.fetch(&name, &request)?.into())
        }
        other => {
            let message = format!("this bridge does not answer {:?}", other.name());
            Err(ErrorBody::new(ErrorCode::Unsupported, message))
        }
    }
}

fn topic(name: &str) -> Result<TopicName, ErrorBody> {
    TopicName::parse(name).map_err(|error| ErrorBody::new(ErrorCode::InvalidTopic, error.to_string()))
}
