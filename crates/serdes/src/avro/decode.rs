//! Decodes Avro's binary encoding directly to JSON.

use protocol::MAX_JSON_DEPTH;

use super::time::{self, Unit};
use super::types::{Decimal, Type, TypeId, Types};
use crate::decimal;
use crate::error::{DecodeError, DecodeErrorCode};
use crate::json_tree::member_path;
use crate::json_writer::JsonWriter;
use crate::time_text::TimeText;
use crate::uuid_text;

pub(super) fn decode(types: &Types, body: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let rest = decode_type(types, types.root, body, json)?;
    if rest.is_empty() {
        return Ok(());
    }
    Err(DecodeError::malformed(format!("{} after the value", left(rest.len()))))
}

/// Returns the bytes after the value.
pub(super) fn decode_type<'b>(
    types: &Types,
    id: TypeId,
    bytes: &'b [u8],
    json: &mut JsonWriter<'_>,
) -> Result<&'b [u8], DecodeError> {
    let mut decoder = Decoder { types, bytes, json };
    match decoder.value(id, 0) {
        Ok(()) => Ok(decoder.bytes),
        Err(failure) => Err(failure.into_error()),
    }
}

struct Decoder<'s, 'b, 'w, 'j> {
    types: &'s Types,
    /// The bytes that are left.
    bytes: &'b [u8],
    json: &'w mut JsonWriter<'j>,
}

/// An error whose path is collected on the way out, from the innermost field to the outermost.
struct Failure {
    code: DecodeErrorCode,
    what: String,
    /// What comes after the path.
    details: String,
    path: Vec<String>,
    has_path: bool,
}

impl Failure {
    #[cold]
    fn boxed(what: impl Into<String>) -> Box<Self> {
        Self::with_details(what, String::new())
    }

    #[cold]
    fn with_details(what: impl Into<String>, details: String) -> Box<Self> {
        let code = DecodeErrorCode::Malformed;
        Box::new(Self { code, what: what.into(), details, path: Vec::new(), has_path: true })
    }

    #[cold]
    fn inside(mut self: Box<Self>, segment: String) -> Box<Self> {
        if self.has_path {
            self.path.push(segment);
        }
        self
    }

    #[cold]
    fn into_error(self) -> DecodeError {
        let Self { code, what, details, path, .. } = self;
        if path.is_empty() {
            return DecodeError::new(code, format!("{what}{details}"));
        }
        let path: String = path.iter().rev().map(String::as_str).collect();
        DecodeError::new(code, format!("{what} at `{}`{details}", path.trim_start_matches('.')))
    }
}

/// Errors of the writer concern the whole value.
impl From<DecodeError> for Box<Failure> {
    #[cold]
    fn from(error: DecodeError) -> Self {
        let DecodeError { code, message } = error;
        Box::new(Failure { code, what: message, details: String::new(), path: Vec::new(), has_path: false })
    }
}

type Decoded<T> = Result<T, Box<Failure>>;

impl<'b> Decoder<'_, 'b, '_, '_> {
    /// `depth` is the number of records, arrays and maps around the value. Each level of the recursion but unions,
    /// which are never directly inside of each other, is one of them.
    fn value(&mut self, id: TypeId, depth: usize) -> Decoded<()> {
        match self.types.get(id) {
            Type::Null => self.json.raw(b"null")?,
            Type::Boolean => match self.take(1)? {
                [0] => self.json.raw(b"false")?,
                [1] => self.json.raw(b"true")?,
                other => return Err(Failure::boxed(format!("byte {} instead of a boolean (0 or 1)", other[0]))),
            },
            Type::Int => {
                let number = self.int()?;
                self.json.integer(number)?;
            }
            Type::Long => {
                let number = self.long()?;
                self.json.integer(number)?;
            }
            Type::Float => {
                let bytes = self.array()?;
                self.json.float(f32::from_le_bytes(bytes))?;
            }
            Type::Double => {
                let bytes = self.array()?;
                self.json.double(f64::from_le_bytes(bytes))?;
            }
            Type::Bytes => {
                let bytes = self.prefixed()?;
                self.json.base64(bytes)?;
            }
            Type::String | Type::Uuid => self.string()?,
            Type::Date => {
                let days = self.int()?;
                self.time(time::date_text(days), days.into())?;
            }
            Type::Time(unit) => {
                let time = if *unit == Unit::Millis { self.int()?.into() } else { self.long()? };
                self.time(time::time_text(time, *unit), time)?;
            }
            Type::Timestamp { unit, is_local } => {
                let timestamp = self.long()?;
                self.time(time::timestamp_text(timestamp, *unit, *is_local), timestamp)?;
            }
            Type::BigDecimal => self.big_decimal()?,
            Type::Decimal(decimal) => self.decimal(decimal)?,
            Type::Fixed(fixed) => {
                let bytes = self.take(fixed.size)?;
                self.json.base64(bytes)?;
            }
            Type::FixedUuid(_) => {
                let bytes = self.array()?;
                self.json.raw(&uuid_text::to_json(bytes))?;
            }
            Type::Duration(_) => {
                let [months, days, millis] = [self.array()?, self.array()?, self.array()?].map(u32::from_le_bytes);
                self.json.raw(time::duration_text(months, days, millis).as_bytes())?;
            }
            Type::Enum(symbols) => {
                let index = self.long()?;
                let symbol = usize::try_from(index).ok().and_then(|index| symbols.symbols.get(index));
                let Some(symbol) = symbol else {
                    return Err(Failure::boxed(format!("enum index {index} of {}", symbols.symbols.len())));
                };
                self.json.raw(&symbol.json)?;
            }
            Type::Record(record) => {
                check_depth(depth)?;
                for field in &record.fields {
                    self.json.raw(&field.member)?;
                    if let Err(failure) = self.value(field.type_id, depth + 1) {
                        return Err(failure.inside(member_path(&field.name)));
                    }
                }
                self.json.raw(if record.fields.is_empty() { b"{}" } else { b"}" })?;
            }
            Type::Array { items, has_empty_items } => self.items(*items, *has_empty_items, depth)?,
            Type::Map(values) => self.map(*values, depth)?,
            Type::Union(branches) => {
                let index = self.long()?;
                match usize::try_from(index).ok().and_then(|index| branches.get(index)) {
                    Some(branch) => self.value(*branch, depth)?,
                    None => return Err(Failure::boxed(format!("union branch {index} of {}", branches.len()))),
                }
            }
            Type::Unresolved(name) => return Err(Failure::boxed(format!("undefined type `{name}`"))),
        }
        Ok(())
    }

    fn items(&mut self, items: TypeId, has_empty_items: bool, depth: usize) -> Decoded<()> {
        check_depth(depth)?;
        self.json.raw(b"[")?;
        let mut index = 0_usize;
        loop {
            let count = self.block("array")?;
            if count == 0 {
                break;
            }
            // Items without bytes are limited by the JSON that they write.
            if !has_empty_items {
                self.check_count("array", count)?;
            }
            for _ in 0..count {
                if index > 0 {
                    self.json.raw(b",")?;
                }
                if let Err(failure) = self.value(items, depth + 1) {
                    return Err(failure.inside(format!("[{index}]")));
                }
                index += 1;
            }
        }
        self.json.raw(b"]")?;
        Ok(())
    }

    fn map(&mut self, values: TypeId, depth: usize) -> Decoded<()> {
        check_depth(depth)?;
        self.json.raw(b"{")?;
        let mut is_first = true;
        loop {
            let count = self.block("map")?;
            if count == 0 {
                break;
            }
            self.check_count("map", count)?;
            for _ in 0..count {
                if !is_first {
                    self.json.raw(b",")?;
                }
                is_first = false;
                let key = self.text()?;
                self.json.string(key)?;
                self.json.raw(b":")?;
                if let Err(failure) = self.value(values, depth + 1) {
                    return Err(failure.inside(member_path(key)));
                }
            }
        }
        self.json.raw(b"}")?;
        Ok(())
    }

    /// The number of items in the next block; 0 at the end.
    fn block(&mut self, kind: &str) -> Decoded<u64> {
        let count = self.long()?;
        if count < 0 {
            // The size of the block in bytes follows, for readers that skip it.
            let size = self.long()?;
            if usize::try_from(size).map_or(true, |size| size > self.bytes.len()) {
                let what = format!("{kind} block of {size} bytes");
                return Err(Failure::with_details(what, format!(" ({})", left(self.bytes.len()))));
            }
        }
        Ok(count.unsigned_abs())
    }

    /// Each item has at least one byte.
    fn check_count(&self, kind: &str, count: u64) -> Decoded<()> {
        if count > self.bytes.len() as u64 {
            let what = format!("{kind} block of {count} items");
            return Err(Failure::with_details(what, format!(" ({})", left(self.bytes.len()))));
        }
        Ok(())
    }

    fn decimal(&mut self, of_type: &Decimal) -> Decoded<()> {
        let unscaled = match &of_type.fixed {
            Some(fixed) => self.take(fixed.size)?,
            None => self.prefixed()?,
        };
        check_decimal(unscaled)?;
        decimal::write(self.json, unscaled, of_type.scale.saturating_neg())?;
        Ok(())
    }

    /// Bytes that contain the bytes of the unscaled value, and its scale.
    fn big_decimal(&mut self) -> Decoded<()> {
        let bytes = self.prefixed()?;
        let mut inner = Decoder { types: self.types, bytes, json: &mut *self.json };
        let unscaled = inner.prefixed()?;
        let scale = inner.long()?;
        if !inner.bytes.is_empty() {
            return Err(Failure::boxed(format!("{} after the scale of a big-decimal", left(inner.bytes.len()))));
        }
        check_decimal(unscaled)?;
        decimal::write(self.json, unscaled, scale.saturating_neg())?;
        Ok(())
    }

    fn time(&mut self, text: Option<TimeText>, number: i64) -> Decoded<()> {
        match text {
            Some(text) => self.json.raw(text.as_bytes())?,
            None => self.json.integer(number)?,
        }
        Ok(())
    }

    fn string(&mut self) -> Decoded<()> {
        let text = self.text()?;
        self.json.string(text)?;
        Ok(())
    }

    fn text(&mut self) -> Decoded<&'b str> {
        std::str::from_utf8(self.prefixed()?).map_err(|_| Failure::boxed("invalid UTF-8"))
    }

    /// Bytes after their length.
    fn prefixed(&mut self) -> Decoded<&'b [u8]> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) => Err(Failure::boxed(format!("negative length {length}"))),
        }
    }

    fn take(&mut self, size: usize) -> Decoded<&'b [u8]> {
        match self.bytes.split_at_checked(size) {
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(taken)
            }
            None => Err(self.too_short(size)),
        }
    }

    fn array<const SIZE: usize>(&mut self) -> Decoded<[u8; SIZE]> {
        match self.bytes.split_first_chunk() {
            Some((taken, rest)) => {
                self.bytes = rest;
                Ok(*taken)
            }
            None => Err(self.too_short(SIZE)),
        }
    }

    #[cold]
    fn too_short(&self, size: usize) -> Box<Failure> {
        let short = size.saturating_sub(self.bytes.len());
        let details = format!(" (needs {}, {})", in_bytes(size), left(self.bytes.len()));
        Failure::with_details(format!("{} short", in_bytes(short)), details)
    }

    fn int(&mut self) -> Decoded<i32> {
        let number = self.long()?;
        i32::try_from(number).map_err(|_| Failure::boxed(format!("integer {number} is out of the range of an int")))
    }

    /// A variable-length integer in zigzag coding.
    fn long(&mut self) -> Decoded<i64> {
        if let [byte @ 0..0x80, rest @ ..] = self.bytes {
            self.bytes = rest;
            return Ok(zigzag(u64::from(*byte)));
        }
        self.longer_long()
    }

    fn longer_long(&mut self) -> Decoded<i64> {
        let mut number = 0;
        for (index, byte) in self.bytes.iter().take(10).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                if index == 9 && *byte > 1 {
                    break;
                }
                self.bytes = &self.bytes[index + 1..];
                return Ok(zigzag(number));
            }
        }
        if self.bytes.len() < 10 {
            return Err(self.too_short(self.bytes.len() + 1));
        }
        Err(Failure::boxed("integer of more than 64 bits"))
    }
}

fn in_bytes(count: usize) -> String {
    format!("{count} {}", if count == 1 { "byte" } else { "bytes" })
}

fn left(count: usize) -> String {
    format!("{} {} left", in_bytes(count), if count == 1 { "is" } else { "are" })
}

fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn check_depth(depth: usize) -> Decoded<()> {
    if depth < MAX_JSON_DEPTH {
        return Ok(());
    }
    let mut failure = Failure::boxed(format!("the value is nested deeper than {MAX_JSON_DEPTH} levels"));
    failure.code = DecodeErrorCode::TooLarge;
    // Nobody reads a path of that many names.
    failure.has_path = false;
    Err(failure)
}

fn check_decimal(unscaled: &[u8]) -> Decoded<()> {
    if unscaled.len() <= decimal::MAX_BYTES {
        return Ok(());
    }
    let (size, most) = (unscaled.len(), decimal::MAX_BYTES);
    Err(Failure::boxed(format!("decimal of {size} bytes (at most {most} are decoded)")))
}
