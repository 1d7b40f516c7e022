//! Clients that use up sockets, connections and token checks: other users are still served.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::StatusCode;
use protocol::CloseCode;
use serde_json::json;
use tests::http::Request;
use tests::socket::Heard;
use tests::{Bridge, Client, Raw, Socket, eventually};
use tokio::time::timeout;

const TOKEN: &str = "canary-7d11e0b2-token";

/// As the page does it: a socket that lost its place before it could say hello is opened again. How long this takes is measured by
/// `cargo xtask bench`, row B15.
async fn is_welcomed(bridge: &Bridge) {
    loop {
        let mut socket = bridge.socket().await;
        socket.text(r#"{"type":"hello","protocol":"ponte.v1","client":"user/1"}"#).await;
        match socket.next().await {
            Heard::Text(text) if text.contains(r#""type":"welcome""#) => return,
            Heard::Closed(4013 | 1006, _) => {}
            other => panic!("no welcome: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_without_hello_are_evicted_and_users_are_welcomed() {
    let bridge = Bridge::start().demo().await;
    let mut before = bridge.client().await;
    // More than the bridge keeps open before their `hello`.
    let mut silent: Vec<Socket> = Vec::new();
    for _ in 0..300 {
        silent.push(bridge.socket().await);
    }
    is_welcomed(&bridge).await;
    let reason = silent[0].expect_close(CloseCode::RateExceeded).await;
    assert!(reason.contains("hello") && CloseCode::should_reconnect(CloseCode::RateExceeded.number()), "{reason}");
    let mut last = silent.pop().expect("a socket");
    last.text(r#"{"type":"hello","protocol":"ponte.v1","client":"late/1"}"#).await;
    assert!(matches!(last.next().await, Heard::Text(_)), "the newest of them still have their place");
    drop(silent);

    let address = bridge.address.clone();
    let attack = tokio::spawn(async move {
        let mut silent = std::collections::VecDeque::new();
        loop {
            silent.push_back(Raw::upgraded(&address).await);
            if silent.len() > 500 {
                silent.pop_front();
            }
        }
    });
    for _ in 0..20 {
        is_welcomed(&bridge).await;
    }
    assert!(!attack.is_finished(), "the attack went on all the time");
    attack.abort();
    before.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await;
}

#[tokio::test]
async fn hello_beyond_max_sockets_closes_with_4504() {
    let bridge = Bridge::start().demo().option("--max-sockets", "1").await;
    let (mut one, mut two) = (bridge.socket().await, bridge.socket().await);
    let hello = r#"{"type":"hello","protocol":"ponte.v1","client":"user/1"}"#;
    one.text(hello).await;
    assert!(matches!(one.next().await, Heard::Text(_)));
    two.text(hello).await;
    let reason = two.expect_close(CloseCode::TooManyConnections).await;
    assert!(reason.contains("--max-sockets"), "{reason}");
}

#[tokio::test]
async fn idle_connections_are_evicted_and_healthz_answers() {
    const IDLE: usize = 500;
    const MOST_IDLE: usize = 256;
    const BEFORE_IDLE_CLOSE: Duration = Duration::from_secs(8);
    let bridge = Bridge::start().demo().await;
    let client = bridge.client().await;
    let mut kept_alive = Raw::connect(&bridge.address).await;
    kept_alive.send(format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", bridge.address).as_bytes()).await;
    assert!(kept_alive.head().await.starts_with("HTTP/1.1 200 "));
    let mut idle = Vec::new();
    for index in 0..IDLE {
        let mut raw = Raw::connect(&bridge.address).await;
        if index % 2 == 1 {
            raw.send(b"GET / HTTP/1.1\r\nHost: ").await;
        }
        idle.push(raw);
    }
    for _ in 0..5 {
        assert_eq!(bridge.get("/healthz").await.status, StatusCode::OK);
    }
    // Not a performance bound: after ten seconds connections without a request are closed anyway.
    let room = async {
        kept_alive.ended().await;
        let ended: FuturesUnordered<_> = idle.iter_mut().map(Raw::ended).collect();
        ended.take(IDLE - MOST_IDLE).count().await
    };
    assert_eq!(
        timeout(BEFORE_IDLE_CLOSE, room).await,
        Ok(IDLE - MOST_IDLE),
        "the longest silent connections make room"
    );
    assert_eq!(Client::hello(bridge.socket().await).await.welcome.heartbeat_ms, client.welcome.heartbeat_ms);
}

/// Takes ten seconds.
#[tokio::test]
async fn connection_without_a_request_is_closed_after_ten_seconds() {
    let bridge = Bridge::start().demo().await;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", bridge.address);
    let (mut silent, mut half, mut used) =
        (Raw::connect(&bridge.address).await, Raw::connect(&bridge.address).await, Raw::connect(&bridge.address).await);
    half.send(&request.as_bytes()[..20]).await;
    used.send(request.as_bytes()).await;
    let open_for = tokio::join!(silent.open_for(), half.open_for(), used.open_for());
    for (what, open_for) in
        [("a silent connection", open_for.0), ("half a request", open_for.1), ("an idle one", open_for.2)]
    {
        // Not a performance bound: a client has ten seconds, and a slow machine only gives it more.
        assert!(open_for > Duration::from_secs(8), "{what}: {open_for:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_tokens_are_slowed_down_counted_and_logged_once() {
    const GUESSERS: usize = 32;
    const GUESSING: Duration = Duration::from_secs(3);
    let bridge = Bridge::start().demo().env("PONTE_TOKEN", TOKEN).await;
    let guess = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer guessed\r\n\r\n", bridge.address);
    let began = Instant::now();
    let mut guessers = tokio::task::JoinSet::new();
    for _ in 0..GUESSERS {
        let (address, guess) = (bridge.address.clone(), guess.clone());
        guessers.spawn(async move {
            let mut guessed: usize = 0;
            while began.elapsed() < GUESSING {
                let (status, _) = Raw::ask(&address, &guess).await;
                assert_eq!(status, 401);
                guessed += 1;
            }
            guessed
        });
    }
    let guessed: usize = guessers.join_all().await.into_iter().sum();
    // Not a performance bound: guesses are slowed down, and a slow machine only slows them down more.
    assert!(guessed < 10 * GUESSERS, "{guessed} guesses in {:?}", began.elapsed());

    // A guess in `hello` waits as long, and so does the right token, which is accepted.
    let began = Instant::now();
    let mut socket = bridge.socket().await;
    let hello =
        |token: &str| json!({"type": "hello", "protocol": "ponte.v1", "client": "t/1", "token": token}).to_string();
    socket.text(&hello("guessed")).await;
    socket.expect_close(CloseCode::TokenRefused).await;
    // Not a performance bound: the delay itself is what protects the token.
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
    let mut socket = bridge.socket().await;
    socket.text(&hello(TOKEN)).await;
    assert!(matches!(socket.next().await, Heard::Text(text) if text.contains("welcome")));
    let metrics =
        Request::get("/metrics").header("authorization", &format!("Bearer {TOKEN}")).send(&bridge.address).await;
    let counted =
        metrics.text().lines().find_map(|line| line.strip_prefix("ponte_tokens_refused_total ")?.parse().ok());
    assert_eq!(counted, Some(guessed + 1), "{}", metrics.text());
    let lines = bridge.stderr.all();
    let logged = lines.iter().filter(|line| line.contains("a wrong access token was refused")).count();
    assert!((1..=3).contains(&logged), "{logged} lines");
    assert!(!bridge.output().contains(TOKEN) && !bridge.output().contains("guessed"), "tokens are not logged");
    assert_eq!(bridge.get("/healthz").await.status, StatusCode::OK, "no token is needed here");
}

#[tokio::test]
async fn refused_origins_are_logged_at_most_every_ten_seconds() {
    let bridge = Bridge::start().demo().await;
    let origin = format!("https://{}.example", "evil".repeat(1000));
    for _ in 0..40 {
        assert_eq!(bridge.handshake().origin(&origin).refused().await, StatusCode::FORBIDDEN);
    }
    eventually("a line about it", || async { bridge.output().contains("another origin").then_some(()) }).await;
    let lines = bridge.stderr.all();
    let refusals: Vec<&String> = lines.iter().filter(|line| line.contains("another origin")).collect();
    assert!(refusals.len() <= 3 && refusals.iter().all(|line| line.len() < 600), "{refusals:?}");
}
