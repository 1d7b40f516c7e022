//! The list of topics: live, searched and sorted, with internal topics hidden by a switch; and the button for a new
//! topic.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{TopicSummary, WatchTopics};

use crate::context::navigation::topic_href;
use crate::context::request_error::create_blocked;
use crate::context::settings::Preferences;
use crate::context::{navigation, preferences, store};
use crate::i18n::{Plural, WithN, Words};
use crate::topics::create_topic::CreateTopicDialog;
use crate::topics::sample_data::LoadSamples;
use crate::ui::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use crate::ui::empty_list::EmptyList;
use crate::ui::format::{number, rate};
use crate::ui::lazy::lazy_part;
use crate::ui::redraw::RedrawWhenVisible;
use crate::ui::table_columns::{number_column, text_column};
use crate::ui::view_frame::{ApplyUpdate, FindField, Freshness, LoadingState, ViewStatus, ViewTitle};
use page_model::{ReadState, Sort, TopicList, TopicQuery, TopicTotals};

const COLUMNS: &[TableColumn] = &[
    text_column("name", |w| w.topic, "minmax(200px, 1fr)", "minmax(0, 1fr)"),
    number_column("partitions", |w| w.partitions_word, "88px", "72px"),
    TableColumn { hint: Some(|w| w.replication_hint), ..number_column("replication", |w| w.replication, "92px", "") },
    TableColumn { hint: Some(|w| w.records_hint), ..number_column("records", |w| w.records_at_most, "132px", "88px") },
    TableColumn { hint: Some(|w| w.rate_hint), ..number_column("rate", |w| w.rate, "104px", "") },
    text_column("state", |w| w.state, "176px", ""),
];

lazy_part! {
    /// The list of topics.
    topics, load_topics_view, pub fn topics_view() -> LoadedView {
        Ok(view! { <TopicsView /> }.into_any())
    }
}

#[component]
fn TopicsView() -> impl IntoView {
    let (store, prefs, navigation) = (store(), preferences(), navigation());
    let list = StoredValue::new_local(TopicList::default());
    let redraw = RedrawWhenVisible::new();
    let status = RwSignal::new(ViewStatus::Loading);
    store.open_view(WatchTopics {}, move |update| {
        let pushed = status.apply_update(update, || list.update_value(TopicList::begin));
        if let Some(changed) = pushed {
            list.update_value(|list| list.apply(changed));
            redraw.notify();
        }
    });

    let find = Memo::new(move |_| navigation.detail("find").unwrap_or_default());
    let shows_internal = Memo::new(move |_| navigation.detail("internal").is_some());
    let sort = navigation.sort_in_url(&TopicList::COLUMNS, Sort::by("name"));
    // (Number of updates, rows.) The list is sorted once for all its readers.
    let sorted = Memo::new(move |before: Option<&(u64, usize)>| {
        redraw.track();
        let query = TopicQuery { find: find.get(), internal: shows_internal.get(), sort: sort.get() };
        list.update_value(|list| list.sort_rows(&query));
        (before.map_or(0, |(times, _)| times + 1), list.with_value(TopicList::shown))
    });
    let rows = TableRows {
        count: Rc::new(move || sorted.get().1),
        row: Rc::new(move |row| {
            list.with_value(|list| list.get(row).map(|topic| topic_row(topic, prefs)).unwrap_or_default())
        }),
    };
    let total = move |of: fn(&TopicTotals) -> u64| {
        sorted.track();
        list.with_value(|list| of(&list.totals(shows_internal.get())))
    };
    let has_any = Memo::new(move |_| sorted.get().1 > 0);
    let is_known = Memo::new(move |_| {
        redraw.track();
        status.track();
        list.with_value(TopicList::is_known)
    });
    let creating = RwSignal::new(false);
    let blocked = create_blocked();
    let fact = move |shown: fn(&TopicTotals) -> u64, word: fn(&Words) -> Plural<WithN>| {
        move || {
            let n = total(shown);
            word(prefs.words()).count(n, &number(n, prefs.language()))
        }
    };
    view! {
        <div class="view-head">
            <ViewTitle title=Signal::derive(move || prefs.words().nav_topics.to_owned()) />
            <FindField testid="find-topic" label=|w| w.find_topic value=find />
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="show-internal"
                    prop:checked=move || shows_internal.get()
                    on:change=move |event| {
                        let is_on = event_target_checked(&event);
                        navigation.set_detail("internal", if is_on { "shown".to_owned() } else { String::new() });
                    }
                />
                {prefs.text(|w| w.show_internal)}
            </label>
            <Freshness status=status />
            <div class="spacer"></div>
            <LoadSamples />
            <button
                type="button"
                class="button primary"
                data-testid="create-topic"
                disabled=move || blocked().is_some()
                title=blocked
                on:click=move |_| creating.set(true)
            >
                {prefs.text(|w| w.create_topic)}
            </button>
        </div>
        <Show when=move || is_known.get()>
            <div class="facts-line" data-testid="topics-facts">
                <span>{fact(|t| t.topics, |w| w.topics_count)}</span>
                <span>{fact(|t| t.partitions, |w| w.partitions_count)}</span>
                <Show when=move || total(|t| t.hidden) != 0>
                    <span>{fact(|t| t.hidden, |w| w.internal_hidden_count)}</span>
                </Show>
                <Show when=move || total(|t| t.under_replicated) != 0>
                    <span class="warn">{fact(|t| t.under_replicated, |w| w.under_replicated_count)}</span>
                </Show>
                <Show when=move || total(|t| t.offline) != 0>
                    <span class="bad">{fact(|t| t.offline, |w| w.offline_count)}</span>
                </Show>
            </div>
        </Show>
        <Show when=move || !is_known.get()>
            <LoadingState status=status loading=|w| w.topics_loading />
        </Show>
        <Show when=move || is_known.get() && !has_any.get()>
            <EmptyList
                find=find
                is_limited=Memo::new(move |_| store.read(|state| !state.sees_every_topic()))
                none=|w| w.no_topics
                none_allowed=|w| w.no_topics_allowed
                next=|w| w.no_topics_next
            />
        </Show>
        <div class="table-place" hidden=move || !has_any.get()>
            <DataTable
                testid="topics"
                row_testid="topic-row"
                label=|w| w.nav_topics
                columns=COLUMNS
                sort=sort
                rows=rows
                keeps_scroll_position=true
            />
        </div>
        <CreateTopicDialog open=creating />
    }
}

fn topic_row(topic: &TopicSummary, prefs: Preferences) -> TableRow {
    let (language, words) = (prefs.language_untracked(), prefs.words_untracked());
    let records = topic.records.map_or_else(|| "–".to_owned(), |n| number(n, language));
    let rate = topic.rate.map_or_else(|| "–".to_owned(), |n| rate(n, language));
    let mut state = Vec::new();
    if topic.offline > 0 {
        let n = u64::from(topic.offline);
        state.push(words.offline_count.count(n, &number(n, language)));
    }
    if topic.under_replicated > 0 {
        let n = u64::from(topic.under_replicated);
        state.push(words.under_replicated_short.with_n(&number(n, language)));
    }
    let state_class = if topic.offline > 0 { "bad" } else { "warn" };
    let partitions = number(topic.partitions.into(), language);
    TableRow {
        cells: vec![
            TableCell::link(&topic.name, topic_href(&topic.name)).class("mono"),
            TableCell::text(partitions),
            TableCell::text(topic.replication.to_string()),
            TableCell::text(records),
            TableCell::text(rate),
            TableCell::text(state.join(", ")).class(state_class),
        ],
        data: vec![
            ("data-name", topic.name.clone()),
            ("data-partitions", topic.partitions.to_string()),
            ("data-records", topic.records.map(|n| n.to_string()).unwrap_or_default()),
        ],
        class: if topic.internal { "quiet" } else { "" },
    }
}
