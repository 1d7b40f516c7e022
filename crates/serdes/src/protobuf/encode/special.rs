//! Encodes messages whose JSON is not an object of their fields.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Encoder;
use crate::decimal::DecimalText;
use crate::protobuf::scalar::{self, Scalar};
use crate::protobuf::table::{Kind, Message};
use crate::protobuf::well_known::{self, Special};
use crate::protobuf::wire::WireType;

impl Encoder<'_> {
    /// A message whose JSON is a scalar; `None` if the JSON is an object of its fields.
    pub(super) fn text_message<E: Error>(&mut self, table: &Message, json: &str) -> Result<Option<()>, E> {
        let text = scalar::string(json);
        match table.special {
            Special::Wrapper { value } => {
                let field = table.field(value);
                let value = self.scalar_from(field.kind, json)?;
                self.scalar_field(field, &value);
            }
            Special::Timestamp { seconds, nanos } | Special::Duration { seconds, nanos } => {
                let text = text.as_deref().unwrap_or_default();
                let (time, expected) = match table.special {
                    Special::Timestamp { .. } => {
                        (well_known::parse_timestamp(text), "an RFC 3339 time such as \"2026-01-31T12:30:00Z\"")
                    }
                    _ => (well_known::parse_duration(text), "a duration such as \"1.5s\""),
                };
                let Some((second, nano)) = time else {
                    return if json.starts_with('{') { Ok(None) } else { Err(self.unexpected(expected, json)) };
                };
                self.number_field(table.field(seconds), second);
                self.number_field(table.field(nanos), nano.into());
            }
            Special::FieldMask { paths } => {
                let Some(text) = text else {
                    return if json.starts_with('{') {
                        Ok(None)
                    } else {
                        Err(self.unexpected("a text of field names", json))
                    };
                };
                for path in text.split(',').filter(|path| !path.is_empty()) {
                    let Some(path) = well_known::to_snake_case(path) else {
                        return Err(self.unexpected("field names in camelCase", json));
                    };
                    self.tag(table.field(paths).number, WireType::Length);
                    self.scalar(&Scalar::Bytes(path.into_bytes()));
                }
            }
            Special::Decimal { value, precision, scale } => {
                let Some((unscaled, digits, decimals)) = decimal(text.as_deref().unwrap_or(json)) else {
                    return if json.starts_with('{') {
                        Ok(None)
                    } else {
                        Err(self.unexpected("a decimal number", json))
                    };
                };
                self.scalar_field(table.field(value), &Scalar::Bytes(unscaled));
                if let Some(precision) = precision {
                    self.number_field(table.field(precision), digits.into());
                }
                self.number_field(table.field(scale), decimals.into());
            }
            _ => return Ok(None),
        }
        Ok(Some(()))
    }

    fn unexpected<E: Error>(&mut self, expected: &str, json: &str) -> E {
        self.fail(format!("expected {expected}, found {}", scalar::shown(json)))
    }

    /// An Any: the message of its `@type` is encoded into a field.
    pub(super) fn any<E: Error>(&mut self, table: &Message, type_url: u32, value: u32, json: &str) -> Result<(), E> {
        let members = match protocol::from_json::<AnyMembers<'_>>(json) {
            Ok(members) => members,
            Err(error) => return Err(self.fail(error.to_string())),
        };
        let Some(url) = members.type_url else {
            let is_empty = members.value.is_none() && members.other.is_none();
            return if is_empty { Ok(()) } else { Err(self.fail("`@type` is missing")) };
        };
        self.scalar_field(table.field(type_url), &Scalar::Bytes(url.as_bytes().to_vec()));
        let start = self.out.len();
        self.tag(table.field(value).number, WireType::Length);
        let content = self.out.len();
        let message = self.tables.any_type(&url);
        if let Some(message) = message
            && self.tables.message(message).special == Special::None
        {
            self.read(message, json, true).map_err(E::custom)?;
        } else {
            if let Some(name) = members.other {
                return Err(
                    self.fail(format!("unknown field `{name}`; next to `@type` of {url} there is only `value`"))
                );
            }
            let json = members.value.map(RawValue::get);
            match (message, json) {
                (Some(message), Some(json)) => {
                    self.path.push(".value".to_owned());
                    if !self.read(message, json, false).map_err(E::custom)? {
                        return Err(self.unexpected("a value", json));
                    }
                    self.path.pop();
                }
                (None, Some(json)) => match self.scalar_from(Kind::Bytes, json)? {
                    Scalar::Bytes(bytes) => self.out.extend(bytes),
                    other => self.scalar(&other),
                },
                (_, None) => {}
            }
        }
        if self.out.len() == content {
            self.out.truncate(start);
        } else {
            self.close(content);
        }
        Ok(())
    }
}

/// The integer of a decimal number, its number of digits, and how many of them are after the point; `None` if the text is not a number, or
/// has too many digits for the message.
fn decimal(text: &str) -> Option<(Vec<u8>, u32, i32)> {
    let number = DecimalText::parse(text)?;
    let scale = i32::try_from(number.scale()).ok()?;
    let unscaled = number.unscaled(number.scale(), None).ok()?;
    Some((unscaled, u32::try_from(number.precision()).ok()?, scale))
}

/// The members of an Any that are read before its type is known.
#[derive(Default)]
struct AnyMembers<'j> {
    type_url: Option<Cow<'j, str>>,
    value: Option<&'j RawValue>,
    /// The name of any other member.
    other: Option<String>,
}

impl<'j> Deserialize<'j> for AnyMembers<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'j> Visitor<'j> for Members {
            type Value = AnyMembers<'j>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with @type")
            }

            fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<AnyMembers<'j>, A::Error> {
                let mut members = AnyMembers::default();
                while let Some(name) = map.next_key::<String>()? {
                    match &*name {
                        "@type" => members.type_url = Some(map.next_value()?),
                        "value" => members.value = Some(map.next_value()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            members.other = Some(name);
                        }
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members)
    }
}
