//! The page's layout, what every component shares, and the keys that work everywhere.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::browser;
use crate::components::{
    self, Banner, ClusterView, Composer, ConfirmDialog, Confirmations, CrossingStrip, GroupsView, Live, Shortcuts,
    Toasts, TopBar, TopicView, TopicsView,
};
use crate::desk::Desk;
use crate::navigation::Navigation;
use crate::send_fields::SendFields;
use crate::settings::Preferences;
use crate::watch_fields::WatchFields;
use crate::words::fill;
use page_model::{Phase, View, ViewLink};

#[component]
pub fn App() -> impl IntoView {
    let preferences = Preferences::load();
    let desk = Desk::open(preferences);
    components::permissions::load(desk);
    provide_context(preferences);
    provide_context(desk);
    let navigation = Navigation::new();
    provide_context(navigation);
    let confirmations = Confirmations::new(desk);
    provide_context(confirmations);
    // What other views have in their addresses is not for the live one.
    let link = if navigation.is_live() { ViewLink::from_pairs(browser::address_pairs()) } else { ViewLink::default() };
    let fields = WatchFields::new(desk, preferences, &link);
    let send_fields = SendFields::new(desk, fields);
    provide_context(send_fields);
    // Who opens a topic has come to read.
    let look_at = move |link: &ViewLink| {
        if link.topic.is_some() {
            send_fields.look_at(untrack(|| fields.first_topic()));
        }
    };
    look_at(&link);
    let show_shortcuts = RwSignal::new(false);
    window_event_listener(leptos::ev::keydown, move |event| {
        if key_is_unused(&event) && event.key() == "?" {
            show_shortcuts.set(true);
        }
    });
    navigation.follow_links(move |address| {
        let link = ViewLink::from_pairs(address.details.clone());
        if link.starts_by_itself() {
            fields.follow(&link);
            look_at(&link);
            desk.listen_instead(fields.intent());
        } else if desk.peek(|page| page.listening().phase() == Phase::Idle) {
            // A group is joined by the user: the form says what would be.
            fields.follow(&link);
            look_at(&link);
        }
    });
    // The focus goes with the view; those who hear the page hear its title.
    Effect::new(move |before: Option<View>| {
        let view = navigation.view();
        desk.show_live(view == View::Live);
        if before.is_some_and(|before| before != view) && navigation.has_moved() {
            request_animation_frame(|| browser::focus("view-title"));
        }
        view
    });
    show_view_in_title(desk, preferences, navigation);
    let is_elsewhere = move || !navigation.is_live();
    view! {
        <TopBar show_shortcuts=show_shortcuts />
        <Banner />
        // Hidden, not taken away, while another view is open: it goes on receiving.
        <div id="live" hidden=is_elsewhere>
            <CrossingStrip />
            <main>
                <Composer fields=send_fields />
                <Live fields=fields link=link />
            </main>
        </div>
        {move || match navigation.view() {
            View::Live => None,
            view => Some(view! { <main class="view"><OtherView view=view /></main> }),
        }}
        <Toasts />
        <Shortcuts open=show_shortcuts />
        <ConfirmDialog confirmations=confirmations />
    }
}

#[component]
fn OtherView(view: View) -> impl IntoView {
    match view {
        View::Live => ().into_any(),
        View::Topics => view! { <TopicsView /> }.into_any(),
        View::Topic(name) => view! { <TopicView name=name /> }.into_any(),
        View::Groups => view! { <GroupsView name=None /> }.into_any(),
        View::Group(name) => view! { <GroupsView name=Some(name) /> }.into_any(),
        View::Cluster => view! { <ClusterView /> }.into_any(),
    }
}

/// A key for the live view, which is seen.
pub(crate) fn key_is_free(event: &KeyboardEvent) -> bool {
    let live = document().get_element_by_id("live");
    live.is_some_and(|live| !live.has_attribute("hidden")) && key_is_unused(event)
}

/// Nobody else wants this key: no field has the focus, no dialog is open, and it is not part of a browser's shortcut.
pub(crate) fn key_is_unused(event: &KeyboardEvent) -> bool {
    let takes_keys = "input, textarea, select, dialog, [contenteditable]";
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let is_taken = target.is_some_and(|element| element.closest(takes_keys).is_ok_and(|found| found.is_some()));
    !(is_taken || event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented())
}

/// The view's name, and how many records came while the tab was hidden: `(12) Ponte`, `orders · Ponte`.
fn show_view_in_title(desk: Desk, preferences: Preferences, navigation: Navigation) {
    Effect::new(move |received_when_seen: Option<u64>| {
        let received = desk.unread(|page| page.feed().counts().received);
        let words = preferences.words();
        let view = match navigation.view() {
            View::Live => String::new(),
            View::Topics => format!("{} · ", words.nav_topics),
            View::Groups => format!("{} · ", words.nav_groups),
            View::Cluster => format!("{} · ", words.nav_cluster),
            View::Topic(name) | View::Group(name) => format!("{name} · "),
        };
        let title = format!("{view}{}", words.page_title);
        // Cleared while hidden: counting begins anew.
        let seen = received_when_seen.filter(|&seen| seen <= received && browser::tab_is_hidden()).unwrap_or(received);
        if seen == received {
            browser::set_title(&title);
        } else {
            browser::set_title(&fill("({n}) {title}", &[("n", &(received - seen).to_string()), ("title", &title)]));
        }
        seen
    });
}
