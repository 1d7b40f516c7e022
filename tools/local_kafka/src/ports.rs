//! Finds free TCP ports that stay free while a broker is down.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

/// Below the range of ephemeral ports on Linux and macOS. Within that range, a client that keeps connecting to a
/// stopped broker may get the broker's own port as its local port: it connects to itself, and the broker cannot bind
/// the port again.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Ports that were free when they were checked.
///
/// # Errors
/// If too few ports of the range are free.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    // A random start avoids conflicts with clusters that other processes start at the same time.
    let start = RandomState::new().hash_one(count);
    let size = u64::from(RANGE.end - RANGE.start);
    let mut held = Vec::new();
    for step in 0..size {
        #[expect(clippy::cast_possible_truncation, reason = "below the size of a range of u16")]
        let port = RANGE.start + ((start % size + step) % size) as u16;
        // Kept open until all ports are chosen, so that no port is chosen twice.
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
        if held.len() == count {
            return Ok(held.into_iter().map(|(port, _)| port).collect());
        }
    }
    bail!("no {count} free TCP ports between {} and {}", RANGE.start, RANGE.end)
}
