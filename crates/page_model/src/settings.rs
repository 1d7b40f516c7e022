//! The settings that are stored between visits, as one JSON text. Owns the format, not the browser's storage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::columns::Columns;
use super::encodings::TopicEncodings;
use super::feed::Limits;
use super::intent::{ReadMode, Start};
use super::topic_formats::TopicFormats;

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
    /// In which formats the user reads keys and values.
    pub formats: TopicFormats,
    /// How the user writes keys and values.
    pub encodings: TopicEncodings,
    /// The topics that the user has listened to, the latest first: where the bridge has one cluster, and by cluster where it
    /// has several.
    recent_topics: Vec<String>,
    recent_topics_by_cluster: BTreeMap<String, Vec<String>>,
}

/// The fields of the watch form when the user last started listening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredWatch {
    pub topic: String,
    pub group: String,
    pub mode: ReadMode,
    pub start: Start,
    /// The [key](Self::key) of the bridge's defaults at that time. If the bridge has other defaults now
    /// (`bridge --topic orders`), they take precedence over these fields.
    #[serde(rename = "proposed")]
    pub bridge_defaults: String,
}

impl StoredWatch {
    /// Identifies the bridge's defaults. `cluster`: the name of the cluster, if the bridge has several: the fields of one cluster
    /// do not apply to another.
    pub fn key(cluster: Option<&str>, topic: &str, group: &str) -> String {
        let defaults = format!("{topic} {group}");
        match cluster {
            Some(cluster) => format!("{}{defaults}", key_start(cluster)),
            None => defaults,
        }
    }

    /// Whether the fields belong to this cluster of a bridge that has several.
    pub fn is_of(&self, cluster: &str) -> bool {
        self.bridge_defaults.starts_with(&key_start(cluster))
    }
}

/// A topic's name has no slash, so a key without a cluster never starts like this.
fn key_start(cluster: &str) -> String {
    format!("{cluster}/")
}

/// Stored topics; a longer list of suggestions would have to be searched.
const MAX_RECENT_TOPICS: usize = 12;

impl Settings {
    /// `cluster`: the name of the cluster, if the bridge has several.
    pub fn remember_topics(&mut self, cluster: Option<&str>, topics: &[String]) {
        let recent = match cluster {
            Some(cluster) => self.recent_topics_by_cluster.entry(cluster.to_owned()).or_default(),
            None => &mut self.recent_topics,
        };
        recent.retain(|known| !topics.contains(known));
        recent.splice(0..0, topics.iter().cloned());
        recent.truncate(MAX_RECENT_TOPICS);
    }

    /// The topics that the user has listened to in this cluster, the latest first.
    pub fn recent_topics(&self, cluster: Option<&str>) -> &[String] {
        match cluster {
            Some(cluster) => self.recent_topics_by_cluster.get(cluster).map(Vec::as_slice).unwrap_or_default(),
            None => &self.recent_topics,
        }
    }

    /// Malformed JSON counts as no stored value.
    pub fn from_json(text: &str) -> Self {
        protocol::from_json(text).unwrap_or_default()
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
        settings.remember_topics(None, &["a".into(), "b".into()]);
        settings.remember_topics(None, &["c".into(), "a".into()]);
        assert_eq!(settings.recent_topics(None), ["c", "a", "b"]);
    }

    #[test]
    fn each_cluster_of_a_bridge_has_its_own_recent_topics_and_fields() {
        let mut settings = Settings::from_json(r#"{"recent_topics":["stored before there were clusters"]}"#);
        settings.remember_topics(Some("prod"), &["orders".into()]);
        assert_eq!(settings.recent_topics(Some("prod")), ["orders"]);
        assert!(settings.recent_topics(Some("dev")).is_empty());
        assert_eq!(settings.recent_topics(None), ["stored before there were clusters"]);
        assert_eq!(Settings::from_json(&settings.to_json()), settings);

        let watch = |cluster| StoredWatch {
            topic: "orders".into(),
            group: "g".into(),
            mode: ReadMode::Watch,
            start: Start::Latest,
            bridge_defaults: StoredWatch::key(cluster, "foobar", "my-group"),
        };
        assert_eq!(watch(None).bridge_defaults, "foobar my-group", "as earlier versions stored it");
        assert!(watch(Some("prod")).is_of("prod") && !watch(Some("prod")).is_of("pro") && !watch(None).is_of("foobar"));
        assert_ne!(watch(Some("prod")).bridge_defaults, watch(Some("dev")).bridge_defaults);
    }

    #[test]
    fn malformed_settings_become_defaults() {
        let text = r#"{"language":"it","formats":{"":[{"topic":"orders","key":"auto","value":"thrift"}]}}"#;
        assert_eq!(Settings::from_json(text).language.as_deref(), Some("it"), "a format of a newer page");
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
