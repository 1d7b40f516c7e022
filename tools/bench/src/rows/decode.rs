//! B9: typed records through the bridge to one WebSocket, decoded to JSON; and records that look typed, but are garbage.

use anyhow::{Context, Result, ensure};
use local_kafka::target_dir;
use local_registry::Installation;
use protocol::{Decode, Format, RecordFormat};

use crate::case::{Case, Metric};
use crate::counted_registry::CountedRegistry;
use crate::lab::Lab;
use crate::measurement::{Measurement, Unit};
use crate::role::{self, Role};
use crate::roles::memory_decoder::{DECODE, MemoryDecoder};
use crate::roles::native_consumer::Read;
use crate::roles::sink::{Sender, Sink};
use crate::suite::floor;
use crate::tally::Content;
use crate::values::Values;

const FORMATS: [(&str, Values); 2] = [("Avro", Values::Avro), ("Protobuf", Values::Protobuf)];

const BYTES: usize = 100;
/// The floor decodes them in a second or less.
const RECORDS: u64 = 2_000_000;

/// Relative to the decoder alone.
const TARGET: f64 = 0.70;
const RECORDS_PER_SECOND: f64 = 250_000.0;

/// Garbage relative to the same records without decoding.
const GARBAGE_TARGET: f64 = 0.50;
/// A burst of 64 requests for unknown schemas, and one each second: a run takes seconds.
const MOST_REQUESTS: f64 = 64.0 + 16.0;

const RAW: Decode = Decode::with_formats(RecordFormat::Raw, RecordFormat::Raw);

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    for (name, values) in FORMATS {
        typed(lab, measure, name, values)?;
    }
    match Installation::find_or_fetch() {
        Ok(installation) => garbage(lab, measure, &installation)?,
        Err(reason) => eprintln!("B9 decode, garbage: skipped, because there is no schema registry: {reason}"),
    }
    Ok(())
}

fn typed(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>), name: &str, values: Values) -> Result<()> {
    let records = lab.scale.of(RECORDS);
    let (topic, written) = lab.filled_topic_of(values, records, BYTES)?;
    let config = configuration(&topic.name, values)?;
    let options = ["--config", config.as_str()];
    // The first reader of a topic pays for the cold page cache.
    bridge(lab, &options, &topic.name, RAW, &written.content)?;
    let decoded = memory(&topic.name, values, records)?.content;
    measure(&mut Case {
        row: "B9",
        name: format!("decode, {BYTES} B {name}"),
        metrics: vec![Metric::within("records", Unit::RecordsPerSecond, RECORDS_PER_SECOND)],
        floors: vec![
            floor("decoder in memory, one thread", &[Some(TARGET)], || {
                let read = memory(&topic.name, values, records)?;
                read.content.require(&decoded)?;
                Ok(vec![read.throughput.into()])
            }),
            floor("bridge, not decoded", &[None], || {
                Ok(vec![bridge(lab, &options, &topic.name, RAW, &written.content)?.throughput.into()])
            }),
        ],
        ours: Box::new(|| Ok(vec![bridge(lab, &options, &topic.name, DECODE, &decoded)?.throughput.into()])),
    });
    Ok(())
}

/// Each record seems to name another schema, and the registry has none of them.
fn garbage(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>), installation: &Installation) -> Result<()> {
    let (topic, written) = lab.filled_topic_of(Values::Garbage, lab.scale.of(RECORDS), BYTES)?;
    let registry = CountedRegistry::start(installation)?;
    let read = |decode: Decode| -> Result<Vec<Measurement>> {
        let before = registry.requests();
        let options = ["--schema-registry", registry.url.as_str()];
        // What cannot be decoded comes as it is.
        let read = bridge(lab, &options, &topic.name, decode, &written.content)?;
        let requests = registry.requests() - before;
        ensure!(decode.is_raw() || requests > 0, "the bridge did not ask the registry");
        Ok(vec![read.throughput.into(), Measurement::of(f64::from(requests))])
    };
    // The registry's first answers are slow, too.
    read(RAW)?;
    read(DECODE)?;
    measure(&mut Case {
        row: "B9",
        name: format!("decode, {BYTES} B garbage"),
        metrics: vec![
            Metric::new("records", Unit::RecordsPerSecond),
            Metric::within("registry requests", Unit::Records, MOST_REQUESTS),
        ],
        floors: vec![floor("bridge, not decoded", &[Some(GARBAGE_TARGET), None], || read(RAW))],
        ours: Box::new(|| read(DECODE)),
    });
    Ok(())
}

/// A configuration file with the schema of a topic's values, in place of a registry.
pub fn configuration(topic: &str, values: Values) -> Result<String> {
    let schema = values.schema().context("these values have no schema")?;
    let directory = target_dir("bench_schemas");
    let write = |name: &str, text: &str| -> Result<String> {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path.display().to_string())
    };
    let schema_file = write(schema.file, schema.text)?;
    let format = schema.language.format().name();
    let table =
        format!("[[schemas]]\ntopics = [{topic:?}]\nvalue-format = {format:?}\nvalue-files = [{schema_file:?}]\n");
    write(&format!("{format}.toml"), &table)
}

fn memory(topic: &str, values: Values, records: u64) -> Result<Read> {
    role::run(&Role::MemoryDecoder(MemoryDecoder { topic: topic.to_owned(), values, bytes: BYTES, records }))
}

/// Reads the topic in binary frames, as the page does.
fn bridge(lab: &Lab, options: &[&str], topic: &str, decode: Decode, expected: &Content) -> Result<Read> {
    let bridge = lab.bridge_with(options)?;
    let sender = Sender::Bridge { topic: topic.to_owned(), format: Format::Binary, decode };
    let (address, watched) = (bridge.address.clone(), bridge.id());
    let sink = Sink { address, watched, sender, records: expected.records };
    let read: Read = role::run(&Role::Sink(sink))?;
    read.content.require(expected)?;
    Ok(read)
}
