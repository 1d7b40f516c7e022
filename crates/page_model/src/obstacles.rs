//! Why something cannot be sent or changed now.

use super::page::Page;

/// Why nothing can be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendObstacle {
    NotConnected,
    ReadOnly,
    /// So many records wait for their outcome that the bridge would stop reading.
    TooManyWaiting,
}

/// Why nothing of Kafka's can be changed now: the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeObstacle {
    NotConnected,
    ReadOnly,
    KafkaDown,
    /// The demo broker creates topics, and can change nothing of them.
    DemoBroker,
}

impl Page {
    pub fn send_obstacle(&self) -> Option<SendObstacle> {
        let Some(bridge) = self.bridge.as_ref().filter(|_| self.link.is_open()) else {
            return Some(SendObstacle::NotConnected);
        };
        if bridge.read_only {
            return Some(SendObstacle::ReadOnly);
        }
        // One less than the window: the bridge stops reading when it is full, and then answers nothing else either.
        (self.sends.waiting() as u64 + 1 >= bridge.limits.produce_window).then_some(SendObstacle::TooManyWaiting)
    }

    pub fn is_read_only(&self) -> bool {
        self.bridge.as_ref().is_some_and(|bridge| bridge.read_only)
    }

    pub fn is_demo(&self) -> bool {
        self.cluster.as_ref().is_some_and(|cluster| cluster.demo)
    }

    /// Why topics cannot be created now.
    pub fn create_obstacle(&self) -> Option<ChangeObstacle> {
        if !self.link.is_open() {
            Some(ChangeObstacle::NotConnected)
        } else if self.is_read_only() {
            Some(ChangeObstacle::ReadOnly)
        } else {
            self.kafka_is_down().then_some(ChangeObstacle::KafkaDown)
        }
    }

    /// Why nothing that is there can be changed now.
    pub fn change_obstacle(&self) -> Option<ChangeObstacle> {
        self.create_obstacle().or_else(|| self.is_demo().then_some(ChangeObstacle::DemoBroker))
    }
}
