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
        let refused = client.expect::<ErrorMessage>().await.error;
        assert_eq!(refused.code, ErrorCode::SequenceReused.number(), "{refused:?}");
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
