//! Language and theme as signals, remembered in the browser's storage and set on the `html` element.

use leptos::prelude::*;

use crate::browser;
use crate::words::{self, Words};
use page_model::{Columns, Language, Limits, Settings, Theme, Watched};

#[derive(Clone, Copy)]
pub struct Preferences {
    settings: RwSignal<Settings>,
    language: Memo<Language>,
}

impl Preferences {
    /// Reads what is remembered and applies it before anything is drawn.
    pub fn load() -> Self {
        let stored = Settings::from_json(&browser::stored_settings());
        browser::set_root_attribute("data-theme", stored.theme.name());
        let preferred = Language::preferred(browser::preferred_languages().iter().map(String::as_str));
        let settings = RwSignal::new(stored);
        let language = Memo::new(move |_| settings.with(|settings| settings.language.unwrap_or(preferred)));
        Effect::new(move |before: Option<()>| {
            let json = settings.with(Settings::to_json);
            // The first run has nothing new to remember.
            if before.is_some() {
                browser::store_settings(&json);
            }
        });
        Effect::new(move |_| {
            browser::set_root_attribute("data-theme", settings.with(|settings| settings.theme.name()))
        });
        Effect::new(move |_| browser::set_root_attribute("lang", language.get().tag()));
        Self { settings, language }
    }

    /// The words of the present language; whoever reads them in a view is drawn again when it changes.
    pub fn words(self) -> &'static Words {
        words::of(self.language.get())
    }

    /// The words at this moment, for what is said once.
    pub fn words_untracked(self) -> &'static Words {
        words::of(self.language.get_untracked())
    }

    /// One of the words as a reactive text.
    pub fn text(self, word: fn(&'static Words) -> &'static str) -> impl Fn() -> &'static str + Copy + Send + Sync {
        move || word(self.words())
    }

    pub fn language(self) -> Language {
        self.language.get()
    }

    pub fn switch_language(self) {
        let other = self.language.get_untracked().other();
        self.settings.update(|settings| settings.language = Some(other));
    }

    pub fn theme(self) -> Theme {
        self.settings.with(|settings| settings.theme)
    }

    pub fn next_theme(self) {
        self.settings.update(|settings| settings.theme = settings.theme.next());
    }

    pub fn columns<T>(self, read: impl FnOnce(&Columns) -> T) -> T {
        self.settings.with(|settings| read(&settings.columns))
    }

    pub fn columns_untracked(self) -> Columns {
        self.settings.with_untracked(|settings| settings.columns.clone())
    }

    pub fn language_untracked(self) -> Language {
        self.language.get_untracked()
    }

    pub fn change_columns(self, change: impl FnOnce(&mut Columns)) {
        self.settings.update(|settings| change(&mut settings.columns));
    }

    pub fn limits(self) -> Limits {
        self.settings.with(|settings| settings.limits)
    }

    pub fn skips_ahead(self) -> bool {
        self.settings.with(|settings| settings.skips_ahead)
    }

    pub fn commits_nothing(self) -> bool {
        self.settings.with(|settings| settings.commits_nothing)
    }

    pub fn set_commits_nothing(self, nothing: bool) {
        self.settings.update(|settings| settings.commits_nothing = nothing);
    }

    pub fn set_skips_ahead(self, skips: bool) {
        self.settings.update(|settings| settings.skips_ahead = skips);
    }

    pub fn set_limits(self, limits: Limits) {
        self.settings.update(|settings| settings.limits = limits);
    }

    pub fn watched(self) -> Option<Watched> {
        self.settings.with_untracked(|settings| settings.watch.clone())
    }

    pub fn recent_topics(self) -> Vec<String> {
        self.settings.with(|settings| settings.recent_topics.clone())
    }

    pub fn remember_topics(self, topics: &[String]) {
        self.settings.update(|settings| settings.remember_topics(topics));
    }

    pub fn remember_watched(self, watched: Watched) {
        if self.watched().as_ref() != Some(&watched) {
            self.settings.update(|settings| settings.watch = Some(watched));
        }
    }
}
