//! Fences: how a test sees that a message did not come, without waiting for a fixed time.
//!
//! A test that expects nothing waits for a message that the bridge can only send later than the unwanted one: the reply to a request on
//! the same socket, the next record of the same topic, the next commit. What has not come before that message does not come.

use protocol::{Assigned, ClusterRequest, ClusterResult, Committed, RecordsWaiting, ServerMessage, WhenSlow};

use crate::client::{Client, Expected, text_record};
use crate::wait::unique;
use crate::watch::Watch;

/// Returns every message that came before the reply to a request sent now, in order, with those that the client had received and
/// not used yet.
pub async fn all_before_reply(client: &mut Client) -> Vec<ServerMessage> {
    reply(client).await;
    client.take_unused()
}

/// Fails if a message of this type is unused, or comes before the reply to a request sent now. All messages stay for whoever
/// expects them.
pub async fn nothing_before_reply<T: Expected>(client: &mut Client) {
    reply(client).await;
    let unwanted = client.unused().find(|message| T::pick(message).is_some());
    assert!(unwanted.is_none(), "unexpected {unwanted:?}");
}

/// Fails if a message of this type comes before a record that is written to the topic now has been delivered to another tail of the
/// same socket. The topic has one more record afterwards, with the value `fence`.
pub async fn nothing_before_next_record<T: Expected>(client: &mut Client, topic: &str) {
    let tail = client.subscribe(&Watch::tail(topic).latest()).await;
    client.find("Assigned of the fence", |frame| of(tail, Assigned::pick(&frame.message), |it| it.subscription)).await;
    client.write(vec![text_record(topic, "fence")]).await;
    client.records(tail, 1).await;
    client.unsubscribe(tail).await;
    nothing_before_reply::<T>(client).await;
}

/// Fails if the bridge commits for a subscription of this client before it has committed twice for a new group that reads the same
/// topic of one partition, which must hold two records. A reader commits at fixed intervals, so every other reader has had its turn
/// between the two commits.
pub async fn nothing_before_next_commit(client: &mut Client, topic: &str) {
    let member = client.subscribe(&Watch::group(topic, &unique("fence"))).await;
    client
        .find("Assigned of the fence", |frame| of(member, Assigned::pick(&frame.message), |it| it.subscription))
        .await;
    client.records(member, 2).await;
    for through in [1, 2] {
        client.flow(member, through, 1000).await;
        let committed = |message: &ServerMessage| of(member, Committed::pick(message), |it| it.subscription);
        client.find("Committed of the fence", |frame| committed(&frame.message)).await;
    }
    client.unsubscribe(member).await;
    nothing_before_reply::<Committed>(client).await;
}

/// Fails if a message of this type comes before the bridge has found that a new reader of the topic waits behind an open transaction.
/// Readers look for records that wait at fixed intervals, and those that began earlier have looked earlier.
pub async fn nothing_before_records_wait<T: Expected>(client: &mut Client, topic_with_open_transaction: &str) {
    // Only a tail that blocks is certain to have a reader of its own.
    let watch = Watch::tail(topic_with_open_transaction).latest().when_slow(WhenSlow::Block);
    let tail = client.subscribe(&watch).await;
    client.find("Assigned of the fence", |frame| of(tail, Assigned::pick(&frame.message), |it| it.subscription)).await;
    let waiting = |message: &ServerMessage| of(tail, RecordsWaiting::pick(message), |it| it.subscription);
    client.find("RecordsWaiting of the fence", |frame| waiting(&frame.message)).await;
    client.unsubscribe(tail).await;
    nothing_before_reply::<T>(client).await;
}

async fn reply(client: &mut Client) {
    // The bridge answers it without Kafka.
    client.ask::<ClusterResult>(ClusterRequest {}).await;
}

/// The message, if it belongs to this subscription.
fn of<T>(subscription: u32, message: Option<T>, subscription_of: impl Fn(&T) -> u32) -> Option<T> {
    message.filter(|message| subscription_of(message) == subscription)
}
