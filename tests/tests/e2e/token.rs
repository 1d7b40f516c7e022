//! The access token: without it a client gets no further than `hello`, and the token is never printed.

use hyper::StatusCode;
use nix::sys::signal::Signal;
use protocol::CloseCode;
use serde_json::{Value, json};
use tests::http::Request;
use tests::kafka::unused_address;
use tests::page::View;
use tests::socket::{Heard, Socket};
use tests::{Bridge, Browser, Program, eventually, unique};

use crate::config::file;
use crate::page_states::photograph;

const TOKEN: &str = "canary-7d11e0b2-token";

/// Sends `hello` with this token, or without one.
async fn hello(bridge: &Bridge, token: Option<&str>) -> Socket {
    let mut socket = bridge.socket().await;
    let mut hello = json!({"type": "hello", "protocol": "ponte.v1", "client": "test/1"});
    if let Some(token) = token {
        hello["token"] = token.into();
    }
    socket.text(&hello.to_string()).await;
    socket
}

fn shows_no_token(output: &str) {
    assert!(!output.contains(TOKEN), "the token is shown:\n{output}");
}

#[tokio::test]
async fn hello_without_the_token_closes_with_4500() {
    let bridge = Bridge::start().demo().env("PONTE_TOKEN", TOKEN).await;
    let mut admitted = hello(&bridge, Some(TOKEN)).await;
    assert!(matches!(admitted.next().await, Heard::Text(text) if text.contains(r#""type":"welcome""#)));

    for wrong in
        [None, Some(""), Some("canary-7d11e0b2-toke"), Some("canary-7d11e0b2-token2"), Some("CANARY-7D11E0B2-TOKEN")]
    {
        let mut socket = hello(&bridge, wrong).await;
        // Messages after a refused `hello` are not processed.
        socket.text(r#"{"type":"topics","id":1}"#).await;
        let reason = socket.expect_close(CloseCode::TokenRefused).await;
        assert!(reason.contains("token"), "{wrong:?}: {reason}");
        shows_no_token(&reason);
    }
    admitted.text(r#"{"type":"cluster","id":1}"#).await;
    admitted.hears("cluster_result").await;
    shows_no_token(&bridge.output());
}

#[tokio::test]
async fn routes_that_name_brokers_need_the_token() {
    let servers = unused_address();
    let bridge = Bridge::start().option("--bootstrap-servers", &servers).env("PONTE_TOKEN", TOKEN).await;
    let ask = async |authorization: &str| {
        Request::get("/api/cluster").header("authorization", authorization).send(&bridge.address).await
    };
    assert_eq!(ask(&format!("Bearer {TOKEN}")).await.json::<Value>()["bootstrap_servers"], json!(servers));
    for scheme in ["bearer", "BEARER", "Bearer "] {
        assert_eq!(ask(&format!("{scheme} {TOKEN}")).await.status, StatusCode::OK, "the scheme {scheme:?}");
    }
    assert_eq!(bridge.get("/metrics").await.status, StatusCode::UNAUTHORIZED);
    for wrong in ["", "Bearer", "Bearer wrong", TOKEN, &format!("Basic {TOKEN}")] {
        let refused = ask(wrong).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert!(!refused.text().contains(&servers), "{}", refused.text());
    }
    // Health checks and the page itself need no token.
    assert_eq!(bridge.get("/healthz").await.status, StatusCode::OK);
    let ready = bridge.get("/readyz").await;
    assert_eq!((ready.status, &ready.json::<Value>()["state"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("down")));
    assert!(!ready.text().contains(&servers), "{}", ready.text());
    assert_eq!(bridge.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn listener_beyond_loopback_is_allowed_with_a_token() {
    let file = file(&format!("{TOKEN}\n"));
    let path = file.path().to_str().expect("a readable path");
    let mut program = Program::bridge(&["--demo", "--listen", "0.0.0.0:0", "--token-file", path]);
    let line = program.line().await;
    assert!(line.starts_with("Ponte is listening on http://"), "{line}");
    shows_no_token(&program.output());
}

#[tokio::test]
async fn short_token_is_refused_without_being_printed() {
    const SHORT: &str = "canary-7d11e0b";
    let file = file(&format!("{SHORT}\n"));
    let path = file.path().to_str().expect("a readable path");
    for (args, env, named) in [
        (vec!["--token", SHORT], vec![], "--token"),
        (vec![], vec![("PONTE_TOKEN", SHORT)], "PONTE_TOKEN"),
        (vec!["--token-file", path], vec![], "--token-file"),
        (vec!["--token-file", "/not/there"], vec![], "/not/there"),
        (vec!["--token-file", path, "--token", TOKEN], vec![], "--token-file"),
    ] {
        let args = [&["--demo", "--listen", "127.0.0.1:0"][..], &args].concat();
        let mut program = Program::bridge_with(&args, &env);
        assert_eq!(program.exit_code().await, 2, "{args:?}");
        let (_, said) = program.all_output().await;
        assert!(said.contains(named), "{args:?}: {said}");
        assert!(!said.contains("canary"), "{args:?} shows the token: {said}");
    }
    let mut help = Program::bridge_with(&["--help"], &[("PONTE_TOKEN", TOKEN)]);
    assert_eq!(help.exit_code().await, 0);
    shows_no_token(&help.all_output().await.0);
}

/// Whether a new client is admitted with this token.
async fn is_admitted(bridge: &Bridge, token: &str) -> bool {
    match hello(bridge, Some(token)).await.next().await {
        Heard::Text(text) => text.contains(r#""type":"welcome""#),
        _ => false,
    }
}

#[tokio::test]
async fn changed_token_file_applies_to_new_clients_and_open_sockets_stay() {
    const NEXT: &str = "canary-19c4ee70-token";
    let file = file(TOKEN);
    let path = file.path().to_str().expect("a readable path");
    let bridge = Bridge::start().demo().option("--token-file", path).await;
    let mut open = hello(&bridge, Some(TOKEN)).await;
    assert!(matches!(open.next().await, Heard::Text(text) if text.contains(r#""type":"welcome""#)));
    assert!(!is_admitted(&bridge, NEXT).await);

    std::fs::write(path, format!("{NEXT}\n")).expect("the file is writable");
    eventually("the new token", || async { is_admitted(&bridge, NEXT).await.then_some(()) }).await;
    let mut old = hello(&bridge, Some(TOKEN)).await;
    old.expect_close(CloseCode::TokenRefused).await;
    open.text(r#"{"type":"cluster","id":1}"#).await;
    open.hears("cluster_result").await;

    // An invalid file changes nothing.
    for invalid in ["", "short\n"] {
        std::fs::write(path, invalid).expect("the file is writable");
        let before = bridge.stderr.text().matches("the access token is unchanged").count();
        bridge.signal(Signal::SIGHUP);
        eventually("the error", || async {
            (bridge.stderr.text().matches("the access token is unchanged").count() > before).then_some(())
        })
        .await;
        assert!(is_admitted(&bridge, NEXT).await, "{invalid:?}");
    }
    assert!(!bridge.output().contains("canary"), "{}", bridge.output());
}

#[tokio::test]
async fn hangup_reads_the_files_at_once_and_does_not_end_the_bridge() {
    let bridge = Bridge::start().demo().await;
    bridge.signal(Signal::SIGHUP);
    bridge.logged("SIGHUP: there is no file to read again").await;
    assert!(bridge.cluster().await.demo, "it still answers");

    let configuration = file("topic = \"orders\"\n[clusters.prod]\ndemo = true\n");
    let path = configuration.path().to_str().expect("a readable path");
    let bridge = Bridge::start().option("--config", path).await;
    std::fs::write(path, "topic = \"payments\"\n[clusters.prod]\ndemo = true\n[clusters.dev]\ndemo = true\n")
        .expect("the file is writable");
    bridge.signal(Signal::SIGHUP);
    let line = bridge.logged("restart the bridge to use it").await;
    assert!(line.contains("WARN") && line.contains("clusters.dev, topic"), "{line}");
    assert_eq!(bridge.client().await.welcome.clusters.len(), 1);
    std::fs::write(path, "topic = \n").expect("the file is writable");
    bridge.logged("the changed configuration file cannot be used").await;
    assert_eq!(bridge.client().await.welcome.defaults.topic, "orders");
}

#[tokio::test]
async fn page_asks_for_the_token_and_then_opens_the_requested_view() {
    let Some(browser) = Browser::start().await else { return };
    let topic = unique("token");
    let bridge = Bridge::start().demo().topic(&topic).env("PONTE_TOKEN", TOKEN).await;
    let page =
        browser.load(&format!("{}?mode=watch&start=earliest&topic={topic}", bridge.url()), View::default()).await;
    page.wait("connection", "data-state", "closed").await;
    page.wait("banner", "data-level", "warning").await;
    photograph(&page, "token-asked").await;

    page.fill("token", "wrong").await;
    page.press("Enter", &[]).await;
    page.wait("banner", "data-level", "error").await;
    photograph(&page, "token-refused").await;

    page.fill("token", TOKEN).await;
    page.click("token-give").await;
    page.wait("connection", "data-state", "open").await;
    page.until("no banner", "!document.querySelector('[data-testid=banner]')").await;
    // The link that was opened asks for this.
    page.wait("listen", "data-state", "listening").await;

    page.reload().await;
    page.wait("connection", "data-state", "open").await;
    let seen: String =
        page.eval("location.href + document.documentElement.outerHTML + JSON.stringify(localStorage)").await;
    shows_no_token(&seen);
    shows_no_token(&bridge.output());
    page.is_clean().await;
}
