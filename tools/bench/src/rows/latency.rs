//! B3: from sending a record to receiving it, through the bridge and without it.

use anyhow::Result;

use crate::case::{Case, Metric};
use crate::lab::Lab;
use crate::measurement::{Measurement, Unit};
use crate::pace::Pace;
use crate::role::{self, Role};
use crate::roles::echo::Echo;
use crate::roles::native_echo::NativeEcho;
use crate::roundtrip::RoundTrips;
use crate::suite::floor;

const BYTES: usize = 100;

/// The targets of median and 99th percentile, relative to the floor.
const TARGETS: [Option<f64>; 2] = [Some(1.25), Some(1.50)];

pub fn run(lab: &Lab, measure: &mut dyn FnMut(&mut Case<'_>)) -> Result<()> {
    let records = |full| lab.scale.of(full);
    let paces = [
        ("one in flight", Pace::OneInFlight { records: records(5_000) }),
        ("1,000 a second", Pace::Steady { per_second: 1_000, records: records(5_000) }),
        ("10,000 a second", Pace::Steady { per_second: 10_000, records: records(50_000) }),
    ];
    for (name, pace) in paces {
        measure(&mut Case {
            row: "B3",
            name: format!("send → seen, {name}"),
            metrics: vec![Metric::new("p50", Unit::Microseconds), Metric::new("p99", Unit::Microseconds)],
            floors: vec![floor("librdkafka, linger 0", &TARGETS, || native(lab, pace))],
            ours: Box::new(|| bridge(lab, pace)),
        });
    }
    Ok(())
}

fn native(lab: &Lab, pace: Pace) -> Result<Vec<Measurement>> {
    let topic = lab.topic()?;
    let role = NativeEcho { kafka: lab.kafka(), topic: topic.name.clone(), bytes: BYTES, pace };
    Ok(measurements(role::run(&Role::NativeEcho(role))?))
}

fn bridge(lab: &Lab, pace: Pace) -> Result<Vec<Measurement>> {
    let topic = lab.topic()?;
    let bridge = lab.bridge()?;
    let (address, watched) = (bridge.address.clone(), bridge.id());
    let role = Echo { address, watched, topic: topic.name.clone(), bytes: BYTES, pace };
    Ok(measurements(role::run(&Role::Echo(role))?))
}

fn measurements(trips: RoundTrips) -> Vec<Measurement> {
    let cpu_ns = Measurement::from(trips.throughput).cpu_ns;
    vec![Measurement { value: trips.latency.p50, cpu_ns }, Measurement { value: trips.latency.p99, cpu_ns }]
}
