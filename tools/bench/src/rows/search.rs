//! B10: a search through a topic. B11: the newest records of a topic with many partitions.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};
use protocol::{Filter, Order, TextFilter};

use crate::case::{Case, Metric};
use crate::lab::Lab;
use crate::measurement::{Measurement, Unit};
use crate::role::{self, Role};
use crate::roles::native_consumer::{NativeConsumer, Read};
use crate::roles::newest_by_hand::NewestByHand;
use crate::roles::searcher::{Searched, Searcher};
use crate::suite::floor;

/// A record size, how many records are searched, and the target of an expression relative to librdkafka.
struct Size {
    name: &'static str,
    bytes: usize,
    records: u64,
    expression_target: f64,
}

const SIZES: [Size; 2] = [
    Size { name: "100 B", bytes: 100, records: 3_000_000, expression_target: 0.10 },
    Size { name: "1 KiB", bytes: 1024, records: 1_000_000, expression_target: 0.25 },
];

const TEXT_TARGET: f64 = 0.80;

/// Relative to `kcat | jq`.
const PROGRAMS_TARGET: f64 = 10.0;

/// `jq` needs seconds for so many.
const PROGRAM_RECORDS: u64 = 300_000;

/// B11.
const PARTITIONS: [i32; 3] = [1, 50, 200];
const NEWEST: u32 = 50;
const NEWEST_TARGET: f64 = 1.5;
const NEWEST_WITHIN_US: f64 = 300_000.0;

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    for size in &SIZES {
        let records = lab.scale.of(size.records);
        let (topic, written) = lab.filled_topic(records, size.bytes)?;
        let native = || -> Result<Vec<Measurement>> {
            let role = NativeConsumer { kafka: lab.kafka(), topic: topic.name.clone(), records };
            let read: Read = role::run(&Role::NativeConsumer(role))?;
            read.content.require(&written.content)?;
            Ok(vec![read.throughput.into()])
        };
        // The first reader of a topic pays for the cold page cache.
        native()?;
        let text = TextFilter {
            text: "no record has this text".to_owned(),
            case_sensitive: false,
            part: protocol::FilterPart::Any,
        };
        let text = Filter { text: Some(text), ..Filter::default() };
        for (name, order) in [("newest first", Order::Newest), ("oldest first", Order::Oldest)] {
            measure(&mut Case {
                row: "B10",
                name: format!("text, {}, {name}", size.name),
                metrics: vec![Metric::new("records", Unit::RecordsPerSecond)],
                floors: vec![floor("librdkafka, batches", &[Some(TEXT_TARGET)], native)],
                ours: Box::new(|| search(lab, &topic.name, &text, order, records)),
            });
        }
        measure(&mut Case {
            row: "B10",
            name: format!("expression, {}", size.name),
            metrics: vec![Metric::new("records", Unit::RecordsPerSecond)],
            floors: vec![floor("librdkafka, batches", &[Some(size.expression_target)], native)],
            ours: Box::new(|| search(lab, &topic.name, &expression(), Order::Newest, records)),
        });
        drop(topic);

        let few = lab.scale.of(PROGRAM_RECORDS);
        let (topic, _) = lab.filled_topic(few, size.bytes)?;
        measure(&mut Case {
            row: "B10",
            name: format!("expression, {}, against programs", size.name),
            metrics: vec![Metric::new("records", Unit::RecordsPerSecond)],
            floors: vec![floor("kcat | jq", &[Some(PROGRAMS_TARGET)], || programs(lab, &topic.name, few))],
            ours: Box::new(|| search(lab, &topic.name, &expression(), Order::Newest, few)),
        });
    }
    for partitions in PARTITIONS {
        newest(lab, measure, partitions)?;
    }
    Ok(())
}

fn expression() -> Filter {
    Filter { expression: Some("value.id == '-1'".to_owned()), ..Filter::default() }
}

fn search(lab: &Lab, topic: &str, filter: &Filter, order: Order, records: u64) -> Result<Vec<Measurement>> {
    let bridge = lab.bridge()?;
    let (address, watched) = (bridge.address.clone(), bridge.id());
    let searcher = Searcher { address, watched, topic: topic.to_owned(), filter: filter.clone(), order, count: 1000 };
    let searched: Searched = role::run(&Role::Searcher(searcher))?;
    ensure!((searched.scanned, searched.found) == (records, 0), "{searched:?}, not {records} scanned");
    Ok(vec![searched.throughput.into()])
}

/// What people use without a tool of their own. The start of the programs is not much of it.
fn programs(lab: &Lab, topic: &str, records: u64) -> Result<Vec<Measurement>> {
    let script = format!("kcat -C -q -e -b {} -t {topic} -o beginning | jq -c 'select(.id == \"-1\")'", lab.kafka());
    let begin = Instant::now();
    let output = Command::new("bash").args(["-o", "pipefail", "-c", &script]).stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "kcat | jq: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(output.stdout.is_empty(), "kcat | jq found a record");
    Ok(vec![Measurement::of(records as f64 / begin.elapsed().as_secs_f64())])
}

fn newest(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>), partitions: i32) -> Result<()> {
    let topic = lab.topic_of(partitions)?;
    topic.fill(lab.scale.of(1000) * u64::try_from(partitions)?, 100)?;
    let by_hand = || -> Result<Vec<Measurement>> {
        let role = NewestByHand { kafka: lab.kafka(), topic: topic.name.clone(), partitions, each: i64::from(NEWEST) };
        Ok(vec![Measurement::of(role::run(&Role::NewestByHand(role))?)])
    };
    by_hand()?;
    measure(&mut Case {
        row: "B11",
        name: format!("newest {NEWEST} of {partitions} partitions"),
        metrics: vec![Metric::within("asking → last record", Unit::Microseconds, NEWEST_WITHIN_US)],
        floors: vec![floor("one fetch for each partition", &[Some(NEWEST_TARGET)], by_hand)],
        ours: Box::new(|| {
            let bridge = lab.bridge()?;
            let (address, watched) = (bridge.address.clone(), bridge.id());
            let (filter, order) = (Filter::default(), Order::Newest);
            let searcher = Searcher { address, watched, topic: topic.name.clone(), filter, order, count: NEWEST };
            let searched: Searched = role::run(&Role::Searcher(searcher))?;
            ensure!(searched.found == u64::from(NEWEST), "{searched:?}");
            Ok(vec![Measurement::of(searched.took.as_secs_f64() * 1e6)])
        }),
    });
    Ok(())
}
