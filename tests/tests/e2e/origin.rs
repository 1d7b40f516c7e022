//! Origin and Host checks: only pages of the bridge's own address, under names of this machine, may connect. Others are refused
//! before the upgrade, since any page on the web can reach localhost.

use hyper::StatusCode;
use tests::http::Request;
use tests::{Bridge, Client};

#[tokio::test]
async fn foreign_origin_is_refused_before_the_upgrade() {
    let bridge = Bridge::start().demo().await;
    let (address, port) = (bridge.address.clone(), bridge.address.rsplit_once(':').expect("a port").1.to_owned());
    for origin in [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        format!("http://{address}.evil.example"),
        format!("http://evil.example:{port}"),
        format!("http://127.0.0.1.evil.example:{port}"),
        format!("http://evil{address}"),
        "http://127.0.0.1".to_owned(),
        "http://127.0.0.1:1".to_owned(),
        format!("http://{address}@evil.example"),
        format!("http://user@{address}"),
        format!("http://{address}/"),
        format!("file://{address}"),
        "*".to_owned(),
        String::new(),
    ] {
        let status = bridge.handshake().origin(&origin).refused().await;
        assert_eq!(status, StatusCode::FORBIDDEN, "Origin: {origin}");
    }
}

#[tokio::test]
async fn page_may_be_opened_under_any_loopback_name() {
    let bridge = Bridge::start().demo().await;
    let port = bridge.address.rsplit_once(':').expect("a port").1.to_owned();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let handshake = bridge.handshake().host(&host).origin(&format!("http://{host}"));
        Client::hello(handshake.open().await).await;
        let page = Request::get("/").header("host", &host).send(&bridge.address).await;
        assert_eq!(page.status, StatusCode::OK, "Host: {host}");
    }
}

#[tokio::test]
async fn foreign_host_is_refused_on_every_route() {
    let bridge = Bridge::start().demo().await;
    let port = bridge.address.rsplit_once(':').expect("a port").1.to_owned();
    let hosts = [
        format!("rebound.example:{port}"),
        format!("127.0.0.1.rebound.example:{port}"),
        "rebound.example".to_owned(),
        format!("localhost.rebound.example:{port}"),
    ];
    for host in hosts {
        for path in ["/", "/healthz", "/readyz", "/api/cluster", "/nothing"] {
            let response = Request::get(path).header("host", &host).send(&bridge.address).await;
            assert!(
                response.status == StatusCode::FORBIDDEN || response.status == StatusCode::MISDIRECTED_REQUEST,
                "{path} for {host}: {}",
                response.status
            );
            assert!(!response.text().contains("brokers"), "{path} for {host} says too much: {}", response.text());
        }
        let same = format!("http://{host}");
        let status = bridge.handshake().host(&host).origin(&same).refused().await;
        assert!(
            status == StatusCode::FORBIDDEN || status == StatusCode::MISDIRECTED_REQUEST,
            "/ws for {host}: {status}"
        );
    }
}

#[tokio::test]
async fn allowed_hosts_and_origins_are_accepted() {
    let bridge = Bridge::start()
        .demo()
        .option("--allowed-hosts", "ponte.example")
        .option("--allowed-origins", "http://127.0.0.1:8080")
        .await;
    let page = Request::get("/").header("host", "ponte.example").send(&bridge.address).await;
    assert_eq!(page.status, StatusCode::OK);
    Client::hello(bridge.handshake().origin("http://127.0.0.1:8080").open().await).await;
    let status = bridge.handshake().origin("http://127.0.0.1:8081").refused().await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn responses_have_no_cors_header_for_other_origins() {
    let bridge = Bridge::start().demo().await;
    let response = Request::get("/api/cluster").header("origin", "https://evil.example").send(&bridge.address).await;
    assert_eq!(response.header("access-control-allow-origin"), "");
}
