//! Every state of the design: accessible, and with screenshots for people, wide and narrow, light and dark.

use tests::client::{RecordExt, json_record, text_record};
use tests::kafka::Mock;
use tests::page::View;
use tests::{Bridge, Browser, Page, unique};

use crate::page::{bridge, listen, send_ten};
use crate::page_sending::{drop_file, unfold};

/// The four screens of one state.
fn screens() -> [(&'static str, View); 4] {
    [
        ("wide-light", View::default()),
        ("wide-dark", View::default().dark()),
        ("narrow-light", View::narrow()),
        ("narrow-dark", View::narrow().dark()),
    ]
}

/// Takes a screenshot of the page on each of the four screens, and checks accessibility and overflow.
pub async fn photograph(page: &Page, state: &str) {
    for (screen, view) in screens() {
        page.show_on(&view).await;
        // Two frames: laid out, then painted.
        page.eval::<bool>("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))").await;
        let wider: i64 = page.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert!(wider <= 0, "{state} on {screen}: {wider} px wider than the screen");
        page.screenshot(&format!("{state}-{screen}")).await;
        let sticking_out = page.sticking_out().await;
        assert!(sticking_out.is_empty(), "{state} on {screen}: {sticking_out:#?}");
        let shown = format!("{state} on {screen}");
        if view.dark { page.assert_legible(&shown).await } else { page.assert_accessible(&shown).await }
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
async fn first_visit_is_accessible() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    photograph(&page, "first-visit").await;
    page.is_clean().await;
}

#[tokio::test]
async fn empty_topic_names_the_topic_that_is_read() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    assert!(page.whole_text().await.contains(&topic), "{}", page.whole_text().await);
    photograph(&page, "empty-topic").await;
    page.is_clean().await;
}

#[tokio::test]
async fn records_of_every_kind_are_accessible_in_list_and_detail() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    with_records(&bridge, &topic).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.wait("feed", "data-received", "7").await;
    photograph(&page, "records").await;
    page.click_at("[data-testid=record][data-offset='0']").await;
    page.wait_for("detail").await;
    photograph(&page, "record-open-json").await;
    page.click("value-text").await;
    photograph(&page, "record-open-text").await;
    page.click_at("[data-testid=record][data-offset='4']").await;
    page.until("bytes", "document.querySelector('[data-testid=detail-value]').innerText.includes('ff fe 80')").await;
    photograph(&page, "record-open-bytes").await;
    page.click_at("[data-testid=record][data-offset='6']").await;
    page.until("the long one", "document.querySelector('[data-testid=detail-value]').innerText.length > 1000").await;
    photograph(&page, "record-open-huge").await;
    page.is_clean().await;
}

#[tokio::test]
async fn filter_without_matches_is_accessible() {
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
async fn paused_list_keeps_receiving() {
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
async fn running_run_can_be_cancelled() {
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
async fn invalid_json_disables_send() {
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
async fn narrow_screen_listens_and_sends() {
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
async fn five_thousand_records_are_drawn_with_fewer_than_200_rows() {
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

#[tokio::test]
async fn running_run_is_accessible() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.click("send-run-tab").await;
    page.click("run-count-none").await;
    page.click("run-start").await;
    page.wait("run", "data-state", "running").await;
    page.until("some of it", "Number(document.querySelector('[data-testid=run]').dataset.acked) >= 2").await;
    photograph(&page, "run-running").await;
    page.click("run-cancel").await;
    page.wait("run", "data-state", "cancelled").await;
    page.is_clean().await;
}

#[tokio::test]
async fn ten_sent_and_seen_records_are_accessible() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    send_ten(&page).await;
    page.until("ten records", "document.querySelectorAll('[data-testid=record][data-own=true]').length === 10").await;
    photograph(&page, "ten-sent").await;
    page.is_clean().await;
}

#[tokio::test]
async fn filters_settings_and_dialogs_of_the_live_half_are_accessible() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    with_records(&bridge, &topic).await;
    let page = browser.open(&bridge).await;
    listen(&page).await;
    page.wait("feed", "data-received", "7").await;
    page.click("filter-more").await;
    page.fill("filter-offset", "9-1").await;
    page.fill("filter-path", "$.id ==").await;
    page.wait("filter-path", "aria-invalid", "true").await;
    photograph(&page, "filters-open").await;
    page.click("filter-clear").await;
    page.click("filter-more").await;
    page.click("list-settings").await;
    page.wait_for("limit-records").await;
    photograph(&page, "list-settings").await;
    page.press("Escape", &[]).await;
    page.click("partitions").await;
    page.until("a partition", "document.querySelector('[data-testid=partition]')").await;
    photograph(&page, "partitions").await;
    page.press("Escape", &[]).await;
    page.click("shortcuts").await;
    page.until("the dialog", "document.querySelector('dialog[open]')").await;
    photograph(&page, "shortcuts").await;
    page.is_clean().await;
}

#[tokio::test]
async fn forms_and_errors_of_the_sending_half_are_accessible() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = browser.open(&bridge).await;
    // On a narrow screen all of this is behind one button.
    page.show_on(&View::narrow()).await;
    page.click("compose-more").await;
    page.show_on(&View::default()).await;
    photograph(&page, "composer-open").await;
    unfold(&page, "compose-headers").await;
    page.wait_for("compose-header-name").await;
    page.fill("compose-header-name", "trace").await;
    page.fill("compose-value", "{\n  \"id\": 1,\n}").await;
    page.until("a fault", "document.querySelector('[data-testid=send]').disabled").await;
    photograph(&page, "composer-fault").await;
    drop_file(&page, "compose-value", "picture.png", &[0; 2000]).await;
    photograph(&page, "composer-with-a-file").await;

    page.click("send-run-tab").await;
    unfold(&page, "templates").await;
    page.fill("template-name", "orders at noon").await;
    page.click("template-save").await;
    unfold(&page, "run-placeholders").await;
    photograph(&page, "templates-open").await;
    page.fill("run-value", "{\"b\": {{rondom 1 2}}}").await;
    page.until("a fault", "document.querySelector('[data-testid=run-start]').disabled").await;
    photograph(&page, "run-fault").await;

    page.click("send-batch-tab").await;
    photograph(&page, "batch-empty").await;
    page.fill("batch-text", "key,value,colour\na,1,red\nb\n").await;
    page.wait("batch", "data-state", "checked").await;
    photograph(&page, "batch-findings").await;
    page.is_clean().await;
}

#[tokio::test]
async fn several_topic_chips_are_accessible() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = browser.open(&bridge).await;
    page.fill("topic", &format!("{topic}, not there, payments-2025")).await;
    page.until("chips", "document.querySelectorAll('[data-testid=topic-chip]').length >= 2").await;
    photograph(&page, "several-topics").await;
    page.is_clean().await;
}

#[tokio::test]
async fn broker_outage_is_accessible() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("gone");
    let kafka = Mock::start().with_topic(&topic, 1);
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).topic(&topic).await;
    let page = browser.open(&bridge).await;
    page.wait("broker", "data-state", "up").await;
    photograph(&page, "real-broker").await;
    kafka.down();
    page.wait("broker", "data-state", "down").await;
    page.click("send").await;
    page.wait("sent-row", "data-state", "queued").await;
    photograph(&page, "broker-gone").await;
    page.is_clean().await;
}

#[tokio::test]
async fn lost_bridge_is_accessible() {
    let Some(browser) = Browser::start().await else { return };
    let (mut bridge, _) = bridge().await;
    let mut page = browser.open(&bridge).await;
    page.expect_lost_bridge().await;
    listen(&page).await;
    bridge.kill().await;
    page.wait_for("banner").await;
    photograph(&page, "bridge-lost").await;
    page.is_clean().await;
}

#[tokio::test]
async fn missing_topic_is_accessible() {
    let Some(browser) = Browser::start().await else { return };
    let Some(kafka) = tests::Kafka::current().await else { return };
    let bridge = Bridge::start().on(&kafka).topic(&unique("nowhere")).await;
    let page = browser.open(&bridge).await;
    page.click("mode-watch").await;
    listen(&page).await;
    page.wait("empty", "data-reason", "topic-missing").await;
    photograph(&page, "topic-missing").await;
    page.is_clean().await;
}
