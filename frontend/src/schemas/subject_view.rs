//! One subject: its versions and compatibility level, the shown version, and the form for the next version.

use leptos::prelude::*;
use protocol::{Action, SchemaRequest, SubjectRequest, SubjectResult, shown_name};

use crate::context::navigation::href;
use crate::context::{navigation, preferences};
use crate::i18n::Words;
use crate::schemas::blocked::schema_blocked;
use crate::schemas::compatibility::CompatibilityField;
use crate::schemas::delete_buttons::DeleteButtons;
use crate::schemas::load::{LoadProblem, Loaded};
use crate::schemas::register_form::RegisterForm;
use crate::schemas::version_view::VersionView;
use crate::ui::format::number;
use crate::ui::fresh::fresh;
use crate::ui::view_frame::{EmptyState, ViewTitle};
use page_model::{Address, RegistrationForm, View};

/// The URL parameters of the view.
pub const VERSION: &str = "version";
const TAB: &str = "tab";
pub const REGISTER: &str = "register";

/// The shared state of the parts of a subject's view.
#[derive(Clone, Copy)]
pub struct OpenSubject {
    pub name: StoredValue<String>,
    pub loaded: Loaded<SubjectResult>,
    /// The version that is shown: the one in the address, or the latest. `None` until the versions are known.
    pub version: Memo<Option<u32>>,
}

impl OpenSubject {
    fn open(name: String) -> Self {
        let navigation = navigation();
        let request = name.clone();
        let loaded = Loaded::open(move || SubjectRequest { subject: request.clone() });
        let version = Memo::new(move |_| {
            let asked = navigation.detail(VERSION).and_then(|version| version.parse().ok());
            asked.or_else(|| latest(&*loaded.get()?))
        });
        Self { name: StoredValue::new(name), loaded, version }
    }

    /// The subject's name; empty once the view is unmounted, since replies may arrive later.
    pub fn name(self) -> String {
        self.name.try_get_value().unwrap_or_default()
    }

    /// Whether all versions are deleted.
    pub fn is_deleted(self) -> bool {
        self.loaded.get().is_some_and(|subject| subject.versions.iter().all(|version| version.deleted))
    }

    pub fn is_version_deleted(self, number: u32) -> bool {
        let is_deleted = |subject: &SubjectResult| {
            subject.versions.iter().any(|version| version.version == number && version.deleted)
        };
        self.loaded.get().is_some_and(|subject| is_deleted(&subject))
    }

    /// The address of the view with another version or tab.
    pub fn address(self, version: Option<u32>, tab: &str) -> Address {
        let version = version.map(|version| version.to_string()).unwrap_or_default();
        Address::of(View::Subject(self.name())).with(VERSION, version).with(TAB, tab)
    }
}

/// The latest version, or the latest deleted one if all are deleted.
fn latest(subject: &SubjectResult) -> Option<u32> {
    let of = |deleted: bool| subject.versions.iter().rev().find(|version| version.deleted == deleted);
    of(false).or_else(|| of(true)).map(|version| version.version)
}

#[component]
pub fn SubjectView(name: String) -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    let subject = OpenSubject::open(name.clone());
    let is_known = subject.loaded.state.has_value;
    let is_missing = Memo::new(move |_| subject.loaded.state.is_missing());
    let tab = Memo::new(move |_| navigation.detail(TAB).unwrap_or_default());
    let is_registering = Memo::new(move |_| tab.get() == REGISTER);
    let blocked = schema_blocked(Action::Write, Some(subject.name));
    let register = move |_| navigation.open(subject.address(subject.version.get_untracked(), REGISTER));
    let register_button = move || {
        view! {
            <button
                type="button"
                class="button primary"
                data-testid="schema-new"
                disabled=move || blocked().is_some()
                title=blocked
                on:click=register
            >
                {prefs.text(|w| w.register_version)}
            </button>
        }
    };
    let missing_title = move || prefs.words().subject_gone.with_subject(&shown_name(&subject.name()));
    view! {
        <div class="subject-view" data-testid="subject" data-subject=name>
            <div class="view-head">
                <ViewTitle
                    title=Signal::derive(move || shown_name(&subject.name()).into_owned())
                    parent=(href(&Address::of(View::Schemas)), |w| w.nav_schemas)
                />
                <div class="spacer"></div>
                <Show when=move || {
                    is_known.get() && !is_registering.get()
                }>{register_button} <DeleteButtons subject=subject /></Show>
            </div>
            <Show when=move || is_missing.get() && !is_registering.get()>
                <EmptyState
                    reason="missing"
                    title=Signal::derive(missing_title)
                    next=Signal::derive(move || prefs.words().subject_gone_next.to_owned())
                >
                    {register_button()}
                </EmptyState>
            </Show>
            <Show when=move || !is_missing.get()>
                <LoadProblem state=subject.loaded.state loading=|w| w.subject_loading />
            </Show>
            <Show when=move || is_known.get() && !is_registering.get()>
                <SubjectFacts subject=subject />
            </Show>
            {fresh(move || match (is_registering.get(), is_known.get(), is_missing.get()) {
                (true, true, _) | (true, _, true) => view! { <NextVersion subject=subject /> }.into_any(),
                (false, true, _) => view! { <Version subject=subject tab=tab /> }.into_any(),
                _ => ().into_any(),
            })}
        </div>
    }
}

/// Versions, whether the subject is deleted, and its compatibility level.
#[component]
fn SubjectFacts(subject: OpenSubject) -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    let count = move || subject.loaded.get().map_or(0, |subject| subject.versions.len() as u64);
    // Newest first.
    let versions = move || {
        let versions = subject.loaded.get().map(|subject| subject.versions.clone()).unwrap_or_default();
        versions.into_iter().rev().map(|version| (version.version, version.deleted)).collect::<Vec<_>>()
    };
    let choose = move |version: String| {
        let tab = navigation.detail_untracked(TAB).unwrap_or_default();
        navigation.open(subject.address(version.parse().ok(), &tab));
    };
    let shown = move || subject.version.get().map(|version| version.to_string()).unwrap_or_default();
    view! {
        <div class="view-tools">
            <span class="inline-field">
                <label for="schema-version">{prefs.text(|w| w.version)}</label>
                <select
                    id="schema-version"
                    data-testid="schema-version"
                    data-version=shown
                    prop:value=move || {
                        subject.loaded.get();
                        shown()
                    }
                    on:change=move |event| choose(event_target_value(&event))
                >
                    {move || version_options(versions(), subject.version.get_untracked())}
                </select>
            </span>
            <span class="muted">
                {move || prefs.words().versions_count.count(count(), &number(count(), prefs.language()))}
            </span>
        </div>
        <CompatibilityField
            subject=Some(subject.name)
            own=Signal::derive(move || subject.loaded.get().and_then(|subject| subject.compatibility))
            registry=Signal::derive(move || subject.loaded.get().and_then(|subject| subject.registry_compatibility))
            on_changed=Callback::new(move |()| subject.loaded.state.again())
        />
        <Show when=move || subject.is_deleted()>
            <p class="stale-note" data-testid="subject-deleted">
                {prefs.text(|w| w.subject_is_deleted)}
            </p>
        </Show>
    }
}

/// The options of a choice of versions: number, and whether the version is deleted.
pub fn version_options(versions: Vec<(u32, bool)>, chosen: Option<u32>) -> impl IntoView {
    let prefs = preferences();
    let option = |(version, is_deleted): (u32, bool)| {
        let text = move || match is_deleted {
            true => prefs.words().version_deleted.with_n(&version.to_string()),
            false => version.to_string(),
        };
        view! {
            <option value=version.to_string() selected=chosen == Some(version)>
                {text}
            </option>
        }
    };
    versions.into_iter().map(option).collect::<Vec<_>>()
}

/// The shown version and its tabs.
#[component]
fn Version(subject: OpenSubject, tab: Memo<String>) -> impl IntoView {
    let prefs = preferences();
    let tab_link = move |of: &'static str, testid: &'static str, word: fn(&'static Words) -> &'static str| {
        view! {
            <a
                href=move || href(&subject.address(subject.version.get(), of))
                data-view=""
                data-testid=testid
                aria-current=move || (tab.get() == of).then_some("true")
            >
                {prefs.text(word)}
            </a>
        }
    };
    view! {
        <div class="view-tabs">
            <div class="seg links" role="group" aria-label=prefs.text(|w| w.schema_tabs)>
                {tab_link("", "tab-schema", |w| w.schema)}
                {tab_link("compare", "tab-compare", |w| w.compare)}
                {tab_link("uses", "tab-uses", |w| w.uses)}
            </div>
        </div>
        {fresh(move || match subject.version.get() {
            Some(version) => view! { <VersionView subject=subject version=version tab=tab /> }.into_any(),
            None => ().into_any(),
        })}
    }
}

/// The form for the next version, which begins with the latest one.
#[component]
fn NextVersion(subject: OpenSubject) -> impl IntoView {
    let navigation = navigation();
    let latest = subject.loaded.get_untracked().and_then(|subject| latest(&subject));
    let form = move |form: RegistrationForm| {
        view! {
            <RegisterForm
                form=form
                has_fixed_subject=true
                on_cancel=Callback::new(move |()| {
                    navigation.open(subject.address(subject.version.get_untracked(), ""));
                })
                on_registered=Callback::new(move |()| subject.loaded.state.again())
            />
        }
        .into_any()
    };
    let Some(version) = latest else { return form(RegistrationForm::next_version(subject.name(), None)) };
    let schema = Loaded::open(move || SchemaRequest { subject: subject.name(), version: Some(version) });
    // Some registries do not return the text of deleted versions; the form is then empty.
    let is_known = Memo::new(move |_| schema.state.has_value.get() || schema.state.is_missing());
    view! {
        <Show when=move || !is_known.get()>
            <LoadProblem state=schema.state loading=|w| w.schema_loading />
        </Show>
        {fresh(move || match is_known.get() {
            true => form(RegistrationForm::next_version(subject.name(), schema.get_untracked().as_deref())),
            false => ().into_any(),
        })}
    }
    .into_any()
}
