//! Free TCP ports that stay free while a broker is down.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

/// Below the range from which Linux and macOS take the local ports of outgoing connections. A client that keeps trying to
/// reach a stopped broker inside that range can be given the broker's own port, connects to itself, and the broker cannot
/// come back.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Ports of which each was free a moment ago.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>> {
    // A random start keeps clusters of other processes, started at the same time, away.
    let start = RandomState::new().hash_one(count);
    let size = u64::from(RANGE.end - RANGE.start);
    let mut held = Vec::new();
    for step in 0..size {
        #[expect(clippy::cast_possible_truncation, reason = "below the size of a range of u16")]
        let port = RANGE.start + ((start % size + step) % size) as u16;
        // Held until all are chosen, so that none is chosen twice.
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
        if held.len() == count {
            return Ok(held.into_iter().map(|(port, _)| port).collect());
        }
    }
    bail!("no {count} free TCP ports between {} and {}", RANGE.start, RANGE.end)
}
