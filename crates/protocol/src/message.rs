//! Text frames: one JSON object with a `type`, an optional `id`, and the fields of the message.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::printable::shorten;

/// A number that the client chooses; the reply to a request has the same number.
pub type RequestId = u64;

/// A control message with the id of its request, if it has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<M> {
    pub id: Option<RequestId>,
    /// The lists of this message continue in the next message of the same type with the same `id`, `watch` and
    /// `subscription`.
    pub more: bool,
    pub message: M,
}

/// Why a text frame is not a valid message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The frame has no readable `type`; the socket is closed with 4501.
    #[error("not a JSON object with a \"type\": {0}")]
    NotAMessage(String),
    /// Answered with `unknown_type`; the session continues.
    #[error("unknown message type {name:?}")]
    UnknownType { id: Option<RequestId>, name: String },
    /// Answered with `bad_request`; the session continues.
    #[error("{name}: {reason}")]
    BadFields { id: Option<RequestId>, name: &'static str, reason: String },
}

/// The fields that every text frame has.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(rename = "type")]
    pub name: String,
    /// Any JSON, because a wrong `id` must be an error of this message, not of the frame.
    #[serde(borrow, default)]
    pub id: Option<&'a RawValue>,
    /// Any JSON, because a client's message may have any fields that the bridge does not know.
    #[serde(borrow, default)]
    pub more: Option<&'a RawValue>,
}

impl Envelope<'_> {
    pub fn has_more(&self) -> bool {
        self.more.is_some_and(|more| more.get() == "true")
    }
}

/// How many characters of a client's message an error repeats. serde's messages quote the invalid value, which may be
/// megabytes long.
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

/// Parses `id`, or returns why it is not a valid number.
pub(crate) fn request_id(id: Option<&RawValue>) -> Result<Option<RequestId>, String> {
    let Some(id) = id.map(RawValue::get) else { return Ok(None) };
    let wrong = |_| format!("id: {} is not a whole number from 0 to {}", shorten(id, SHOWN_CHARS), RequestId::MAX);
    id.parse().map(Some).map_err(wrong)
}

/// The `seq` of a `produce` whose other fields are invalid, so that its error can name its records.
pub fn sequence_number(text: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Numbered {
        seq: u64,
    }
    crate::from_json(text).ok().map(|Numbered { seq }| seq)
}

#[derive(Serialize)]
pub(crate) struct Tagged<'a, T> {
    #[serde(rename = "type")]
    pub name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    #[serde(flatten)]
    pub body: &'a T,
}

/// The body of one message, for code that expects this message and no other.
pub trait MessageBody: DeserializeOwned {
    /// The value of `type`.
    const NAME: &'static str;

    /// Adds the next part of a message that is sent in parts. Messages without lists have one part.
    fn append(&mut self, _next: Self) {}
}

/// The text frame of one message, to which the number of a request can be added. Unlike the enums of all messages, it needs only the code of
/// this message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageText {
    text: String,
    /// Where the number is written.
    id_at: usize,
}

impl MessageText {
    pub fn of<M: MessageBody + Serialize>(message: &M) -> Self {
        let tagged = Tagged { name: M::NAME, id: None, more: false, body: message };
        let text = serde_json::to_string(&tagged).expect("messages have string keys and serializers that cannot fail");
        Self { text, id_at: r#"{"type":""#.len() + M::NAME.len() + 1 }
    }

    pub fn with_id(&self, id: RequestId) -> String {
        let (start, end) = self.text.split_at(self.id_at);
        format!("{start},\"id\":{id}{end}")
    }

    pub fn into_text(self) -> String {
        self.text
    }
}

/// Declares the messages of one direction: the wire name, the variant, and the struct with the fields. `in parts`: the
/// message has lists, and is sent in several frames if they are long.
///
/// serde's tagged enums buffer the fields, which would change raw JSON and large integers. So the frame is parsed twice
/// instead: once for `type` and `id`, once for the fields.
macro_rules! messages {
    ($(#[$doc:meta])* $enum:ident { $($name:literal => $variant:ident $(in $parts:ident)?,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $enum { $($variant($variant),)* }

        impl $enum {
            /// All wire names of this direction.
            pub const NAMES: &[&str] = &[$($name,)*];

            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            pub fn parse(text: &str) -> Result<$crate::Frame<Self>, $crate::ParseError> {
                use $crate::message::{Envelope, bad_fields, not_a_message, request_id, unknown_type};
                let envelope: Envelope<'_> = $crate::from_json(text).map_err(|error| not_a_message(&error))?;
                let more = envelope.has_more();
                let Envelope { name, id, .. } = envelope;
                let (id, wrong_id) = match request_id(id) {
                    Ok(id) => (id, None),
                    Err(reason) => (None, Some(reason)),
                };
                let (name, message) = match name.as_str() {
                    $($name => {
                        let read = $crate::from_json(text).map_err(|error| bad_fields(id, $name, &error))?;
                        ($name, Self::$variant(read))
                    })*
                    _ => return Err(unknown_type(id, &name)),
                };
                match wrong_id {
                    None => Ok($crate::Frame { id, more, message }),
                    Some(reason) => Err($crate::ParseError::BadFields { id: None, name, reason }),
                }
            }
        }

        impl $crate::Frame<$enum> {
            pub fn to_json(&self) -> String {
                use $crate::message::Tagged;
                let json = match &self.message {
                    $($enum::$variant(body) => serde_json::to_string(&Tagged { name: $name, id: self.id, more: self.more, body }),)*
                };
                json.expect("messages have string keys and serializers that cannot fail")
            }
        }

        $(
            impl From<$variant> for $enum {
                fn from(message: $variant) -> Self {
                    Self::$variant(message)
                }
            }

            impl $crate::MessageBody for $variant {
                const NAME: &'static str = $name;

                $(fn append(&mut self, next: Self) {
                    $crate::$parts::Parts::append(self, next);
                })?
            }
        )*

        #[cfg(feature = "schema")]
        impl $enum {
            /// The wire name of each message, the name of its type, and a reference to the JSON Schema of its fields.
            pub fn schemas(
                generator: &mut schemars::SchemaGenerator,
            ) -> Vec<(&'static str, &'static str, schemars::Schema)> {
                vec![$(($name, stringify!($variant), generator.subschema_for::<$variant>()),)*]
            }
        }

        impl $enum {
            /// The text frame of a message without an `id`.
            pub fn to_json(self) -> String {
                self.to_json_with_id(None)
            }

            /// The text frame of a request, or of its reply.
            pub fn to_json_with_id(self, id: Option<$crate::RequestId>) -> String {
                $crate::Frame { id, more: false, message: self }.to_json()
            }
        }
    };
}

pub(crate) use messages;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientMessage, TopicRequest, TopicsRequest};

    #[test]
    fn text_of_one_message_is_that_of_the_enum() {
        let (topic, topics) = (TopicRequest { name: "a".to_owned() }, TopicsRequest {});
        assert_eq!(MessageText::of(&topic).with_id(7), ClientMessage::from(topic.clone()).to_json_with_id(Some(7)));
        assert_eq!(MessageText::of(&topic).into_text(), ClientMessage::from(topic).to_json());
        assert_eq!(MessageText::of(&topics).with_id(0), ClientMessage::from(topics).to_json_with_id(Some(0)));
    }
}
