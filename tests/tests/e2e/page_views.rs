//! All views except the live one: Back restores the scroll position, and hidden views are not drawn.

use std::collections::BTreeMap;

use protocol::{
    CreateTopic, CreateTopicResult, PlanOffsetReset, PlanOffsetResetResult, ResetOffsets, ResetOffsetsResult,
    ResetTarget,
};
use tests::client::messaggi;
use tests::page::View;
use tests::{Bridge, Browser, Page, unique};

use crate::page::listen;
use crate::page_groups::consume;
use crate::page_list::NOTE_CHANGES;
use crate::page_topics::on_real_kafka;

/// Scrolls the list, opens a visible row, and goes back: the scroll position is restored. A link to the list starts at the top.
async fn leave_and_come_back(page: &Page, table: &str, row: &str, inside: &str) {
    const TOP_PX: u32 = 600;
    let list = format!("document.querySelector('[data-testid={table}]')");
    // Two frames: the first tells the page that it was scrolled.
    let scroll = format!(
        "new Promise(done => {{ {list}.scrollTop = {TOP_PX}; \
         requestAnimationFrame(() => requestAnimationFrame(() => done(true))) }})"
    );
    page.eval::<bool>(&scroll).await;
    let in_sight = format!(
        "[...document.querySelectorAll('[data-testid={row}] a')].find(link => \
         link.getBoundingClientRect().top > {list}.getBoundingClientRect().top + 100)"
    );
    let opened: String = page.eval(&format!("(link => (link.click(), link.innerText))({in_sight})")).await;
    page.wait_for(inside).await;
    page.eval::<bool>("(history.back(), true)").await;
    page.until("the place", &format!("{list}?.scrollTop === {TOP_PX}")).await;
    page.until("the row", &format!("{in_sight}?.innerText === {opened:?}")).await;
    // Forward, and back again.
    page.eval::<bool>("(history.forward(), true)").await;
    page.wait_for(inside).await;
    page.eval::<bool>("(history.back(), true)").await;
    page.until("the place again", &format!("{list}?.scrollTop === {TOP_PX}")).await;

    page.click("nav-cluster").await;
    page.wait_for("brokers").await;
    page.click(&format!("nav-{table}")).await;
    page.until("the top", &format!("document.querySelector('[data-testid={row}]') && {list}.scrollTop === 0")).await;
}

#[tokio::test]
async fn back_restores_the_scroll_position_of_the_topic_list() {
    const TOPICS: usize = 100;
    let Some(browser) = Browser::start().await else { return };
    let bridge = Bridge::start().demo().topic(&unique("first")).await;
    let mut client = bridge.client().await;
    for number in 0..TOPICS {
        let name = format!("orders-{number:03}");
        let new = CreateTopic { name, partitions: Some(1), replication: None, config: BTreeMap::new() };
        let _: CreateTopicResult = client.ask(new).await;
    }
    let page = browser.open(&bridge).await;
    page.click("nav-topics").await;
    page.until("all", "document.querySelector('[data-testid=topics]')?.ariaRowCount === '102'").await;
    leave_and_come_back(&page, "topics", "topic-row", "topic-facts").await;
    page.is_clean().await;
}

#[tokio::test]
async fn back_restores_the_scroll_position_of_the_group_list() {
    const GROUPS: usize = 60;
    let Some((kafka, bridge, browser)) = on_real_kafka().await else { return };
    let (topic, prefix) = (kafka.topic("many").await, unique("among-many"));
    let mut client = bridge.client().await;
    // The cluster's first group waits until Kafka has created an internal topic; the others do not.
    client.write(messaggi(&topic, 1)).await;
    consume(&bridge, &topic, &unique("first"), 1).await;
    for number in 0..GROUPS {
        let earliest = PlanOffsetReset {
            group: format!("{prefix}-{number:02}"),
            topics: vec![topic.clone()],
            partitions: Vec::new(),
            to: ResetTarget::Earliest,
        };
        let PlanOffsetResetResult { plan, .. } = client.ask(earliest).await;
        let _: ResetOffsetsResult = client.ask(ResetOffsets { plan }).await;
    }
    let page = browser.load(&format!("{}?view=groups&find={prefix}", bridge.url()), View::default()).await;
    page.wait("groups-view", "data-found", &GROUPS.to_string()).await;
    leave_and_come_back(&page, "groups", "group-row", "group-view").await;
    page.is_clean().await;
}

#[tokio::test]
async fn hidden_tab_draws_no_view_and_is_current_when_shown() {
    let Some((kafka, bridge, browser)) = on_real_kafka().await else { return };
    let (topic, group) = (kafka.topic("unseen").await, unique("unseen"));
    bridge.client().await.write(messaggi(&topic, 1)).await;
    consume(&bridge, &topic, &group, 1).await;
    for (query, pushed, shown, counts) in [
        (format!("view=topics&find={topic}"), "topics_changed", "topic-row", "data-records"),
        (format!("view=topics&name={topic}"), "topic_changed", "topic-facts", "data-records"),
        (format!("view=groups&find={group}"), "groups_changed", "group-row", "data-lag"),
        (format!("view=groups&name={group}"), "group_changed", "group-view", "data-lag"),
    ] {
        let page = browser.load(&format!("{}?{query}", bridge.url()), View::default()).await;
        page.wait("freshness", "data-state", "live").await;
        page.until(
            "what it counts",
            &format!("document.querySelector('[data-testid={shown}]')?.getAttribute('{counts}')"),
        )
        .await;
        // The messages of a topic are loaded once, and the timeline after them.
        let loaded = "(search => !search || (search.dataset.state === 'done' && \
                      document.querySelector('[data-testid=timeline]')?.dataset.state === 'shown')) \
                      (document.querySelector('[data-testid=search]'))";
        page.until("what it loads", loaded).await;
        let before = page.count(shown, counts).await;
        page.eval::<bool>(&note_pushes(pushed)).await;
        page.hide().await;
        page.until("a hidden tab", "document.hidden").await;
        page.eval::<bool>(NOTE_CHANGES).await;
        for _ in 0..2 {
            page.eval::<bool>("(window.__pushes = 0, true)").await;
            bridge.client().await.write(messaggi(&topic, 5)).await;
            page.until("news", "window.__pushes > 0").await;
        }
        let changes: Vec<String> = page.eval("window.__changes").await;
        assert!(changes.is_empty(), "{query}: nothing is drawn that nobody sees: {changes:#?}");
        page.show().await;
        page.wait(shown, counts, &(before + 10).to_string()).await;
        page.is_clean().await;
    }
}

/// Counts the pushes of this kind that the page reads.
fn note_pushes(kind: &str) -> String {
    format!(
        "(() => {{ const data = Object.getOwnPropertyDescriptor(MessageEvent.prototype, 'data'); window.__pushes = 0;
         Object.defineProperty(MessageEvent.prototype, 'data', {{ configurable: true, get() {{
             const text = data.get.call(this);
             if (typeof text === 'string' && text.startsWith('{{\"type\":\"{kind}\"')) window.__pushes += 1;
             return text }} }}); return true }})()"
    )
}

/// Lets the page load no part besides the main file until `window.__blocked` is false.
const BLOCK_PARTS: &str = "window.__blocked = true; const load = window.fetch; \
     window.fetch = (url, ...rest) => window.__blocked && /(split_|chunk_)/.test(url) \
     ? Promise.reject(new TypeError('blocked by the test')) : load(url, ...rest);";

#[tokio::test]
async fn part_that_did_not_load_says_so_and_is_loaded_on_request() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("parts");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut page = browser.open(&bridge).await;
    page.forgive("blocked by the test");
    page.prepare(BLOCK_PARTS).await;
    page.reload().await;
    // The live view needs no other part.
    page.wait("connection", "data-state", "open").await;
    listen(&page).await;
    page.click("send").await;
    page.wait("sent-row", "data-seen", "true").await;

    page.click("nav-topics").await;
    page.wait("instead", "data-reason", "code").await;
    page.screenshot("part-not-loaded").await;
    page.click_at("[data-testid=instead] [data-testid=load-again]").await;
    page.wait("instead", "data-reason", "code").await;
    page.eval::<bool>("(window.__blocked = false, true)").await;
    page.click_at("[data-testid=instead] [data-testid=load-again]").await;
    page.until("the topic", &format!("document.querySelector('[data-testid=topics]')?.innerText.includes({topic:?})"))
        .await;
    page.is_clean().await;
}

#[tokio::test]
async fn missing_texts_of_the_language_are_reported_and_loaded_on_request() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = Bridge::start().demo().topic(&unique("texts")).await;
    let mut page = browser.open_as(&bridge, View::default().italian()).await;
    page.forgive("blocked by the test");
    page.wait("language", "data-value", "it").await;
    page.prepare(BLOCK_PARTS).await;
    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    page.wait("language", "data-value", "en").await;
    page.wait_for("toast").await;
    assert!(page.text("toast").await.contains("did not load"));
    page.eval::<bool>("(window.__blocked = false, true)").await;
    page.click("language").await;
    page.wait("language", "data-value", "it").await;
    page.is_clean().await;
}

#[tokio::test]
async fn all_parts_are_loaded_while_the_page_is_idle() {
    let Some(browser) = Browser::start().await else { return };
    let mut bridge = Bridge::start().demo().topic(&unique("idle")).await;
    let mut page = browser.open(&bridge).await;
    page.expect_lost_bridge().await;
    bridge.ctrl_c();
    assert_eq!(bridge.exit_code().await, 0);
    page.wait("connection", "data-state", "waiting").await;
    // Views open without the bridge.
    page.click("nav-topics").await;
    page.wait("instead", "data-reason", "offline").await;
    page.is_clean().await;
}
