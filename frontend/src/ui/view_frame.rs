//! Shared parts of all views except the live view: heading, search field, and the messages of a view without contents.

use leptos::prelude::*;

use protocol::{ErrorBody, ErrorCode};

use crate::context::error_text::error_text;
use crate::context::request_error::request_error_text;
use crate::context::{navigation, preferences, store};
use crate::i18n::Words;
use crate::platform::browser;
use crate::ui::keys::focus_with_slash;
use page_model::{Link, ReadState, RequestError, ViewUpdate};

type Word = fn(&'static Words) -> &'static str;

/// The status of a view.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ViewStatus {
    /// No update has been received.
    #[default]
    Loading,
    /// The view is up to date.
    Live,
    /// The view is out of date, since Kafka does not reply; with the bridge's error.
    Stale(ErrorBody),
    /// The connection is lost.
    Lost,
    /// The view cannot be shown, and why.
    Failed(RequestError),
}

impl ViewStatus {
    /// The code of the bridge's error, if there is one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Stale(error) | Self::Failed(RequestError::Refused(error)) => Some(error.code),
            _ => None,
        }
    }
}

/// Applies updates of a live view to its status.
pub trait ApplyUpdate {
    /// Updates the status and returns the push, if there is one. `begin` is called when the next push is a complete
    /// snapshot.
    fn apply_update<P>(self, update: ViewUpdate<P>, begin: impl FnOnce()) -> Option<P>;
}

impl ApplyUpdate for RwSignal<ViewStatus> {
    fn apply_update<P>(self, update: ViewUpdate<P>, begin: impl FnOnce()) -> Option<P> {
        let status = match update {
            ViewUpdate::Begins => {
                begin();
                return None;
            }
            ViewUpdate::Failed(error) => ViewStatus::Stale(error),
            ViewUpdate::Pushed(push) => {
                if self.with_untracked(|status| *status != ViewStatus::Live) {
                    self.set(ViewStatus::Live);
                }
                return Some(push);
            }
            ViewUpdate::Refused(error) => ViewStatus::Failed(RequestError::Refused(error)),
            ViewUpdate::Lost => ViewStatus::Lost,
        };
        self.set(status);
        None
    }
}

/// The heading of a view. Gets the focus when the view is opened.
#[component]
pub fn ViewTitle(
    #[prop(into)] title: Signal<String>,
    /// The link and the name of the list that the view belongs to.
    #[prop(optional)]
    parent: Option<(String, Word)>,
) -> impl IntoView {
    let prefs = preferences();
    // A screen reader reads the title. Not after the first load, where the reader begins at the top of the page.
    if navigation().has_moved() {
        request_animation_frame(|| browser::focus("view-title"));
    }
    let parent = parent.map(|(href, word)| {
        view! {
            <a href=href data-view="">
                {prefs.text(word)}
            </a>
            <span class="muted" aria-hidden="true">
                " / "
            </span>
        }
    });
    view! {
        <h2 id="view-title" tabindex="-1">
            {parent}
            {move || title.get()}
        </h2>
    }
}

/// The search field of a list; its text is in the URL. The key `/` focuses it.
#[component]
pub fn FindField(
    testid: &'static str,
    label: fn(&'static Words) -> &'static str,
    value: Memo<String>,
) -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    let field = NodeRef::<leptos::html::Input>::new();
    focus_with_slash(field);
    view! {
        <input
            type="search"
            class="find"
            data-testid=testid
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            aria-label=prefs.text(label)
            placeholder=prefs.text(label)
            node_ref=field
            prop:value=move || value.get()
            on:input=move |event| navigation.set_detail("find", event_target_value(&event))
        />
    }
}

/// A title and a sentence, for a view without contents.
#[component]
pub fn EmptyState(
    reason: &'static str,
    #[prop(into)] title: Signal<String>,
    #[prop(into)] next: Signal<String>,
    /// Below the sentence, such as a button.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="instead" data-testid="instead" data-reason=reason>
            <svg class="empty-arch" viewBox="0 0 120 56" aria-hidden="true">
                <path d="M4 14H116M14 54V14M106 54V14M16 54C16 34 36 18 60 18S104 34 104 54" />
            </svg>
            <p class="empty-title" role="status">
                {move || title.get()}
            </p>
            <p class="empty-next">{move || next.get()}</p>
            {children.map(|children| children())}
        </div>
    }
}

/// The message of a view that is loading, offline or failed. Empty if the view has contents.
#[component]
pub fn LoadingState(status: RwSignal<ViewStatus>, loading: fn(&'static Words) -> &'static str) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let is_offline =
        Memo::new(move |_| store.read(|state| matches!(state.link(), Link::Waiting { .. } | Link::Closed { .. })));
    // A memo, so that an unchanged message is not announced again.
    let message = Memo::new(move |_| {
        let words = prefs.words();
        Some(match status.get() {
            ViewStatus::Loading if !is_offline.get() => ("loading", loading(words).to_owned(), String::new()),
            ViewStatus::Loading | ViewStatus::Lost => {
                ("offline", words.empty_offline.to_owned(), words.view_offline_next.to_owned())
            }
            // Not an error: the cluster does not support this request.
            ViewStatus::Failed(RequestError::Refused(error)) if error.code == ErrorCode::NotOnThisCluster.number() => {
                ("demo", words.demo_unsupported.to_owned(), words.demo_unsupported_next.to_owned())
            }
            ViewStatus::Failed(reason) => ("problem", words.view_failed.to_owned(), request_error_text(&reason, words)),
            ViewStatus::Stale(error) => ("problem", words.view_failed.to_owned(), error_text(&error, words)),
            ViewStatus::Live => return None,
        })
    });
    move || {
        message.get().map(|(reason, title, next)| {
            view! {
                <EmptyState
                    reason=reason
                    title=Signal::derive(move || title.clone())
                    next=Signal::derive(move || next.clone())
                />
            }
        })
    }
}

/// Shows beside the heading whether the view is up to date.
#[component]
pub fn Freshness(status: RwSignal<ViewStatus>) -> impl IntoView {
    let prefs = preferences();
    let state = move || {
        status.with(|status| match status {
            ViewStatus::Loading => "loading",
            ViewStatus::Live => "live",
            ViewStatus::Stale(_) | ViewStatus::Failed(_) => "stale",
            ViewStatus::Lost => "lost",
        })
    };
    let text = move || match state() {
        "loading" => prefs.words().loading,
        "live" => prefs.words().view_live,
        "stale" => prefs.words().view_stale,
        _ => prefs.words().view_lost,
    };
    let title = move || {
        status.with(|status| match status {
            ViewStatus::Stale(error) => error_text(error, prefs.words()),
            _ => String::new(),
        })
    };
    view! {
        <span class="freshness" role="status" data-testid="freshness" data-state=state title=title>
            <i class="dot" aria-hidden="true"></i>
            {text}
        </span>
    }
}
