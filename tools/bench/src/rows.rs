//! The rows of the table, one file each.

pub mod consume;
pub mod decode;
pub mod failure;
pub mod fan_out;
pub mod latency;
pub mod memory;
pub mod page;
pub mod page_actions;
pub mod page_weight;
pub mod produce;
pub mod search;
pub mod silence;
pub mod start;

use anyhow::Result;

use crate::lab::Lab;
use crate::report::Line;

/// Measures a row's cases one after the other.
type Run = fn(&Lab, &mut dyn FnMut(&mut crate::case::Case<'_>)) -> Result<()>;

pub struct Row {
    pub name: &'static str,
    pub about: &'static str,
    pub run: Run,
}

/// In the order in which they are measured.
pub const ROWS: &[Row] = &[
    Row { name: "B1", about: "consume to one WebSocket", run: consume::run },
    Row { name: "B2", about: "produce from one WebSocket, acknowledged", run: produce::run },
    Row { name: "B3", about: "from sending to seeing", run: latency::run },
    Row { name: "B4", about: "fan-out to many WebSockets", run: fan_out::run },
    Row { name: "B5", about: "the page in a browser", run: page::run },
    Row { name: "B6", about: "from exec to listening, from asking to the first record", run: start::run },
    Row { name: "B7", about: "memory at rest, and with clients that do not read", run: memory::run },
    Row { name: "B8", about: "what the page weighs, and how soon it is there", run: page_weight::run },
    Row { name: "B9", about: "typed records to one WebSocket, decoded", run: decode::run },
    Row { name: "B10", about: "a search through a topic, and the newest records (B11)", run: search::run },
    Row { name: "B14", about: "until a failure is reported, and until processes exit", run: failure::run },
    Row { name: "B15", about: "silent clients: until they are closed, and what they cost others", run: silence::run },
    Row { name: "B16", about: "page actions, from the click to the effect", run: page_actions::run },
];

/// Collects the lines of a row's cases whose name contains `case`.
pub fn measure(row: &Row, lab: &Lab, case: &str, rounds: usize, verdict: bool) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    (row.run)(lab, &mut |next| {
        if next.name.contains(case) {
            lines.extend(crate::suite::measure(next, rounds, verdict));
        }
    })?;
    Ok(lines)
}
