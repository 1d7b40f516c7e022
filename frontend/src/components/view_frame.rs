//! What the views beside the live one have in common: a heading, and what stands in a view's place while there is nothing
//! to show.

use leptos::prelude::*;

use protocol::{ErrorBody, ErrorCode, ServerMessage};

use super::error_text::error_text;
use super::unanswered::unanswered_text;
use super::{desk, navigation, preferences};
use crate::app::key_is_unused;
use crate::words::Words;
use page_model::{Link, News, Unanswered};

type Word = fn(&'static Words) -> &'static str;

/// How far a view is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Look {
    /// Nothing has come yet.
    #[default]
    Loading,
    /// What is shown is as new as it gets.
    Live,
    /// What is shown is what was known last, since Kafka does not answer; in the bridge's words.
    Stale(ErrorBody),
    /// The connection is gone.
    Lost,
    /// There is nothing to show, and why.
    Failed(Unanswered),
}

impl Look {
    /// Of what stands in the way, if the bridge said so.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Stale(error) | Self::Failed(Unanswered::Refused(error)) => Some(error.code),
            _ => None,
        }
    }
}

/// What a view's heart is told.
pub trait Tell {
    /// Notes how far the view is; hands on what was pushed. `begin` is called when what follows is complete.
    fn tell(self, news: News, begin: impl FnOnce()) -> Option<ServerMessage>;
}

impl Tell for RwSignal<Look> {
    fn tell(self, news: News, begin: impl FnOnce()) -> Option<ServerMessage> {
        let look = match news {
            News::Begins => {
                begin();
                return None;
            }
            News::Pushed(ServerMessage::WatchTrouble(trouble)) => Look::Stale(trouble.error),
            News::Pushed(message) => {
                if self.with_untracked(|look| *look != Look::Live) {
                    self.set(Look::Live);
                }
                return Some(message);
            }
            News::Refused(error) => Look::Failed(Unanswered::Refused(error)),
            News::Lost => Look::Lost,
        };
        self.set(look);
        None
    }
}

/// The heading of a view; the focus comes here when the view is opened.
#[component]
pub fn ViewTitle(
    #[prop(into)] title: Signal<String>,
    /// The list that it belongs to: where it leads, and its name.
    #[prop(optional)]
    above: Option<(String, Word)>,
) -> impl IntoView {
    let prefs = preferences();
    let above = above.map(|(href, word)| {
        view! { <a href=href data-view="">{prefs.text(word)}</a> <span class="muted" aria-hidden="true">" / "</span> }
    });
    view! {
        <h2 id="view-title" tabindex="-1">
            {above}
            {move || title.get()}
        </h2>
    }
}

/// What is looked for in a list; the address says it too. The key `/` leads here.
#[component]
pub fn FindField(
    testid: &'static str,
    label: fn(&'static Words) -> &'static str,
    value: Memo<String>,
) -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    let field = NodeRef::<leptos::html::Input>::new();
    let keys = window_event_listener(leptos::ev::keydown, move |event| {
        if event.key() == "/"
            && key_is_unused(&event)
            && let Some(field) = field.get_untracked()
        {
            event.prevent_default();
            let _ = field.focus();
        }
    });
    on_cleanup(move || keys.remove());
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

/// A title and a sentence in the place of contents.
#[component]
pub fn Instead(
    reason: &'static str,
    #[prop(into)] title: Signal<String>,
    #[prop(into)] next: Signal<String>,
) -> impl IntoView {
    view! {
        <div class="instead" data-testid="instead" data-reason=reason>
            <svg class="empty-arch" viewBox="0 0 120 56" aria-hidden="true">
                <path d="M4 14H116M14 54V14M106 54V14M16 54C16 34 36 18 60 18S104 34 104 54" />
            </svg>
            <p class="empty-title" role="status">{move || title.get()}</p>
            <p class="empty-next">{move || next.get()}</p>
        </div>
    }
}

/// Loading, lost before anything came, or failed: what a view says then. Nothing where there is something to show.
#[component]
pub fn NotYet(look: RwSignal<Look>, loading: fn(&'static Words) -> &'static str) -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let is_away =
        Memo::new(move |_| desk.link(|page| matches!(page.link(), Link::Waiting { .. } | Link::Closed { .. })));
    // The same again is not said again.
    let said = Memo::new(move |_| {
        let words = prefs.words();
        Some(match look.get() {
            Look::Loading if !is_away.get() => ("loading", loading(words).to_owned(), String::new()),
            Look::Loading | Look::Lost => {
                ("offline", words.empty_offline.to_owned(), words.view_offline_next.to_owned())
            }
            // Nothing is wrong: it has none of this.
            Look::Failed(Unanswered::Refused(error)) if error.code == ErrorCode::NotOnThisCluster.number() => {
                ("demo", words.demo_has_none.to_owned(), words.demo_has_none_next.to_owned())
            }
            Look::Failed(reason) => ("problem", words.view_failed.to_owned(), unanswered_text(&reason, words)),
            Look::Stale(error) => ("problem", words.view_failed.to_owned(), error_text(&error, words)),
            Look::Live => return None,
        })
    });
    move || {
        said.get().map(|(reason, title, next)| {
            view! { <Instead reason=reason title=Signal::derive(move || title.clone()) next=Signal::derive(move || next.clone()) /> }
        })
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
            Look::Stale(error) => error_text(error, prefs.words()),
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
