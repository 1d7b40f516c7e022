//! Several Kafka clusters in the page: the name with its colour in the top bar, and the switch.

use tempfile::NamedTempFile;
use tests::page::View;
use tests::{Bridge, Browser, Page, unique};

use crate::config::file;
use crate::page::listen;
use crate::page_states::photograph;

const DIALOG_IS_OPEN: &str = "document.querySelector('[data-testid=confirm-dialog]').open";

/// A bridge with two demo brokers, `prod` (red) and `dev` (green).
async fn two_clusters(topic: &str) -> (Bridge, NamedTempFile) {
    let configuration = file(&format!(
        "[clusters.prod]\ndemo = true\ntopic = {topic:?}\ncolour = \"red\"\n\
         [clusters.dev]\ndemo = true\ntopic = {topic:?}\ncolour = \"green\"\nread-only = true\n"
    ));
    let path = configuration.path().to_str().expect("a plain path");
    (Bridge::start().option("--config", path).await, configuration)
}

/// Chooses the cluster as a user does. The switch shows the old name until the switch has begun, which may need an answer
/// to a question; so `Page::choose`, which expects the chosen value at once, does not apply.
async fn switch_to(page: &Page, cluster: &str) {
    page.wait_for("cluster-switch").await;
    let choose = format!(
        "(e => {{ e.value = {cluster:?}; const offered = e.value === {cluster:?}; \
         e.dispatchEvent(new Event('change', {{bubbles: true}})); return offered }})\
         (document.querySelector('[data-testid=cluster-switch]'))"
    );
    assert!(page.eval::<bool>(&choose).await, "the switch offers no {cluster:?}");
}

#[tokio::test]
async fn switch_starts_a_new_session_with_empty_lists_and_keeps_the_forms() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("orders");
    let (bridge, _configuration) = two_clusters(&topic).await;
    let page = browser.open(&bridge).await;
    page.wait("cluster-switch", "data-value", "prod").await;
    page.wait("cluster-switch", "data-colour", "red").await;
    page.until("the cluster in the address", "location.search.includes('cluster=prod')").await;
    photograph(&page, "cluster-red").await;

    page.click("listen").await;
    page.wait("listen", "data-state", "listening").await;
    page.fill("compose-value", r#"{"kept": 1}"#).await;
    page.click("send").await;
    page.wait("feed", "data-received", "1").await;
    page.wait("sent-row", "data-state", "acked").await;
    page.click("record").await;
    page.wait_for("detail").await;
    let link = page.attribute("record-link", "href").await.expect("a link");
    assert!(link.contains("cluster=prod") && link.contains(&topic), "{link}");

    switch_to(&page, "dev").await;
    page.until("no record of the other cluster", "!document.querySelector('[data-testid=detail]')").await;
    page.wait("cluster-switch", "data-value", "dev").await;
    page.wait("cluster-switch", "data-colour", "green").await;
    page.wait("connection", "data-state", "open").await;
    page.wait("feed", "data-received", "0").await;
    page.wait("listen", "data-state", "idle").await;
    page.wait_for("read-only").await;
    assert_eq!(page.number_of("[data-testid=sent-row]").await, 0, "the records were sent to the other cluster");
    let value: String = page.eval("document.querySelector('[data-testid=compose-value]').value").await;
    assert_eq!(value, r#"{"kept": 1}"#);
    page.until("the cluster in the address", "location.search.includes('cluster=dev')").await;
    photograph(&page, "cluster-green").await;

    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    page.wait("cluster-switch", "data-value", "dev").await;
    let shared: String = page.eval("document.querySelector('[data-testid=nav-topics]').href").await;
    assert!(shared.contains("cluster=dev") && shared.contains("view=topics"), "{shared}");
    let other = browser.load(&shared, View::default()).await;
    other.wait("cluster-switch", "data-value", "dev").await;
    other.is_clean().await;
    page.is_clean().await;
}

#[tokio::test]
async fn views_of_the_other_cluster_begin_anew() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _configuration) = two_clusters("foobar").await;
    let topic = unique("only-in-prod");
    bridge.client().await.write(tests::client::messaggi(&topic, 1)).await;
    let page = browser.load(&format!("{}?view=topics&cluster=prod", bridge.url()), View::default()).await;
    page.until("the topic", &format!("document.body.innerText.includes({topic:?})")).await;
    page.click("nav-groups").await;
    page.until("the groups", "location.search.includes('view=groups')").await;
    page.click("nav-topics").await;
    page.until("the topic", &format!("document.body.innerText.includes({topic:?})")).await;
    switch_to(&page, "dev").await;
    page.until(
        "the topics of the other cluster",
        &format!("!document.body.innerText.includes({topic:?}) && document.body.innerText.includes('foobar')"),
    )
    .await;
    assert_eq!(page.eval::<String>("location.search").await, "?cluster=dev&view=topics");

    // The entries before the switch are views of the other cluster, but Back does not switch.
    page.eval::<bool>("(history.back(), true)").await;
    page.until("the view before", "location.search === '?cluster=dev&view=groups'").await;
    assert_eq!(page.attribute("cluster-switch", "data-value").await.as_deref(), Some("dev"));
    page.is_clean().await;
}

#[tokio::test]
async fn links_to_the_live_view_keep_the_cluster() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _configuration) = two_clusters("foobar").await;
    let page = browser
        .load(&format!("{}?view=topics&name=foobar&tab=partitions&cluster=dev", bridge.url()), View::default())
        .await;
    page.wait_for("watch-topic").await;
    let partition = "document.querySelector(\"[data-testid=partition-row][data-partition='0'] a\")";
    page.until("a link to the partition", partition).await;
    let partition: String = page.eval(&format!("{partition}.href")).await;
    assert!(partition.contains("cluster=dev") && partition.contains("start=offset"), "{partition}");
    let watch: String = page.eval("document.querySelector('[data-testid=watch-topic]').href").await;
    assert!(watch.contains("cluster=dev") && watch.contains("topic=foobar"), "{watch}");
    // As a middle click opens it.
    let other = browser.load(&watch, View::default()).await;
    other.wait("cluster-switch", "data-value", "dev").await;
    other.wait("listen", "data-state", "listening").await;
    other.wait("mode", "data-value", "watch").await;
    other.is_clean().await;
    page.is_clean().await;
}

#[tokio::test]
async fn topics_of_one_cluster_are_not_suggested_in_another() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("orders");
    let (bridge, _configuration) = two_clusters("foobar").await;
    bridge.client_of("prod").await.write(tests::client::messaggi(&topic, 1)).await;
    let prod = format!("{}?cluster=prod", bridge.url());
    let page = browser.load(&prod, View::default()).await;
    page.wait("connection", "data-state", "open").await;
    page.fill("topic", &topic).await;
    page.click("mode-watch").await;
    listen(&page).await;

    let shown = "document.querySelector('[data-testid=topic]').value";
    let suggested = "[...document.querySelectorAll('#recent-topics option')].map(option => option.value).join()";
    let dev = browser.load(&prod.replace("prod", "dev"), View::default()).await;
    dev.wait("connection", "data-state", "open").await;
    dev.until("the default topic", &format!("{shown} === 'foobar' && {suggested} === ''")).await;
    dev.is_clean().await;
    let again = browser.load(&prod, View::default()).await;
    again.wait("connection", "data-state", "open").await;
    again.until("the topic", &format!("{shown} === {topic:?} && {suggested} === {topic:?}")).await;
    again.is_clean().await;
    page.is_clean().await;
}

#[tokio::test]
async fn unknown_cluster_in_the_address_is_reported_with_the_clusters_that_exist() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _configuration) = two_clusters("foobar").await;
    let address = format!("{}?cluster=prd", bridge.url());
    for (view, text) in
        [(View::default(), "It has: prod, dev"), (View::default().italian(), "Cluster disponibili: prod, dev")]
    {
        let page = browser.load(&address, view).await;
        page.wait("connection", "data-state", "closed").await;
        page.wait("banner", "data-level", "error").await;
        let banner = page.text("banner").await;
        assert!(banner.contains(text), "{banner}");
        photograph(&page, "cluster-unknown").await;
        switch_to(&page, "dev").await;
        page.wait("connection", "data-state", "open").await;
        page.wait("cluster-switch", "data-value", "dev").await;
        page.is_clean().await;
    }
}

#[tokio::test]
async fn switch_during_a_run_needs_confirmation() {
    let Some(browser) = Browser::start().await else { return };
    let (bridge, _configuration) = two_clusters(&unique("run")).await;
    let page = browser.open(&bridge).await;
    page.click("send-ten").await;
    page.wait("run", "data-state", "running").await;
    switch_to(&page, "dev").await;
    page.until("the question", DIALOG_IS_OPEN).await;
    photograph(&page, "cluster-question").await;
    page.click("confirm-cancel").await;
    page.until("no question", &format!("!{DIALOG_IS_OPEN}")).await;
    page.wait("cluster-switch", "data-value", "prod").await;
    let shown: String = page.eval("document.querySelector('[data-testid=cluster-switch]').value").await;
    assert_eq!(shown, "prod");
    page.wait("run", "data-acked", "10").await;

    page.click("send-ten").await;
    page.wait("run", "data-state", "running").await;
    switch_to(&page, "dev").await;
    page.until("the question", DIALOG_IS_OPEN).await;
    page.click("confirm").await;
    page.wait("cluster-switch", "data-value", "dev").await;
    page.until("no run", "!document.querySelector('[data-testid=run]')").await;
    page.is_clean().await;
}

#[tokio::test]
async fn switch_can_be_confirmed_while_the_bridge_does_not_respond() {
    let Some(browser) = Browser::start().await else { return };
    let (mut bridge, _configuration) = two_clusters(&unique("run")).await;
    let mut page = browser.open(&bridge).await;
    page.expect_lost_bridge().await;
    page.click("send-ten").await;
    page.wait("run", "data-state", "running").await;
    bridge.kill().await;
    page.wait_for("banner").await;
    switch_to(&page, "dev").await;
    page.until("the question", DIALOG_IS_OPEN).await;
    page.click("confirm").await;
    page.until("no question", &format!("!{DIALOG_IS_OPEN}")).await;
    page.wait("cluster-switch", "data-value", "dev").await;
    page.until("no run", "!document.querySelector('[data-testid=run]')").await;
    bridge.start_again().await;
    page.wait("connection", "data-state", "open").await;
    page.wait_for("read-only").await;
    assert_eq!(page.attribute("cluster-switch", "data-value").await.as_deref(), Some("dev"));
    page.is_clean().await;
}

#[tokio::test]
async fn only_cluster_is_named_if_it_has_a_colour() {
    let Some(browser) = Browser::start().await else { return };
    let configuration = file("[clusters.prod]\ndemo = true\ncolour = \"amber\"\n");
    let bridge = Bridge::start().option("--config", configuration.path().to_str().expect("a plain path")).await;
    let page = browser.open(&bridge).await;
    page.wait("cluster-switch", "data-colour", "amber").await;
    assert_eq!(page.number_of("select[data-testid=cluster-switch]").await, 0, "there is nothing to switch to");
    photograph(&page, "cluster-only").await;
    page.is_clean().await;

    let bridge = Bridge::start().demo().await;
    let page = browser.open(&bridge).await;
    assert_eq!(page.number_of("[data-testid=cluster-switch]").await, 0);
    assert!(!page.eval::<String>("location.search").await.contains("cluster"));
}
