//! The page behind nginx: below a path, over HTTPS and HTTP/2, with short time-outs, and with every reason why a connection fails.

use protocol::{Ping, Pong};
use tests::page::View;
use tests::{Bridge, Browser, Client, Nginx, Page, unique};

use crate::page::{listen, send_ten};

/// A bridge as `docs/proxies.md` starts it for nginx.
async fn bridge_behind_proxy(topic: &str) -> Bridge {
    Bridge::start()
        .demo()
        .topic(topic)
        .option("--base-path", "/ponte")
        .option("--trusted-proxies", "127.0.0.1")
        .option("--allowed-hosts", "localhost")
        .await
}

fn url(nginx: &Nginx) -> String {
    format!("https://{}/ponte/", nginx.address)
}

async fn open(browser: &Browser, nginx: &Nginx) -> Page {
    browser.load(&url(nginx), View::default()).await
}

/// The test answers the requests by which the page finds out why no socket opens: `__held[0](404)` answers the first of them.
/// `__reasons` has every reason that the banner has shown.
const HOLD_ANSWERS: &str = "window.__held = []; window.__reasons = []; window.__fetch = window.fetch; \
     window.fetch = (target, ...rest) => String(target).endsWith('/ws') ? \
       new Promise(answer => window.__held.push(status => answer(new Response('', {status})))) : \
       window.__fetch(target, ...rest); \
     new MutationObserver(() => \
       window.__reasons.push(document.querySelector('[data-testid=banner]')?.dataset.reason ?? null)) \
       .observe(document, {subtree: true, childList: true, attributes: true})";

/// Waits until the banner gives this reason, and returns its text.
async fn reason(page: &Page, reason: &str) -> String {
    page.wait("banner", "data-reason", reason).await;
    page.text("banner").await
}

#[tokio::test]
async fn page_works_behind_nginx_below_a_path_over_https() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("nginx");
    let bridge = bridge_behind_proxy(&topic).await;
    let Some(nginx) = Nginx::documented(&bridge.address, |configuration| configuration).await else { return };
    let page = open(&browser, &nginx).await;
    page.wait("connection", "data-state", "open").await;
    let protocol: String = page.eval("performance.getEntriesByType('navigation')[0].nextHopProtocol").await;
    assert_eq!(protocol, "h2");
    listen(&page).await;
    send_ten(&page).await;
    page.wait("feed", "data-received", "10").await;
    // A view whose code is loaded later, and a reload of its address.
    page.click("nav-topics").await;
    page.until("the topic", &format!("document.body.innerText.includes({topic:?})")).await;
    let address: String = page.eval("location.pathname + location.search").await;
    assert!(address.starts_with("/ponte/?"), "{address}");
    page.reload().await;
    page.until("the topic again", &format!("document.body.innerText.includes({topic:?})")).await;
    page.is_clean().await;
}

/// Takes three heartbeats, 30 s.
#[tokio::test]
async fn idle_socket_survives_a_read_timeout_of_15_seconds() {
    let topic = unique("idle");
    let bridge = bridge_behind_proxy(&topic).await;
    let change = |configuration: String| {
        let plain = configuration.replace("listen 443 ssl http2;", "listen 443;");
        plain.replace("proxy_http_version", "proxy_read_timeout 15s; proxy_send_timeout 15s; proxy_http_version")
    };
    let Some(nginx) = Nginx::documented(&bridge.address, change).await else { return };
    let handshake = bridge.handshake().via(&nginx.address).host(&nginx.address).path("/ponte/ws");
    let mut client = Client::hello(handshake.origin(&format!("http://{}", nginx.address)).open().await).await;
    // The client itself would answer pings unseen.
    client.answers_pings = false;
    for _ in 0..3 {
        client.expect::<Ping>().await;
        client.send(Pong {}).await;
    }
    client.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await;
}

#[tokio::test]
async fn page_names_the_reason_when_a_proxy_does_not_pass_on_websockets() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = bridge_behind_proxy(&unique("upgrade")).await;
    let change = |configuration: String| configuration.replace("proxy_set_header Upgrade $http_upgrade;", "");
    let Some(nginx) = Nginx::documented(&bridge.address, change).await else { return };
    let mut page = open(&browser, &nginx).await;
    page.expect_refused_socket();
    let text = reason(&page, "upgrade_not_forwarded").await;
    assert!(text.contains("/ponte/ws") && text.contains("Upgrade"), "{text}");
    page.screenshot("proxy-without-websockets").await;
    page.is_clean().await;
}

#[tokio::test]
async fn page_names_the_reason_when_a_proxy_replaces_the_host() {
    let Some(browser) = Browser::start().await else { return };
    let bridge = bridge_behind_proxy(&unique("host")).await;
    let change = |configuration: String| configuration.replace("proxy_set_header Host $http_host;", "");
    let Some(nginx) = Nginx::documented(&bridge.address, change).await else { return };
    let mut page = open(&browser, &nginx).await;
    page.expect_refused_socket();
    let text = reason(&page, "origin_refused").await;
    let origin = format!("https://{}", nginx.address);
    assert!(text.contains(&origin) && text.contains("--allowed-origins"), "{text}");
    page.screenshot("proxy-replaces-host").await;
    page.is_clean().await;
}

#[tokio::test]
async fn page_asks_to_sign_in_again_when_the_handshake_is_redirected() {
    let Some(browser) = Browser::start().await else { return };
    let mut bridge = bridge_behind_proxy(&unique("signed-out")).await;
    // A sign-in that is a cookie: without it the proxy leads to its own page.
    let change = |configuration: String| {
        let guard = "location = /sign-in { default_type text/html; add_header Set-Cookie 'user=me; Path=/'; return 200 'signed in'; }\n\
                     location /ponte/ { if ($cookie_user = '') { return 302 /sign-in; } ";
        configuration.replace("location /ponte/ {", guard)
    };
    let Some(nginx) = Nginx::documented(&bridge.address, change).await else { return };
    let mut page = browser.load(&format!("https://{}/sign-in", nginx.address), View::default()).await;
    page.expect_refused_socket();
    page.go(&url(&nginx)).await;
    page.wait("connection", "data-state", "open").await;

    // The sign-in expires, and the connection is lost.
    page.expect_lost_bridge().await;
    page.eval::<bool>("(document.cookie = 'user=; Path=/; Max-Age=0', true)").await;
    bridge.ctrl_c();
    bridge.exit_code().await;
    bridge.start_again().await;
    let text = reason(&page, "signed_out").await;
    assert!(text.contains("signed out"), "{text}");
    page.screenshot("signed-out").await;
    page.eval::<bool>("(document.cookie = 'user=me; Path=/', true)").await;
    page.click("banner-reload").await;
    page.wait("connection", "data-state", "open").await;
    page.is_clean().await;
}

#[tokio::test]
async fn page_tells_a_missing_bridge_a_full_bridge_and_another_server_apart() {
    let Some(browser) = Browser::start().await else { return };
    let mut bridge = Bridge::start()
        .demo()
        .option("--base-path", "/ponte")
        .option("--allowed-hosts", "localhost")
        .option("--max-sockets", "1")
        .await;
    let other = |configuration: String| {
        configuration.replace("location /ponte/ {", "location = /ponte/ws { return 404; }\nlocation /ponte/ {")
    };
    let Some(nginx) = Nginx::documented(&bridge.address, |configuration| configuration).await else { return };
    let Some(without_socket) = Nginx::documented(&bridge.address, other).await else { return };
    let mut page = open(&browser, &without_socket).await;
    page.expect_refused_socket();
    let text = reason(&page, "other_server").await;
    assert!(text.contains("/ponte/ws") && text.contains("404"), "{text}");

    let client = Client::hello(bridge.handshake().path("/ponte/ws").open().await).await;
    let mut page = open(&browser, &nginx).await;
    page.expect_refused_socket();
    let text = reason(&page, "too_many_sockets").await;
    assert!(text.contains("--max-sockets"), "{text}");
    drop(client);
    page.wait("connection", "data-state", "open").await;
    page.until("no banner", "!document.querySelector('[data-testid=banner]')").await;

    page.expect_lost_bridge().await;
    bridge.ctrl_c();
    bridge.exit_code().await;
    let text = reason(&page, "bridge_down").await;
    assert!(text.contains("502"), "{text}");
    bridge.start_again().await;
    page.wait("connection", "data-state", "open").await;
    page.is_clean().await;
}

#[tokio::test]
async fn page_ignores_late_answers_about_earlier_sockets() {
    let Some(browser) = Browser::start().await else { return };
    let mut bridge = Bridge::start().demo().topic(&unique("late")).await;
    let mut page = browser.open(&bridge).await;
    page.prepare(HOLD_ANSWERS).await;
    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    page.expect_lost_bridge().await;
    // Answers the latest request; another one may be sent at any time.
    let answered =
        "(__held.at(-1)(502), document.querySelector('[data-testid=banner]')?.dataset.reason === 'bridge_down')";

    bridge.ctrl_c();
    bridge.exit_code().await;
    page.until("three requests", "__held.length >= 3").await;
    page.until("the reason", answered).await;
    page.eval::<bool>("(__held[0](404), true)").await;
    bridge.start_again().await;
    page.wait("connection", "data-state", "open").await;

    // The socket that was open meanwhile makes the answer older still.
    let before: u64 = page.eval("__held.length").await;
    bridge.ctrl_c();
    bridge.exit_code().await;
    page.until("another request", &format!("__held.length > {before}")).await;
    page.eval::<bool>("(__held[1](404), true)").await;
    page.until("the reason", answered).await;
    bridge.start_again().await;
    page.wait("connection", "data-state", "open").await;
    let reasons: Vec<Option<String>> = page.eval("__reasons").await;
    assert!(!reasons.contains(&Some("other_server".to_owned())), "{reasons:?}");
    page.is_clean().await;
}
