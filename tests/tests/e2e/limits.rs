//! Limits: the client that exceeds one gets an error with the reason, and other sessions continue.

use protocol::{CloseCode, ErrorBody, ErrorCode, ProduceRecord, TopicRequest, TopicResult, WireBytes};
use tests::client::{Outcome, text_record};
use tests::kafka::create_topic_with;
use tests::raw::{Raw, frame_head, text_frame};
use tests::wait::eventually;
use tests::{Bridge, Client, Watch, on_every_kafka, unique};

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

/// The error of a record with this number of bytes.
async fn too_large(client: &mut Client, topic: &str, bytes: usize) -> ErrorBody {
    // Bytes that do not compress, in case the topic counts compressed ones.
    let value = (0..bytes).map(|at| (at * at % 251) as u8).collect();
    let record = ProduceRecord { value: WireBytes::Base64(value), ..text_record(topic, "") };
    let first = client.produce_binary(&[record]).await;
    match client.outcome(first).await {
        Outcome::Failed(error) => {
            assert_eq!(error.code, ErrorCode::RecordTooLarge.number(), "{error:?}");
            error
        }
        acked => panic!("{acked:?}"),
    }
}

on_every_kafka! {
    real
    async fn record_that_is_too_large_names_the_smaller_limit_of_bridge_and_topic(kafka: Kafka) {
        let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
        let (small, large) = (unique("small"), unique("large"));
        create_topic_with(&servers, &small, 1, &[("max.message.bytes", "1500000")]).await;
        create_topic_with(&servers, &large, 1, &[("max.message.bytes", "11000000")]).await;
        let bridge = Bridge::start().on(&kafka).option("--max-message-bytes", "2000000").await;
        let mut client = bridge.client().await;
        assert_eq!(client.welcome.limits.message_bytes, 2_000_000);
        let described: TopicResult = client.ask(TopicRequest { name: small.clone() }).await;
        assert_eq!(described.max_message_bytes, Some(1_500_000));

        let error = too_large(&mut client, &small, 2_000_001).await;
        assert!(error.message.contains("1500000") && error.message.contains("max.message.bytes"), "{error:?}");
        let error = too_large(&mut client, &large, 2_000_001).await;
        assert!(error.message.contains("2000000") && error.message.contains("--max-message-bytes"), "{error:?}");
        let error = too_large(&mut client, &small, 1_700_000).await;
        assert!(error.message.contains("max.message.bytes of the topic"), "{error:?}");
        client.write(vec![text_record(&large, &"x".repeat(2_000_000))]).await;
    }
}

#[tokio::test]
async fn large_frames_of_many_sockets_take_bounded_memory_and_all_arrive() {
    const SOCKETS: usize = 14;
    /// More than the bridge holds of all large frames together would be 14 times this.
    const FRAME_BYTES: usize = 30 * 1024 * 1024;
    const HELLO: &str = r#"{"type":"hello","protocol":"ponte.v1","client":"test"}"#;
    let bridge = Bridge::start().demo().await;
    let before = bridge.resident_bytes();
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        let mut raw = Raw::upgraded(&bridge.address).await;
        raw.send(&text_frame(HELLO)).await;
        raw.send(&frame_head(0x81, FRAME_BYTES)).await;
        sockets.push(raw);
    }
    // All but the last byte of each frame, so that no frame is complete. A socket that the bridge does not read blocks.
    let (held, blocked) = tokio::sync::mpsc::channel::<Raw>(SOCKETS);
    for mut raw in sockets {
        let held = held.clone();
        tokio::spawn(async move {
            raw.send(&vec![b' '; FRAME_BYTES - 1]).await;
            let _ = held.send(raw).await;
        });
    }
    drop(held);
    let mut blocked = blocked;
    let mut complete = Vec::new();
    // As many frames are read at a time as have room in 256 MiB.
    for _ in 0..7 {
        complete.push(blocked.recv().await.expect("a socket that was read"));
    }
    let grown = bridge.resident_bytes().saturating_sub(before);
    assert!(grown < 400 * 1024 * 1024, "{} MiB", grown / 1024 / 1024);
    assert!(blocked.try_recv().is_err(), "the other sockets are not read");
    // Each frame that ends makes room for another one; a frame of blanks is no message, and closes its socket.
    for _ in 7..SOCKETS {
        let mut raw = complete.remove(0);
        raw.send(b" ").await;
        assert_eq!(raw.close_code().await, CloseCode::BadFrame.number());
        complete.push(blocked.recv().await.expect("the next socket is read"));
    }
}
