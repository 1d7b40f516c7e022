//! A topic's settings: what they are, where each comes from, and changing some of them.

use std::collections::BTreeMap;

use protocol::{
    AlterTopicConfig, ErrorBody, ErrorCode, SettingChange, SettingSource, TopicName, TopicSetting, is_printable,
};

use super::setting_notes;
use super::topics::require_not_internal;
use super::{Admin, CHANGE_TIMEOUT, refused};
use crate::metadata_client::TIMEOUT;
use crate::native::{self, Configured, Setting};

impl Admin {
    /// Every setting of a topic, by name.
    pub fn topic_settings(&self, name: &TopicName) -> Result<Vec<TopicSetting>, ErrorBody> {
        let what = format!("tell the settings of the topic {:?}", name.as_str());
        self.require_real_kafka(&what)?;
        let settings = native::describe_config(self.client(), Configured::Topic(name.as_str()), TIMEOUT)
            .map_err(|failure| refused(&failure, &what))?;
        let mut settings: Vec<TopicSetting> = settings.into_iter().map(shown).collect();
        self.add_defaults_in_other_units(&mut settings);
        Ok(settings)
    }

    /// Kafka does not say what a topic's own retention replaces, since brokers have that in hours.
    fn add_defaults_in_other_units(&self, settings: &mut [TopicSetting]) {
        let mut lacking = settings.iter_mut().filter_map(|setting| {
            let (_, sources) = IN_OTHER_UNITS.iter().find(|(name, _)| *name == setting.name)?;
            setting.default.is_none().then_some((setting, sources))
        });
        let Some(first) = lacking.next() else { return };
        // Without an answer the default stays unknown, which is what the client is told then.
        let brokers = native::fetch_brokers(self.metadata_client.brokers_client(), TIMEOUT)
            .map(|list| list.brokers)
            .unwrap_or_default();
        let Some(broker) = brokers.first() else { return };
        let Ok(broker) = native::describe_config(self.client(), Configured::Broker(broker.id), TIMEOUT) else { return };
        for (setting, sources) in std::iter::once(first).chain(lacking) {
            let value =
                |name: &str| broker.iter().find(|known| known.name == name)?.value.as_ref()?.parse::<i64>().ok();
            setting.default = sources.iter().find_map(|(name, ms)| in_ms(value(name)?, *ms)).map(|ms| ms.to_string());
        }
    }

    /// Changes the named settings; says which of them differ now.
    pub fn alter_topic_config(
        &self,
        name: &TopicName,
        request: &AlterTopicConfig,
    ) -> Result<Vec<SettingChange>, ErrorBody> {
        let what = format!("change the settings of the topic {:?}", name.as_str());
        require_not_internal(name)?;
        check(request)?;
        self.require_real_kafka(&what)?;
        let before = self.topic_settings(name)?;
        let set = request.set.iter().map(|(name, value)| (name.as_str(), Some(value.as_str())));
        let taken_back = request.delete.iter().map(|name| (name.as_str(), None));
        native::alter_topic_config(self.client(), name.as_str(), set.chain(taken_back), CHANGE_TIMEOUT)
            .map_err(|failure| refused(&failure, &what))?;
        // Not asked for again: a broker may tell the old values for a moment.
        Ok(changes(request, before))
    }
}

/// The broker's settings behind a topic's, the strongest first, and how many milliseconds their unit has.
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
        return bad("nothing to change: name settings in `set` or `delete`".to_owned());
    }
    if let Some(name) = request.delete.iter().find(|name| request.set.contains_key(*name)) {
        return bad(format!("{name:?} cannot be set and deleted at once"));
    }
    check_texts(request.set.iter().flat_map(|(name, value)| [name, value]).chain(&request.delete))
}

/// Kafka's C API ends a text at its first NUL; other control and format characters would hide in tables and logs.
pub(super) fn check_texts<'a>(mut texts: impl Iterator<Item = &'a String>) -> Result<(), ErrorBody> {
    /// Enough to recognise the setting by.
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

/// What differs among the settings that were asked for, by name. The log and the client see no secrets.
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
    let taken_back = request.delete.iter().filter_map(|name| {
        let old = before.get(name).filter(|old| old.source == SettingSource::Topic)?;
        Some(SettingChange { name: name.clone(), from: old.value.clone(), to: old.default.clone() })
    });
    let mut changes: Vec<SettingChange> = set.chain(taken_back).collect();
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}

fn shown(setting: Setting) -> TopicSetting {
    // What the topic itself did not say comes first among the rest.
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
    fn a_change_says_what_it_was_and_what_it_is_now() {
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
        let told: Vec<_> =
            changes.iter().map(|change| (change.name.as_str(), change.from.as_deref(), change.to.as_deref())).collect();
        assert_eq!(
            told,
            [
                // The same value, but from now on its own.
                ("inherited", Some("default"), Some("default")),
                ("own", Some("old"), Some("default")),
                ("secret", None, None),
            ]
        );
    }
}
