//! The Messages tab of a topic. It shows the newest records at once; older ones page by page, or those that a search finds.

use leptos::context::Provider;
use leptos::prelude::*;
use protocol::Action;

use crate::context::preferences;
use crate::context::request_error::forbidden_text;
use crate::live::detail::{Detail, RecordHost};
use crate::messages::browse::Browse;
use crate::messages::found_list::FoundList;
use crate::messages::found_status::FoundStatus;
use crate::messages::search_bar::SearchBar;
use crate::messages::timeline::Timeline;
use crate::ui::keys::key_is_unused;
use crate::ui::lazy::lazy_part;
use crate::ui::view_frame::EmptyState;

lazy_part! {
    /// The messages of a topic.
    messages, load_messages_view, pub fn messages_view(topic: String) -> LoadedView {
        Ok(view! { <MessagesView topic=topic /> }.into_any())
    }
}

#[component]
fn MessagesView(topic: String) -> impl IntoView {
    let prefs = preferences();
    let browse = Browse::new(topic);
    let host = RecordHost {
        decode: browse.decode,
        marks: browse.marks,
        step: Callback::new(move |steps| browse.step(steps)),
        use_field: Callback::new(move |(usage, path, json)| browse.use_field(usage, &path, json)),
        time: Callback::new(move |ms| browse.zone.long(ms, prefs.language())),
    };
    // As in the live view, wherever the focus is.
    let keys = window_event_listener(leptos::ev::keydown, move |event| {
        if event.key() == "Escape" && key_is_unused(&event) && browse.selected.with_untracked(Option::is_some) {
            event.prevent_default();
            browse.selected.set(None);
        }
    });
    on_cleanup(move || keys.remove());
    let may_read = Memo::new(move |_| browse.may_read());
    let state = move || browse.read(|found| found.state().name());
    view! {
        <Show
            when=move || may_read.get()
            fallback=move || {
                view! {
                    <EmptyState
                        reason="forbidden"
                        title=Signal::derive(move || forbidden_text(Action::Read, prefs.words()).to_owned())
                        next=Signal::derive(move || prefs.words().no_rights_next.to_owned())
                    />
                }
            }
        >
            <section
                class="messages"
                aria-label=prefs.text(|w| w.messages_word)
                data-testid="search"
                data-state=state
                data-scanned=move || browse.counts().scanned.to_string()
                data-total=move || browse.counts().total.to_string()
                data-matches=move || browse.counts().found.to_string()
            >
                <SearchBar browse=browse />
                <Timeline browse=browse />
                <div class="table found">
                    <div class="found-side">
                        <FoundList browse=browse />
                        <FoundStatus browse=browse />
                    </div>
                    // The view that `fresh` creates does not have the context of the component that creates it.
                    <Provider value=host>
                        <Detail selected=browse.selected />
                    </Provider>
                </div>
            </section>
        </Show>
    }
}
