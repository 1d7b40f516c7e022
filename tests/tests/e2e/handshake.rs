//! HTTP requests that no browser sends: each is refused with the status of the rule that it breaks.

use protocol::{ErrorCode, Frame, ServerMessage};
use tests::http::Request;
use tests::{Bridge, Raw};

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

/// An upgrade request; `HOST` stands for the bridge's address.
fn upgrade(line: &str, changed: &[(&str, &str)]) -> String {
    let mut headers = vec![
        ("Host", "HOST"),
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    for (name, _) in changed {
        headers.retain(|(known, _)| known != name);
    }
    // A header without a value is left out.
    headers.extend(changed.iter().filter(|(_, value)| !value.is_empty()));
    request(line, &headers)
}

fn request(line: &str, headers: &[(&str, &str)]) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{line}\r\n{headers}\r\n")
}

/// Sends each request and checks the response; a header is expected in lower case.
async fn answers(cases: Vec<(String, u16, &str)>) {
    let bridge = Bridge::start().demo().await;
    for (request, expected, header) in cases {
        let request = request.replace("HOST", &bridge.address);
        let (status, head) = Raw::ask(&bridge.address, &request).await;
        assert_eq!(status, expected, "{request}\n{head}");
        assert!(head.contains(header), "no {header:?} in the answer to\n{request}\n{head}");
    }
    bridge.client().await;
}

#[tokio::test]
async fn websocket_handshake_follows_rfc_6455() {
    const GET: &str = "GET /ws HTTP/1.1";
    let accepted = "sec-websocket-accept: icx+yqv66kxgm0fcwalwlflwtai=";
    answers(vec![
        (upgrade(GET, &[]), 101, accepted),
        (upgrade(GET, &[("Upgrade", "WebSocket"), ("Connection", "upgrade")]), 101, accepted),
        (upgrade(GET, &[("Sec-WebSocket-Key", "")]), 400, ""),
        (upgrade(GET, &[("Sec-WebSocket-Key", "short")]), 400, ""),
        (upgrade(GET, &[("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAA")]), 400, ""),
        (upgrade(GET, &[("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA")]), 400, ""),
        (upgrade(GET, &[("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAAA=")]), 400, ""),
        (upgrade(GET, &[("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!==")]), 400, ""),
        (upgrade(GET, &[("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Key", KEY)]), 400, ""),
        (upgrade(GET, &[("Sec-WebSocket-Version", "8")]), 426, "sec-websocket-version: 13"),
        (upgrade(GET, &[("Sec-WebSocket-Version", "13, 8")]), 426, "sec-websocket-version: 13"),
        (upgrade(GET, &[("Sec-WebSocket-Version", "")]), 426, "sec-websocket-version: 13"),
        (upgrade(GET, &[("Upgrade", "h2c")]), 426, "upgrade: websocket"),
        (upgrade(GET, &[("Upgrade", "websocket2")]), 426, "upgrade: websocket"),
        (upgrade(GET, &[("Connection", "close")]), 426, ""),
        (upgrade(GET, &[("Sec-WebSocket-Protocol", "mqtt")]), 400, ""),
        (upgrade(GET, &[("Content-Length", "5")]), 400, ""),
        (upgrade(GET, &[("Transfer-Encoding", "chunked")]), 400, ""),
        (upgrade("GET /ws HTTP/1.0", &[]), 400, ""),
        (upgrade("POST /ws HTTP/1.1", &[]), 405, "allow: get\r\n"),
        (upgrade("HEAD /ws HTTP/1.1", &[]), 405, "allow: get\r\n"),
    ])
    .await;
}

#[tokio::test]
async fn request_must_have_exactly_one_allowed_host() {
    let get = |target: &str, host: &str| request(&format!("GET {target} HTTP/1.1"), &[("Host", host)]);
    let bridge = Bridge::start().demo().await;
    let port = bridge.address.rsplit_once(':').expect("a port").1.to_owned();
    for (target, host, expected) in [
        ("/healthz", format!("localhost:{port}"), 200),
        ("/healthz", format!("[[127.0.0.1]]:{port}"), 400),
        ("/healthz", format!("[127.0.0.1]:{port}"), 400),
        ("/healthz", format!("localhost:+{port}"), 400),
        ("/healthz", format!("localhost:0{port}"), 400),
        ("/healthz", format!("::1:{port}"), 400),
        ("/healthz", format!("user@localhost:{port}"), 400),
        ("/healthz", String::new(), 400),
        ("/healthz", format!("localhost:{port}\r\nHost: localhost:{port}"), 400),
        ("/healthz", format!("localhost:{port}\r\nHost: evil.example"), 400),
        ("/healthz", format!("evil.example:{port}"), 403),
        ("http://evil.example/healthz", bridge.address.clone(), 400),
        ("http://evil.example/ws", bridge.address.clone(), 400),
        ("http://evil.example/healthz", "evil.example".to_owned(), 403),
        ("ftp://HOST/healthz", bridge.address.clone(), 400),
        ("http://HOST/healthz", bridge.address.clone(), 200),
    ] {
        let request = get(&target.replace("HOST", &bridge.address), &host);
        let (status, head) = Raw::ask(&bridge.address, &request).await;
        assert_eq!(status, expected, "{request}\n{head}");
        assert!(!head.contains("101 switching"), "{head}");
    }
    let (status, _) = Raw::ask(&bridge.address, "GET /healthz HTTP/1.1\r\n\r\n").await;
    assert_eq!(status, 400, "no Host at all");
}

#[tokio::test]
async fn methods_and_header_sizes_are_limited() {
    let many: String = (0..150).map(|number| format!("X-{number}: 1\r\n")).collect();
    let host = [("Host", "HOST")];
    answers(vec![
        (request("POST / HTTP/1.1", &[("Host", "HOST"), ("Content-Length", "0")]), 405, "allow: get, head\r\n"),
        (request("OPTIONS / HTTP/1.1", &host), 405, "allow: get, head\r\n"),
        (request("DELETE /api/cluster HTTP/1.1", &host), 405, "allow: get, head\r\n"),
        (format!("GET /healthz HTTP/1.1\r\nHost: HOST\r\n{many}\r\n"), 431, ""),
        (format!("GET /healthz HTTP/1.1\r\nHost: HOST\r\nCookie: {}\r\n\r\n", "x".repeat(100_000)), 431, ""),
        (format!("GET /healthz HTTP/1.1\r\nHost: HOST\r\nCookie: {}\r\n\r\n", "x".repeat(30_000)), 200, ""),
    ])
    .await;
}

/// As the specification lists them: the status, and an `error` message as the body.
#[tokio::test]
async fn refused_handshake_says_why_in_an_error_message() {
    let bridge = Bridge::start().demo().option("--max-sockets", "1").await;
    let websocket = || {
        Request::get("/ws")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
    };
    let with_key = || websocket().header("sec-websocket-key", KEY);
    let cases = [
        (websocket(), 400, ErrorCode::BadHandshake),
        (with_key().header("sec-websocket-protocol", "mqtt"), 400, ErrorCode::BadHandshake),
        (Request::get("/ws"), 426, ErrorCode::BadHandshake),
        (with_key().header("origin", "http://elsewhere.example"), 403, ErrorCode::OriginRefused),
    ];
    for (request, status, code) in cases {
        refuses(request, status, code, &bridge).await;
    }
    let _open = bridge.client().await;
    refuses(with_key(), 503, ErrorCode::TooManySockets, &bridge).await;
    for (request, status) in
        [(Request::get("/ws").header("host", "elsewhere.example"), 403), (Request::post("/ws"), 405)]
    {
        let response = request.send(&bridge.address).await;
        assert_eq!(response.status.as_u16(), status);
        assert!(!response.text().starts_with('{') && !response.text().is_empty(), "{}", response.text());
    }
}

async fn refuses(request: Request, status: u16, code: ErrorCode, bridge: &Bridge) {
    let what = format!("{request:?}");
    let response = request.send(&bridge.address).await;
    assert_eq!(response.status.as_u16(), status, "{what}");
    assert_eq!(response.header("content-type"), "application/json", "{what}");
    assert_eq!(response.header("cache-control"), "no-store", "{what}");
    match ServerMessage::parse(response.text()) {
        Ok(Frame { message: ServerMessage::ErrorMessage(refused), .. }) => {
            assert_eq!(refused.error.code, code.number(), "{what}");
        }
        other => panic!("{what}: {other:?}"),
    }
}
