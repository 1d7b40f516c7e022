//! The list of topics: live, searched, sorted, Kafka's own hidden by a switch; and the way to a new one.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{ServerMessage, TopicSummary, WatchTopics};

use super::create_topic::CreateTopicDialog;
use super::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use super::format::{number, rate};
use super::learned::Learned;
use super::unanswered::create_obstacle;
use super::view_frame::{FindField, Freshness, Instead, Look, NotYet, Tell, ViewTitle};
use super::{desk, navigation, preferences};
use crate::navigation::topic_href;
use crate::settings::Preferences;
use crate::words::{Words, count};
use page_model::{Sort, TopicList, TopicTotals, Wanted};

const COLUMNS: &[TableColumn] = &[
    TableColumn {
        name: "name",
        word: |w| w.topic,
        hint: None,
        is_number: false,
        can_sort: true,
        width: "minmax(200px, 1fr)",
        narrow_width: "minmax(0, 1fr)",
    },
    TableColumn {
        name: "partitions",
        word: |w| w.partitions_word,
        hint: None,
        is_number: true,
        can_sort: true,
        width: "88px",
        narrow_width: "72px",
    },
    TableColumn {
        name: "replication",
        word: |w| w.replication,
        hint: Some(|w| w.replication_hint),
        is_number: true,
        can_sort: true,
        width: "92px",
        narrow_width: "",
    },
    TableColumn {
        name: "records",
        word: |w| w.records,
        hint: Some(|w| w.records_hint),
        is_number: true,
        can_sort: true,
        width: "132px",
        narrow_width: "88px",
    },
    TableColumn {
        name: "rate",
        word: |w| w.rate,
        hint: Some(|w| w.rate_hint),
        is_number: true,
        can_sort: true,
        width: "104px",
        narrow_width: "",
    },
    TableColumn {
        name: "state",
        word: |w| w.state,
        hint: None,
        is_number: false,
        can_sort: true,
        width: "176px",
        narrow_width: "",
    },
];

#[component]
pub fn TopicsView() -> impl IntoView {
    let (desk, prefs, navigation) = (desk(), preferences(), navigation());
    let list = StoredValue::new_local(TopicList::default());
    let learned = Learned::new();
    let look = RwSignal::new(Look::Loading);
    desk.look(WatchTopics {}, move |news| {
        let told = look.tell(news, || list.update_value(TopicList::begin));
        if let Some(ServerMessage::TopicsChanged(news)) = told {
            list.update_value(|list| list.learn(news));
            learned.notify();
        }
    });

    let find = Memo::new(move |_| navigation.detail("find").unwrap_or_default());
    let shows_internal = Memo::new(move |_| navigation.detail("internal").is_some());
    let sort = RwSignal::new(
        navigation
            .detail_untracked("sort")
            .and_then(|sort| Sort::from_link(&sort, &TopicList::COLUMNS))
            .unwrap_or(BY_NAME),
    );
    Effect::new(move |_| {
        let sort = sort.get();
        navigation.set_detail("sort", if sort == BY_NAME { String::new() } else { sort.to_link() });
    });
    // (How often arranged, rows.) The list is arranged once for everyone who reads it.
    let arranged = Memo::new(move |before: Option<&(u64, usize)>| {
        learned.track();
        let wanted = Wanted { find: find.get(), internal: shows_internal.get(), sort: sort.get() };
        list.update_value(|list| list.arrange(&wanted));
        (before.map_or(0, |(times, _)| times + 1), list.with_value(TopicList::shown))
    });
    let rows = TableRows {
        count: Rc::new(move || arranged.get().1),
        row: Rc::new(move |row| {
            list.with_value(|list| list.get(row).map(|topic| topic_row(topic, prefs)).unwrap_or_default())
        }),
    };
    let total = move |of: fn(&TopicTotals) -> u64| {
        arranged.track();
        list.with_value(|list| of(&list.totals(shows_internal.get())))
    };
    let has_any = Memo::new(move |_| arranged.get().1 > 0);
    let is_known = Memo::new(move |_| {
        learned.track();
        look.track();
        list.with_value(TopicList::is_known)
    });
    let creating = RwSignal::new(false);
    let obstacle = create_obstacle();
    let fact =
        move |shown: fn(&TopicTotals) -> u64, one: fn(&Words) -> &'static str, many: fn(&Words) -> &'static str| {
            move || {
                let (n, words) = (total(shown), prefs.words());
                count(one(words), many(words), n, &number(n, prefs.language()))
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
            <Freshness look=look />
            <div class="spacer"></div>
            <button
                type="button"
                class="button primary"
                data-testid="create-topic"
                disabled=move || obstacle().is_some()
                title=obstacle
                on:click=move |_| creating.set(true)
            >
                {prefs.text(|w| w.create_topic)}
            </button>
        </div>
        <Show when=move || is_known.get()>
            <div class="facts-line" data-testid="topics-facts">
                <span>{fact(|t| t.topics, |w| w.topics_one, |w| w.topics_many)}</span>
                <span>{fact(|t| t.partitions, |w| w.partitions_one, |w| w.partitions_many)}</span>
                <Show when=move || total(|t| t.hidden) != 0>
                    <span>{fact(|t| t.hidden, |w| w.internal_hidden_one, |w| w.internal_hidden_many)}</span>
                </Show>
                <Show when=move || total(|t| t.under_replicated) != 0>
                    <span class="warn">
                        {fact(|t| t.under_replicated, |w| w.under_replicated_one, |w| w.under_replicated_many)}
                    </span>
                </Show>
                <Show when=move || total(|t| t.offline) != 0>
                    <span class="bad">{fact(|t| t.offline, |w| w.offline_one, |w| w.offline_many)}</span>
                </Show>
            </div>
        </Show>
        <Show when=move || !is_known.get()>
            <NotYet look=look loading=|w| w.topics_loading />
        </Show>
        <Show when=move || is_known.get() && !has_any.get()>
            <NoTopics find=find />
        </Show>
        <div class="table-place" hidden=move || !has_any.get()>
            <DataTable
                testid="topics"
                row_testid="topic-row"
                label=|w| w.nav_topics
                columns=COLUMNS
                sort=sort
                rows=rows
                keeps_place=true
            />
        </div>
        <CreateTopicDialog open=creating />
    }
}

const BY_NAME: Sort = Sort::by("name");

fn topic_row(topic: &TopicSummary, prefs: Preferences) -> TableRow {
    let (language, words) = (prefs.language_untracked(), prefs.words_untracked());
    let records = topic.records.map_or_else(|| "–".to_owned(), |n| number(n, language));
    let rate = topic.rate.map_or_else(|| "–".to_owned(), |n| rate(n, language));
    let mut state = Vec::new();
    if topic.offline > 0 {
        let n = u64::from(topic.offline);
        state.push(count(words.offline_one, words.offline_many, n, &number(n, language)));
    }
    if topic.under_replicated > 0 {
        let n = u64::from(topic.under_replicated);
        state.push(count(words.under_replicated_short, words.under_replicated_short, n, &number(n, language)));
    }
    let trouble = if topic.offline > 0 { "bad" } else { "warn" };
    let partitions = number(topic.partitions.into(), language);
    TableRow {
        cells: vec![
            TableCell::link(&topic.name, topic_href(&topic.name)).class("mono"),
            TableCell::text(partitions),
            TableCell::text(topic.replication.to_string()),
            TableCell::text(records),
            TableCell::text(rate),
            TableCell::text(state.join(", ")).class(trouble),
        ],
        data: vec![
            ("data-name", topic.name.clone()),
            ("data-partitions", topic.partitions.to_string()),
            ("data-records", topic.records.map(|n| n.to_string()).unwrap_or_default()),
        ],
        class: if topic.internal { "quiet" } else { "" },
    }
}

/// Everything is known, and there is nothing to list.
#[component]
fn NoTopics(find: Memo<String>) -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    let is_searching = move || !find.get().is_empty();
    let title = move || if is_searching() { prefs.words().nothing_found } else { prefs.words().no_topics };
    let next = move || if is_searching() { "" } else { prefs.words().no_topics_next };
    view! {
        <Instead
            reason="nothing"
            title=Signal::derive(move || title().to_owned())
            next=Signal::derive(move || next().to_owned())
        />
        <Show when=is_searching>
            <p class="instead-action">
                <button type="button" class="button" on:click=move |_| navigation.set_detail("find", String::new())>
                    {prefs.text(|w| w.find_clear)}
                </button>
            </p>
        </Show>
    }
}
