//! The table, where a number can be had in seconds: printed as `MEASURED`, asserted with a margin for a
//! machine that runs other tests at the same time, and for an unoptimised build.

use std::time::{Duration, Instant};

use tests::client::{messaggi, text_record};
use tests::{Bridge, Watch, measured, unique};

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

#[tokio::test]
async fn the_bridge_listens_soon() {
    let mut starts = Vec::new();
    for _ in 0..5 {
        starts.push(Bridge::start().demo().await.started_in);
    }
    let start = median(starts);
    measured("exec_to_listening_ms", start.as_millis());
    assert!(start < Duration::from_millis(300 * 5), "{start:?}; the table says 300 ms");
}

#[tokio::test]
async fn an_idle_bridge_is_small() {
    let bridge = Bridge::start().demo().await;
    bridge.client().await.write(messaggi(&unique("one"), 1)).await;
    let resident = bridge.resident_bytes();
    measured("idle_resident_mib", format!("{:.1}", resident as f64 / f64::from(1 << 20)));
    assert!(resident < 2 * (30 << 20), "{} MiB; the table says 30 MiB", resident >> 20);
}

#[tokio::test]
async fn the_first_record_comes_soon() {
    let topic = unique("soon");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    client.write(messaggi(&topic, 10)).await;
    for (name, watch) in [("tail", Watch::tail(&topic)), ("group", Watch::group(&topic, &unique("group")))] {
        let began = Instant::now();
        let watch = client.subscribe(&watch).await;
        client.records(watch, 1).await;
        let took = began.elapsed();
        measured(&format!("listen_to_first_record_{name}_ms"), took.as_millis());
        assert!(took < Duration::from_millis(500 * 4), "{name}: {took:?}; the table says 500 ms");
        client.unsubscribe(watch).await;
    }
}

#[tokio::test]
async fn sent_is_seen_soon() {
    let topic = unique("round");
    let bridge = Bridge::start().demo().topic(&topic).await;
    let mut client = bridge.client().await;
    let watch = client.subscribe(&Watch::tail(&topic)).await;
    let (mut acked, mut seen) = (Vec::new(), Vec::new());
    for id in 0..100 {
        let began = Instant::now();
        client.write(vec![text_record(&topic, &id.to_string())]).await;
        acked.push(began.elapsed());
        client.records(watch, 1).await;
        seen.push(began.elapsed());
    }
    let (acked, seen) = (median(acked), median(seen));
    measured("send_to_ack_p50_us", acked.as_micros());
    measured("send_to_seen_p50_us", seen.as_micros());
    assert!(seen < Duration::from_millis(50 * 2), "{seen:?}; the table says 50 ms, with the page");
}
