//! A text frame: one JSON object with a `type`, perhaps an `id`, and the fields of its message.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::printable::shorten;

/// A number of the client's choice; the reply to a request carries the same.
pub type RequestId = u64;

/// One control message with the request it belongs to, if any.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<M> {
    pub id: Option<RequestId>,
    pub message: M,
}

/// Why a text frame is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing of the frame can be trusted: the socket is closed with `4501`.
    #[error("not a JSON object with a \"type\": {0}")]
    NotAMessage(String),
    /// Answered by `unknown_type`; the session stays.
    #[error("unknown message type {name:?}")]
    UnknownType { id: Option<RequestId>, name: String },
    /// Answered by `bad_request`; the session stays.
    #[error("{name}: {reason}")]
    BadFields { id: Option<RequestId>, name: &'static str, reason: String },
}

/// What every text frame has, whatever its type.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(rename = "type")]
    pub name: String,
    /// Any JSON: a wrong `id` is an error of this message, not of the frame.
    #[serde(borrow, default)]
    pub id: Option<&'a RawValue>,
}

/// What an error repeats of a client's message. serde's reasons quote the wrong value, which may have megabytes.
const SHOWN_CHARS: usize = 200;

pub(crate) fn not_a_message(error: &serde_json::Error) -> ParseError {
    ParseError::NotAMessage(shorten(&error.to_string(), SHOWN_CHARS))
}

pub(crate) fn bad_fields(id: Option<RequestId>, name: &'static str, error: &serde_json::Error) -> ParseError {
    ParseError::BadFields { id, name, reason: shorten(&error.to_string(), SHOWN_CHARS) }
}

pub(crate) fn unknown_type(id: Option<RequestId>, name: &str) -> ParseError {
    ParseError::UnknownType { id, name: shorten(name, SHOWN_CHARS) }
}

/// The number in `id`, or why the value is not one.
pub(crate) fn request_id(id: Option<&RawValue>) -> Result<Option<RequestId>, String> {
    let Some(id) = id.map(RawValue::get) else { return Ok(None) };
    let wrong = |_| format!("id: {} is not a whole number from 0 to {}", shorten(id, SHOWN_CHARS), RequestId::MAX);
    id.parse().map(Some).map_err(wrong)
}

#[derive(Serialize)]
pub(crate) struct Tagged<'a, T> {
    #[serde(rename = "type")]
    pub name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    #[serde(flatten)]
    pub body: &'a T,
}

/// Declares one direction's messages: the wire name, the variant and the struct with its fields.
///
/// serde's own tagged enums buffer the fields, which would destroy raw JSON and big integers, so the frame is
/// read twice instead: once for `type` and `id`, once for the fields.
macro_rules! messages {
    ($(#[$doc:meta])* $enum:ident { $($name:literal => $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $enum { $($variant($variant),)* }

        impl $enum {
            /// Every wire name of this direction.
            pub const NAMES: &[&str] = &[$($name,)*];

            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            pub fn parse(text: &str) -> Result<$crate::Frame<Self>, $crate::ParseError> {
                use $crate::message::{Envelope, bad_fields, not_a_message, request_id, unknown_type};
                let Envelope { name, id } = serde_json::from_str(text).map_err(|error| not_a_message(&error))?;
                let (id, wrong_id) = match request_id(id) {
                    Ok(id) => (id, None),
                    Err(reason) => (None, Some(reason)),
                };
                let (name, message) = match name.as_str() {
                    $($name => {
                        let read = serde_json::from_str(text).map_err(|error| bad_fields(id, $name, &error))?;
                        ($name, Self::$variant(read))
                    })*
                    _ => return Err(unknown_type(id, &name)),
                };
                match wrong_id {
                    None => Ok($crate::Frame { id, message }),
                    Some(reason) => Err($crate::ParseError::BadFields { id: None, name, reason }),
                }
            }
        }

        impl $crate::Frame<$enum> {
            pub fn to_json(&self) -> String {
                use $crate::message::Tagged;
                let json = match &self.message {
                    $($enum::$variant(body) => serde_json::to_string(&Tagged { name: $name, id: self.id, body }),)*
                };
                json.expect("messages have string keys and no failing serialisers")
            }
        }

        $(
            impl From<$variant> for $enum {
                fn from(message: $variant) -> Self {
                    Self::$variant(message)
                }
            }
        )*

        impl $enum {
            /// The text frame of a message that belongs to no request.
            pub fn to_json(self) -> String {
                $crate::Frame { id: None, message: self }.to_json()
            }

            /// The text frame of a request, or of the reply to it.
            pub fn to_json_with_id(self, id: Option<$crate::RequestId>) -> String {
                $crate::Frame { id, message: self }.to_json()
            }
        }
    };
}

pub(crate) use messages;
