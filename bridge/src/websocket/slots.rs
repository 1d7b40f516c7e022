//! How many sockets are open, in all and per address. At the cap a newcomer is refused and the others notice nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many sockets may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketLimits {
    pub total: usize,
    /// From one IP address of another machine. Loopback is this machine's user, or a proxy that stands for everybody.
    pub per_address: usize,
}

pub struct Slots {
    limits: SocketLimits,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One of the sockets that may be open; its place is free again when it is dropped.
pub struct Slot {
    slots: Arc<Slots>,
    address: IpAddr,
}

/// Which cap was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Total,
    Address,
}

impl Slots {
    pub fn new(limits: SocketLimits) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default() })
    }

    pub fn take(self: &Arc<Self>, address: IpAddr) -> Result<Slot, Full> {
        let mut open = self.lock();
        if open.values().sum::<usize>() >= self.limits.total {
            return Err(Full::Total);
        }
        let here = open.entry(address).or_default();
        if *here >= self.limits.per_address && !address.is_loopback() {
            return Err(Full::Address);
        }
        *here += 1;
        Ok(Slot { slots: Arc::clone(self), address })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.lock().values().sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Each change is a single step: a panic elsewhere leaves the counts right.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.lock();
        if let Some(here) = open.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_caps_hold_and_places_are_free_again() {
        let slots = Slots::new(SocketLimits { total: 3, per_address: 2 });
        let (one, two): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let first = slots.take(one).ok();
        let _second = slots.take(one).ok();
        assert_eq!(slots.take(one).err(), Some(Full::Address));
        let _third = slots.take(two).ok();
        assert_eq!(slots.take(two).err(), Some(Full::Total));
        drop(first);
        assert!(slots.take(one).is_ok());
    }

    #[test]
    fn loopback_counts_against_the_total_alone() {
        let slots = Slots::new(SocketLimits { total: 3, per_address: 1 });
        let taken: Vec<_> = (0..4).map(|_| slots.take([127, 0, 0, 1].into())).collect();
        assert!(taken[..3].iter().all(Result::is_ok));
        assert!(matches!(taken[3], Err(Full::Total)));
    }
}
