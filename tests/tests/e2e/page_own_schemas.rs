//! Schemas from the user's own files, for records whose schema is in no registry.

use protocol::{ProduceRecord, WireBytes};
use tests::client::text_record;
use tests::page::View;
use tests::{Bridge, Browser, Page, unique};

use crate::page_sending::choose_file;
use crate::page_states::photograph;

const ORDERS: &str = r#"syntax = "proto3";
package shop;
message Order { int64 id = 1; string name = 2; }
message Invoice { int64 number = 1; string customer = 2; }
"#;

/// A message with the integer 7 and the text `ciao`.
const MESSAGE: &[u8] = b"\x08\x07\x12\x04ciao";

fn binary(topic: &str, value: &[u8]) -> ProduceRecord {
    ProduceRecord { value: WireBytes::Base64(value.to_vec()), ..text_record(topic, "") }
}

async fn wait_for_note(page: &Page, note: &str) {
    let row = "document.querySelector(`[data-testid=record][data-offset='0']`)";
    page.until(note, &format!("({row}?.dataset.valueNote ?? '') === '{note}'")).await;
}

async fn wait_for_value(page: &Page, text: &str) {
    let cell = "document.querySelector(`[data-testid=record][data-offset='0'] .cell-value`)";
    page.until(text, &format!("{cell}?.textContent.includes('{text}')")).await;
}

#[tokio::test]
async fn own_proto_file_decodes_records_without_a_registry_and_survives_a_reload() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("own-schema");
    let bridge = Bridge::start().demo().topic(&topic).await;
    bridge.client().await.write(vec![binary(&topic, MESSAGE)]).await;
    let address = format!("{}?topic={topic}&mode=watch&start=earliest&value_format=protobuf", bridge.url());
    let page = browser.load(&address, View::default()).await;
    wait_for_note(&page, "no_schema").await;

    page.click("read-as").await;
    page.wait_for("value-schema-choose").await;
    choose_file(&page, "value-schema-file", "orders.proto", ORDERS.as_bytes()).await;
    wait_for_note(&page, "decoded").await;
    wait_for_value(&page, "name").await;
    page.choose("value-schema-message", "shop.Invoice").await;
    wait_for_value(&page, "customer").await;
    photograph(&page, "own-schema").await;

    choose_file(&page, "value-schema-file", "broken.proto", b"message {").await;
    page.until("the error", "document.querySelector('[data-testid=value-schema-error]').innerText !== ''").await;
    wait_for_value(&page, "customer").await;
    let search: String = page.eval("location.search").await;
    assert!(!search.contains("_schema="), "{search}");

    page.reload().await;
    wait_for_note(&page, "decoded").await;
    wait_for_value(&page, "customer").await;
    page.click("read-as").await;
    page.until(
        "the chosen type",
        "document.querySelector('[data-testid=value-schema-message]')?.value === 'shop.Invoice'",
    )
    .await;
    page.click("value-schema-remove").await;
    wait_for_note(&page, "no_schema").await;
    page.is_clean().await;
}

#[tokio::test]
async fn own_schema_that_is_too_large_is_refused_by_the_page() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("large-schema");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let page = browser.open(&bridge).await;
    page.click("read-as").await;
    page.choose("key-format", "avro").await;
    page.wait_for("key-schema-choose").await;
    let large = "(e => { const data = new DataTransfer(); data.items.add(new File([new Uint8Array(600 << 10)], 'a.avsc')); \
                 e.files = data.files; e.dispatchEvent(new Event('change', {bubbles: true})); return true \
                 })(document.querySelector('[data-testid=key-schema-file]'))";
    page.eval::<bool>(large).await;
    page.until("the error", "document.querySelector('[data-testid=key-schema-error]').innerText.includes('512')").await;
    page.is_clean().await;
}
