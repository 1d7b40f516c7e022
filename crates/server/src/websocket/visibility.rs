//! Reports acknowledged records that consumers cannot read yet because an older transaction of their partition is still
//! open. The session that produced them is notified once for each such transaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Offset, ProduceWaiting, TopicPartition, WaitReason};

use super::gate::Gate;
use super::ledger::Ledger;
use super::outbox::Outbox;
use kafka::admin::Admin;

/// Transactions that end sooner are not reported. It is also how often the records of a session are checked.
const CHECK_DELAY: Duration = Duration::from_secs(1);

/// Checks the session's records as long as its socket exists.
pub async fn report_invisible_records(ledger: Arc<Ledger>, admin: Arc<Admin>, gate: Arc<Gate>, outbox: Outbox) {
    // Per partition, where the transaction began that was reported last.
    let mut reported: BTreeMap<TopicPartition, i64> = BTreeMap::new();
    loop {
        ledger.acknowledged().await;
        tokio::time::sleep(CHECK_DELAY).await;
        let acked: BTreeMap<TopicPartition, i64> = ledger.take_acknowledged();
        let permit = gate.query_transactions().await;
        let (admin, partitions) = (Arc::clone(&admin), acked.keys().cloned().collect::<Vec<_>>());
        let open = tokio::task::spawn_blocking(move || {
            let open = admin.open_transactions(&partitions);
            // Held until the thread is free, even if the socket has ended meanwhile.
            drop(permit);
            open
        })
        .await;
        let open = open.unwrap_or_default();
        // Ended transactions are removed, so that the map holds no more partitions than one query returns.
        reported.retain(|partition, _| open.contains_key(partition) || !acked.contains_key(partition));
        for (partition, began) in open {
            let is_invisible = acked.get(&partition).is_some_and(|last| *last >= began);
            if !is_invisible || reported.get(&partition) == Some(&began) {
                continue;
            }
            if outbox.send(waiting(&partition, began)).await.is_err() {
                return;
            }
            reported.insert(partition, began);
        }
    }
}

fn waiting(partition: &TopicPartition, began: i64) -> ProduceWaiting {
    let message = format!(
        "not visible yet: an open transaction began at offset {began}; consumers that read committed records get what lies \
         behind it when it ends"
    );
    ProduceWaiting {
        topic: partition.topic.clone(),
        partition: partition.partition,
        reason: WaitReason::OpenTransaction,
        message,
        offset: Some(Offset(began)),
    }
}
