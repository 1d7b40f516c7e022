//! Why the page cannot send records, listen, or change Kafka, now.

use protocol::Action;

/// Why no record can be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendBlocked {
    NotConnected,
    ReadOnly,
    /// The user may not write to the topic.
    Forbidden,
    /// The produce window is full: too many records have no outcome.
    TooManyWaiting,
}

/// Why Kafka cannot be changed now: the first reason that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeBlocked {
    NotConnected,
    ReadOnly,
    /// The user's rights do not include this action.
    Forbidden(Action),
    KafkaDown,
    /// The demo broker can create topics, but not change them.
    DemoBroker,
}

/// The first topic or group of an intent that the user may not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenBlocked {
    Topic(String),
    Group(String),
}
