//! A compiled filter, and its state in one thread.

use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use formats::Spot;
use protocol::limits::{FILTER_EXPRESSION_BYTES, FILTER_PATH_BYTES, FILTER_REGEX_BYTES, FILTER_TEXT_BYTES};
use protocol::{Filter, FilterPart, HeaderFilter, HeaderView, RecordView};

use crate::expression::{self, Evaluation, Facts, Fault, FieldValue, HeaderSource, Node, Scratch, Tables};
use crate::pattern::{Pattern, PatternCache, TooComplex};
use crate::text::Needle;
use crate::{FilterError, FilterField, Record, Verdict};

/// A filter that was checked and compiled. Two are equal if they were compiled from the same filter.
#[derive(Debug)]
pub struct CompiledFilter {
    source: Filter,
    text: Option<(Needle, FilterPart)>,
    regex: Option<(Pattern, FilterPart)>,
    path: Option<(Node, Option<FieldValue>)>,
    expression: Option<Node>,
    tables: Tables,
}

/// Decides for one record after another. It has what the filter needs for a record, so that text filters allocate nothing per
/// record; each thread has its own.
#[derive(Debug)]
pub struct Matcher<'f> {
    filter: &'f CompiledFilter,
    text: PatternCache,
    regex: PatternCache,
    scratch: Scratch,
    last_error: Option<(FilterField, Fault)>,
}

impl CompiledFilter {
    /// # Errors
    /// The first condition that is not valid.
    pub fn compile(filter: &Filter) -> Result<Self, FilterError> {
        let mut tables = Tables::default();
        let text = filter.text.as_ref().map(|filter| {
            let field = Field::new(FilterField::Text, &filter.text);
            field.check_length(FILTER_TEXT_BYTES)?;
            let needle = Needle::new(&filter.text, filter.case_sensitive);
            Ok((needle.map_err(|error| field.error(error.offset, error.message))?, filter.part))
        });
        if let Some(HeaderFilter { name, value }) = &filter.header {
            Field::new(FilterField::Header, name).check_length(FILTER_TEXT_BYTES)?;
            Field::new(FilterField::Header, value.as_deref().unwrap_or_default()).check_length(FILTER_TEXT_BYTES)?;
        }
        let regex = filter.regex.as_ref().map(|filter| {
            let field = Field::new(FilterField::Regex, &filter.regex);
            field.check_length(FILTER_REGEX_BYTES)?;
            let pattern = Pattern::compile(&filter.regex).map_err(|error| field.error(error.offset, error.message))?;
            Ok((pattern, filter.part))
        });
        let path = filter.path.as_ref().map(|filter| {
            let field = Field::new(FilterField::Path, &filter.path);
            field.check_length(FILTER_PATH_BYTES)?;
            let expected = filter.equals.as_deref();
            Field::new(FilterField::Path, expected.unwrap_or_default()).check_length(FILTER_TEXT_BYTES)?;
            let node = expression::parse_path(&filter.path, &mut tables);
            Ok((
                node.map_err(|failure| field.error(failure.at, failure.message))?,
                expected.map(expression::field_value),
            ))
        });
        let (text, regex, path) = (text.transpose()?, regex.transpose()?, path.transpose()?);
        let expression = filter.expression.as_ref().map(|source| {
            let field = Field::new(FilterField::Expression, source);
            field.check_length(FILTER_EXPRESSION_BYTES)?;
            expression::parse(source, &mut tables).map_err(|failure| field.error(failure.at, failure.message))
        });
        let expression = expression.transpose()?;
        Ok(Self { source: filter.clone(), text, regex, path, expression, tables })
    }

    /// What the filter was compiled from.
    pub fn source(&self) -> &Filter {
        &self.source
    }

    /// Whether every record matches.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }
}

impl PartialEq for CompiledFilter {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for CompiledFilter {}

impl Hash for CompiledFilter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.source.hash(state);
    }
}

/// A field of a filter and its text, for errors.
struct Field<'t> {
    field: FilterField,
    text: &'t str,
}

impl<'t> Field<'t> {
    fn new(field: FilterField, text: &'t str) -> Self {
        Self { field, text }
    }

    fn error(&self, offset: usize, message: impl Into<String>) -> FilterError {
        FilterError::new(self.field, self.text, offset, message)
    }

    fn check_length(&self, limit: usize) -> Result<(), FilterError> {
        if self.text.len() <= limit {
            return Ok(());
        }
        Err(self.error(limit, format!("{} bytes, more than the limit of {limit}", self.text.len())))
    }
}

/// Why a record has no verdict.
type Failed = (FilterField, Fault);

impl<'f> Matcher<'f> {
    pub fn new(filter: &'f CompiledFilter) -> Self {
        let (text, regex) = (PatternCache::default(), PatternCache::default());
        Self { filter, text, regex, scratch: Scratch::default(), last_error: None }
    }

    pub fn matches<'r, H: Iterator<Item = HeaderView<'r>> + Clone>(&mut self, record: &Record<'r, H>) -> Verdict {
        match self.check(record) {
            Ok(true) => Verdict::Match,
            Ok(false) | Err((_, Fault::Missing)) => Verdict::NoMatch,
            Err(failed) => {
                self.last_error = Some(failed);
                Verdict::Error
            }
        }
    }

    /// Cheap conditions come first.
    fn check<'r, H: Iterator<Item = HeaderView<'r>> + Clone>(
        &mut self,
        record: &Record<'r, H>,
    ) -> Result<bool, Failed> {
        let filter = self.filter;
        let view = &record.view;
        if let Some(key) = &filter.source.key
            && key.as_kafka() != view.key
        {
            return Ok(false);
        }
        if let Some((needle, part)) = &filter.text {
            let cache = &mut self.text;
            let found = search(view, *part, |bytes| needle.is_in(bytes, cache));
            if !found.map_err(|TooComplex| (FilterField::Text, Fault::OutOfFuel))? {
                return Ok(false);
            }
        }
        if let Some(HeaderFilter { name, value }) = &filter.source.header {
            let value = value.as_ref().map(String::as_bytes);
            let is_header = |(found, bytes): HeaderView<'_>| found == name && (value.is_none() || value == bytes);
            if !view.headers.clone().any(is_header) {
                return Ok(false);
            }
        }
        if let Some((pattern, part)) = &filter.regex {
            let cache = &mut self.regex;
            let found = search(view, *part, |bytes| pattern.is_match(cache, bytes));
            if !found.map_err(|TooComplex| (FilterField::Regex, Fault::OutOfFuel))? {
                return Ok(false);
            }
        }
        if filter.path.is_none() && filter.expression.is_none() {
            return Ok(true);
        }
        let headers = Headers { headers: view.headers.clone(), lifetime: PhantomData };
        let facts = Facts {
            topic: record.topic,
            partition: record.partition,
            offset: view.offset,
            timestamp: view.timestamp,
            key: view.key,
            value: view.value,
            headers: &headers,
        };
        let mut evaluation = Evaluation::new(&facts, &filter.tables, &mut self.scratch);
        if let Some((node, expected)) = &filter.path {
            let has_field = evaluation.has_field(node, expected.as_ref());
            if !has_field.map_err(|fault| (FilterField::Path, fault))? {
                return Ok(false);
            }
        }
        match &filter.expression {
            Some(node) => evaluation.holds(node).map_err(|fault| (FilterField::Expression, fault)),
            None => Ok(true),
        }
    }

    /// Why the last record with [`Verdict::Error`] failed.
    pub fn last_error(&self) -> Option<String> {
        let (field, fault) = self.last_error?;
        Some(match fault {
            Fault::OutOfFuel => format!("{field}: a record takes too long to check"),
            Fault::Missing => format!("{field}: a field is missing"),
            Fault::Failed { at, reason } => {
                let source = match field {
                    FilterField::Expression => self.filter.source.expression.as_deref(),
                    _ => self.filter.source.path.as_ref().map(|filter| filter.path.as_str()),
                };
                let spot = Spot::of(source.unwrap_or_default(), at as usize);
                format!("{field}, {spot}: {reason}")
            }
        })
    }
}

/// Whether one of the parts has what is searched.
fn search<'r, H: Iterator<Item = HeaderView<'r>> + Clone>(
    view: &RecordView<'r, H>,
    part: FilterPart,
    mut is_in: impl FnMut(&[u8]) -> Result<bool, TooComplex>,
) -> Result<bool, TooComplex> {
    let mut is_in_some = |bytes: Option<&[u8]>| bytes.map_or(Ok(false), &mut is_in);
    if matches!(part, FilterPart::Any | FilterPart::Key) && is_in_some(view.key)? {
        return Ok(true);
    }
    if matches!(part, FilterPart::Any | FilterPart::Value) && is_in_some(view.value)? {
        return Ok(true);
    }
    if matches!(part, FilterPart::Any | FilterPart::Headers) {
        for (name, value) in view.headers.clone() {
            if is_in_some(Some(name.as_bytes()))? || is_in_some(value)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The headers of a record. The lifetime of the record may be longer than that of the evaluation.
struct Headers<'r, H> {
    headers: H,
    lifetime: PhantomData<&'r ()>,
}

impl<'r: 'a, 'a, H: Iterator<Item = HeaderView<'r>> + Clone> HeaderSource<'a> for Headers<'r, H> {
    fn each(&self, visit: &mut dyn FnMut(&'a str, Option<&'a [u8]>)) {
        for (name, value) in self.headers.clone() {
            visit(name, value);
        }
    }
}
