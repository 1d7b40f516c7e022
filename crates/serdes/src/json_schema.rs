//! JSON Schema: checks JSON before it is written.

mod effort;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError, Validator};
use protocol::SchemaStructure;
use serde_json::Value;

use self::effort::{Effort, Verdict};
use crate::error::{EncodeError, SchemaError};
use crate::json_tree::{Json, member_path};
use crate::structure;

/// The address of schemas without an `$id`, so that relative references between the schemas of a registry can be resolved.
const BASE: &str = "registry:///";

/// A value that does not fit may be large; so much of it is in the error.
const MAX_MESSAGE_CHARS: usize = 400;

/// The size of a compiled regular expression, and how often its search may go back.
const PATTERN_BYTES: usize = 1024 * 1024;
const PATTERN_STEPS: usize = 100_000;

/// A JSON Schema with those that it references. Nothing else is loaded: neither from the network nor from files.
///
/// The JSON itself is never changed, so all numbers stay exact. Conditions on numbers (`maximum`, `multipleOf`, `enum` …) are checked with
/// integers of 64 bits, and with doubles for all other numbers.
#[derive(Debug)]
pub struct JsonSchema {
    text: String,
    /// What the schema calls each other one, and its text.
    references: Vec<(String, String)>,
    /// Compiled when the first value is checked: records are decoded without it.
    compiled: OnceLock<Result<Compiled, SchemaError>>,
}

#[derive(Debug)]
struct Compiled {
    validator: Validator,
    effort: Effort,
}

impl JsonSchema {
    /// `references`: what the schema calls each other one, and its text. Nothing is checked yet.
    pub fn new(text: &str, references: Vec<(String, String)>) -> Self {
        Self { text: text.to_owned(), references, compiled: OnceLock::new() }
    }

    /// # Errors
    /// The schema is invalid, or references a schema that is not known.
    pub fn check(&self) -> Result<(), SchemaError> {
        self.compiled().map(drop).map_err(Clone::clone)
    }

    /// Checks JSON.
    ///
    /// # Errors
    /// The text is not JSON, or not what the schema allows.
    pub fn validate(&self, json: &str) -> Result<(), EncodeError> {
        let whole = |message: String| EncodeError { path: String::new(), message };
        let Compiled { validator, effort } =
            self.compiled().map_err(|error| whole(format!("invalid schema: {}", error.message)))?;
        let value: Value = protocol::from_json(json).map_err(|error| whole(format!("invalid JSON: {error}")))?;
        match effort.of(&value) {
            Verdict::Cheap => {}
            Verdict::CheckOnly if validator.is_valid(&value) => return Ok(()),
            Verdict::CheckOnly => {
                let message = "the value does not match the schema; the schema has too many alternatives (`anyOf`, `oneOf`) inside of each \
                               other to say where";
                return Err(whole(message.to_owned()));
            }
            Verdict::TooMuch => {
                let message = "the value cannot be checked: the alternatives of the schema (`anyOf`, `oneOf` …) are nested so often that the \
                               check would take too long; use a value with fewer levels, or a simpler schema";
                return Err(whole(message.to_owned()));
            }
            Verdict::TooDeep => {
                let message = "the value cannot be checked: the schemas that apply to the value are nested too deep (`$ref`, `allOf`, `not` …); \
                               use a value with fewer levels, or a schema with shorter chains of `$ref`";
                return Err(whole(message.to_owned()));
            }
        }
        validator.validate(&value).map_err(|error| {
            let (path, message) = match inner(&error) {
                Some(inner) => (path(inner.instance_path()), message(inner)),
                None => (path(error.instance_path()), message(&error)),
            };
            EncodeError { path, message }
        })
    }

    /// The structure, for a form.
    ///
    /// # Errors
    /// The schema, or one that it references, is not JSON.
    pub fn structure(&self) -> Result<SchemaStructure, SchemaError> {
        structure::json_schema::structure(&self.text, &self.references)
    }

    /// JSON that the schema allows, as far as an example can be found: the first of `examples` of the schema, or one that is made from the
    /// structure.
    pub fn example(&self) -> String {
        self.example_of(self.structure().ok().as_ref())
    }

    /// [`Self::example`] with the structure, if that is known.
    pub(crate) fn example_of(&self, structure: Option<&SchemaStructure>) -> String {
        let given = Json::parse(&self.text).ok().and_then(|schema| match schema.get("examples") {
            Some(Json::Array(examples)) => examples.first().map(|example| {
                let mut text = String::new();
                example.write(&mut text);
                text
            }),
            _ => None,
        });
        let made = [true, false]
            .into_iter()
            .filter_map(|is_complete| structure.map(|structure| structure::example::example(structure, is_complete)));
        let is_short = |example: &String| example.len() <= structure::example::MAX_BYTES;
        let examples: Vec<String> = given.into_iter().chain(made).filter(is_short).collect();
        let valid = examples.iter().find(|example| self.validate(example).is_ok());
        valid.or(examples.first()).cloned().unwrap_or_else(|| "{}".to_owned())
    }

    fn compiled(&self) -> Result<&Compiled, &SchemaError> {
        self.compiled.get_or_init(|| self.compile()).as_ref()
    }

    fn compile(&self) -> Result<Compiled, SchemaError> {
        let schema = parse("the schema", &self.text)?;
        let mut values = Vec::with_capacity(self.references.len());
        for (name, text) in &self.references {
            values.push((name.as_str(), parse(name, text)?));
        }
        let referenced = values.iter().map(|(name, value)| (*name, value));
        let documents: Vec<(&str, &Value)> = std::iter::once(("", &schema)).chain(referenced).collect();
        let effort = Effort::new(&documents).map_err(SchemaError::new)?;
        let mut known = HashMap::new();
        for (name, value) in values {
            if let Some(id) = value.get("$id").or_else(|| value.get("id")).and_then(Value::as_str) {
                known.insert(id.to_owned(), value.clone());
            }
            known.insert(name.to_owned(), value);
        }
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(PATTERN_STEPS)
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES);
        let validator = jsonschema::options()
            .with_base_uri(BASE)
            .with_retriever(References { known })
            .with_pattern_options(patterns)
            .build(&schema)
            .map_err(|error| SchemaError::new(schema_message(&error)))?;
        Ok(Compiled { validator, effort })
    }
}

fn parse(name: &str, text: &str) -> Result<Value, SchemaError> {
    protocol::from_json(text).map_err(|error| SchemaError::new(format!("{name}: invalid JSON: {error}")))
}

/// The schemas that may be referenced.
struct References {
    known: HashMap<String, Value>,
}

impl Retrieve for References {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let uri = uri.as_str().trim_end_matches('#');
        // A relative reference becomes one to the schema's own address.
        let found = self.known.get(uri).or_else(|| self.known.get(uri.strip_prefix(BASE)?)).or_else(|| {
            let named = self.known.iter().filter(|(name, _)| {
                uri.strip_suffix(name.trim_start_matches("./")).is_some_and(|start| start.ends_with('/'))
            });
            named.max_by_key(|(name, _)| name.len()).map(|(_, value)| value)
        });
        found.cloned().ok_or_else(|| format!("the schema {uri} is not among the references").into())
    }
}

/// Of the reasons why no alternative of `anyOf` or `oneOf` fits, the one that is deepest inside of the value: the alternative that was
/// probably meant. `None` if all are about the value itself.
fn inner<'e>(error: &'e ValidationError<'_>) -> Option<&'e ValidationError<'static>> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) = error.kind() else {
        return None;
    };
    let depth = |error: &ValidationError<'_>| error.instance_path().segments().count();
    let reasons = context.iter().flatten().map(|reason| inner(reason).unwrap_or(reason));
    reasons.filter(|reason| depth(reason) > depth(error)).max_by_key(|reason| depth(reason))
}

fn path(location: &Location) -> String {
    let segments = location.segments().map(|segment| match segment {
        LocationSegment::Property(name) => member_path(&name),
        LocationSegment::Index(index) => format!("[{index}]"),
    });
    segments.collect::<String>().trim_start_matches('.').to_owned()
}

/// Why a schema is invalid.
fn schema_message(error: &ValidationError<'_>) -> String {
    let message = message(error);
    match error.kind() {
        ValidationErrorKind::Format { format } if format == "regex" => {
            format!(
                "{message}: the regular expression is invalid, or larger than {} KiB when it is compiled",
                PATTERN_BYTES / 1024
            )
        }
        _ => message,
    }
}

fn message(error: &ValidationError<'_>) -> String {
    let message = error.to_string();
    match message.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}
