//! The cluster in a real browser: brokers, health and features.

use tests::page::View;
use tests::{Bridge, Browser, Kafka, unique};

use crate::page_states::photograph;
use crate::page_topics::{on_real_kafka, wait_for_row};

#[tokio::test]
async fn cluster_view_shows_brokers_and_health() {
    let Some((kafka, bridge, browser)) = on_real_kafka().await else { return };
    kafka.topic_with("healthy", 3).await;
    let page = browser.load(&format!("{}?view=cluster", bridge.url()), View::default()).await;
    wait_for_row(&page, "[data-testid=broker-row][data-broker='1'][data-up=true]").await;
    assert_eq!(page.attribute("cluster-facts", "data-controller").await.as_deref(), Some("1"));
    page.wait_for("all-well").await;
    wait_for_row(&page, "[data-testid=broker-row][data-broker='1'][data-version='4.3']").await;
    wait_for_row(
        &page,
        "[data-testid=feature-row][data-feature='group.version'][data-finalized='1'][data-differ=false]",
    )
    .await;
    let level: String = page
        .eval("document.querySelector('[data-testid=feature-row][data-feature=\"metadata.version\"]').innerText")
        .await;
    assert!(level.contains("4.3-IV"), "the release that is in force: {level}");
    assert_eq!(page.text("features-note").await, "", "all brokers tell");
    photograph(&page, "cluster").await;
    page.is_clean().await;
}

#[tokio::test]
async fn cluster_view_shows_why_there_are_no_features() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = Bridge::start().demo().topic(&unique("featureless")).await;
    let page = browser.load(&format!("{}?view=cluster", bridge.url()), View::default().italian()).await;
    page.until("why", "document.querySelector('[data-testid=features-note]')?.innerText.includes('prova')").await;
    photograph(&page, "cluster-demo").await;
    page.is_clean().await;

    let Some(kafka) = Kafka::with_zookeeper().await else { return };
    let bridge = Bridge::start().on(&kafka).await;
    let page = browser.load(&format!("{}?view=cluster", bridge.url()), View::default()).await;
    page.until("why", "document.querySelector('[data-testid=features-note]')?.innerText.includes('ZooKeeper')").await;
    wait_for_row(&page, "[data-testid=broker-row][data-version='3.9-IV0']").await;
    page.is_clean().await;
}
