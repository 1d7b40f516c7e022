//! A consumer group keeps the protocol that it has, whoever joins it.

use protocol::{GroupProtocol, GroupRequest, GroupResult};
use tests::client::messaggi;
use tests::{Bridge, Kafka, Watch, unique};

use crate::page_groups::consume;
use crate::page_joining::commit_as_others;

#[tokio::test]
async fn a_classic_group_stays_classic_when_the_terminal_and_the_bridge_join_it() {
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

    // A group that is new has the newest protocol.
    let new = unique("new");
    consume(&bridge, &topic, &new, 1).await;
    let described: GroupResult = client.ask(GroupRequest { group: new }).await;
    assert_eq!(described.protocol, Some(GroupProtocol::Consumer));
}
