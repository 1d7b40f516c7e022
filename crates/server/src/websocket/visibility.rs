//! Records that were acknowledged and are not visible yet: an older transaction of their partition is still open. The session
//! that sent them is told, once for each such transaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Offset, ProduceWaiting, TopicPartition, WaitReason};

use super::gate::Gate;
use super::ledger::Ledger;
use super::outbox::Outbox;
use kafka::admin::Admin;

/// Transactions that end sooner are not worth a word. It is also how often a session's records are looked after.
const AFTER: Duration = Duration::from_secs(1);

/// Looks after what the session sends, as long as its socket is there.
pub async fn tell_invisible(ledger: Arc<Ledger>, admin: Arc<Admin>, gate: Arc<Gate>, outbox: Outbox) {
    // Where the transaction began of which each partition was told last.
    let mut told: BTreeMap<TopicPartition, i64> = BTreeMap::new();
    loop {
        ledger.acknowledged().await;
        tokio::time::sleep(AFTER).await;
        let acked: BTreeMap<TopicPartition, i64> = ledger.take_acknowledged();
        let permit = gate.ask_for_transactions().await;
        let (asking, partitions) = (Arc::clone(&admin), acked.keys().cloned().collect::<Vec<_>>());
        let open = tokio::task::spawn_blocking(move || {
            let open = asking.open_transactions(&partitions);
            // The thread is free only now, also where the socket has ended meanwhile.
            drop(permit);
            open
        })
        .await;
        let open = open.unwrap_or_default();
        // A transaction that is over is forgotten, so that this holds no more partitions than one look finds.
        told.retain(|partition, _| open.contains_key(partition) || !acked.contains_key(partition));
        for (partition, began) in open {
            let is_invisible = acked.get(&partition).is_some_and(|last| *last >= began);
            if !is_invisible || told.get(&partition) == Some(&began) {
                continue;
            }
            if outbox.send(waiting(&partition, began)).await.is_err() {
                return;
            }
            told.insert(partition, began);
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
