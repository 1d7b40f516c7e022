//! B2: records from one WebSocket into a topic, each acknowledged.

use anyhow::Result;

use crate::case::{Case, Metric};
use crate::lab::{Lab, Topic};
use crate::measurement::{Throughput, Unit};
use crate::role::{self, Role};
use crate::roles::native_consumer::{NativeConsumer, Read};
use crate::roles::native_producer::{NativeProducer, Written};
use crate::roles::source::Source;
use crate::suite::floor;
use crate::values::Values;

/// A record size, and how many records the floor writes in a second or two.
struct Size {
    name: &'static str,
    bytes: usize,
    records: u64,
}

const SIZES: [Size; 2] =
    [Size { name: "100 B", bytes: 100, records: 3_000_000 }, Size { name: "1 KiB", bytes: 1024, records: 800_000 }];

const TARGET: f64 = 0.80;

/// The bridge's linger, with which single records are sent immediately.
const BRIDGE_LINGER_MS: u32 = 0;

/// librdkafka's default linger, which fills batches.
const DEFAULT_LINGER_MS: u32 = 5;

/// Only librdkafka's own queue limits the floor.
const NO_WINDOW: u64 = u64::MAX;

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    for size in &SIZES {
        let records = lab.scale.of(size.records);
        measure(&mut Case {
            row: "B2",
            name: format!("produce, {}", size.name),
            metrics: vec![Metric::new("acknowledged", Unit::RecordsPerSecond)],
            floors: vec![
                floor("librdkafka, batches", &[Some(TARGET)], || {
                    Ok(vec![native(lab, records, size.bytes, BRIDGE_LINGER_MS)?.into()])
                }),
                floor("same, linger 5 ms", &[None], || {
                    Ok(vec![native(lab, records, size.bytes, DEFAULT_LINGER_MS)?.into()])
                }),
            ],
            ours: Box::new(|| Ok(vec![bridge(lab, records, size.bytes)?.into()])),
        });
    }
    Ok(())
}

fn native(lab: &Lab, records: u64, bytes: usize, linger_ms: u32) -> Result<Throughput> {
    let topic = lab.topic()?;
    let (kafka, name, values) = (lab.kafka(), topic.name.clone(), Values::Json);
    let role = NativeProducer { kafka, topic: name, records, values, bytes, linger_ms, window: NO_WINDOW };
    in_the_log(lab, &topic, role::run(&Role::NativeProducer(role))?)
}

fn bridge(lab: &Lab, records: u64, bytes: usize) -> Result<Throughput> {
    let topic = lab.topic()?;
    let bridge = lab.bridge()?;
    let (address, watched) = (bridge.address.clone(), bridge.id());
    let source = Source { address, watched, topic: topic.name.clone(), records, bytes };
    in_the_log(lab, &topic, role::run(&Role::Source(source))?)
}

/// Reads the written records and checks number, bytes and order.
fn in_the_log(lab: &Lab, topic: &Topic<'_>, written: Written) -> Result<Throughput> {
    let role = NativeConsumer { kafka: lab.kafka(), topic: topic.name.clone(), records: written.content.records };
    let read: Read = role::run(&Role::NativeConsumer(role))?;
    read.content.require(&written.content)?;
    Ok(written.throughput)
}
