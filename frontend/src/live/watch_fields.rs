//! The fields that say what to listen to: the user's choice, else the URL, else the stored choice, else the bridge's
//! default. All are derived, so that a late `welcome` changes only fields without a choice.

use leptos::prelude::*;
use protocol::{GroupId, GroupStart, TopicName};

use crate::app::settings::Preferences;
use crate::app::store::Store;
use crate::platform::browser;
use page_model::{Intent, ReadMode, ReadState, SEED_TOPIC, Start, TopicsText, ViewLink, Watched};

/// The seed's, shown until the bridge has proposed its own.
const SEED_GROUP: &str = "my-group";
/// What is proposed where the user wants the last records: a screenful or two.
const LAST: &str = "100";

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
}

impl Chosen {
    /// What an address says.
    fn of(link: &ViewLink) -> Self {
        let mut chosen =
            Self { topic: link.topic.clone(), group: link.group.clone(), mode: link.mode, ..Self::default() };
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
struct Proposed {
    topic: String,
    group: String,
    start: Start,
    /// The bridge has said so itself.
    is_known: bool,
}

impl Proposed {
    fn key(&self) -> String {
        format!("{} {}", self.topic, self.group)
    }
}

#[derive(Clone, Copy)]
pub struct WatchFields {
    store: Store,
    chosen: RwSignal<Chosen>,
    proposed: Memo<Proposed>,
    remembered: Memo<Option<Watched>>,
    preferences: Preferences,
}

impl WatchFields {
    pub fn new(store: Store, preferences: Preferences, link: &ViewLink) -> Self {
        let proposed = Memo::new(move |_| {
            store.read(|state| match state.bridge() {
                Some(bridge) => Proposed {
                    topic: bridge.defaults.topic.clone(),
                    group: bridge.defaults.group.clone(),
                    start: match bridge.defaults.start {
                        GroupStart::Earliest => Start::Earliest,
                        GroupStart::Latest => Start::Latest,
                    },
                    is_known: true,
                },
                None => Proposed {
                    topic: SEED_TOPIC.into(),
                    group: SEED_GROUP.into(),
                    start: Start::Earliest,
                    is_known: false,
                },
            })
        });
        let watched = preferences.watched();
        let remembered = Memo::new(move |_| {
            let counts = |watched: &Watched| proposed.with(|now| !now.is_known || watched.proposed == now.key());
            watched.clone().filter(counts)
        });
        Self { store, chosen: RwSignal::new(Chosen::of(link)), proposed, remembered, preferences }
    }

    fn remembered<T>(self, field: impl Fn(&Watched) -> T) -> Option<T> {
        self.remembered.with(|watched| watched.as_ref().map(field))
    }

    pub fn topic(self) -> String {
        let chosen = self.chosen.with(|chosen| chosen.topic.clone());
        chosen.or_else(|| self.remembered(|watched| watched.topic.clone())).unwrap_or_else(|| self.proposed.get().topic)
    }

    pub fn first_topic(self) -> String {
        TopicsText::new(&self.topic()).names().into_iter().next().unwrap_or_default()
    }

    pub fn group(self) -> String {
        let chosen = self.chosen.with(|chosen| chosen.group.clone());
        chosen.or_else(|| self.remembered(|watched| watched.group.clone())).unwrap_or_else(|| self.proposed.get().group)
    }

    /// What was remembered of another topic says nothing of this one.
    pub fn mode(self) -> ReadMode {
        let topics = || TopicsText::new(&self.topic()).names();
        let usual = || self.store.read(|state| state.usual_mode(&topics()));
        let suits = |watched: &Watched| {
            let is_same = TopicsText::new(&watched.topic).names() == topics();
            (is_same || usual() == watched.mode).then_some(watched.mode)
        };
        let chosen = self.chosen.with(|chosen| chosen.mode);
        chosen.or_else(|| self.remembered(suits).flatten()).unwrap_or_else(usual)
    }

    /// The name of the start. A group begins where the bridge proposes; who only watches wants to see what happens from
    /// now on.
    pub fn start_name(self) -> String {
        let mode = self.mode();
        let suits = |name: &String| mode == ReadMode::Watch || matches!(name.as_str(), "earliest" | "latest");
        let remembered = || self.remembered(|watched| (watched.mode == mode).then_some(watched.start)).flatten();
        self.chosen.with(|chosen| chosen.start.clone()).filter(suits).unwrap_or_else(|| {
            let usual = match mode {
                ReadMode::Group => self.proposed.get().start,
                ReadMode::Watch => Start::Latest,
            };
            // A moment or an offset is seldom wanted twice.
            let remembered = remembered().filter(|start| start.suits(ReadMode::Group));
            remembered.unwrap_or(usual).name().to_owned()
        })
    }

    /// The text of the field that belongs to the start.
    pub fn start_detail(self) -> String {
        let name = self.start_name();
        self.chosen.with(|chosen| match name.as_str() {
            "last" => chosen.last.clone().unwrap_or_else(|| LAST.to_owned()),
            "offset" => chosen.offset.clone(),
            "time" => chosen.time.clone(),
            _ => String::new(),
        })
    }

    /// Nothing while the field that belongs to it cannot be read.
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

    /// No topic, or a name that Kafka would not take.
    pub fn has_topic_fault(self) -> bool {
        let topics = TopicsText::new(&self.topic()).names();
        topics.is_empty() || topics.iter().any(|name| TopicName::parse(name).is_err())
    }

    pub fn has_group_fault(self) -> bool {
        self.needs_group() && GroupId::parse(self.group().trim()).is_err()
    }

    /// Whether the field for the group is part of what is asked for.
    pub fn needs_group(self) -> bool {
        self.mode() == ReadMode::Group || self.start_name() == "committed"
    }

    /// Whether what is chosen can be listened to.
    pub fn can_start(self) -> bool {
        !self.has_topic_fault() && !self.has_group_fault() && self.start().is_some()
    }

    /// What another address says takes the place of what was chosen.
    pub fn follow(self, link: &ViewLink) {
        self.chosen.set(Chosen::of(link));
    }

    pub fn choose_topic(self, topic: String) {
        self.chosen.update(|chosen| chosen.topic = Some(topic));
    }

    pub fn choose_group(self, group: String) {
        self.chosen.update(|chosen| chosen.group = Some(group));
    }

    pub fn choose_mode(self, mode: ReadMode) {
        self.chosen.update(|chosen| {
            if chosen.mode != Some(mode) {
                // Each mode has its own usual start.
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

    /// What to listen to now; it is remembered for the next visit.
    pub fn intent(self) -> Intent {
        let intent = Intent {
            topics: TopicsText::new(&self.topic()).names(),
            mode: self.mode(),
            group: self.group().trim().to_owned(),
            start: self.start().unwrap_or_default(),
            skips_ahead: self.preferences.skips_ahead(),
            commits_nothing: self.preferences.commits_nothing(),
        };
        self.preferences.remember_topics(&intent.topics);
        self.preferences.remember_watched(Watched {
            topic: intent.topic(),
            group: intent.group.clone(),
            mode: intent.mode,
            start: intent.start,
            proposed: self.proposed.get_untracked().key(),
        });
        intent
    }
}
