//! What stands in the fields that say what to watch and how: the user's choice, else what was remembered, else what the
//! bridge proposes. All derived, so that a late welcome fills in only what nobody has chosen.

use leptos::prelude::*;
use protocol::GroupStart;

use crate::desk::Desk;
use crate::settings::Preferences;
use crate::state::{Intent, ReadMode, Start, Watched};

/// The seed's, shown until the bridge has proposed its own.
const SEED_TOPIC: &str = "foobar";
const SEED_GROUP: &str = "my-group";

#[derive(Clone, Debug, Default)]
struct Chosen {
    topic: Option<String>,
    group: Option<String>,
    mode: Option<ReadMode>,
    start: Option<Start>,
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
    chosen: RwSignal<Chosen>,
    proposed: Memo<Proposed>,
    remembered: Memo<Option<Watched>>,
    preferences: Preferences,
}

impl WatchFields {
    pub fn new(desk: Desk, preferences: Preferences) -> Self {
        let proposed = Memo::new(move |_| {
            desk.link(|page| match page.bridge() {
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
        Self { chosen: RwSignal::default(), proposed, remembered, preferences }
    }

    fn remembered<T>(self, field: impl Fn(&Watched) -> T) -> Option<T> {
        self.remembered.with(|watched| watched.as_ref().map(field))
    }

    pub fn topic(self) -> String {
        let chosen = self.chosen.with(|chosen| chosen.topic.clone());
        chosen.or_else(|| self.remembered(|watched| watched.topic.clone())).unwrap_or_else(|| self.proposed.get().topic)
    }

    pub fn group(self) -> String {
        let chosen = self.chosen.with(|chosen| chosen.group.clone());
        chosen.or_else(|| self.remembered(|watched| watched.group.clone())).unwrap_or_else(|| self.proposed.get().group)
    }

    pub fn mode(self) -> ReadMode {
        let chosen = self.chosen.with(|chosen| chosen.mode);
        chosen.or_else(|| self.remembered(|watched| watched.mode)).unwrap_or_default()
    }

    /// A group begins where the bridge proposes; who only watches wants to see what happens from now on.
    pub fn start(self) -> Start {
        let mode = self.mode();
        let remembered = || self.remembered(|watched| (watched.mode == mode).then_some(watched.start)).flatten();
        self.chosen.with(|chosen| chosen.start).or_else(remembered).unwrap_or_else(|| match mode {
            ReadMode::Group => self.proposed.get().start,
            ReadMode::Watch => Start::Latest,
        })
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

    pub fn choose_start(self, start: Start) {
        self.chosen.update(|chosen| chosen.start = Some(start));
    }

    /// What to listen to now; it is remembered for the next visit.
    pub fn intent(self) -> Intent {
        let intent = Intent {
            topics: topics_of(&self.topic()),
            mode: self.mode(),
            group: self.group().trim().to_owned(),
            start: self.start(),
            skips_ahead: self.preferences.skips_ahead(),
        };
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

/// The names in a text such as `orders, payments`.
pub fn topics_of(text: &str) -> Vec<String> {
    let mut topics: Vec<String> = Vec::new();
    for name in text.split([',', ' ']).filter(|name| !name.is_empty()) {
        if !topics.iter().any(|known| known == name) {
            topics.push(name.to_owned());
        }
    }
    topics
}
