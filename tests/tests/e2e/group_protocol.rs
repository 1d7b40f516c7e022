//! A consumer group keeps its protocol, whichever client joins it.

use std::time::Duration;

use protocol::{GroupProtocol, GroupRequest, GroupResult};
use tests::broker_proxy::{BrokerProxy, CONSUMER_GROUP_DESCRIBE, DESCRIBE_GROUPS};
use tests::client::messaggi;
use tests::kafka::create_topic;
use tests::{Bridge, Kafka, Program, Watch, eventually, unique};

use crate::page_groups::consume;
use crate::page_joining::commit_as_others;

#[tokio::test]
async fn classic_group_stays_classic_when_terminal_and_bridge_join_it() {
    let Some(kafka) = Kafka::current().await else { return };
    let (topic, group) = (kafka.topic("kept").await, unique("classic"));
    let bridge = Bridge::start().on(&kafka).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 10)).await;
    commit_as_others(&kafka.bootstrap_servers().expect("real Kafka has an address"), &group, &[(&topic, 2)]).await;

    let printed = consume(&bridge, &topic, &group, 3).await;
    assert!(printed.contains("messaggio 2") && !printed.contains("messaggio 1\""), "from its position: {printed}");
    let described: GroupResult = client.ask(GroupRequest { group: group.clone() }).await;
    assert_eq!(described.protocol, Some(GroupProtocol::Classic), "after the terminal");

    let watch = client.subscribe(&Watch::group(&topic, &group)).await;
    assert_eq!(client.records(watch, 5).await[0].offset(), 5);
    let described: GroupResult = client.ask(GroupRequest { group: group.clone() }).await;
    assert_eq!(
        (described.protocol, described.members.len()),
        (Some(GroupProtocol::Classic), 1),
        "with the bridge in it"
    );

    // A new group gets the newest protocol.
    let new = unique("new");
    consume(&bridge, &topic, &new, 1).await;
    let described: GroupResult = client.ask(GroupRequest { group: new }).await;
    assert_eq!(described.protocol, Some(GroupProtocol::Consumer));
}

/// A broker that does not respond to requests for a group's protocol.
#[tokio::test]
async fn terminal_joins_no_group_while_its_protocol_is_unknown() {
    let Some((_cluster, proxy)) = Kafka::counted().await else { return };
    let (servers, topic, group) = (proxy.address.clone(), unique("untold"), unique("classic"));
    create_topic(&servers, &topic, 1).await;
    let words = ["produce", "--bootstrap-servers", &servers, "--topic", &topic, "--count", "5", "--interval-ms", "1"];
    assert_eq!(Program::bridge(&words).exit_code().await, 0);
    commit_as_others(&servers, &group, &[(&topic, 1)]).await;
    let words = ["consume", "--bootstrap-servers", &servers, "--topic", &topic, "--group", &group, "--count", "2"];

    // The terminal asks again, and joins once it knows the protocol.
    let before = asked_for_protocol(&proxy);
    proxy.hold(&[DESCRIBE_GROUPS, CONSUMER_GROUP_DESCRIBE]);
    let mut waits = Program::bridge(&words);
    eventually("another question", async || (asked_for_protocol(&proxy) >= before + 2).then_some(())).await;
    assert_eq!(waits.stdout.text(), "", "not joined yet");
    proxy.hold(&[]);
    assert_eq!(waits.exit_code().await, 0);
    assert!(waits.all_output().await.0.contains("messaggio 2"), "from its position");
    assert_eq!(protocol_of(&servers, &group).await, Some(GroupProtocol::Classic));

    // The terminal gives up after a while.
    proxy.hold(&[DESCRIBE_GROUPS, CONSUMER_GROUP_DESCRIBE]);
    let mut gives_up = Program::bridge(&words);
    assert_eq!(gives_up.exit_code_within(Duration::from_secs(60)).await, 1);
    let (out, err) = gives_up.all_output().await;
    assert_eq!(out, "");
    assert!(err.contains(&group) && err.contains("protocol"), "{err}");
    proxy.hold(&[]);
    assert_eq!(protocol_of(&servers, &group).await, Some(GroupProtocol::Classic));
}

fn asked_for_protocol(proxy: &BrokerProxy) -> usize {
    proxy.count(DESCRIBE_GROUPS) + proxy.count(CONSUMER_GROUP_DESCRIBE)
}

async fn protocol_of(servers: &str, group: &str) -> Option<GroupProtocol> {
    let words = ["groups", "describe", "--bootstrap-servers", servers, "--group", group, "--json"];
    let mut program = Program::bridge(&words);
    assert_eq!(program.exit_code().await, 0);
    let (described, _) = program.all_output().await;
    serde_json::from_str::<GroupResult>(&described).unwrap_or_else(|error| panic!("{error}: {described}")).protocol
}
