//! The page does not write to existing topics by accident. On real Kafka; the log is read by kcat.

use protocol::{TopicsRequest, TopicsResult};
use tests::client::messaggi;
use tests::page::View;
use tests::{Bridge, Browser, Kafka, Page, eventually, unique};

use crate::page_states::photograph;

const DIALOG_IS_OPEN: &str = "document.querySelector('[data-testid=confirm-dialog]').open";

/// A topic with this number of records that is not the bridge's default topic.
async fn topic_of_others(kafka: &Kafka, bridge: &Bridge, records: usize) -> String {
    let topic = kafka.topic("payments").await;
    bridge.client().await.write(messaggi(&topic, records)).await;
    topic
}

async fn records_in(bridge: &Bridge, topic: &str) -> usize {
    let judge = bridge.judge().await.expect("a judge, there was one before");
    judge.read(topic).await.len()
}

/// From the topic's view to the live view, as a user goes.
async fn watch_from_topics(browser: &Browser, bridge: &Bridge, topic: &str) -> Page {
    let page = browser.load(&format!("{}?view=topics&name={topic}", bridge.url()), View::default()).await;
    page.click("watch-topic").await;
    page.wait("listen", "data-state", "listening").await;
    page
}

async fn cancel_the_question(page: &Page) {
    page.until("the question", DIALOG_IS_OPEN).await;
    page.click("confirm-cancel").await;
    page.until("no question", &format!("!{DIALOG_IS_OPEN}")).await;
}

const SEND_TEN_IS_DISABLED: &str = "document.querySelector('[data-testid=send-ten]').disabled";
const WHY_NOT: &str = "document.querySelector('#send-why-not').innerText";

#[tokio::test]
async fn first_record_to_an_existing_topic_needs_confirmation_and_send_ten_shows_why_it_is_disabled() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let bridge = Bridge::start().on(&kafka).await;
    let Some(_judge) = bridge.judge().await else { return };
    let topic = topic_of_others(&kafka, &bridge, 3).await;
    let page = watch_from_topics(&browser, &bridge, &topic).await;
    page.wait("feed", "data-received", "3").await;
    // Opened from the topic's view, the page only reads.
    page.wait_for("compose-closed").await;
    assert_eq!(page.number_of("[data-testid=send], [data-testid=send-ten]").await, 0, "no way to send is in sight");
    photograph(&page, "composer-closed").await;

    page.click("compose-open").await;
    page.until("why Send 10 is disabled", &format!("{WHY_NOT}.includes({topic:?}) && {SEND_TEN_IS_DISABLED}")).await;
    photograph(&page, "send-ten-disabled").await;

    // Ctrl+Enter and the button need confirmation, and without it no record is sent.
    page.fill("compose-value", r#"{"n": 1}"#).await;
    page.press("Enter", &["Control"]).await;
    page.until("the question", DIALOG_IS_OPEN).await;
    let title: String = page.eval("document.querySelector('#confirm-dialog-title').innerText").await;
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    assert_eq!(title, format!("Produce to {topic} on {servers}?"));
    photograph(&page, "confirm-to-produce").await;
    cancel_the_question(&page).await;
    page.click("language").await;
    page.click("send").await;
    page.until("the question", DIALOG_IS_OPEN).await;
    photograph(&page, "confirm-to-produce-italian").await;
    cancel_the_question(&page).await;
    assert_eq!(records_in(&bridge, &topic).await, 3, "the question was not answered");

    page.click("send").await;
    page.click("confirm").await;
    page.wait("sent-row", "data-state", "acked").await;
    page.until("Send 10", &format!("!({SEND_TEN_IS_DISABLED})")).await;
    // From now on the topic belongs to this browser, also after a reload.
    page.click("send").await;
    page.wait("feed", "data-received", "5").await;
    page.go(&format!("{}?view=topics&name={topic}", bridge.url())).await;
    page.click("watch-topic").await;
    page.click("send").await;
    page.wait("sent-row", "data-state", "acked").await;
    assert!(!page.eval::<bool>(DIALOG_IS_OPEN).await);
    assert_eq!(records_in(&bridge, &topic).await, 6);
    page.is_clean().await;
}

#[tokio::test]
async fn run_batch_and_replay_need_confirmation_and_the_key_r_only_fills_the_form() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let bridge = Bridge::start().on(&kafka).await;
    let Some(_judge) = bridge.judge().await else { return };
    let topic = topic_of_others(&kafka, &bridge, 2).await;
    let page = watch_from_topics(&browser, &bridge, &topic).await;
    page.click("record").await;
    page.click("replay").await;
    cancel_the_question(&page).await;
    page.eval::<bool>("document.activeElement.blur() ?? true").await;
    page.press("r", &[]).await;
    let value = "document.querySelector('[data-testid=compose-value]')?.value";
    page.until("the record in the form", &format!("{value}?.includes('messaggio') && !{DIALOG_IS_OPEN}")).await;

    page.click("send-run-tab").await;
    page.click("run-start").await;
    page.until("how many", "document.querySelector('[data-testid=confirm-dialog]').innerText.includes('10 records')")
        .await;
    cancel_the_question(&page).await;
    page.click("send-batch-tab").await;
    page.fill("batch-text", "{\"a\": 1}\n{\"a\": 2}\n").await;
    page.click("batch-send").await;
    page.until("how many", "document.querySelector('[data-testid=confirm-dialog]').innerText.includes('2 records')")
        .await;
    cancel_the_question(&page).await;
    assert_eq!(records_in(&bridge, &topic).await, 2, "nobody has confirmed anything");
    assert_eq!(page.number_of("[data-testid=sent-row]").await, 0);
    page.is_clean().await;
}

#[tokio::test]
async fn default_missing_and_empty_topics_need_no_confirmation() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let (default, empty, missing) = (kafka.topic("mine").await, kafka.topic("empty").await, unique("missing"));
    let bridge = Bridge::start().on(&kafka).topic(&default).await;
    bridge.client().await.write(messaggi(&default, 1)).await;
    let page = browser.open(&bridge).await;
    for (sent, topic) in [&default, &empty, &missing].into_iter().enumerate() {
        page.fill("compose-topic", topic).await;
        page.until("Send 10", &format!("!({SEND_TEN_IS_DISABLED})")).await;
        page.click("send").await;
        let acked = "document.querySelectorAll('[data-testid=sent-row][data-state=acked]').length";
        page.until(&format!("a record in {topic}"), &format!("{acked} === {}", sent + 1)).await;
    }
    assert!(!page.eval::<bool>(DIALOG_IS_OPEN).await);
    page.is_clean().await;
}

#[tokio::test]
async fn draft_stays_with_its_topic_across_topics_and_reloads() {
    let (Some(browser), Some(kafka)) = (Browser::start().await, Kafka::current().await) else { return };
    let bridge = Bridge::start().on(&kafka).await;
    let (dlq, orders) = (topic_of_others(&kafka, &bridge, 1).await, topic_of_others(&kafka, &bridge, 1).await);
    let page = watch_from_topics(&browser, &bridge, &dlq).await;
    page.click("record").await;
    page.click("replay-edit").await;
    page.fill("compose-value", r#"{"amount": 1000}"#).await;
    let holds = |topic: &str, holds: bool| {
        format!(
            "document.querySelector('[data-testid=compose-topic]')?.value === {topic:?} && \
             document.querySelector('[data-testid=compose-value]').value.includes('1000') === {holds}"
        )
    };
    page.until("the draft", &holds(&dlq, true)).await;

    for reloads in [false, true] {
        let address = format!("{}?view=topics&name={orders}", bridge.url());
        if reloads {
            page.go(&address).await;
        } else {
            page.click("nav-topics").await;
            page.fill("find-topic", &orders).await;
            page.click_at(&format!("[data-testid=topic-row][data-name='{orders}'] a")).await;
        }
        page.click("watch-topic").await;
        page.click("compose-open").await;
        page.until("another topic's form", &holds(&orders, false)).await;
        assert_eq!(page.number_of("[data-testid=sent-row]").await, 0);
        page.go(&format!("{}?view=topics&name={dlq}", bridge.url())).await;
        page.click("watch-topic").await;
        page.click("compose-open").await;
        page.until("the draft where it was left", &holds(&dlq, true)).await;
    }
    // The user may send the draft to another topic, which is how a dead letter is edited.
    page.fill("compose-topic", &orders).await;
    page.until("the draft under its new topic", &holds(&orders, true)).await;
    page.is_clean().await;
}

#[tokio::test]
async fn topic_without_a_leader_is_not_treated_as_empty() {
    let Some(browser) = Browser::start().await else { return };
    let Some(mut cluster) = Kafka::own_cluster_with(3).await else { return };
    let topic = unique("payments");
    // Its only replica is on the broker that is killed.
    let make = ["--create", "--topic", &topic, "--replica-assignment", "3"];
    let made = cluster.tool("org.apache.kafka.tools.TopicCommand", &make).expect("the tool runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    let bridge = Bridge::start().option("--bootstrap-servers", &cluster.bootstrap_servers()).await;
    bridge.client().await.write(messaggi(&topic, 3)).await;

    cluster.kill_broker(2);
    eventually("no leader", || async {
        let listed: TopicsResult = bridge.client().await.ask(TopicsRequest {}).await;
        listed.topics.iter().any(|listed| listed.name == topic && listed.offline == 1).then_some(())
    })
    .await;
    let page =
        browser.load(&format!("{}?view=topics&name={topic}&tab=partitions", bridge.url()), View::default()).await;
    page.wait_for("partition-row").await;
    let facts = page.text("topic-facts").await;
    assert!(facts.contains("unknown number of records"), "{facts}");
    photograph(&page, "topic-without-a-leader").await;

    page.go(&bridge.url()).await;
    page.wait("connection", "data-state", "open").await;
    page.fill("compose-topic", &topic).await;
    let why = format!("has not sent to {topic}");
    page.until("why Send 10 is disabled", &format!("{WHY_NOT}.includes({why:?}) && {SEND_TEN_IS_DISABLED}")).await;
    page.click("send").await;
    cancel_the_question(&page).await;
    assert_eq!(page.number_of("[data-testid=sent-row]").await, 0);
    page.is_clean().await;
}
