//! Change events of Debezium, JSON of Kafka Connect and XML in the opened record.

use tests::client::{json_record, text_record};
use tests::page::View;
use tests::{Bridge, Browser, unique};

use crate::page_states::photograph;

const UPDATE: &str = r#"{"before":{"id":9007199254740993,"name":"Ada","city":"Roma"},"after":{"id":9007199254740993,"name":"Ada","city":"Milano"},"source":{"db":"shop"},"op":"u","ts_ms":1}"#;

#[tokio::test]
async fn change_event_shows_what_it_has_changed() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("changes");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let wrapped = format!(r#"{{"schema":{{"type":"struct","fields":[]}},"payload":{UPDATE}}}"#);
    let connect = r#"{"schema":{"type":"int64","optional":false},"payload":9007199254740993}"#;
    let records = [UPDATE, &wrapped, connect, r#"{"op":"u"}"#].map(|json| json_record(&topic, json));
    bridge.client().await.write(records.to_vec()).await;
    let formats = "key_format=raw&value_format=json";
    let address = format!("{}?topic={topic}&mode=watch&start=earliest&{formats}", bridge.url());
    let page = browser.load(&address, View::default()).await;
    page.wait("feed", "data-received", "4").await;
    for offset in [0, 1] {
        page.click_at(&format!("[data-testid=record][data-offset='{offset}']")).await;
        page.click("fold-changes").await;
        page.wait("change-op", "data-op", "update").await;
        page.wait("changed-field", "data-field", "city").await;
        assert_eq!(page.number_of("[data-testid=changed-field]").await, 1);
        let row = page.text("changed-field").await;
        assert!(row.contains("\"Roma\"") && row.contains("\"Milano\""), "{row}");
        let unchanged = page.text("change-unchanged").await;
        assert!(unchanged.contains("2 unchanged fields"), "{unchanged}");
        page.click_at("[data-testid=change-unchanged] summary").await;
        page.until("the exact number", "document.querySelector('.changes').innerText.includes('9007199254740993')")
            .await;
    }
    photograph(&page, "change-event").await;
    page.click_at("[data-testid=record][data-offset='2']").await;
    page.click("fold-changes").await;
    page.until(
        "the payload",
        "document.querySelector('[data-testid=connect-payload]')?.innerText === '9007199254740993'",
    )
    .await;
    page.click_at("[data-testid=record][data-offset='3']").await;
    page.wait_for("value-json").await;
    assert_eq!(page.number_of("[data-testid=fold-changes]").await, 0, "the record is no change event");
    page.is_clean().await;
}

#[tokio::test]
async fn xml_is_shown_with_its_line_breaks() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("xml");
    let bridge = Bridge::start().demo().topic(&topic).await;
    bridge.client().await.write(vec![text_record(&topic, "<order><id>7</id></order>")]).await;
    let address = format!("{}?topic={topic}&mode=watch&start=earliest&value_format=xml", bridge.url());
    let page = browser.load(&address, View::default()).await;
    page.wait("feed", "data-received", "1").await;
    page.click_at("[data-testid=record][data-offset='0']").await;
    let value = "document.querySelector('[data-testid=detail-value]')?.textContent ?? ''";
    page.until("lines of XML", &format!("/<order>\\n\\s*<id>7<\\/id>\\n<\\/order>/.test({value})")).await;
    assert!(!page.text("detail-value").await.contains('"'), "the value is not a JSON string");
    page.is_clean().await;
}
