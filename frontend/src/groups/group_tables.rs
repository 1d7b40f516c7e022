//! The tables of one group: partitions with their assigned members, members with their assignments, and the plan of a
//! reset.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{GroupMember, GroupPosition, Offset, OffsetChange, shown_name};

use crate::context::navigation::topic_href;
use crate::context::preferences;
use crate::context::settings::Preferences;
use crate::groups::group_screen::GroupScreen;
use crate::i18n::Words;
use crate::ui::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use crate::ui::format::number;
use page_model::{Reset, Sort, partitions_by_topic, ranges};

/// Maximum number of topics that are named in a member's row; further topics are counted.
const NAMED_TOPICS: usize = 6;

const fn column(name: &'static str, word: fn(&Words) -> &'static str, width: &'static str) -> TableColumn {
    TableColumn { name, word, hint: None, is_number: false, can_sort: false, width, narrow_width: "" }
}

const POSITION_COLUMNS: [TableColumn; 6] = [
    TableColumn {
        can_sort: true,
        narrow_width: "minmax(0, 1fr)",
        ..column("topic", |w| w.topic, "minmax(120px, 3fr)")
    },
    TableColumn {
        is_number: true,
        can_sort: true,
        narrow_width: "44px",
        ..column("partition", |w| w.column_partition, "64px")
    },
    TableColumn {
        is_number: true,
        can_sort: true,
        hint: Some(|w| w.explain_position),
        ..column("position", |w| w.group_position, "minmax(90px, 1fr)")
    },
    TableColumn { is_number: true, can_sort: true, ..column("end", |w| w.position_end, "minmax(90px, 1fr)") },
    TableColumn {
        is_number: true,
        can_sort: true,
        narrow_width: "84px",
        hint: Some(|w| w.lag_hint),
        ..column("lag", |w| w.lag, "minmax(80px, 1fr)")
    },
    TableColumn { can_sort: true, ..column("member", |w| w.member, "minmax(120px, 2fr)") },
];

#[component]
pub fn PositionTable(screen: GroupScreen) -> impl IntoView {
    let prefs = preferences();
    let sort = RwSignal::new(Sort::by("topic"));
    let shown = StoredValue::new_local(Vec::<Rc<GroupPosition>>::new());
    let count = move || {
        shown.set_value(screen.snapshot(|group| group.positions(sort.get())));
        shown.with_value(Vec::len)
    };
    let row = move |at: usize| {
        let position = shown.with_value(|shown| shown.get(at).cloned());
        position.map(|position| position_row(&position, screen, prefs)).unwrap_or_default()
    };
    let rows = TableRows { count: Rc::new(count), row: Rc::new(row) };
    view! {
        <DataTable
            testid="positions"
            row_testid="position"
            label=|w| w.tab_partitions
            columns=&POSITION_COLUMNS
            sort=sort
            rows=rows
        />
    }
}

fn position_row(position: &GroupPosition, screen: GroupScreen, prefs: Preferences) -> TableRow {
    let (words, language) = (prefs.words_untracked(), prefs.language_untracked());
    let member = screen.snapshot_untracked(|group| match group.assigned_member(position).map(member_name) {
        Some((name, id)) => TableCell::text(name).title(id),
        None if group.reports_members() => TableCell::text(words.member_none).class("muted"),
        None => TableCell::text(words.not_reported).class("muted"),
    });
    let cells = vec![
        TableCell::link(&position.topic, topic_href(&position.topic)),
        TableCell::text(position.partition.to_string()),
        offset_cell(position.offset, words),
        TableCell::text(position.end.to_string()),
        TableCell::text(number(position.lag, language)).class(if position.lag > 0 { "behind" } else { "" }),
        member,
    ];
    let data = vec![
        ("data-topic", position.topic.clone()),
        ("data-partition", position.partition.to_string()),
        ("data-offset", position.offset.map(|offset| offset.to_string()).unwrap_or_default()),
        ("data-lag", position.lag.to_string()),
    ];
    TableRow { cells, data, class: "" }
}

fn offset_cell(offset: Option<Offset>, words: &'static Words) -> TableCell {
    match offset {
        Some(offset) => TableCell::text(offset.to_string()),
        None => TableCell::text(words.position_none).class("muted"),
    }
}

/// A short name that identifies a member, and its complete id.
fn member_name(member: &GroupMember) -> (String, String) {
    let host = shown_name(member.host.trim_start_matches('/'));
    let name = shown_name(member.instance.as_ref().unwrap_or(&member.client));
    ([&*name, " · ", &*host].concat(), shown_name(&member.member).into_owned())
}

const MEMBER_COLUMNS: [TableColumn; 4] = [
    TableColumn { narrow_width: "minmax(0, 1fr)", ..column("client", |w| w.member_client, "minmax(120px, 1fr)") },
    column("host", |w| w.member_host, "minmax(90px, 150px)"),
    TableColumn { narrow_width: "minmax(0, 2fr)", ..column("reads", |w| w.member_assignment, "minmax(160px, 3fr)") },
    column("id", |w| w.member_id, "minmax(120px, 2fr)"),
];

#[component]
pub fn MemberTable(screen: GroupScreen) -> impl IntoView {
    let prefs = preferences();
    let sort = RwSignal::new(Sort::by("client"));
    let row = move |at: usize| {
        let words = prefs.words_untracked();
        screen.snapshot_untracked(|group| {
            group.members().get(at).map(|member| member_row(member, words)).unwrap_or_default()
        })
    };
    let count = move || screen.snapshot(|group| group.members().len());
    let rows = TableRows { count: Rc::new(count), row: Rc::new(row) };
    view! {
        <DataTable
            testid="members"
            row_testid="member"
            label=|w| w.tab_members
            columns=&MEMBER_COLUMNS
            sort=sort
            rows=rows
        />
    }
}

fn member_row(member: &GroupMember, words: &'static Words) -> TableRow {
    let partitions_by_topic = partitions_by_topic(&member.partitions);
    // The numbers come first, since a long topic name may be truncated.
    let share = |(topic, partitions): &(&str, Vec<i32>)| {
        words.member_topic_partitions.with_partitions_topic(&ranges(partitions), topic)
    };
    let named = partitions_by_topic.iter().take(NAMED_TOPICS).map(share);
    let named = named.collect::<Vec<_>>().join(" · ");
    let reads = match partitions_by_topic.len() {
        0 => TableCell::text(words.member_assignment_none).class("muted"),
        n if n > NAMED_TOPICS => {
            let more = (n - NAMED_TOPICS).to_string();
            TableCell::text(words.reset_and_more.with_n_names(&more, &named))
        }
        _ => TableCell::text(named),
    };
    let client = match &member.instance {
        Some(name) => {
            TableCell::text(shown_name(&member.client)).title(words.member_static.with_name(&shown_name(name)))
        }
        None => TableCell::text(shown_name(&member.client)),
    };
    let host = TableCell::text(shown_name(member.host.trim_start_matches('/')));
    let data = vec![("data-member", member.member.clone())];
    TableRow {
        cells: vec![client, host, reads, TableCell::text(shown_name(&member.member)).class("muted")],
        data,
        class: "",
    }
}

const PLAN_COLUMNS: [TableColumn; 7] = [
    TableColumn { narrow_width: "minmax(0, 1fr)", ..column("topic", |w| w.topic, "minmax(120px, 2fr)") },
    TableColumn { is_number: true, narrow_width: "36px", ..column("partition", |w| w.column_partition, "64px") },
    TableColumn { is_number: true, narrow_width: "72px", ..column("old", |w| w.reset_old, "minmax(80px, 1fr)") },
    TableColumn { is_number: true, narrow_width: "80px", ..column("new", |w| w.reset_new, "minmax(90px, 1fr)") },
    TableColumn { is_number: true, ..column("reread", |w| w.reset_reread, "minmax(90px, 1fr)") },
    TableColumn { is_number: true, ..column("skipped", |w| w.reset_skipped, "minmax(90px, 1fr)") },
    column("note", |w| w.reset_note, "minmax(110px, 2fr)"),
];

#[component]
pub fn PlanTable(screen: GroupScreen) -> impl IntoView {
    let prefs = preferences();
    let sort = RwSignal::new(Sort::by("topic"));
    let count = move || screen.reset(Reset::shown);
    let row = move |at: usize| {
        let row = |reset: &Reset| reset.change(at).map(|change| plan_row(change, prefs));
        untrack(|| screen.reset(row)).unwrap_or_default()
    };
    let rows = TableRows { count: Rc::new(count), row: Rc::new(row) };
    view! { <DataTable testid="plan" row_testid="change" label=|w| w.tab_plan columns=&PLAN_COLUMNS sort=sort rows=rows /> }
}

fn plan_row(change: &OffsetChange, prefs: Preferences) -> TableRow {
    let (words, language) = (prefs.words_untracked(), prefs.language_untracked());
    let stays = change.from == Some(change.to);
    let some = |n: u64| if n == 0 { String::new() } else { number(n, language) };
    let note = match (change.clamped, stays, change.from) {
        (true, _, _) => TableCell::text(words.reset_clamped).class("clamped"),
        (_, true, _) => TableCell::text(words.reset_stays).class("muted"),
        (_, _, None) => TableCell::text(words.reset_new_position).class("muted"),
        _ => TableCell::default(),
    };
    let cells = vec![
        TableCell::text(&change.topic),
        TableCell::text(change.partition.to_string()),
        offset_cell(change.from, words),
        // The arrow marks the new offset for users who do not see the colour.
        TableCell::text(format!("→ {}", change.to)).class(if stays { "muted" } else { "moves" }),
        TableCell::text(some(change.reread)),
        TableCell::text(some(change.skipped)).class(if change.skipped > 0 { "behind" } else { "" }),
        note,
    ];
    let data = vec![
        ("data-topic", change.topic.clone()),
        ("data-partition", change.partition.to_string()),
        ("data-from", change.from.map(|offset| offset.to_string()).unwrap_or_default()),
        ("data-to", change.to.to_string()),
        ("data-clamped", change.clamped.to_string()),
    ];
    TableRow { cells, data, class: "" }
}
