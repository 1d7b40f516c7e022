//! A topic's partitions: leader, replicas and offsets of each, and the form that adds partitions.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{Action, AddPartitions, Object, PartitionInfo};

use crate::context::navigation::STARTS;
use crate::context::settings::Preferences;
use crate::context::{navigation, preferences, store};
use crate::i18n::Words;
use crate::topics::topic_view::{OpenTopic, topic_change_blocked, watch_href};
use crate::ui::confirm_dialog::Confirmation;
use crate::ui::confirm_dialog::confirmations;
use crate::ui::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use crate::ui::format::number;
use crate::ui::table_columns::{number_column, text_column};
use page_model::{PartitionState, ReadState, Sort, Start, TopicSnapshot, partition_state};

/// "Watch" of a partition starts with this many last records.
const LAST: i64 = 100;

const COLUMNS: &[TableColumn] = &[
    text_column("partition", |w| w.partition, "96px", "88px"),
    TableColumn { hint: Some(|w| w.leader_hint), ..text_column("leader", |w| w.leader, "88px", "") },
    TableColumn {
        hint: Some(|w| w.replicas_on_hint),
        ..text_column("replicas", |w| w.replicas_on, "minmax(96px, 1fr)", "")
    },
    TableColumn {
        hint: Some(|w| w.in_sync_hint),
        ..text_column("state", |w| w.in_sync, "minmax(140px, 1.4fr)", "minmax(0, 1fr)")
    },
    TableColumn { hint: Some(|w| w.log_start_hint), ..number_column("low", |w| w.log_start, "128px", "") },
    TableColumn { hint: Some(|w| w.log_end_hint), ..number_column("high", |w| w.log_end, "128px", "") },
    TableColumn { hint: Some(|w| w.records_hint), ..number_column("records", |w| w.records_at_most, "128px", "104px") },
];

#[component]
pub fn TopicPartitions(topic: OpenTopic) -> impl IntoView {
    let (store, navigation, prefs) = (store(), navigation(), preferences());
    let sort = RwSignal::new(
        navigation
            .detail_untracked("sort")
            .and_then(|sort| Sort::from_link(&sort, &TopicSnapshot::COLUMNS))
            .unwrap_or(Sort::by("partition")),
    );
    // (Number of updates, partitions.) The table is sorted once for all its readers.
    let sorted = Memo::new(move |before: Option<&(u64, usize)>| {
        topic.redraw.track();
        let sort = sort.get();
        topic.snapshot.update_value(|snapshot| snapshot.sort_rows(sort));
        (before.map_or(0, |(times, _)| times + 1), topic.snapshot.with_value(|snapshot| snapshot.partitions().len()))
    });
    // The partition in the URL, to which the details of a record link.
    let chosen = Memo::new(move |_| navigation.detail("partition").and_then(|text| text.parse::<i32>().ok()));
    let marked = Memo::new(move |_| {
        sorted.track();
        let chosen = chosen.get()?;
        topic.snapshot.with_value(|snapshot| snapshot.row_of(chosen))
    });
    let rows = TableRows {
        count: Rc::new(move || sorted.get().1),
        row: Rc::new(move |row| {
            let name = topic.name();
            let may_read = store.untracked(|state| state.may(Action::Read, &Object::Topic(&name)));
            let shown = topic.snapshot.with_value(|snapshot| {
                snapshot.get(row).map(|partition| partition_row(&name, may_read, partition, prefs))
            });
            shown.unwrap_or_default()
        }),
    };
    view! {
        <AddPartitionsForm topic=topic />
        <DataTable
            testid="partitions"
            row_testid="partition-row"
            label=|w| w.partitions_word
            columns=COLUMNS
            sort=sort
            rows=rows
            marked=marked.into()
        />
    }
}

fn partition_row(topic: &str, may_read: bool, partition: &PartitionInfo, prefs: Preferences) -> TableRow {
    let (language, words) = (prefs.language_untracked(), prefs.words_untracked());
    let state = partition_state(partition.leader, partition.replicas.len(), partition.in_sync.len());
    let in_sync = match state {
        PartitionState::InSync => TableCell::text(words.all_in_sync),
        PartitionState::UnderReplicated(_) => {
            let behind = partition.replicas.iter().filter(|replica| !partition.in_sync.contains(replica));
            let behind = list(behind);
            TableCell::text(words.not_in_sync.with_brokers(&behind)).class("warn")
        }
        PartitionState::Offline => TableCell::text(words.partition_offline).class("bad"),
    };
    let (low, high) = (partition.low.0, partition.high.0);
    let start = Start::Offset { partition: Some(partition.partition), offset: low.max(high - LAST) };
    let records = partition.records();
    // A dash, as in the list of topics, if Kafka did not report the offsets.
    let reported = |text: String| TableCell::text(if records.is_some() { text } else { "–".to_owned() });
    let leader = partition.leader.map_or_else(|| words.no_leader.to_owned(), |id| id.to_string());
    TableRow {
        cells: vec![
            if may_read {
                TableCell::link(partition.partition.to_string(), watch_href(topic, start))
                    .starting(STARTS)
                    .class("mono")
                    .title(words.watch_partition)
            } else {
                TableCell::text(partition.partition.to_string()).class("mono").title(words.forbidden_read)
            },
            TableCell::text(leader).class(if partition.leader.is_none() { "bad" } else { "mono" }),
            TableCell::text(list(partition.replicas.iter())).class("mono"),
            in_sync,
            reported(low.to_string()),
            reported(high.to_string()),
            reported(number(records.unwrap_or(0), language)),
        ],
        data: vec![
            ("data-partition", partition.partition.to_string()),
            ("data-low", low.to_string()),
            ("data-high", high.to_string()),
        ],
        class: "",
    }
}

fn list<'a>(brokers: impl Iterator<Item = &'a i32>) -> String {
    brokers.map(i32::to_string).collect::<Vec<_>>().join(", ")
}

/// The form that adds partitions.
#[component]
fn AddPartitionsForm(topic: OpenTopic) -> impl IntoView {
    let (store, prefs, confirmations) = (store(), preferences(), confirmations());
    let blocked = topic_change_blocked(Action::Alter, topic);
    let existing = Memo::new(move |_| {
        topic.redraw.track();
        topic.snapshot.with_value(|snapshot| snapshot.partitions().len() as i32)
    });
    let input = RwSignal::new(String::new());
    let number = Memo::new(move |_| {
        input.with(|input| input.trim().parse::<i32>().ok()).filter(|input| *input > existing.get())
    });
    let add = move || {
        let Some(partitions) = number.get_untracked() else { return };
        let (name, words) = (topic.name(), prefs.words_untracked());
        let (from, to) = (existing.get_untracked().to_string(), partitions.to_string());
        confirmations.ask(Confirmation {
            title: words.add_title.with_topic(&name),
            text: words.add_text.with_from_to(&from, &to),
            verb: |w: &'static Words| w.add_partitions,
            typed: Some(name.clone()),
            needs_connection: true,
            on_confirm: Rc::new(move |confirmations| {
                let request = AddPartitions { name: name.clone(), partitions, confirm: name.clone() };
                store.request(request, move |reply| {
                    if reply.is_ok() {
                        input.set(String::new());
                    }
                    confirmations.finish(reply.map(drop));
                });
            }),
        });
    };
    view! {
        <form
            class="view-tools"
            on:submit=move |event| {
                event.prevent_default();
                add();
            }
        >
            <div class="inline-field">
                <label for="more-partitions">{prefs.text(|w| w.partitions_wanted)}</label>
                <input
                    id="more-partitions"
                    data-testid="more-partitions"
                    type="text"
                    inputmode="numeric"
                    autocomplete="off"
                    placeholder=move || (existing.get() + 1).to_string()
                    disabled=move || blocked().is_some()
                    title=blocked
                    prop:value=move || input.get()
                    on:input=move |event| input.set(event_target_value(&event))
                />
            </div>
            <button
                type="submit"
                class="button"
                data-testid="add-partitions"
                disabled=move || blocked().is_some() || number.get().is_none()
                title=move || blocked().or_else(|| number.get().is_none().then(|| prefs.words().add_hint))
            >
                {prefs.text(|w| w.add_partitions)}
            </button>
        </form>
    }
}
