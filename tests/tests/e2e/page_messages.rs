//! A topic's messages in the page: the newest first, older ones page by page, and those that a search finds.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::{CreateTopic, CreateTopicResult, ProduceRecord};
use tests::client::{messaggi, messaggio};
use tests::page::View;
use tests::{Bridge, Browser, Kafka, Page, unique};

use crate::page_states::photograph;

/// The offsets of the shown rows, from the top.
const OFFSETS: &str = "[...document.querySelectorAll('[data-testid=found] [data-testid=record]')]\
     .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map(row => Number(row.dataset.offset))";

/// A bridge with a topic of one partition that has `count` records: `{"id": 0, "text": "messaggio 0"}`, …
async fn with_messages(count: usize) -> (Bridge, String) {
    let topic = unique("messages");
    let bridge = Bridge::start().demo().topic(&unique("other")).await;
    let mut client = bridge.client().await;
    let new = CreateTopic { name: topic.clone(), partitions: Some(1), replication: None, config: BTreeMap::new() };
    let _: CreateTopicResult = client.ask(new).await;
    if count > 0 {
        client.write(messaggi(&topic, count)).await;
    }
    (bridge, topic)
}

/// A bridge to real Kafka with a topic of one partition that has 100 of these records, a second apart, and the time of the first
/// record, an even second; `None` after a skip.
async fn with_timed_messages() -> Option<(Bridge, String, i64)> {
    let kafka = Kafka::current().await?;
    // Kafka deletes records that are older than a week.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let start = (i64::try_from(now).expect("a time") - 3_600_000) / 2000 * 2000;
    let topic = kafka.topic_with("timeline-page", 1).await;
    let bridge = Bridge::start().on(&kafka).await;
    let record = |index: usize| {
        let after = i64::try_from(index).expect("small") * 1000;
        ProduceRecord { timestamp: Some(start + after), ..messaggio(&topic, index) }
    };
    bridge.client().await.write((0..100).map(record).collect()).await;
    Some((bridge, topic, start))
}

/// Drags over the timeline between two shares of its width.
async fn drag_over_timeline(page: &Page, from: f64, to: f64) {
    let events = format!(
        "(bars => {{ const box = bars.getBoundingClientRect(); \
         const send = (type, share) => bars.dispatchEvent(new PointerEvent(type, {{bubbles: true, cancelable: true, \
         pointerId: 1, button: 0, clientX: box.left + share * box.width, clientY: box.top + 5}})); \
         send('pointerdown', {from}); send('pointermove', ({from} + {to}) / 2); send('pointermove', {to}); \
         return send('pointerup', {to}); }})(document.querySelector('[data-testid=timeline-bars]'))"
    );
    page.eval::<bool>(&events).await;
}

async fn open(browser: &Browser, bridge: &Bridge, topic: &str, parameters: &str) -> Page {
    let page = browser.load(&format!("{}?view=topics&name={topic}{parameters}", bridge.url()), View::default()).await;
    page.wait_for("search").await;
    page
}

/// Waits until the search has found this many records and has ended.
async fn found(page: &Page, count: usize) {
    page.wait("search", "data-matches", &count.to_string()).await;
    page.wait("search", "data-state", "done").await;
}

async fn first_row_is(page: &Page, offset: usize) {
    page.until(&format!("offset {offset} in the first row"), &format!("({OFFSETS})[0] === {offset}")).await;
}

#[tokio::test]
async fn opened_topic_shows_its_newest_records_and_then_older_ones() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(120).await;
    let page = open(&browser, &bridge, &topic, "").await;
    page.wait("messages", "aria-current", "true").await;
    page.wait("order", "data-value", "newest").await;
    found(&page, 50).await;
    first_row_is(&page, 119).await;
    let offsets: Vec<u64> = page.eval(OFFSETS).await;
    assert!(offsets.windows(2).all(|pair| pair[0] == pair[1] + 1), "{offsets:?}");
    page.click("older").await;
    found(&page, 100).await;
    page.click("older").await;
    found(&page, 120).await;
    page.until("nothing older", "!document.querySelector('[data-testid=older]')").await;
    first_row_is(&page, 119).await;

    page.click("order-oldest").await;
    page.wait("order", "data-value", "oldest").await;
    found(&page, 50).await;
    first_row_is(&page, 0).await;
    photograph(&page, "messages").await;
    page.is_clean().await;
}

#[tokio::test]
async fn empty_topic_says_that_the_range_has_no_records() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(0).await;
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 0).await;
    page.wait("instead", "data-reason", "empty").await;
    photograph(&page, "messages-empty").await;
    page.is_clean().await;
}

#[tokio::test]
async fn expression_finds_records_and_an_invalid_one_is_explained() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(120).await;
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 50).await;
    page.fill("search-expression", "value.id >= 7 && value.id < 20").await;
    page.press("Enter", &[]).await;
    found(&page, 13).await;
    first_row_is(&page, 19).await;
    page.wait("search", "data-scanned", "120").await;
    page.wait("search", "data-total", "120").await;

    page.fill("search-expression", "value.id >=").await;
    page.click("search-run").await;
    page.wait("search", "data-state", "stopped").await;
    page.until("the reason", "document.querySelector('[data-testid=search-fault]').innerText.length > 5").await;
    assert_eq!(page.attribute("search-expression", "aria-invalid").await.as_deref(), Some("true"));
    page.wait_for("search-fault-at").await;
    photograph(&page, "messages-invalid-expression").await;

    page.choose("search-mode", "text").await;
    page.fill("search-expression", "MESSAGGIO 11").await;
    page.click("search-run").await;
    found(&page, 11).await;
    page.until("a marked match", "document.querySelector('[data-testid=found] .mark')").await;
    page.fill("search-expression", "no such text").await;
    page.click("search-run").await;
    found(&page, 0).await;
    page.wait("instead", "data-reason", "none").await;
    page.is_clean().await;
}

/// A fast bridge may be done before the click; a stopped search continues without losing a match.
#[tokio::test]
async fn stopped_search_goes_on_where_it_was_stopped() {
    // The demo broker keeps 5 MiB of a partition.
    const RECORDS: usize = 80_000;
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(0).await;
    let mut client = bridge.client().await;
    let records = messaggi(&topic, RECORDS);
    for chunk in records.chunks(10_000) {
        client.write(chunk.to_vec()).await;
    }
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 50).await;
    page.fill("search-expression", "value.id % 1000 == 7").await;
    page.click("search-run").await;
    page.click("search-run").await;
    let ended = "['done', 'stopped'].includes(document.querySelector('[data-testid=search]').dataset.state)";
    page.until("the end of the search", ended).await;
    while page.number_of("[data-testid=older]").await > 0 {
        page.click("older").await;
        page.until("the end of the search", ended).await;
    }
    found(&page, RECORDS / 1000).await;
    first_row_is(&page, RECORDS - 1000 + 7).await;
    page.is_clean().await;
}

#[tokio::test]
async fn link_opens_the_same_search() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(60).await;
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 50).await;
    page.click("order-oldest").await;
    page.choose("isolation", "uncommitted").await;
    page.choose("range", "custom").await;
    page.choose("from-kind", "offset").await;
    page.fill("from", "10").await;
    page.press("Tab", &[]).await;
    page.fill("search-partitions", "0").await;
    page.press("Tab", &[]).await;
    page.fill("search-expression", "value.id % 10 == 3").await;
    page.click("search-run").await;
    found(&page, 5).await;
    first_row_is(&page, 13).await;
    page.click("copy-link").await;
    let link: String = page.eval("location.href").await;
    for part in ["order=oldest", "isolation=uncommitted", "from=offset", "partitions=0", "where="] {
        assert!(link.contains(part), "{link} has no {part}");
    }

    let other = browser.load(&link, View::default()).await;
    found(&other, 5).await;
    first_row_is(&other, 13).await;
    let shown: Vec<String> = other
        .eval(
            "['range', 'from-kind', 'from', 'search-partitions', 'isolation', 'search-mode', 'search-expression']\
               .map(id => document.querySelector(`[data-testid=${id}]`).value)",
        )
        .await;
    assert_eq!(shown, ["custom", "offset", "10", "0", "uncommitted", "where", "value.id % 10 == 3"]);
    other.wait("order", "data-value", "oldest").await;
    other.is_clean().await;

    // The tab's own link opens the messages without a search.
    page.click("messages").await;
    found(&page, 50).await;
    first_row_is(&page, 59).await;
    page.wait("order", "data-value", "newest").await;
    page.is_clean().await;
}

#[tokio::test]
async fn field_of_an_opened_record_becomes_a_column_and_a_filter() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(60).await;
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 50).await;
    page.click_at("[data-testid=found] [data-testid=record][data-offset='58']").await;
    page.until("the record", "document.querySelector('[data-testid=detail]')?.innerText.includes('messaggio 58')")
        .await;
    page.click_at("[data-testid=detail-value] .json-key").await;
    page.click("field-column").await;
    page.wait_for("found-head").await;
    let cells = "[...document.querySelectorAll('[data-testid=found] .cell-field:not([role=columnheader])')].map(e => e.innerText)";
    page.until("the column", &format!("({cells}).includes('58')")).await;
    photograph(&page, "messages-detail").await;

    // Ascending, then descending, then in the order of the search.
    let head = "[data-testid=found-head][data-column=id]";
    page.click_at(&format!("{head} .sort")).await;
    first_row_is(&page, 10).await;
    page.until("ascending", &format!("document.querySelector('{head}').ariaSort === 'ascending'")).await;
    page.click_at(&format!("{head} .sort")).await;
    first_row_is(&page, 59).await;

    page.click_at("[data-testid=detail-value] .json-key").await;
    page.click("field-filter").await;
    found(&page, 1).await;
    first_row_is(&page, 58).await;
    let expression: String = page.eval("document.querySelector('[data-testid=search-expression]').value").await;
    assert_eq!(expression, "value.id == 58");

    // The column is kept for the topic.
    page.reload().await;
    found(&page, 1).await;
    page.until("the column again", &format!("document.querySelector('{head}')")).await;
    page.click("column-remove").await;
    page.until("no column", &format!("!document.querySelector('{head}')")).await;
    page.is_clean().await;
}

#[tokio::test]
async fn keys_move_through_the_found_records_and_times_switch_to_utc() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(60).await;
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 50).await;
    page.click_at("[data-testid=found] [data-testid=record][data-offset='59']").await;
    page.wait_for("detail").await;
    page.press("ArrowDown", &[]).await;
    let selected = "document.querySelector('[data-testid=found] .selected')?.dataset.offset";
    page.until("the next record", &format!("{selected} === '58'")).await;
    page.press("End", &[]).await;
    page.until("the last record", &format!("{selected} === '10'")).await;
    page.press("Escape", &[]).await;
    page.until("no opened record", "!document.querySelector('[data-testid=search] [data-testid=detail]')").await;

    page.wait("time-zone", "data-value", "local").await;
    page.click("time-zone").await;
    page.wait("time-zone", "data-value", "utc").await;
    page.until(
        "times in UTC",
        "document.querySelector('[data-testid=found] .rows .cell-time').title.includes(' UTC ')",
    )
    .await;
    page.reload().await;
    page.wait("time-zone", "data-value", "utc").await;
    page.is_clean().await;
}

#[tokio::test]
async fn timeline_counts_records_and_choosing_bars_limits_the_search_to_their_times() {
    let Some(browser) = Browser::start().await else { return };
    let Some((bridge, topic, start)) = with_timed_messages().await else { return };
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 50).await;
    page.wait("timeline", "data-state", "shown").await;
    page.wait("timeline", "data-total", "100").await;
    page.wait("timeline", "data-from", &start.to_string()).await;
    page.wait("timeline", "data-bucket-ms", "2000").await;
    photograph(&page, "messages-timeline").await;

    // The bars 10 to 19 are the seconds 20 to 39.
    drag_over_timeline(&page, 0.21, 0.39).await;
    found(&page, 20).await;
    first_row_is(&page, 39).await;
    let offsets: Vec<usize> = page.eval(OFFSETS).await;
    assert!(offsets.iter().all(|offset| (20..40).contains(offset)), "{offsets:?}");
    assert_eq!(page.eval::<String>("document.querySelector('[data-testid=range]').value").await, "custom");
    page.wait("timeline", "data-bucket-ms", "1000").await;
    page.wait("timeline", "data-total", "20").await;

    page.eval::<bool>("(document.querySelector('[data-testid=timeline-bars]').focus(), true)").await;
    page.press("End", &[]).await;
    page.press("ArrowLeft", &["Shift"]).await;
    page.press("ArrowLeft", &["Shift"]).await;
    page.wait("timeline-bars", "aria-valuenow", "17").await;
    page.press("Enter", &[]).await;
    found(&page, 3).await;
    page.until("the records of three seconds", &format!("({OFFSETS}).join() === '39,38,37'")).await;

    page.click("timeline-clear").await;
    found(&page, 50).await;
    page.wait("timeline", "data-total", "100").await;
    page.fill("search-expression", "value.id >= 90").await;
    page.press("Enter", &[]).await;
    found(&page, 10).await;
    page.wait("timeline", "data-matches", "10").await;
    page.is_clean().await;
}

#[tokio::test]
async fn matches_of_a_pattern_and_of_compared_texts_are_marked() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(30).await;
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 30).await;
    let marks = "[...document.querySelectorAll('[data-testid=found] .mark')].map(mark => mark.innerText).sort().join()";
    page.choose("search-mode", "regex").await;
    page.fill("search-expression", "messaggio 1[0-2]").await;
    page.press("Enter", &[]).await;
    found(&page, 3).await;
    page.until("marked matches", &format!("{marks} === 'messaggio 10,messaggio 11,messaggio 12'")).await;
    page.choose("search-mode", "where").await;
    page.fill("search-expression", "value.text == 'messaggio 7'").await;
    page.press("Enter", &[]).await;
    found(&page, 1).await;
    page.until("the marked text", &format!("{marks} === 'messaggio 7'")).await;
    page.is_clean().await;
}

#[tokio::test]
async fn partitioner_is_chosen_for_keys_and_examples_fill_the_field() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(10).await;
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 10).await;
    page.click("expression-help").await;
    page.click("expression-example").await;
    page.until(
        "the example",
        "document.querySelector('[data-testid=search-expression]').value.includes('value.customer.tier')",
    )
    .await;
    page.press("Escape", &[]).await;
    assert_eq!(page.number_of("[data-testid=partitioner]").await, 0);
    page.choose("search-mode", "key").await;
    page.wait_for("partitioner").await;
    page.choose("partitioner", "unknown").await;
    page.fill("search-expression", "no such key").await;
    page.press("Enter", &[]).await;
    found(&page, 0).await;
    page.until("the partitioner in the address", "location.search.includes('partitioner=unknown')").await;
    page.is_clean().await;
}

#[tokio::test]
async fn demo_broker_has_no_timeline() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = with_messages(10).await;
    let page = open(&browser, &bridge, &topic, "").await;
    found(&page, 10).await;
    assert_eq!(page.number_of("[data-testid=timeline]").await, 0);
    page.is_clean().await;
}

#[tokio::test]
async fn search_is_offered_again_after_a_lost_connection() {
    let Some(browser) = Browser::start().await else { return };
    let (mut bridge, topic) = with_messages(0).await;
    let mut page = open(&browser, &bridge, &topic, "").await;
    page.expect_lost_bridge().await;
    page.forgive("ERR_CONNECTION_REFUSED");
    found(&page, 0).await;
    bridge.kill().await;
    page.wait("connection", "data-state", "waiting").await;
    page.click("search-run").await;
    page.wait("instead", "data-reason", "offline").await;
    bridge.start_again().await;
    // The demo broker is new, too: without the topic, or with an empty one.
    page.until(
        "an answer",
        "['done', 'stopped'].includes(document.querySelector('[data-testid=search]')?.dataset.state) || \
         document.querySelector('[data-testid=instead][data-reason=missing]')",
    )
    .await;
    page.is_clean().await;
}
