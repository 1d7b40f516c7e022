//! Lost sockets: the session waits, reports the outcomes it has, and writes no record twice.

use protocol::{ClusterRequest, ClusterResult, ErrorCode, ErrorMessage, Flow};
use tests::client::{Outcome, messaggi};
use tests::{Bridge, Client, Watch, eventually, on_every_kafka, unique};

on_every_kafka! {
    async fn records_sent_again_after_a_lost_socket_are_written_once(kafka: Kafka) {
        let topic = kafka.topic("resume").await;
        let bridge = Bridge::start().on(&kafka).topic(&topic).await;
        let mut client = bridge.client().await;
        let session = client.welcome.session.clone();
        let before = client.write(messaggi(&topic, 5)).await;
        // Five more records, whose outcomes the client does not receive.
        client.produce(messaggi(&topic, 10).split_off(5)).await;
        client.socket.cut();

        let mut client = Client::resume(bridge.socket().await, &session).await;
        assert!(client.welcome.resumed);
        assert_eq!(client.welcome.session, session);
        // The client sends all ten again, since it does not know their outcomes.
        let again = client.write(messaggi(&topic, 10)).await;
        assert_eq!(again[..5], before, "the same outcome as the first time");

        let Some(judge) = bridge.judge().await else { return };
        assert_eq!(judge.read(&topic).await.len(), 10, "each record once");
    }
}

#[tokio::test]
async fn outcomes_missed_by_a_lost_socket_are_reported_after_resume() {
    let topic = unique("missed");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let session = client.welcome.session.clone();
    let first = client.produce(messaggi(&topic, 3)).await;
    // The bridge answers in order: it has read the records by now. A reset would discard what it has not read yet.
    let _: ClusterResult = client.ask(ClusterRequest {}).await;
    client.socket.cut();
    let Some(judge) = bridge.judge().await else { return };
    eventually("the records in the log", || async { (judge.read(&topic).await.len() == 3).then_some(()) }).await;

    let mut client = Client::resume(bridge.socket().await, &session).await;
    client.send(protocol::Produce { seq: first, records: messaggi(&topic, 3) }).await;
    for seq in first..first + 3 {
        assert!(matches!(client.outcome(seq).await, Outcome::Acked { .. }));
    }
    assert_eq!(judge.read(&topic).await.len(), 3);
}

#[tokio::test]
async fn resume_of_an_unknown_session_opens_a_new_session() {
    let bridge = Bridge::start().demo().await;
    let client = Client::resume(bridge.socket().await, "00000000-0000-4000-8000-000000000000").await;
    assert!(!client.welcome.resumed);
    assert_ne!(client.welcome.session, "00000000-0000-4000-8000-000000000000");
}

#[tokio::test]
async fn resume_by_a_second_socket_closes_the_first_with_4510() {
    let bridge = Bridge::start().demo().await;
    let mut first = bridge.client().await;
    let second = Client::resume(bridge.socket().await, &first.welcome.session).await;
    assert!(second.welcome.resumed);
    first.socket.expect_close(protocol::CloseCode::Superseded).await;
}

#[tokio::test]
async fn late_hello_of_an_older_attempt_is_closed_with_4510() {
    let bridge = Bridge::start().demo().await;
    let first = bridge.client().await;
    let session = first.welcome.session.clone();
    first.socket.cut();
    // The second socket was abandoned before its `hello` arrived, and the third one overtakes it.
    let mut second = bridge.socket().await;
    let mut third = Client::resume_again(bridge.socket().await, &session, 2).await;
    let late = protocol::Resume { session: session.clone(), attempt: Some(1) };
    let hello = protocol::Hello {
        protocol: protocol::SUBPROTOCOL.to_owned(),
        client: "late/1".to_owned(),
        cluster: None,
        token: None,
        resume: Some(late),
    };
    second.text(&protocol::ClientMessage::from(hello).to_json()).await;
    second.expect_close(protocol::CloseCode::Superseded).await;

    let topic = unique("late");
    assert_eq!(third.write(messaggi(&topic, 3)).await.len(), 3, "it goes on undisturbed");
    // A later attempt resumes the session again.
    assert!(Client::resume_again(bridge.socket().await, &session, 3).await.welcome.resumed);
    third.socket.expect_close(protocol::CloseCode::Superseded).await;
}

#[tokio::test]
async fn resumed_session_keeps_sequence_numbers_but_no_subscription() {
    let (topic, bridge) = (unique("restored"), Bridge::start().demo().await);
    let mut client = bridge.client().await;
    let session = client.welcome.session.clone();
    client.write(messaggi(&topic, 3)).await;
    let watch = Watch::tail(&topic);
    for expected in 1..=2 {
        assert_eq!(client.subscribe(&watch).await, expected);
    }
    client.records(2, 3).await;
    client.socket.cut();

    let mut client = Client::resume(bridge.socket().await, &session).await;
    assert!(client.welcome.resumed);
    client.send(Flow { subscription: 2, through: 3, records: 1, bytes: 1 << 20 }).await;
    let refused: ErrorMessage = client.expect().await;
    assert_eq!(refused.error.code, ErrorCode::UnknownSubscription.number(), "subscriptions end with their socket");

    // Their numbers start again, and so do those of the records; `records` fails if a number is missing.
    assert_eq!(client.subscribe(&watch).await, 1);
    assert_eq!(client.records(1, 3).await[0].number, 1);

    // The numbers of sent records go on: 1 is still the number of a record of the lost socket.
    client.send(protocol::Produce { seq: 1, records: messaggi(&topic, 1) }).await;
    let refused: ErrorMessage = client.expect().await;
    assert_eq!((refused.error.code, refused.seq), (ErrorCode::SequenceReused.number(), Some(1)));
    client.send(protocol::Produce { seq: 3, records: messaggi(&topic, 1) }).await;
    assert!(matches!(client.outcome(3).await, Outcome::Acked { .. }));
}
