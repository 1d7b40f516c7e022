//! The form of an offset reset: the target, and the topics and partitions. Submitting it requests a plan, which changes no
//! offset.

use leptos::prelude::*;

use crate::context::preferences;
use crate::groups::group_screen::GroupScreen;
use crate::groups::reset_panel::UndoActions;
use crate::i18n::Words;
use crate::platform::browser;
use crate::platform::files;
use crate::ui::file_picker::FilePicker;
use page_model::{InputError, OffsetsErrorKind, ResetChoice, ResetFormError, ResetStep, ResetTo};

/// Maximum number of invalid lines of a file that are shown.
const SHOWN_ERRORS: usize = 5;

#[component]
pub fn ResetForm(screen: GroupScreen, step: Memo<ResetStep>) -> impl IntoView {
    let prefs = preferences();
    let choice = screen.choice;
    let to = Memo::new(move |_| choice.with(|choice| choice.to));
    let form_error =
        Memo::new(move |_| choice.with(|choice| choice.request(&screen.name(), browser::parse_local_date_time).err()));
    // An empty field is not marked as invalid.
    let is_touched = Memo::new(move |_| choice.with(|choice| !field_text(choice).trim().is_empty()));
    let topics = Memo::new(move |_| {
        screen.snapshot(|group| group.topics().into_iter().map(|share| share.topic).collect::<Vec<_>>())
    });
    let options = ResetTo::ALL.map(|to| {
        view! { <option value=to.name()>{move || target_words(to, prefs.words())}</option> }
    });
    let choose = move |name: String| {
        if let Some(to) = ResetTo::ALL.into_iter().find(|to| to.name() == name) {
            choice.update(|choice| choice.to = to);
        }
    };
    let is_waiting = move || step.get().is_waiting();
    let why_not = move || {
        let words = prefs.words();
        if is_waiting() {
            return words.reset_planning.to_owned();
        }
        form_error.get().map(|form_error| error_words(&form_error, words)).unwrap_or_default()
    };
    let error = move || screen.reset(|reset| reset.error().map(|error| error.message.clone()));
    let field = move || {
        match to.get() {
        ResetTo::Earliest | ResetTo::Latest => ().into_any(),
        ResetTo::File => view! { <FileField screen=screen /> }.into_any(),
        to => view! { <TargetField screen=screen to=to is_invalid=move || is_touched.get() && is_about_target(form_error.get()) /> }
            .into_any(),
    }
    };
    let has_scope = Memo::new(move |_| choice.with(ResetChoice::has_scope));
    view! {
        <form
            class="reset-form"
            on:submit=move |event| {
                event.prevent_default();
                screen.plan();
            }
        >
            <div class="reset-fields" class:with-file=move || to.get() == ResetTo::File>
                <div class="field">
                    <label for="reset-to">{prefs.text(|w| w.reset_to)}</label>
                    <select
                        id="reset-to"
                        data-testid="reset-to"
                        prop:value=move || to.get().name()
                        on:change=move |event| choose(event_target_value(&event))
                    >
                        {options}
                    </select>
                </div>
                {field}
                <Show when=move || has_scope.get()>
                    <ScopeFields screen=screen topics=topics form_error=form_error />
                </Show>
            </div>
            <div class="actions">
                <button
                    type="submit"
                    class="button primary"
                    data-testid="reset-plan"
                    disabled=move || is_waiting() || form_error.with(Option::is_some)
                    aria-describedby="reset-form-why"
                >
                    {prefs.text(|w| w.reset_plan)}
                </button>
                <UndoActions screen=screen step=step />
                <span id="reset-form-why" class="why-not" role="status">
                    {why_not}
                </span>
            </div>
            <p class="reset-why bad" data-testid="reset-error" role="alert">
                {error}
            </p>
        </form>
    }
}

/// The text of the field that belongs to the target.
fn field_text(choice: &ResetChoice) -> &str {
    match choice.to {
        ResetTo::Earliest | ResetTo::Latest => "",
        ResetTo::Time => &choice.time,
        ResetTo::Offset => &choice.offset,
        ResetTo::Shift => &choice.shift,
        ResetTo::File => &choice.file,
    }
}

fn is_about_target(form_error: Option<ResetFormError>) -> bool {
    matches!(form_error, Some(ResetFormError::Time | ResetFormError::Offset | ResetFormError::Shift))
}

fn target_words(to: ResetTo, words: &'static Words) -> &'static str {
    match to {
        ResetTo::Earliest => words.reset_to_earliest,
        ResetTo::Latest => words.reset_to_latest,
        ResetTo::Time => words.reset_to_time,
        ResetTo::Offset => words.reset_to_offset,
        ResetTo::Shift => words.reset_to_shift,
        ResetTo::File => words.reset_to_file,
    }
}

fn error_words(form_error: &ResetFormError, words: &'static Words) -> String {
    match form_error {
        ResetFormError::Time => words.reset_invalid_time.to_owned(),
        ResetFormError::Offset => words.reset_invalid_offset.to_owned(),
        ResetFormError::Shift => words.reset_invalid_shift.to_owned(),
        ResetFormError::FileEmpty => words.reset_empty_file.to_owned(),
        ResetFormError::OtherGroups(_) => words.reset_no_line_of_group.to_owned(),
        ResetFormError::File(errors) => {
            let n = errors.len() as u64;
            words.batch_invalid_count.count(n, &n.to_string())
        }
        ResetFormError::Topic => words.topic_invalid.to_owned(),
        ResetFormError::Partitions(InputError::Numbers(piece)) => words.invalid_numbers.with_piece(piece),
        ResetFormError::Partitions(_) => words.invalid_range.to_owned(),
    }
}

/// The field of a target with one value: a time, an offset, or a number of records.
#[component]
fn TargetField(
    screen: GroupScreen,
    to: ResetTo,
    is_invalid: impl Fn() -> bool + Send + Sync + 'static,
) -> impl IntoView {
    let prefs = preferences();
    let choice = screen.choice;
    let kind = if to == ResetTo::Time { "datetime-local" } else { "text" };
    // The numeric keyboard of a phone has no minus sign.
    let mode = (to == ResetTo::Offset).then_some("numeric");
    let label = move || {
        let words = prefs.words();
        match to {
            ResetTo::Time => words.reset_time,
            ResetTo::Shift => words.reset_shift,
            _ => words.offset,
        }
    };
    let placeholder = move || if to == ResetTo::Shift { prefs.words().reset_shift_hint } else { "" };
    let write = move |text: String| {
        choice.update(|choice| match to {
            ResetTo::Time => choice.time = text,
            ResetTo::Shift => choice.shift = text,
            _ => choice.offset = text,
        });
    };
    view! {
        <div class="field">
            <label for="reset-value">{label}</label>
            <input
                id="reset-value"
                data-testid="reset-value"
                type=kind
                step="1"
                inputmode=mode
                autocomplete="off"
                placeholder=placeholder
                aria-invalid=move || is_invalid().to_string()
                prop:value=choice.with_untracked(|choice| field_text(choice).to_owned())
                on:input=move |event| write(event_target_value(&event))
            />
        </div>
    }
}

/// The fields for the topic and its partitions; empty fields mean all.
#[component]
fn ScopeFields(
    screen: GroupScreen,
    topics: Memo<Vec<String>>,
    form_error: Memo<Option<ResetFormError>>,
) -> impl IntoView {
    let prefs = preferences();
    let choice = screen.choice;
    let has_topic = Memo::new(move |_| choice.with(|choice| !choice.topic.trim().is_empty()));
    let topic_options =
        move || topics.get().into_iter().map(|topic| view! { <option value=topic></option> }).collect::<Vec<_>>();
    view! {
        <div class="field">
            <label for="reset-topic">{prefs.text(|w| w.reset_topic)}</label>
            <input
                id="reset-topic"
                data-testid="reset-topic"
                type="text"
                list="reset-topics"
                autocomplete="off"
                spellcheck="false"
                placeholder=prefs.text(|w| w.reset_topic_all)
                aria-invalid=move || {
                    form_error.with(|form_error| *form_error == Some(ResetFormError::Topic)).to_string()
                }
                prop:value=choice.with_untracked(|choice| choice.topic.clone())
                on:input=move |event| choice.update(|choice| choice.topic = event_target_value(&event))
            />
            <datalist id="reset-topics">{topic_options}</datalist>
        </div>
        <div class="field">
            <label for="reset-partitions">{prefs.text(|w| w.reset_partitions)}</label>
            <input
                id="reset-partitions"
                data-testid="reset-partitions"
                type="text"
                autocomplete="off"
                placeholder=prefs.text(|w| w.reset_partitions_all)
                disabled=move || !has_topic.get()
                aria-invalid=move || {
                    form_error.with(|form_error| matches!(form_error, Some(ResetFormError::Partitions(_)))).to_string()
                }
                prop:value=choice.with_untracked(|choice| choice.partitions.clone())
                on:input=move |event| choice.update(|choice| choice.partitions = event_target_value(&event))
            />
        </div>
    }
}

/// The field for the lines of an offset file: pasted, dropped or chosen. The error of each invalid line is listed.
#[component]
fn FileField(screen: GroupScreen) -> impl IntoView {
    let prefs = preferences();
    let choice = screen.choice;
    let load_file = move |file| {
        files::read(file, move |_, bytes| {
            choice.try_update(|choice| choice.file = String::from_utf8_lossy(&bytes).into_owned());
        });
    };
    let errors = move || {
        let words = prefs.words();
        let found = choice.with(|choice| choice.request(&screen.name(), |_| None).err());
        let Some(ResetFormError::File(errors)) = found else { return Vec::new() };
        let more = errors.len().saturating_sub(SHOWN_ERRORS);
        let shown = errors.iter().take(SHOWN_ERRORS).map(|error| {
            let line = words.batch_line.with_n(&error.line.to_string());
            view! {
                <li>
                    <b>{line}</b>
                    " "
                    {mistake_words(&error.why, words)}
                </li>
            }
            .into_any()
        });
        let rest = (more > 0)
            .then(|| view! { <li class="muted">{words.batch_more_errors.with_n(&more.to_string())}</li> }.into_any());
        shown.chain(rest).collect()
    };
    let ignored = move || {
        let lines = choice.with(|choice| choice.ignored_lines(&screen.name())) as u64;
        (lines > 0).then(|| prefs.words().reset_ignored_count.count(lines, &lines.to_string()))
    };
    view! {
        <div class="field reset-file">
            <div class="field-head">
                <label for="reset-lines">{prefs.text(|w| w.reset_lines)}</label>
                <FilePicker
                    label=|w| w.batch_choose_file
                    testid="reset-choose-file"
                    picker_testid="reset-picker"
                    accept=".csv,text/csv,text/plain"
                    on_file=load_file
                />
            </div>
            <textarea
                id="reset-lines"
                data-testid="reset-lines"
                class="mono"
                rows="4"
                spellcheck="false"
                placeholder=prefs.text(|w| w.reset_lines_hint)
                prop:value=move || choice.with(|choice| choice.file.clone())
                on:input=move |event| choice.update(|choice| choice.file = event_target_value(&event))
                on:dragover=|event| event.prevent_default()
                on:drop=move |event| {
                    if let Some(file) = files::dropped(&event) {
                        load_file(file);
                    }
                }
            ></textarea>
            <p class="muted" data-testid="reset-ignored" role="status">
                {ignored}
            </p>
            <ul class="failures reset-faults" data-testid="reset-faults">
                {errors}
            </ul>
        </div>
    }
}

fn mistake_words(why: &OffsetsErrorKind, words: &'static Words) -> String {
    match why {
        OffsetsErrorKind::Columns(n) => words.offsets_columns_count.count(*n as u64, &n.to_string()),
        OffsetsErrorKind::Topic(text) => words.offsets_topic.with_text(text),
        OffsetsErrorKind::Partition(text) => words.line_partition.with_text(text),
        OffsetsErrorKind::Offset(text) => words.offsets_offset.with_text(text),
        OffsetsErrorKind::Twice(line) => words.offsets_duplicate.with_n(&line.to_string()),
    }
}
