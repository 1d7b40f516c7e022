//! Encodes JSON in Avro's binary encoding.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::time::{self, Unit};
use super::types::{Decimal, Record, Type, TypeId, Types};
use crate::decimal::DecimalText;
use crate::error::EncodeError;
use crate::json_tree::{Json, member_path};
use crate::uuid_text;

/// No Kafka record can be that large. The limit is for defaults: a short JSON text may leave out many long fields.
const MAX_ENCODED_BYTES: usize = 64 * 1024 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn encode(types: &Types, json: &Json<'_>, json_bytes: usize) -> Result<Vec<u8>, EncodeError> {
    encode_type(types, types.root, json, json_bytes)
}

/// Encodes a value of one of the types; `json_bytes` is the size of its JSON.
pub(super) fn encode_type(
    types: &Types,
    id: TypeId,
    json: &Json<'_>,
    json_bytes: usize,
) -> Result<Vec<u8>, EncodeError> {
    // Without a union, each value is encoded once, and has at least one byte of JSON.
    let steps_left = json_bytes.saturating_mul(16).saturating_add(10_000);
    let mut encoder = Encoder { types, bytes: Vec::new(), is_default: false, steps_left, limit: MAX_ENCODED_BYTES };
    encoder.value(id, json).map_err(|mismatch| mismatch.into_error())?;
    Ok(encoder.bytes)
}

/// Encodes a default of the schema, in at most `limit` bytes. `None` if it is no value of the type. Defaults have a
/// mapping of their own: bytes are strings with a character for each byte, and the value of a union has its first type
/// that fits.
pub(super) fn encode_default(types: &Types, id: TypeId, json: &Json<'_>, limit: usize) -> Option<Vec<u8>> {
    let mut encoder = Encoder { types, bytes: Vec::new(), is_default: true, steps_left: limit, limit };
    encoder.value(id, json).ok()?;
    Some(encoder.bytes)
}

struct Encoder<'s> {
    types: &'s Types,
    bytes: Vec<u8>,
    is_default: bool,
    /// How many more values may be encoded. Each type of a union is tried, also in values in which other unions are.
    steps_left: usize,
    limit: usize,
}

/// Why JSON does not fit a type.
struct Mismatch {
    /// From the innermost field to the outermost.
    path: Vec<String>,
    message: String,
    /// Whether no other type of a union may be tried.
    is_final: bool,
}

impl Mismatch {
    fn boxed(message: impl Into<String>) -> Box<Self> {
        Box::new(Self { path: Vec::new(), message: message.into(), is_final: false })
    }

    fn last(message: impl Into<String>) -> Box<Self> {
        Box::new(Self { path: Vec::new(), message: message.into(), is_final: true })
    }

    fn expected(expected: &str, json: &Json<'_>) -> Box<Self> {
        Self::boxed(format!("expects {expected}, has {}", json.describe()))
    }

    fn inside(mut self: Box<Self>, segment: String) -> Box<Self> {
        self.path.push(segment);
        self
    }

    fn into_error(self) -> EncodeError {
        let path: String = self.path.iter().rev().map(String::as_str).collect();
        EncodeError { path: path.trim_start_matches('.').to_owned(), message: self.message }
    }
}

type Encoded = Result<(), Box<Mismatch>>;

/// A type of a union that may fit.
struct Candidate<'j, 't> {
    /// Lower ranks fit better.
    rank: u8,
    branch: usize,
    json: &'j Json<'t>,
    /// The name of the branch, if the JSON has it.
    name: Option<&'j str>,
}

impl Encoder<'_> {
    fn value(&mut self, id: TypeId, json: &Json<'_>) -> Encoded {
        self.steps_left = self.steps_left.checked_sub(1).ok_or_else(|| {
            Mismatch::last("too many types of unions are possible; name them: {\"name of the type\": value}")
        })?;
        if self.bytes.len() > self.limit {
            return Err(Mismatch::last(format!("the encoded value is larger than {} bytes", self.limit)));
        }
        let types = self.types;
        match (types.get(id), json) {
            (Type::Null, Json::Null) => {}
            (Type::Null, _) => return Err(Mismatch::expected("null", json)),
            (Type::Boolean, Json::Boolean(value)) => self.bytes.push(u8::from(*value)),
            (Type::Boolean, _) => return Err(Mismatch::expected("true or false", json)),
            (Type::Int, _) => self.int(json, "an int: an integer from -2147483648 to 2147483647")?,
            (Type::Long, _) => self.long(json, "a long: an integer of 64 bits")?,
            (Type::Float, _) => {
                let number: f32 = float(json).ok_or_else(|| Mismatch::expected("a float", json))?;
                self.bytes.extend(number.to_le_bytes());
            }
            (Type::Double, _) => {
                let number: f64 = float(json).ok_or_else(|| Mismatch::expected("a double", json))?;
                self.bytes.extend(number.to_le_bytes());
            }
            (Type::Bytes, _) => {
                let bytes = self.bytes_of(json)?;
                self.prefixed(&bytes);
            }
            (Type::String, Json::String(text)) => self.prefixed(text.as_bytes()),
            (Type::String, _) => return Err(Mismatch::expected("a string", json)),
            (Type::Uuid, Json::String(text)) if self.is_default || uuid_text::of_text(text).is_some() => {
                self.prefixed(text.as_bytes());
            }
            (Type::Uuid, _) => return Err(expected_uuid(json)),
            (Type::Date, Json::String(text)) => {
                let days = time::parse_date(text).map_err(|error| with_value(&error, json))?;
                self.zigzag(days.into());
            }
            (Type::Date, _) => self.int(json, "a date such as \"2024-02-29\", or a number of days")?,
            (Type::Time(unit), Json::String(text)) => {
                let time = time::parse_time(text, *unit).map_err(|error| with_value(&error, json))?;
                self.zigzag(time);
            }
            (Type::Time(Unit::Millis), _) => self.int(json, "a time such as \"13:45:59.123\", or an integer")?,
            (Type::Time(_), _) => self.long(json, "a time such as \"13:45:59.123456\", or an integer")?,
            (Type::Timestamp { unit, is_local }, Json::String(text)) => {
                let timestamp =
                    time::parse_timestamp(text, *unit, *is_local).map_err(|error| with_value(&error, json))?;
                self.zigzag(timestamp);
            }
            (Type::Timestamp { is_local, .. }, _) => {
                let zone = if *is_local { "" } else { "Z" };
                self.long(json, &format!("a timestamp such as \"2024-02-29T13:45:59.123{zone}\", or an integer"))?;
            }
            (Type::BigDecimal, _) => self.big_decimal(json)?,
            (Type::Decimal(decimal), _) => self.decimal(decimal, json)?,
            (Type::Fixed(fixed), _) => self.fixed(fixed.size, json)?,
            (Type::FixedUuid(_), Json::String(text)) if !self.is_default => {
                let bytes = uuid_text::of_text(text).ok_or_else(|| expected_uuid(json))?;
                self.bytes.extend(bytes);
            }
            (Type::FixedUuid(_), _) => self.fixed(16, json)?,
            (Type::Duration(_), Json::String(text)) if !self.is_default => {
                let parts = time::parse_duration(text).map_err(|error| with_value(&error, json))?;
                self.bytes.extend(parts.into_iter().flat_map(u32::to_le_bytes));
            }
            (Type::Duration(_), _) => self.fixed(12, json)?,
            (Type::Enum(symbols), _) => {
                let index =
                    json.as_str().and_then(|name| symbols.symbols.iter().position(|symbol| symbol.name == name));
                let Some(index) = index else {
                    let names = listed(symbols.symbols.iter().map(|symbol| symbol.name.as_str()));
                    return Err(Mismatch::expected(&format!("one of {names}"), json));
                };
                self.zigzag(index as i64);
            }
            (Type::Record(record), _) => self.record(record, json)?,
            (Type::Array { items, .. }, Json::Array(values)) => {
                if !values.is_empty() {
                    self.zigzag(values.len() as i64);
                }
                for (index, value) in values.iter().enumerate() {
                    self.value(*items, value).map_err(|mismatch| mismatch.inside(format!("[{index}]")))?;
                }
                self.bytes.push(0);
            }
            (Type::Array { .. }, _) => return Err(Mismatch::expected("an array", json)),
            (Type::Map(values), Json::Object(members)) => {
                if !members.is_empty() {
                    self.zigzag(members.len() as i64);
                }
                for (name, value) in members {
                    self.prefixed(name.as_bytes());
                    self.value(*values, value).map_err(|mismatch| mismatch.inside(member_path(name)))?;
                }
                self.bytes.push(0);
            }
            (Type::Map(_), _) => return Err(Mismatch::expected("an object", json)),
            (Type::Union(branches), _) => self.union(branches, json)?,
            (Type::Unresolved(name), _) => return Err(Mismatch::last(format!("undefined type `{name}`"))),
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, json: &Json<'_>) -> Encoded {
        let Json::Object(members) = json else {
            return Err(Mismatch::expected(&format!("an object with the fields of `{}`", record.name), json));
        };
        let mut values: Vec<Option<&Json<'_>>> = vec![None; record.fields.len()];
        for (index, (name, value)) in members.iter().enumerate() {
            // Members usually come in the order of the schema.
            let is_here = record.fields.get(index).is_some_and(|field| field.name == *name);
            let found = if is_here { Some(index) } else { record.fields.iter().position(|field| field.name == *name) };
            let Some(found) = found else {
                let names = listed(record.fields.iter().map(|field| field.name.as_str()));
                let message = format!("`{}` has no such field; its fields are {names}", record.name);
                return Err(Mismatch::boxed(message).inside(member_path(name)));
            };
            if values[found].replace(value).is_some() {
                return Err(Mismatch::boxed("the field is given twice").inside(member_path(name)));
            }
        }
        for (field, value) in record.fields.iter().zip(values) {
            match (value, &field.default) {
                (Some(value), _) => {
                    let encoded = self.value(field.type_id, value);
                    encoded.map_err(|mismatch| mismatch.inside(member_path(&field.name)))?;
                }
                (None, Some(default)) => self.bytes.extend_from_slice(default),
                (None, None) => {
                    let message = "the field is missing, and the schema has no valid default for it";
                    return Err(Mismatch::boxed(message).inside(member_path(&field.name)));
                }
            }
        }
        Ok(())
    }

    fn union(&mut self, branches: &[TypeId], json: &Json<'_>) -> Encoded {
        if self.is_default {
            return self.first_branch(branches, json);
        }
        let mut candidates = self.candidates(branches, json);
        if let [candidate] = candidates.as_slice() {
            return self.branch(branches, candidate);
        }
        candidates.sort_by_key(|candidate| candidate.rank);
        let mut mismatches = Vec::new();
        for group in candidates.chunk_by(|a, b| a.rank == b.rank) {
            let mut chosen: Option<&Candidate<'_, '_>> = None;
            for candidate in group {
                let name = |candidate: &Candidate<'_, '_>| self.types.get(branches[candidate.branch]).branch_name();
                // A number that fits an int is one.
                if chosen.is_some_and(|chosen| name(chosen) == "int" && name(candidate) == "long") {
                    continue;
                }
                let start = self.bytes.len();
                match (self.branch(branches, candidate), chosen) {
                    (Ok(()), None) => chosen = Some(candidate),
                    (Ok(()), Some(chosen)) => {
                        let name =
                            |candidate: &Candidate<'_, '_>| self.types.get(branches[candidate.branch]).branch_name();
                        let (one, other) = (name(chosen), name(candidate));
                        return Err(Mismatch::last(format!(
                            "fits several types of the union, `{one}` and `{other}`; name the type: \
                             {{{one:?}: value}} or {{{other:?}: value}}"
                        )));
                    }
                    (Err(mismatch), _) if mismatch.is_final => return Err(mismatch),
                    (Err(mismatch), _) => {
                        self.bytes.truncate(start);
                        mismatches.push((candidate, mismatch));
                    }
                }
            }
            if chosen.is_some() {
                return Ok(());
            }
        }
        // The error of a type that is named is the one to know.
        if let Some(at) = mismatches.iter().position(|(candidate, _)| candidate.name.is_some()) {
            return Err(mismatches.swap_remove(at).1);
        }
        let names = listed(branches.iter().map(|branch| self.types.get(*branch).branch_name()));
        let mut mismatch = Mismatch::expected(&format!("one of the types {names}"), json);
        for (candidate, reason) in mismatches.into_iter().take(3) {
            let name = self.types.get(branches[candidate.branch]).branch_name();
            let reason = reason.into_error().to_string();
            // The reasons of unions inside of unions would become long.
            let reason = reason.char_indices().nth(200).map_or(reason.as_str(), |(at, _)| &reason[..at]);
            mismatch.message.push_str(&format!("; not `{name}`: {reason}"));
        }
        Err(mismatch)
    }

    fn candidates<'j, 't>(&self, branches: &[TypeId], json: &'j Json<'t>) -> Vec<Candidate<'j, 't>> {
        let mut candidates = Vec::new();
        for (branch, id) in branches.iter().enumerate() {
            let branch_type = self.types.get(*id);
            if let Some(rank) = rank(branch_type, json) {
                candidates.push(Candidate { rank, branch, json, name: None });
            }
            if let Json::Object(members) = json
                && let [(name, inner)] = members.as_slice()
            {
                let full_name = branch_type.branch_name();
                if name == full_name || full_name.rsplit_once('.').is_some_and(|(_, short)| name == short) {
                    candidates.push(Candidate { rank: 0, branch, json: inner, name: Some(name) });
                }
            }
        }
        candidates
    }

    fn branch(&mut self, branches: &[TypeId], candidate: &Candidate<'_, '_>) -> Encoded {
        self.zigzag(candidate.branch as i64);
        let encoded = self.value(branches[candidate.branch], candidate.json);
        match candidate.name {
            Some(name) => encoded.map_err(|mismatch| mismatch.inside(member_path(name))),
            None => encoded,
        }
    }

    fn first_branch(&mut self, branches: &[TypeId], json: &Json<'_>) -> Encoded {
        let start = self.bytes.len();
        for (index, branch) in branches.iter().enumerate() {
            self.zigzag(index as i64);
            match self.value(*branch, json) {
                Err(mismatch) if !mismatch.is_final => self.bytes.truncate(start),
                encoded => return encoded,
            }
        }
        Err(Mismatch::boxed("fits no type of the union"))
    }

    fn int(&mut self, json: &Json<'_>, expected: &str) -> Encoded {
        match json {
            Json::Number(text) if let Ok(number) = text.parse::<i32>() => self.zigzag(number.into()),
            _ => return Err(Mismatch::expected(expected, json)),
        }
        Ok(())
    }

    fn long(&mut self, json: &Json<'_>, expected: &str) -> Encoded {
        match json {
            Json::Number(text) if let Ok(number) = text.parse::<i64>() => self.zigzag(number),
            _ => return Err(Mismatch::expected(expected, json)),
        }
        Ok(())
    }

    fn decimal(&mut self, decimal: &Decimal, json: &Json<'_>) -> Encoded {
        let unscaled = match json {
            Json::String(_) if self.is_default => self.bytes_of(json)?,
            _ => {
                let number = decimal_text(json)?;
                let unscaled = number.unscaled(decimal.scale, decimal.precision);
                unscaled.map_err(|error| Mismatch::boxed(format!("{} has {error}", json.describe())))?
            }
        };
        let Some(fixed) = &decimal.fixed else {
            self.prefixed(&unscaled);
            return Ok(());
        };
        let Some(missing) = fixed.size.checked_sub(unscaled.len()) else {
            let message = format!(
                "{} needs {} bytes, more than `{}` has ({})",
                json.describe(),
                unscaled.len(),
                fixed.name,
                fixed.size
            );
            return Err(Mismatch::boxed(message));
        };
        if missing > self.limit {
            return Err(Mismatch::last(format!("the encoded value is larger than {} bytes", self.limit)));
        }
        let sign = if unscaled.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
        self.bytes.extend(std::iter::repeat_n(sign, missing));
        self.bytes.extend(unscaled);
        Ok(())
    }

    /// Bytes that contain the bytes of the unscaled value, and its scale.
    fn big_decimal(&mut self, json: &Json<'_>) -> Encoded {
        if self.is_default && json.as_str().is_some() {
            let bytes = self.bytes_of(json)?;
            self.prefixed(&bytes);
            return Ok(());
        }
        let number = decimal_text(json)?;
        let unscaled = number.unscaled(number.scale(), None);
        let unscaled = unscaled.map_err(|error| Mismatch::boxed(format!("{} has {error}", json.describe())))?;
        let outer = std::mem::take(&mut self.bytes);
        self.prefixed(&unscaled);
        self.zigzag(number.scale());
        let inner = std::mem::replace(&mut self.bytes, outer);
        self.prefixed(&inner);
        Ok(())
    }

    fn fixed(&mut self, size: usize, json: &Json<'_>) -> Encoded {
        let bytes = self.bytes_of(json)?;
        if bytes.len() != size {
            return Err(Mismatch::boxed(format!("expects {size} bytes, has {}", bytes.len())));
        }
        self.bytes.extend(bytes);
        Ok(())
    }

    fn bytes_of(&self, json: &Json<'_>) -> Result<Vec<u8>, Box<Mismatch>> {
        let text = json.as_str().ok_or_else(|| Mismatch::expected("a string of base64", json))?;
        if self.is_default {
            let bytes = text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect::<Option<_>>();
            return bytes.ok_or_else(|| Mismatch::expected("characters up to U+00FF", json));
        }
        BASE64.decode(text).map_err(|_| Mismatch::expected("a string of base64", json))
    }

    fn prefixed(&mut self, bytes: &[u8]) {
        self.zigzag(bytes.len() as i64);
        self.bytes.extend_from_slice(bytes);
    }

    /// A variable-length integer in zigzag coding.
    fn zigzag(&mut self, number: i64) {
        let mut rest = (number << 1 ^ number >> 63) as u64;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }
}

/// How well the kind of the JSON matches a type of a union; `None`: not at all. Types of the same rank that also accept
/// the value are ambiguous.
fn rank(branch: &Type, json: &Json<'_>) -> Option<u8> {
    match (json, branch) {
        (Json::Null, Type::Null)
        | (Json::Boolean(_), Type::Boolean)
        | (Json::Array(_), Type::Array { .. })
        | (Json::Object(_), Type::Record(_) | Type::Map(_)) => Some(0),
        (Json::Number(text), _) => {
            let is_integer = !text.contains(['.', 'e', 'E']);
            match branch {
                Type::Int | Type::Long => is_integer.then_some(0),
                // A decimal is decoded to a number with all digits of its scale.
                Type::BigDecimal => Some(0),
                Type::Decimal(decimal) => Some(if is_integer == (decimal.scale == 0) { 0 } else { 2 }),
                Type::Double => Some(if is_integer { 2 } else { 0 }),
                Type::Float => Some(if is_integer { 3 } else { 1 }),
                Type::Date | Type::Time(_) | Type::Timestamp { .. } => is_integer.then_some(3),
                _ => None,
            }
        }
        (Json::String(text), _) => match branch {
            Type::String
            | Type::Uuid
            | Type::Bytes
            | Type::Fixed(_)
            | Type::FixedUuid(_)
            | Type::Duration(_)
            | Type::Enum(_)
            | Type::Date
            | Type::Time(_)
            | Type::Timestamp { .. } => Some(0),
            Type::Float | Type::Double => special::<f64>(text).map(|_| 0),
            Type::Decimal(_) | Type::BigDecimal => Some(1),
            _ => None,
        },
        _ => None,
    }
}

/// A number that is finite, or the name of a special one.
fn float<F: std::str::FromStr + Into<f64> + Copy + From<f32>>(json: &Json<'_>) -> Option<F> {
    match json {
        Json::Number(text) => text.parse::<F>().ok().filter(|number| (*number).into().is_finite()),
        Json::String(text) => special(text),
        _ => None,
    }
}

fn special<F: From<f32>>(text: &str) -> Option<F> {
    match text {
        "NaN" => Some(f32::NAN.into()),
        "Infinity" => Some(f32::INFINITY.into()),
        "-Infinity" => Some(f32::NEG_INFINITY.into()),
        _ => None,
    }
}

fn decimal_text(json: &Json<'_>) -> Result<DecimalText, Box<Mismatch>> {
    let text = match json {
        Json::Number(text) => Some(*text),
        _ => json.as_str(),
    };
    text.and_then(DecimalText::parse).ok_or_else(|| Mismatch::expected("a decimal number", json))
}

fn expected_uuid(json: &Json<'_>) -> Box<Mismatch> {
    Mismatch::expected("a UUID such as \"f81d4fae-7dec-11d0-a765-00a0c91e6bf6\"", json)
}

fn with_value(error: &str, json: &Json<'_>) -> Box<Mismatch> {
    Mismatch::boxed(format!("{error}, has {}", json.describe()))
}

/// The first names of a list.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const MAX_NAMES: usize = 30;
    let mut names = names.fuse();
    let mut first: Vec<&str> = names.by_ref().take(MAX_NAMES).collect();
    match names.count() {
        0 if first.is_empty() => return "none".to_owned(),
        0 => {}
        _ => first.push("…"),
    }
    first.join(", ")
}
