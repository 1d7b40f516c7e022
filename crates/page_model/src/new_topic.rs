//! The form of a new topic, and its validation.

use std::collections::BTreeMap;

use protocol::{CreateTopic, TopicName};

/// The contents of the form. The broker chooses a default for empty fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewTopic {
    pub name: String,
    pub partitions: String,
    pub replication: String,
    /// The values of [`COMMON_SETTINGS`], by name.
    pub common: BTreeMap<&'static str, String>,
    /// Other settings: `name=value`, one per line.
    pub others: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewTopicError {
    Name,
    /// The names of internal topics begin with `__`.
    Internal,
    Partitions,
    Replication,
    /// The line, from 1.
    Line(usize),
}

/// A setting with a field of its own in the form, and the values that the field offers.
pub struct CommonSetting {
    pub name: &'static str,
    pub values: &'static [&'static str],
}

/// The settings that are overridden most often. Other settings are entered by name.
pub static COMMON_SETTINGS: [CommonSetting; 5] = [
    CommonSetting { name: "cleanup.policy", values: &["delete", "compact", "compact,delete"] },
    CommonSetting { name: "retention.ms", values: &["3600000", "86400000", "604800000", "2592000000", "-1"] },
    CommonSetting { name: "min.insync.replicas", values: &["1", "2", "3"] },
    CommonSetting { name: "max.message.bytes", values: &["1048588", "5242880", "10485760", "52428800"] },
    CommonSetting { name: "compression.type", values: &["producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"] },
];

impl NewTopic {
    pub fn error(&self) -> Option<NewTopicError> {
        self.request().err()
    }

    pub fn request(&self) -> Result<CreateTopic, NewTopicError> {
        let name = TopicName::parse(self.name.trim()).map_err(|_| NewTopicError::Name)?;
        if name.as_str().starts_with("__") {
            return Err(NewTopicError::Internal);
        }
        let partitions = number(&self.partitions).map_err(|()| NewTopicError::Partitions)?;
        let replication = number(&self.replication).map_err(|()| NewTopicError::Replication)?;
        let common = self.common.iter().filter(|(_, value)| !value.is_empty());
        let mut config: BTreeMap<String, String> =
            common.map(|(&name, value)| (name.to_owned(), value.clone())).collect();
        for (at, line) in self.others.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let (name, value) = line.split_once('=').ok_or(NewTopicError::Line(at + 1))?;
            let name = name.trim();
            // One of two lines with the same name is an error.
            if name.is_empty() || config.insert(name.to_owned(), value.trim().to_owned()).is_some() {
                return Err(NewTopicError::Line(at + 1));
            }
        }
        Ok(CreateTopic { name: name.as_str().to_owned(), partitions, replication, config })
    }
}

/// `None` for an empty field.
fn number(text: &str) -> Result<Option<i32>, ()> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().ok().filter(|n| *n > 0).map(Some).ok_or(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(name: &str) -> NewTopic {
        NewTopic { name: name.to_owned(), ..NewTopic::default() }
    }

    #[test]
    fn empty_fields_are_left_to_the_broker() {
        let request = form(" orders ").request().expect("a name is enough");
        assert_eq!(
            request,
            CreateTopic { name: "orders".into(), partitions: None, replication: None, config: BTreeMap::new() }
        );
    }

    #[test]
    fn common_and_other_settings_are_combined() {
        let mut full = form("orders");
        (full.partitions, full.replication) = ("12".into(), "3".into());
        full.common.insert("cleanup.policy", "compact".into());
        full.common.insert("retention.ms", String::new());
        full.others = "\n segment.bytes = 1048576 \nflush.ms=\n".into();
        let request = full.request().expect("a valid form");
        let config: Vec<_> = request.config.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(config, [("cleanup.policy", "compact"), ("flush.ms", ""), ("segment.bytes", "1048576")]);
        assert_eq!((request.partitions, request.replication), (Some(12), Some(3)));
    }

    #[test]
    fn error_names_the_field_or_line() {
        assert_eq!(form("").error(), Some(NewTopicError::Name));
        assert_eq!(form("a b").error(), Some(NewTopicError::Name));
        assert_eq!(form("__mine").error(), Some(NewTopicError::Internal));
        assert_eq!(NewTopic { partitions: "0".into(), ..form("t") }.error(), Some(NewTopicError::Partitions));
        assert_eq!(NewTopic { replication: "three".into(), ..form("t") }.error(), Some(NewTopicError::Replication));
        assert_eq!(NewTopic { others: "a=1\nb".into(), ..form("t") }.error(), Some(NewTopicError::Line(2)));
        assert_eq!(
            NewTopic { others: "a=1\na=2".into(), ..form("t") }.error(),
            Some(NewTopicError::Line(2)),
            "the same name twice"
        );
    }
}
