//! The cost of a refused message: records that cannot be written are refused before they are processed.

use protocol::{ErrorCode, ProduceRecord, Produced};
use tests::client::{Outcome, produce_frame, text_record};
use tests::{Bridge, Client, unique};

/// How much the bridge may grow: the outcomes of the records, and what the allocator keeps.
const GROWTH_BYTES: u64 = 20 * 1024 * 1024;

/// All records of the frame fail with this error, in messages of bounded size.
async fn all_fail(client: &mut Client, frame: &[u8], count: u64, code: ErrorCode) {
    client.socket.binary(frame).await;
    let mut failed = 0;
    while failed < count {
        let Produced { acks, errors } = client.expect().await;
        assert!(acks.is_empty(), "{acks:?}");
        let bytes: usize = errors.iter().map(|error| error.error.message.len()).sum();
        assert!(bytes <= 256 * 1024, "{bytes} bytes of errors in one message");
        for error in &errors {
            assert_eq!((error.seq, error.error.code), (failed, code.number()), "{error:?}");
            failed += 1;
        }
    }
}

#[tokio::test]
async fn refused_frame_with_long_topic_name_costs_less_than_20_mib() {
    let bridge = Bridge::start().demo().flag("--read-only").await;
    let topic = "x".repeat(usize::from(u16::MAX));
    let records: Vec<ProduceRecord> = (0..5000).map(|_| text_record(&topic, "")).collect();
    let frame = produce_frame(0, &records);
    assert!(frame.len() < 300_000, "{} bytes", frame.len());
    drop(records);
    // The cost of the first session is not counted.
    drop(bridge.client().await);
    let before = bridge.resident_bytes();
    for _ in 0..4 {
        let mut client = bridge.client().await;
        all_fail(&mut client, &frame, 5000, ErrorCode::ReadOnly).await;
    }
    let grown = bridge.resident_bytes().saturating_sub(before);
    assert!(grown <= GROWTH_BYTES, "{grown} bytes more");
}

#[tokio::test]
async fn lost_sessions_with_many_failed_records_keep_less_than_60_mib() {
    let bridge = Bridge::start().demo().await;
    let topic = "no topic ".repeat(1000);
    let window = 50_000;
    let records: Vec<ProduceRecord> = (0..window).map(|_| text_record(&topic, "")).collect();
    let frame = produce_frame(0, &records);
    drop(records);
    drop(bridge.client().await);
    let before = bridge.resident_bytes();
    for _ in 0..8 {
        let mut client = bridge.client().await;
        all_fail(&mut client, &frame, window, ErrorCode::InvalidTopic).await;
        client.socket.cut();
    }
    // 24 bytes for each record, and one error.
    let grown = bridge.resident_bytes().saturating_sub(before);
    assert!(grown <= 60 * 1024 * 1024, "{grown} bytes more");
}

#[tokio::test]
async fn records_for_internal_topics_are_refused_and_create_no_topic() {
    let bridge = Bridge::start().demo().await;
    let mut client = bridge.client().await;
    let ghost = format!("__{}", unique("ghost"));
    let seq = client.produce(vec![text_record(&ghost, "boo")]).await;
    match client.outcome(seq).await {
        Outcome::Failed(error) => assert_eq!(error.code, ErrorCode::InternalTopic.number(), "{error:?}"),
        acked @ Outcome::Acked { .. } => panic!("{acked:?}"),
    }
    let topics: protocol::TopicsResult = client.ask(protocol::TopicsRequest {}).await;
    assert!(topics.topics.iter().all(|topic| topic.name != ghost), "{topics:?}");
    let servers = bridge.bootstrap_servers().await;
    let arguments = ["produce", "--bootstrap-servers", &servers, "--topic", &ghost, "--count", "1"];
    let mut program = tests::Program::bridge(&arguments);
    assert_ne!(program.exit_code().await, 0);
    assert!(program.output().contains("internal topic"), "{}", program.output());
}
