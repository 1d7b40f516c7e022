//! Consumer groups: list, description, and offset resets, which are planned first and then applied exactly or not at all.

use std::collections::BTreeSet;
use std::time::Instant;

use protocol::{
    DeleteGroup, DeleteGroupResult, ErrorCode, GroupChanged, GroupProtocol, GroupRequest, GroupResult, GroupsChanged,
    GroupsRequest, GroupsResult, Offset, OffsetResetPlan, PlanOffsetReset, PlanOffsetResetResult, Position,
    ResetOffsets, ResetOffsetsResult, ResetTarget, ServerMessage, TopicChanged, TopicPartition, TopicsRequest,
    TopicsResult, Unwatch, Unwatched, WatchGroup, WatchGroups, WatchTopic, Watching,
};
use tests::broker_proxy::OFFSET_FETCH;
use tests::client::{RecordExt, messaggi, text_record};
use tests::kafka::{GROUP_TOOL, StaticMember, committed};
use tests::{Bridge, Client, Kafka, Program, Watch, eventually, measured, on_every_kafka, unique};

/// The tool's default of five seconds is too short on a busy machine.
const TOOL_TIMEOUT_MS: &str = "30000";

/// Reads and commits this number of records, and leaves.
async fn consume(bridge: &Bridge, topic: &str, group: &str, count: usize) {
    let servers = bridge.bootstrap_servers().await;
    let count = count.to_string();
    let args = ["consume", "--bootstrap-servers", &servers, "--topic", topic, "--group", group, "--count", &count];
    assert_eq!(Program::bridge(&args).exit_code().await, 0);
}

fn plan(group: &str, topic: &str, to: ResetTarget) -> PlanOffsetReset {
    PlanOffsetReset { group: group.to_owned(), topics: vec![topic.to_owned()], partitions: Vec::new(), to }
}

/// The plan, and the new positions in it.
async fn planned(client: &mut Client, group: &str, topic: &str, to: ResetTarget) -> (OffsetResetPlan, Vec<i64>) {
    let answer: PlanOffsetResetResult = client.ask(plan(group, topic, to)).await;
    assert_eq!(answer.refused, None);
    let targets = answer.plan.changes.iter().map(|change| change.to.0).collect();
    (answer.plan, targets)
}

/// A topic of one partition with ten records, and a group that has committed offset 4 and has no members.
async fn four_of_ten(kafka: &Kafka) -> (Bridge, Client, String, String) {
    let (topic, group) = (kafka.topic("reset").await, unique("group"));
    let bridge = Bridge::start().on(kafka).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 10)).await;
    consume(&bridge, &topic, &group, 4).await;
    (bridge, client, topic, group)
}

on_every_kafka! {
    real
    async fn group_list_and_description_equal_those_of_kafka_consumer_groups_tool(kafka: Kafka) {
        let (topic, group) = (kafka.topic_with("members", 2).await, unique("group"));
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        client.write((0..10).map(|id| text_record(&topic, "x").on_partition(id % 2)).collect()).await;
        let watch = client.subscribe(&Watch::group(&topic, &group).commit_by_ack()).await;
        client.records(watch, 10).await;
        client.ack(watch, &topic, 0, 3).await;
        eventually("the commit", || async {
            (!committed(&bridge.bootstrap_servers().await, &group, &topic).await.is_empty()).then_some(())
        })
        .await;

        let seen: GroupResult = client.ask(GroupRequest { group: group.clone() }).await;
        assert_eq!((seen.state.as_str(), seen.members.len(), seen.lag), ("Stable", 1, 7), "{seen:?}");
        let coordinator = seen.coordinator.as_ref().expect("a group has a coordinator");
        assert_eq!(coordinator.id, 1);
        assert!(matches!(seen.protocol, Some(GroupProtocol::Classic | GroupProtocol::Consumer)), "{seen:?}");
        let both = [0, 1].map(|partition| TopicPartition { topic: topic.clone(), partition });
        assert_eq!(seen.members[0].partitions, both);
        let positions: Vec<_> = seen.positions.iter().map(|at| (at.offset.map(|o| o.0), at.end.0, at.lag)).collect();
        assert_eq!(positions, [(Some(3), 5, 2), (None, 5, 5)]);

        let told = kafka.tool(GROUP_TOOL, &["--timeout", TOOL_TIMEOUT_MS, "--describe", "--group", &group]).await;
        let row = told.lines().find(|line| line.contains(&topic) && line.contains(" 3 ")).unwrap_or_else(|| panic!("{told}"));
        let columns: Vec<&str> = row.split_whitespace().collect();
        let (partition, position, end, lag, member) = (columns[2], columns[3], columns[4], columns[5], columns[6]);
        assert_eq!((partition, position, end, lag), ("0", "3", "5", "2"), "{told}");
        assert_eq!(member, seen.members[0].member, "{told}");

        let listed: GroupsResult = client.ask(GroupsRequest {}).await;
        let listed = listed.groups.into_iter().find(|listed| listed.group == group).expect("it is listed");
        assert_eq!((listed.state.as_str(), listed.members, listed.lag), ("Stable", Some(1), Some(7)));
        assert_eq!((listed.topics, listed.protocol), (vec![topic], seen.protocol));

        let refused = client.refused(GroupRequest { group: unique("nobody") }).await;
        assert_eq!(refused.error.code, ErrorCode::GroupMissing.number(), "{refused:?}");
    }
}

on_every_kafka! {
    real
    async fn offset_reset_plan_shows_every_target_and_commits_nothing(kafka: Kafka) {
        let (bridge, mut client, topic, group) = four_of_ten(&kafka).await;
        let at = |offset| Position { topic: topic.clone(), partition: 0, offset: Offset(offset) };
        for (to, target, reread, skipped, clamped) in [
            (ResetTarget::Earliest, 0, 4, 0, false),
            (ResetTarget::Latest, 10, 0, 6, false),
            (ResetTarget::Offset(Offset(7)), 7, 0, 3, false),
            (ResetTarget::Offset(Offset(700)), 10, 0, 6, true),
            (ResetTarget::Shift(-3), 1, 3, 0, false),
            (ResetTarget::Shift(-30), 0, 4, 0, true),
            (ResetTarget::Timestamp(0), 0, 4, 0, false),
            (ResetTarget::Timestamp(4_000_000_000_000), 10, 0, 6, false),
        ] {
            let (plan, _) = planned(&mut client, &group, &topic, to.clone()).await;
            let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
            assert_eq!((change.from, change.to), (Some(Offset(4)), Offset(target)), "{to:?}");
            assert_eq!((change.low, change.high), (Some(Offset(0)), Some(Offset(10))), "{to:?}");
            assert_eq!((change.reread, change.skipped, change.clamped), (reread, skipped, clamped), "{to:?}");
        }
        let by_list = PlanOffsetReset { topics: Vec::new(), ..plan(&group, &topic, ResetTarget::Positions(vec![at(2)])) };
        let answer: PlanOffsetResetResult = client.ask(by_list).await;
        assert_eq!(answer.plan.changes[0].to, Offset(2));
        let everywhere = PlanOffsetReset { topics: Vec::new(), ..plan(&group, &topic, ResetTarget::Earliest) };
        let answer: PlanOffsetResetResult = client.ask(everywhere).await;
        assert_eq!(answer.plan.changes.len(), 1, "wherever it has a position: {answer:?}");
        assert_eq!(committed(&bridge.bootstrap_servers().await, &group, &topic).await, [(0, 4)].into());

        for (request, code) in [
            (plan(&group, &unique("nowhere"), ResetTarget::Earliest), ErrorCode::TopicMissing),
            (plan(&group, &topic, ResetTarget::Positions(vec![at(1)])), ErrorCode::BadRequest),
            (plan(&unique("fresh"), &topic, ResetTarget::Shift(1)), ErrorCode::BadRequest),
        ] {
            let refused = client.refused(request).await;
            assert_eq!(refused.error.code, code.number(), "{refused:?}");
        }
    }
}

on_every_kafka! {
    real
    async fn offset_reset_is_applied_as_planned_and_can_be_undone(kafka: Kafka) {
        let (topic, group) = (kafka.topic_with("undone", 2).await, unique("group"));
        let bridge = Bridge::start().on(&kafka).await;
        let servers = bridge.bootstrap_servers().await;
        let mut client = bridge.client().await;
        client.write((0..8).map(|_| text_record(&topic, "x").on_partition(0)).collect()).await;
        consume(&bridge, &topic, &group, 6).await;
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 6)].into());

        let (plan, targets) = planned(&mut client, &group, &topic, ResetTarget::Earliest).await;
        assert_eq!(targets, [0, 0]);
        assert_eq!(plan.changes[1].from, None, "nothing was committed there");
        let done: ResetOffsetsResult = client.ask(ResetOffsets { plan }).await;
        assert_eq!(done.positions.iter().map(|position| position.offset.0).collect::<Vec<_>>(), [0, 0]);
        let told = kafka.tool(GROUP_TOOL, &["--timeout", TOOL_TIMEOUT_MS, "--describe", "--group", &group]).await;
        let row: Vec<&str> = told
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|columns| columns.get(1) == Some(&topic.as_str()) && columns.get(2) == Some(&"0"))
            .unwrap_or_else(|| panic!("{told}"));
        assert_eq!((row[3], row[4], row[5]), ("0", "8", "8"), "{told}");

        // The committed offset is restored, and the one that did not exist before is removed.
        let _: ResetOffsetsResult = client.ask(ResetOffsets { plan: done.undo }).await;
        assert_eq!(committed(&servers, &group, &topic).await, [(0, 6)].into());
    }
}

on_every_kafka! {
    real
    async fn offset_reset_plan_is_refused_after_committed_offsets_moved(kafka: Kafka) {
        let (bridge, mut client, topic, group) = four_of_ten(&kafka).await;
        let (plan, _) = planned(&mut client, &group, &topic, ResetTarget::Earliest).await;
        consume(&bridge, &topic, &group, 2).await;
        let refused = client.refused(ResetOffsets { plan }).await;
        assert_eq!(refused.error.code, ErrorCode::PositionsMoved.number(), "{refused:?}");
        assert!(refused.error.message.contains('4') && refused.error.message.contains('6'), "{refused:?}");
        assert_eq!(committed(&bridge.bootstrap_servers().await, &group, &topic).await, [(0, 6)].into());
    }
}

on_every_kafka! {
    real
    async fn offset_reset_of_a_group_with_members_is_refused_and_names_them(kafka: Kafka) {
        let (bridge, mut client, topic, group) = four_of_ten(&kafka).await;
        let (plan_before, _) = planned(&mut client, &group, &topic, ResetTarget::Earliest).await;
        let mut reader = bridge.client().await;
        let watch = reader.subscribe(&Watch::group(&topic, &group).commit_by_ack()).await;
        reader.records(watch, 6).await;

        let answer: PlanOffsetResetResult = client.ask(plan(&group, &topic, ResetTarget::Earliest)).await;
        let refused = answer.refused.expect("a group with members cannot be reset");
        assert_eq!(refused.code, ErrorCode::GroupActive.number());
        let seen: GroupResult = client.ask(GroupRequest { group: group.clone() }).await;
        assert!(refused.message.contains(&seen.members[0].member), "{}", refused.message);

        // Both the earlier plan and the new one are refused, however far the reader is.
        for handled in 4..=10 {
            reader.ack(watch, &topic, 0, handled).await;
            for plan in [plan_before.clone(), answer.plan.clone()] {
                let refused = client.refused(ResetOffsets { plan }).await;
                assert_eq!(refused.error.code, ErrorCode::GroupActive.number(), "{refused:?}");
            }
        }
        // The group cannot be deleted either.
        let delete = DeleteGroup { group: group.clone(), confirm: group.clone() };
        assert_eq!(client.refused(delete).await.error.code, ErrorCode::GroupActive.number());
        eventually("what the reader acknowledged, and nothing else", || async {
            let found = committed(&bridge.bootstrap_servers().await, &group, &topic).await;
            (found == [(0, 10)].into()).then_some(())
        })
        .await;
    }
}

on_every_kafka! {
    real
    async fn group_is_deleted_only_if_its_name_is_confirmed(kafka: Kafka) {
        let (_bridge, mut client, _, group) = four_of_ten(&kafka).await;
        let unconfirmed = DeleteGroup { group: group.clone(), confirm: String::new() };
        assert_eq!(client.refused(unconfirmed).await.error.code, ErrorCode::NotConfirmed.number());
        let deleted: DeleteGroupResult = client.ask(DeleteGroup { group: group.clone(), confirm: group.clone() }).await;
        assert_eq!(deleted.group, group);
        let refused = client.refused(GroupRequest { group: group.clone() }).await;
        assert_eq!(refused.error.code, ErrorCode::GroupMissing.number());
        let told = kafka.tool(GROUP_TOOL, &["--timeout", TOOL_TIMEOUT_MS, "--list"]).await;
        assert!(!told.lines().any(|line| line == group), "{told}");
    }
}

/// The next update of a group view that `pick` accepts.
async fn sees(client: &mut Client, what: &str, pick: impl Fn(&GroupChanged) -> bool) -> GroupChanged {
    let found = client.find(what, |frame| match &frame.message {
        ServerMessage::GroupChanged(changed) if pick(changed) => Some(changed.clone()),
        _ => None,
    });
    found.await
}

on_every_kafka! {
    real
    async fn static_member_is_described_with_its_instance_id(kafka: Kafka) {
        let (topic, group) = (kafka.topic("static").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).await;
        let servers = bridge.bootstrap_servers().await;
        let _member = StaticMember::join(&servers, &group, &topic, "desk-1");
        let mut client = bridge.client().await;
        let _: Watching = client.ask(WatchGroup { group: group.clone() }).await;
        sees(&mut client, "the member", |seen| seen.state == "Stable").await;
        let described: GroupResult = client.ask(GroupRequest { group: group.clone() }).await;
        let instances: Vec<_> = described.members.iter().map(|member| member.instance.as_deref()).collect();
        assert_eq!(instances, [Some("desk-1")], "{described:?}");
        let arguments = ["groups", "describe", "--group", &group, "--bootstrap-servers", &servers];
        let mut program = Program::bridge(&arguments);
        assert_eq!(program.exit_code().await, 0);
        let (out, err) = program.all_output().await;
        assert!(out.contains(&topic), "{out}\n{err}");
    }
}

on_every_kafka! {
    real
    async fn group_view_follows_members_and_lag(kafka: Kafka) {
        let (topic, group) = (kafka.topic("followed").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).await;
        let mut client = bridge.client().await;
        let Watching { watch } = client.ask(WatchGroup { group: group.clone() }).await;
        let first: GroupChanged = client.expect().await;
        assert_eq!((first.watch, first.state.as_str(), first.members), (watch, "Dead", Some(Vec::new())));
        let _: Watching = client.ask(WatchGroups {}).await;
        client.expect::<GroupsChanged>().await;

        let mut reader = bridge.client().await;
        reader.write(messaggi(&topic, 10)).await;
        let reading = reader.subscribe(&Watch::group(&topic, &group).commit_by_ack()).await;
        reader.records(reading, 10).await;
        let joined = sees(&mut client, "a member", |seen| seen.state == "Stable" && seen.lag == 10).await;
        let positions: Vec<_> = joined.positions.iter().map(|at| (at.offset, at.lag)).collect();
        assert_eq!(positions, [(None, 10)], "{joined:?}");
        reader.ack(reading, &topic, 0, 7).await;
        let moved = sees(&mut client, "a lag of 3", |seen| seen.lag == 3).await;
        assert_eq!(moved.members, None, "absent: as before");
        assert_eq!(moved.positions[0].offset, Some(Offset(7)));
        client
            .find("the group in the list", |frame| match &frame.message {
                ServerMessage::GroupsChanged(changed) => changed.groups.iter().find(|seen| seen.group == group).cloned(),
                _ => None,
            })
            .await;

        reader.unsubscribe(reading).await;
        drop(reader);
        let _: Unwatched = client.ask(Unwatch { watch }).await;
    }
}

#[tokio::test]
async fn demo_broker_reports_committed_offsets_and_lag_but_no_members() {
    let (topic, group) = (unique("demo"), unique("group"));
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 10)).await;
    consume(&bridge, &topic, &group, 4).await;
    let seen: GroupResult = client.ask(GroupRequest { group: group.clone() }).await;
    assert_eq!((seen.state.as_str(), seen.lag, seen.members.len()), ("Unknown", 6, 0), "{seen:?}");
    let answer: PlanOffsetResetResult = client.ask(plan(&group, &topic, ResetTarget::Earliest)).await;
    assert_eq!(answer.refused.map(|error| error.code), Some(ErrorCode::NotOnThisCluster.number()));
    for refused in [
        client.refused(GroupsRequest {}).await,
        client.refused(ResetOffsets { plan: answer.plan }).await,
        client.refused(DeleteGroup { group: group.clone(), confirm: group.clone() }).await,
    ] {
        assert_eq!(refused.error.code, ErrorCode::NotOnThisCluster.number(), "{refused:?}");
        assert!(refused.error.message.contains("demo broker"), "{refused:?}");
    }
}

#[tokio::test]
async fn hundred_subscribers_of_a_group_view_cause_one_kafka_query_per_poll() {
    const SOCKETS: usize = 100;
    const LOOKS: usize = 4;
    let Some((_cluster, proxy)) = Kafka::counted().await else { return };
    let (topic, group) = (unique("looked-at"), unique("group"));
    let bridge = Bridge::start()
        .option("--bootstrap-servers", &proxy.address)
        .env("PONTE_LOG", tests::program::LOG_FILTER)
        .await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 10)).await;
    let watch = client.subscribe(&Watch::group(&topic, &group).commit_by_ack()).await;
    client.records(watch, 10).await;
    client.ack(watch, &topic, 0, 4).await;
    client.expect::<protocol::Committed>().await;

    let mut lookers = Vec::new();
    for _ in 0..SOCKETS {
        let mut looker = bridge.client().await;
        let _: Watching = looker.ask(WatchGroup { group: group.clone() }).await;
        lookers.push(looker);
    }
    for looker in &mut lookers {
        let seen = sees(looker, "its first push", |_| true).await;
        assert_eq!((seen.lag, seen.positions.len()), (6, 1), "everyone gets a complete picture first");
    }
    let before = proxy.count(OFFSET_FETCH);
    let mut looks = BTreeSet::new();
    while looks.len() < LOOKS {
        for looker in &mut lookers {
            looks.insert(sees(looker, "a push", |_| true).await.at);
        }
    }
    let asked = proxy.count(OFFSET_FETCH) - before;
    // One more query may be in flight.
    assert!((1..=looks.len() + 1).contains(&asked), "{asked} requests for {} looks of {SOCKETS} sockets", looks.len());
    measured("requests_for_positions", format!("{asked} for {} looks of {SOCKETS} sockets", looks.len()));

    drop(lookers);
    bridge.logged("stopped polling a view: no subscribers left").await;
    let before = proxy.count(OFFSET_FETCH);
    // The view of a topic is polled as often as that of a group was. Its poll needs no committed positions.
    let _: Watching = client.ask(WatchTopic { name: topic.clone() }).await;
    for _ in 0..3 {
        client.expect::<TopicChanged>().await;
    }
    assert_eq!(proxy.count(OFFSET_FETCH), before, "without subscribers the group is not queried");
}

/// At most five percent of one core in a release build, and ten in this one. Not a duration: on a machine that is busy the share of
/// the bridge becomes smaller.
#[tokio::test]
async fn lag_of_a_thousand_partitions_takes_less_than_ten_percent_of_a_core() {
    const PARTITIONS: usize = 1000;
    const MOST_PERCENT: f64 = 10.0;
    let Some(kafka) = Kafka::current().await else { return };
    // The cluster's first group makes Kafka create an internal topic, which must not wait for the topic of this test.
    let (bridge, mut client, ..) = four_of_ten(&kafka).await;
    let (topic, group) = (kafka.topic_with("wide", 1000).await, unique("group"));
    loop {
        let listed: TopicsResult = client.ask(TopicsRequest {}).await;
        if listed.topics.iter().any(|seen| seen.name == topic && seen.records.is_some()) {
            break;
        }
    }
    let (plan, targets) = planned(&mut client, &group, &topic, ResetTarget::Earliest).await;
    assert_eq!(targets.len(), PARTITIONS);
    let _: ResetOffsetsResult = client.ask(ResetOffsets { plan }).await;

    let Watching { watch } = client.ask(WatchGroup { group: group.clone() }).await;
    let first = sees(&mut client, "the first push", |_| true).await;
    assert_eq!(first.positions.len(), PARTITIONS);
    let (began, cpu_before) = (Instant::now(), bridge.cpu_time());
    let mut looks = 0;
    while looks < 5 {
        let next = sees(&mut client, "a push", |_| true).await;
        assert!(next.positions.is_empty(), "nothing moved: {next:?}");
        looks += 1;
    }
    let percent = (bridge.cpu_time() - cpu_before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    measured("lag_of_1000_partitions_cpu_percent", format!("{percent:.1} ({looks} looks in {:?})", began.elapsed()));
    assert!(percent < MOST_PERCENT, "{percent:.1} % of one core");
    let _: Unwatched = client.ask(Unwatch { watch }).await;
    let delete = protocol::DeleteTopic { name: topic.clone(), confirm: topic };
    let _: protocol::DeleteTopicResult = client.ask(delete).await;
}
