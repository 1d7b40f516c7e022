//! How a key or a value is written: the format, the subject and version of its schema, and a form beside the JSON. The bridge checks the
//! JSON while the user types.

use leptos::prelude::*;
use protocol::{Encoding, RecordFormat, RecordPart, SchemaStructure, SubjectRequest, SubjectsRequest};

use crate::context::format_word::format_word;
use crate::context::preferences;
use crate::i18n::Words;
use crate::send::field_editor::update_field;
use crate::send::send_fields::{Check, SendFields};
use crate::send::typed_checks::{Description, check_while_typing, chosen, describe};
use crate::send::typed_form::TypedForm;
use crate::send::typed_formats::{FormatsLine, formats_are_open};
use crate::send::typed_requests::request_text;
use crate::send::typed_task::check_batch;
use crate::ui::json_view::with_signs;
use crate::ui::lazy::lazy_part;
use page_model::{DraftKind, DraftPart, ENCODINGS, Form, PartEncoding, ReadState, SubjectStrategy, indent};

/// The topic and the encoding in the form, and the latest structure that is known for them.
type LatestStructure = (Option<(String, Encoding)>, Option<SchemaStructure>);

/// The value of the option for the user's own schema, besides the names of the strategies.
const OWN_SCHEMA: &str = "own";

lazy_part! {
    /// The encoding of a field, and its form.
    typed, load_typed_field, pub fn typed_field(fields: SendFields, kind: DraftKind, part: RecordPart) -> LoadedView {
        Ok(view! { <TypedField fields=fields kind=kind part=part /> }.into_any())
    }
}

lazy_part! {
    /// The encoding of the records of a batch.
    typed, load_typed_batch, pub fn typed_batch(fields: SendFields) -> LoadedView {
        Ok(view! { <TypedBatch fields=fields /> }.into_any())
    }
}

/// The name of a part in test ids and ids: `encode-value`.
fn testid_of(part: RecordPart) -> String {
    format!("encode-{}", part.name())
}

#[component]
fn TypedField(fields: SendFields, kind: DraftKind, part: RecordPart) -> impl IntoView {
    let prefs = preferences();
    let description = describe(fields, part);
    check_while_typing(fields, kind, part);
    let draft = fields.draft(kind);
    let draft_part = if part == RecordPart::Value { DraftPart::Value } else { DraftPart::Key };
    let has_example = Memo::new(move |_| description.with(|description| description.known().is_some()));
    // The latest structure of the same topic and encoding: the form stays while the bridge is asked again.
    let latest = Memo::new(move |before: Option<&LatestStructure>| {
        let asked = chosen(fields, part);
        let before = before.filter(|(of, _)| *of == asked).and_then(|(_, structure)| structure.clone());
        let structure = description.with(|description| match description {
            // The bridge may know the user's own schema under another id.
            Description::Known((topic, of), known)
                if asked.as_ref().is_some_and(|(asked, encoding)| {
                    let has_same_kind = of.schema.is_some() == encoding.schema.is_some();
                    asked == topic && has_same_kind && *of == Encoding { schema: of.schema, ..encoding.clone() }
                }) =>
            {
                known.structure.clone()
            }
            _ => before,
        });
        (asked, structure)
    });
    let structure = Memo::new(move |_| latest.with(|(_, structure)| structure.clone()));
    let insert_example = move |_| {
        let example = description.with_untracked(|description| description.known().map(|known| known.example.clone()));
        if let Some(example) = example {
            update_field(draft, draft_part, |field| {
                field.form = Form::Json;
                // A key has one line.
                field.text = if part == RecordPart::Value { indent(&example) } else { example };
            });
        }
    };
    let check = fields.checks(kind).of(part);
    let is_typed = Memo::new(move |_| fields.format_of(part).is_some());
    let is_open = Memo::new(move |_| formats_are_open(fields));
    let is_bytes = Memo::new(move |_| {
        is_typed.get() && draft.with(|draft| matches!(draft.field(part).form, Form::Base64 | Form::File))
    });
    let names_branches = Memo::new(move |_| fields.format_of(part) == Some(RecordFormat::Avro));
    let label = move || match part {
        RecordPart::Key => prefs.words().key,
        RecordPart::Value => prefs.words().value,
    };
    view! {
        <div class="typed" role="group" aria-label=label hidden=move || !is_open.get() && !is_typed.get()>
            <EncodingChoice fields=fields part=part description=description />
            <Show when=move || is_bytes.get()>
                <p class="field-note">{prefs.text(|w| w.typed_bytes)}</p>
            </Show>
            <p
                class="field-note fault"
                role="status"
                data-testid="encode-error"
                data-part=part.name()
                data-path=move || {
                    check
                        .with(|check| match check {
                            Check::Misfit { path, .. } => Some(path.clone()),
                            _ => None,
                        })
                }
            >
                {move || check.with(|check| check.error().map(|error| with_signs(&error)))}
            </p>
            <Show when=move || has_example.get()>
                <button type="button" class="link" data-testid="encode-example" on:click=insert_example>
                    {prefs.text(|w| w.typed_example)}
                </button>
            </Show>
        </div>
        {move || {
            structure
                .get()
                .map(|structure| {
                    view! {
                        <TypedForm
                            fields=fields
                            kind=kind
                            part=part
                            structure=structure
                            names_branches=names_branches.get_untracked()
                        />
                    }
                })
        }}
    }
}

/// The format and, for formats with a schema, which schema.
#[component]
fn EncodingChoice(fields: SendFields, part: RecordPart, description: RwSignal<Description>) -> impl IntoView {
    let prefs = preferences();
    let id = testid_of(part);
    let format = Memo::new(move |_| fields.format_of(part));
    let has_schema = Memo::new(move |_| read(fields, part, PartEncoding::has_schema));
    let choose = move |event| {
        let name = event_target_value(&event);
        let format = ENCODINGS.into_iter().flatten().copied().find(|format| format.name() == name);
        fields.choose_encoding(part, format.map(PartEncoding::of));
    };
    let label = move || match part {
        RecordPart::Key => prefs.words().typed_key,
        RecordPart::Value => prefs.words().typed_value,
    };
    let group = |at: usize, words: &'static Words| {
        [words.formats_schema, words.formats_structured, words.formats_numbers].get(at).copied().unwrap_or_default()
    };
    let groups = ENCODINGS.into_iter().enumerate().map(|(at, formats)| {
        let options = formats.iter().map(|&each| {
            view! {
                <option value=each.name() selected=format.get_untracked() == Some(each)>
                    {move || format_word(each, prefs.words())}
                </option>
            }
        });
        view! { <optgroup label=move || group(at, prefs.words())>{options.collect::<Vec<_>>()}</optgroup> }
    });
    let is_open = Memo::new(move |_| formats_are_open(fields));
    view! {
        <div class="typed-choice" hidden=move || !is_open.get()>
            <label class="typed-line">
                <span>{label}</span>
                <select
                    data-testid=id
                    prop:value=move || format.get().map_or("text", RecordFormat::name)
                    on:change=choose
                >
                    <option value="text" selected=format.get_untracked().is_none()>
                        {prefs.text(|w| w.typed_text)}
                    </option>
                    {groups.collect::<Vec<_>>()}
                </select>
            </label>
            <Show when=move || has_schema.get()>
                <SchemaChoice fields=fields part=part description=description />
            </Show>
        </div>
        <p
            class="field-note"
            class:fault=move || description.with(|description| matches!(description, Description::Failed(_)))
            role="status"
            data-testid=format!("encode-{}-schema", part.name())
        >
            {move || description.with(|description| schema_words(description, prefs.words()))}
        </p>
    }
}

/// Subject, version and message type.
#[component]
fn SchemaChoice(fields: SendFields, part: RecordPart, description: RwSignal<Description>) -> impl IntoView {
    let prefs = preferences();
    let testid = move |name: &str| format!("encode-{}-{name}", part.name());
    let strategy = Memo::new(move |_| read(fields, part, |encoding| encoding.strategy));
    // An edited record was written in a schema of the user.
    let is_own = Memo::new(move |_| read(fields, part, |encoding| encoding.schema.is_some()));
    let has_name = Memo::new(move |_| !is_own.get() && strategy.get() != SubjectStrategy::TopicName);
    let name = Memo::new(move |_| read(fields, part, |encoding| encoding.name.clone()));
    let version = Memo::new(move |_| read(fields, part, |encoding| encoding.version));
    let message = Memo::new(move |_| read(fields, part, |encoding| encoding.message.clone()));
    let is_protobuf = Memo::new(move |_| fields.format_of(part) == Some(RecordFormat::Protobuf));
    let messages = Memo::new(move |_| {
        description.with(|description| description.known().map(|known| known.messages.clone()).unwrap_or_default())
    });
    let subjects = RwSignal::new(None::<Vec<String>>);
    let request_subjects = move || {
        if subjects.with_untracked(Option::is_none) {
            subjects.set(Some(Vec::new()));
            fields.store.request(SubjectsRequest::default(), move |reply| {
                if let Ok(known) = reply {
                    subjects.try_set(Some(known.subjects.into_iter().map(|subject| subject.name).collect()));
                } else {
                    subjects.try_set(None);
                }
            });
        }
    };
    // The versions of the subject that is used.
    let subject =
        Memo::new(move |_| description.with(|description| description.known()?.schema.as_ref()?.subject.clone()));
    let versions = RwSignal::new(Vec::<u32>::new());
    Effect::new(move |_| {
        let asked = subject.get();
        versions.set(Vec::new());
        let Some(name) = asked.clone() else { return };
        fields.store.request(SubjectRequest { subject: name }, move |reply| {
            if subject.try_get_untracked() != Some(asked) {
                return;
            }
            // Without the right to see the subject, the latest version can be used.
            let known = reply.map(|known| known.versions).unwrap_or_default();
            let known = known.iter().rev().filter(|version| !version.deleted).map(|version| version.version);
            versions.try_set(known.collect());
        });
    });
    let all_versions = move || {
        let mut all = versions.get();
        if let Some(version) = version.get().filter(|version| !all.contains(version)) {
            all.insert(0, version);
        }
        all
    };
    let list = testid("subjects");
    let list_id = list.clone();
    let message_list = testid("messages");
    let message_list_id = message_list.clone();
    let strategies = SubjectStrategy::ALL.map(|each| {
        view! {
            <option value=each.name() selected=!is_own.get_untracked() && strategy.get_untracked() == each>
                {move || strategy_words(each, part, prefs.words())}
            </option>
        }
    });
    view! {
        <label class="typed-line">
            <span>{prefs.text(|w| w.typed_subject)}</span>
            <select
                data-testid=testid("strategy")
                prop:value=move || if is_own.get() { OWN_SCHEMA } else { strategy.get().name() }
                on:change=move |event| {
                    let chosen = event_target_value(&event);
                    if chosen == OWN_SCHEMA {
                        return;
                    }
                    let strategy = SubjectStrategy::of_name(&chosen);
                    if strategy == SubjectStrategy::Subject {
                        request_subjects();
                    }
                    change(
                        fields,
                        part,
                        |encoding| {
                            encoding.strategy = strategy;
                            encoding.version = None;
                            encoding.schema = None;
                        },
                    );
                }
            >
                {move || {
                    is_own
                        .get()
                        .then(|| {
                            view! {
                                <option value=OWN_SCHEMA selected=true>
                                    {prefs.text(|w| w.typed_own_schema)}
                                </option>
                            }
                        })
                }}
                {strategies}
            </select>
        </label>
        <Show when=move || has_name.get()>
            <label class="typed-line">
                <span>
                    {move || match strategy.get() {
                        SubjectStrategy::Subject => prefs.words().typed_subject_name,
                        _ => prefs.words().typed_record_name,
                    }}
                </span>
                <input
                    type="text"
                    class="mono"
                    data-testid=testid("subject")
                    list=list.clone()
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    prop:value=move || name.get()
                    on:focus=move |_| request_subjects()
                    on:input=move |event| {
                        let name = event_target_value(&event);
                        change(
                            fields,
                            part,
                            |encoding| {
                                encoding.name = name;
                                encoding.version = None;
                            },
                        );
                    }
                />
            </label>
        </Show>
        <datalist id=list_id>
            {move || {
                let is_subject = strategy.get() == SubjectStrategy::Subject;
                let known = subjects.get().filter(|_| is_subject).unwrap_or_default();
                known.into_iter().map(|subject| view! { <option value=subject></option> }).collect::<Vec<_>>()
            }}
        </datalist>
        <label class="typed-line">
            <span>{prefs.text(|w| w.typed_version)}</span>
            <select
                data-testid=testid("version")
                disabled=move || is_own.get()
                on:change=move |event| {
                    let version = event_target_value(&event).parse().ok();
                    change(fields, part, |encoding| encoding.version = version);
                }
            >
                <option value="latest" prop:selected=move || version.get().is_none()>
                    {prefs.text(|w| w.typed_latest)}
                </option>
                {move || {
                    all_versions()
                        .into_iter()
                        .map(|each| {
                            view! {
                                <option value=each.to_string() prop:selected=move || version.get() == Some(each)>
                                    {each.to_string()}
                                </option>
                            }
                        })
                        .collect::<Vec<_>>()
                }}
            </select>
        </label>
        <Show when=move || is_protobuf.get()>
            <label class="typed-line">
                <span>{prefs.text(|w| w.typed_message)}</span>
                <input
                    type="text"
                    class="mono"
                    data-testid=testid("message")
                    list=message_list.clone()
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder=move || messages.with(|messages| messages.first().cloned().unwrap_or_default())
                    prop:value=move || message.get()
                    on:change=move |event| {
                        let message = event_target_value(&event);
                        change(fields, part, |encoding| encoding.message = message);
                    }
                />
            </label>
        </Show>
        <datalist id=message_list_id>
            {move || {
                messages.get().into_iter().map(|message| view! { <option value=message></option> }).collect::<Vec<_>>()
            }}
        </datalist>
    }
}

/// A property of the part's encoding.
fn read<T: Default>(fields: SendFields, part: RecordPart, read: impl FnOnce(&PartEncoding) -> T) -> T {
    fields.encoding.with(|encoding| encoding.part(part).map(read).unwrap_or_default())
}

fn change(fields: SendFields, part: RecordPart, change: impl FnOnce(&mut PartEncoding)) {
    let encoding = fields.encoding.with_untracked(|encoding| encoding.part(part).cloned());
    if let Some(mut encoding) = encoding {
        change(&mut encoding);
        fields.choose_encoding(part, Some(encoding));
    }
}

fn strategy_words(strategy: SubjectStrategy, part: RecordPart, words: &'static Words) -> String {
    match strategy {
        SubjectStrategy::TopicName => words.typed_of_topic.with_part(part.name()),
        SubjectStrategy::RecordName => words.typed_of_record.to_owned(),
        SubjectStrategy::TopicRecordName => words.typed_of_topic_record.to_owned(),
        SubjectStrategy::Subject => words.typed_of_subject.to_owned(),
    }
}

/// `orders-value · v3 · id 42 · shop.Order`
fn schema_words(description: &Description, words: &'static Words) -> String {
    match description {
        Description::None => String::new(),
        Description::Loading => words.loading.to_owned(),
        Description::Failed(error) => request_text(error, words),
        Description::Known(_, known) => {
            let Some(schema) = &known.schema else { return String::new() };
            let mut parts: Vec<String> = Vec::new();
            parts.extend(schema.subject.as_deref().map(with_signs));
            parts.extend(schema.version.map(|version| format!("v{version}")));
            parts.push(words.note_id.with_id(&schema.id));
            parts.extend(schema.name.as_deref().map(with_signs));
            parts.join(" · ")
        }
    }
}

/// The encodings of the records of a batch. All of them are encoded before the first is sent.
#[component]
fn TypedBatch(fields: SendFields) -> impl IntoView {
    let prefs = preferences();
    let store = fields.store;
    let revision = Memo::new(move |_| store.read(|state| state.batch_revision()));
    Effect::new(move |_| {
        revision.get();
        let (topic, encoding) = (fields.topic.get(), fields.encoding.get());
        store.act(|state, _| state.choose_batch_encoding(topic.trim(), encoding));
    });
    let is_read = Memo::new(move |_| {
        store.read(|state| state.batch().is_some_and(|batch| batch.is_read() && !batch.is_checked()))
    });
    let is_open = Memo::new(move |_| store.read(|state| state.link().is_open()));
    Effect::new(move |_| {
        let (revision, is_ready) = (revision.get(), is_read.get() && is_open.get());
        let has_failed = fields.batch_error.with_untracked(Option::is_some);
        if is_ready {
            if has_failed {
                fields.batch_error.set(None);
            }
            leptos::task::spawn_local(async move {
                if check_batch(fields, revision).await.is_err() {
                    fields.batch_error.set(Some(prefs.words_untracked().code_missing.to_owned()));
                }
            });
        } else if has_failed {
            fields.batch_error.set(None);
        }
    });
    let (key, value) = (describe(fields, RecordPart::Key), describe(fields, RecordPart::Value));
    view! {
        <div class="typed" role="group" aria-label=prefs.text(|w| w.typed_batch)>
            <FormatsLine fields=fields kind=None />
            <EncodingChoice fields=fields part=RecordPart::Key description=key />
            <EncodingChoice fields=fields part=RecordPart::Value description=value />
            <p class="field-note fault" role="status" data-testid="batch-encode-error">
                {move || fields.batch_error.get()}
            </p>
        </div>
    }
}
