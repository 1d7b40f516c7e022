//! The filter: a field for a text or regular expression, and further fields on demand. The filter applies while the user
//! types. An invalid field shows its error, and its last valid text stays in effect.

use std::rc::Rc;

use leptos::prelude::*;

use crate::context::settings::Preferences;
use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::live::json_paths::{load_json_paths, loaded_json_paths};
use crate::platform::browser;
use crate::platform::regex;
use page_model::{FilterError, FilterField, FilterFields, FilterParser, InputError, Regex, ValueCondition};

/// The filter's fields and their errors.
#[derive(Clone, Copy)]
pub struct FilterBox {
    pub fields: RwSignal<FilterFields>,
    pub errors: RwSignal<Vec<FilterError>>,
    /// The fields that the list is filtered by.
    effective: RwSignal<FilterFields>,
    pub is_open: RwSignal<bool>,
    /// Notified when the code for JSON paths has been loaded, or cannot be.
    paths_loaded: Trigger,
}

/// `paths_failed`: the code for JSON paths cannot be loaded.
struct Parser {
    paths_failed: bool,
}

impl FilterParser for Parser {
    fn regex(&self, text: &str) -> Result<Rc<dyn Regex>, String> {
        regex::parse(text)
    }

    fn json_path(&self, text: &str) -> Result<Rc<dyn ValueCondition>, InputError> {
        match loaded_json_paths() {
            Some(paths) => (paths.parse)(text),
            None if self.paths_failed => Err(InputError::CodeMissing),
            None => Err(InputError::Loading),
        }
    }

    fn local_time_ms(&self, text: &str) -> Option<i64> {
        browser::parse_local_date_time(text)
    }
}

impl FilterBox {
    /// Applies the fields now and whenever they change.
    pub fn new(fields: FilterFields) -> Self {
        let store = store();
        let is_open = RwSignal::new(fields.further() > 0);
        let effective = RwSignal::new(FilterFields::default());
        let (errors, paths_loaded) = (RwSignal::new(Vec::new()), Trigger::new());
        let this = Self { fields: RwSignal::new(fields), errors, effective, is_open, paths_loaded };
        Effect::new(move |before: Option<FilterFields>| {
            paths_loaded.track();
            let now = this.fields.get();
            let is_new = before.as_ref() != Some(&now) && !(before.is_none() && now.is_empty());
            let waits =
                this.errors.with_untracked(|errors| errors.iter().any(|error| error.kind == InputError::Loading));
            if is_new || waits {
                let parser = Parser { paths_failed: !is_new };
                let (effective, filter, errors) =
                    this.effective.with_untracked(|before| now.effective(before, &parser));
                if errors.iter().any(|error| error.kind == InputError::Loading) {
                    this.load_paths();
                }
                store.act(|state, _| state.set_filter(filter));
                this.effective.set(effective);
                this.errors.set(errors);
            }
            now
        });
        this
    }

    fn load_paths(self) {
        leptos::task::spawn_local(async move {
            let _ = load_json_paths().await;
            self.paths_loaded.notify();
        });
    }

    /// The code for JSON paths could not be loaded.
    fn is_code_missing(self) -> bool {
        self.errors.with(|errors| errors.iter().any(|error| error.kind == InputError::CodeMissing))
    }

    fn load_paths_again(self) {
        self.errors.update(|errors| {
            for error in errors.iter_mut().filter(|error| error.kind == InputError::CodeMissing) {
                error.kind = InputError::Loading;
            }
        });
        self.load_paths();
    }

    pub fn clear(self) {
        self.fields
            .update(|fields| *fields = FilterFields { is_pattern: fields.is_pattern, ..FilterFields::default() });
    }

    pub fn is_active(self) -> bool {
        self.fields.with(|fields| !fields.is_empty())
    }

    /// The error of the first invalid field, with the field's name.
    pub fn first_error(self, prefs: Preferences) -> Option<String> {
        let words = prefs.words();
        let field = self.errors.with(|errors| errors.first().map(|error| error.field))?;
        let label =
            FIELDS.iter().find(|spec| spec.field == field).map_or(words.filter_text, |spec| (spec.label)(words));
        let why = self.error(field, words)?;
        Some(words.filter_previous_applies.with_field_why(label, &why))
    }

    fn error(self, field: FilterField, words: &Words) -> Option<String> {
        self.errors.with(|errors| {
            errors.iter().find(|error| error.field == field).map(|error| match &error.kind {
                InputError::Regex(why) => words.invalid_regex.with_why(why),
                InputError::Numbers(piece) => words.invalid_numbers.with_piece(piece),
                InputError::Backwards => words.invalid_range.to_owned(),
                InputError::Time => words.invalid_time.to_owned(),
                InputError::Path { at } => words.invalid_path.with_at(&at.to_string()),
                InputError::Loading => words.loading.to_owned(),
                InputError::CodeMissing => words.code_missing.to_owned(),
            })
        })
    }
}

#[component]
pub fn FilterText(filter: FilterBox) -> impl IntoView {
    let prefs = preferences();
    let error = move || filter.error(FilterField::Text, prefs.words());
    // Number of further fields that the list is filtered by.
    let further = move || filter.effective.with(FilterFields::further);
    view! {
        <div class="filter-text" class:fault=move || error().is_some()>
            <input
                id="filter"
                type="search"
                data-testid="filter"
                autocomplete="off"
                spellcheck="false"
                placeholder=prefs.text(|w| w.filter)
                aria-label=prefs.text(|w| w.filter)
                aria-invalid=move || error().is_some().to_string()
                aria-describedby="filter-fault"
                prop:value=move || filter.fields.with(|fields| fields.text.clone())
                on:input=move |event| filter.fields.update(|fields| fields.text = event_target_value(&event))
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        event.stop_propagation();
                        if filter.fields.with_untracked(|fields| fields.text.is_empty()) {
                            browser::focus("feed-rows");
                        } else {
                            filter.fields.update(|fields| fields.text.clear());
                        }
                    }
                }
            />
            <button
                type="button"
                class="pattern"
                data-testid="filter-pattern"
                aria-label=prefs.text(|w| w.filter_regex)
                title=prefs.text(|w| w.filter_regex_hint)
                aria-pressed=move || filter.fields.with(|fields| fields.is_pattern).to_string()
                on:click=move |_| filter.fields.update(|fields| fields.is_pattern = !fields.is_pattern)
            >
                ".*"
            </button>
        </div>
        <button
            type="button"
            class="button filter-more"
            data-testid="filter-more"
            aria-expanded=move || filter.is_open.get().to_string()
            aria-controls="filter-fields"
            on:click=move |_| filter.is_open.update(|open| *open = !*open)
        >
            {prefs.text(|w| w.filter_more)}
            <span class="count">{move || Some(further()).filter(|&n| n > 0)}</span>
        </button>
    }
}

/// The message under the toolbar, and the further fields.
#[component]
pub fn FilterFieldRows(filter: FilterBox) -> impl IntoView {
    let prefs = preferences();
    view! {
        <p id="filter-fault" class="filter-fault" role="status" data-testid="filter-fault">
            {move || filter.first_error(prefs)}
            <Show when=move || filter.is_code_missing()>
                <button
                    type="button"
                    class="link load-paths"
                    data-testid="load-paths-again"
                    title=prefs.text(|w| w.code_missing_next)
                    on:click=move |_| filter.load_paths_again()
                >
                    {prefs.text(|w| w.try_again)}
                </button>
            </Show>
        </p>
        <Show when=move || filter.is_open.get()>
            <div id="filter-fields" class="filter-fields">
                {FIELDS.map(|spec| view! { <Field filter=filter spec=spec /> })}
                <button
                    type="button"
                    class="link"
                    disabled=move || !filter.is_active()
                    data-testid="filter-clear"
                    on:click=move |_| filter.clear()
                >
                    {prefs.text(|w| w.empty_filter_clear)}
                </button>
            </div>
        </Show>
    }
}

/// One of the further fields. Function pointers instead of closures, so that all fields share one component.
#[derive(Clone, Copy)]
struct Spec {
    field: FilterField,
    testid: &'static str,
    kind: &'static str,
    label: fn(&'static Words) -> &'static str,
    example: &'static str,
    value: fn(&mut FilterFields) -> &mut String,
}

const FIELDS: [Spec; 7] = [
    Spec {
        field: FilterField::Key,
        testid: "filter-key",
        kind: "text",
        label: |words| words.key,
        example: "order-42",
        value: |fields| &mut fields.key,
    },
    Spec {
        field: FilterField::Header,
        testid: "filter-header",
        kind: "text",
        label: |words| words.filter_header,
        example: "trace-id=7f3a",
        value: |fields| &mut fields.header,
    },
    Spec {
        field: FilterField::Path,
        testid: "filter-path",
        kind: "text",
        label: |words| words.filter_path,
        example: "$.price > 10",
        value: |fields| &mut fields.path,
    },
    Spec {
        field: FilterField::Partition,
        testid: "filter-partition",
        kind: "text",
        label: |words| words.partition,
        example: "0, 2-4",
        value: |fields| &mut fields.partition,
    },
    Spec {
        field: FilterField::Offset,
        testid: "filter-offset",
        kind: "text",
        label: |words| words.offset,
        example: "100-200",
        value: |fields| &mut fields.offset,
    },
    Spec {
        field: FilterField::Since,
        testid: "filter-since",
        kind: "datetime-local",
        label: |words| words.filter_since,
        example: "",
        value: |fields| &mut fields.since,
    },
    Spec {
        field: FilterField::Until,
        testid: "filter-until",
        kind: "datetime-local",
        label: |words| words.filter_until,
        example: "",
        value: |fields| &mut fields.until,
    },
];

#[component]
fn Field(filter: FilterBox, spec: Spec) -> impl IntoView {
    let prefs = preferences();
    let error = move || filter.error(spec.field, prefs.words());
    let error_id = format!("{}-fault", spec.testid);
    let expanded_form = move || {
        if spec.field != FilterField::Path {
            return None;
        }
        filter.paths_loaded.track();
        let text = filter.fields.with(|fields| fields.path.trim().to_owned());
        let expanded = (loaded_json_paths()?.expanded_form)(&text)?;
        Some(prefs.words().filter_read_as.with_text(&expanded))
    };
    let value = move || filter.fields.with(|fields| (spec.value)(&mut fields.clone()).clone());
    view! {
        <label class="filter-field" class:wide=spec.field == FilterField::Path>
            <span>{prefs.text(spec.label)}</span>
            <input
                type=spec.kind
                data-testid=spec.testid
                autocomplete="off"
                spellcheck="false"
                step="1"
                placeholder=spec.example
                aria-invalid=move || error().is_some().to_string()
                aria-describedby=error_id.clone()
                prop:value=value
                on:input=move |event| {
                    filter.fields.update(|fields| *(spec.value)(fields) = event_target_value(&event));
                }
            />
            <span class="fault" id=error_id.clone() role="status">
                {error}
            </span>
            <span class="field-note">{expanded_form}</span>
        </label>
    }
}
