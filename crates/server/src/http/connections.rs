//! Limits the connections that are not (yet) WebSockets, in total and per address. When a limit is reached, the
//! connection that has been silent for longest is closed for the new one, so that idle connections cannot lock users
//! out.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::stream::Stream;
use crate::address_class::AddressClass;
use crate::metrics::METRICS;

/// Connections from one address of another machine that is not a trusted proxy. A browser opens six.
const PER_ADDRESS: usize = 64;

pub struct Connections {
    total: usize,
    began: Instant,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    by_number: BTreeMap<u64, Entry>,
    last_number: u64,
}

struct Entry {
    address: AddressClass,
    last_active_ms: Arc<AtomicU64>,
    evicted: CancellationToken,
}

/// One counted connection; it no longer counts when this is dropped.
pub struct ConnectionSlot {
    connections: Arc<Connections>,
    number: u64,
    last_active_ms: Arc<AtomicU64>,
    /// Cancelled when this connection is closed to make room for another one.
    pub evicted: CancellationToken,
}

impl Connections {
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, began: Instant::now(), open: Mutex::default() })
    }

    /// Counts a new connection, and closes an idle one if a limit is reached. A trusted proxy has no limit of its own, because it connects
    /// for many clients.
    pub fn add(self: &Arc<Self>, address: IpAddr, is_trusted_proxy: bool) -> ConnectionSlot {
        let address = AddressClass::of(address);
        let mut open = self.lock();
        let of_address = open.by_number.values().filter(|entry| entry.address == address).count();
        if of_address >= PER_ADDRESS && !address.is_loopback() && !is_trusted_proxy {
            open.evict(|candidate| candidate == address);
        }
        while open.by_number.len() >= self.total.max(1) {
            open.evict_from_busiest_address();
        }
        open.last_number += 1;
        let (number, evicted) = (open.last_number, CancellationToken::new());
        let last_active_ms = Arc::new(AtomicU64::new(self.now_ms()));
        let entry = Entry { address, last_active_ms: Arc::clone(&last_active_ms), evicted: evicted.clone() };
        open.by_number.insert(number, entry);
        ConnectionSlot { connections: Arc::clone(self), number, last_active_ms, evicted }
    }

    /// Closes the connection that has been silent for longest, if there is one, because its file descriptor is needed.
    pub fn evict_one(&self) {
        self.lock().evict_from_busiest_address();
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Each change is a single insert or removal, so a panic elsewhere leaves the map consistent.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes a connection of the address that has the most, so that a client with many connections loses its own.
    fn evict_from_busiest_address(&mut self) {
        let mut counts: HashMap<AddressClass, usize> = HashMap::new();
        for entry in self.by_number.values() {
            *counts.entry(entry.address).or_default() += 1;
        }
        let most = counts.values().max().copied();
        self.evict(|address| counts.get(&address).copied() == most);
    }

    fn evict(&mut self, is_candidate: impl Fn(AddressClass) -> bool) {
        let candidates = self.by_number.iter().filter(|(_, entry)| is_candidate(entry.address));
        let silent = candidates.min_by_key(|(_, entry)| entry.last_active_ms.load(Ordering::Relaxed));
        let Some(number) = silent.map(|(&number, _)| number) else { return };
        if let Some(entry) = self.by_number.remove(&number) {
            entry.evicted.cancel();
            METRICS.connection_evicted();
        }
    }
}

impl ConnectionSlot {
    fn touch(&self) {
        self.last_active_ms.store(self.connections.now_ms(), Ordering::Relaxed);
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.connections.lock().by_number.remove(&self.number);
    }
}

/// A connection that records when it last read or wrote something.
pub struct ActiveStream {
    stream: Stream,
    slot: Arc<ConnectionSlot>,
}

impl ActiveStream {
    pub fn new(stream: Stream, slot: Arc<ConnectionSlot>) -> Self {
        Self { stream, slot }
    }

    /// For a connection that has become a WebSocket, which [`crate::websocket::Slots`] counts instead.
    pub fn into_inner(self) -> Stream {
        self.stream
    }
}

impl AsyncRead for ActiveStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.slot.touch();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ActiveStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.slot.touch();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.slot.touch();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evicted(slots: &[ConnectionSlot]) -> Vec<usize> {
        (0..).zip(slots).filter(|(_, slot)| slot.evicted.is_cancelled()).map(|(index, _)| index).collect()
    }

    fn set_last_active(slot: &ConnectionSlot, order: u64) {
        slot.last_active_ms.store(order, Ordering::Relaxed);
    }

    #[test]
    fn longest_silent_connection_is_closed_for_a_new_one() {
        let connections = Connections::new(3);
        let mut slots: Vec<ConnectionSlot> = (0..3).map(|_| connections.add([127, 0, 0, 1].into(), false)).collect();
        for (slot, order) in slots.iter().zip([5, 3, 4]) {
            set_last_active(slot, order);
        }
        slots.push(connections.add([127, 0, 0, 1].into(), false));
        assert_eq!(evicted(&slots), [1]);
        set_last_active(&slots[3], 6);
        slots.push(connections.add([127, 0, 0, 1].into(), false));
        assert_eq!(evicted(&slots), [1, 2]);
    }

    #[test]
    fn address_with_many_connections_loses_its_own() {
        let connections = Connections::new(10);
        let user = connections.add([10, 0, 0, 1].into(), false);
        let slots: Vec<ConnectionSlot> = (0..50).map(|_| connections.add([10, 0, 0, 2].into(), false)).collect();
        assert!(!user.evicted.is_cancelled());
        assert_eq!(evicted(&slots).len(), 41);
    }

    #[test]
    fn remote_address_has_its_own_limit_and_loopback_and_proxies_have_none() {
        let connections = Connections::new(1000);
        let slots: Vec<ConnectionSlot> =
            (0..=PER_ADDRESS).map(|_| connections.add([10, 0, 0, 1].into(), false)).collect();
        assert_eq!(evicted(&slots).len(), 1);
        let proxy: Vec<ConnectionSlot> =
            (0..=PER_ADDRESS).map(|_| connections.add([10, 0, 0, 2].into(), true)).collect();
        assert_eq!(evicted(&proxy).len(), 0);
        let local: Vec<ConnectionSlot> =
            (0..=PER_ADDRESS).map(|_| connections.add([127, 0, 0, 1].into(), false)).collect();
        assert_eq!(evicted(&local).len(), 0);
    }

    #[test]
    fn ended_connection_no_longer_counts() {
        let connections = Connections::new(1);
        drop(connections.add([10, 0, 0, 1].into(), false));
        let next = connections.add([10, 0, 0, 2].into(), false);
        assert!(!next.evicted.is_cancelled());
        connections.evict_one();
        assert!(next.evicted.is_cancelled());
        connections.evict_one();
    }
}
