//! A bridge behind a proxy: below a path, and with the addresses of clients in `X-Forwarded-For`. Tests with nginx and a browser are in
//! `page_proxies`.

use hyper::StatusCode;
use protocol::{ErrorCode, ErrorMessage, ServerMessage};
use tests::http::{Request, Response};
use tests::{Bridge, Client, PATIENCE, Program, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The error in the body of a refused handshake.
fn error_of(response: &Response) -> ErrorMessage {
    match ServerMessage::parse(response.text()).expect("a message").message {
        ServerMessage::ErrorMessage(error) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn bridge_is_served_below_its_base_path() {
    let bridge = Bridge::start().demo().option("--base-path", "/tools/ponte").await;
    assert!(bridge.url().ends_with("/tools/ponte/"), "{}", bridge.greeting);
    for (path, status) in [
        ("/tools/ponte/", StatusCode::OK),
        ("/tools/ponte/healthz", StatusCode::OK),
        ("/healthz", StatusCode::OK),
        ("/metrics", StatusCode::OK),
        ("/api/cluster", StatusCode::OK),
        ("/tools/ponte/nothing", StatusCode::NOT_FOUND),
        ("/tools/ponteish/", StatusCode::NOT_FOUND),
        ("/ws", StatusCode::NOT_FOUND),
        ("/tools", StatusCode::NOT_FOUND),
    ] {
        let response = bridge.get(path).await;
        assert_eq!(response.status, status, "{path}: {}", response.text());
        assert!(!response.header("content-security-policy").is_empty(), "{path}");
    }
    // It is 503 until the demo broker has answered for the first time.
    let is_ready = || async { (bridge.get("/readyz").await.status == StatusCode::OK).then_some(()) };
    eventually("/readyz to answer 200", is_ready).await;
    for path in ["/tools/ponte", "/"] {
        let response = bridge.get(path).await;
        assert_eq!(response.status, StatusCode::TEMPORARY_REDIRECT, "{path}");
        assert_eq!(response.header("location"), "/tools/ponte/");
    }
    // A proxy that removes the path would be redirected for ever.
    let behind = Request::get("/").header(FORWARDED_FOR, "198.51.100.7").send(&bridge.address).await;
    assert_eq!(behind.status, StatusCode::NOT_FOUND);
    assert!(behind.text().contains("--base-path"), "{}", behind.text());
    assert_eq!(bridge.get("/tools/ponte?view=topics").await.header("location"), "/tools/ponte/?view=topics");
    Client::hello(bridge.handshake().path("/tools/ponte/ws").open().await).await;
}

#[tokio::test]
async fn limit_per_address_counts_the_client_that_a_trusted_proxy_reports() {
    let bridge = Bridge::start()
        .demo()
        .option("--trusted-proxies", "127.0.0.0/8")
        .option("--max-sockets-per-address", "1")
        .await;
    let from = |address: &str| bridge.handshake().header(FORWARDED_FOR, address);
    let first = Client::hello(from("203.0.113.9, 198.51.100.7").open().await).await;
    bridge.logged("198.51.100.7 via 127.0.0.1:").await;
    assert_eq!(from("198.51.100.7").refused().await, StatusCode::SERVICE_UNAVAILABLE);
    let other = Client::hello(from("198.51.100.8").open().await).await;
    drop(first);
    // The slot of a closed socket is free again once the bridge has noticed.
    let again = eventually("a free slot", || async { from("198.51.100.7").try_open().await.ok() }).await;
    Client::hello(again).await;
    drop(other);
}

/// The headers of both versions of the PROXY protocol, for the client 198.51.100.7.
fn proxy_headers() -> [Vec<u8>; 2] {
    let version_2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x07\xc0\0\x02\x01\xdc\x04\x0b\xd6";
    [b"PROXY TCP4 198.51.100.7 192.0.2.1 56324 3030\r\n".to_vec(), version_2.to_vec()]
}

/// What the bridge answers to these bytes and a request after them.
async fn answer_to(bridge: &Bridge, before: &[u8]) -> String {
    let mut stream = TcpStream::connect(&bridge.address).await.expect("the bridge listens");
    let token = format!("Authorization: Bearer {}", "x".repeat(20));
    let request =
        format!("GET /api/cluster HTTP/1.1\r\nHost: {}\r\n{token}\r\nConnection: close\r\n\r\n", bridge.address);
    stream.write_all(&[before, request.as_bytes()].concat()).await.expect("a fresh connection");
    let mut answer = Vec::new();
    // The bridge may close the connection before it has read the request, which resets it.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer or the end");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn proxy_header_names_the_client_of_a_forwarded_connection() {
    let bridge = Bridge::start()
        .demo()
        .env("PONTE_TOKEN", "0123456789abcdef")
        .option("--trusted-proxies", "127.0.0.0/8")
        .flag("--proxy-protocol")
        .await;
    for header in proxy_headers() {
        let answer = answer_to(&bridge, &header).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    // The refused token is logged with the client's address.
    bridge.logged("198.51.100.7 via 127.0.0.1:").await;
    let answer = answer_to(&bridge, b"PROXY UNKNOWN\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    for invalid in [&b""[..], b"PROXY TCP4 198.51.100.7\r\n", b"PROXY TCP4 a b c d\r\n"] {
        assert_eq!(answer_to(&bridge, invalid).await, "", "{}", invalid.escape_ascii());
    }
    let line = bridge.logged("needs a PROXY header").await;
    assert!(line.contains("127.0.0.1"), "{line}");
}

#[tokio::test]
async fn untrusted_peer_is_served_without_a_proxy_header_and_cannot_send_one() {
    let bridge = Bridge::start().demo().option("--trusted-proxies", "192.0.2.1").flag("--proxy-protocol").await;
    let answer = answer_to(&bridge, b"").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for header in proxy_headers() {
        let answer = answer_to(&bridge, &header).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    assert!(!bridge.stderr.text().contains("198.51.100.7"));
}

#[tokio::test]
async fn header_of_an_untrusted_peer_is_ignored_and_logged_once() {
    let bridge = Bridge::start().demo().option("--trusted-proxies", "192.0.2.1").await;
    for _ in 0..2 {
        let handshake = bridge.handshake().header(FORWARDED_FOR, "198.51.100.7");
        Client::hello(handshake.open().await).await;
    }
    let line = bridge.logged("X-Forwarded-For").await;
    assert!(line.contains("--trusted-proxies") && line.contains("127.0.0.1"), "{line}");
    assert_eq!(bridge.stderr.text().matches("X-Forwarded-For").count(), 1);
    assert!(!bridge.stderr.text().contains("198.51.100.7"));
}

#[tokio::test]
async fn wrong_tokens_slow_down_only_the_client_that_a_trusted_proxy_reports() {
    const TOKEN: &str = "0123456789abcdef";
    let bridge = Bridge::start().demo().env("PONTE_TOKEN", TOKEN).option("--trusted-proxies", "127.0.0.1").await;
    let ask = |address: &'static str, token: &str| {
        let request = Request::get("/api/cluster").header(FORWARDED_FOR, address);
        request.header("authorization", &format!("Bearer {token}")).send(&bridge.address)
    };
    for _ in 0..10 {
        assert_eq!(ask("198.51.100.7", "wrong-token-wrong-token").await.status, StatusCode::UNAUTHORIZED);
    }
    // The guesser's next answer is delayed; an answer to another client overtakes it.
    let (guesser, other) = (ask("198.51.100.7", TOKEN), ask("198.51.100.8", TOKEN));
    tokio::select! {
        biased;
        answer = other => assert_eq!(answer.status, StatusCode::OK),
        _ = guesser => panic!("the guesser was not delayed"),
    }
}

#[tokio::test]
async fn refused_handshake_has_an_error_message_as_its_body() {
    let bridge = Bridge::start().demo().option("--max-sockets", "1").await;
    // A plain request, as the page sends it when its handshake has failed.
    let plain = |origin: &str| Request::get("/ws").header("ponte-origin", origin).send(&bridge.address);
    let own = format!("http://{}", bridge.address);

    let response = plain(&own).await;
    assert_eq!(response.status, StatusCode::UPGRADE_REQUIRED);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cache-control"), "no-store");
    assert_eq!(error_of(&response).error.code, ErrorCode::BadHandshake.number());

    let response = plain("https://ponte.example").await;
    assert_eq!(response.status, StatusCode::FORBIDDEN);
    let error = error_of(&response).error;
    assert_eq!(error.code, ErrorCode::OriginRefused.number());
    assert!(
        error.message.contains("https://ponte.example") && error.message.contains("--allowed-origins"),
        "{error:?}"
    );

    let _client = bridge.client().await;
    let response = plain(&own).await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    let error = error_of(&response).error;
    assert_eq!(error.code, ErrorCode::TooManySockets.number());
    assert!(error.retriable && error.message.contains("--max-sockets"), "{error:?}");
}

#[tokio::test]
async fn http_origin_is_refused_if_a_trusted_proxy_reports_https() {
    let bridge = Bridge::start().demo().option("--trusted-proxies", "127.0.0.1").await;
    let from = |scheme: &str| {
        let handshake = bridge.handshake().header("x-forwarded-proto", "https");
        handshake.origin(&format!("{scheme}://{}", bridge.address))
    };
    assert_eq!(from("http").refused().await, StatusCode::FORBIDDEN);
    Client::hello(from("https").open().await).await;
}

#[tokio::test]
async fn invalid_options_of_proxies_stop_the_start() {
    for (option, value, expected) in [
        ("--base-path", "ponte", "begins with a slash"),
        ("--base-path", "/a/../b", "no . or .. segment"),
        ("--trusted-proxies", "nginx", "10.0.0.0/8"),
        ("--trusted-proxies", "10.0.0.0/33", "10.0.0.0/8"),
    ] {
        let mut program = Program::bridge(&["--listen", "127.0.0.1:0", "--demo", option, value]);
        assert_eq!(program.exit_code().await, 2, "{option} {value}");
        let (_, stderr) = program.all_output().await;
        assert!(stderr.contains(option) && stderr.contains(value) && stderr.contains(expected), "{stderr}");
    }
}
