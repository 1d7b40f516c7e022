//! The page's messages about waiting records, held commits and connection errors. The test puts the bridge's messages into the
//! page's socket; other tests make the bridge send them.

use serde_json::{Value, json};
use tests::page::View;
use tests::{Bridge, Browser, Page};

use crate::page::{bridge, listen};
use crate::page_states::photograph;

/// Keeps the page's sockets, so that a test can put messages into them and read what the page sends.
const KEEP_SOCKETS: &str = "window.__sockets = []; window.__sent = []; window.WebSocket = class extends WebSocket { \
     constructor(...args) { super(...args); window.__sockets.push(this) } \
     send(data) { if (typeof data === 'string') window.__sent.push(data); super.send(data) } };";

async fn open(browser: &Browser, bridge: &Bridge) -> Page {
    let page = browser.open(bridge).await;
    page.prepare(KEEP_SOCKETS).await;
    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    page
}

async fn hear(page: &Page, message: Value) {
    let text = message.to_string();
    let hear = format!("window.__sockets.at(-1).dispatchEvent(new MessageEvent('message', {{data: {text:?}}}))");
    assert!(page.eval::<bool>(&hear).await);
}

const SUBSCRIPTION: u32 = 1;

#[tokio::test]
async fn records_behind_an_open_transaction_and_records_without_outcome_are_shown_as_waiting() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = open(&browser, &bridge).await;
    listen(&page).await;
    let waiting =
        |partitions: Value| json!({"type": "records_waiting", "subscription": SUBSCRIPTION, "partitions": partitions});
    hear(&page, waiting(json!([{"topic": topic, "partition": 0, "offset": "1000", "end": "1006"}]))).await;
    page.wait("empty", "data-reason", "records-waiting").await;
    for testid in ["empty", "records-waiting"] {
        let said = page.text(testid).await;
        assert!(said.contains("1000") && said.contains("6 records wait"), "{testid}: {said}");
    }
    photograph(&page, "records-waiting").await;

    hear(
        &page,
        json!({"type": "produce_waiting", "topic": topic, "partition": 1, "reason": "too_few_in_sync_replicas",
            "message": "partition 1 has 1 in-sync replica, and min.insync.replicas is 2"}),
    )
    .await;
    page.wait("produce-waiting", "data-reason", "too_few_in_sync_replicas").await;
    page.wait("banner", "data-level", "warning").await;
    assert!(page.text("banner").await.contains("min.insync.replicas is 2"), "{}", page.text("banner").await);
    photograph(&page, "produce-waiting").await;
    page.click("language").await;
    photograph(&page, "produce-waiting-italian").await;

    hear(&page, waiting(json!([]))).await;
    page.until("nothing waits in the list", "!document.querySelector('[data-testid=records-waiting]').innerText").await;
    // The outcome of the record ends the warning.
    page.click("send").await;
    page.wait("sent-row", "data-state", "acked").await;
    page.until("no banner", "!document.querySelector('[data-testid=banner]')").await;
    page.is_clean().await;
}

#[tokio::test]
async fn position_after_out_of_range_is_committed_only_after_confirmation() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, topic) = bridge().await;
    let page = open(&browser, &bridge).await;
    listen(&page).await;
    hear(
        &page,
        json!({"type": "gap", "subscription": SUBSCRIPTION, "topic": topic, "partition": 0, "from": "1005", "to": "0",
            "reason": "out_of_range"}),
    )
    .await;
    page.wait("gap", "data-reason", "out_of_range").await;
    assert!(page.text("commits-held").await.contains("Nothing is committed"), "{}", page.text("commits-held").await);
    photograph(&page, "position-out-of-range").await;
    page.click("gap-commit").await;
    page.wait_for("confirm").await;
    let said = page.text("confirm-dialog").await;
    assert!(said.contains("from 1005 to 0") && said.contains(&topic), "{said}");
    photograph(&page, "confirm-commits").await;
    let asked = "window.__sent.filter(text => JSON.parse(text).type === 'resume_commits').length";
    assert_eq!(page.eval::<u32>(asked).await, 0, "not before the user agrees");
    page.click("confirm").await;
    page.until("the request", &format!("{asked} === 1")).await;
    let partitions = json!([{"topic": topic, "partition": 0}]);
    let resumed = json!({"type": "resume_commits_result", "subscription": SUBSCRIPTION, "partitions": partitions});
    hear(&page, resumed).await;
    page.until("the notice gone", "!document.querySelector('[data-testid=commits-held]').innerText").await;
    page.until("no button", "document.querySelector('[data-testid=gap] button')?.hidden").await;
}

#[tokio::test]
async fn each_connection_error_is_shown_with_broker_and_property_to_change() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _) = bridge().await;
    let page = open(&browser, &bridge).await;
    let down = |servers: &str, named_by_user: bool, code: u16, name: &str, broker: Option<&str>| {
        let mut error =
            json!({"code": code, "name": name, "message": format!("the bridge on {name}"), "retriable": true});
        if let Some(address) = broker {
            error["broker"] = json!({"address": address});
        }
        json!({"type": "cluster_changed", "cluster": {"id": "x", "demo": false, "brokers": [], "state": "down",
            "bootstrap_servers": servers, "named_by_user": named_by_user, "error": error}})
    };
    let docker = "docker compose";
    for (code, name, property) in [
        (510, "dns_failed", "--bootstrap-servers"),
        (511, "connection_refused", "--bootstrap-servers"),
        (512, "tls_failed", "security.protocol"),
        (513, "certificate_rejected", "ssl.ca.location"),
        (514, "authentication_failed", "sasl.password"),
        (515, "advertised_address_unreachable", "advertised.listeners"),
        (516, "connection_timed_out", "firewall"),
        (101, "forbidden", "ACL"),
    ] {
        for _language in ["en", "it"] {
            hear(&page, down("prod:9093", true, code, name, Some("kafka-internal:9092"))).await;
            page.wait("banner", "data-reason", name).await;
            let said = page.text("banner").await;
            for part in [property, "kafka-internal:9092", &format!("the bridge on {name}")] {
                assert!(said.contains(part), "{name}: {part:?} in {said}");
            }
            assert!(!said.contains(docker), "the user has named a broker: {said}");
            page.click("language").await;
        }
    }
    photograph(&page, "kafka-forbidden").await;
    hear(&page, down("prod:9093", true, 515, "advertised_address_unreachable", Some("kafka-internal:9092"))).await;
    photograph(&page, "kafka-advertised-address").await;
    page.click("language").await;
    page.show_on(&View::default().italian()).await;
    photograph(&page, "kafka-advertised-address-italian").await;
    page.click("language").await;

    // A user who has not named a broker may want to start one here.
    for (servers, named_by_user, code, name, expected) in [
        ("localhost:9092", false, 511, "connection_refused", true),
        ("localhost:9092", false, 514, "authentication_failed", false),
        ("localhost:9092", false, 500, "kafka_unreachable", true),
        // `--bootstrap-servers localhost:9092` names a broker like any other address.
        ("localhost:9092", true, 511, "connection_refused", false),
        ("localhost:9092", true, 500, "kafka_unreachable", false),
        ("prod:9092", true, 511, "connection_refused", false),
    ] {
        hear(&page, down(servers, named_by_user, code, name, Some(servers))).await;
        page.wait("banner", "data-reason", name).await;
        page.until(
            &format!("a hint: {expected}, for {servers} (named: {named_by_user}) and {name}"),
            &format!("document.querySelector('[data-testid=banner]').innerText.includes({docker:?}) === {expected}"),
        )
        .await;
    }
}
