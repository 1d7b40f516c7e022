//! What the page shows while the schema registry does not answer, and how its records are decoded when the registry is back.

use std::time::Duration;

use protocol::{ProduceRecord, WireBytes};
use tests::client::text_record;
use tests::gate::Gate;
use tests::page::View;
use tests::registry::{register_json_schema, registry};
use tests::{Bridge, Browser, Page, unique};

use crate::page_states::photograph;

/// The bridge asks a registry that did not answer again after 30 s at the latest.
const REGISTRY_IS_BACK: Duration = Duration::from_secs(60);

/// A value with Confluent's prefix.
fn framed(topic: &str, id: u32, json: &str) -> ProduceRecord {
    let value = [&[0][..], &id.to_be_bytes(), json.as_bytes()].concat();
    ProduceRecord { value: WireBytes::from_kafka(Some(&value)), ..text_record(topic, "") }
}

fn note_is(offset: i64, note: &str) -> String {
    format!(
        "(document.querySelector(`[data-testid=record][data-offset='{offset}']`)?.dataset.valueNote ?? '') === '{note}'"
    )
}

async fn wait_for_note(page: &Page, offset: i64, note: &str) {
    page.until(&format!("{note} at offset {offset}"), &note_is(offset, note)).await;
}

#[tokio::test]
async fn records_decode_by_themselves_when_the_registry_is_back() {
    let Some(browser) = Browser::start().await else { return };
    let Some(registry) = registry().await else { return };
    let topic = unique("page-registry");
    let schema = r#"{"type": "object", "properties": {"id": {"type": "integer"}}}"#;
    let id = register_json_schema(registry, &format!("{topic}-value"), schema).await;
    let mut gate = Gate::closed(&format!("127.0.0.1:{}", registry.port())).await;
    let url = format!("http://{}/apis/ccompat/v7", gate.address());
    let bridge = Bridge::start().demo().topic(&topic).option("--schema-registry", &url).await;
    let mut client = bridge.client().await;
    let mut records: Vec<_> = (0..3).map(|n| framed(&topic, id, &format!(r#"{{"id": {n}}}"#))).collect();
    records.push(text_record(&topic, "text"));
    client.write(records).await;

    let address = format!("{}?topic={topic}&mode=watch&start=earliest", bridge.url());
    let page = browser.load(&address, View::default()).await;
    page.wait("feed", "data-received", "4").await;
    wait_for_note(&page, 0, "schema_unavailable").await;
    wait_for_note(&page, 3, "").await;
    page.wait_for("registry-banner").await;
    page.click_at("[data-testid=record][data-offset='1']").await;
    page.wait("value-note", "data-state", "schema_unavailable").await;
    photograph(&page, "registry-down").await;

    gate.open().await;
    for offset in 0..3 {
        let what = format!("the decoded record {offset}");
        page.until_within(REGISTRY_IS_BACK, &what, &note_is(offset, "decoded")).await;
    }
    page.until("no banner", "!document.querySelector('[data-testid=registry-banner]')").await;
    page.wait("value-note", "data-state", "decoded").await;
    page.wait("feed", "data-received", "4").await;
    page.wait("feed", "data-kept", "4").await;
    page.is_clean().await;
}
