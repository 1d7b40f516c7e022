//! Whether a registry answers, and when it is asked again if it does not.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

/// Whether a registry answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryState {
    /// No request was sent yet.
    Unknown,
    Up,
    Down {
        since: SystemTime,
        /// A sentence for the user.
        reason: String,
    },
}

/// While the registry is down, a single probe is sent after each delay, and schemas that are not cached are refused at once.
/// The delay doubles after each probe without success.
///
/// | state | event | next state |
/// |---|---|---|
/// | up | a request shows an outage | down, a probe after the first delay |
/// | down | the probe shows an outage | down, a probe after the next delay |
/// | down | any request succeeds | up |
pub(super) struct Health {
    inner: Mutex<Inner>,
    state: watch::Sender<RegistryState>,
    first_delay: Duration,
    max_delay: Duration,
}

struct Inner {
    down: Option<Down>,
    /// Counts the ends of outages. A request that started before the last one says nothing about the present.
    period: u64,
}

struct Down {
    reason: String,
    failed_probes: u32,
}

/// The time at which a request started, in terms of outages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period(u64);

impl Health {
    pub(super) fn new(first_delay: Duration, max_delay: Duration) -> Self {
        Self {
            inner: Mutex::new(Inner { down: None, period: 0 }),
            state: watch::Sender::new(RegistryState::Unknown),
            first_delay,
            max_delay,
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<RegistryState> {
        self.state.subscribe()
    }

    pub(super) fn period(&self) -> Period {
        Period(self.lock().period)
    }

    /// The reason of an outage that has not ended.
    pub(super) fn outage(&self) -> Option<String> {
        self.lock().down.as_ref().map(|down| down.reason.clone())
    }

    pub(super) fn is_down(&self) -> bool {
        self.lock().down.is_some()
    }

    /// A request was answered.
    pub(super) fn report_success(&self) {
        let mut inner = self.lock();
        if inner.down.take().is_some() {
            inner.period += 1;
        }
        self.state.send_if_modified(|state| {
            let changed = *state != RegistryState::Up;
            *state = RegistryState::Up;
            changed
        });
    }

    /// A request of `period` shows an outage. Returns the delay of the next probe, if this event starts one.
    pub(super) fn report_outage(&self, period: Period, new_reason: &str, is_probe: bool) -> Option<Duration> {
        let mut inner = self.lock();
        if period != Period(inner.period) {
            return None;
        }
        let failed_probes = match &mut inner.down {
            None => {
                inner.down = Some(Down { reason: new_reason.to_owned(), failed_probes: 0 });
                Some(0)
            }
            Some(down) => {
                new_reason.clone_into(&mut down.reason);
                down.failed_probes += u32::from(is_probe);
                is_probe.then_some(down.failed_probes)
            }
        };
        self.state.send_if_modified(|state| match state {
            RegistryState::Down { reason, .. } if reason == new_reason => false,
            RegistryState::Down { reason, .. } => {
                new_reason.clone_into(reason);
                true
            }
            RegistryState::Unknown | RegistryState::Up => {
                *state = RegistryState::Down { since: SystemTime::now(), reason: new_reason.to_owned() };
                true
            }
        });
        failed_probes.map(|count| self.delay(count))
    }

    fn delay(&self, failed_probes: u32) -> Duration {
        self.first_delay.saturating_mul(1 << failed_probes.min(16)).min(self.max_delay)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Health, RegistryState};

    #[test]
    fn probes_become_rarer_up_to_the_maximum() {
        let health = Health::new(Duration::from_secs(1), Duration::from_secs(30));
        let period = health.period();
        let mut delays = vec![health.report_outage(period, "refused", false)];
        // Other requests that were under way start no probe.
        assert_eq!(health.report_outage(period, "refused", false), None);
        for _ in 0..6 {
            delays.push(health.report_outage(period, "refused", true));
        }
        let secs: Vec<_> = delays.into_iter().flatten().map(|delay| delay.as_secs()).collect();
        assert_eq!(secs, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(health.outage().as_deref(), Some("refused"));

        health.report_success();
        assert_eq!(health.outage(), None);
        assert_eq!(health.report_outage(health.period(), "again", false), Some(Duration::from_secs(1)));
    }

    #[test]
    fn late_error_of_an_earlier_outage_is_ignored() {
        let health = Health::new(Duration::from_secs(1), Duration::from_secs(30));
        let period = health.period();
        assert_eq!(*health.subscribe().borrow(), RegistryState::Unknown);
        assert!(health.report_outage(period, "timed out", false).is_some());
        assert!(matches!(&*health.subscribe().borrow(), RegistryState::Down { reason, .. } if reason == "timed out"));
        health.report_success();
        assert_eq!(health.report_outage(period, "timed out", false), None);
        assert_eq!(*health.subscribe().borrow(), RegistryState::Up);
    }
}
