//! The page's layout, what every component shares, and the keys that work everywhere.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::browser;
use crate::components::{Banner, Composer, CrossingStrip, Live, Shortcuts, Toasts, TopBar};
use crate::desk::Desk;
use crate::send_fields::SendFields;
use crate::settings::Preferences;
use crate::state::ViewLink;
use crate::watch_fields::WatchFields;
use crate::words::fill;

#[component]
pub fn App() -> impl IntoView {
    let preferences = Preferences::load();
    let desk = Desk::open(preferences);
    provide_context(preferences);
    provide_context(desk);
    let link = ViewLink::from_pairs(browser::address_pairs());
    let fields = WatchFields::new(desk, preferences, &link);
    let send_fields = SendFields::new(fields);
    provide_context(send_fields);
    let show_shortcuts = RwSignal::new(false);
    // What stood in its place while the page was loading.
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
    window_event_listener(leptos::ev::keydown, move |event| {
        if key_is_free(&event) && event.key() == "?" {
            show_shortcuts.set(true);
        }
    });
    show_unread_in_title(desk, preferences);
    view! {
        <TopBar show_shortcuts=show_shortcuts />
        <Banner />
        <CrossingStrip />
        <main id="live">
            <Composer fields=send_fields />
            <Live fields=fields link=link />
        </main>
        <Toasts />
        <Shortcuts open=show_shortcuts />
    }
}

/// Nobody else wants this key: no field has the focus, no dialog is open, and it is not part of a browser's shortcut.
pub(crate) fn key_is_free(event: &KeyboardEvent) -> bool {
    let takes_keys = "input, textarea, select, dialog, [contenteditable]";
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let is_taken = target.is_some_and(|element| element.closest(takes_keys).is_ok_and(|found| found.is_some()));
    !(is_taken || event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented())
}

/// How many records came while the tab was hidden: `(12) Ponte`.
fn show_unread_in_title(desk: Desk, preferences: Preferences) {
    Effect::new(move |received_when_seen: Option<u64>| {
        let received = desk.counts(|page| page.feed().counts().received);
        let title = preferences.words().page_title;
        // Cleared while hidden: counting begins anew.
        let seen = received_when_seen.filter(|&seen| seen <= received && browser::tab_is_hidden()).unwrap_or(received);
        if seen == received {
            browser::set_title(title);
        } else {
            browser::set_title(&fill("({n}) {title}", &[("n", &(received - seen).to_string()), ("title", title)]));
        }
        seen
    });
}
