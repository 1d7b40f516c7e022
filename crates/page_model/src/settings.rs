//! What the page remembers between visits, as one JSON text. Owns the format, not the browser's storage.

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
    /// The code of the language; absent: as the browser prefers.
    pub language: Option<String>,
    pub watch: Option<Watched>,
    pub columns: Columns,
    pub limits: Limits,
    /// Watching a topic that is too fast, the page gets the newest and a gap instead of falling behind.
    pub skips_ahead: bool,
    /// A group stays where it was, whatever is read.
    pub commits_nothing: bool,
    /// Topics listened to, the last first.
    pub recent_topics: Vec<String>,
}

/// What was listened to last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    pub topic: String,
    pub group: String,
    pub mode: ReadMode,
    pub start: Start,
    /// The bridge's proposal at the time, as `topic group`. When it makes another one (`bridge --topic orders`), that one
    /// counts, not the memory of an older bridge.
    pub proposed: String,
}

/// More would be a list to search through.
const RECENT_TOPICS: usize = 12;

impl Settings {
    pub fn remember_topics(&mut self, topics: &[String]) {
        self.recent_topics.retain(|known| !topics.contains(known));
        self.recent_topics.splice(0..0, topics.iter().cloned());
        self.recent_topics.truncate(RECENT_TOPICS);
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
    fn settings_come_back_as_they_were() {
        let settings = Settings {
            theme: Theme::Dark,
            language: Some("it".into()),
            watch: Some(Watched {
                topic: "orders".into(),
                group: "g".into(),
                mode: ReadMode::Watch,
                start: Start::Latest,
                proposed: "foobar my-group".into(),
            }),
            ..Settings::default()
        };
        assert_eq!(Settings::from_json(&settings.to_json()), settings);
    }

    #[test]
    fn the_topics_used_last_come_first_and_each_once() {
        let mut settings = Settings::default();
        settings.remember_topics(&["a".into(), "b".into()]);
        settings.remember_topics(&["c".into(), "a".into()]);
        assert_eq!(settings.recent_topics, ["c", "a", "b"]);
    }

    #[test]
    fn what_cannot_be_read_is_as_if_nothing_were_stored() {
        for text in ["", "null", "{\"theme\":\"purple\"}", "[1", "{\"unknown\":1}"] {
            assert_eq!(Settings::from_json(text), Settings::default(), "{text}");
        }
    }

    #[test]
    fn the_browsers_first_language_of_ours_is_taken() {
        let preferred = |browser: &[&'static str]| preferred_language(["en", "it", "pt-BR"], browser.iter().copied());
        assert_eq!(preferred(&["de-DE", "it-CH", "en"]), Some("it"));
        assert_eq!(preferred(&["pt-br"]), Some("pt-BR"));
        assert_eq!(preferred(&["fr"]), None);
    }
}
