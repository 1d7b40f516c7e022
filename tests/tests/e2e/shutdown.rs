//! Shutdown: sockets are closed with a code, records in flight get their outcome, consumers leave their groups. How long it takes is
//! measured by `cargo xtask bench`, row B14.

use std::time::Duration;

use nix::sys::signal::Signal;
use protocol::CloseCode;
use tests::client::{Outcome, messaggi, text_record};
use tests::kafka::Mock;
use tests::{Bridge, Client, PATIENCE, Watch, eventually, unique};
use tokio::net::TcpStream;

#[tokio::test]
async fn sigint_and_sigterm_close_the_sockets_with_1001_and_exit_with_0() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let topic = unique("shutdown");
        let mut bridge = Bridge::start().demo().topic(&topic).await;
        let (mut idle, mut busy) = (bridge.client().await, bridge.client().await);
        let mut silent = bridge.socket().await;
        busy.write(messaggi(&topic, 10)).await;
        let watch = busy.subscribe(&Watch::group(&topic, &unique("group"))).await;
        busy.records(watch, 10).await;

        bridge.signal(signal);
        idle.socket.expect_close(CloseCode::ShuttingDown).await;
        busy.socket.expect_close(CloseCode::ShuttingDown).await;
        silent.expect_close(CloseCode::ShuttingDown).await;
        assert_eq!(bridge.exit_code().await, 0, "{signal}");
    }
}

#[tokio::test]
async fn records_in_flight_are_acknowledged_before_the_close_frame() {
    let topic = unique("in-flight");
    let kafka = Mock::start().with_topic(&topic, 1);
    let mut bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 1)).await;
    kafka.slow(Duration::from_millis(400));
    let first = client.produce((0..100).map(|id| text_record(&topic, &id.to_string())).collect()).await;
    // Requests are processed in order, so the bridge has read the records.
    client.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await;

    bridge.signal(Signal::SIGTERM);
    for seq in first..first + 100 {
        let outcome = client.outcome(seq).await;
        assert!(matches!(outcome, Outcome::Acked { .. }), "{seq}: {outcome:?}");
    }
    client.socket.expect_close(CloseCode::ShuttingDown).await;
    assert_eq!(bridge.exit_code().await, 0);
    kafka.slow(Duration::ZERO);
    let Some(judge) = tests::judge::Judge::of(&kafka.bootstrap_servers()) else { return };
    assert_eq!(judge.read(&topic).await.len(), 101);
}

/// A bridge that has lost its broker with records in flight.
async fn stuck(kafka: &Mock, topic: &str) -> (Bridge, Client, u64) {
    let bridge = Bridge::start().option("--bootstrap-servers", &kafka.bootstrap_servers()).await;
    let mut client = bridge.client().await;
    client.write(messaggi(topic, 1)).await;
    kafka.down();
    let first = client.produce(messaggi(topic, 10)).await;
    client.ask::<protocol::ClusterResult>(protocol::ClusterRequest {}).await;
    (bridge, client, first)
}

#[tokio::test]
async fn shutdown_without_a_broker_fails_records_in_flight_and_exits() {
    let topic = unique("hopeless");
    let kafka = Mock::start().with_topic(&topic, 1);
    let (mut bridge, mut client, first) = stuck(&kafka, &topic).await;
    bridge.signal(Signal::SIGTERM);
    for seq in first..first + 10 {
        let outcome = client.outcome(seq).await;
        assert!(matches!(outcome, Outcome::Failed(_)), "{seq}: {outcome:?}");
    }
    client.socket.expect_close(CloseCode::ShuttingDown).await;
    bridge.wait_exit(PATIENCE).await;
}

#[tokio::test]
async fn second_signal_exits_without_waiting_for_records_in_flight() {
    let topic = unique("impatient");
    let kafka = Mock::start().with_topic(&topic, 1);
    let (mut bridge, _client, _) = stuck(&kafka, &topic).await;
    bridge.ctrl_c();
    // Closing the listener is the first step of the shutdown: the first signal was handled.
    eventually("a closed door", || async { TcpStream::connect(&bridge.address).await.is_err().then_some(()) }).await;
    assert!(bridge.is_running(), "it waits for what is in flight");
    bridge.ctrl_c();
    let status = bridge.wait_exit(PATIENCE).await;
    assert!(!status.success(), "not the orderly way: {status}");
}

#[tokio::test]
async fn port_is_free_for_the_next_bridge_after_exit() {
    let mut bridge = Bridge::start().demo().await;
    let _client = bridge.client().await;
    bridge.ctrl_c();
    bridge.wait_exit(PATIENCE).await;
    bridge.start_again().await;
    bridge.client().await;
}
