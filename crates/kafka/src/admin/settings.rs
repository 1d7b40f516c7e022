//! A topic's settings: their values, the source of each value, and changing some of them.

use std::collections::BTreeMap;

use protocol::{
    AlterTopicConfig, ErrorBody, ErrorCode, SettingChange, SettingSource, TopicName, TopicSetting, is_printable,
};

use super::setting_notes;
use super::topics::require_not_internal;
use super::{Admin, CHANGE_TIMEOUT, refused};
use crate::metadata_client::TIMEOUT;
use crate::native::{self, ConfigResource, Setting};

/// The value of `max.message.bytes` among the settings of a topic.
pub(super) fn max_message_bytes(settings: &[TopicSetting]) -> Option<u64> {
    settings.iter().find(|setting| setting.name == "max.message.bytes")?.value.as_ref()?.parse().ok()
}

impl Admin {
    /// Every setting of a topic, sorted by name. Sensitive values are left out.
    ///
    /// # Errors
    /// On the demo broker, if the topic does not exist, or if Kafka refuses or does not answer.
    pub fn topic_settings(&self, name: &TopicName) -> Result<Vec<TopicSetting>, ErrorBody> {
        let action = format!("report the settings of the topic {:?}", name.as_str());
        self.require_real_kafka(&action)?;
        let settings = native::describe_config(self.client(), ConfigResource::Topic(name.as_str()), TIMEOUT)
            .map_err(|failure| refused(&failure, &action))?;
        let mut settings: Vec<TopicSetting> = settings.into_iter().map(shown).collect();
        self.add_defaults_in_other_units(&mut settings);
        Ok(settings)
    }

    /// The topic's `max.message.bytes`; `None` if Kafka does not report it.
    pub fn max_message_bytes(&self, name: &TopicName) -> Option<u64> {
        max_message_bytes(&self.topic_settings(name).ok()?)
    }

    /// Adds the broker's default to settings for which Kafka reports none, because the broker's setting has another
    /// unit (hours).
    fn add_defaults_in_other_units(&self, settings: &mut [TopicSetting]) {
        let mut lacking = settings.iter_mut().filter_map(|setting| {
            let (_, sources) = IN_OTHER_UNITS.iter().find(|(name, _)| *name == setting.name)?;
            setting.default.is_none().then_some((setting, sources))
        });
        let Some(first) = lacking.next() else { return };
        // If no broker answers, the default stays unknown.
        let brokers = native::fetch_brokers(self.metadata_client.brokers_client(), TIMEOUT)
            .map(|list| list.brokers)
            .unwrap_or_default();
        let Some(broker) = brokers.first() else { return };
        let Ok(broker) = native::describe_config(self.client(), ConfigResource::Broker(broker.id), TIMEOUT) else {
            return;
        };
        for (setting, sources) in std::iter::once(first).chain(lacking) {
            let value =
                |name: &str| broker.iter().find(|known| known.name == name)?.value.as_ref()?.parse::<i64>().ok();
            setting.default = sources.iter().find_map(|(name, ms)| in_ms(value(name)?, *ms)).map(|ms| ms.to_string());
        }
    }

    /// Sets or resets the named settings; returns those that changed.
    ///
    /// # Errors
    /// If the request is invalid, on the demo broker, for an internal topic, or if Kafka refuses or does not answer.
    pub fn alter_topic_config(
        &self,
        name: &TopicName,
        request: &AlterTopicConfig,
    ) -> Result<Vec<SettingChange>, ErrorBody> {
        let action = format!("change the settings of the topic {:?}", name.as_str());
        require_not_internal(name)?;
        check(request)?;
        self.require_real_kafka(&action)?;
        let before = self.topic_settings(name)?;
        let set = request.set.iter().map(|(name, value)| (name.as_str(), Some(value.as_str())));
        let reset = request.delete.iter().map(|name| (name.as_str(), None));
        native::alter_topic_config(self.client(), name.as_str(), set.chain(reset), CHANGE_TIMEOUT)
            .map_err(|failure| refused(&failure, &action))?;
        // The settings are not fetched again, because a broker may report the old values for a moment.
        Ok(changes(request, before))
    }
}

/// For each of these topic settings the broker settings that are its default: first the one with precedence, each with
/// the milliseconds in its unit.
const IN_OTHER_UNITS: &[(&str, &[(&str, i64)])] = &[
    ("retention.ms", &[("log.retention.ms", 1), ("log.retention.minutes", 60_000), ("log.retention.hours", 3_600_000)]),
    ("segment.ms", &[("log.roll.ms", 1), ("log.roll.hours", 3_600_000)]),
    ("segment.jitter.ms", &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3_600_000)]),
];

/// Negative numbers mean "without limit" in every unit.
fn in_ms(value: i64, unit_ms: i64) -> Option<i64> {
    if value < 0 { Some(-1) } else { value.checked_mul(unit_ms) }
}

fn check(request: &AlterTopicConfig) -> Result<(), ErrorBody> {
    let bad = |message: String| Err(ErrorBody::new(ErrorCode::BadRequest, message));
    if request.set.is_empty() && request.delete.is_empty() {
        return bad("no settings to change: name them in `set` or `delete`".to_owned());
    }
    if let Some(name) = request.delete.iter().find(|name| request.set.contains_key(*name)) {
        return bad(format!("{name:?} is both in `set` and in `delete`"));
    }
    check_texts(request.set.iter().flat_map(|(name, value)| [name, value]).chain(&request.delete))
}

/// Refuses control and format characters: librdkafka's C API ends a text at the first NUL, and the others are invisible
/// in tables and logs.
pub(super) fn check_texts<'a>(mut texts: impl Iterator<Item = &'a String>) -> Result<(), ErrorBody> {
    /// Enough to recognise the setting.
    const SHOWN_CHARS: usize = 60;
    match texts.find(|text| !text.chars().all(is_printable)) {
        Some(text) => {
            let shown: String = text.chars().take(SHOWN_CHARS).collect();
            let message = format!("{shown:?}: a setting's name or value cannot contain control or format characters");
            Err(ErrorBody::new(ErrorCode::BadRequest, message))
        }
        None => Ok(()),
    }
}

/// The settings that the request changed, sorted by name. Sensitive values are left out.
fn changes(request: &AlterTopicConfig, before: Vec<TopicSetting>) -> Vec<SettingChange> {
    let before: BTreeMap<String, TopicSetting> =
        before.into_iter().map(|setting| (setting.name.clone(), setting)).collect();
    let set = request.set.iter().filter_map(|(name, value)| {
        let old = before.get(name);
        let is_own = old.is_some_and(|old| old.source == SettingSource::Topic);
        let from = old.and_then(|old| old.value.clone());
        let to = (!old.is_some_and(|old| old.sensitive)).then(|| value.clone());
        let same = is_own && to.is_some() && from == to;
        (!same).then(|| SettingChange { name: name.clone(), from, to })
    });
    let reset = request.delete.iter().filter_map(|name| {
        let old = before.get(name).filter(|old| old.source == SettingSource::Topic)?;
        Some(SettingChange { name: name.clone(), from: old.value.clone(), to: old.default.clone() })
    });
    let mut changes: Vec<SettingChange> = set.chain(reset).collect();
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}

fn shown(setting: Setting) -> TopicSetting {
    // The default is the first value that does not come from the topic itself.
    let inherited = setting.synonyms.into_iter().find(|(source, _)| *source != SettingSource::Topic);
    let default = match inherited {
        Some((_, value)) => value,
        None if setting.source != SettingSource::Topic => setting.value.clone(),
        None => None,
    };
    let hidden = setting.sensitive;
    TopicSetting {
        documentation: setting_notes::note(&setting.name).map(str::to_owned),
        name: setting.name,
        value: setting.value.filter(|_| !hidden),
        default: default.filter(|_| !hidden),
        source: setting.source,
        read_only: setting.read_only,
        sensitive: setting.sensitive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, value: &str, source: SettingSource) -> TopicSetting {
        TopicSetting {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            default: Some("default".to_owned()),
            source,
            read_only: false,
            sensitive: false,
            documentation: None,
        }
    }

    #[test]
    fn changes_list_old_and_new_values_without_secrets() {
        let secret = TopicSetting { sensitive: true, value: None, ..setting("secret", "", SettingSource::Topic) };
        let before = vec![
            setting("inherited", "default", SettingSource::Default),
            setting("kept", "same", SettingSource::Topic),
            setting("own", "old", SettingSource::Topic),
            setting("never.set", "default", SettingSource::Default),
            secret,
        ];
        let set = [("inherited", "default"), ("kept", "same"), ("secret", "hush")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let delete = vec!["own".to_owned(), "never.set".to_owned()];
        let changes = changes(&AlterTopicConfig { name: "t".to_owned(), set, delete }, before);
        let found: Vec<_> =
            changes.iter().map(|change| (change.name.as_str(), change.from.as_deref(), change.to.as_deref())).collect();
        assert_eq!(
            found,
            [
                // The value is the same, but now set on the topic.
                ("inherited", Some("default"), Some("default")),
                ("own", Some("old"), Some("default")),
                ("secret", None, None),
            ]
        );
    }
}
