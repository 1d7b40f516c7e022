//! `hello`: its size, and the client's name in it.

use std::collections::BTreeMap;

use protocol::{
    CloseCode, ClusterRequest, ClusterResult, CreateTopic, CreateTopicResult, ErrorCode, Frame, ServerMessage,
};
use serde_json::json;
use tests::raw::{close_frame, frame_head, text_frame};
use tests::socket::{Heard, Socket};
use tests::{Bridge, Client, Raw, unique};

/// Sends `hello` with this client name.
async fn hello(bridge: &Bridge, client: &str) -> Socket {
    let mut socket = bridge.socket().await;
    socket.text(&json!({"type": "hello", "protocol": "ponte.v1", "client": client}).to_string()).await;
    socket
}

async fn is_welcomed(socket: &mut Socket) -> bool {
    matches!(socket.next().await, Heard::Text(text) if text.contains(r#""type":"welcome""#))
}

#[tokio::test]
async fn client_name_has_at_most_100_printable_characters() {
    let bridge = Bridge::start().demo().await;
    for name in ["", "page/1", "curl \"7\"", "città 🦀", &"é".repeat(100)] {
        assert!(is_welcomed(&mut hello(&bridge, name).await).await, "{name:?}");
    }
    let long = "é".repeat(101);
    for name in
        ["a\nb", "a\u{1b}[2Jb", "a\u{7f}", "a\u{9b}2J", "a\u{202e}b", "a\u{200b}", "a\u{2028}b", "a\u{feff}", &long]
    {
        let reason = hello(&bridge, name).await.expect_close(CloseCode::BadFrame).await;
        assert!(reason.contains("hello.client"), "{name:?}: {reason}");
        assert!(!reason.contains(char::is_control) && !reason.contains('\u{202e}'), "{name:?}: {reason}");
    }
}

#[tokio::test]
async fn first_message_has_at_most_16_kib() {
    let bridge = Bridge::start().demo().await;
    let padded = |bytes: usize| {
        let begin = r#"{"type":"hello","protocol":"ponte.v1","client":"big/1","future":""#;
        format!(r#"{begin}{}"}}"#, "x".repeat(bytes - begin.len() - 2))
    };
    let mut largest = bridge.socket().await;
    largest.text(&padded(16 * 1024)).await;
    assert!(is_welcomed(&mut largest).await, "exactly 16 KiB");
    let mut larger = bridge.socket().await;
    larger.text(&padded(16 * 1024 + 1)).await;
    let reason = larger.expect_close(CloseCode::TooLarge).await;
    assert!(reason.contains("16384"), "{reason}");

    // The frame announces four MiB, which the bridge does not wait for. It discards what is sent nevertheless, which is more than
    // the kernel buffers.
    let mut announced = Raw::upgraded(&bridge.address).await;
    let is_taken = announced.send(&[&frame_head(0x81, 4 << 20)[..], padded(16 << 20).as_bytes()].concat()).await;
    assert!(is_taken, "a connection that is reset may lose its close frame");
    assert_eq!(announced.close_code().await, CloseCode::TooLarge.number());
    let mut in_pieces = Raw::upgraded(&bridge.address).await;
    in_pieces.send(&frame_head(0x01, 0)).await;
    for _ in 0..20 {
        in_pieces.send(&[&frame_head(0x00, 1024)[..], &[b' '; 1024]].concat()).await;
    }
    assert_eq!(in_pieces.close_code().await, CloseCode::TooLarge.number());

    // Later messages may be larger, and may be sent before the welcome.
    let mut socket = bridge.socket().await;
    socket.text(r#"{"type":"hello","protocol":"ponte.v1","client":"eager/1"}"#).await;
    socket.text(&format!(r#"{{"type":"cluster","id":1,"future":"{}"}}"#, "x".repeat(1 << 20))).await;
    assert!(is_welcomed(&mut socket).await);
    socket.hears("cluster_result").await;
}

/// Sends a `hello` with these fields beside the required ones.
async fn hello_with(bridge: &Bridge, fields: &str) -> Socket {
    let mut socket = bridge.socket().await;
    socket.text(&format!(r#"{{"type":"hello","protocol":"ponte.v1","client":"clusters/1"{fields}}}"#)).await;
    socket
}

#[tokio::test]
async fn hello_chooses_the_first_cluster_by_its_name_or_without_a_name() {
    let bridge = Bridge::start().demo().await;
    for fields in ["", r#","cluster":null"#, r#","cluster":"default""#] {
        let mut socket = hello_with(&bridge, fields).await;
        assert!(is_welcomed(&mut socket).await, "{fields:?}");
        socket.text(r#"{"type":"cluster","id":1}"#).await;
        assert_eq!(socket.hears("cluster_result").await["cluster"]["demo"], true, "{fields:?}");
    }
    // With and without the name it is the same cluster, and a session belongs to a cluster.
    let client = bridge.client().await;
    let resume = format!(r#","cluster":"default","resume":{{"session":"{}"}}"#, client.welcome.session);
    let welcome = hello_with(&bridge, &resume).await.hears("welcome").await;
    assert_eq!((&welcome["session"], &welcome["resumed"]), (&json!(client.welcome.session), &json!(true)));
}

#[tokio::test]
async fn hello_with_an_unknown_cluster_gets_an_error_that_lists_the_clusters() {
    let bridge = Bridge::start().demo().await;
    for cluster in ["elsewhere", "Default", &"x".repeat(64)] {
        let mut socket = hello_with(&bridge, &format!(r#","id":7,"cluster":"{cluster}""#)).await;
        let Heard::Text(text) = socket.next().await else { panic!("no error about {cluster}") };
        let parsed = ServerMessage::parse(&text);
        let Ok(Frame { id: Some(7), message: ServerMessage::ErrorMessage(refused), .. }) = parsed else {
            panic!("no error about {cluster}: {parsed:?}")
        };
        let error = refused.error;
        assert_eq!((error.code, error.retriable), (ErrorCode::UnknownCluster.number(), false), "{error:?}");
        assert_eq!(error.message, format!(r#"no cluster "{cluster}"; this bridge has: default"#));
        assert_eq!(socket.expect_close(CloseCode::UnknownCluster).await, error.message);
    }
    assert!(!CloseCode::should_reconnect(CloseCode::UnknownCluster.number()));
    for invalid in ["", ".", "..", "a b", "caffè", "a/b", r"a\nb", &"x".repeat(65)] {
        let mut socket = hello_with(&bridge, &format!(r#","cluster":"{invalid}""#)).await;
        let reason = socket.expect_close(CloseCode::BadFrame).await;
        assert!(reason.contains("hello.cluster: invalid cluster name"), "{invalid:?}: {reason}");
    }
    let mut number = hello_with(&bridge, r#","cluster":7"#).await;
    number.expect_close(CloseCode::BadFrame).await;
}

#[tokio::test]
async fn names_of_clusters_are_not_told_without_the_access_token() {
    let bridge = Bridge::start().demo().env("PONTE_TOKEN", "canary-7d11e0b2-token").await;
    let mut socket = hello_with(&bridge, r#","cluster":"elsewhere""#).await;
    let heard = socket.next().await;
    let Heard::Closed(code, reason) = heard else { panic!("something came before the close: {heard:?}") };
    assert_eq!(code, CloseCode::TokenRefused.number(), "{reason}");
    assert!(!reason.contains("default"), "{reason}");
}

#[tokio::test]
async fn refused_hellos_are_logged_at_most_every_ten_seconds() {
    let bridge = Bridge::start().demo().env("PONTE_TOKEN", "canary-7d11e0b2-token").await;
    for index in 0..40 {
        let mut socket = hello(&bridge, &format!("nobody/{index}")).await;
        socket.expect_close(CloseCode::TokenRefused).await;
    }
    bridge.logged("a socket was refused at its hello").await;
    let lines = bridge.stderr.all();
    let refusals: Vec<&String> = lines.iter().filter(|line| line.contains("refused at its hello")).collect();
    assert!(refusals.len() <= 3, "{refusals:?}");
}

#[tokio::test]
async fn client_text_forges_no_log_line_and_no_log_field() {
    let bridge = Bridge::start().demo().await;
    let forging = r#"x") change="delete_topic" topic=prod "audit: topic deleted"#;
    let mut socket = hello(&bridge, forging).await;
    assert!(is_welcomed(&mut socket).await);
    let topic = unique("audited");
    socket.text(&format!(r#"{{"type":"create_topic","id":1,"name":"{topic}","partitions":1}}"#)).await;
    let line = bridge.logged("audit: topic created").await;
    assert!(line.contains(&topic), "{line}");
    assert!(line.contains(r#"("x\") change=\"delete_topic\" topic=prod \"audit: topic deleted")"#), "quoted: {line}");

    // Names of groups, values of settings and unknown message types do not forge lines either.
    let mut client = bridge.client().await;
    let config = BTreeMap::from([("retention.ms".to_owned(), "1\n2026 INFO audit: topic deleted".to_owned())]);
    let create = CreateTopic { name: unique("refused"), partitions: None, replication: None, config };
    assert_eq!(client.refused(create).await.error.code, ErrorCode::BadRequest.number());
    client.socket.text("{\"type\":\"x\\n2026 INFO audit: topic deleted\"}").await;
    client.socket.text("{\"type\":\"hello\",\"protocol\":\"x\\n2026 INFO audit: topic deleted\"}").await;
    client.ask::<ClusterResult>(ClusterRequest {}).await;
    let forged = bridge.stderr.all().into_iter().find(|line| line.starts_with("2026 INFO") || line.contains('\u{1b}'));
    assert_eq!(forged, None);
    let created: CreateTopicResult = client
        .ask(CreateTopic { name: unique("made"), partitions: None, replication: None, config: BTreeMap::new() })
        .await;
    assert!(!created.name.is_empty());
}

#[tokio::test]
async fn request_id_of_a_wrong_type_is_a_bad_request_and_the_session_stays() {
    let bridge = Bridge::start().demo().await;
    let mut client = bridge.client().await;
    let long = format!("\"{}\"", "x".repeat(100_000));
    for id in ["\"7\"", "1.5", "-1", "true", "[]", "{\"a\":1}", "1e3", "1e999", "18446744073709551616", &long] {
        client.socket.text(&format!(r#"{{"type":"cluster","id":{id}}}"#)).await;
        let (answered, error) = client
            .find("error", |frame| match &frame.message {
                ServerMessage::ErrorMessage(error) => Some((frame.id, error.error.clone())),
                _ => None,
            })
            .await;
        assert_eq!((answered, error.code), (None, ErrorCode::BadRequest.number()), "{id:.60}: {error:?}");
        assert!(error.message.starts_with("cluster: id: ") && error.message.len() < 500, "{id:.60}: {error:?}");
    }
    for id in ["18446744073709551615", "0"] {
        client.socket.text(&format!(r#"{{"type":"cluster","id":{id}}}"#)).await;
        let answered = client.find("cluster", |frame| frame.id).await;
        assert_eq!(answered.to_string(), id);
    }
    client.socket.text(r#"{"type":"unsubscribe","id":null,"subscription":9}"#).await;
    let error = client.expect::<protocol::ErrorMessage>().await.error;
    assert_eq!(error.code, ErrorCode::UnknownSubscription.number(), "null is no id: {error:?}");
}

#[tokio::test]
async fn error_messages_and_log_lines_repeat_client_text_in_part_only() {
    let bridge = Bridge::start().demo().await;
    let mut client = bridge.client().await;
    let long = "x".repeat(1 << 20);
    for text in [
        format!(r#"{{"type":"{long}"}}"#),
        format!(r#"{{"type":"flow","subscription":"{long}"}}"#),
        format!(r#"{{"type":"cluster","id":"{long}"}}"#),
        format!(r#"{{"type":"watch_group","group":"{long}"}}"#),
        format!(r#"{{"type":"watch_topic","name":"{long}"}}"#),
    ] {
        client.socket.text(&text).await;
        let error = client.expect::<protocol::ErrorMessage>().await.error;
        assert!(error.message.len() < 1000, "{} bytes come back to {text:.60}", error.message.len());
    }
    let longest = bridge.stderr.all().iter().map(String::len).max().unwrap_or(0);
    assert!(longest < 20_000, "a line of the log has {longest} bytes");
}

#[tokio::test]
async fn connection_ends_as_soon_as_the_client_answers_the_close_frame() {
    let bridge = Bridge::start().demo().await;
    let hello = text_frame(r#"{"type":"hello","protocol":"ponte.v1","client":"raw/1"}"#);
    for (sent, code) in [
        (text_frame(r#"{"type":"hello","protocol":"ponte.v9","client":"raw/1"}"#), CloseCode::ProtocolVersion.number()),
        ([&hello[..], &text_frame("{")].concat(), CloseCode::BadFrame.number()),
        // In the middle of a frame that is too large to be read, where no other frame begins.
        ([&hello[..], &frame_head(0x82, 64 << 20), &[7; 10_000]].concat(), CloseCode::TooLarge.number()),
        // A reserved opcode.
        ([&hello[..], &frame_head(0x83, 0)].concat(), CloseCode::BadFrame.number()),
    ] {
        let (mut silent, mut answering) = (Raw::upgraded(&bridge.address).await, Raw::upgraded(&bridge.address).await);
        // The silent one first: if a close frame changed nothing, its connection would end first.
        for raw in [&mut silent, &mut answering] {
            raw.send(&sent).await;
            assert_eq!(raw.close_code().await, code);
        }
        answering.send(&close_frame(code)).await;
        answering.ended().await;
        assert!(
            silent.is_open().await,
            "{code}: the bridge waits for the close frame of a client that has not sent one"
        );
    }
    Client::hello(bridge.socket().await).await;
}
