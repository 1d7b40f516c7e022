//! What the views beside the live one have in common: a heading, and what stands in a view's place while there is nothing
//! to show.

use leptos::prelude::*;

use super::preferences;
use super::unanswered::unanswered_text;
use crate::state::Unanswered;
use crate::words::Words;

/// How far a view is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Look {
    /// Nothing has come yet.
    #[default]
    Loading,
    /// What is shown is as new as it gets.
    Live,
    /// What is shown is what was known last, since Kafka does not answer; in the bridge's words.
    Stale(String),
    /// The connection is gone.
    Lost,
    /// There is nothing to show, and why.
    Failed(Unanswered),
}

/// A title and a sentence in the place of contents.
#[component]
pub fn Instead(
    reason: &'static str,
    #[prop(into)] title: Signal<String>,
    #[prop(into)] next: Signal<String>,
    #[prop(optional)] children: Option<ChildrenFn>,
) -> impl IntoView {
    view! {
        <div class="instead" data-testid="instead" data-reason=reason>
            <svg class="empty-arch" viewBox="0 0 120 56" aria-hidden="true">
                <path d="M4 14H116M14 54V14M106 54V14M16 54C16 34 36 18 60 18S104 34 104 54" />
            </svg>
            <p class="empty-title" role="status">{move || title.get()}</p>
            <p class="empty-next">{move || next.get()}</p>
            {children.map(|children| children())}
        </div>
    }
}

/// Loading, lost before anything came, or failed: what a view says then. Nothing where there is something to show.
#[component]
pub fn NotYet(look: RwSignal<Look>, loading: fn(&'static Words) -> &'static str) -> impl IntoView {
    let prefs = preferences();
    move || {
        let words = prefs.words();
        let (reason, title, next) = match look.get() {
            Look::Loading => ("loading", loading(words).to_owned(), String::new()),
            Look::Lost => ("offline", words.empty_offline.to_owned(), words.view_offline_next.to_owned()),
            Look::Failed(reason) => ("problem", words.view_failed.to_owned(), unanswered_text(&reason, words)),
            Look::Stale(reason) => ("problem", words.view_failed.to_owned(), reason),
            Look::Live => return None,
        };
        Some(view! { <Instead reason=reason title=Signal::derive(move || title.clone()) next=Signal::derive(move || next.clone()) /> })
    }
}

/// Beside a heading: whether what is shown is still true.
#[component]
pub fn Freshness(look: RwSignal<Look>) -> impl IntoView {
    let prefs = preferences();
    let state = move || {
        look.with(|look| match look {
            Look::Loading => "loading",
            Look::Live => "live",
            Look::Stale(_) | Look::Failed(_) => "stale",
            Look::Lost => "lost",
        })
    };
    let text = move || match state() {
        "loading" => prefs.words().loading,
        "live" => prefs.words().view_live,
        "stale" => prefs.words().view_stale,
        _ => prefs.words().view_lost,
    };
    let title = move || {
        look.with(|look| match look {
            Look::Stale(reason) => reason.clone(),
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
