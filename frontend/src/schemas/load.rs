//! Requests for what a view of the registry shows, and the message while there is nothing to show. A request is sent again after a
//! reconnect, and when the registry answers again.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{ErrorCode, RegistryState, Request};

use crate::context::error_text::error_text;
use crate::context::request_error::request_error_text;
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::ui::view_frame::{EmptyState, ViewStatus};
use page_model::{ForbiddenError, Link, ReadState, RequestError};

/// The state of a request, without its reply.
#[derive(Clone, Copy)]
pub struct LoadState {
    pub status: RwSignal<ViewStatus>,
    /// Notifies only when it changes: views that are created again by `fresh` would otherwise lose what the user has typed.
    pub has_value: RwSignal<bool>,
    again: Trigger,
    /// Number of requests so far. A reply to an earlier request is dropped.
    number: StoredValue<u64>,
}

impl LoadState {
    /// Sends the request again; the last reply stays until the next one.
    pub fn again(self) {
        self.again.notify();
    }

    fn set_has_value(self, has_value: bool) {
        if self.has_value.get_untracked() != has_value {
            self.has_value.set(has_value);
        }
    }

    pub fn is_missing(self) -> bool {
        self.status.with(|status| status.code() == Some(ErrorCode::SubjectMissing.number()))
    }
}

/// The reply to a request.
pub struct Loaded<T: 'static> {
    value: RwSignal<Option<Rc<T>>, LocalStorage>,
    pub state: LoadState,
}

impl<T> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Loaded<T> {}

impl<T: 'static> Loaded<T> {
    /// Sends the request that `make` returns, and again when a signal changes that `make` reads.
    pub fn open<R: Request<Reply = T>>(make: impl Fn() -> R + 'static) -> Self {
        let store = store();
        let state = LoadState {
            status: RwSignal::new(ViewStatus::Loading),
            has_value: RwSignal::new(false),
            again: Trigger::new(),
            number: StoredValue::new(0),
        };
        let loaded = Self { value: RwSignal::new_local(None), state };
        let is_open = Memo::new(move |_| store.read(|state| state.link().is_open()));
        let is_down = Memo::new(move |_| {
            store.read(|state| state.registry().is_some_and(|registry| registry.state == RegistryState::Down))
        });
        Effect::new(move |_| {
            state.again.track();
            is_down.get();
            let request = make();
            if !is_open.get() {
                return;
            }
            let number = state.number.try_update_value(|number| {
                *number += 1;
                *number
            });
            store.request(request, move |reply| {
                // The view may be unmounted, or a later request may be on its way.
                if state.number.try_get_value() == number {
                    loaded.replied(reply);
                }
            });
        });
        loaded
    }

    fn replied(self, reply: Result<T, RequestError>) {
        match reply {
            Ok(value) => {
                self.value.set(Some(Rc::new(value)));
                self.state.set_has_value(true);
                self.state.status.set(ViewStatus::Live);
            }
            Err(error) => {
                self.state.status.set(ViewStatus::Failed(error));
                if self.state.is_missing() {
                    self.value.set(None);
                    self.state.set_has_value(false);
                }
            }
        }
    }

    pub fn get(self) -> Option<Rc<T>> {
        self.value.try_get().flatten()
    }

    pub fn get_untracked(self) -> Option<Rc<T>> {
        self.value.try_get_untracked().flatten()
    }
}

/// Why there is nothing to show, or why what is shown may be out of date. Empty if there is neither.
#[component]
pub fn LoadProblem(state: LoadState, loading: fn(&'static Words) -> &'static str) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let is_offline =
        Memo::new(move |_| store.read(|state| matches!(state.link(), Link::Waiting { .. } | Link::Closed { .. })));
    // A memo, so that an unchanged message is not announced again.
    let message = Memo::new(move |_| {
        let words = prefs.words();
        let offline = || ("offline", words.empty_offline.to_owned(), words.view_offline_next.to_owned());
        Some(match state.status.get() {
            ViewStatus::Live => return None,
            ViewStatus::Failed(RequestError::Refused(error)) => {
                let message = error_text(&error, words);
                if error.code == ErrorCode::NoRegistry.number() {
                    ("nothing", words.no_registry.to_owned(), words.no_registry_next.to_owned())
                } else if error.code == ErrorCode::RegistryUnreachable.number() {
                    ("problem", words.registry_down.to_owned(), message)
                } else if error.code == ErrorCode::SubjectMissing.number() {
                    ("missing", words.subject_missing.to_owned(), message)
                } else if ForbiddenError::of(&error).is_some() {
                    ("forbidden", words.schemas_forbidden.to_owned(), message)
                } else {
                    ("problem", words.registry_failed.to_owned(), message)
                }
            }
            ViewStatus::Failed(error) if !is_offline.get() => {
                ("problem", words.registry_failed.to_owned(), request_error_text(&error, words))
            }
            ViewStatus::Loading if !is_offline.get() => ("loading", loading(words).to_owned(), String::new()),
            _ => offline(),
        })
    });
    let is_known = state.has_value;
    move || {
        let (reason, title, next) = message.get()?;
        let can_retry = matches!(reason, "problem" | "forbidden");
        let retry = can_retry.then(|| {
            view! {
                <button
                    type="button"
                    class="button"
                    class:small=is_known
                    data-testid="registry-retry"
                    on:click=move |_| state.again()
                >
                    {prefs.text(|w| w.try_again)}
                </button>
            }
        });
        Some(match is_known.get() {
            // What was loaded before stays; while it is loaded again, nothing is said.
            true if reason == "loading" => ().into_any(),
            true => view! {
                <p class="stale-note" role="status" data-testid="registry-stale">
                    <span>{format!("{title}. {next}")}</span>
                    {retry}
                </p>
            }
            .into_any(),
            false => view! {
                <EmptyState
                    reason=reason
                    title=Signal::derive(move || title.clone())
                    next=Signal::derive(move || next.clone())
                >
                    {retry}
                </EmptyState>
            }
            .into_any(),
        })
    }
}
