//! The stored settings as signals. Language and theme are also set on the `html` element.

use futures_util::future::{Either, select};
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{Decode, LocalSchemaId};

use crate::i18n::{self, LANGUAGES, Language, LanguageName, REFERENCE, Words};
use crate::platform::browser;
use page_model::{Columns, Limits, OwnSchemaError, RecordEncoding, Settings, StoredWatch, Theme, preferred_language};

/// How long the page waits for the texts of the user's language before it is drawn in English.
const TEXTS_WAIT_MS: i32 = 3000;

/// Where the files of an own schema are stored. Apart from the settings, which are stored again with each change.
fn schema_key(id: LocalSchemaId) -> String {
    format!("ponte.schema.{id}")
}

#[derive(Clone, Copy)]
pub struct Preferences {
    settings: RwSignal<Settings>,
    language: RwSignal<Language>,
}

/// The code of the language that the user has chosen, or else the browser's preference.
fn chosen_language(settings: &Settings) -> &str {
    let ours = LANGUAGES.iter().map(|language| language.code);
    let preferred = || preferred_language(ours, browser::preferred_languages().iter().map(String::as_str));
    settings.language.as_deref().or_else(preferred).unwrap_or(REFERENCE.code)
}

/// Loads the texts in which the page is drawn first, if they arrive in time.
pub async fn load_texts() {
    let texts = Box::pin(async {
        let stored = Settings::from_json(&browser::stored_settings());
        i18n::load(chosen_language(&stored)).await;
    });
    let time_limit = Box::pin(browser::wait(TEXTS_WAIT_MS));
    if let Either::Right(((), texts)) = select(texts, time_limit).await {
        // Not of leptos, whose executor is set when the page is mounted.
        wasm_bindgen_futures::spawn_local(texts);
    }
}

impl Preferences {
    /// Reads the stored settings and applies them before the page is drawn.
    pub fn load() -> Self {
        let mut stored = Settings::from_json(&browser::stored_settings());
        stored.formats.retain_schemas(|id| !browser::stored(&schema_key(id)).is_empty());
        browser::set_root_attribute("data-theme", stored.theme.name());
        // English if the texts of the language have not arrived: see `load_late_texts`.
        let language = RwSignal::new(i18n::of(chosen_language(&stored)).unwrap_or(REFERENCE));
        let settings = RwSignal::new(stored);
        Effect::new(move |before: Option<()>| {
            let json = settings.with(Settings::to_json);
            // The first run has no change to store.
            if before.is_some() {
                browser::store_settings(&json);
            }
        });
        Effect::new(move |_| {
            browser::set_root_attribute("data-theme", settings.with(|settings| settings.theme.name()));
        });
        Effect::new(move |_| browser::set_root_attribute("lang", language.get().code));
        Self { settings, language }
    }

    /// The texts of the current language. A view that reads them is redrawn when the language changes.
    pub fn words(self) -> &'static Words {
        self.language.get()
    }

    /// The texts of the current language, without a subscription.
    pub fn words_untracked(self) -> &'static Words {
        self.language.get_untracked()
    }

    /// One text, reactive to the language.
    pub fn text(self, word: fn(&'static Words) -> &'static str) -> impl Fn() -> &'static str + Copy + Send + Sync {
        move || word(self.words())
    }

    pub fn language(self) -> Language {
        self.language.get()
    }

    /// The language that [`Preferences::switch_language`] chooses.
    pub fn next_language(self) -> &'static LanguageName {
        let current = self.language.get();
        let at = LANGUAGES.iter().position(|language| language.code == current.code).unwrap_or(0);
        &LANGUAGES[(at + 1) % LANGUAGES.len()]
    }

    /// Switches to the user's language once its texts arrive, if the page was drawn without them.
    pub fn load_late_texts(self, on_failure: impl FnOnce() + 'static) {
        let code = self.settings.with_untracked(|settings| chosen_language(settings).to_owned());
        if self.language_untracked().code != code {
            spawn_local(async move {
                match i18n::load(&code).await {
                    Some(words) => self.language.set(words),
                    None => on_failure(),
                }
            });
        }
    }

    /// The language stays as it is if the texts of the next one cannot be loaded.
    pub fn switch_language(self, on_failure: impl FnOnce() + 'static) {
        let next = untrack(|| self.next_language());
        spawn_local(async move {
            match i18n::load(next.code).await {
                Some(words) => {
                    self.settings.update(|settings| settings.language = Some(next.code.to_owned()));
                    self.language.set(words);
                }
                None => on_failure(),
            }
        });
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

    pub fn stored_watch(self) -> Option<StoredWatch> {
        self.settings.with_untracked(|settings| settings.watch.clone())
    }

    pub fn recent_topics(self, cluster: Option<&str>) -> Vec<String> {
        self.settings.with(|settings| settings.recent_topics(cluster).to_vec())
    }

    pub fn remember_topics(self, cluster: Option<&str>, topics: &[String]) {
        self.settings.update(|settings| settings.remember_topics(cluster, topics));
    }

    pub fn formats(self, cluster: Option<&str>, topics: &[String]) -> Decode {
        self.settings.with(|settings| settings.formats.of(cluster, topics))
    }

    pub fn choose_formats(self, cluster: Option<&str>, topics: &[String], decode: Decode) {
        let before = self.settings.with_untracked(|settings| settings.formats.schemas());
        self.settings.update(|settings| settings.formats.choose(cluster, topics, decode));
        let now = self.settings.with_untracked(|settings| settings.formats.schemas());
        before.difference(&now).for_each(|id| browser::remove_stored(&schema_key(*id)));
    }

    /// The user's own schemas: the fields of the `add_schema` for each.
    pub fn own_schemas(self) -> Vec<(LocalSchemaId, String)> {
        let ids = self.settings.with_untracked(|settings| settings.formats.schemas());
        ids.into_iter().map(|id| (id, browser::stored(&schema_key(id)))).collect()
    }

    /// Stores the files of an own schema. The choice of formats names it afterwards.
    pub fn store_own_schema(id: LocalSchemaId, fields: &str) -> Result<(), OwnSchemaError> {
        browser::store(&schema_key(id), fields);
        // The browser may not allow storage, or have no room left.
        if browser::stored(&schema_key(id)) == fields { Ok(()) } else { Err(OwnSchemaError::NotStored) }
    }

    /// How the user writes keys and values of a topic, without a subscription.
    pub fn encoding_untracked(self, cluster: Option<&str>, topic: &str) -> RecordEncoding {
        self.settings.with_untracked(|settings| settings.encodings.of(cluster, topic))
    }

    pub fn choose_encoding(self, cluster: Option<&str>, topic: &str, encoding: RecordEncoding) {
        self.settings.update(|settings| settings.encodings.choose(cluster, topic, encoding));
    }

    pub fn store_watch(self, watch: StoredWatch) {
        if self.stored_watch().as_ref() != Some(&watch) {
            self.settings.update(|settings| settings.watch = Some(watch));
        }
    }
}
