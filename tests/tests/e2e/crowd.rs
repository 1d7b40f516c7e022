//! A hundred pages look on while one of them takes nothing: that costs a bounded amount, and nobody else.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use protocol::{Assigned, Flow, Pong, RecordsFrame};
use tests::client::text_record;
use tests::kafka::create_topic_with;
use tests::scale::{is_long, times};
use tests::socket::Heard;
use tests::{Bridge, Client, Kafka, Watch, unique};

const CROWD: usize = 100;

const TICKS_PER_SECOND: u64 = 20;
const RECORD_BYTES: usize = 4096;

/// So often a page says what it has handled.
const FLOW_EVERY: u64 = 500;

/// In the long run 50,000 records a second leave the bridge with this crowd; two cores that also build have no room for that.
fn per_second() -> u64 {
    times(200, 500)
}

/// Times from sending to receiving, in microseconds.
type Delays = Arc<Mutex<Vec<u64>>>;

fn percentile_99(delays: &Delays) -> u64 {
    let mut delays = std::mem::take(&mut *delays.lock().expect("no holder panics"));
    delays.sort_unstable();
    delays.get(delays.len() * 99 / 100).copied().expect("records came")
}

/// Reads until so many records have come, none left out, and notes how long each batch took.
async fn look_on(mut client: Client, watch: u32, until: u64, began: Instant, delays: Delays) {
    let (mut seq, mut flowed) = (0, 0);
    while seq < until {
        match client.socket.skim().await {
            Heard::Binary(frame) => {
                let mut batch = RecordsFrame::parse(&frame).expect("a batch");
                assert_eq!(batch.seq, seq + u64::from(batch.count), "nothing is left out");
                seq = batch.seq;
                let first = batch.records.next().expect("a record").expect("a whole one");
                let text =
                    String::from_utf8_lossy(first.view().expect("a whole one").value.unwrap_or_default()).into_owned();
                let sent: u64 = text.trim_end().parse().expect("when it was sent");
                let now = u64::try_from(began.elapsed().as_micros()).expect("a test is short");
                delays.lock().expect("no holder panics").push(now - sent);
            }
            Heard::Text(text) if text.contains(r#""ping""#) => client.send(Pong {}).await,
            Heard::Text(text) => assert!(!text.contains(r#""type":"gap""#), "{text}"),
            Heard::Closed(code, reason) => panic!("closed with {code} {reason}"),
        }
        if seq >= flowed + FLOW_EVERY {
            flowed = seq;
            client.send(Flow { subscription: watch, through: seq, records: 1_000_000, bytes: 1 << 30 }).await;
        }
    }
}

/// Writes at the pace of the crowd; each record says when it was sent.
async fn write_for(seconds: u64, topic: &str, writer: &mut Client, began: Instant) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(TICKS_PER_SECOND).expect("small"));
    for _ in 0..seconds * TICKS_PER_SECOND {
        ticks.tick().await;
        let now = began.elapsed().as_micros();
        let record = text_record(topic, &format!("{now:<RECORD_BYTES$}"));
        let records = vec![record; usize::try_from(per_second() / TICKS_PER_SECOND).expect("small")];
        writer.produce_binary(&records).await;
        // Outcomes are taken in as they come.
        while writer.next_within(Duration::ZERO).await.is_some() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_a_hundred_that_takes_nothing_costs_a_bounded_amount_and_nobody_else() {
    let Some(kafka) = Kafka::current().await else { return };
    let (topic, group) = (unique("crowd"), unique("group"));
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    // More than anybody is behind, and less than a disk.
    let bounded = [("retention.bytes", "134217728"), ("segment.bytes", "16777216")];
    create_topic_with(&servers, &topic, 1, &bounded).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut writer = bridge.client().await;
    // One member of a group, a hundred views of it: who takes what it is given is waited for.
    let latest = Watch::group(&topic, &group).latest().binary();
    let (calm, stalled_for) = (times(5, 120), times(20, 600));
    let began = Instant::now();
    let delays = Delays::default();
    let mut crowd = Vec::new();
    for _ in 1..CROWD {
        let mut client = bridge.client().await;
        let watch = client.subscribe(&latest).await;
        client.expect::<Assigned>().await;
        let (until, delays) = ((calm + stalled_for) * per_second(), Arc::clone(&delays));
        crowd.push(tokio::spawn(look_on(client, watch, until, began, delays)));
    }
    write_for(calm, &topic, &mut writer, began).await;
    let before = (bridge.resident_bytes(), percentile_99(&delays));

    let mut stalled = bridge.client().await;
    stalled.send(latest.message()).await;
    write_for(stalled_for, &topic, &mut writer, began).await;
    for one in crowd {
        one.await.expect("nobody else notices");
    }
    let after = (bridge.resident_bytes(), percentile_99(&delays));
    let grown = after.0.saturating_sub(before.0);
    tests::measured("crowd_growth_with_one_stalled_mib", grown >> 20);
    tests::measured("crowd_p99_us", format!("{} with nobody stalled, {} with one", before.1, after.1));
    assert!(grown < 100 << 20, "{} MiB", grown >> 20);
    assert!(after.1 < 1_000_000, "p99 of the others: {} us, before {} us", after.1, before.1);
    // Long ago it was given up; in the short run it reads on, and is told what it missed.
    loop {
        match stalled.socket.skim().await {
            Heard::Text(text) if text.contains(r#""type":"gap""#) => break,
            Heard::Closed(code, reason) => {
                assert!(is_long(), "closed with {code} {reason}");
                break;
            }
            Heard::Text(_) | Heard::Binary(_) => {}
        }
    }
}
