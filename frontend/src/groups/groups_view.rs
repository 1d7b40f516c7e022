//! Consumer groups: the list of groups, or one group.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{GroupKind, GroupSummary, WatchGroups, shown_name};

use crate::context::navigation::{group_href, topic_href};
use crate::context::settings::Preferences;
use crate::context::{navigation, preferences, store};
use crate::groups::group_view::{GroupView, kind_hint, state_hint};
use crate::ui::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use crate::ui::empty_list::ClearFind;
use crate::ui::format::number;
use crate::ui::fresh::fresh;
use crate::ui::lazy::lazy_part;
use crate::ui::redraw::RedrawWhenVisible;
use crate::ui::table_columns::{number_column, text_column};
use crate::ui::view_frame::{ApplyUpdate, EmptyState, FindField, Freshness, LoadingState, ViewStatus, ViewTitle};
use page_model::{GROUP_COLUMNS, GroupList, ReadState, Sort};

const COLUMNS: [TableColumn; 6] = [
    text_column("name", |w| w.group, "minmax(160px, 3fr)", "minmax(0, 1fr)"),
    text_column("state", |w| w.state, "minmax(90px, 170px)", "minmax(74px, auto)"),
    text_column("protocol", |w| w.group_protocol, "90px", ""),
    number_column("members", |w| w.members, "80px", ""),
    text_column("topics", |w| w.group_topics, "minmax(120px, 3fr)", ""),
    TableColumn { hint: Some(|w| w.group_lag_hint), ..number_column("lag", |w| w.lag, "minmax(90px, 130px)", "80px") },
];

lazy_part! {
    /// The list of groups, or the group `name`.
    groups, load_groups_view, pub fn groups_view(name: Option<String>) -> LoadedView {
        Ok(view! { <GroupsView name=name /> }.into_any())
    }
}

#[component]
fn GroupsView(name: Option<String>) -> impl IntoView {
    match name {
        Some(name) => view! { <GroupView name=name /> }.into_any(),
        None => view! { <Groups /> }.into_any(),
    }
}

/// The contents of the view.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    LoadingState,
    Demo,
    None,
    NoneFound,
    Groups,
}

#[component]
fn Groups() -> impl IntoView {
    let (store, prefs, navigation) = (store(), preferences(), navigation());
    let status = RwSignal::new(ViewStatus::Loading);
    let list = StoredValue::new_local(GroupList::default());
    let redraw = RedrawWhenVisible::new();
    store.open_view(WatchGroups {}, move |update| {
        let pushed = status.apply_update(update, || list.update_value(GroupList::begin));
        if let Some(changed) = pushed {
            list.update_value(|list| list.apply(changed));
            redraw.notify();
        }
    });
    let find = Memo::new(move |_| navigation.detail("find").unwrap_or_default());
    let sort = navigation.sort_in_url(&GROUP_COLUMNS, Sort::by("name"));
    let shown = StoredValue::new_local(Vec::<Rc<GroupSummary>>::new());
    // (Number of updates, found groups, all groups.) The list is sorted once for all its readers.
    let sorted = Memo::new(move |before: Option<&(u64, usize, usize)>| {
        redraw.track();
        shown.set_value(list.with_value(|list| find.with(|find| list.shown(find, sort.get()))));
        let (found, total) = (shown.with_value(Vec::len), list.with_value(GroupList::total));
        (before.map_or(0, |(times, ..)| times + 1), found, total)
    });
    let found = Memo::new(move |_| sorted.with(|(_, found, total)| (*found, *total)));
    let is_demo = Memo::new(move |_| store.read(|state| state.is_demo()));
    let is_known = Memo::new(move |_| {
        redraw.track();
        list.with_value(GroupList::is_known)
    });
    let content = Memo::new(move |_| match found.get() {
        _ if is_demo.get() => Shown::Demo,
        _ if !is_known.get() => Shown::LoadingState,
        (_, 0) => Shown::None,
        (0, _) => Shown::NoneFound,
        _ => Shown::Groups,
    });
    let is_limited = Memo::new(move |_| store.read(|state| !state.sees_every_group()));
    let none_title =
        move || if is_limited.get() { prefs.words().groups_none_allowed } else { prefs.words().groups_none };
    let none_next = move || if is_limited.get() { "" } else { prefs.words().groups_none_next };
    let row = move |at: usize| {
        let group = shown.with_value(|shown| shown.get(at).cloned());
        group.map(|group| group_row(&group, prefs)).unwrap_or_default()
    };
    let rows = TableRows { count: Rc::new(move || sorted.get().1), row: Rc::new(row) };
    let how_many = move || {
        let words = prefs.words();
        let (found, total) = found.get();
        let all = number(total as u64, prefs.language());
        if found == total {
            words.groups_count.count(total as u64, &all)
        } else {
            words.groups_found.with_n_total(&number(found as u64, prefs.language()), &all)
        }
    };
    view! {
        <section
            class="groups-view"
            data-testid="groups-view"
            data-groups=move || found.get().1
            data-found=move || found.get().0
            aria-labelledby="view-title"
        >
            <header class="view-head">
                <ViewTitle title=Signal::derive(move || prefs.words().nav_groups.to_owned()) />
                <Show when=move || matches!(content.get(), Shown::Groups | Shown::NoneFound)>
                    <FindField testid="find-group" label=|w| w.groups_search value=find />
                    <span class="muted" role="status">
                        {how_many}
                    </span>
                </Show>
                <Show when=move || content.get() != Shown::Demo>
                    <Freshness status=status />
                </Show>
            </header>
            {fresh(move || match content.get() {
                Shown::LoadingState => view! { <LoadingState status=status loading=|w| w.groups_loading /> }.into_any(),
                Shown::Demo => view! { <DemoGroups /> }.into_any(),
                Shown::None => {
                    view! {
                        <EmptyState
                            reason="none"
                            title=Signal::derive(move || none_title().to_owned())
                            next=Signal::derive(move || none_next().to_owned())
                        />
                    }
                        .into_any()
                }
                Shown::NoneFound => view! { <NoneFound total=Memo::new(move |_| found.get().1) /> }.into_any(),
                Shown::Groups => ().into_any(),
            })}
            <div class="table-place" hidden=move || content.get() != Shown::Groups>
                <DataTable
                    testid="groups"
                    row_testid="group-row"
                    label=|w| w.nav_groups
                    columns=&COLUMNS
                    sort=sort
                    rows=rows
                    keeps_scroll_position=true
                />
            </div>
        </section>
    }
}

fn group_row(group: &GroupSummary, prefs: Preferences) -> TableRow {
    let (words, language) = (prefs.words_untracked(), prefs.language_untracked());
    let topics = match group.topics.as_slice() {
        [topic] => TableCell::link(topic, topic_href(topic)),
        topics => TableCell::text(topics.join(", ")),
    };
    let lag = match group.lag {
        Some(lag) => TableCell::text(number(lag, language)).class(if lag > 0 { "behind" } else { "" }),
        None => TableCell::text(words.not_reported).class("muted"),
    };
    let cells = vec![
        TableCell::link(shown_name(&group.group), group_href(&group.group)),
        TableCell::text(&group.state).class(state_class(&group.state)).title(state_hint(&group.state, words)),
        match group.kind {
            GroupKind::Other => TableCell::text(words.not_reported).class("muted").title(kind_hint(group.kind, words)),
            kind => TableCell::text(kind.name()).title(kind_hint(kind, words)),
        },
        match group.members {
            Some(members) => TableCell::text(number(members.into(), language)),
            None => TableCell::text(words.not_reported).class("muted"),
        },
        topics,
        lag,
    ];
    let data = vec![
        ("data-group", group.group.clone()),
        ("data-state", group.state.clone()),
        ("data-kind", group.kind.name().to_owned()),
        ("data-members", group.members.map(|members| members.to_string()).unwrap_or_default()),
        ("data-lag", group.lag.map(|lag| lag.to_string()).unwrap_or_default()),
    ];
    TableRow { cells, data, class: "" }
}

fn state_class(state: &str) -> &'static str {
    match state {
        "Stable" => "state stable",
        "Empty" | "Dead" | "Unknown" => "state",
        _ => "state moving",
    }
}

#[component]
fn NoneFound(total: Memo<usize>) -> impl IntoView {
    let prefs = preferences();
    let next = move || {
        let n = number(total.get() as u64, prefs.language());
        prefs.words().groups_none_found_next.with_n(&n)
    };
    view! {
        <EmptyState
            reason="none-found"
            title=Signal::derive(move || prefs.words().nothing_found.to_owned())
            next=Signal::derive(next)
        />
        <ClearFind />
    }
}

/// The demo broker cannot list groups: links to the groups that this page knows.
#[component]
fn DemoGroups() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let known = Memo::new(move |_| {
        let listened = store.read(|state| state.listening().intent().group.clone());
        let proposed = store.read(|state| state.bridge().map(|bridge| bridge.defaults.group.clone()));
        let mut known: Vec<String> = proposed.into_iter().chain([listened]).filter(|name| !name.is_empty()).collect();
        known.dedup();
        known
    });
    let links = move || {
        let link = |name: String| {
            let text = prefs.words().groups_open_named.with_group(&name);
            view! {
                <a class="button" data-testid="open-group" data-view="" href=group_href(&name)>
                    {text}
                </a>
            }
        };
        known.get().into_iter().map(link).collect::<Vec<_>>()
    };
    view! {
        <EmptyState
            reason="demo"
            title=Signal::derive(move || prefs.words().groups_demo.to_owned())
            next=Signal::derive(move || prefs.words().groups_demo_next.to_owned())
        />
        <p class="instead-action">{links}</p>
    }
}
