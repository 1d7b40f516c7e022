//! The top bar: the name, links to the views, the state of the connection and of Kafka, and the page's settings.

use leptos::prelude::*;

use crate::app::account::{AccountPart, AccountView};
use crate::app::broker_pill::BrokerPill;
use crate::app::cluster_switch::ClusterSwitch;
use crate::app::connection_pill::ConnectionPill;
use crate::context::navigation::href;
use crate::context::{navigation, preferences, store};
use crate::i18n::Words;
use page_model::{Address, NoticeKind, ReadState, Theme, View};

#[component]
pub fn TopBar(show_shortcuts: RwSignal<bool>) -> impl IntoView {
    let prefs = preferences();
    let theme_label = move || {
        let words = prefs.words();
        match prefs.theme() {
            Theme::System => words.theme_system,
            Theme::Light => words.theme_light,
            Theme::Dark => words.theme_dark,
        }
    };
    let store = store();
    let is_read_only = move || store.read(|state| state.link().is_open() && state.is_read_only());
    let has_registry = move || store.read(|state| state.registry().is_some());
    let has_user = move || store.read(|state| state.link().is_open() && state.user().is_some());
    view! {
        <header class="top-bar">
            <h1 class="brand">
                <Arch />
                "Ponte"
            </h1>
            <nav aria-label=prefs.text(|w| w.views)>
                <ViewLink view=View::Live testid="nav-live" word=|w| w.nav_live />
                <ViewLink view=View::Topics testid="nav-topics" word=|w| w.nav_topics />
                <ViewLink view=View::Groups testid="nav-groups" word=|w| w.nav_groups />
                <Show when=has_registry>
                    <ViewLink view=View::Schemas testid="nav-schemas" word=|w| w.nav_schemas />
                </Show>
                <ViewLink view=View::Cluster testid="nav-cluster" word=|w| w.nav_cluster />
            </nav>
            <div class="spacer"></div>
            <ClusterSwitch />
            <Show when=is_read_only>
                <span class="pill read-only" data-testid="read-only" title=prefs.text(|w| w.read_only_hint)>
                    {prefs.text(|w| w.read_only)}
                </span>
            </Show>
            <BrokerPill />
            <ConnectionPill />
            <div class="tools">
                <button
                    type="button"
                    class="icon"
                    data-testid="language"
                    data-value=move || prefs.language().code
                    lang=move || prefs.next_language().code
                    aria-label=move || {
                        format!("{}: {}", prefs.next_language().short_name, prefs.next_language().switch_to_this)
                    }
                    title=move || prefs.next_language().switch_to_this
                    on:click=move |_| prefs.switch_language(move || store.notify(NoticeKind::TextsMissing))
                >
                    {move || prefs.next_language().short_name}
                </button>
                <button
                    type="button"
                    class="icon"
                    data-testid="theme"
                    data-value=move || prefs.theme().name()
                    aria-label=theme_label
                    title=theme_label
                    on:click=move |_| prefs.next_theme()
                >
                    <ThemeIcon />
                </button>
                <button
                    type="button"
                    class="icon"
                    data-testid="shortcuts"
                    aria-label=prefs.text(|w| w.shortcuts)
                    title=prefs.text(|w| w.shortcuts)
                    on:click=move |_| show_shortcuts.set(true)
                >
                    "?"
                </button>
            </div>
            <Show when=has_user>
                <AccountView part=AccountPart::Menu />
            </Show>
        </header>
    }
}

#[component]
fn ViewLink(view: View, testid: &'static str, word: fn(&'static Words) -> &'static str) -> impl IntoView {
    let (navigation, prefs) = (navigation(), preferences());
    let (is_live, address) = (view == View::Live, Address::of(view.clone()));
    let current = move || (navigation.view().list() == view).then_some("page");
    let target = move || {
        // The cluster is a part of every address.
        let _ = navigation.cluster();
        if is_live { navigation.live_href() } else { href(&address) }
    };
    view! {
        <a href=target data-view="" data-testid=testid aria-current=current>
            {prefs.text(word)}
        </a>
    }
}

#[component]
fn Arch() -> impl IntoView {
    view! {
        <svg class="arch" viewBox="0 0 26 20" width="26" height="20" aria-hidden="true">
            <path d="M1.5 6.5h23M3 17C3 10.5 7.5 7 13 7s10 3.500 10 10M3 6.500V17M23 6.500V17" />
        </svg>
    }
}

/// A disc: half filled for the system's theme, with rays for the light theme, a crescent for the dark theme.
#[component]
fn ThemeIcon() -> impl IntoView {
    let prefs = preferences();
    let path = move || match prefs.theme() {
        Theme::System => "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 1.500v9a4.500 4.500 0 0 1 0-9Z",
        Theme::Light => {
            "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM7.250 1h1.500v2h-1.500ZM7.250 13h1.500v2h-1.500ZM1 7.250h2v1.500H1ZM13 \
             7.250h2v1.500h-2ZM2.520 3.580l1.060-1.060 1.420 1.420-1.060 1.060ZM11 12.060 12.060 11l1.420 1.420-1.060 \
             1.060ZM2.520 12.420 3.940 11 5 12.060l-1.420 1.420ZM11 3.940l1.420-1.420 1.060 1.060L12.060 5Z"
        }
        Theme::Dark => "M6.500 2.200A6 6 0 1 0 13.800 9.500 5 5 0 0 1 6.500 2.200Z",
    };
    view! {
        <svg class="glyph" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d=path fill-rule="evenodd" />
        </svg>
    }
}
