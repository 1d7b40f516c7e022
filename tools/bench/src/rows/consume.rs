//! B1: a topic through the bridge to one WebSocket.

use anyhow::Result;
use protocol::{Decode, Format};

use crate::case::{Case, Metric};
use crate::child::Process;
use crate::lab::Lab;
use crate::measurement::Unit;
use crate::role::{self, Role};
use crate::roles::native_consumer::{NativeConsumer, Read};
use crate::roles::native_producer::Written;
use crate::roles::relay::Relay;
use crate::roles::sink::{Sender, Sink};
use crate::suite::floor;

/// A record size, and how many records the floor reads in a second or two.
struct Size {
    name: &'static str,
    bytes: usize,
    records: u64,
    /// The target relative to librdkafka's batch consumer. At 1 KiB two cores limit the socket itself; for larger records only
    /// the relay, which has a socket too, is a fair floor.
    native_target: Option<f64>,
}

const SIZES: [Size; 3] = [
    Size { name: "100 B", bytes: 100, records: 5_000_000, native_target: Some(0.80) },
    Size { name: "1 KiB", bytes: 1024, records: 1_500_000, native_target: Some(0.65) },
    Size { name: "64 KiB", bytes: 64 * 1024, records: 40_000, native_target: None },
];

const RELAY_TARGET: f64 = 0.90;

/// Fewer records for the client that parses text, which is not what is measured.
const JSON_SHARE: u64 = 5;

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    for size in &SIZES {
        let records = lab.scale.of(size.records);
        let (topic, written) = lab.filled_topic(records, size.bytes)?;
        // The first reader of a topic pays for the cold page cache.
        native(lab, &topic.name, &written)?;
        measure(&mut Case {
            row: "B1",
            name: format!("consume, {}", size.name),
            metrics: vec![Metric::new("records", Unit::RecordsPerSecond)],
            floors: vec![
                floor("librdkafka, batches", &[size.native_target], || {
                    Ok(vec![native(lab, &topic.name, &written)?.throughput.into()])
                }),
                floor("bare relay", &[Some(RELAY_TARGET)], || {
                    Ok(vec![relay(lab, &topic.name, &written)?.throughput.into()])
                }),
            ],
            ours: Box::new(|| Ok(vec![bridge(lab, &topic.name, &written, Format::Binary)?.throughput.into()])),
        });
        if size.bytes == SIZES[0].bytes {
            let (topic, written) = lab.filled_topic(records / JSON_SHARE, size.bytes)?;
            native(lab, &topic.name, &written)?;
            measure(&mut Case {
                row: "B1",
                name: format!("consume, {}, JSON", size.name),
                metrics: vec![Metric::new("records", Unit::RecordsPerSecond)],
                floors: vec![floor("bridge, binary", &[None], || {
                    Ok(vec![bridge(lab, &topic.name, &written, Format::Binary)?.throughput.into()])
                })],
                ours: Box::new(|| Ok(vec![bridge(lab, &topic.name, &written, Format::Json)?.throughput.into()])),
            });
        }
    }
    Ok(())
}

fn native(lab: &Lab, topic: &str, written: &Written) -> Result<Read> {
    let role = NativeConsumer { kafka: lab.kafka(), topic: topic.to_owned(), records: written.content.records };
    checked(role::run(&Role::NativeConsumer(role))?, written)
}

fn relay(lab: &Lab, topic: &str, written: &Written) -> Result<Read> {
    let records = written.content.records;
    let mut relay = Process::start(&Role::Relay(Relay { kafka: lab.kafka(), topic: topic.to_owned(), records }))?;
    let sink = Sink { address: relay.hear()?, watched: relay.id(), sender: Sender::Relay, records };
    checked(role::run(&Role::Sink(sink))?, written)
}

fn bridge(lab: &Lab, topic: &str, written: &Written, format: Format) -> Result<Read> {
    let bridge = lab.bridge()?;
    let sender = Sender::Bridge { topic: topic.to_owned(), format, decode: Decode::default() };
    let (address, watched) = (bridge.address.clone(), bridge.id());
    let sink = Sink { address, watched, sender, records: written.content.records };
    checked(role::run(&Role::Sink(sink))?, written)
}

fn checked(read: Read, written: &Written) -> Result<Read> {
    read.content.require(&written.content)?;
    Ok(read)
}
