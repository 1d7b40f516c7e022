//! Limits: the client that exceeds one gets an error with the reason, and other sessions continue.

use protocol::CloseCode;
use tests::client::text_record;
use tests::wait::eventually;
use tests::{Bridge, Watch, unique};

#[tokio::test]
async fn socket_beyond_max_sockets_is_refused_and_the_others_stay() {
    let bridge = Bridge::start().demo().option("--max-sockets", "2").await;
    let (mut first, second) = (bridge.client().await, bridge.client().await);
    assert_eq!(bridge.handshake().refused().await, 503);

    let topic = unique("capped");
    first.write(vec![text_record(&topic, "still here")]).await;
    let watch = first.subscribe(&Watch::tail(&topic)).await;
    assert_eq!(first.records(watch, 1).await.len(), 1);

    drop(second);
    eventually("room for another socket", || async { bridge.handshake().try_open().await.ok() }).await;
}

#[tokio::test]
async fn client_beyond_the_request_rate_is_closed_with_4013() {
    let bridge = Bridge::start().demo().await;
    let (mut busy, mut calm) = (bridge.client().await, bridge.client().await);
    for _ in 0..3000 {
        // Refused requests count as well.
        busy.socket.text(r#"{"type":"unsubscribe","id":1,"subscription":99}"#).await;
    }
    busy.socket.expect_close(CloseCode::RateExceeded).await;
    assert_eq!(calm.write(vec![text_record(&unique("calm"), "v")]).await.len(), 1);
}
