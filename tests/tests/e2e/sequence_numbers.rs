//! Sequence numbers: a record that is sent again gets its first outcome, and another record with the same number is refused.

use protocol::{ErrorCode, ErrorMessage, Produce, Produced};
use tests::client::{Outcome, RecordExt, messaggi, messaggio, produce_frame, text_record};
use tests::{Bridge, unique};

#[tokio::test]
async fn reused_sequence_number_with_other_content_is_refused_and_not_written() {
    let (topic, bridge) = (unique("reused"), Bridge::start().demo().await);
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 3)).await;

    let others = [
        text_record(&topic, "another value"),
        messaggio(&topic, 1).with_key("k"),
        messaggio(&topic, 1).on_partition(0),
        messaggio(&topic, 1).with_header("h", protocol::WireBytes::Null),
        messaggio(&unique("elsewhere"), 1),
    ];
    for other in others {
        client.send(Produce { seq: 1, records: vec![other] }).await;
        let ErrorMessage { seq, error: refused, .. } = client.expect().await;
        assert_eq!((refused.code, seq), (ErrorCode::SequenceReused.number(), Some(1)), "{refused:?}");
        assert!(refused.message.contains("record 1"), "names the record: {refused:?}");
    }
    // The records after it in the same message are not written either.
    let mixed = vec![messaggio(&topic, 2), text_record(&topic, "new")];
    client.send(Produce { seq: 1, records: mixed }).await;
    assert_eq!(client.expect::<ErrorMessage>().await.error.code, ErrorCode::SequenceReused.number());

    let seq = client.produce(vec![text_record(&topic, "last")]).await;
    assert_eq!(seq, 3);
    assert!(matches!(client.outcome(seq).await, Outcome::Acked { .. }));
    let Some(judge) = bridge.judge().await else { return };
    assert_eq!(judge.read(&topic).await.len(), 4);
}

#[tokio::test]
async fn record_sent_again_as_binary_gets_its_first_outcome() {
    let (topic, bridge) = (unique("same"), Bridge::start().demo().await);
    let mut client = bridge.client().await;
    let places = client.write(messaggi(&topic, 3)).await;
    client.socket.binary(&produce_frame(0, &messaggi(&topic, 3))).await;
    let mut answered = 0;
    while answered < 3 {
        for ack in client.expect::<Produced>().await.acks {
            assert_eq!((ack.partition, ack.offset.0), places[usize::try_from(ack.first).expect("small")]);
            answered += ack.last - ack.first + 1;
        }
    }
    let Some(judge) = bridge.judge().await else { return };
    assert_eq!(judge.read(&topic).await.len(), 3);
}

#[tokio::test]
async fn sequence_number_older_than_remembered_is_expired_and_not_written() {
    let (topic, bridge) = (unique("expired"), Bridge::start().demo().await);
    let mut client = bridge.client().await;
    let window = client.welcome.limits.produce_window;
    client.write(messaggi(&topic, 1)).await;
    // Records that fail immediately are remembered as well.
    let refused = vec![text_record("no topic", ""); usize::try_from(window).expect("64 bits")];
    for _ in 0..3 {
        let first = client.produce_binary(&refused).await;
        for seq in first..first + window {
            assert!(matches!(client.outcome(seq).await, Outcome::Failed(_)));
        }
    }
    client.send(Produce { seq: 0, records: messaggi(&topic, 1) }).await;
    let expired = client.expect::<ErrorMessage>().await.error;
    assert_eq!(expired.code, ErrorCode::SequenceExpired.number(), "{expired:?}");
    let Some(judge) = bridge.judge().await else { return };
    assert_eq!(judge.read(&topic).await.len(), 1);
}

/// A client finds the records of a refused `produce` by `seq`, and may use the numbers again.
#[tokio::test]
async fn refused_produce_names_its_first_unprocessed_record_and_uses_no_number() {
    let (topic, bridge) = (unique("unprocessed"), Bridge::start().demo().await);
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 3)).await;

    let malformed = r#"{"type":"produce","id":9,"seq":3,"records":[{"topic":1}]}"#;
    client.socket.text(malformed).await;
    let refused: ErrorMessage = client.expect().await;
    assert_eq!((refused.error.code, refused.seq), (ErrorCode::BadRequest.number(), Some(3)), "{refused:?}");

    client.socket.text(r#"{"type":"produce","seq":"three","records":[]}"#).await;
    let refused: ErrorMessage = client.expect().await;
    assert_eq!((refused.error.code, refused.seq), (ErrorCode::BadRequest.number(), None), "{refused:?}");

    let window = usize::try_from(client.welcome.limits.produce_window).expect("64 bits");
    let too_many = vec![text_record(&topic, ""); window + 1];
    client.socket.binary(&produce_frame(3, &too_many)).await;
    let refused: ErrorMessage = client.expect().await;
    assert_eq!((refused.error.code, refused.seq), (ErrorCode::BatchTooLarge.number(), Some(3)), "{refused:?}");

    // The first two records are repeated, the third one has the number of another record.
    let mixed = vec![messaggio(&topic, 1), text_record(&topic, "another value"), text_record(&topic, "never")];
    client.send(Produce { seq: 1, records: mixed }).await;
    let refused: ErrorMessage = client.expect().await;
    assert_eq!((refused.error.code, refused.seq), (ErrorCode::SequenceReused.number(), Some(2)), "{refused:?}");
    let repeated: Produced = client.expect().await;
    assert_eq!((repeated.acks[0].first, repeated.acks[0].last), (1, 1), "the record before it was processed");

    // A record that fails uses its number: the same record gets the same error, another one is refused.
    let invalid = || vec![text_record("no topic", "invalid")];
    client.send(Produce { seq: 3, records: invalid() }).await;
    let failed = client.outcome(3).await;
    assert!(matches!(&failed, Outcome::Failed(error) if error.code == ErrorCode::InvalidTopic.number()), "{failed:?}");
    client.send(Produce { seq: 3, records: invalid() }).await;
    let again: Produced = client.expect().await;
    assert_eq!(again.errors[0].seq, 3);
    client.send(Produce { seq: 3, records: messaggi(&topic, 1) }).await;
    let refused: ErrorMessage = client.expect().await;
    assert_eq!((refused.error.code, refused.seq), (ErrorCode::SequenceReused.number(), Some(3)), "{refused:?}");

    let Some(judge) = bridge.judge().await else { return };
    assert_eq!(judge.read(&topic).await.len(), 3, "no refused record was written");
}
