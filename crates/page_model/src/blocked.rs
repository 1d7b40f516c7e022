//! Why the page cannot send records, or change Kafka, now.

/// Why no record can be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendBlocked {
    NotConnected,
    ReadOnly,
    /// The produce window is full: too many records have no outcome.
    TooManyWaiting,
}

/// Why Kafka cannot be changed now: the first reason that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeBlocked {
    NotConnected,
    ReadOnly,
    KafkaDown,
    /// The demo broker can create topics, but not change them.
    DemoBroker,
}
