//! The fields of the watch form. The value of a field is the user's choice, else the URL's, else the stored one, else the
//! bridge's default. All values are derived, so that a late `welcome` changes only fields without a choice.

use leptos::prelude::*;
use protocol::{Decode, GroupId, GroupStart, TopicName};

use crate::context::request_error::listen_blocked_text;
use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::platform::browser;
use page_model::{
    Intent, ReadMode, ReadState, SEED_TOPIC, Start, StoredWatch, TopicsText, ViewLink, with_kept_schemas,
};

/// The group of the tutorial, shown until the bridge has sent its default.
const SEED_GROUP: &str = "my-group";
/// The default number of last records: about two screens of rows.
const DEFAULT_LAST: &str = "100";

#[derive(Clone, Debug, Default)]
struct Chosen {
    topic: Option<String>,
    group: Option<String>,
    mode: Option<ReadMode>,
    /// The name of a start, and the texts of the fields that belong to a start.
    start: Option<String>,
    last: Option<String>,
    offset: String,
    time: String,
    /// The formats that a link names.
    decode: Option<Decode>,
}

impl Chosen {
    /// The choices in a link.
    fn of(link: &ViewLink) -> Self {
        let mut chosen = Self {
            topic: link.topic.clone(),
            group: link.group.clone(),
            mode: link.mode,
            decode: link.decode,
            ..Self::default()
        };
        if let Some(start) = link.start {
            chosen.start = Some(start.name().to_owned());
            match start {
                Start::Last(count) => chosen.last = Some(count.to_string()),
                Start::Offset { .. } => chosen.offset = start.to_link().replace("offset:", ""),
                Start::Time(ms) => chosen.time = browser::local_date_time(ms),
                Start::Earliest | Start::Latest | Start::Committed => {}
            }
        }
        chosen
    }
}

#[derive(Clone, PartialEq)]
struct BridgeDefaults {
    /// The name of the cluster, if the bridge has several.
    cluster: Option<String>,
    topic: String,
    group: String,
    start: Start,
    /// The bridge has sent these defaults; otherwise they are the tutorial's.
    is_known: bool,
}

impl BridgeDefaults {
    fn key(&self) -> String {
        StoredWatch::key(self.cluster.as_deref(), &self.topic, &self.group)
    }

    fn apply_to(&self, watch: &StoredWatch) -> bool {
        match self.is_known {
            true => watch.bridge_defaults == self.key(),
            // Before the bridge has answered, only the page's address may name the cluster.
            false => self.cluster.as_deref().is_none_or(|cluster| watch.is_of(cluster)),
        }
    }
}

#[derive(Clone, Copy)]
pub struct WatchFields {
    store: Store,
    chosen: RwSignal<Chosen>,
    defaults: Memo<BridgeDefaults>,
    stored: Memo<Option<StoredWatch>>,
    preferences: Preferences,
}

impl WatchFields {
    pub fn new(store: Store, preferences: Preferences, link: &ViewLink) -> Self {
        let defaults = Memo::new(move |_| {
            store.read(|state| match state.bridge() {
                Some(bridge) => BridgeDefaults {
                    cluster: state.cluster_in_links().map(str::to_owned),
                    topic: bridge.defaults.topic.clone(),
                    group: bridge.defaults.group.clone(),
                    start: match bridge.defaults.start {
                        GroupStart::Earliest => Start::Earliest,
                        GroupStart::Latest => Start::Latest,
                    },
                    is_known: true,
                },
                None => BridgeDefaults {
                    cluster: state.cluster_in_links().map(str::to_owned),
                    topic: SEED_TOPIC.into(),
                    group: SEED_GROUP.into(),
                    start: Start::Earliest,
                    is_known: false,
                },
            })
        });
        let watch = preferences.stored_watch();
        let stored =
            Memo::new(move |_| watch.clone().filter(|watch| defaults.with(|defaults| defaults.apply_to(watch))));
        Self { store, chosen: RwSignal::new(Chosen::of(link)), defaults, stored, preferences }
    }

    fn stored<T>(self, field: impl Fn(&StoredWatch) -> T) -> Option<T> {
        self.stored.with(|watched| watched.as_ref().map(field))
    }

    pub fn topic(self) -> String {
        let chosen = self.chosen.with(|chosen| chosen.topic.clone());
        chosen.or_else(|| self.stored(|watched| watched.topic.clone())).unwrap_or_else(|| self.defaults.get().topic)
    }

    pub fn first_topic(self) -> String {
        TopicsText::new(&self.topic()).names().into_iter().next().unwrap_or_default()
    }

    /// The topics that the user has listened to in the chosen cluster, the latest first.
    pub fn recent_topics(self) -> Vec<String> {
        self.defaults.with(|defaults| self.preferences.recent_topics(defaults.cluster.as_deref()))
    }

    pub fn group(self) -> String {
        let chosen = self.chosen.with(|chosen| chosen.group.clone());
        chosen.or_else(|| self.stored(|watched| watched.group.clone())).unwrap_or_else(|| self.defaults.get().group)
    }

    /// The read mode. The stored mode of other topics applies only if it is also the default of these topics.
    pub fn mode(self) -> ReadMode {
        let topics = || TopicsText::new(&self.topic()).names();
        let default_mode = || self.store.read(|state| state.default_mode(&topics()));
        let suits = |watched: &StoredWatch| {
            let is_same = TopicsText::new(&watched.topic).names() == topics();
            (is_same || default_mode() == watched.mode).then_some(watched.mode)
        };
        let chosen = self.chosen.with(|chosen| chosen.mode);
        chosen.or_else(|| self.stored(suits).flatten()).unwrap_or_else(default_mode)
    }

    /// The name of the start. The default is the bridge's for a group, and `latest` for watching.
    pub fn start_name(self) -> String {
        let mode = self.mode();
        let suits = |name: &String| mode == ReadMode::Watch || matches!(name.as_str(), "earliest" | "latest");
        let stored = || self.stored(|watched| (watched.mode == mode).then_some(watched.start)).flatten();
        self.chosen.with(|chosen| chosen.start.clone()).filter(suits).unwrap_or_else(|| {
            let default_start = match mode {
                ReadMode::Group => self.defaults.get().start,
                ReadMode::Watch => Start::Latest,
            };
            // A stored time or offset is rarely needed again.
            let stored = stored().filter(|start| start.suits(ReadMode::Group));
            stored.unwrap_or(default_start).name().to_owned()
        })
    }

    /// The text of the field that belongs to the start.
    pub fn start_detail(self) -> String {
        let name = self.start_name();
        self.chosen.with(|chosen| match name.as_str() {
            "last" => chosen.last.clone().unwrap_or_else(|| DEFAULT_LAST.to_owned()),
            "offset" => chosen.offset.clone(),
            "time" => chosen.time.clone(),
            _ => String::new(),
        })
    }

    /// `None` while the field of the start is invalid.
    pub fn start(self) -> Option<Start> {
        let detail = self.start_detail();
        match self.start_name().as_str() {
            "latest" => Some(Start::Latest),
            "committed" => Some(Start::Committed),
            "last" => detail.trim().parse().ok().filter(|count| *count > 0).map(Start::Last),
            "offset" => Start::offset(&detail),
            "time" => browser::parse_local_date_time(&detail).map(Start::Time),
            _ => Some(Start::Earliest),
        }
    }

    /// The formats of keys and values: those of the link, else those that this browser keeps for the topics.
    pub fn formats(self) -> Decode {
        let chosen = self.chosen.with(|chosen| chosen.decode);
        let topics = TopicsText::new(&self.topic()).names();
        let kept = self.defaults.with(|defaults| self.preferences.formats(defaults.cluster.as_deref(), &topics));
        chosen.map_or(kept, |link| with_kept_schemas(link, kept))
    }

    /// The cluster and the topics that formats are chosen for.
    pub fn formats_of(self) -> (Option<String>, Vec<String>) {
        let cluster = self.defaults.with(|defaults| defaults.cluster.clone());
        (cluster, TopicsText::new(&self.topic()).names())
    }

    /// Keeps the formats for the topics. If the page listens, it reads in them from now on.
    pub fn choose_formats(self, decode: Decode) {
        let topics = untrack(|| TopicsText::new(&self.topic()).names());
        let cluster = self.defaults.with_untracked(|defaults| defaults.cluster.clone());
        self.preferences.choose_formats(cluster.as_deref(), &topics, decode);
        // The link's formats no longer apply.
        self.chosen.update(|chosen| chosen.decode = None);
        self.store.act(|state, _| state.read_as(decode));
    }

    /// Whether there is no topic, or an invalid name.
    pub fn has_invalid_topic(self) -> bool {
        let topics = TopicsText::new(&self.topic()).names();
        topics.is_empty() || topics.iter().any(|name| TopicName::parse(name).is_err())
    }

    pub fn has_invalid_group(self) -> bool {
        self.needs_group() && GroupId::parse(self.group().trim()).is_err()
    }

    /// Whether the group's field is used.
    pub fn needs_group(self) -> bool {
        self.mode() == ReadMode::Group || self.start_name() == "committed"
    }

    /// Whether all fields are valid, and the user may listen as they say.
    pub fn can_start(self) -> bool {
        !self.has_invalid_topic()
            && !self.has_invalid_group()
            && self.start().is_some()
            && self.listen_blocked().is_none()
    }

    /// What the user's rights lack for listening as the fields say.
    pub fn listen_blocked(self) -> Option<String> {
        let start = if self.start_name() == "committed" { Start::Committed } else { Start::default() };
        let intent = Intent {
            topics: TopicsText::new(&self.topic()).names(),
            mode: self.mode(),
            group: self.group().trim().to_owned(),
            start,
            ..Intent::default()
        };
        let blocked = self.store.read(|state| state.listen_blocked(&intent))?;
        Some(listen_blocked_text(&blocked, self.preferences.words()))
    }

    /// Replaces all choices by those of a link.
    pub fn follow(self, link: &ViewLink) {
        self.chosen.set(Chosen::of(link));
    }

    pub fn choose_topic(self, topic: String) {
        self.chosen.update(|chosen| {
            if chosen.topic.as_ref() != Some(&topic) {
                // They were the formats of the link's topic.
                chosen.decode = None;
            }
            chosen.topic = Some(topic);
        });
    }

    pub fn choose_group(self, group: String) {
        self.chosen.update(|chosen| chosen.group = Some(group));
    }

    pub fn choose_mode(self, mode: ReadMode) {
        self.chosen.update(|chosen| {
            if chosen.mode != Some(mode) {
                // Each mode has its own default start.
                chosen.start = None;
            }
            chosen.mode = Some(mode);
        });
    }

    pub fn choose_start(self, name: String) {
        self.chosen.update(|chosen| chosen.start = Some(name));
    }

    pub fn choose_start_detail(self, text: String) {
        let name = self.start_name();
        self.chosen.update(|chosen| match name.as_str() {
            "last" => chosen.last = Some(text),
            "offset" => chosen.offset = text,
            _ => chosen.time = text,
        });
    }

    /// The intent that the fields describe. Stores the fields for the next visit.
    pub fn intent(self) -> Intent {
        let intent = Intent {
            topics: TopicsText::new(&self.topic()).names(),
            mode: self.mode(),
            group: self.group().trim().to_owned(),
            start: self.start().unwrap_or_default(),
            skips_ahead: self.preferences.skips_ahead(),
            commits_nothing: self.preferences.commits_nothing(),
            decode: self.formats(),
        };
        let cluster = self.defaults.with_untracked(|defaults| defaults.cluster.clone());
        self.preferences.remember_topics(cluster.as_deref(), &intent.topics);
        self.preferences.store_watch(StoredWatch {
            topic: intent.topic(),
            group: intent.group.clone(),
            mode: intent.mode,
            start: intent.start,
            bridge_defaults: self.defaults.get_untracked().key(),
        });
        intent
    }
}
