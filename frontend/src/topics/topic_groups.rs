//! The consumer groups that read a topic, or have committed offsets in it.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{GroupSummary, GroupsRequest, shown_name};

use crate::context::navigation::group_href;
use crate::context::{preferences, store};
use crate::i18n::Language;
use crate::topics::topic_view::OpenTopic;
use crate::ui::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use crate::ui::format::number;
use crate::ui::table_columns::{number_column, text_column};
use crate::ui::view_frame::{EmptyState, LoadingState, ViewStatus};
use page_model::{Sort, stable_sort};

const COLUMNS: &[TableColumn] = &[
    text_column("group", |w| w.group, "minmax(200px, 1fr)", "minmax(0, 1fr)"),
    text_column("state", |w| w.state, "160px", ""),
    number_column("members", |w| w.members, "96px", "72px"),
    TableColumn { hint: Some(|w| w.lag_total_hint), ..number_column("lag", |w| w.lag_total, "144px", "88px") },
];

#[component]
pub fn TopicGroups(topic: OpenTopic) -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let status = RwSignal::new(ViewStatus::Loading);
    let groups = StoredValue::new_local(Vec::<GroupSummary>::new());
    store.request(GroupsRequest {}, move |reply| match reply {
        Ok(all) => {
            let name = topic.name();
            let reads = |group: &GroupSummary| group.topics.contains(&name);
            groups.update_value(|groups| *groups = all.groups.into_iter().filter(reads).collect());
            status.set(ViewStatus::Live);
        }
        Err(reason) => status.set(ViewStatus::Failed(reason)),
    });
    let sort = RwSignal::new(Sort::by("group"));
    let is_known = Memo::new(move |_| status.with(|status| *status == ViewStatus::Live));
    let is_empty = Memo::new(move |_| !is_known.get() || groups.with_value(Vec::is_empty));
    let rows = TableRows {
        count: Rc::new(move || {
            is_known.track();
            let sort = sort.get();
            groups.update_value(|groups| sort_groups(groups, sort));
            groups.with_value(Vec::len)
        }),
        row: Rc::new(move |row| {
            let language = prefs.language_untracked();
            groups.with_value(|groups| groups.get(row).map(|group| group_row(group, language)).unwrap_or_default())
        }),
    };
    view! {
        <Show when=move || !is_known.get()>
            <LoadingState status=status loading=|w| w.groups_loading />
        </Show>
        <Show when=move || is_known.get() && is_empty.get()>
            <EmptyState
                reason="nothing"
                title=Signal::derive(move || prefs.words().topic_groups_none.to_owned())
                next=Signal::derive(move || prefs.words().topic_groups_none_next.to_owned())
            />
        </Show>
        <div class="table-place" hidden=move || is_empty.get()>
            <DataTable
                testid="topic-groups"
                row_testid="topic-group-row"
                label=|w| w.nav_groups
                columns=COLUMNS
                sort=sort
                rows=rows
            />
        </div>
    }
}

fn sort_groups(groups: &mut [GroupSummary], sort: Sort) {
    stable_sort(groups, |a, b| {
        let by_column = match sort.column {
            "state" => a.state.cmp(&b.state),
            "members" => a.members.cmp(&b.members),
            "lag" => a.lag.cmp(&b.lag),
            _ => a.group.cmp(&b.group),
        };
        sort.order(by_column, a.group.cmp(&b.group))
    });
}

fn group_row(group: &GroupSummary, language: Language) -> TableRow {
    TableRow {
        cells: vec![
            TableCell::link(shown_name(&group.group), group_href(&group.group)).class("mono"),
            TableCell::text(&group.state),
            TableCell::text(group.members.map_or_else(|| "–".to_owned(), |members| number(members.into(), language))),
            TableCell::text(group.lag.map_or_else(|| "–".to_owned(), |lag| number(lag, language))),
        ],
        data: vec![("data-group", group.group.clone())],
        class: "",
    }
}
