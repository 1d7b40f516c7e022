//! The user's own schema for keys or values: its files, the message type of Protobuf records, and why the bridge refuses it. This
//! browser keeps the files for the topic.

use leptos::prelude::*;
use protocol::{AddSchema, AddSchemaResult, LocalSchemaId, RecordFormat, RecordPart, SchemaLanguage, from_json};
use web_sys::File;

use crate::context::request_error::request_error_text;
use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::context::{preferences, store};
use crate::i18n::{Language, Words};
use crate::live::watch_fields::WatchFields;
use crate::platform::files;
use crate::ui::file_picker::FilesPicker;
use crate::ui::format;
use crate::ui::fresh::fresh;
use page_model::{
    MAX_SCHEMA_BYTES, OwnSchemaError, ReadState, RequestError, add_schema, file_names, format_mut, schema_fields,
    schema_language, schema_mut,
};

/// Why there is no schema.
#[derive(Clone, PartialEq)]
enum SchemaError {
    Files(OwnSchemaError),
    Request(RequestError),
}

impl SchemaError {
    fn text(&self, words: Language) -> String {
        let most = || format::bytes(MAX_SCHEMA_BYTES, words);
        match self {
            Self::Files(OwnSchemaError::NoFile) => words.schema_no_file.to_owned(),
            Self::Files(OwnSchemaError::TooManyFiles) => words.schema_too_many_files.to_owned(),
            Self::Files(OwnSchemaError::TooLarge) => words.schema_too_large.with_size(&most()),
            Self::Files(OwnSchemaError::NotStored) => words.schema_not_stored.to_owned(),
            Self::Request(error) => request_error_text(error, words),
        }
    }
}

/// The test ids of a part.
struct TestIds {
    choose: &'static str,
    file: &'static str,
    message: &'static str,
    remove: &'static str,
    error: &'static str,
}

fn testids(part: RecordPart) -> TestIds {
    match part {
        RecordPart::Key => TestIds {
            choose: "key-schema-choose",
            file: "key-schema-file",
            message: "key-schema-message",
            remove: "key-schema-remove",
            error: "key-schema-error",
        },
        RecordPart::Value => TestIds {
            choose: "value-schema-choose",
            file: "value-schema-file",
            message: "value-schema-message",
            remove: "value-schema-remove",
            error: "value-schema-error",
        },
    }
}

fn accepted(language: SchemaLanguage) -> &'static str {
    match language {
        SchemaLanguage::Avro => ".avsc,.json",
        SchemaLanguage::Protobuf => ".proto,.desc,.pb,.binpb,.protoset",
        SchemaLanguage::Json => ".json",
    }
}

/// What a schema is chosen for: the cluster, its topics, and the format.
#[derive(Clone, PartialEq)]
struct Target {
    topics: (Option<String>, Vec<String>),
    format: RecordFormat,
}

#[derive(Clone, Copy)]
struct Chosen {
    fields: WatchFields,
    part: RecordPart,
    store: Store,
    prefs: Preferences,
    error: RwSignal<Option<SchemaError>>,
    is_sending: RwSignal<bool>,
    /// The message types of a schema.
    messages: RwSignal<Option<(LocalSchemaId, Vec<String>)>>,
}

impl Chosen {
    fn id(self) -> Option<LocalSchemaId> {
        *schema_mut(&mut self.fields.formats(), self.part)
    }

    /// The schema as this browser keeps it.
    fn kept(self) -> Option<AddSchema> {
        let id = self.id()?;
        from_json(&self.store.untracked(|state| state.kept_schema(id))?).ok()
    }

    fn target(self) -> Target {
        untrack(|| Target {
            topics: self.fields.formats_of(),
            format: *format_mut(&mut self.fields.formats(), self.part),
        })
    }

    fn choose(self, id: Option<LocalSchemaId>) {
        let mut formats = untrack(|| self.fields.formats());
        *schema_mut(&mut formats, self.part) = id;
        self.fields.choose_formats(formats);
    }

    fn choose_files(self, language: SchemaLanguage, chosen: Vec<File>) {
        let size: f64 = chosen.iter().map(|file| file.size()).sum();
        if size > MAX_SCHEMA_BYTES as f64 {
            return self.error.set(Some(SchemaError::Files(OwnSchemaError::TooLarge)));
        }
        let target = self.target();
        files::read_all(chosen, move |contents| match add_schema(language, contents) {
            Ok(schema) => self.send(schema, target),
            Err(error) => drop(self.error.try_set(Some(SchemaError::Files(error)))),
        });
    }

    /// Sends the schema to the bridge, and reads with it if the bridge accepts it and the user has chosen no other topic or format meanwhile.
    fn send(self, schema: AddSchema, target: Target) {
        let json = schema_fields(&schema);
        let replaced = untrack(|| self.id());
        let others = self.prefs.own_schemas().into_iter().filter(|(id, _)| Some(*id) != replaced);
        if others.map(|(_, json)| json.len()).sum::<usize>() + json.len() > MAX_SCHEMA_BYTES {
            self.error.try_set(Some(SchemaError::Files(OwnSchemaError::TooLarge)));
            return;
        }
        if self.is_sending.try_set(true).is_some() {
            return;
        }
        self.store.request(schema, move |reply| {
            self.is_sending.try_set(false);
            if self.target() != target {
                return;
            }
            let kept = reply.map_err(SchemaError::Request).and_then(|result| self.keep(&json, result));
            self.error.try_set(kept.err());
        });
    }

    fn keep(self, json: &str, AddSchemaResult { schema: id, messages }: AddSchemaResult) -> Result<(), SchemaError> {
        Preferences::store_own_schema(id, json).map_err(SchemaError::Files)?;
        self.store.act(|state, _| {
            state.keep_schema(id, json);
            state.schema_was_added(id);
        });
        self.messages.try_set(Some((id, messages)));
        self.choose(Some(id));
        Ok(())
    }

    /// Asks the bridge for the message types of a schema that was chosen in an earlier visit.
    fn load_messages(self) {
        let (Some(id), Some(schema)) = (self.id(), self.kept()) else { return };
        let is_known = self.messages.with_untracked(|messages| messages.as_ref().is_some_and(|(of, _)| *of == id));
        if is_known || schema.language != SchemaLanguage::Protobuf {
            return;
        }
        self.store.request(schema, move |reply| {
            if let Ok(result) = reply {
                self.messages.try_set(Some((id, result.messages)));
            }
        });
    }
}

/// Shown for a format that needs a schema.
#[component]
pub fn OwnSchema(fields: WatchFields, part: RecordPart) -> impl IntoView {
    let chosen = Chosen {
        fields,
        part,
        store: store(),
        prefs: preferences(),
        error: RwSignal::new(None),
        is_sending: RwSignal::new(false),
        messages: RwSignal::new(None),
    };
    let language = Memo::new(move |_| schema_language(*format_mut(&mut fields.formats(), part)));
    Effect::new(move |_| {
        language.get();
        chosen.error.set(None);
    });
    let is_open = Memo::new(move |_| chosen.store.read(|state| state.link().is_open()));
    Effect::new(move |_| {
        if is_open.get() {
            chosen.load_messages();
        }
    });
    fresh(move || language.get().map(|language| own_schema(chosen, language)).into_any())
}

fn own_schema(chosen: Chosen, language: SchemaLanguage) -> AnyView {
    let prefs = chosen.prefs;
    let ids = testids(chosen.part);
    let (message_id, remove_id) = (ids.message, ids.remove);
    let kept = Memo::new(move |_| chosen.kept());
    let names = move || match kept.with(|kept| kept.as_ref().map(file_names)) {
        Some(names) => prefs.words().schema_of_files.with_names(&names),
        None => prefs.words().schema_default.to_owned(),
    };
    let part_word: fn(&'static Words) -> &'static str = match chosen.part {
        RecordPart::Key => |words| words.schema_of_key,
        RecordPart::Value => |words| words.schema_of_value,
    };
    let messages = Memo::new(move |_| {
        let id = chosen.id()?;
        chosen.messages.with(|messages| messages.as_ref().filter(|(of, _)| *of == id).map(|(_, names)| names.clone()))
    });
    let message = move || kept.with(|kept| kept.as_ref().and_then(|kept| kept.message.clone())).unwrap_or_default();
    let choose_message = move |name: String| {
        if let Some(schema) = untrack(|| kept.get()) {
            let target = chosen.target();
            chosen.send(AddSchema { message: (!name.is_empty()).then_some(name), ..schema }, target);
        }
    };
    let message_select = fresh(move || {
        let names = messages.get().filter(|names| !names.is_empty());
        names
            .map(|names| {
                let options: Vec<_> = names
                    .into_iter()
                    .map(|name| {
                        let text = name.clone();
                        view! { <option value=name>{text}</option> }
                    })
                    .collect();
                view! {
                    <label class="format-line">
                        <span>{prefs.text(|w| w.schema_message)}</span>
                        <select
                            data-testid=message_id
                            prop:value=message
                            disabled=move || chosen.is_sending.get()
                            on:change=move |event| choose_message(event_target_value(&event))
                        >
                            <option value="">{prefs.text(|w| w.schema_first_message)}</option>
                            {options}
                        </select>
                    </label>
                }
            })
            .into_any()
    });
    let error = move || chosen.error.with(|error| error.as_ref().map(|error| error.text(prefs.words())));
    view! {
        <div
            class="own-schema"
            role="group"
            aria-label=prefs.text(part_word)
            aria-busy=move || chosen.is_sending.get().to_string()
        >
            <p class="own-schema-names">{names}</p>
            <p class="own-schema-actions">
                <FilesPicker
                    label=|w| w.schema_choose
                    testid=ids.choose
                    picker_testid=ids.file
                    accept=accepted(language)
                    on_files=move |files| chosen.choose_files(language, files)
                />
                <Show when=move || chosen.id().is_some()>
                    <button
                        type="button"
                        class="link"
                        data-testid=remove_id
                        on:click=move |_| {
                            chosen.error.set(None);
                            chosen.choose(None);
                        }
                    >
                        {prefs.text(|w| w.schema_remove)}
                    </button>
                </Show>
            </p>
            {message_select}
            <p class="fault" role="alert" data-testid=ids.error>
                {error}
            </p>
            <Show when=move || kept.with(Option::is_some)>
                <p class="format-note">{prefs.text(|w| w.schema_kept)}</p>
            </Show>
        </div>
    }
    .into_any()
}
