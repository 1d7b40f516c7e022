//! The form for JSON with a schema. Form and text are the same JSON: an edit of a row changes its part of the text, and the rows are read
//! from the text.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use protocol::{RecordPart, SchemaStructure};

use crate::context::preferences;
use crate::i18n::Words;
use crate::send::field_editor::update_field;
use crate::send::send_fields::{Check, SendFields};
use page_model::{
    Control, DraftKind, DraftPart, Form, FormEdit, FormRow, MaskedField, PartsKind, SchemaForm, Step, TextKind,
};

/// Deeper rows have the indentation of this depth.
const MAX_INDENT: usize = 6;

/// The rows by their keys.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    order: Vec<String>,
    rows: BTreeMap<String, FormRow>,
    is_cut: bool,
    /// Why there are no rows.
    reason: Option<Reason>,
}

#[derive(Clone, Debug, PartialEq)]
enum Reason {
    NotJson,
    /// The line and column of the error.
    Invalid(usize, usize),
}

#[derive(Clone, Copy)]
struct FormState {
    fields: SendFields,
    kind: DraftKind,
    part: RecordPart,
    form: StoredValue<SchemaForm>,
    shown: Memo<Shown>,
    opened: RwSignal<BTreeSet<String>>,
}

impl FormState {
    fn edit(self, steps: &[Step], edit: &FormEdit) {
        let draft = self.fields.draft(self.kind);
        let text = draft.with_untracked(|draft| draft.field(self.part).text.clone());
        if let Some(text) = self.form.with_value(|form| form.edit(&text, steps, edit)) {
            update_field(draft, self.draft_part(), |field| field.text = text);
        }
    }

    fn draft_part(self) -> DraftPart {
        if self.part == RecordPart::Value { DraftPart::Value } else { DraftPart::Key }
    }

    fn row<T>(self, key: &str, read: impl FnOnce(&FormRow) -> T) -> Option<T> {
        self.shown.with(|shown| shown.rows.get(key).map(read))
    }
}

#[component]
pub fn TypedForm(
    fields: SendFields,
    kind: DraftKind,
    part: RecordPart,
    structure: SchemaStructure,
    names_branches: bool,
) -> impl IntoView {
    let prefs = preferences();
    let form = StoredValue::new(SchemaForm::new(structure, names_branches));
    let opened = RwSignal::new(BTreeSet::new());
    let draft = fields.draft(kind);
    let shown = Memo::new(move |_| {
        let (field_form, text) = draft.with(|draft| {
            let field = draft.field(part);
            (field.form, field.text.clone())
        });
        if field_form != Form::Json {
            return Shown { reason: Some(Reason::NotJson), ..Shown::default() };
        }
        match form.with_value(|form| opened.with(|opened| form.rows(&text, opened))) {
            Err(spot) => Shown { reason: Some(Reason::Invalid(spot.line, spot.column)), ..Shown::default() },
            Ok(rows) => {
                let mut shown = Shown { is_cut: rows.is_cut, ..Shown::default() };
                for row in rows.rows {
                    let key = row.key();
                    // A text may have the same member twice; the first one is edited.
                    if shown.rows.insert(key.clone(), row).is_none() {
                        shown.order.push(key);
                    }
                }
                shown
            }
        }
    });
    let state = FormState { fields, kind, part, form, shown, opened };
    let is_form = RwSignal::new(false);
    let tab = move |shows_form: bool, testid: &'static str, word: fn(&'static Words) -> &'static str| {
        view! {
            <button
                type="button"
                data-testid=testid
                aria-pressed=move || (is_form.get() == shows_form).to_string()
                on:click=move |_| is_form.set(shows_form)
            >
                {prefs.text(word)}
            </button>
        }
    };
    let reason = move || {
        let words = prefs.words();
        shown.with(|shown| match &shown.reason {
            Some(Reason::NotJson) => Some(words.typed_form_not_json.to_owned()),
            Some(Reason::Invalid(line, column)) => {
                let why = words.invalid_json.with_column_line(&column.to_string(), &line.to_string());
                Some(words.typed_form_invalid.with_why(&why))
            }
            None if shown.is_cut => Some(words.typed_form_cut.to_owned()),
            None => None,
        })
    };
    let of_part = move |word: &'static str| {
        let part = if part == RecordPart::Value { prefs.words().value } else { prefs.words().key };
        format!("{part}: {word}")
    };
    view! {
        <div
            class="seg typed-view"
            role="group"
            data-testid="typed-view"
            data-value=move || if is_form.get() { "form" } else { "json" }
            aria-label=move || of_part(prefs.words().typed_view)
        >
            {tab(true, "typed-view-form", |w| w.typed_form)}
            {tab(false, "typed-view-json", |w| w.form_json)}
        </div>
        <div
            class="typed-form"
            data-testid="typed-form"
            data-view=move || if is_form.get() { "form" } else { "json" }
            role="group"
            aria-label=move || of_part(prefs.words().typed_form)
        >
            <p class="field-note" role="status" data-testid="form-note">
                {reason}
            </p>
            <For each=move || shown.with(|shown| shown.order.clone()) key=|key| key.clone() let:key>
                {row_view(state, key)}
            </For>
        </div>
    }
}

fn row_view(state: FormState, key: String) -> Option<AnyView> {
    let prefs = preferences();
    let row = untrack(|| state.row(&key, FormRow::clone))?;
    let key = StoredValue::new(key);
    let steps = StoredValue::new(row.steps.clone());
    let edit = move |change: FormEdit| steps.with_value(|steps| state.edit(steps, &change));
    let of_row = move |read: fn(&FormRow) -> bool| key.with_value(|key| state.row(key, read)).unwrap_or_default();
    let path = row.path.clone();
    let check = state.fields.checks(state.kind).of(state.part);
    let error_path = path.clone();
    let is_faulty = Memo::new(move |_| {
        let is_misfit = check.with(|check| matches!(check, Check::Misfit { path, .. } if *path == error_path));
        is_misfit || of_row(|row| row.is_mismatch)
    });
    let masked_path = path.clone();
    let is_masked = Memo::new(move |_| {
        let is_same = |field: &MaskedField| field.part == state.draft_part() && field.path == masked_path;
        state.kind == DraftKind::Record
            && state.fields.masked.with(|left| left.as_ref().is_some_and(|left| left.iter().any(is_same)))
    });
    let name = if path.is_empty() { prefs.words_untracked().typed_whole.to_owned() } else { path.clone() };
    let label = row.label.clone();
    let about = [row.documentation.clone(), row.one_of.as_ref().map(|group| format!("oneof {group}"))];
    let about = about.into_iter().flatten().collect::<Vec<_>>().join(" · ");

    // Whether the member is there.
    let set_path = path.clone();
    let set_name = name.clone();
    let set = row.is_set.map(|_| {
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    data-testid="form-set"
                    data-path=set_path
                    aria-label=move || prefs.words().typed_set_label.with_name(&set_name)
                    prop:checked=move || of_row(|row| row.is_set == Some(true))
                    on:change=move |event| edit(FormEdit::Set(event_target_checked(&event)))
                />
                {prefs.text(|w| w.typed_set)}
            </label>
        }
    });
    let default = row.default.clone().filter(|_| row.is_set == Some(false));
    let default = default.map(|default| {
        view! { <span class="muted mono clip">{move || prefs.words().typed_default.with_value(&default)}</span> }
    });

    // The type of a union.
    let branches = (!row.branches.is_empty() && row.is_set != Some(false)).then(|| {
        let options = row.branches.iter().enumerate().map(|(at, branch)| {
            let is_chosen =
                move || key.with_value(|key| state.row(key, |row| row.branch == Some(at))).unwrap_or_default();
            view! {
                <option value=at.to_string() prop:selected=is_chosen>
                    {branch.clone()}
                </option>
            }
        });
        let (branch_path, branch_name) = (path.clone(), name.clone());
        view! {
            <select
                class="form-branch"
                data-testid="form-branch"
                data-path=branch_path
                aria-label=move || prefs.words().typed_branch_label.with_name(&branch_name)
                on:change=move |event| {
                    if let Ok(branch) = event_target_value(&event).parse() {
                        edit(FormEdit::Branch(branch));
                    }
                }
            >
                {row
                    .branch
                    .is_none()
                    .then(|| {
                        view! {
                            <option value="" selected=true>
                                "?"
                            </option>
                        }
                    })}
                {options.collect::<Vec<_>>()}
            </select>
        }
    });

    let (remove_path, remove_name) = (path.clone(), name.clone());
    let remove = row.is_removable.then(|| {
        view! {
            <button
                type="button"
                class="icon"
                data-testid="form-remove"
                data-path=remove_path
                aria-label=move || prefs.words().typed_remove_label.with_name(&remove_name)
                title=move || prefs.words().typed_remove
                on:click=move |_| edit(FormEdit::Remove)
            >
                "×"
            </button>
        }
    });
    let key_path = path.clone();
    let old_key = label.clone();
    let label_view = if row.has_key {
        view! {
            <input
                type="text"
                class="mono form-key"
                data-testid="form-key"
                data-path=key_path
                autocomplete="off"
                spellcheck="false"
                aria-label=prefs.text(|w| w.typed_map_key)
                prop:value=old_key.clone()
                on:change=move |event| edit(FormEdit::Rename(event_target_value(&event)))
            />
        }
        .into_any()
    } else {
        view! {
            <span class="form-label mono clip" title=about.clone()>
                {label.clone()}
            </span>
        }
        .into_any()
    };
    let control = control_view(state, &row, key, is_faulty, name, edit);
    let note = (!about.is_empty()).then(|| view! { <span class="form-about muted">{about}</span> });
    let class = format!("form-row depth-{}", row.depth.min(MAX_INDENT));
    Some(
        view! {
            <div
                class=class
                class:faulty=move || is_faulty.get()
                class:masked=move || is_masked.get()
                data-testid="form-row"
                data-path=path
            >
                <div class="form-head">
                    {label_view} <span class="form-type muted clip">{row.type_title.clone()}</span> {set} {default}
                    {branches} {remove}
                </div>
                {control}
                <Show when=move || is_masked.get()>
                    <span class="form-about" data-testid="form-masked">
                        {prefs.text(|w| w.masked_note)}
                    </span>
                </Show>
                {note}
            </div>
        }
        .into_any(),
    )
}

fn control_view(
    state: FormState,
    row: &FormRow,
    key: StoredValue<String>,
    is_faulty: Memo<bool>,
    name: String,
    edit: impl Fn(FormEdit) + Copy + Send + Sync + 'static,
) -> AnyView {
    let prefs = preferences();
    let path = row.path.clone();
    let invalid = move || is_faulty.get().to_string();
    match &row.control {
        Control::None => ().into_any(),
        Control::Text { kind, text } => {
            let value = move || {
                let text = key.with_value(|key| {
                    state.row(key, |row| match &row.control {
                        Control::Text { text, .. } => text.clone(),
                        _ => String::new(),
                    })
                });
                text.unwrap_or_default()
            };
            let write = move |event: leptos::ev::Event| edit(FormEdit::Text(event_target_value(&event)));
            let mode = match kind {
                TextKind::Integer => "numeric",
                TextKind::Number => "decimal",
                _ => "text",
            };
            let hint = *kind;
            let placeholder = move || match hint {
                TextKind::Bytes => prefs.words().base64_placeholder,
                TextKind::Time => "2026-01-31T10:00:00Z",
                _ => "",
            };
            // A text may get a second line while the user types: another element would lose the focus.
            if matches!(kind, TextKind::String | TextKind::Json) {
                let rows = if text.contains('\n') || *kind == TextKind::Json { "2" } else { "1" };
                view! {
                    <textarea
                        class="mono"
                        rows=rows
                        data-testid="form-field"
                        data-path=path
                        spellcheck="false"
                        aria-label=name
                        aria-invalid=invalid
                        prop:value=value
                        on:input=write
                    ></textarea>
                }
                .into_any()
            } else {
                view! {
                    <input
                        type="text"
                        class="mono"
                        inputmode=mode
                        data-testid="form-field"
                        data-path=path
                        autocomplete="off"
                        spellcheck="false"
                        placeholder=placeholder
                        aria-label=name
                        aria-invalid=invalid
                        prop:value=value
                        on:input=write
                    />
                }
                .into_any()
            }
        }
        Control::Check(_) => {
            let is_checked = move || {
                key.with_value(|key| state.row(key, |row| row.control == Control::Check(true))).unwrap_or_default()
            };
            view! {
                <label class="check">
                    <input
                        type="checkbox"
                        data-testid="form-field"
                        data-path=path
                        aria-label=name
                        prop:checked=is_checked
                        on:change=move |event| edit(FormEdit::Check(event_target_checked(&event)))
                    />
                    <span class="mono">{move || is_checked().to_string()}</span>
                </label>
            }
            .into_any()
        }
        Control::Choice { options, chosen } => {
            let choices = options.iter().enumerate().map(|(at, option)| {
                let is_chosen = move || {
                    let is =
                        |row: &FormRow| matches!(row.control, Control::Choice { chosen, .. } if chosen == Some(at));
                    key.with_value(|key| state.row(key, is)).unwrap_or_default()
                };
                view! {
                    <option value=at.to_string() prop:selected=is_chosen>
                        {option.clone()}
                    </option>
                }
            });
            view! {
                <select
                    class="mono"
                    data-testid="form-field"
                    data-path=path
                    aria-label=name
                    aria-invalid=invalid
                    on:change=move |event| {
                        if let Ok(option) = event_target_value(&event).parse() {
                            edit(FormEdit::Choose(option));
                        }
                    }
                >
                    {chosen
                        .is_none()
                        .then(|| {
                            view! {
                                <option value="" selected=true>
                                    "?"
                                </option>
                            }
                        })}
                    {choices.collect::<Vec<_>>()}
                </select>
            }
            .into_any()
        }
        Control::Parts { kind, is_open, .. } => parts_view(state, *kind, is_open.is_some(), key, path, name, edit),
    }
}

/// The buttons of a value with parts: to open it, and to add an element or an entry.
fn parts_view(
    state: FormState,
    kind: PartsKind,
    can_close: bool,
    key: StoredValue<String>,
    path: String,
    name: String,
    edit: impl Fn(FormEdit) + Copy + Send + Sync + 'static,
) -> AnyView {
    let prefs = preferences();
    let parts = move || {
        let parts = key.with_value(|key| {
            state.row(key, |row| match row.control {
                Control::Parts { count, is_open, .. } => (count, is_open.unwrap_or(true)),
                _ => (0, true),
            })
        });
        parts.unwrap_or((0, true))
    };
    let open_path = path.clone();
    let toggle = can_close.then(|| {
        let toggled = open_path.clone();
        view! {
            <button
                type="button"
                class="link"
                data-testid="form-open"
                data-path=open_path
                aria-expanded=move || parts().1.to_string()
                on:click=move |_| {
                    state
                        .opened
                        .update(|opened| {
                            if !opened.remove(&toggled) {
                                opened.insert(toggled.clone());
                            }
                        });
                }
            >
                {move || if parts().1 { prefs.words().typed_close } else { prefs.words().typed_open }}
            </button>
        }
    });
    let new_key = RwSignal::new(String::new());
    let key_path = path.clone();
    let key_field = (kind == PartsKind::Map).then(|| {
        view! {
            <input
                type="text"
                class="mono form-key"
                data-testid="form-new-key"
                data-path=key_path
                autocomplete="off"
                spellcheck="false"
                placeholder=prefs.text(|w| w.typed_map_key)
                aria-label=prefs.text(|w| w.typed_map_key)
                prop:value=move || new_key.get()
                on:input=move |event| new_key.set(event_target_value(&event))
            />
        }
    });
    let add = (kind != PartsKind::Record).then(|| {
        view! {
            <button
                type="button"
                class="link"
                data-testid="form-add"
                data-path=path
                aria-label=move || prefs.words().typed_add_label.with_name(&name)
                on:click=move |_| {
                    edit(FormEdit::Add(new_key.get_untracked()));
                    new_key.set(String::new());
                }
            >
                "+ "
                {prefs.text(|w| w.typed_add)}
            </button>
        }
    });
    view! { <div class="form-parts">{toggle} {key_field} {add}</div> }.into_any()
}
