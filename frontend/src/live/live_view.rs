//! The live view: the watch form, the toolbar, the list and the opened record.

use leptos::prelude::*;

use crate::context::store::Store;
use crate::context::{navigation, store};
use crate::live::detail::Detail;
use crate::live::feed_list::FeedList;
use crate::live::feed_toolbar::FeedToolbar;
use crate::live::filter_bar::FilterBox;
use crate::live::list_notices::ListNotices;
use crate::live::watch_fields::WatchFields;
use crate::live::watch_form::WatchForm;
use page_model::{Entry, ReadState, ViewLink};

/// The opened record.
pub type Selected = RwSignal<Option<Entry>, LocalStorage>;

/// Opens the record `steps` rows below (negative: above) the opened one; if none is open, the last record.
pub fn step(store: Store, selected: Selected, steps: i64) {
    let from = selected.get_untracked();
    if let Some((_, entry)) = store.untracked(|state| state.feed().step_from(from.as_ref(), steps)) {
        open(selected, entry);
    }
}

/// Opens a record. A record that is open already keeps its folded lines and its format.
pub fn open(selected: Selected, entry: Entry) {
    if !selected.with_untracked(|now| now.as_ref().is_some_and(|now| now.is(&entry))) {
        selected.set(Some(entry));
    }
}

#[component]
pub fn Live(fields: WatchFields, link: ViewLink) -> impl IntoView {
    let (store, navigation) = (store(), navigation());
    let selected = RwSignal::new_local(None::<Entry>);
    if link.starts_automatically() {
        let intent = fields.intent();
        store.act(|state, _| state.listen(intent));
    }
    // A record of one cluster must not be sent again to another.
    Effect::new(move |before: Option<Option<String>>| {
        let chosen = store.read(|state| state.cluster_choice().map(str::to_owned));
        if before.is_some_and(|before| before != chosen) {
            selected.set(None);
        }
        chosen
    });
    // An opened record that was read again is shown as it is now.
    let rereads = Memo::new(move |_| store.read(|state| state.reread_revision()));
    Effect::new(move |_| {
        rereads.get();
        let opened = selected.get_untracked();
        let replaced = opened.filter(Entry::waits_for_schema);
        let now = replaced.and_then(|entry| store.untracked(|state| state.feed().replacement_of(&entry)));
        if now.is_some() {
            selected.set(now);
        }
    });
    let filter = FilterBox::new(link.filter);
    // The URL follows the intent and the filter. It is unchanged until the user first listens.
    Effect::new(move |_| {
        let intent = store.read(|state| state.listening().intent().clone());
        let link = filter.fields.with(|fields| ViewLink::of(&intent, fields));
        if !intent.topics.is_empty() {
            navigation.set_live(link.pairs());
        }
    });
    view! {
        <section class="live" aria-labelledby="live-title">
            <WatchForm fields=fields />
            <FeedToolbar filter=filter fields=fields />
            <ListNotices />
            <div class="table">
                <FeedList selected=selected filter=filter fields=fields />
                <Detail selected=selected />
            </div>
        </section>
    }
}
