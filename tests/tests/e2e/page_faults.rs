//! The page during failures of broker and bridge: it shows them and continues without lost or duplicated records.

use std::time::Duration;

use tests::kafka::Mock;
use tests::{Bridge, Browser, Kafka, PATIENCE, Page, unique};

use crate::page::{bridge, listen, send_ten};
use crate::page_watching::watch_from;

/// The offsets in the list, with repetitions.
async fn offsets(page: &Page) -> Vec<u64> {
    let mut offsets: Vec<u64> =
        page.eval("[...document.querySelectorAll('[data-testid=record]')].map(e => Number(e.dataset.offset))").await;
    offsets.sort_unstable();
    offsets
}

#[tokio::test]
async fn broker_outage_and_return_are_shown() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("broker");
    let kafka = Mock::start().with_topic(&topic, 1);
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).topic(&topic).await;
    let page = browser.open(&bridge).await;
    page.wait("broker", "data-state", "up").await;
    page.wait("broker", "data-demo", "false").await;
    watch_from(&page, "earliest", "").await;
    bridge.client().await.write(tests::client::messaggi(&topic, 3)).await;
    page.wait("feed", "data-received", "3").await;

    kafka.down();
    page.wait("broker", "data-state", "down").await;
    page.wait_for("banner").await;
    let banner = page.text("banner").await;
    assert!(banner.contains(&kafka.bootstrap_servers()), "names the address: {banner}");
    page.screenshot("broker-down").await;
    // A record that is sent meanwhile waits.
    page.click("send").await;
    page.wait("sent-row", "data-state", "queued").await;

    kafka.up();
    page.wait("broker", "data-state", "up").await;
    page.until("no banner", "!document.querySelector('[data-testid=banner]')").await;
    page.wait("sent-row", "data-state", "acked").await;
    page.wait("sent-row", "data-seen", "true").await;
    page.wait("feed", "data-received", "4").await;
    assert_eq!(offsets(&page).await, [0, 1, 2, 3], "each once");
    page.is_clean().await;
}

#[tokio::test]
async fn unreachable_named_broker_is_shown_until_it_answers() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("absent");
    let kafka = Mock::start().with_topic(&topic, 1);
    kafka.down();
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).topic(&topic).await;
    let page = browser.open(&bridge).await;
    page.wait("broker", "data-state", "down").await;
    page.wait("broker", "data-demo", "false").await;
    page.wait_for("banner").await;
    assert!(bridge.cluster().await.named_by_user);
    let banner = page.text("banner").await;
    assert!(!banner.contains("docker compose"), "the user has named a broker: {banner}");
    page.screenshot("no-broker").await;
    kafka.up();
    page.wait("broker", "data-state", "up").await;
    watch_from(&page, "earliest", "").await;
    send_ten(&page).await;
    page.wait("feed", "data-received", "10").await;
    page.is_clean().await;
}

/// Kafka keeps a killed member in the group until its session times out, so a group takes longer to continue.
const GROUP_IS_BACK_WITHIN: Duration = Duration::from_secs(75);

#[tokio::test]
async fn killed_and_restarted_bridge_loses_and_duplicates_no_record_of_a_page_without_group() {
    let topic = unique("killed");
    let kafka = Mock::start().with_topic(&topic, 1);
    killed_and_back("watch", &topic, &kafka.bootstrap_servers(), PATIENCE).await;
}

#[tokio::test]
async fn killed_and_restarted_bridge_loses_and_duplicates_no_record_of_a_page_with_group() {
    // The mock never removes a killed member.
    let Some(kafka) = Kafka::current().await else { return };
    let (topic, servers) = (kafka.topic("killed").await, kafka.bootstrap_servers().expect("real Kafka has an address"));
    killed_and_back("group", &topic, &servers, GROUP_IS_BACK_WITHIN).await;
}

async fn killed_and_back(mode: &str, topic: &str, servers: &str, limit: Duration) {
    let Some(browser) = Browser::start().await else { return };
    let mut bridge =
        Bridge::start().option("--bootstrap-servers", servers).topic(topic).option("--group", &unique("group")).await;
    let mut page = browser.open(&bridge).await;
    page.expect_lost_bridge().await;
    page.click(&format!("mode-{mode}")).await;
    page.choose("start", "earliest").await;
    listen(&page).await;
    bridge.client().await.write(tests::client::messaggi(topic, 5)).await;
    page.wait("feed", "data-received", "5").await;

    bridge.kill().await;
    let state = "document.querySelector('[data-testid=connection]').dataset.state";
    page.until("a lost connection", &format!("['waiting', 'connecting'].includes({state})")).await;
    page.wait_for("banner").await;
    page.screenshot("bridge-gone").await;
    bridge.start_again().await;
    page.wait("connection", "data-state", "open").await;
    page.until("no banner", "!document.querySelector('[data-testid=banner]')").await;

    bridge.client().await.write(tests::client::messaggi(topic, 5)).await;
    let all = "new Set([...document.querySelectorAll('[data-testid=record]')].map(e => e.dataset.offset)).size === 10";
    page.until_within(limit, "ten different records", all).await;
    assert_eq!(offsets(&page).await, (0..10).collect::<Vec<_>>(), "each once");
    page.wait("listen", "data-state", "listening").await;
    page.wait("feed", "data-missing", "0").await;
    page.is_clean().await;
}

#[tokio::test]
async fn page_reconnects_after_the_bridge_shut_down_and_started_again() {
    let Some(browser) = Browser::start().await else { return };
    let (mut bridge, _) = bridge().await;
    let mut page = browser.open(&bridge).await;
    page.expect_lost_bridge().await;
    bridge.ctrl_c();
    assert_eq!(bridge.exit_code().await, 0);
    page.wait("connection", "data-state", "waiting").await;
    page.wait_for("banner").await;
    bridge.start_again().await;
    page.wait("connection", "data-state", "open").await;
    page.is_clean().await;
}

#[tokio::test]
async fn records_in_flight_when_the_bridge_is_killed_become_unknown() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("unknown");
    let kafka = Mock::start().with_topic(&topic, 1);
    let mut bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).topic(&topic).await;
    let mut page = browser.open(&bridge).await;
    page.expect_lost_bridge().await;
    page.wait("broker", "data-state", "up").await;
    kafka.slow(Duration::from_secs(20));
    page.click("send").await;
    page.wait("sent-row", "data-state", "queued").await;
    bridge.kill().await;
    kafka.slow(Duration::ZERO);
    bridge.start_again().await;
    page.wait("connection", "data-state", "open").await;
    // The new bridge does not know the record, so its outcome is unknown until the user decides.
    page.wait("sent-row", "data-state", "unknown").await;
    page.screenshot("sent-unknown").await;
    page.is_clean().await;
}
