//! B7: the bridge's memory, idle and with clients that do not read.

use std::time::{Duration, Instant};

use anyhow::Result;
use protocol::MAX_BATCH_BYTES;

use crate::case::{Case, Metric};
use crate::child::Process;
use crate::lab::Lab;
use crate::measurement::{Measurement, Unit};
use crate::process::{peak_resident_bytes, resident_bytes};
use crate::role::Role;
use crate::roles::idle_sockets::{IdleSockets, Kind};
use crate::roles::ready_frames::ReadyFrames;
use crate::roles::warp_server::WarpServer;
use crate::suite::floor;

const MIB: f64 = 1_048_576.0;

const IDLE_LIMIT: f64 = 20.0 * MIB;
const SOCKET_LIMIT: f64 = 12.0 * 1024.0;
const SOCKETS: usize = 1000;

/// After its first line the bridge still connects to its brokers.
const SETTLE: Duration = Duration::from_secs(2);

const STALLED: usize = 10;
/// The most that the bridge is configured to keep for them: the feed's ring, librdkafka's queue and one incoming fetch, and for
/// each socket an outbox of 32 frames and one frame that is being written.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
const STALLED_LIMIT: f64 = 8.0 * MIB + 4.0 * MIB + MIB + (STALLED * 33 * MAX_BATCH_BYTES) as f64;
const STALLED_RECORD_BYTES: usize = 100;
/// Records that are written before the time is checked again: a second of a fast producer.
const STALLED_RECORDS: u64 = 1_000_000;
/// Kafka deletes old records, since minutes at full rate would fill the disk.
const SHORT_RETENTION: [(&str, &str); 2] = [("retention.bytes", "268435456"), ("segment.bytes", "67108864")];

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    measure(&mut Case {
        row: "B7",
        name: "idle".to_owned(),
        metrics: vec![Metric::within("resident", Unit::Bytes, IDLE_LIMIT)],
        floors: vec![floor("bare warp", &[None], idle_warp)],
        ours: Box::new(|| {
            let bridge = lab.bridge()?;
            std::thread::sleep(SETTLE);
            bytes(resident_bytes(bridge.id())?)
        }),
    });
    measure(&mut Case {
        row: "B7",
        name: format!("{} idle sockets", lab.scale.sockets(SOCKETS)),
        metrics: vec![Metric::within("resident a socket", Unit::Bytes, SOCKET_LIMIT)],
        floors: vec![floor("raw tungstenite", &[None], || {
            let role = ReadyFrames { bytes: STALLED_RECORD_BYTES, frames: 0 };
            let mut server = Process::start(&Role::ReadyFrames(role))?;
            let address = server.hear()?;
            per_socket(lab, server.id(), address, Kind::Raw)
        })],
        ours: Box::new(|| {
            let bridge = lab.bridge()?;
            std::thread::sleep(SETTLE);
            per_socket(lab, bridge.id(), bridge.address.clone(), Kind::Welcomed)
        }),
    });
    let minutes = match lab.scale {
        scale if scale.quick => 0,
        scale if scale.long => 5,
        _ => 1,
    };
    measure(&mut Case {
        row: "B7",
        name: format!("{STALLED} stalled sockets, {minutes} min"),
        metrics: vec![Metric::within("growth over idle", Unit::Bytes, STALLED_LIMIT)],
        // The ratio shows how much is added to the memory of an idle bridge.
        floors: vec![floor("bridge, idle", &[None], || {
            let bridge = lab.bridge()?;
            std::thread::sleep(SETTLE);
            bytes(resident_bytes(bridge.id())?)
        })],
        ours: Box::new(|| stalled(lab, Duration::from_secs(60 * minutes))),
    });
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^52")]
fn bytes(bytes: u64) -> Result<Vec<Measurement>> {
    Ok(vec![Measurement::of(bytes as f64)])
}

fn idle_warp() -> Result<Vec<Measurement>> {
    let mut server = Process::start(&Role::WarpServer(WarpServer {}))?;
    let _address: String = server.hear()?;
    std::thread::sleep(SETTLE);
    bytes(resident_bytes(server.id())?)
}

fn per_socket(lab: &Lab, server: u32, address: String, kind: Kind) -> Result<Vec<Measurement>> {
    let before = resident_bytes(server)?;
    let sockets = lab.scale.sockets(SOCKETS);
    let mut clients = Process::start(&Role::IdleSockets(IdleSockets { address, sockets, kind }))?;
    let open: u64 = clients.hear()?;
    let after = resident_bytes(server)?;
    bytes(after.saturating_sub(before) / open.max(1))
}

/// The largest growth while a producer writes at full rate and no client reads.
fn stalled(lab: &Lab, time: Duration) -> Result<Vec<Measurement>> {
    let topic = lab.topic_with(&SHORT_RETENTION)?;
    let bridge = lab.bridge()?;
    std::thread::sleep(SETTLE);
    let before = resident_bytes(bridge.id())?;
    let kind = Kind::Stalled { topic: topic.name.clone() };
    let role = IdleSockets { address: bridge.address.clone(), sockets: STALLED, kind };
    let mut clients = Process::start(&Role::IdleSockets(role))?;
    let _open: usize = clients.hear()?;
    let begin = Instant::now();
    loop {
        topic.fill(lab.scale.of(STALLED_RECORDS), STALLED_RECORD_BYTES)?;
        if begin.elapsed() >= time {
            return bytes(peak_resident_bytes(bridge.id())?.saturating_sub(before));
        }
    }
}
