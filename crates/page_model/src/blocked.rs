//! Why the page cannot send records, listen, or change Kafka, now.

use protocol::{Action, ErrorBody, ErrorCode};

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

/// What an error of the bridge's access rules says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForbiddenError<'a> {
    /// The action's name in the access rules, and the name of the topic or group in quotes. `None` if the message does not have
    /// both.
    pub need: Option<(&'a str, &'a str)>,
}

impl<'a> ForbiddenError<'a> {
    /// `None` if the error is of another kind. An error of the access rules has neither a broker nor an error of Kafka.
    pub fn of(error: &'a ErrorBody) -> Option<Self> {
        let is_of_rules =
            error.code == ErrorCode::Forbidden.number() && error.broker.is_none() && error.kafka.is_none();
        let message = error.message.as_str();
        let need = || {
            let (_, action) = message.split_once("do not allow you to ")?;
            let start = message.find('"')?;
            let end = start + 1 + message[start + 1..].find('"')?;
            Some((action.split(' ').next()?, &message[start..=end]))
        };
        is_of_rules.then(|| Self { need: need() })
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Object, Rights};

    use super::*;

    #[test]
    fn error_of_access_rules_names_action_and_object() {
        let error = Rights::default().require(Action::Write, &Object::Topic("orders")).expect_err("no rights");
        let forbidden = ForbiddenError::of(&error).expect("an error of the rules");
        assert_eq!(forbidden.need, Some(("write", "\"orders\"")));
        let error = Rights::default().require(Action::Describe, &Object::Cluster).expect_err("no rights");
        assert_eq!(ForbiddenError::of(&error), Some(ForbiddenError { need: None }));
        assert_eq!(ForbiddenError::of(&ErrorBody::new(ErrorCode::TooManyRequests, "wait")), None);
    }
}
