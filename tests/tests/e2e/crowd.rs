//! Many clients at once. A hundred watch one topic while one of them does not read: the bridge's memory is bounded, and the others get
//! every record. Two thousand are served if the limit is raised. What the stalled client costs the others in latency is measured by `cargo xtask bench`, row B4.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use protocol::{Assigned, Flow, Pong, RecordsFrame};
use tests::client::{messaggi, text_record};
use tests::kafka::create_topic_with;
use tests::scale::{is_long, times};
use tests::skip::skip;
use tests::socket::Heard;
use tests::{Bridge, Client, Kafka, Watch, unique};

const CROWD: usize = 100;

const TICKS_PER_SECOND: u64 = 20;
const RECORD_BYTES: usize = 4096;

/// After so many records a client sends `flow`.
const FLOW_EVERY: u64 = 500;

/// With `--long` 50,000 records a second leave the bridge; two cores that also compile cannot deliver so many.
fn per_second() -> u64 {
    times(200, 500)
}

/// Reads until so many records have come, and fails if one is missing.
async fn read_all(mut client: Client, watch: u32, until: u64) {
    let (mut seq, mut flowed) = (0, 0);
    while seq < until {
        match client.socket.skim().await {
            Heard::Binary(frame) => {
                let batch = RecordsFrame::parse(&frame).expect("a batch");
                assert_eq!(batch.seq, seq + u64::from(batch.count), "no record is missing");
                seq = batch.seq;
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

/// Writes at a rate that the machine can deliver to all clients.
async fn write_for(seconds: u64, topic: &str, writer: &mut Client) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(TICKS_PER_SECOND).expect("small"));
    for _ in 0..seconds * TICKS_PER_SECOND {
        ticks.tick().await;
        let record = text_record(topic, &"x".repeat(RECORD_BYTES));
        let records = vec![record; usize::try_from(per_second() / TICKS_PER_SECOND).expect("small")];
        writer.produce_binary(&records).await;
        // Outcomes are read as they arrive.
        while writer.next_within(Duration::ZERO).await.is_some() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_a_hundred_clients_that_does_not_read_costs_bounded_memory_and_the_others_get_every_record() {
    let Some(kafka) = Kafka::current().await else { return };
    let (topic, group) = (unique("crowd"), unique("group"));
    let servers = kafka.bootstrap_servers().expect("real Kafka has an address");
    // More than any client lags behind, and less than the disk.
    let bounded = [("retention.bytes", "134217728"), ("segment.bytes", "16777216")];
    create_topic_with(&servers, &topic, 1, &bounded).await;
    let bridge = Bridge::start().on(&kafka).await;
    let mut writer = bridge.client().await;
    // One member of a group and a hundred subscriptions to it: the bridge waits for those that read.
    let latest = Watch::group(&topic, &group).latest().binary();
    let (calm, stalled_for) = (times(5, 120), times(20, 600));
    let mut crowd = Vec::new();
    for _ in 1..CROWD {
        let mut client = bridge.client().await;
        let watch = client.subscribe(&latest).await;
        client.expect::<Assigned>().await;
        crowd.push(tokio::spawn(read_all(client, watch, (calm + stalled_for) * per_second())));
    }
    write_for(calm, &topic, &mut writer).await;
    let before = bridge.resident_bytes();

    let mut stalled = bridge.client().await;
    stalled.send(latest.message()).await;
    write_for(stalled_for, &topic, &mut writer).await;
    for one in crowd {
        one.await.expect("every other client gets every record");
    }
    let grown = bridge.resident_bytes().saturating_sub(before);
    tests::measured("crowd_growth_with_one_stalled_mib", grown >> 20);
    assert!(grown < 100 << 20, "{} MiB", grown >> 20);
    // In the long run the bridge has closed the stalled client; in the short run it continues, after a gap.
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

/// Each client sees each record, and the bridge keeps its memory per socket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_sockets_are_served_if_the_limit_is_raised() {
    const SOCKETS: usize = 2_000;
    const RECORDS: usize = 20;
    // Both this process and the bridge have a descriptor for each socket.
    if !allow_descriptors(SOCKETS as u64 + 500) {
        return skip("the limit of open files (ulimit -Hn) is below 2,500");
    }
    let topic = unique("many");
    let bridge = Bridge::start().demo().topic(&topic).option("--max-sockets", "2100").await;
    let mut clients = Vec::with_capacity(SOCKETS);
    for _ in 0..SOCKETS {
        let mut client = bridge.client().await;
        let subscription = client.subscribe(&Watch::tail(&topic).binary()).await;
        clients.push((client, subscription));
    }
    let mut writer = bridge.client().await;
    writer.write(messaggi(&topic, RECORDS)).await;
    for (client, subscription) in &mut clients {
        let offsets: Vec<i64> =
            client.records(*subscription, RECORDS).await.iter().map(|received| received.offset()).collect();
        assert_eq!(offsets, (0..RECORDS as i64).collect::<Vec<_>>());
    }
    assert!(bridge.handshake().try_open().await.is_ok(), "the limit is 2,100");
    tests::measured("resident bytes at 2,000 subscribed sockets", bridge.resident_bytes());
}

/// Raises this process's limit of open files. Returns whether so many are allowed.
fn allow_descriptors(count: u64) -> bool {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit of open files");
    hard >= count && (soft >= count || setrlimit(Resource::RLIMIT_NOFILE, count, hard).is_ok())
}
