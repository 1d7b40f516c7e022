//! The subjects of the registry: searched and sorted, with deleted ones by a switch; and the settings of the registry.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{SubjectName, SubjectsRequest, shown_name};

use crate::context::navigation::{href, subject_href};
use crate::context::settings::Preferences;
use crate::context::{navigation, preferences, store};
use crate::schemas::blocked::register_blocked;
use crate::schemas::compatibility::CompatibilityField;
use crate::schemas::load::{LoadProblem, Loaded};
use crate::schemas::register_form::RegisterForm;
use crate::ui::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use crate::ui::empty_list::EmptyList;
use crate::ui::format::number;
use crate::ui::fresh::fresh;
use crate::ui::table_columns::text_column;
use crate::ui::view_frame::{FindField, ViewTitle};
use page_model::{Address, ReadState, RegistrationForm, Sort, SubjectList, SubjectQuery, View};

const COLUMNS: &[TableColumn] = &[
    text_column("name", |w| w.subject, "minmax(200px, 1fr)", "minmax(0, 1fr)"),
    text_column("state", |w| w.state, "160px", "80px"),
];

/// The URL parameter that opens the form for a new subject.
const TAB: &str = "tab";
const REGISTER: &str = "register";

#[component]
pub fn Subjects() -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    let is_registering = Memo::new(move |_| navigation.detail(TAB).as_deref() == Some(REGISTER));
    fresh(move || {
        if !is_registering.get() {
            return view! { <SubjectTable /> }.into_any();
        }
        view! {
            <div class="view-head">
                <ViewTitle
                    title=Signal::derive(move || prefs.words().register_schema.to_owned())
                    parent=(href(&Address::of(View::Schemas)), |w| w.nav_schemas)
                />
            </div>
            <RegisterForm
                form=RegistrationForm::default()
                has_fixed_subject=false
                on_cancel=Callback::new(move |()| navigation.open(Address::of(View::Schemas)))
                on_registered=Callback::new(|()| ())
            />
        }
        .into_any()
    })
}

#[component]
fn SubjectTable() -> impl IntoView {
    let (store, prefs, navigation) = (store(), preferences(), navigation());
    let shows_deleted = Memo::new(move |_| navigation.detail("deleted").is_some());
    let loaded = Loaded::open(move || SubjectsRequest { deleted: shows_deleted.get() });
    let list = StoredValue::new_local(SubjectList::default());
    let find = Memo::new(move |_| navigation.detail("find").unwrap_or_default());
    let sort = navigation.sort_in_url(&SubjectList::COLUMNS, Sort::by("name"));
    let filled = Memo::new(move |before: Option<&u64>| {
        if let Some(result) = loaded.get() {
            list.update_value(|list| list.set(result.subjects.clone()));
        }
        before.map_or(0, |times| times + 1)
    });
    // (Number of updates, rows.) The list is sorted once for all its readers.
    let sorted = Memo::new(move |before: Option<&(u64, usize)>| {
        filled.get();
        let query = SubjectQuery { find: find.get(), sort: sort.get() };
        list.update_value(|list| list.sort_rows(&query));
        (before.map_or(0, |(times, _)| times + 1), list.with_value(SubjectList::shown))
    });
    let rows = TableRows {
        count: Rc::new(move || sorted.get().1),
        row: Rc::new(move |row| {
            list.with_value(|list| list.get(row).map(|subject| subject_row(subject, prefs)).unwrap_or_default())
        }),
    };
    let has_any = Memo::new(move |_| sorted.get().1 > 0);
    let is_known = loaded.state.has_value;
    let blocked = register_blocked();
    let totals = move || {
        filled.get();
        list.with_value(SubjectList::totals)
    };
    let register = move |_| navigation.open(Address::of(View::Schemas).with(TAB, REGISTER));
    view! {
        <div class="view-head">
            <ViewTitle title=Signal::derive(move || prefs.words().nav_schemas.to_owned()) />
            <FindField testid="subject-filter" label=|w| w.find_subject value=find />
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="subjects-deleted"
                    prop:checked=move || shows_deleted.get()
                    on:change=move |event| {
                        let is_on = event_target_checked(&event);
                        navigation.set_detail("deleted", if is_on { "shown".to_owned() } else { String::new() });
                    }
                />
                {prefs.text(|w| w.show_deleted)}
            </label>
            <div class="spacer"></div>
            <button type="button" class="button" data-testid="subjects-reload" on:click=move |_| loaded.state.again()>
                {prefs.text(|w| w.reload_list)}
            </button>
            <button
                type="button"
                class="button primary"
                data-testid="schema-new"
                disabled=move || blocked().is_some()
                title=blocked
                aria-describedby="cannot-register"
                on:click=register
            >
                {prefs.text(|w| w.register_schema)}
            </button>
            <p id="cannot-register" class="why-not" data-testid="why-not">
                {blocked}
            </p>
        </div>
        <LoadProblem state=loaded.state loading=|w| w.subjects_loading />
        <Show when=move || is_known.get()>
            <div class="facts-line registry-facts" data-testid="registry-facts">
                <span>
                    {move || {
                        let n = totals().0 as u64;
                        prefs.words().subjects_count.count(n, &number(n, prefs.language()))
                    }}
                </span>
                <Show when=move || totals().1 != 0>
                    <span class="warn">
                        {move || {
                            let n = totals().1 as u64;
                            prefs.words().subjects_deleted_count.count(n, &number(n, prefs.language()))
                        }}
                    </span>
                </Show>
                <span>
                    {prefs.text(|w| w.registry_address)} " "
                    <span class="mono registry-address" data-testid="registry-address">
                        {move || loaded.get().map(|result| result.registry.clone())}
                    </span>
                </span>
                <Show when=move || loaded.get().is_some_and(|result| result.mode.is_some())>
                    <span title=prefs
                        .text(|w| {
                            w.registry_mode_hint
                        })>
                        {prefs.text(|w| w.registry_mode)} " "
                        <b data-testid="registry-mode">{move || loaded.get().and_then(|result| result.mode.clone())}</b>
                    </span>
                </Show>
            </div>
            <CompatibilityField
                subject=None
                own=Signal::derive(move || loaded.get().and_then(|result| result.compatibility))
                registry=Signal::derive(|| None)
                on_changed=Callback::new(move |()| loaded.state.again())
            />
        </Show>
        <Show when=move || is_known.get() && !has_any.get()>
            <EmptyList
                find=find
                is_limited=Memo::new(move |_| store.read(|state| !state.sees_every_subject()))
                none=|w| w.no_subjects
                none_allowed=|w| w.no_subjects_allowed
                next=|w| w.no_subjects_next
            />
        </Show>
        <div
            class="table-place"
            data-testid="subjects"
            data-count=move || sorted.get().1.to_string()
            hidden=move || !(is_known.get() && has_any.get())
        >
            <DataTable
                testid="subjects-table"
                row_testid="subject-row"
                label=|w| w.nav_schemas
                columns=COLUMNS
                sort=sort
                rows=rows
                keeps_scroll_position=true
            />
        </div>
    }
}

fn subject_row(subject: &SubjectName, prefs: Preferences) -> TableRow {
    let state = if subject.deleted { prefs.words_untracked().deleted } else { "" };
    TableRow {
        cells: vec![
            TableCell::link(shown_name(&subject.name), subject_href(&subject.name, None)).class("mono"),
            TableCell::text(state).class("warn"),
        ],
        data: vec![("data-name", subject.name.clone()), ("data-deleted", subject.deleted.to_string())],
        class: if subject.deleted { "quiet" } else { "" },
    }
}
