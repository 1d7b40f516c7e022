//! The settings that are stored between visits, as one JSON text. Owns the format, not the browser's storage.

use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::feed::Limits;
use super::intent::{ReadMode, Start};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// The first language that the page has among those that the browser prefers, such as `it-CH`; `None` if it has none of them.
pub fn preferred_language<'a, 'b>(
    ours: impl IntoIterator<Item = &'a str> + Clone,
    browser: impl IntoIterator<Item = &'b str>,
) -> Option<&'a str> {
    let known = |tag: &str| {
        let base = tag.split('-').next().unwrap_or(tag);
        let exact = ours.clone().into_iter().find(|code| code.eq_ignore_ascii_case(tag));
        exact.or_else(|| ours.clone().into_iter().find(|code| code.eq_ignore_ascii_case(base)))
    };
    browser.into_iter().find_map(known)
}

/// Each field has a default, since an older version of the page stored fewer fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub theme: Theme,
    /// The code of the language; `None`: the browser's preference.
    pub language: Option<String>,
    pub watch: Option<StoredWatch>,
    pub columns: Columns,
    pub limits: Limits,
    /// Watch mode: a page that is too slow gets the newest records and a gap instead of falling behind.
    pub skips_ahead: bool,
    /// Group mode: no offset is committed.
    pub commits_nothing: bool,
    /// The topics that the user has listened to, the latest first.
    pub recent_topics: Vec<String>,
}

/// The fields of the watch form when the user last started listening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredWatch {
    pub topic: String,
    pub group: String,
    pub mode: ReadMode,
    pub start: Start,
    /// The bridge's defaults at that time, as `topic group`. If the bridge has other defaults now (`bridge --topic orders`),
    /// they take precedence over these fields.
    #[serde(rename = "proposed")]
    pub bridge_defaults: String,
}

/// Stored topics; a longer list of suggestions would have to be searched.
const MAX_RECENT_TOPICS: usize = 12;

impl Settings {
    pub fn remember_topics(&mut self, topics: &[String]) {
        self.recent_topics.retain(|known| !topics.contains(known));
        self.recent_topics.splice(0..0, topics.iter().cloned());
        self.recent_topics.truncate(MAX_RECENT_TOPICS);
    }

    /// Malformed JSON counts as no stored value.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_serialization() {
        let settings = Settings {
            theme: Theme::Dark,
            language: Some("it".into()),
            watch: Some(StoredWatch {
                topic: "orders".into(),
                group: "g".into(),
                mode: ReadMode::Watch,
                start: Start::Latest,
                bridge_defaults: "foobar my-group".into(),
            }),
            ..Settings::default()
        };
        assert_eq!(Settings::from_json(&settings.to_json()), settings);
    }

    #[test]
    fn recent_topics_are_listed_once_latest_first() {
        let mut settings = Settings::default();
        settings.remember_topics(&["a".into(), "b".into()]);
        settings.remember_topics(&["c".into(), "a".into()]);
        assert_eq!(settings.recent_topics, ["c", "a", "b"]);
    }

    #[test]
    fn malformed_settings_become_defaults() {
        for text in ["", "null", "{\"theme\":\"purple\"}", "[1", "{\"unknown\":1}"] {
            assert_eq!(Settings::from_json(text), Settings::default(), "{text}");
        }
    }

    #[test]
    fn first_preferred_language_that_the_page_has_is_chosen() {
        let preferred = |browser: &[&'static str]| preferred_language(["en", "it", "pt-BR"], browser.iter().copied());
        assert_eq!(preferred(&["de-DE", "it-CH", "en"]), Some("it"));
        assert_eq!(preferred(&["pt-br"]), Some("pt-BR"));
        assert_eq!(preferred(&["fr"]), None);
    }
}
