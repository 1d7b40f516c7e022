//! A topic's settings: what they are, where each comes from, and changing some of them.

use std::collections::BTreeMap;

use protocol::{AlterTopicConfig, ErrorBody, ErrorCode, SettingChange, SettingSource, TopicName, TopicSetting};

use super::setting_notes;
use super::topics::require_not_internal;
use super::{Admin, CHANGE_TIMEOUT, refused};
use crate::kafka::native::{self, Configured, Setting};
use crate::kafka::questions::TIMEOUT;

impl Admin {
    /// Every setting of a topic, by name.
    pub fn topic_settings(&self, name: &TopicName) -> Result<Vec<TopicSetting>, ErrorBody> {
        let what = format!("tell the settings of the topic {:?}", name.as_str());
        self.require_real_kafka(&what)?;
        let settings = native::describe_config(self.client(), Configured::Topic(name.as_str()), TIMEOUT)
            .map_err(|failure| refused(&failure, &what))?;
        Ok(settings.into_iter().map(shown).collect())
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
        Ok(changes(request, before, self.topic_settings(name)?))
    }
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

/// Kafka's C API ends a text at its first NUL.
pub(super) fn check_texts<'a>(mut texts: impl Iterator<Item = &'a String>) -> Result<(), ErrorBody> {
    match texts.find(|text| text.contains('\0')) {
        Some(_) => {
            Err(ErrorBody::new(ErrorCode::BadRequest, "a setting's name or value cannot contain a NUL character"))
        }
        None => Ok(()),
    }
}

/// What differs among the settings that were asked for. The log and the client see no secrets.
fn changes(request: &AlterTopicConfig, before: Vec<TopicSetting>, after: Vec<TopicSetting>) -> Vec<SettingChange> {
    let mut before: BTreeMap<String, TopicSetting> =
        before.into_iter().map(|setting| (setting.name.clone(), setting)).collect();
    let asked = |name: &String| request.set.contains_key(name) || request.delete.contains(name);
    let named = after.into_iter().filter(|setting| asked(&setting.name));
    named
        .filter_map(|after| {
            let from = before.remove(&after.name);
            let same = from
                .as_ref()
                .is_some_and(|from| from.value == after.value && from.source == after.source && !after.sensitive);
            (!same).then_some(SettingChange {
                name: after.name,
                from: from.and_then(|from| from.value),
                to: after.value,
            })
        })
        .collect()
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
