//! Consumer groups: commits follow acknowledgements, restarts lose no record, members share the partitions.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Assigned, Committed, Revoked, ServerMessage};
use tests::client::{RecordExt, messaggi, text_record};
use tests::fence::{nothing_before_next_commit, nothing_before_next_record};
use tests::kafka::committed;
use tests::{Bridge, Client, Watch, eventually, on_every_kafka, unique};

/// Waits until this position is reported as committed. Fails if a later one is reported.
async fn told_committed(client: &mut Client, watch: u32, partition: i32, expected: i64) {
    loop {
        let told = client.expect::<Committed>().await;
        assert_eq!(told.subscription, watch);
        for position in told.positions.iter().filter(|position| position.partition == partition) {
            assert!(position.offset.0 <= expected, "committed beyond what was acknowledged: {position:?}");
            if position.offset.0 == expected {
                return;
            }
        }
    }
}

on_every_kafka! {
    async fn flow_commits_handled_records_and_no_others(kafka: Kafka) {
        let (topic, group) = (kafka.topic("auto").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let servers = bridge.bootstrap_servers().await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;

        let watch = client.subscribe(&Watch::group(&topic, &group)).await;
        assert_eq!(client.expect::<Assigned>().await.partitions[0].offset.0, 0);
        assert_eq!(client.records(watch, 10).await.len(), 10);
        nothing_before_next_commit(&mut client, &topic).await;
        assert_eq!(committed(&servers, &group, &topic).await, BTreeMap::new(), "sent is not handled");

        client.flow(watch, 7, 1000).await;
        told_committed(&mut client, watch, 0, 7).await;
        assert_eq!(committed(&servers, &group, &topic).await, BTreeMap::from([(0, 7)]));
    }

    async fn ack_commits_only_contiguously_acknowledged_records(kafka: Kafka) {
        let (topic, group) = (kafka.topic("ack").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let servers = bridge.bootstrap_servers().await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;

        let watch = client.subscribe(&Watch::group(&topic, &group).commit_by_ack()).await;
        assert_eq!(client.records(watch, 10).await.len(), 10);
        // With `ack`, `flow` gives credit only.
        client.flow(watch, 10, 1000).await;
        nothing_before_next_commit(&mut client, &topic).await;

        client.ack(watch, &topic, 0, 4).await;
        told_committed(&mut client, watch, 0, 4).await;
        // An acknowledgement beyond the last delivered record commits up to that record.
        client.ack(watch, &topic, 0, 5_000).await;
        told_committed(&mut client, watch, 0, 10).await;
        assert_eq!(committed(&servers, &group, &topic).await, BTreeMap::from([(0, 10)]));
    }

    async fn two_clients_of_one_bridge_share_its_group_member_and_get_the_same_records(kafka: Kafka) {
        let (topic, group) = (kafka.topic("shared").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let (mut one, mut two) = (bridge.client().await, bridge.client().await);
        let first = one.subscribe(&Watch::group(&topic, &group)).await;
        let second = two.subscribe(&Watch::group(&topic, &group)).await;
        one.expect::<Assigned>().await;
        two.expect::<Assigned>().await;

        one.write(messaggi(&topic, 10)).await;
        let (seen_by_one, seen_by_two) = (one.records(first, 10).await, two.records(second, 10).await);
        let places = |seen: &[tests::client::Received]| seen.iter().map(|got| got.place()).collect::<Vec<_>>();
        assert_eq!(places(&seen_by_one), places(&seen_by_two));
        nothing_before_next_record::<Revoked>(&mut one, &topic).await;
    }

    async fn records_left_unacknowledged_are_delivered_to_a_client_that_joined_later(kafka: Kafka) {
        let (topic, group) = (kafka.topic("orphans").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let servers = bridge.bootstrap_servers().await;
        for says_goodbye in [true, false] {
            let (mut leaves, mut stays) = (bridge.client().await, bridge.client().await);
            let from = leaves.write(messaggi(&topic, 10)).await[0].1;
            let watch = leaves.subscribe(&Watch::group(&topic, &group)).await;
            leaves.records(watch, 10).await;
            leaves.flow(watch, 4, 1000).await;
            told_committed(&mut leaves, watch, 0, from + 4).await;
            let staying = stays.subscribe(&Watch::group(&topic, &group)).await;
            assert_eq!(stays.expect::<Assigned>().await.partitions[0].offset.0, from + 10, "it joined after the others");
            leaves.write(messaggi(&topic, 5)).await;
            stays.records(staying, 5).await;
            // Its acknowledgement of these records does not cover records that it has not received.
            stays.flow(staying, 5, 1000).await;
            if says_goodbye {
                leaves.unsubscribe(watch).await;
            } else {
                leaves.socket.cut();
            }

            stays.expect::<Revoked>().await;
            assert_eq!(stays.expect::<Assigned>().await.partitions[0].offset.0, from + 4);
            let again: Vec<i64> = stays.records(staying, 11).await.iter().map(|got| got.offset()).collect();
            assert_eq!(again, (from + 4..from + 15).collect::<Vec<_>>(), "in order, each once more");
            assert_eq!(committed(&servers, &group, &topic).await, BTreeMap::from([(0, from + 4)]));
            stays.flow(staying, 16, 1000).await;
            told_committed(&mut stays, staying, 0, from + 15).await;
            stays.unsubscribe(staying).await;
        }
    }

    async fn client_that_returns_soon_continues_at_the_first_unacknowledged_record(kafka: Kafka) {
        let (topic, group) = (kafka.topic("refresh").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        let watch = client.subscribe(&Watch::group(&topic, &group)).await;
        client.records(watch, 10).await;
        client.flow(watch, 6, 1000).await;
        told_committed(&mut client, watch, 0, 6).await;
        client.socket.close().await;

        let mut client = bridge.client().await;
        let watch = client.subscribe(&Watch::group(&topic, &group)).await;
        let received = client.records(watch, 4).await;
        assert_eq!(received[0].offset(), 6, "the first one that nobody acknowledged");
        assert_eq!(received.last().map(|got| got.offset()), Some(9));
    }
}

on_every_kafka! {
    real
    async fn offsets_survive_a_restart_of_the_bridge(kafka: Kafka) {
        let (topic, group) = (kafka.topic("restart").await, unique("group"));
        let mut bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        let watch = client.subscribe(&Watch::group(&topic, &group).window(10)).await;
        client.records(watch, 10).await;
        client.flow(watch, 6, 10).await;
        told_committed(&mut client, watch, 0, 6).await;

        bridge.ctrl_c();
        assert_eq!(bridge.exit_code().await, 0);
        bridge.start_again().await;
        let mut client = bridge.client().await;
        let watch = client.subscribe(&Watch::group(&topic, &group)).await;
        assert_eq!(client.expect::<Assigned>().await.partitions[0].offset.0, 6);
        let offsets: Vec<i64> = client.records(watch, 4).await.iter().map(|got| got.offset()).collect();
        assert_eq!(offsets, [6, 7, 8, 9]);
    }
}

on_every_kafka! {
    real
    async fn last_acknowledged_position_is_committed_at_shutdown(kafka: Kafka) {
        let (topic, group) = (kafka.topic("goodbye").await, unique("group"));
        let mut bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        client.write(messaggi(&topic, 10)).await;
        let watch = client.subscribe(&Watch::group(&topic, &group)).await;
        client.records(watch, 10).await;
        client.flow(watch, 8, 10).await;
        // The reply shows that the `flow` was processed; its commit may not have been sent yet.
        client.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await;
        bridge.ctrl_c();
        assert_eq!(bridge.exit_code().await, 0);
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        assert_eq!(committed(&servers, &group, &topic).await, BTreeMap::from([(0, 8)]));
    }
}

on_every_kafka! {
    real
    async fn second_bridge_of_the_group_takes_over_half_of_the_partitions(kafka: Kafka) {
        const PARTITIONS: i32 = 4;
        let (topic, group) = (kafka.topic_with("share", PARTITIONS).await, unique("group"));
        let (mut one, two) = (Bridge::start().on(&kafka).await, Bridge::start().on(&kafka).await);
        let (mut first, mut second) = (one.client().await, two.client().await);
        let watch = Watch::group(&topic, &group).commit_by_ack();
        let first_watch = first.subscribe(&watch).await;
        let (mut firsts, mut seconds) = (BTreeSet::new(), BTreeSet::new());
        while firsts.len() < 4 {
            apply(&mut firsts, ownership_change(&mut first).await);
        }
        let second_watch = second.subscribe(&watch).await;
        while firsts.len() != 2 || seconds.len() != 2 {
            tokio::select! {
                change = ownership_change(&mut first) => apply(&mut firsts, change),
                change = ownership_change(&mut second) => apply(&mut seconds, change),
            }
        }
        assert!(firsts.is_disjoint(&seconds), "{firsts:?} {seconds:?}");

        // Each record is delivered to exactly one of them.
        let records = (0..40).map(|id| text_record(&topic, &id.to_string()).on_partition(id % PARTITIONS)).collect();
        second.write(records).await;
        let (seen_first, seen_second) = (first.records(first_watch, 20).await, second.records(second_watch, 20).await);
        let seen: BTreeSet<_> = seen_first.iter().chain(&seen_second).map(|got| got.place()).collect();
        assert_eq!((seen_first.len(), seen_second.len(), seen.len()), (20, 20, 40));

        // The first bridge leaves the group in order: the second one gets all partitions without waiting for a session time-out.
        for partition in &firsts {
            first.ack(first_watch, &topic, *partition, 10).await;
        }
        eventually("commits of all that was acknowledged", || async {
            let found = committed(&one.bootstrap_servers().await, &group, &topic).await;
            firsts.iter().all(|partition| found.get(partition) == Some(&10)).then_some(())
        })
        .await;
        one.ctrl_c();
        assert_eq!(one.exit_code().await, 0);
        while seconds.len() < 4 {
            apply(&mut seconds, ownership_change(&mut second).await);
        }
        second.write(vec![text_record(&topic, "last").on_partition(*firsts.first().expect("two"))]).await;
        assert_eq!(second.records(second_watch, 1).await[0].value(), "last");
    }
}

/// The next change of a member's partitions. Cancelling loses no message.
async fn ownership_change(client: &mut Client) -> (bool, Vec<i32>) {
    client
        .find("Assigned or Revoked", |frame| match &frame.message {
            ServerMessage::Assigned(Assigned { partitions, .. }) => {
                Some((true, partitions.iter().map(|position| position.partition).collect()))
            }
            ServerMessage::Revoked(Revoked { partitions, .. }) => {
                Some((false, partitions.iter().map(|place| place.partition).collect()))
            }
            _ => None,
        })
        .await
}

fn apply(owned: &mut BTreeSet<i32>, (added, partitions): (bool, Vec<i32>)) {
    for partition in partitions {
        if added {
            owned.insert(partition);
        } else {
            owned.remove(&partition);
        }
    }
}
