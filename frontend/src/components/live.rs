//! The live half: what to watch, the controls of the list, the list itself and the opened record.

use leptos::prelude::*;

use super::detail::Detail;
use super::feed_list::FeedList;
use super::feed_toolbar::FeedToolbar;
use super::filter_bar::FilterBox;
use super::list_notices::ListNotices;
use super::watch_form::WatchForm;
use super::{desk, navigation};
use crate::desk::Desk;
use crate::watch_fields::WatchFields;
use page_model::{Entry, ViewLink};

/// The opened record.
pub type Selected = RwSignal<Option<Entry>, LocalStorage>;

/// Opens the record so many rows below (or above) the opened one; without one, the last.
pub fn step(desk: Desk, selected: Selected, steps: i64) {
    let from = selected.get_untracked();
    if let Some((_, entry)) = desk.peek(|page| page.feed().step_from(from.as_ref(), steps)) {
        open(selected, entry);
    }
}

/// The one that is open already stays as it is: folded, and in the form that was chosen.
pub fn open(selected: Selected, entry: Entry) {
    if !selected.with_untracked(|now| now.as_ref().is_some_and(|now| now.is(&entry))) {
        selected.set(Some(entry));
    }
}

#[component]
pub fn Live(fields: WatchFields, link: ViewLink) -> impl IntoView {
    let (desk, navigation) = (desk(), navigation());
    let selected = RwSignal::new_local(None::<Entry>);
    if link.starts_by_itself() {
        desk.listen(fields.intent());
    }
    let filter = FilterBox::new(link.filter);
    // The address follows what is watched and what is filtered; before the first time it is left as it was opened.
    Effect::new(move |_| {
        let intent = desk.listening(|page| page.listening().intent().clone());
        let link = filter.fields.with(|fields| ViewLink::of(&intent, fields));
        if !intent.topics.is_empty() {
            navigation.set_live(link.pairs());
        }
    });
    view! {
        <section class="live" aria-labelledby="live-title">
            <WatchForm fields=fields />
            <FeedToolbar filter=filter />
            <ListNotices />
            <div class="table">
                <FeedList selected=selected filter=filter fields=fields />
                <Detail selected=selected />
            </div>
        </section>
    }
}
