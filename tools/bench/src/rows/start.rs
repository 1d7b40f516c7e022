//! B6: from exec to listening, and from subscribing to the first record.

use std::cell::Cell;
use std::time::Instant;

use anyhow::Result;

use crate::case::{Case, Metric};
use crate::child::Process;
use crate::lab::{Lab, Topic};
use crate::measurement::{Measurement, Unit};
use crate::role::{self, Role};
use crate::roles::first_record::{FirstRecord, Source, Way};
use crate::roles::warp_server::WarpServer;
use crate::stats::Summary;
use crate::suite::floor;

const LISTENING_WITHIN_US: f64 = 50_000.0;

/// The target relative to a native consumer.
const FIRST_RECORD_TARGET: f64 = 1.20;

/// Repetitions in one measurement, whose median counts because process starts vary.
const STARTS: usize = 5;
const FIRST_RECORDS: usize = 10;

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    measure(&mut Case {
        row: "B6",
        name: "start".to_owned(),
        metrics: vec![Metric::within("exec → listening", Unit::Microseconds, LISTENING_WITHIN_US)],
        floors: vec![floor("bare warp", &[None], || median_of_starts(start_warp))],
        ours: Box::new(|| median_of_starts(|| Ok(lab.bridge()?.started_in.as_secs_f64() * 1e6))),
    });
    let (topic, _) = lab.filled_topic(lab.scale.of(1000), 100)?;
    let groups = Cell::new(0);
    let first = |source, way| first_record(&topic, source, way, &groups);
    // The cluster's first group waits until Kafka has created an internal topic.
    first(Source::Kafka(lab.kafka()), Way::Group)?;
    for (name, way) in [("from an offset", Way::Offset), ("in a group", Way::Group)] {
        measure(&mut Case {
            row: "B6",
            name: format!("first record, {name}"),
            metrics: vec![Metric::new("asking → record", Unit::Microseconds)],
            floors: vec![floor("librdkafka", &[Some(FIRST_RECORD_TARGET)], || first(Source::Kafka(lab.kafka()), way))],
            ours: Box::new(|| {
                let bridge = lab.bridge()?;
                first(Source::Bridge(bridge.address.clone()), way)
            }),
        });
    }
    Ok(())
}

fn start_warp() -> Result<f64> {
    let begin = Instant::now();
    let mut server = Process::start(&Role::WarpServer(WarpServer {}))?;
    let _address: String = server.hear()?;
    Ok(begin.elapsed().as_secs_f64() * 1e6)
}

fn median_of_starts(mut start: impl FnMut() -> Result<f64>) -> Result<Vec<Measurement>> {
    let starts = (0..STARTS).map(|_| start()).collect::<Result<Vec<f64>>>()?;
    Ok(Summary::of(&starts).map(|starts| Measurement::of(starts.median)).into_iter().collect())
}

fn first_record(topic: &Topic<'_>, source: Source, way: Way, groups: &Cell<u32>) -> Result<Vec<Measurement>> {
    groups.set(groups.get() + 1);
    let group = format!("bench-start-{}", groups.get());
    let role = FirstRecord { source, topic: topic.name.clone(), way, samples: FIRST_RECORDS, group };
    Ok(vec![Measurement::of(role::run(&Role::FirstRecord(role))?)])
}
