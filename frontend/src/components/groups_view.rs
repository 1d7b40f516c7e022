//! Consumer groups: the list, or one of them.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{GroupSummary, ServerMessage, WatchGroups};

use super::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use super::format::number;
use super::group_view::{GroupView, protocol_hint, protocol_name, state_hint};
use super::learned::Learned;
use super::view_frame::{FindField, Freshness, Instead, Look, NotYet, Tell, ViewTitle};
use super::{desk, navigation, preferences};
use crate::navigation::{group_href, topic_href};
use crate::settings::Preferences;
use crate::words::{count, fill};
use page_model::{GROUP_COLUMNS, GroupList, Sort};

const COLUMNS: [TableColumn; 6] = [
    TableColumn {
        name: "name",
        word: |w| w.group,
        hint: None,
        is_number: false,
        can_sort: true,
        width: "minmax(160px, 3fr)",
        narrow_width: "minmax(0, 1fr)",
    },
    TableColumn {
        name: "state",
        word: |w| w.state,
        hint: None,
        is_number: false,
        can_sort: true,
        width: "minmax(90px, 170px)",
        narrow_width: "minmax(74px, auto)",
    },
    TableColumn {
        name: "protocol",
        word: |w| w.group_protocol,
        hint: None,
        is_number: false,
        can_sort: true,
        width: "90px",
        narrow_width: "",
    },
    TableColumn {
        name: "members",
        word: |w| w.members,
        hint: None,
        is_number: true,
        can_sort: true,
        width: "80px",
        narrow_width: "",
    },
    TableColumn {
        name: "topics",
        word: |w| w.group_topics,
        hint: None,
        is_number: false,
        can_sort: true,
        width: "minmax(120px, 3fr)",
        narrow_width: "",
    },
    TableColumn {
        name: "lag",
        word: |w| w.lag,
        hint: Some(|w| w.group_lag_hint),
        is_number: true,
        can_sort: true,
        width: "minmax(90px, 130px)",
        narrow_width: "80px",
    },
];

#[component]
pub fn GroupsView(name: Option<String>) -> impl IntoView {
    match name {
        Some(name) => view! { <GroupView name=name /> }.into_any(),
        None => view! { <Groups /> }.into_any(),
    }
}

/// What stands in the place of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    NotYet,
    Demo,
    None,
    NoneFound,
    Groups,
}

#[component]
fn Groups() -> impl IntoView {
    let (desk, prefs, navigation) = (desk(), preferences(), navigation());
    let look = RwSignal::new(Look::Loading);
    let list = StoredValue::new_local(GroupList::default());
    let learned = Learned::new();
    desk.look(WatchGroups {}, move |news| {
        let told = look.tell(news, || list.update_value(GroupList::begin));
        if let Some(ServerMessage::GroupsChanged(changed)) = told {
            list.update_value(|list| list.learn(changed));
            learned.notify();
        }
    });
    let find = Memo::new(move |_| navigation.detail("find").unwrap_or_default());
    let sort = navigation.detail_untracked("sort").and_then(|sort| Sort::from_link(&sort, &GROUP_COLUMNS));
    let sort = RwSignal::new(sort.unwrap_or(BY_NAME));
    Effect::new(move |_| {
        let sort = sort.get();
        navigation.set_detail("sort", if sort == BY_NAME { String::new() } else { sort.to_link() });
    });
    let shown = StoredValue::new_local(Vec::<Rc<GroupSummary>>::new());
    // (How often arranged, found, of how many.) The list is arranged once for everyone who reads it.
    let arranged = Memo::new(move |before: Option<&(u64, usize, usize)>| {
        learned.track();
        shown.set_value(list.with_value(|list| find.with(|find| list.shown(find, sort.get()))));
        let (found, total) = (shown.with_value(Vec::len), list.with_value(GroupList::total));
        (before.map_or(0, |(times, ..)| times + 1), found, total)
    });
    let found = Memo::new(move |_| arranged.with(|(_, found, total)| (*found, *total)));
    let is_demo = Memo::new(move |_| desk.cluster(|page| page.is_demo()));
    let is_known = Memo::new(move |_| {
        learned.track();
        list.with_value(GroupList::is_known)
    });
    let place = Memo::new(move |_| match found.get() {
        _ if is_demo.get() => Shown::Demo,
        _ if !is_known.get() => Shown::NotYet,
        (_, 0) => Shown::None,
        (0, _) => Shown::NoneFound,
        _ => Shown::Groups,
    });
    let row = move |at: usize| {
        let group = shown.with_value(|shown| shown.get(at).cloned());
        group.map(|group| group_row(&group, prefs)).unwrap_or_default()
    };
    let rows = TableRows { count: Rc::new(move || arranged.get().1), row: Rc::new(row) };
    let how_many = move || {
        let words = prefs.words();
        let (found, total) = found.get();
        let all = number(total as u64, prefs.language());
        if found == total {
            count(words.groups_one, words.groups_many, total as u64, &all)
        } else {
            fill(words.groups_found, &[("n", &number(found as u64, prefs.language())), ("total", &all)])
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
                <Show when=move || matches!(place.get(), Shown::Groups | Shown::NoneFound)>
                    <FindField testid="find-group" label=|w| w.groups_search value=find />
                    <span class="muted" role="status">{how_many}</span>
                </Show>
                <Show when=move || place.get() != Shown::Demo>
                    <Freshness look=look />
                </Show>
            </header>
            {move || match place.get() {
                Shown::NotYet => view! { <NotYet look=look loading=|w| w.groups_loading /> }.into_any(),
                Shown::Demo => view! { <DemoGroups /> }.into_any(),
                Shown::None => view! {
                    <Instead
                        reason="none"
                        title=Signal::derive(move || prefs.words().groups_none.to_owned())
                        next=Signal::derive(move || prefs.words().groups_none_next.to_owned())
                    />
                }
                .into_any(),
                Shown::NoneFound => view! { <NoneFound total=Memo::new(move |_| found.get().1) /> }.into_any(),
                Shown::Groups => ().into_any(),
            }}
            <div class="table-place" hidden=move || place.get() != Shown::Groups>
                <DataTable
                    testid="groups"
                    row_testid="group-row"
                    label=|w| w.nav_groups
                    columns=&COLUMNS
                    sort=sort
                    rows=rows
                    keeps_place=true
                />
            </div>
        </section>
    }
}

const BY_NAME: Sort = Sort::by("name");

fn group_row(group: &GroupSummary, prefs: Preferences) -> TableRow {
    let (words, language) = (prefs.words_untracked(), prefs.language_untracked());
    let topics = match group.topics.as_slice() {
        [topic] => TableCell::link(topic, topic_href(topic)),
        topics => TableCell::text(topics.join(", ")),
    };
    let lag = match group.lag {
        Some(lag) => TableCell::text(number(lag, language)).class(if lag > 0 { "behind" } else { "" }),
        None => TableCell::text(words.not_told).class("muted"),
    };
    let cells = vec![
        TableCell::link(&group.group, group_href(&group.group)),
        TableCell::text(&group.state).class(state_class(&group.state)).title(state_hint(&group.state, words)),
        TableCell::text(protocol_name(group.protocol)).title(protocol_hint(group.protocol, words)),
        TableCell::text(number(group.members.into(), language)),
        topics,
        lag,
    ];
    let data = vec![
        ("data-group", group.group.clone()),
        ("data-state", group.state.clone()),
        ("data-members", group.members.to_string()),
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
    let (prefs, navigation) = (preferences(), navigation());
    let next = move || {
        let n = number(total.get() as u64, prefs.language());
        fill(prefs.words().groups_none_found_next, &[("n", &n)])
    };
    view! {
        <Instead
            reason="none-found"
            title=Signal::derive(move || prefs.words().nothing_found.to_owned())
            next=Signal::derive(next)
        />
        <p class="instead-action">
            <button
                type="button"
                class="button"
                data-testid="find-clear"
                on:click=move |_| navigation.set_detail("find", String::new())
            >
                {prefs.text(|w| w.find_clear)}
            </button>
        </p>
    }
}

/// The demo broker tells of a group only when it is named: those that this page knows of.
#[component]
fn DemoGroups() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let known = Memo::new(move |_| {
        let listened = desk.listening(|page| page.listening().intent().group.clone());
        let proposed = desk.link(|page| page.bridge().map(|bridge| bridge.defaults.group.clone()));
        let mut known: Vec<String> = proposed.into_iter().chain([listened]).filter(|name| !name.is_empty()).collect();
        known.dedup();
        known
    });
    let links = move || {
        let link = |name: String| {
            let text = fill(prefs.words().groups_open_named, &[("group", &name)]);
            view! { <a class="button" data-testid="open-group" data-view="" href=group_href(&name)>{text}</a> }
        };
        known.get().into_iter().map(link).collect::<Vec<_>>()
    };
    view! {
        <Instead
            reason="demo"
            title=Signal::derive(move || prefs.words().groups_demo.to_owned())
            next=Signal::derive(move || prefs.words().groups_demo_next.to_owned())
        />
        <p class="instead-action">{links}</p>
    }
}
