//! B4: one topic to many WebSockets.

use anyhow::Result;
use protocol::MAX_BATCH_RECORDS;

use crate::case::{Case, Metric};
use crate::child::Process;
use crate::lab::Lab;
use crate::measurement::{Measurement, Unit};
use crate::pace::Percentiles;
use crate::process::Received;
use crate::role::{self, Role};
use crate::roles::audience::Audience;
use crate::roles::fan::{Fan, Fanned, Sender};
use crate::roles::ready_frames::ReadyFrames;
use crate::suite::floor;

const BYTES: usize = 100;

/// How many sockets, and how many records each gets: a second or two of what a floor sends.
struct Width {
    sockets: usize,
    records: u64,
    floor_records: u64,
    target: Option<f64>,
}

const WIDTHS: [Width; 4] = [
    // One socket is limited by Kafka, which B1 measures; a ready frame needs no Kafka.
    Width { sockets: 1, records: 4_000_000, floor_records: 20_000_000, target: None },
    Width { sockets: 10, records: 1_500_000, floor_records: 2_000_000, target: Some(0.90) },
    Width { sockets: 100, records: 200_000, floor_records: 200_000, target: Some(0.90) },
    Width { sockets: 1000, records: 20_000, floor_records: 20_000, target: Some(0.90) },
];

/// Bytes fetched from Kafka for many sockets, relative to one socket. More than 1, because a fetch that waits still has a header.
const FETCHED_TARGET: f64 = 1.05;
const FETCHED_RECORDS: u64 = 20_000;

/// The p99 beside a stalled socket, relative to that without it.
const STALLED_TARGET: f64 = 1.05;
const READERS: usize = 10;
const STALLED_RECORD_BYTES: usize = 1024;
const PER_SECOND: u32 = 10_000;
/// Nine seconds, the first three of which fill the stalled socket's buffers.
const STALLED_RECORDS: u64 = 90_000;

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    for width in &WIDTHS {
        let sockets = lab.scale.sockets(width.sockets);
        measure(&mut Case {
            row: "B4",
            name: format!("fan-out to {sockets}"),
            // A subscription that blocks must get every record, so records that the bridge reports as missing were not delivered.
            metrics: vec![
                Metric::new("delivered", Unit::RecordsPerSecond),
                Metric::within("left out", Unit::Records, 0.0),
            ],
            floors: vec![floor("tungstenite, ready frame", &[width.target, None], || {
                let frames = lab.scale.of(width.floor_records) / MAX_BATCH_RECORDS as u64 + 1;
                Ok(measurements(ready_frames(sockets, frames)?))
            })],
            ours: Box::new(|| Ok(measurements(bridge(lab, sockets, lab.scale.of(width.records))?.0))),
        });
    }
    let many = lab.scale.sockets(WIDTHS[3].sockets);
    let fetched = |sockets| {
        let (_, bytes) = bridge(lab, sockets, lab.scale.of(FETCHED_RECORDS))?;
        #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
        Ok(vec![Measurement::of(bytes as f64)])
    };
    measure(&mut Case {
        row: "B4",
        name: format!("fetched for {many} sockets"),
        metrics: vec![Metric::new("from Kafka", Unit::Bytes)],
        floors: vec![floor("for one socket", &[Some(FETCHED_TARGET)], || fetched(1))],
        ours: Box::new(|| fetched(many)),
    });
    measure(&mut Case {
        row: "B4",
        name: format!("{READERS} sockets beside a stalled one"),
        metrics: vec![Metric::new("p99", Unit::Microseconds), Metric::new("p50", Unit::Microseconds)],
        floors: vec![floor("without it", &[Some(STALLED_TARGET), None], || audience(lab, 0))],
        ours: Box::new(|| audience(lab, 1)),
    });
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts of records are far below 2^52")]
fn measurements(fanned: Fanned) -> Vec<Measurement> {
    vec![fanned.throughput.into(), Measurement::of(fanned.left_out as f64)]
}

fn ready_frames(sockets: usize, frames: u64) -> Result<Fanned> {
    let mut server = Process::start(&Role::ReadyFrames(ReadyFrames { bytes: BYTES, frames }))?;
    let (address, watched) = (server.hear()?, server.id());
    let records = frames * MAX_BATCH_RECORDS as u64;
    let mut fan = start_fan(Fan { address, watched, sender: Sender::ReadyFrames, sockets, records })?;
    fan.go()?;
    fan.hear()
}

/// The delivered records, and the bytes that Kafka sent for them.
fn bridge(lab: &Lab, sockets: usize, records: u64) -> Result<(Fanned, u64)> {
    let topic = lab.topic()?;
    let bridge = lab.bridge()?;
    let (address, watched) = (bridge.address.clone(), bridge.id());
    let sender = Sender::Bridge { topic: topic.name.clone() };
    let mut fan = start_fan(Fan { address, watched, sender, sockets, records })?;
    let before = Received::by(bridge.id(), lab.kafka_port())?;
    // Every socket is open and has no credit yet, so the bridge has read at most what its buffers hold.
    let written = topic.fill(records, BYTES)?;
    fan.go()?;
    let fanned: Fanned = fan.hear()?;
    if let Some(content) = fanned.content {
        content.require(&written.content)?;
    }
    let fetched = Received::by(bridge.id(), lab.kafka_port())?.since(&before);
    Ok((fanned, fetched))
}

/// Returns once every socket is open.
fn start_fan(fan: Fan) -> Result<Process> {
    let mut fan = Process::start(&Role::Fan(fan))?;
    let _open: usize = fan.hear()?;
    Ok(fan)
}

fn audience(lab: &Lab, stalled: usize) -> Result<Vec<Measurement>> {
    let topic = lab.topic()?;
    let bridge = lab.bridge()?;
    let role = Audience {
        kafka: lab.kafka(),
        address: bridge.address.clone(),
        topic: topic.name.clone(),
        bytes: STALLED_RECORD_BYTES,
        per_second: PER_SECOND,
        records: lab.scale.of(STALLED_RECORDS),
        readers: READERS,
        stalled,
    };
    let percentiles: Percentiles = role::run(&Role::Audience(role))?;
    Ok(vec![Measurement::of(percentiles.p99), Measurement::of(percentiles.p50)])
}
