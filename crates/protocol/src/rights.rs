//! What a user may do in a cluster. The bridge enforces it; a client uses it to offer only what will be allowed.
//!
//! The actions have the names and the meaning of the operations of Kafka's access control lists.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ErrorBody, ErrorCode};

/// What a request does to its object: a topic, a consumer group, a subject of the schema registry, or the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Reads names, settings, positions and states, but no records.
    Describe,
    /// Reads records; for a group, joins it and commits positions.
    Read,
    /// Produces records; for a subject, registers schemas.
    Write,
    /// Creates the topic.
    Create,
    /// Changes settings, partitions, positions or the compatibility level.
    Alter,
    /// Deletes the object or its records.
    Delete,
}

impl Action {
    pub const ALL: [Self; 6] = [Self::Describe, Self::Read, Self::Write, Self::Create, Self::Alter, Self::Delete];

    /// The name in messages and configuration files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
            Self::Alter => "alter",
            Self::Delete => "delete",
        }
    }

    /// As in Kafka, who may read, write, alter or delete may also describe.
    fn implies(self, other: Self) -> bool {
        self == other || (other == Self::Describe && self != Self::Create)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The object of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object<'a> {
    Cluster,
    /// The list of topics, which has only those that the user may describe.
    Topics,
    Topic(&'a str),
    /// The list of consumer groups, likewise.
    Groups,
    Group(&'a str),
    /// The list of the schema registry's subjects, likewise.
    Subjects,
    Subject(&'a str),
    /// The settings of the schema registry, which concern all subjects.
    Registry,
    /// A subscription or a live view of the same socket; access was checked when it was opened.
    Opened(u32),
}

/// An action on an object, which a request needs to be allowed.
pub type Need<'a> = (Action, Object<'a>);

/// What a user may do in a cluster: the sum of the grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Rights(pub Vec<Grant>);

/// Allows actions on the topics, groups and subjects whose names match one of the patterns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Grant {
    /// Patterns of topic names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<NamePattern>,
    /// Patterns of group names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<NamePattern>,
    /// Patterns of names of subjects of the schema registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<NamePattern>,
    /// The allowed actions.
    pub allow: Vec<Action>,
}

/// A name in which each `*` stands for any characters, also none. Names that begin with `__` are Kafka's own; only a pattern that
/// also begins with `__` matches them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct NamePattern(pub String);

impl NamePattern {
    pub fn matches(&self, name: &str) -> bool {
        const INTERNAL: &str = "__";
        if name.starts_with(INTERNAL) && !self.0.starts_with(INTERNAL) {
            return false;
        }
        self.matches_text(name)
    }

    /// Whether it matches the name of something else than topics and groups, none of which are Kafka's own.
    pub fn matches_text(&self, name: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else { return self.0 == name };
        let Some(mut name) = name.strip_prefix(start) else { return false };
        let (middle, end) = rest.rsplit_once('*').map_or(("", rest), |(middle, end)| (middle, end));
        // The leftmost match of each part leaves most of the name to the others.
        for part in middle.split('*').filter(|part| !part.is_empty()) {
            let Some(found) = name.find(part) else { return false };
            name = &name[found + part.len()..];
        }
        name.ends_with(end)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Rights {
    pub fn allows(&self, action: Action, object: &Object<'_>) -> bool {
        match object {
            // Its brokers are known to everyone who can use it.
            Object::Cluster => action == Action::Describe && !self.0.is_empty(),
            Object::Topics | Object::Groups | Object::Subjects => action == Action::Describe,
            Object::Opened(_) => true,
            Object::Topic(name) => self.0.iter().any(|grant| grant.covers(&grant.topics, name, action)),
            Object::Group(name) => self.0.iter().any(|grant| grant.covers(&grant.groups, name, action)),
            Object::Subject(name) => self.0.iter().any(|grant| grant.covers(&grant.subjects, name, action)),
            Object::Registry => self.0.iter().any(|grant| grant.covers_all_subjects(action)),
        }
    }

    /// # Errors
    /// `forbidden`, which names the action and the object.
    pub fn require(&self, action: Action, object: &Object<'_>) -> Result<(), ErrorBody> {
        if self.allows(action, object) {
            return Ok(());
        }
        let object = match object {
            Object::Cluster | Object::Opened(_) => "the cluster".to_owned(),
            Object::Topics => "topics".to_owned(),
            Object::Groups => "consumer groups".to_owned(),
            Object::Topic(name) => format!("the topic {name:?}"),
            Object::Group(name) => format!("the consumer group {name:?}"),
            Object::Subjects => "subjects".to_owned(),
            Object::Subject(name) => format!("the subject {name:?}"),
            Object::Registry => "the schema registry".to_owned(),
        };
        let message = format!(
            "the access rules of this bridge do not allow you to {action} {object}; ask the operator of the bridge"
        );
        Err(ErrorBody::new(ErrorCode::Forbidden, message))
    }
}

impl Grant {
    fn covers_all_subjects(&self, action: Action) -> bool {
        self.allow.iter().any(|allowed| allowed.implies(action)) && self.subjects.iter().any(|pattern| pattern.0 == "*")
    }

    fn covers(&self, patterns: &[NamePattern], name: &str, action: Action) -> bool {
        self.allow.iter().any(|allowed| allowed.implies(action)) && patterns.iter().any(|pattern| pattern.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        NamePattern(pattern.to_owned()).matches(name)
    }

    #[test]
    fn star_stands_for_any_characters() {
        for (pattern, name) in [
            ("orders", "orders"),
            ("*", "orders"),
            ("*", ""),
            ("orders-*", "orders-"),
            ("orders-*", "orders-eu"),
            ("*-eu", "orders-eu"),
            ("o*s-*u", "orders-eu"),
            ("**", "a"),
            ("a*b*c", "abbc"),
            ("a*bc*c", "abcbcc"),
            ("__*", "__consumer_offsets"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("orders", "orders-eu"),
            ("orders-*", "orders"),
            ("orders-*", "my-orders-eu"),
            ("*-eu", "orders-eu-1"),
            // The characters before and after a star cannot be the same ones.
            ("ab*ba", "aba"),
            ("a*b*b", "ab"),
            ("*", "__consumer_offsets"),
            ("*_consumer_offsets", "__consumer_offsets"),
            ("ORDERS", "orders"),
            ("", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn rights_are_the_sum_of_the_grants() {
        let pattern = |pattern: &str| vec![NamePattern(pattern.to_owned())];
        let rights = Rights(vec![
            Grant { topics: pattern("orders-*"), allow: vec![Action::Read], ..Grant::default() },
            Grant {
                topics: pattern("orders-eu"),
                groups: pattern("support"),
                allow: vec![Action::Alter],
                ..Grant::default()
            },
            Grant { topics: pattern("new-*"), allow: vec![Action::Create], ..Grant::default() },
        ]);
        for (action, object, expected) in [
            (Action::Read, Object::Topic("orders-us"), true),
            (Action::Describe, Object::Topic("orders-us"), true),
            (Action::Write, Object::Topic("orders-us"), false),
            (Action::Alter, Object::Topic("orders-us"), false),
            (Action::Alter, Object::Topic("orders-eu"), true),
            (Action::Read, Object::Topic("orders-eu"), true),
            (Action::Create, Object::Topic("new-topic"), true),
            (Action::Describe, Object::Topic("new-topic"), false),
            (Action::Read, Object::Group("support"), false),
            (Action::Describe, Object::Group("support"), true),
            (Action::Describe, Object::Group("orders-us"), false),
            (Action::Describe, Object::Cluster, true),
            (Action::Alter, Object::Cluster, false),
            (Action::Describe, Object::Topics, true),
        ] {
            assert_eq!(rights.require(action, &object).is_ok(), expected, "{action} {object:?}");
        }
        assert!(!Rights::default().allows(Action::Describe, &Object::Cluster));
    }
}
