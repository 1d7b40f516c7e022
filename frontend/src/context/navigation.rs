//! Which view is open, in the address bar and in the browser's history. Links to views are ordinary links. A plain click
//! changes the view within the page; the browser handles all other clicks, such as a middle click.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::platform::browser;
use page_model::{Address, CLUSTER_PARAMETER, Sort, View, ViewLink};

/// Links with this attribute lead to a view of this page. With the value [`STARTS`], the live view starts listening as the
/// link describes; otherwise the live view is shown in its current state.
const VIEW_LINK: &str = "data-view";
pub const STARTS: &str = "starts";

/// More history entries than a user goes back.
const KEPT_SCROLL_POSITIONS: usize = 50;

thread_local! {
    /// The name of the cluster in all addresses of this page. Not a field of [`Navigation`], because links are also made by
    /// functions without access to the context.
    static CLUSTER: ArcRwSignal<Option<String>> = ArcRwSignal::new(browser::address_parameter(CLUSTER_PARAMETER));
}

#[derive(Clone, Copy)]
pub struct Navigation {
    address: RwSignal<Address>,
    view: Memo<View>,
    /// The current address of the live view, also while another view is open.
    live: RwSignal<Address>,
    /// The user has changed the view in this page.
    has_moved: RwSignal<bool>,
    /// The scroll positions of the lists by address, the latest last.
    scroll_positions: StoredValue<Vec<(Address, i32)>>,
    /// The open view was reached by Back or Forward.
    came_back: StoredValue<bool>,
}

impl Navigation {
    /// Opens the view that the URL describes.
    pub fn new() -> Self {
        let address = Address::from_pairs(browser::address_pairs());
        let live = if address.view == View::Live { address.clone() } else { Address::default() };
        let address = RwSignal::new(address);
        let view = Memo::new(move |_| address.with(|address| address.view.clone()));
        let (scroll_positions, came_back) = (StoredValue::new(Vec::new()), StoredValue::new(false));
        Self { address, view, live: RwSignal::new(live), has_moved: RwSignal::new(false), scroll_positions, came_back }
    }

    /// Installs the listeners for links and the history. `started` is called for links that start listening.
    pub fn follow_links(self, started: impl Fn(&Address) + 'static) {
        window_event_listener(leptos::ev::click, move |event| {
            let is_plain = event.button() == 0
                && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key())
                && !event.default_prevented();
            let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
            let link = target.and_then(|target| target.closest(&format!("a[{VIEW_LINK}]")).ok().flatten());
            let Some(link) = link.filter(|_| is_plain) else { return };
            event.prevent_default();
            let address = Address::from_pairs(browser::pairs_of(&link.get_attribute("href").unwrap_or_default()));
            if link.get_attribute(VIEW_LINK).as_deref() == Some(STARTS) {
                started(&address);
            }
            self.open(address);
        });
        window_event_listener(leptos::ev::popstate, move |_| {
            self.has_moved.set(true);
            self.came_back.set_value(true);
            let mut address = Address::from_pairs(browser::address_pairs());
            let is_live = address.view == View::Live;
            if is_live {
                // The live view keeps its current state instead of the one in the history.
                address = self.live.get_untracked();
            }
            // The entry may be older than the last switch of the cluster: only the user switches, never Back.
            if is_live
                || browser::address_parameter(CLUSTER_PARAMETER) != CLUSTER.with(|cluster| cluster.get_untracked())
            {
                browser::show_address(&href(&address));
            }
            self.address.set(address);
        });
    }

    /// Subscribes to changes of the address bar.
    pub fn track(self) {
        CLUSTER.with(|cluster| cluster.track());
        self.address.track();
        self.live.track();
    }

    /// The name of the cluster in the page's addresses.
    pub fn cluster(self) -> Option<String> {
        CLUSTER.with(|cluster| cluster.get())
    }

    /// Sets the cluster in the page's addresses, and in the address bar.
    pub fn set_cluster(self, name: Option<String>) {
        let is_same = CLUSTER.with(|cluster| cluster.with_untracked(|now| *now == name));
        if !is_same {
            CLUSTER.with(|cluster| cluster.set(name));
            self.address.with_untracked(|address| browser::show_address(&href(address)));
        }
    }

    pub fn view(self) -> View {
        self.view.get()
    }

    pub fn is_live(self) -> bool {
        self.view.with(|view| *view == View::Live)
    }

    /// Whether the view was changed in this page, so that the focus must move with it.
    pub fn has_moved(self) -> bool {
        self.has_moved.get_untracked()
    }

    /// Shows another view; Back leads to the one before. The live view keeps its own address.
    pub fn open(self, address: Address) {
        let address = if address.view == View::Live { self.live.get_untracked() } else { address };
        if self.address.with_untracked(|now| *now == address) {
            return;
        }
        browser::push_address(&href(&address));
        self.has_moved.set(true);
        self.came_back.set_value(false);
        self.address.set(address);
    }

    /// Stores the scroll position of the current address.
    pub fn keep_scroll_position(self, top_px: i32) {
        let address = self.address.get_untracked();
        self.scroll_positions.update_value(|scroll_positions| {
            scroll_positions.retain(|(of, _)| *of != address);
            if scroll_positions.len() == KEPT_SCROLL_POSITIONS {
                scroll_positions.remove(0);
            }
            scroll_positions.push((address, top_px));
        });
    }

    /// The stored scroll position, if Back or Forward led here. A link starts at the top.
    pub fn scroll_position(self) -> Option<i32> {
        let address = self.address.get_untracked();
        let of = |scroll_positions: &Vec<(Address, i32)>| {
            scroll_positions.iter().find(|(of, _)| *of == address).map(|(_, top_px)| *top_px)
        };
        self.came_back.get_value().then(|| self.scroll_positions.with_value(of)).flatten()
    }

    /// A URL parameter of the open view, as `find` in `?view=topics&find=orders`.
    pub fn detail(self, name: &str) -> Option<String> {
        self.address.with(|address| address.detail(name).map(str::to_owned))
    }

    pub fn detail_untracked(self, name: &str) -> Option<String> {
        self.address.with_untracked(|address| address.detail(name).map(str::to_owned))
    }

    /// Sets a URL parameter without a history entry, since typing would make one for each letter.
    pub fn set_detail(self, name: &str, value: String) {
        if self.address.with_untracked(|address| address.detail(name).unwrap_or_default() == value) {
            return;
        }
        self.address.update(|address| address.set(name, value));
        self.address.with_untracked(|address| browser::show_address(&href(address)));
    }

    /// The order of a table, kept in the URL parameter `sort`. The default order has no parameter.
    pub fn sort_in_url(self, columns: &'static [&'static str], default: Sort) -> RwSignal<Sort> {
        let sort = self.detail_untracked("sort").and_then(|sort| Sort::from_link(&sort, columns));
        let sort = RwSignal::new(sort.unwrap_or(default));
        Effect::new(move |_| {
            let sort = sort.get();
            self.set_detail("sort", if sort == default { String::new() } else { sort.to_link() });
        });
        sort
    }

    /// The address of the current view with another value of one URL parameter.
    pub fn href_with(self, name: &str, value: &str) -> String {
        self.address.with_untracked(|address| href(&address.clone().with(name, value)))
    }

    /// Sets the address of the live view, and shows it in the address bar while the live view is open.
    pub fn set_live(self, pairs: Vec<(&'static str, String)>) {
        let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
        let address = Address::from_pairs(pairs);
        if self.is_live_untracked() {
            browser::show_address(&href(&address));
            // After Back or Forward, `address` may still be an older one.
            self.address.update_untracked(|now| now.clone_from(&address));
        }
        self.live.set(address);
    }

    fn is_live_untracked(self) -> bool {
        self.view.with_untracked(|view| *view == View::Live)
    }

    /// The target of links to the live view.
    pub fn live_href(self) -> String {
        let _ = self.cluster();
        self.live.with(href)
    }
}

/// The address of a view, for a link. It names the cluster if the bridge has several, so every link of the page is made here.
pub fn href(address: &Address) -> String {
    let cluster = CLUSTER.with(|cluster| cluster.get_untracked());
    let cluster = cluster.map(|name| (CLUSTER_PARAMETER.to_owned(), name));
    let (page, query) = (browser::page_url(), browser::query_of(cluster.into_iter().chain(address.pairs())));
    if query.is_empty() { page } else { format!("{page}?{query}") }
}

/// The address of the live view, as the link describes it.
pub fn link_href(link: &ViewLink) -> String {
    let pairs = link.pairs().into_iter().map(|(name, value)| (name.to_owned(), value));
    href(&Address { view: View::Live, details: pairs.collect() })
}

pub fn topic_href(name: &str) -> String {
    href(&Address::of(View::Topic(name.to_owned())))
}

/// A subject of the schema registry, or one of its versions.
pub fn subject_href(name: &str, version: Option<u32>) -> String {
    let version = version.map(|version| version.to_string()).unwrap_or_default();
    href(&Address::of(View::Subject(name.to_owned())).with("version", version))
}

pub fn group_href(name: &str) -> String {
    href(&Address::of(View::Group(name.to_owned())))
}
