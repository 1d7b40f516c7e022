//! The form that registers a schema as a new subject or as the next version of a subject. The registry can check it before.

use leptos::prelude::*;
use protocol::limits::SCHEMA_BYTES;
use protocol::{CheckSchema, CheckSchemaResult, RegisterSchema, SchemaLanguage};

use crate::context::navigation::href;
use crate::context::request_error::request_error_text;
use crate::context::{navigation, preferences, store};
use crate::schemas::blocked::blocked_text;
use crate::schemas::reference_rows::ReferenceRows;
use crate::ui::format::bytes;
use page_model::{Address, ReadState, RegistrationError, RegistrationForm, RequestError, View};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Check,
    Register,
}

#[component]
pub fn RegisterForm(
    form: RegistrationForm,
    has_fixed_subject: bool,
    on_cancel: Callback<()>,
    /// The form then opens the version.
    on_registered: Callback<()>,
) -> impl IntoView {
    let (store, prefs, navigation) = (store(), preferences(), navigation());
    let form = RwSignal::new(form);
    let waiting = RwSignal::new(None::<Waiting>);
    let checked = RwSignal::new(None::<CheckSchemaResult>);
    let failure = RwSignal::new(None::<RequestError>);
    // Mistakes are shown after the first attempt.
    let was_submitted = RwSignal::new(false);
    let error = Memo::new(move |_| form.with(RegistrationForm::error).filter(|_| was_submitted.get()));
    // Number of edits so far. The reply about an earlier text is dropped.
    let edits = StoredValue::new(0_u64);
    let edited = Callback::new(move |()| {
        edits.update_value(|edits| *edits += 1);
        checked.set(None);
        failure.set(None);
    });
    let blocked = move || {
        let blocked = store.read(|state| {
            let subject = form.with(|form| form.subject().to_owned());
            match subject.as_str() {
                "" => state.register_blocked(),
                subject => state.schema_change_blocked(protocol::Action::Write, &protocol::Object::Subject(subject)),
            }
        });
        blocked.map(|blocked| blocked_text(blocked, prefs.words()))
    };
    let blocked = Memo::new(move |_| blocked());
    let is_offline = Memo::new(move |_| store.read(|state| !state.link().is_open()));
    // The subject and the schema, unless the form has a mistake or a request is under way.
    let ready = move || {
        was_submitted.set(true);
        let is_free = waiting.get_untracked().is_none();
        let draft = form.with_untracked(|form| Some((form.subject().to_owned(), form.draft().ok()?)));
        draft.filter(|_| is_free)
    };
    let check = move |_| {
        let Some((subject, schema)) = ready() else { return };
        waiting.set(Some(Waiting::Check));
        edited.run(());
        let about = edits.get_value();
        store.request(CheckSchema { subject, schema }, move |reply| {
            if waiting.try_set(None).is_some() || edits.try_get_value() != Some(about) {
                return;
            }
            match reply {
                Ok(result) => checked.set(Some(result)),
                Err(reason) => failure.set(Some(reason)),
            }
        });
    };
    let register = move || {
        if blocked.get_untracked().is_some() {
            return;
        }
        let Some((subject, schema)) = ready() else { return };
        waiting.set(Some(Waiting::Register));
        failure.set(None);
        store.request(RegisterSchema { subject: subject.clone(), schema }, move |reply| {
            // The user may have left the form meanwhile; the page then does not open the version.
            let is_unmounted = waiting.try_set(None).is_some();
            match reply {
                Err(RequestError::Refused(error)) if is_unmounted => store.notify_error(error),
                _ if is_unmounted => {}
                Ok(registered) => {
                    on_registered.run(());
                    let version = registered.version.to_string();
                    navigation.open(Address::of(View::Subject(subject)).with("version", version));
                }
                Err(reason) => failure.set(Some(reason)),
            }
        });
    };
    let languages = SchemaLanguage::ALL.map(|language| {
        view! {
            <option value=language.format().name() selected=form.with_untracked(|form| form.language == language)>
                {language.title()}
            </option>
        }
    });
    let has_error = move |of: RegistrationError| error.get() == Some(of);
    view! {
        <form
            class="register-form"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                register();
            }
        >
            <div class="register-fields">
                <label class="field">
                    <span class="field-head">{prefs.text(|w| w.subject)}</span>
                    <input
                        type="text"
                        class="mono"
                        data-testid="schema-subject"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        readonly=has_fixed_subject
                        aria-invalid=move || has_error(RegistrationError::NoSubject).to_string()
                        prop:value=move || form.with(|form| form.subject.clone())
                        on:input=move |event| {
                            form.update(|form| form.subject = event_target_value(&event));
                            edited.run(());
                        }
                    />
                    <span class="field-note" class:fault=move || has_error(RegistrationError::NoSubject)>
                        {move || match (has_error(RegistrationError::NoSubject), has_fixed_subject) {
                            (true, _) => prefs.words().subject_required,
                            (_, true) => "",
                            _ => prefs.words().subject_note,
                        }}
                    </span>
                </label>
                <label class="field">
                    <span class="field-head">{prefs.text(|w| w.schema_language)}</span>
                    <select
                        data-testid="schema-language"
                        prop:value=move || form.with(|form| form.language.format().name())
                        on:change=move |event| {
                            let chosen = event_target_value(&event);
                            let language = SchemaLanguage::ALL
                                .into_iter()
                                .find(|language| language.format().name() == chosen);
                            form.update(|form| form.language = language.unwrap_or(form.language));
                            edited.run(());
                        }
                    >
                        {languages}
                    </select>
                </label>
            </div>
            <label class="field">
                <span class="field-head">{prefs.text(|w| w.schema_text)}</span>
                <textarea
                    class="mono"
                    rows="18"
                    data-testid="schema-draft"
                    autocapitalize="off"
                    spellcheck="false"
                    aria-invalid=move || {
                        (has_error(RegistrationError::NoText) || has_error(RegistrationError::TooLarge)).to_string()
                    }
                    prop:value=move || form.with(|form| form.text.clone())
                    on:input=move |event| {
                        form.update(|form| form.text = event_target_value(&event));
                        edited.run(());
                    }
                ></textarea>
                <span class="field-note fault" role="status">
                    {move || match error.get() {
                        Some(RegistrationError::NoText) => prefs.words().schema_required.to_owned(),
                        Some(RegistrationError::TooLarge) => {
                            prefs.words().schema_over_limit.with_limit(&bytes(SCHEMA_BYTES, prefs.language()))
                        }
                        _ => String::new(),
                    }}
                </span>
            </label>
            <ReferenceRows form=form error=error on_edit=edited />
            <div role="status">
                {move || checked.get().map(|result| view! { <CheckResult result=result form=form /> })}
            </div>
            <p class="fault" role="alert" data-testid="schema-fault">
                {move || {
                    failure.with(|failure| failure.as_ref().map(|reason| request_error_text(reason, prefs.words())))
                }}
            </p>
            <div class="actions">
                <button
                    type="button"
                    class="button"
                    data-testid="schema-check"
                    disabled=move || waiting.get().is_some() || is_offline.get()
                    title=prefs.text(|w| w.check_hint)
                    on:click=check
                >
                    {move || match waiting.get() {
                        Some(Waiting::Check) => prefs.words().in_progress,
                        _ => prefs.words().check_schema,
                    }}
                </button>
                <button
                    type="submit"
                    class="button primary"
                    data-testid="schema-register"
                    disabled=move || waiting.get().is_some() || blocked.get().is_some()
                    title=move || blocked.get()
                    aria-describedby="cannot-register"
                >
                    {move || match waiting.get() {
                        Some(Waiting::Register) => prefs.words().in_progress,
                        _ => prefs.words().register,
                    }}
                </button>
                <button type="button" class="button quiet" on:click=move |_| on_cancel.run(())>
                    {prefs.text(|w| w.cancel)}
                </button>
                <p id="cannot-register" class="why-not" data-testid="why-not">
                    {move || blocked.get()}
                </p>
            </div>
        </form>
    }
}

/// What the registry says of the schema.
#[component]
fn CheckResult(result: CheckSchemaResult, form: RwSignal<RegistrationForm>) -> impl IntoView {
    let prefs = preferences();
    let CheckSchemaResult { compatible, reasons, existing_version } = result;
    let verdict = move || match compatible {
        true => prefs.words().check_compatible,
        false => prefs.words().check_incompatible,
    };
    let has_reasons = !reasons.is_empty();
    let existing = existing_version.map(|version| {
        let subject = form.with_untracked(|form| form.subject().to_owned());
        let address = href(&Address::of(View::Subject(subject)).with("version", version.to_string()));
        view! {
            <p>
                <a href=address data-view="">
                    {move || prefs.words().check_existing.with_n(&version.to_string())}
                </a>
            </p>
        }
    });
    view! {
        <div class="check-result" data-testid="schema-check-result" data-compatible=compatible.to_string()>
            <p class="check-verdict">{verdict}</p>
            {(!compatible && !has_reasons).then(|| view! { <p>{prefs.text(|w| w.check_no_reasons)}</p> })}
            <ul>{reasons.into_iter().map(|reason| view! { <li>{reason}</li> }).collect::<Vec<_>>()}</ul>
            {existing}
        </div>
    }
}
