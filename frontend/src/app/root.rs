//! The root component: the page's layout, and the contexts and global shortcuts of all components.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::app::account::load_account;
use crate::app::banner::Banner;
use crate::app::shortcuts::{Shortcuts, load_shortcuts};
use crate::app::toasts::Toasts;
use crate::app::top_bar::TopBar;
use crate::cluster::cluster_view::{cluster_view, load_cluster_view};
use crate::context::navigation::Navigation;
use crate::context::permissions;
use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::groups::groups_view::{groups_view, load_groups_view};
use crate::i18n::{self, LANGUAGES};
use crate::live::detail::load_opened_record;
use crate::live::json_paths::load_json_paths;
use crate::live::latency_strip::LatencyStripView;
use crate::live::list_settings::load_list_settings;
use crate::live::live_view::Live;
use crate::live::watch_fields::WatchFields;
use crate::messages::messages_view::load_messages_view;
use crate::platform::browser;
use crate::schemas::schemas_view::{load_schemas_view, schemas_view};
use crate::send::batch_form::load_batch_form;
use crate::send::composer::Composer;
use crate::send::run_card::load_run_card;
use crate::send::run_form::load_run_form;
use crate::send::send_fields::SendFields;
use crate::send::typed_field::load_typed_field;
use crate::topics::topic_view::{load_topic_view, topic_view};
use crate::topics::topics_view::{load_topics_view, topics_view};
use crate::ui::confirm_dialog::{ConfirmDialog, Confirmations};
use crate::ui::fresh::fresh;
use crate::ui::keys::key_is_unused;
use crate::ui::lazy::{Lazy, SplitLoaderError};
use page_model::{Link, NoticeKind, Phase, ReadState, View, ViewLink};

#[component]
pub fn App() -> impl IntoView {
    let preferences = Preferences::load();
    let store = Store::open(preferences);
    preferences.load_late_texts(move || store.notify(NoticeKind::TextsMissing));
    permissions::load(store);
    provide_context(preferences);
    provide_context(store);
    let navigation = Navigation::new();
    provide_context(navigation);
    let confirmations = Confirmations::new(store);
    provide_context(confirmations);
    // URL parameters of other views do not apply to the live view.
    let link = if navigation.is_live() { ViewLink::from_pairs(browser::address_pairs()) } else { ViewLink::default() };
    let fields = WatchFields::new(store, preferences, &link);
    let send_fields = SendFields::new(store, Signal::derive(move || fields.first_topic()));
    provide_context(send_fields);
    // A link to a topic is opened to read: the send form stays closed.
    let browse = move |link: &ViewLink| {
        if link.topic.is_some() {
            send_fields.browse(untrack(|| fields.first_topic()));
        }
    };
    browse(&link);
    let show_shortcuts = RwSignal::new(false);
    window_event_listener(leptos::ev::keydown, move |event| {
        if key_is_unused(&event) && event.key() == "?" {
            show_shortcuts.set(true);
        }
    });
    navigation.follow_links(move |address| {
        let link = ViewLink::from_pairs(address.details.clone());
        if link.starts_automatically() {
            fields.follow(&link);
            browse(&link);
            let intent = fields.intent();
            store.act(|state, _| state.listen_instead(intent));
        } else if store.untracked(|state| state.listening().phase() == Phase::Idle) {
            // A link does not join a group; it fills the form.
            fields.follow(&link);
            browse(&link);
        }
    });
    Effect::new(move |_| store.show_live(navigation.is_live()));
    Effect::new(move |_| {
        if let Some(name) = store.read(|state| state.cluster_in_links().map(str::to_owned)) {
            navigation.set_cluster(Some(name));
        }
    });
    show_view_in_title(store, preferences, navigation);
    preload_parts(store);
    let is_other_view = move || !navigation.is_live();
    view! {
        <TopBar show_shortcuts=show_shortcuts />
        <Banner />
        // Hidden, not unmounted, while another view is open, so that its list is kept.
        <div id="live" hidden=is_other_view>
            <LatencyStripView />
            <main>
                <Composer fields=send_fields />
                <Live fields=fields link=link />
            </main>
        </div>
        {fresh(move || match (navigation.view(), navigation.cluster()) {
            (View::Live, _) => ().into_any(),
            (view, _) => {
                // Another cluster has other topics and groups, so its views begin anew.
                view! {
                    <main class="view">
                        <OtherView view=view />
                    </main>
                }
                    .into_any()
            }
        })}
        <Toasts />
        <Shortcuts open=show_shortcuts />
        <ConfirmDialog confirmations=confirmations />
    }
}

#[component]
fn OtherView(view: View) -> impl IntoView {
    match view {
        View::Live => ().into_any(),
        View::Topics => view! { <Lazy preload=load_topics_view view=topics_view /> }.into_any(),
        View::Topic(name) => {
            view! { <Lazy preload=load_topic_view view=move || topic_view(name.clone()) /> }.into_any()
        }
        View::Groups => view! { <Lazy preload=load_groups_view view=|| groups_view(None) /> }.into_any(),
        View::Group(name) => {
            view! { <Lazy preload=load_groups_view view=move || groups_view(Some(name.clone())) /> }.into_any()
        }
        View::Schemas => view! { <Lazy preload=load_schemas_view view=|| schemas_view(None) /> }.into_any(),
        View::Subject(name) => {
            view! { <Lazy preload=load_schemas_view view=move || schemas_view(Some(name.clone())) /> }.into_any()
        }
        View::Cluster => view! { <Lazy preload=load_cluster_view view=cluster_view /> }.into_any(),
    }
}

/// Loads the other parts of the page when the browser is idle, so that they open at once, even if the bridge has been stopped by
/// then. `data-parts` of the document says when all are there.
fn preload_parts(store: Store) {
    Effect::new(move |has_begun: Option<bool>| {
        let begins = store.read(|state| *state.link() == Link::Open);
        if begins && has_begun != Some(true) {
            request_idle_callback(|| spawn_local(load_parts()));
        }
        begins || has_begun == Some(true)
    });
}

async fn load_parts() {
    let parts: [Result<(), SplitLoaderError>; 14] = [
        load_typed_field().await,
        load_run_card().await,
        load_shortcuts().await,
        load_opened_record().await,
        load_json_paths().await,
        load_list_settings().await,
        load_run_form().await,
        load_topics_view().await,
        load_messages_view().await,
        load_groups_view().await,
        load_schemas_view().await,
        load_cluster_view().await,
        load_batch_form().await,
        load_account().await,
    ];
    let mut has_all = parts.iter().all(Result::is_ok);
    for language in &LANGUAGES {
        has_all &= i18n::load(language.code).await.is_some();
    }
    // A part that is missing is loaded again when it is opened, and says so if that fails.
    if has_all {
        browser::mark_parts_loaded();
    }
}

/// The tab's title: the view's name, and the number of records received while the tab was hidden: `(12) Ponte`,
/// `orders · Ponte`.
fn show_view_in_title(store: Store, preferences: Preferences, navigation: Navigation) {
    Effect::new(move |received_when_seen: Option<u64>| {
        let received = store.read(|state| state.received());
        let words = preferences.words();
        let view = match navigation.view() {
            View::Live => String::new(),
            View::Topics => format!("{} · ", words.nav_topics),
            View::Groups => format!("{} · ", words.nav_groups),
            View::Schemas => format!("{} · ", words.nav_schemas),
            View::Cluster => format!("{} · ", words.nav_cluster),
            View::Topic(name) | View::Group(name) | View::Subject(name) => format!("{name} · "),
        };
        let title = format!("{view}{}", words.page_title);
        // A list cleared while hidden restarts the count.
        let seen = received_when_seen.filter(|&seen| seen <= received && browser::tab_is_hidden()).unwrap_or(received);
        if seen == received {
            browser::set_title(&title);
        } else {
            browser::set_title(&format!("({}) {title}", received - seen));
        }
        seen
    });
}
