//! The live half: what to watch, the controls of the list, the list itself and the opened record.

use leptos::prelude::*;

use super::detail::Detail;
use super::feed_list::FeedList;
use super::feed_toolbar::FeedToolbar;
use super::filter_bar::FilterBox;
use super::watch_form::WatchForm;
use crate::state::{Entry, FilterFields};
use crate::watch_fields::WatchFields;

/// The opened record.
pub type Selected = RwSignal<Option<Entry>, LocalStorage>;

#[component]
pub fn Live(fields: WatchFields) -> impl IntoView {
    let selected = RwSignal::new_local(None::<Entry>);
    let filter = FilterBox::new(FilterFields::default());
    view! {
        <section class="live" aria-labelledby="live-title">
            <WatchForm fields=fields />
            <FeedToolbar filter=filter />
            <div class="table">
                <FeedList selected=selected filter=filter fields=fields />
                <Detail selected=selected />
            </div>
        </section>
    }
}
