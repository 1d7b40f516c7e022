//! The state of a topic's messages: the form, what was found, and the opened record.

use leptos::prelude::*;
use protocol::{Action, Decode, Object, Search};

use crate::context::navigation::{Navigation, href};
use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::context::{navigation, preferences, store};
use crate::live::detail::FieldUse;
use crate::live::live_view::{Selected, open};
use crate::messages::time_zone::TimeZone;
use crate::platform::{browser, regex};
use crate::ui::redraw::RedrawWhenVisible;
use page_model::{
    Address, CallbackId, Entry, FieldPath, Filter, FoundColumn, FoundRecords, NoticeKind, PayloadColumns, RangeChoice,
    ReadState, SearchCounts, SearchForm, SearchInputError, SearchMode, SearchState, View, and_equals, found_order,
    search_marks,
};

/// Where this browser keeps the columns of all topics.
const COLUMNS_KEY: &str = "ponte.columns";
/// The URL parameters of the form.
const PARAMETERS: [&str; 12] = [
    "order",
    "range",
    "from",
    "to",
    "partitions",
    "isolation",
    "where",
    "text",
    "regex",
    "key",
    "header",
    "partitioner",
];

/// The form that the address describes.
fn form_in_address(navigation: Navigation) -> SearchForm {
    let pairs = PARAMETERS.map(|name| (name, navigation.detail(name)));
    SearchForm::from_pairs(pairs.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))))
}

/// Handles only, so that every part of the view has its copy.
#[derive(Clone, Copy)]
pub struct Browse {
    pub topic: StoredValue<String>,
    pub form: RwSignal<SearchForm>,
    /// The fields that kept the last search from starting.
    pub errors: RwSignal<Vec<SearchInputError>>,
    pub found: StoredValue<FoundRecords, LocalStorage>,
    changed: RedrawWhenVisible,
    /// What the latest search marks in its records.
    pub marks: StoredValue<Filter, LocalStorage>,
    pub selected: Selected,
    /// The column by which the rows are ordered instead of the order of the search, and whether descending.
    pub sort: RwSignal<Option<(FoundColumn, bool)>>,
    /// The indices of the rows in the order in which they are shown.
    pub rows: StoredValue<Vec<usize>>,
    /// The fields of the value that are columns.
    pub fields: RwSignal<Vec<FieldPath>>,
    /// A text that the browser did not let the page copy.
    pub uncopied: RwSignal<Option<String>>,
    pub zone: TimeZone,
    pub decode: StoredValue<Decode>,
    search: StoredValue<Option<CallbackId>>,
    /// The form of the last search.
    ran: StoredValue<Option<SearchForm>>,
    /// When the last search was started; 0 before the first one.
    pub started_ms: RwSignal<i64>,
    /// The range of the last search.
    pub started_range: RwSignal<RangeChoice>,
    store: Store,
    prefs: Preferences,
    navigation: Navigation,
}

impl Browse {
    /// Call while the component is created.
    pub fn new(topic: String) -> Self {
        let (store, prefs, navigation) = (store(), preferences(), navigation());
        let browse = Self {
            form: RwSignal::new(untrack(|| form_in_address(navigation))),
            errors: RwSignal::default(),
            found: StoredValue::new_local(FoundRecords::default()),
            changed: RedrawWhenVisible::new(),
            marks: StoredValue::new_local(Filter::default()),
            selected: RwSignal::new_local(None),
            sort: RwSignal::new(None),
            rows: StoredValue::default(),
            fields: RwSignal::default(),
            uncopied: RwSignal::new(None),
            zone: TimeZone::load(),
            decode: StoredValue::new(Decode::default()),
            search: StoredValue::new(None),
            ran: StoredValue::new(None),
            started_ms: RwSignal::new(0),
            started_range: RwSignal::default(),
            topic: StoredValue::new(topic),
            store,
            prefs,
            navigation,
        };
        browse.fields.set(browse.kept_columns().of(&browse.cluster(), &browse.topic.get_value()));
        browse.start_when_connected();
        browse.follow_address();
        on_cleanup(move || browse.forget());
        browse
    }

    fn cluster(self) -> String {
        self.store.untracked(|state| state.cluster_choice().unwrap_or_default().to_owned())
    }

    /// The records are browsed at once, as soon as the bridge can be asked; again if the connection was lost before any record came.
    fn start_when_connected(self) {
        let is_ready = Memo::new(move |_| {
            let decode = self.chosen_decode();
            self.store.read(|state| {
                let has = |id: Option<_>| id.is_none_or(|id| state.schema_to_write(id).is_some());
                state.link().is_open() && has(decode.key_schema) && has(decode.value_schema)
            })
        });
        // The bridge gets the user's own schemas first.
        Effect::new(move |_| {
            let decode = self.chosen_decode();
            if self.store.read(|state| state.link().is_open()) {
                for id in [decode.key_schema, decode.value_schema].into_iter().flatten() {
                    self.store.act(|state, _| state.need_schema(id));
                }
            }
        });
        Effect::new(move |_| {
            let waits = self.found.with_value(|found| {
                found.rows().is_empty() && matches!(found.state(), SearchState::Idle | SearchState::Lost)
            });
            if is_ready.get() && waits && untrack(|| self.may_read()) {
                self.run();
            }
        });
    }

    /// A link, such as that of the tab, starts the search in its address.
    fn follow_address(self) {
        let topic = View::Topic(self.topic.get_value());
        Effect::new(move |_| {
            // The address changes before the view that it leaves is gone.
            let is_own = self.navigation.view() == topic
                && ["tab", "partition"].iter().all(|name| self.navigation.detail(name).is_none());
            let linked = form_in_address(self.navigation);
            let is_other = self.ran.with_value(|ran| ran.as_ref().is_some_and(|ran| ran.as_linked() != linked));
            if is_own && is_other {
                self.form.set(linked);
                self.run();
            }
        });
    }

    /// The address of the last search.
    pub fn link(self) -> String {
        let mut address = Address::of(View::Topic(self.topic.get_value()));
        for (name, value) in self.ran.get_value().unwrap_or_default().to_pairs() {
            address.set(name, value);
        }
        href(&address)
    }

    /// Reactive to the user's rights.
    pub fn may_read(self) -> bool {
        self.store.read(|state| state.may(Action::Read, &Object::Topic(&self.topic.get_value())))
    }

    /// Keeps the formats for the topic, and starts the search again.
    pub fn choose_decode(self, decode: Decode) {
        let cluster = self.store.untracked(|state| state.cluster_choice().map(str::to_owned));
        self.prefs.choose_formats(cluster.as_deref(), &[self.topic.get_value()], decode);
        self.run();
    }

    /// The formats that the user has chosen for the topic.
    pub fn chosen_decode(self) -> Decode {
        let cluster = self.store.read(|state| state.cluster_choice().map(str::to_owned));
        self.prefs.formats(cluster.as_deref(), &[self.topic.get_value()])
    }

    /// Starts the search that the form describes.
    pub fn run(self) {
        let form = self.form.get_untracked();
        let decode = untrack(|| self.chosen_decode());
        let moment = self.zone.moment();
        let search = match form.to_request(&self.topic.get_value(), decode, moment) {
            Ok(search) => search,
            Err(errors) => return self.errors.set(errors),
        };
        self.errors.set(Vec::new());
        self.ran.set_value(Some(form.clone()));
        for (name, value) in form.to_pairs() {
            self.navigation.set_detail(name, value);
        }
        self.decode.set_value(decode);
        self.selected.set(None);
        self.found.update_value(|found| found.begin(search.clone()));
        self.marks.set_value(search_marks(&search.filter, |pattern| regex::parse(pattern).ok()));
        self.started_range.set(form.range);
        self.started_ms.set(moment.now_ms);
        self.start(&search);
    }

    /// Changes the form and starts its search.
    pub fn change(self, change: impl FnOnce(&mut SearchForm)) {
        self.form.update(change);
        self.run();
    }

    /// Continues where the last search has ended.
    pub fn go_on(self) {
        let count = self.form.with_untracked(SearchForm::count);
        if let Some(search) = self.found.try_update_value(|found| found.go_on(count)).flatten() {
            self.start(&search);
        }
    }

    pub fn stop(self) {
        if let Some(search) = self.search.get_value() {
            self.store.stop_search(search);
        }
    }

    fn start(self, search: &Search) {
        self.forget();
        self.changed.notify();
        let started = self.store.start_search(search, move |update| {
            if self.found.try_update_value(|found| found.apply(update)).is_some() {
                self.changed.notify();
            }
        });
        self.search.set_value(started);
    }

    fn forget(self) {
        if let Some(search) = self.search.try_update_value(Option::take).flatten() {
            self.store.forget_search(search);
        }
    }

    // Reading; reactive to the progress of the search.

    pub fn read<T>(self, read: impl FnOnce(&FoundRecords) -> T) -> T {
        self.changed.track();
        self.found.with_value(read)
    }

    pub fn counts(self) -> SearchCounts {
        self.read(FoundRecords::counts)
    }

    pub fn is_running(self) -> bool {
        self.read(FoundRecords::is_running)
    }

    /// Whether the search that the form describes is running. After a change of the form, the next click searches instead of stopping.
    pub fn can_stop(self) -> bool {
        self.is_running() && self.form.with(|form| self.ran.with_value(|ran| ran.as_ref() == Some(form)))
    }

    /// Puts the rows into the order of the sorted column. Returns their number.
    pub fn sort_rows(self) -> usize {
        let sort = self.sort.get();
        let rows = self.read(|found| match &sort {
            Some((column, is_descending)) => found_order(found.rows(), column, *is_descending),
            None => (0..found.rows().len()).collect(),
        });
        let count = rows.len();
        self.rows.set_value(rows);
        count
    }

    /// The record in this row.
    pub fn entry(self, row: usize) -> Option<Entry> {
        let index = self.rows.with_value(|rows| rows.get(row).copied())?;
        self.found.with_value(|found| found.rows().get(index).cloned())
    }

    pub fn row_of(self, entry: &Entry) -> Option<usize> {
        self.found.with_value(|found| {
            self.rows.with_value(|rows| {
                rows.iter().position(|&index| found.rows().get(index).is_some_and(|found| found.is(entry)))
            })
        })
    }

    /// Opens the record that is this many rows below the opened one, or the first one.
    pub fn step(self, steps: i64) {
        let count = self.rows.with_value(Vec::len) as i64;
        let from = self.selected.get_untracked().and_then(|entry| self.row_of(&entry));
        let row = from.map_or(0, |row| (row as i64).saturating_add(steps).clamp(0, count - 1));
        if let Some(entry) = usize::try_from(row).ok().and_then(|row| self.entry(row)) {
            open(self.selected, entry);
        }
    }

    // Fields of the value.

    fn kept_columns(self) -> PayloadColumns {
        PayloadColumns::parse(&browser::stored(COLUMNS_KEY))
    }

    /// Shows the field as a column, or removes its column.
    pub fn toggle_column(self, path: &FieldPath) {
        let (cluster, topic) = (self.cluster(), self.topic.get_value());
        let mut columns = self.kept_columns();
        columns.toggle(&cluster, &topic, path);
        browser::store(COLUMNS_KEY, &columns.to_text());
        let fields = columns.of(&cluster, &topic);
        let lost =
            |(column, _): &(FoundColumn, bool)| matches!(column, FoundColumn::Field(path) if !fields.contains(path));
        if self.sort.with_untracked(|sort| sort.as_ref().is_some_and(lost)) {
            self.sort.set(None);
        }
        self.fields.set(fields);
    }

    pub fn use_field(self, usage: FieldUse, path: &FieldPath, json: Option<String>) {
        match (usage, json) {
            (FieldUse::Column, _) => self.toggle_column(path),
            (FieldUse::Filter, Some(json)) => self.change(|form| {
                let before = if form.mode == SearchMode::Expression { form.text.as_str() } else { "" };
                form.text = and_equals(before, path, &json);
                form.mode = SearchMode::Expression;
            }),
            (FieldUse::Filter, None) => {}
            (FieldUse::CopyPath, _) => self.copy(path.in_value()),
        }
    }

    pub fn copy(self, text: String) {
        leptos::task::spawn_local(async move {
            let is_copied = browser::copy(&text).await;
            if is_copied {
                self.store.notify(NoticeKind::Copied);
            }
            self.uncopied.try_set((!is_copied).then_some(text));
        });
    }
}
