//! The states that the design names, each with its picture for people to look at, wide and narrow, light and dark.

use tests::client::{RecordExt, json_record, text_record};
use tests::page::View;
use tests::{Bridge, Browser, Page};

use crate::page::{bridge, listen};

/// The four screens of one state.
fn screens() -> [(&'static str, View); 4] {
    [
        ("wide-light", View::default()),
        ("wide-dark", View::default().dark()),
        ("narrow-light", View::narrow()),
        ("narrow-dark", View::narrow().dark()),
    ]
}

/// One page, photographed on the four screens.
pub async fn photograph(page: &Page, state: &str) {
    for (screen, view) in screens() {
        page.show_on(&view).await;
        // Two frames: laid out, then painted.
        page.eval::<bool>("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))").await;
        let wider: i64 = page.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert!(wider <= 0, "{state} on {screen}: {wider} px wider than the screen");
        page.screenshot(&format!("{state}-{screen}")).await;
    }
    page.show_on(&View::default()).await;
}

async fn with_records(bridge: &Bridge, topic: &str) {
    let mut writer = bridge.client().await;
    let big = format!(r#"{{"blob":"{}"}}"#, "0123456789".repeat(5_000));
    writer
        .write(vec![
            json_record(topic, r#"{"id": 0, "text": "messaggio 0"}"#).with_key("order-1"),
            json_record(topic, "9007199254740993"),
            text_record(topic, "città ✓ 日本語 🌉"),
            protocol::ProduceRecord { value: protocol::WireBytes::Null, ..text_record(topic, "") }.with_key("gone"),
            protocol::ProduceRecord {
                value: protocol::WireBytes::Base64(vec![0, 0xff, 0xfe, 0x80]),
                ..text_record(topic, "")
            },
            text_record(topic, ""),
            json_record(topic, &big),
        ])
        .await;
}

#[tokio::test]
async fn first_visit() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    photograph(&page, "first-visit").await;
    page.is_clean().await;
}

#[tokio::test]
async fn listening_to_an_empty_topic_says_so() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    assert!(page.whole_text().await.contains(&topic), "{}", page.whole_text().await);
    photograph(&page, "empty-topic").await;
    page.is_clean().await;
}

#[tokio::test]
async fn records_of_every_kind_and_one_of_them_open() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    with_records(&bridge, &topic).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.wait("feed", "data-received", "7").await;
    photograph(&page, "records").await;
    page.click_at("[data-testid=record][data-offset='6']").await;
    page.wait_for("detail").await;
    photograph(&page, "record-open-huge").await;
    page.is_clean().await;
}

#[tokio::test]
async fn a_filter_that_nothing_matches_says_so() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    with_records(&bridge, &topic).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.wait("feed", "data-received", "7").await;
    page.fill("filter", "messaggio").await;
    page.wait("feed", "data-matching", "1").await;
    page.fill("filter", "no such text").await;
    page.wait("feed", "data-matching", "0").await;
    photograph(&page, "nothing-matches").await;
    page.is_clean().await;
}

#[tokio::test]
async fn a_pause_stops_the_display_and_never_the_reception() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    with_records(&bridge, &topic).await;
    page.wait("feed", "data-received", "7").await;
    page.click("pause").await;
    page.wait("pause", "data-state", "paused").await;
    with_records(&bridge, &topic).await;
    page.wait("feed", "data-received", "14").await;
    photograph(&page, "paused").await;
    page.click("pause").await;
    page.wait("pause", "data-state", "live").await;
    page.until("all of them", "document.querySelector('[data-testid=record][data-offset=\"13\"]')").await;
    page.is_clean().await;
}

#[tokio::test]
async fn a_run_under_way_can_be_cancelled() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.click("send-ten").await;
    page.wait("run", "data-state", "running").await;
    page.until("some of it", "Number(document.querySelector('[data-testid=run]').dataset.acked) >= 2").await;
    page.screenshot("run-under-way").await;
    page.click("run-cancel").await;
    page.wait("run", "data-state", "cancelled").await;
    let sent = page.count("run", "data-sent").await;
    assert!(sent < 10, "{sent} of 10 sent");
    page.wait("run", "data-acked", &sent.to_string()).await;
    photograph(&page, "run-cancelled").await;
    page.is_clean().await;
}

#[tokio::test]
async fn json_that_is_none_is_pointed_out_and_cannot_be_sent() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    page.fill("compose-value", r#"{"id": 1,}"#).await;
    page.until("a disabled button", "document.querySelector('[data-testid=send]').disabled").await;
    page.press("Enter", &["Control"]).await;
    assert_eq!(page.number_of("[data-testid=sent-row]").await, 0);
    photograph(&page, "json-error").await;
    page.fill("compose-value", r#"{"id": 1}"#).await;
    page.click("send").await;
    page.wait("sent-row", "data-state", "acked").await;
    page.is_clean().await;
}

#[tokio::test]
async fn a_telephone_can_listen_and_send() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open_as(&bridge, View::narrow()).await;
    listen(&page).await;
    page.fill("compose-value", r#"{"from":"a telephone"}"#).await;
    page.click("send").await;
    page.wait("feed", "data-received", "1").await;
    page.until("the row", "document.querySelector('[data-testid=record]')?.innerText.includes('telephone')").await;
    page.screenshot("telephone").await;
    page.is_clean().await;
}

#[tokio::test]
async fn a_thousand_a_second_is_drawn_with_few_rows() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    let mut writer = bridge.client().await;
    for _ in 0..5 {
        writer.write((0..1000).map(|id| json_record(&topic, &format!(r#"{{"id": {id}}}"#))).collect()).await;
    }
    page.wait("feed", "data-received", "5000").await;
    page.wait("feed", "data-missing", "0").await;
    let rows = page.number_of("[data-testid=record]").await;
    assert!((5..200).contains(&rows), "{rows} rows in the document");
    page.until("the newest in sight", "document.querySelector('[data-testid=record][data-offset=\"4999\"]')").await;
    photograph(&page, "five-thousand").await;
    page.is_clean().await;
}
