//! The page and existing consumer groups: it browses without a group by default, reads from a group's committed offsets without
//! moving them, and joins a group only after its name was typed. On real Kafka.

use std::collections::BTreeMap;

use protocol::{GroupProtocol, GroupRequest, GroupResult};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tests::client::messaggi;
use tests::kafka::{client_config, committed};
use tests::page::View;
use tests::{Bridge, Browser, Kafka, Page, eventually, unique};

use crate::page::stop_listening;
use crate::page_states::photograph;

/// Commits offsets as another program with the classic protocol.
pub async fn commit_as_others(servers: &str, group: &str, positions: &[(&str, i64)]) {
    let mut config = client_config(servers);
    config.set("group.id", group).set("enable.auto.commit", "false");
    let mut list = TopicPartitionList::new();
    for (topic, offset) in positions {
        list.add_partition_offset(topic, 0, Offset::Offset(*offset)).expect("an offset");
    }
    let commit = move || {
        let consumer: BaseConsumer = config.create().expect("a consumer");
        consumer.commit(&list, CommitMode::Sync)
    };
    tokio::task::spawn_blocking(commit).await.expect("no panic").expect("committed positions");
}

struct Ledger {
    bridge: Bridge,
    servers: String,
    group: String,
    payments: String,
    refunds: String,
}

impl Ledger {
    /// A classic group without members: offset 4 of 10 in one topic, 2 of 5 in another.
    async fn on(kafka: &Kafka) -> Self {
        let bridge = Bridge::start().on(kafka).await;
        let (payments, refunds, group) =
            (kafka.topic("payments").await, kafka.topic("refunds").await, unique("payments-ledger"));
        let mut client = bridge.client().await;
        client.write(messaggi(&payments, 10)).await;
        client.write(messaggi(&refunds, 5)).await;
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        commit_as_others(&servers, &group, &[(&payments, 4), (&refunds, 2)]).await;
        Self { bridge, servers, group, payments, refunds }
    }

    async fn open(&self, browser: &Browser) -> Page {
        let address = format!("{}?view=groups&name={}", self.bridge.url(), self.group);
        let page = browser.load(&address, View::default()).await;
        page.wait("freshness", "data-state", "live").await;
        page.wait("group-view", "data-lag", "9").await;
        page
    }

    async fn committed(&self) -> [BTreeMap<i32, i64>; 2] {
        let of = |topic| committed(&self.servers, &self.group, topic);
        [of(&self.payments).await, of(&self.refunds).await]
    }

    async fn described(&self) -> GroupResult {
        self.bridge.client().await.ask(GroupRequest { group: self.group.clone() }).await
    }
}

#[tokio::test]
async fn group_is_browsed_from_its_committed_offsets_without_moving_them() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let ledger = Ledger::on(&kafka).await;
    let page = ledger.open(&browser).await;
    photograph(&page, "group-to-browse").await;
    page.click("group-browse").await;
    page.wait("listen", "data-state", "listening").await;
    page.wait("feed", "data-received", "9").await;
    page.until("no group", "document.querySelector('[data-testid=mode]').dataset.value === 'watch'").await;
    photograph(&page, "browsing-from-committed-offsets").await;
    let described = ledger.described().await;
    assert_eq!((described.members.len(), described.protocol), (0, Some(GroupProtocol::Classic)));

    // The address restores the view.
    page.reload().await;
    page.wait("feed", "data-received", "9").await;
    stop_listening(&page).await;
    assert_eq!(ledger.committed().await, [[(0, 4)].into(), [(0, 2)].into()]);
    page.is_clean().await;
}

#[tokio::test]
async fn existing_group_is_joined_after_its_name_was_typed_with_its_protocol_and_topics() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let ledger = Ledger::on(&kafka).await;
    let page = ledger.open(&browser).await;
    page.click("group-live").await;
    // The form names one topic of the group, and its other topic is read as well.
    page.fill("topic", &ledger.payments).await;
    page.click("listen").await;
    page.wait_for("confirm-name").await;
    let said = page.text("confirm-dialog").await;
    for expected in ["2 topics", "2 partitions", "classic", &ledger.payments, &ledger.refunds] {
        assert!(said.contains(expected), "{expected:?} in {said}");
    }
    assert!(page.eval::<bool>("document.querySelector('[data-testid=confirm]').disabled").await);
    photograph(&page, "join-a-group").await;
    page.click("confirm-cancel").await;
    page.wait("listen", "data-state", "idle").await;
    assert_eq!(ledger.described().await.members.len(), 0);

    page.click("listen").await;
    page.fill("confirm-name", &ledger.group).await;
    page.click("confirm").await;
    page.wait("feed", "data-received", "9").await;
    let described = ledger.described().await;
    assert_eq!((described.members.len(), described.protocol), (1, Some(GroupProtocol::Classic)));
    let all = [[(0, 10)].into(), [(0, 5)].into()];
    eventually("all committed", || async { (ledger.committed().await == all).then_some(()) }).await;
    stop_listening(&page).await;

    // From now on the group belongs to this browser and needs no confirmation.
    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    page.click("listen").await;
    page.wait("listen", "data-state", "listening").await;
    page.is_clean().await;
}

#[tokio::test]
async fn existing_topic_is_browsed_without_a_group_unless_the_user_chooses_one() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let (mine, payments) = (kafka.topic("mine").await, kafka.topic("payments").await);
    let (group, other) = (unique("group"), unique("other"));
    let bridge = Bridge::start().on(&kafka).topic(&mine).option("--group", &group).await;
    let page = browser.open(&bridge).await;
    let mode = |mode: &str| format!("document.querySelector('[data-testid=mode]').dataset.value === '{mode}'");
    page.until("no group on the bridge's topic, which others may use", &mode("watch")).await;
    page.fill("topic", "foobar").await;
    page.until("the tutorial's way on the tutorial's topic", &mode("group")).await;
    page.fill("topic", &payments).await;
    page.until("no group on another one", &mode("watch")).await;
    page.click("listen").await;
    page.wait("listen", "data-state", "listening").await;
    assert_eq!(committed(&kafka.bootstrap_servers().expect("an address"), &group, &payments).await, BTreeMap::new());
    stop_listening(&page).await;

    // A new group needs no confirmation.
    page.click("mode-group").await;
    page.fill("group", &other).await;
    page.click("listen").await;
    page.wait("listen", "data-state", "listening").await;
    page.is_clean().await;
}

#[tokio::test]
async fn default_group_in_use_is_joined_after_its_name_was_typed() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let ledger = Ledger::on(&kafka).await;
    let Ledger { payments, group, .. } = &ledger;
    let bridge = Bridge::start().on(&kafka).topic(payments).option("--group", group).await;
    let page = browser.open(&bridge).await;
    page.until(
        "no group without a choice of the user",
        "document.querySelector('[data-testid=mode]').dataset.value === 'watch'",
    )
    .await;
    page.click("mode-group").await;
    page.click("listen").await;
    page.wait_for("confirm-name").await;
    assert!(page.eval::<bool>("document.querySelector('[data-testid=confirm]').disabled").await);
    page.click("confirm-cancel").await;
    page.wait("listen", "data-state", "idle").await;
    assert_eq!(ledger.described().await.members.len(), 0);
    assert_eq!(ledger.committed().await, [[(0, 4)].into(), [(0, 2)].into()]);

    page.click("listen").await;
    page.fill("confirm-name", group).await;
    page.click("confirm").await;
    page.wait("feed", "data-received", "9").await;
    page.is_clean().await;
}
