//! A text frame: one JSON object with a `type`, perhaps an `id`, and the fields of its message.

use serde::{Deserialize, Serialize};

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
pub(crate) struct Envelope {
    #[serde(rename = "type")]
    pub name: String,
    #[serde(default)]
    pub id: Option<RequestId>,
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
                let $crate::message::Envelope { name, id } = serde_json::from_str(text)
                    .map_err(|error| $crate::ParseError::NotAMessage(error.to_string()))?;
                let message = match name.as_str() {
                    $($name => Self::$variant(serde_json::from_str(text).map_err(|error| {
                        $crate::ParseError::BadFields { id, name: $name, reason: error.to_string() }
                    })?),)*
                    _ => return Err($crate::ParseError::UnknownType { id, name }),
                };
                Ok($crate::Frame { id, message })
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
