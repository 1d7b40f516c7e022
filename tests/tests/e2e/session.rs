//! The example session of the specification, message by message, and the rules of the socket.

use std::time::Duration;

use protocol::{CloseCode, ClusterState, ErrorCode, Hello, Ping, ServerMessage};
use serde_json::{Value, json};
use tests::kafka::Mock;
use tests::raw::{frame_head, text_frame};
use tests::socket::Heard;
use tests::{Bridge, Client, Raw, on_every_kafka, unique};

on_every_kafka! {
    async fn example_session_of_the_specification_is_reproduced_message_by_message(kafka: Kafka) {
        let (topic, group) = (kafka.topic("session").await, unique("group"));
        let bridge = Bridge::start().on(&kafka).topic(&topic).option("--group", &group).await;
        let mut socket = bridge.socket().await;

        socket.text(r#"{"type":"hello","protocol":"ponte.v1","client":"example/1.0"}"#).await;
        let welcome = socket.hears("welcome").await;
        assert_eq!(welcome["resumed"], false);
        assert_eq!(welcome["cluster"]["demo"], kafka.is_demo());
        assert_eq!(welcome["defaults"], json!({"topic": topic, "group": group, "start": "earliest"}));
        assert_eq!(welcome["heartbeat_ms"], 10_000);
        assert_eq!(welcome["read_only"], false);
        assert_eq!(welcome["limits"]["message_bytes"], 16 * 1_048_576);
        assert!(welcome["session"].as_str().is_some_and(|session| session.len() >= 16), "{welcome}");

        socket.text(&format!(
            r#"{{"type":"subscribe","id":1,"topics":["{topic}"],"mode":{{"group":{{"id":"{group}","start":"earliest","commit":"auto"}}}},"window":{{"records":1000,"bytes":1048576}},"format":"json","when_slow":"block"}}"#
        )).await;
        let subscribed = socket.hears("subscribed").await;
        assert_eq!(subscribed, json!({"type": "subscribed", "id": 1, "subscription": 1}));
        let assigned = socket.hears("assigned").await;
        assert_eq!(
            assigned,
            json!({"type": "assigned", "subscription": 1, "partitions": [{"topic": topic, "partition": 0, "offset": "0"}]})
        );

        socket.text(&format!(
            r#"{{"type":"produce","seq":0,"records":[{{"topic":"{topic}","key":null,"value":{{"json":{{"id":0,"text":"messaggio 0"}}}},"headers":[]}}]}}"#
        )).await;
        // The record may be delivered before its acknowledgement.
        let (mut produced, mut records) = (Value::Null, Value::Null);
        while produced.is_null() || records.is_null() {
            let Heard::Text(text) = socket.next().await else { panic!("closed") };
            let message: Value = serde_json::from_str(&text).expect("a JSON message");
            match message["type"].as_str() {
                Some("produced") => produced = message,
                Some("records") => records = message,
                Some("ping" | "cluster_changed") => {}
                _ => panic!("{message}"),
            }
        }
        let ack = &produced["acks"][0];
        assert_eq!(produced["errors"], json!([]));
        assert_eq!((&ack["first"], &ack["last"], &ack["topic"]), (&json!(0), &json!(0), &json!(topic)));
        assert_eq!((&ack["partition"], &ack["offset"]), (&json!(0), &json!("0")));
        assert!(ack["took_us"].as_u64().is_some_and(|us| us > 0), "{ack}");
        assert_eq!(ack["timestamp"].is_null(), kafka.is_demo(), "the demo broker reports no time: {ack}");

        let timestamp = records["records"][0]["timestamp"].clone();
        assert!(timestamp.as_i64().is_some_and(|ms| ms > 1_700_000_000_000), "{records}");
        assert_eq!(
            records,
            json!({"type": "records", "subscription": 1, "seq": 1, "topic": topic, "partition": 0, "records": [
                {"offset": "0", "timestamp": timestamp, "key": null,
                 "value": {"json": {"id": 0, "text": "messaggio 0"}}, "headers": []}]})
        );

        socket.text(r#"{"type":"flow","subscription":1,"through":1,"records":1000,"bytes":1048576}"#).await;
        let committed = socket.hears("committed").await;
        assert_eq!(
            committed,
            json!({"type": "committed", "subscription": 1, "positions": [{"topic": topic, "partition": 0, "offset": "1"}]})
        );

        socket.text(r#"{"type":"unsubscribe","id":2,"subscription":1}"#).await;
        let unsubscribed = socket.hears("unsubscribed").await;
        assert_eq!(unsubscribed, json!({"type": "unsubscribed", "id": 2, "subscription": 1}));
    }
}

#[tokio::test]
async fn cluster_is_described_in_welcome_and_on_request() {
    let kafka = Mock::with_brokers(3);
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let mut client = bridge.client().await;
    loop {
        let cluster = client.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await.cluster;
        assert!(!cluster.demo);
        assert_eq!(cluster.bootstrap_servers, kafka.bootstrap_servers());
        if cluster.state == ClusterState::Up {
            let ids: Vec<i32> = cluster.brokers.iter().map(|broker| broker.id).collect();
            assert_eq!(ids, [1, 2, 3]);
            break;
        }
        client.expect::<protocol::ClusterChanged>().await;
    }
}

#[tokio::test]
async fn client_without_origin_header_is_welcomed() {
    let bridge = Bridge::start().demo().await;
    let client = Client::hello(bridge.handshake().without_origin().subprotocol(None).open().await).await;
    assert!(client.welcome.cluster.demo);
}

#[tokio::test]
async fn two_sessions_have_different_ids() {
    let bridge = Bridge::start().demo().await;
    let (one, two) = (bridge.client().await, bridge.client().await);
    assert_ne!(one.welcome.session, two.welcome.session);
}

#[tokio::test]
async fn unsupported_protocol_version_closes_with_4506() {
    let bridge = Bridge::start().demo().await;
    let mut socket = bridge.socket().await;
    socket.text(r#"{"type":"hello","protocol":"ponte.v9","client":"future/1"}"#).await;
    let reason = socket.expect_close(CloseCode::ProtocolVersion).await;
    assert!(reason.contains("ponte.v1"), "says what it speaks: {reason}");
}

#[tokio::test]
async fn second_hello_is_an_error_and_the_session_stays() {
    let bridge = Bridge::start().demo().await;
    let mut client = bridge.client().await;
    let hello =
        Hello { protocol: "ponte.v1".into(), client: "again/1".into(), cluster: None, token: None, resume: None };
    let refused = client.refused(hello).await;
    assert_eq!(refused.error.code, ErrorCode::AlreadyGreeted.number());
    client.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await;
}

/// Takes four heartbeats, 40 s.
#[tokio::test]
async fn client_is_closed_with_4012_only_if_it_sends_no_byte_for_three_heartbeats() {
    const FRAGMENT: u8 = 0x01;
    const PING: u8 = 0x89;
    const A_SECOND: Duration = Duration::from_secs(1);
    let bridge = Bridge::start().demo().await;
    let mut faithful = bridge.client().await;

    // Each sends bytes every second that are not a whole message: a part of one frame, a fragment of a message, a ping.
    let hello = text_frame(r#"{"type":"hello","protocol":"ponte.v1","client":"slow/1"}"#);
    let mut slow = Vec::new();
    for begin in [frame_head(0x81, 1 << 20), frame_head(FRAGMENT, 0), frame_head(PING, 0)] {
        let mut raw = Raw::upgraded(&bridge.address).await;
        raw.send(&[&hello[..], &begin].concat()).await;
        slow.push(raw);
    }
    // The silent client says hello last: whoever else counted as silent would be closed before it.
    let mut silent = bridge.client().await;
    silent.answers_pings = false;
    let a_second = [vec![b' '], frame_head(0, 0), frame_head(PING, 0)];
    let sending_slowly = async {
        loop {
            for (raw, bytes) in slow.iter_mut().zip(&a_second) {
                raw.send(bytes).await;
            }
            tokio::time::sleep(A_SECOND).await;
        }
    };
    let answering_pings = async {
        loop {
            if let Some(message) = faithful.next_within(A_SECOND).await {
                assert!(!matches!(message, ServerMessage::ErrorMessage(_)), "{message:?}");
            }
        }
    };
    let closing = async {
        for _ in 0..3 {
            silent.expect::<Ping>().await;
        }
        silent.socket.expect_close(CloseCode::NoHeartbeat).await;
    };
    tokio::select! {
        () = closing => {}
        () = sending_slowly => {}
        () = answering_pings => {}
    }
    faithful.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await;
    for (raw, how) in slow.iter_mut().zip(["a slow upload", "fragments", "pings"]) {
        assert!(raw.is_open().await, "{how} are signs of life");
    }
}
