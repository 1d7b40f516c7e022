//! The connections that are not (yet) WebSockets: a bounded number of them, in all and per address. Where there are too many,
//! the one that has been silent for longest makes room for the newcomer, so that idle connections lock nobody out.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::address_class::AddressClass;
use crate::metrics::METRICS;

/// From one address of another machine. A browser opens six, and a proxy in front is usually on loopback.
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

/// One connection's place, free again when this is dropped.
pub struct Place {
    connections: Arc<Connections>,
    number: u64,
    last_active_ms: Arc<AtomicU64>,
    /// Cancelled when another connection takes the place.
    pub evicted: CancellationToken,
}

impl Connections {
    pub fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, began: Instant::now(), open: Mutex::default() })
    }

    /// A place for a new connection; another one may lose its own.
    pub fn add(self: &Arc<Self>, address: IpAddr) -> Place {
        let address = AddressClass::of(address);
        let mut open = self.lock();
        let here = open.by_number.values().filter(|entry| entry.address == address).count();
        if here >= PER_ADDRESS && !address.is_loopback() {
            open.evict(|candidate| candidate == address);
        }
        while open.by_number.len() >= self.total.max(1) {
            open.evict_of_the_address_with_most();
        }
        open.last_number += 1;
        let (number, evicted) = (open.last_number, CancellationToken::new());
        let last_active_ms = Arc::new(AtomicU64::new(self.now_ms()));
        let entry = Entry { address, last_active_ms: Arc::clone(&last_active_ms), evicted: evicted.clone() };
        open.by_number.insert(number, entry);
        Place { connections: Arc::clone(self), number, last_active_ms, evicted }
    }

    /// Closes the one that has been silent for longest, if there is any: its file descriptor is needed.
    pub fn evict_one(&self) {
        self.lock().evict_of_the_address_with_most();
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Each change is a single insert or removal: a panic elsewhere leaves the map whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// So that who opens many connections closes its own.
    fn evict_of_the_address_with_most(&mut self) {
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

impl Place {
    fn is_active(&self) {
        self.last_active_ms.store(self.connections.now_ms(), Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().by_number.remove(&self.number);
    }
}

/// A connection that remembers when it last carried something.
pub struct ActiveStream {
    stream: TcpStream,
    place: Arc<Place>,
}

impl ActiveStream {
    pub fn new(stream: TcpStream, place: Arc<Place>) -> Self {
        Self { stream, place }
    }

    /// The connection has become a WebSocket, which has a place of another kind.
    pub fn into_inner(self) -> TcpStream {
        self.stream
    }
}

impl AsyncRead for ActiveStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.place.is_active();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ActiveStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.place.is_active();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.place.is_active();
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

    fn evicted(places: &[Place]) -> Vec<usize> {
        (0..).zip(places).filter(|(_, place)| place.evicted.is_cancelled()).map(|(index, _)| index).collect()
    }

    fn silent_for(place: &Place, order: u64) {
        place.last_active_ms.store(order, Ordering::Relaxed);
    }

    #[test]
    fn the_longest_silent_connection_makes_room() {
        let connections = Connections::new(3);
        let mut places: Vec<Place> = (0..3).map(|_| connections.add([127, 0, 0, 1].into())).collect();
        for (place, order) in places.iter().zip([5, 3, 4]) {
            silent_for(place, order);
        }
        places.push(connections.add([127, 0, 0, 1].into()));
        assert_eq!(evicted(&places), [1]);
        silent_for(&places[3], 6);
        places.push(connections.add([127, 0, 0, 1].into()));
        assert_eq!(evicted(&places), [1, 2]);
    }

    #[test]
    fn an_address_with_many_connections_closes_its_own() {
        let connections = Connections::new(10);
        let user = connections.add([10, 0, 0, 1].into());
        let places: Vec<Place> = (0..50).map(|_| connections.add([10, 0, 0, 2].into())).collect();
        assert!(!user.evicted.is_cancelled());
        assert_eq!(evicted(&places).len(), 41);
    }

    #[test]
    fn one_address_of_another_machine_has_a_cap_of_its_own() {
        let connections = Connections::new(1000);
        let places: Vec<Place> = (0..PER_ADDRESS + 1).map(|_| connections.add([10, 0, 0, 1].into())).collect();
        assert_eq!(evicted(&places).len(), 1);
        let local: Vec<Place> = (0..PER_ADDRESS + 1).map(|_| connections.add([127, 0, 0, 1].into())).collect();
        assert_eq!(evicted(&local).len(), 0);
    }

    #[test]
    fn a_connection_that_ends_leaves_its_place() {
        let connections = Connections::new(1);
        drop(connections.add([10, 0, 0, 1].into()));
        let next = connections.add([10, 0, 0, 2].into());
        assert!(!next.evicted.is_cancelled());
        connections.evict_one();
        assert!(next.evicted.is_cancelled());
        connections.evict_one();
    }
}
