//! Limits how many sockets are open: those after `hello` in total and per address, and separately those that have not
//! sent `hello` yet. Silent sockets therefore cannot take the slots of users.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::address_class::AddressClass;
use crate::metrics::{METRICS, RefusalReason};

/// How many sockets may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketLimits {
    pub total: usize,
    /// From one address (IPv6: one /64 network) of another machine.
    pub per_address: usize,
    /// Sockets that have not sent `hello`. Beyond it, the oldest one of the address with the most is closed for a new
    /// one.
    pub before_hello: usize,
}

pub struct Slots {
    limits: SocketLimits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Sockets after `hello`, by address.
    open: HashMap<AddressClass, usize>,
    total: usize,
    /// Sockets before `hello`, the oldest first.
    waiting: BTreeMap<u64, Waiting>,
    last_number: u64,
}

struct Waiting {
    address: AddressClass,
    evicted: CancellationToken,
}

/// The slot of one socket, which is free again when this is dropped: before [`Slot::open`] among the sockets that have
/// not sent `hello`, afterwards among the open ones.
pub struct Slot {
    slots: Arc<Slots>,
    address: AddressClass,
    phase: Phase,
}

enum Phase {
    BeforeHello { number: u64, evicted: CancellationToken },
    Open,
}

/// The limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Total,
    Address,
    /// The socket was evicted: too many newer ones had not sent `hello`.
    BeforeHello,
}

impl Full {
    /// Counts the refusal; an evicted socket is counted when it is evicted.
    fn count(self) {
        match self {
            Self::Total => METRICS.refused(RefusalReason::Sockets),
            Self::Address => METRICS.refused(RefusalReason::SocketsOfAddress),
            Self::BeforeHello => {}
        }
    }

    pub const fn reason(self) -> &'static str {
        match self {
            Self::Total => "too many sockets are open; try again later, or raise --max-sockets",
            Self::Address => "too many sockets from your address; close one, or raise --max-sockets-per-address",
            Self::BeforeHello => "too many sockets have not said hello, and this is the oldest; connect again",
        }
    }
}

impl Slots {
    pub fn new(limits: SocketLimits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// A slot before `hello`. Another socket may be evicted for it.
    ///
    /// # Errors
    /// When the limits would refuse the socket at its `hello` anyway.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Result<Slot, Full> {
        let address = AddressClass::of(address);
        let mut state = self.lock();
        state.has_room(&self.limits, address).inspect_err(|full| full.count())?;
        while state.waiting.len() >= self.limits.before_hello.max(1) {
            state.evict();
        }
        state.last_number += 1;
        let (number, evicted) = (state.last_number, CancellationToken::new());
        state.waiting.insert(number, Waiting { address, evicted: evicted.clone() });
        Ok(Slot { slots: Arc::clone(self), address, phase: Phase::BeforeHello { number, evicted } })
    }

    /// Whether [`Self::take`] would return a slot.
    pub fn check(&self, address: IpAddr) -> Result<(), Full> {
        self.lock().has_room(&self.limits, AddressClass::of(address)).inspect_err(|full| full.count())
    }

    /// How many sockets are open, including those before `hello`.
    pub fn taken(&self) -> usize {
        let state = self.lock();
        state.total + state.waiting.len()
    }

    /// How many sockets may be open after their `hello`.
    pub fn limit(&self) -> usize {
        self.limits.total
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No step between two changes can panic, so a panic elsewhere leaves the counts correct.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, limits: &SocketLimits, address: AddressClass) -> Result<(), Full> {
        if self.total >= limits.total {
            return Err(Full::Total);
        }
        let of_address = self.open.get(&address).copied().unwrap_or(0);
        if of_address >= limits.per_address && !address.is_loopback() {
            return Err(Full::Address);
        }
        Ok(())
    }

    /// Evicts the oldest socket before `hello` of the address that has the most of them.
    fn evict(&mut self) {
        let mut counts: HashMap<AddressClass, usize> = HashMap::new();
        for waiting in self.waiting.values() {
            *counts.entry(waiting.address).or_default() += 1;
        }
        let most = counts.values().max().copied();
        let oldest = self.waiting.iter().find(|(_, waiting)| counts.get(&waiting.address).copied() == most);
        let Some(number) = oldest.map(|(&number, _)| number) else { return };
        if let Some(waiting) = self.waiting.remove(&number) {
            waiting.evicted.cancel();
            METRICS.socket_evicted();
        }
    }
}

impl Slot {
    /// Counts the socket as an open one; it has sent `hello`.
    pub fn open(&mut self) -> Result<(), Full> {
        let mut state = self.slots.lock();
        if let Phase::BeforeHello { number, .. } = &self.phase {
            if !state.waiting.contains_key(number) {
                return Err(Full::BeforeHello);
            }
            state.has_room(&self.slots.limits, self.address).inspect_err(|full| full.count())?;
            state.waiting.remove(number);
            *state.open.entry(self.address).or_default() += 1;
            state.total += 1;
            drop(state);
            self.phase = Phase::Open;
        }
        Ok(())
    }

    /// Resolves when the socket is evicted for a newer one, which never happens to an open socket.
    pub async fn evicted(&self) {
        match &self.phase {
            Phase::BeforeHello { evicted, .. } => evicted.cancelled().await,
            Phase::Open => std::future::pending().await,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        match self.phase {
            Phase::BeforeHello { number, .. } => {
                state.waiting.remove(&number);
            }
            Phase::Open => {
                state.total -= 1;
                if let Some(of_address) = state.open.get_mut(&self.address) {
                    *of_address -= 1;
                    if *of_address == 0 {
                        state.open.remove(&self.address);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(slots: &Arc<Slots>, address: impl Into<IpAddr>) -> Result<Slot, Full> {
        let mut slot = slots.take(address.into())?;
        slot.open().map(|()| slot)
    }

    fn is_evicted(slot: &Slot) -> bool {
        matches!(&slot.phase, Phase::BeforeHello { evicted, .. } if evicted.is_cancelled())
    }

    #[test]
    fn both_limits_hold_and_slots_are_reused() {
        let slots = Slots::new(SocketLimits { total: 3, per_address: 2, before_hello: 4 });
        let (one, two): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let first = open(&slots, one).ok();
        let _second = open(&slots, one).ok();
        assert_eq!(open(&slots, one).err(), Some(Full::Address));
        let _third = open(&slots, two).ok();
        assert_eq!(open(&slots, two).err(), Some(Full::Total));
        drop(first);
        assert!(open(&slots, one).is_ok());
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_their_limit() {
        let slots = Slots::new(SocketLimits { total: 10, per_address: 2, before_hello: 4 });
        let address = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let _first = open(&slots, address("2001:db8::1")).ok();
        let _second = open(&slots, address("2001:db8::2")).ok();
        assert_eq!(open(&slots, address("2001:db8::3")).err(), Some(Full::Address));
        assert!(open(&slots, address("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn loopback_counts_against_the_total_limit_only() {
        let slots = Slots::new(SocketLimits { total: 3, per_address: 1, before_hello: 4 });
        let taken: Vec<_> = (0..4).map(|_| open(&slots, [127, 0, 0, 1])).collect();
        assert!(taken[..3].iter().all(Result::is_ok));
        assert!(matches!(taken[3], Err(Full::Total)));
    }

    #[test]
    fn sockets_before_hello_do_not_count_as_open() {
        let slots = Slots::new(SocketLimits { total: 2, per_address: 2, before_hello: 3 });
        let silent: Vec<Slot> = (0..10).filter_map(|_| slots.take([10, 0, 0, 1].into()).ok()).collect();
        assert_eq!(silent.len(), 10);
        assert!(silent[..7].iter().all(is_evicted) && !silent[7..].iter().any(is_evicted));
        assert!(open(&slots, [10, 0, 0, 2]).is_ok());
        assert_eq!(slots.taken(), 2, "the new socket took one slot and freed it");
    }

    #[test]
    fn address_with_the_most_sockets_before_hello_loses_one() {
        let slots = Slots::new(SocketLimits { total: 9, per_address: 9, before_hello: 3 });
        let mut user = slots.take([10, 0, 0, 1].into()).expect("a slot");
        let attacker: Vec<Slot> = (0..100).filter_map(|_| slots.take([10, 0, 0, 2].into()).ok()).collect();
        assert!(!is_evicted(&user));
        assert_eq!(attacker.iter().filter(|slot| !is_evicted(slot)).count(), 2);
        assert_eq!(user.open(), Ok(()));
    }

    #[test]
    fn evicted_socket_cannot_be_opened() {
        let slots = Slots::new(SocketLimits { total: 9, per_address: 9, before_hello: 1 });
        let mut first = slots.take([10, 0, 0, 1].into()).expect("a slot");
        let mut second = slots.take([10, 0, 0, 1].into()).expect("a slot");
        assert_eq!(first.open(), Err(Full::BeforeHello));
        drop(first);
        assert_eq!(second.open(), Ok(()));
        assert_eq!(slots.taken(), 1);
    }
}
