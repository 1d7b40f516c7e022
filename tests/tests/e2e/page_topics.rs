//! Topics in the page: listed, created, changed and deleted, compared with Kafka.

use std::collections::BTreeMap;

use protocol::{CreateTopic, CreateTopicResult, SettingSource, TopicRequest, TopicResult};
use tests::client::messaggi;
use tests::kafka::Mock;
use tests::page::View;
use tests::{Bridge, Browser, Kafka, Page, eventually, unique};

use crate::page::listen;
use crate::page_states::photograph;

async fn describe(bridge: &Bridge, topic: &str) -> TopicResult {
    bridge.client().await.ask(TopicRequest { name: topic.to_owned() }).await
}

pub async fn on_real_kafka() -> Option<(Kafka, Bridge, Browser)> {
    let browser = Browser::start().await?;
    let kafka = Kafka::current().await?;
    let bridge = Bridge::start().on(&kafka).await;
    Some((kafka, bridge, browser))
}

async fn open_topic(browser: &Browser, bridge: &Bridge, topic: &str) -> Page {
    let page = browser.load(&format!("{}?view=topics&name={topic}", bridge.url()), View::default()).await;
    page.wait("freshness", "data-state", "live").await;
    page
}

fn row(topic: &str) -> String {
    format!("document.querySelector('[data-testid=topic-row][data-name=\"{topic}\"]')")
}

pub async fn wait_for_row(page: &Page, selector: &str) {
    page.until(selector, &format!("document.querySelector({selector:?})")).await;
}

/// Types the name into the confirmation dialog and confirms.
async fn confirm(page: &Page, name: &str) {
    page.wait_for("confirm-dialog").await;
    assert!(
        page.eval::<bool>("document.querySelector('[data-testid=confirm]').disabled").await,
        "before the name is typed"
    );
    page.fill("confirm-name", &name[..name.len() - 1]).await;
    assert!(
        page.eval::<bool>("document.querySelector('[data-testid=confirm]').disabled").await,
        "nearly is not enough"
    );
    page.fill("confirm-name", name).await;
    page.click("confirm").await;
    page.until("the dialog to close", "!document.querySelector('[data-testid=confirm-dialog]').open").await;
}

#[tokio::test]
async fn topic_is_created_listed_changed_and_deleted() {
    let Some((_kafka, bridge, browser)) = on_real_kafka().await else { return };
    let topic = unique("made");
    let page = browser.open(&bridge).await;
    page.click("nav-topics").await;
    page.click("create-topic").await;
    page.fill("create-name", &topic).await;
    page.fill("create-partitions", "3").await;
    page.choose("create-cleanup.policy", "compact").await;
    page.fill("create-others", "segment.bytes=1048576").await;
    photograph(&page, "topic-create").await;
    page.click("create-submit").await;

    page.wait("topic-facts", "data-partitions", "3").await;
    assert!(page.eval::<String>("location.search").await.contains(&topic), "the new topic is opened");
    let made = describe(&bridge, &topic).await;
    let setting = |topic: &TopicResult, name: &str| {
        topic
            .settings
            .iter()
            .find(|setting| setting.name == name)
            .map(|s| (s.value.clone().unwrap_or_default(), s.source))
    };
    assert_eq!(made.partitions.len(), 3);
    assert_eq!(setting(&made, "cleanup.policy"), Some(("compact".to_owned(), SettingSource::Topic)));
    assert_eq!(setting(&made, "segment.bytes"), Some(("1048576".to_owned(), SettingSource::Topic)));

    page.click("tab-settings").await;
    page.wait_for("find-setting").await;
    page.fill("find-setting", "retention").await;
    page.click_at("[data-testid=setting-row][data-name='retention.ms'] a").await;
    page.fill("setting-value", "soon").await;
    page.click("setting-save").await;
    page.until(
        "Kafka's own reason",
        "document.querySelector('[data-testid=setting-fault]').innerText.includes('soon')",
    )
    .await;
    page.fill("setting-value", "3600000").await;
    page.click("setting-save").await;
    wait_for_row(
        &page,
        "[data-testid=setting-row][data-name='retention.ms'][data-value='3600000'][data-different=true]",
    )
    .await;
    assert_eq!(setting(&describe(&bridge, &topic).await, "retention.ms").map(|s| s.0).as_deref(), Some("3600000"));
    assert_eq!(
        setting(&describe(&bridge, &topic).await, "segment.bytes").map(|s| s.0).as_deref(),
        Some("1048576"),
        "the others stay"
    );
    photograph(&page, "topic-settings").await;

    page.click_at("[data-testid=setting-row][data-name='retention.ms'] a").await;
    page.click("setting-default").await;
    wait_for_row(&page, "[data-testid=setting-row][data-name='retention.ms'][data-different=false]").await;
    assert_eq!(setting(&describe(&bridge, &topic).await, "retention.ms").map(|s| s.1), Some(SettingSource::Default));

    page.click("tab-partitions").await;
    page.fill("more-partitions", "5").await;
    page.click("add-partitions").await;
    confirm(&page, &topic).await;
    page.wait("topic-facts", "data-partitions", "5").await;

    page.click("delete-topic").await;
    photograph(&page, "topic-delete").await;
    page.press("Escape", &[]).await;
    page.until("the focus back on the button", "document.activeElement.dataset.testid === 'delete-topic'").await;
    page.click("delete-topic").await;
    confirm(&page, &topic).await;
    page.until("the list again", "location.search === '?view=topics'").await;
    page.fill("find-topic", &topic).await;
    page.until("it is gone from the list", &format!("!{}", row(&topic))).await;
    eventually("the topic to be gone", || async {
        let mut client = bridge.client().await;
        let left: protocol::TopicsResult = client.ask(protocol::TopicsRequest {}).await;
        (!left.topics.iter().any(|left| left.name == topic)).then_some(())
    })
    .await;
    page.is_clean().await;
}

#[tokio::test]
async fn refused_topic_requests_are_shown_in_their_form() {
    let Some((kafka, bridge, browser)) = on_real_kafka().await else { return };
    let topic = kafka.topic("taken").await;
    let page = browser.open(&bridge).await;
    page.click("nav-topics").await;
    page.click("create-topic").await;
    page.click("create-submit").await;
    assert_eq!(page.attribute("create-name", "aria-invalid").await.as_deref(), Some("true"));
    page.fill("create-name", &topic).await;
    page.click("create-submit").await;
    page.until(
        "it exists already",
        &format!("document.querySelector('[data-testid=create-fault]').innerText.includes('{topic}')"),
    )
    .await;
    page.fill("create-name", &unique("too-many-copies")).await;
    page.fill("create-replication", "3").await;
    page.click("create-submit").await;
    page.until(
        "one broker cannot keep three copies",
        "/replication factor/i.test(document.querySelector('[data-testid=create-fault]').innerText)",
    )
    .await;

    // Internal topics are shown on request, and cannot be changed.
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 1)).await;
    let page = browser.load(&format!("{}?view=topics&name=__consumer_offsets", bridge.url()), View::default()).await;
    page.until(
        "known or missing",
        "document.querySelector('[data-testid=delete-topic]') || document.querySelector('[data-reason=missing]')",
    )
    .await;
    if page.number_of("[data-testid=delete-topic]").await == 1 {
        assert!(page.eval::<bool>("document.querySelector('[data-testid=delete-topic]').disabled").await);
        assert!(!page.text("why-not").await.is_empty());
    }
    page.is_clean().await;
}

#[tokio::test]
async fn record_count_follows_writes_and_is_zero_after_emptying() {
    let Some((kafka, bridge, browser)) = on_real_kafka().await else { return };
    let topic = kafka.topic_with("counted", 2).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 5)).await;
    let page = open_topic(&browser, &bridge, &topic).await;
    page.wait("topic-facts", "data-records", "5").await;
    client.write(messaggi(&topic, 7)).await;
    page.wait("topic-facts", "data-records", "12").await;
    page.wait_for("chart-written").await;
    photograph(&page, "topic").await;

    page.click("nav-topics").await;
    page.fill("find-topic", &topic).await;
    page.until("12 in the list", &format!("{}?.dataset.records === '12'", row(&topic))).await;
    client.write(messaggi(&topic, 3)).await;
    page.until("15 in the list", &format!("{}?.dataset.records === '15'", row(&topic))).await;

    page.click_at(&format!("[data-testid=topic-row][data-name='{topic}'] a")).await;
    page.click("empty-topic").await;
    confirm(&page, &topic).await;
    page.wait("topic-facts", "data-records", "0").await;
    let emptied = describe(&bridge, &topic).await;
    assert!(emptied.partitions.iter().all(|partition| partition.low == partition.high), "{emptied:?}");
    page.is_clean().await;
}

#[tokio::test]
async fn address_opens_the_same_view_and_back_returns() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("address");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let live: String = page.eval("location.search").await;
    page.click("nav-topics").await;
    page.until("the row", &row(&topic)).await;
    assert_eq!(page.attribute("nav-topics", "aria-current").await.as_deref(), Some("page"));
    page.until("the focus on the title", "document.activeElement.id === 'view-title'").await;
    page.fill("find-topic", "ADDRESS").await;
    page.until("the search in the address", "location.search.includes('find=ADDRESS')").await;
    page.click_at(&format!("[data-testid=topic-row][data-name='{topic}'] a")).await;
    page.wait_for("topic-facts").await;
    page.until("its title", &format!("document.title.startsWith('{topic}')")).await;

    page.eval::<bool>("(history.back(), true)").await;
    page.wait_for("topics").await;
    assert_eq!(page.eval::<String>("document.querySelector('[data-testid=find-topic]').value").await, "ADDRESS");
    page.eval::<bool>("(history.back(), true)").await;
    page.wait_for("feed").await;
    assert_eq!(page.eval::<String>("location.search").await, live, "the live view's own address");
    page.wait("listen", "data-state", "listening").await;
    page.eval::<bool>("(history.forward(), true)").await;
    page.wait_for("topics").await;

    page.reload().await;
    page.until("the same view again", &row(&topic)).await;
    assert_eq!(page.eval::<String>("document.querySelector('[data-testid=find-topic]').value").await, "ADDRESS");
    page.is_clean().await;
}

#[tokio::test]
async fn live_view_receives_while_another_view_is_shown() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("behind");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.click("nav-cluster").await;
    page.wait_for("brokers").await;
    bridge.client().await.write(messaggi(&topic, 50)).await;
    page.wait("feed", "data-received", "50").await;
    assert_eq!(page.number_of("[data-testid=record]").await, 0, "what nobody sees is not drawn");
    page.click("nav-live").await;
    page.until(
        "the newest",
        "document.querySelector('[data-testid=record][data-offset=\"49\"]')?.getClientRects().length",
    )
    .await;
    page.is_clean().await;
}

#[tokio::test]
async fn record_links_to_its_topic_and_partition() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("record");
    let bridge = Bridge::start().demo().topic(&topic).await;
    bridge.client().await.write(messaggi(&topic, 3)).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.click_at("[data-testid=record][data-offset='1']").await;
    page.click("detail-partition").await;
    page.wait_for("topic-facts").await;
    wait_for_row(&page, "[data-testid=partition-row][data-partition='0'].marked").await;
    page.eval::<bool>("(history.back(), true)").await;
    page.wait_for("detail").await;
    page.click("detail-topic").await;
    page.wait("topic-facts", "data-records", "3").await;
    page.click("watch-topic").await;
    page.wait("listen", "data-state", "listening").await;
    page.wait("mode", "data-value", "watch").await;
    page.wait("feed", "data-received", "3").await;
    page.is_clean().await;
}

#[tokio::test]
async fn demo_broker_disables_topic_changes_and_shows_why() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = Bridge::start().demo().topic(&unique("demo")).await;
    let page = browser.open(&bridge).await;
    page.click("nav-topics").await;
    page.click("create-topic").await;
    let made = unique("made");
    page.fill("create-name", &made).await;
    page.fill("create-partitions", "2").await;
    assert!(page.eval::<bool>("document.querySelector('[data-testid=create-replication]').disabled").await);
    page.click("create-submit").await;
    page.wait("topic-facts", "data-partitions", "2").await;
    page.click("tab-partitions").await;
    page.wait_for("more-partitions").await;
    for control in ["delete-topic", "empty-topic", "more-partitions"] {
        let is_disabled: bool = page.eval(&format!("document.querySelector('[data-testid={control}]').disabled")).await;
        assert!(is_disabled, "{control}");
    }
    assert!(page.text("why-not").await.contains("demo broker"), "{}", page.text("why-not").await);
    photograph(&page, "topic-demo").await;
    page.click("tab-settings").await;
    page.wait("instead", "data-reason", "demo").await;
    page.is_clean().await;
}

#[tokio::test]
async fn read_only_bridge_disables_topic_changes_and_shows_why() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("kept");
    let bridge = Bridge::start().demo().topic(&topic).flag("--read-only").await;
    let page = browser.open_as(&bridge, View::default().italian()).await;
    page.wait_for("read-only").await;
    page.click("nav-topics").await;
    page.until("the row", &row(&topic)).await;
    assert!(page.eval::<bool>("document.querySelector('[data-testid=create-topic]').disabled").await);
    assert_eq!(page.attribute("create-topic", "title").await.as_deref(), Some("Questo cluster è di sola lettura"));
    page.click_at(&format!("[data-testid=topic-row][data-name='{topic}'] a")).await;
    page.wait_for("topic-facts").await;
    assert!(page.eval::<bool>("document.querySelector('[data-testid=delete-topic]').disabled").await);
    assert!(page.text("why-not").await.contains("sola lettura"));
    photograph(&page, "topic-read-only").await;
    page.is_clean().await;
}

#[tokio::test]
async fn topic_list_is_marked_as_lost_until_the_bridge_is_back() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("again");
    let mut bridge = Bridge::start().demo().topic(&topic).await;
    let mut page = browser.open(&bridge).await;
    page.expect_lost_bridge().await;
    page.forgive("ERR_CONNECTION_REFUSED");
    page.click("nav-topics").await;
    page.until("the row", &row(&topic)).await;
    bridge.kill().await;
    page.wait("freshness", "data-state", "lost").await;
    assert_eq!(
        page.number_of(&format!("[data-testid=topic-row][data-name='{topic}']")).await,
        1,
        "what was known stays"
    );
    photograph(&page, "topics-bridge-gone").await;
    bridge.start_again().await;
    page.wait("freshness", "data-state", "live").await;
    page.is_clean().await;
}

#[tokio::test]
async fn topic_list_is_marked_as_stale_until_kafka_is_back() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("stale");
    let mock = Mock::start().with_topic(&topic, 2);
    let bridge = Bridge::start().option("--bootstrap-servers", &mock.bootstrap_servers()).await;
    let page = browser.open(&bridge).await;
    page.click("nav-topics").await;
    page.until("the row", &row(&topic)).await;
    mock.down();
    page.wait("freshness", "data-state", "stale").await;
    assert_eq!(
        page.number_of(&format!("[data-testid=topic-row][data-name='{topic}']")).await,
        1,
        "what was known stays"
    );
    assert!(page.eval::<bool>("document.querySelector('[data-testid=create-topic]').disabled").await);
    photograph(&page, "topics-kafka-down").await;
    mock.up();
    page.wait("freshness", "data-state", "live").await;
    page.is_clean().await;
}

#[tokio::test]
async fn of_a_thousand_partitions_only_the_visible_rows_are_in_the_document() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("wide");
    let bridge = Bridge::start().demo().topic(&unique("first")).await;
    let new = CreateTopic { name: topic.clone(), partitions: Some(1000), replication: None, config: BTreeMap::new() };
    let _: CreateTopicResult = bridge.client().await.ask(new).await;
    let page = open_topic(&browser, &bridge, &format!("{topic}&partition=777")).await;
    wait_for_row(&page, "[data-testid=partition-row][data-partition='777'].marked").await;
    assert_eq!(page.attribute("partitions", "aria-rowcount").await.as_deref(), Some("1001"));
    let rows = page.number_of("[data-testid=partition-row]").await;
    assert!(rows < 100, "only what is in sight is in the document: {rows} rows");
    page.click("sort-partition").await;
    page.until("partitions in descending order", "document.querySelector('[aria-sort=descending]')").await;
    page.is_clean().await;
}

/// How long the list takes to appear is measured by `cargo xtask bench`, row B16.
#[tokio::test]
async fn of_five_thousand_topics_only_the_visible_rows_are_in_the_document() {
    const TOPICS: usize = 5000;
    let Some(browser) = Browser::start().await else { return };
    // With names of this length the list comes in several frames.
    let suffix = "with-a-name-as-long-as-they-come-in-larger-companies.".repeat(3);
    let name = |number| format!("orders-{number:04}.{suffix}");
    let kafka = Mock::start();
    kafka.make_topics((0..TOPICS).map(name)).await;
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let page = browser.open(&bridge).await;
    page.click("nav-topics").await;
    page.wait_for("topic-row").await;
    let rows = page.number_of("[data-testid=topic-row]").await;
    assert!(rows > 10 && rows < 100, "only what is in sight is in the document: {rows} rows");
    assert_eq!(page.attribute("topics", "aria-rowcount").await.as_deref(), Some("5001"));

    page.fill("find-topic", "4321").await;
    page.until("one topic", "document.querySelector('[data-testid=topics]').ariaRowCount === '2'").await;
    page.fill("find-topic", "").await;
    page.eval::<bool>(
        "(e => { e.scrollTop = e.scrollHeight; return true })(document.querySelector('[data-testid=topics]'))",
    )
    .await;
    page.until("the last", &row(&name(4999))).await;
    photograph(&page, "topics-many").await;
    page.is_clean().await;
}
