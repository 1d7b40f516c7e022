//! Why a registry did not do what it was asked for.

use protocol::{ErrorBody, ErrorCode};
use serde::Deserialize;
use ureq::http::StatusCode;

/// Longer messages of a registry are cut.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Why a registry did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No node of the registry gave an answer.
    #[error("the schema registry cannot be reached: {reason}")]
    Unreachable { reason: String },
    /// The registry answered with an error.
    #[error("{}", refusal(*status, *error_code, message))]
    Refused {
        status: u16,
        /// The registry's own code, such as 40401 for a subject that does not exist.
        error_code: Option<i64>,
        /// The registry's own words; empty if it gave none.
        message: String,
    },
    /// The answer is not what the API defines.
    #[error("the answer of the schema registry cannot be read: {reason}")]
    Unexpected { reason: String },
    /// Too many requests wait for the registry.
    #[error("too many requests wait for the schema registry; try again later")]
    Busy,
}

impl RegistryError {
    pub(super) fn refused(status: StatusCode, body: &[u8]) -> Self {
        /// Confluent's API has `error_code` and `message`; Apicurio's own API has `title`.
        #[derive(Deserialize)]
        struct Body {
            error_code: Option<i64>,
            message: Option<String>,
            title: Option<String>,
        }
        let body: Option<Body> = protocol::from_json_bytes(body).ok();
        let (error_code, message) = match body {
            Some(Body { error_code, message, title }) => (error_code, message.or(title).unwrap_or_default()),
            None => (None, String::new()),
        };
        Self::Refused { status: status.as_u16(), error_code, message: single_line(&message) }
    }

    /// The error for a client. `action`: what failed, such as `load the subject "orders-value"`.
    pub fn to_error_body(&self, action: &str) -> ErrorBody {
        const UNKNOWN_SUBJECT: i64 = 40401;
        const UNKNOWN_VERSION: i64 = 40402;
        const INVALID_SCHEMA: i64 = 42201;
        let (code, next) = match self {
            Self::Unreachable { .. } => {
                (ErrorCode::RegistryUnreachable, "check that the registry is running, then try again")
            }
            Self::Busy => (ErrorCode::RegistryUnreachable, ""),
            Self::Refused { status: 429 | 500.., .. } => {
                (ErrorCode::RegistryUnreachable, "try again later, or look into the log of the registry")
            }
            Self::Refused { status: 401 | 403 | 407, .. } => {
                (ErrorCode::RegistryRefused, "check the user of the registry in the configuration of the bridge")
            }
            Self::Refused { error_code: Some(INVALID_SCHEMA), .. } => (ErrorCode::SchemaInvalid, "correct the schema"),
            Self::Refused { error_code: Some(UNKNOWN_VERSION), .. } => {
                (ErrorCode::SubjectMissing, "choose a version that the subject has")
            }
            Self::Refused { error_code: Some(UNKNOWN_SUBJECT), .. } | Self::Refused { status: 404, .. } => {
                (ErrorCode::SubjectMissing, "choose another subject, or register a schema for it")
            }
            Self::Refused { .. } => (ErrorCode::RegistryRefused, ""),
            Self::Unexpected { .. } => {
                (ErrorCode::RegistryRefused, "check that the address is that of a schema registry with Confluent's API")
            }
        };
        let next = if next.is_empty() { String::new() } else { format!("; {next}") };
        ErrorBody::new(code, format!("cannot {action}: {self}{next}"))
    }

    /// The HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether no request can succeed at the moment, rather than only this one.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            // 403 may be about a single subject.
            Self::Refused { status, .. } => matches!(status, 401 | 407 | 429 | 500..),
            Self::Unexpected { .. } | Self::Busy => false,
        }
    }

    /// Whether the API itself, rather than a subject or a schema, is missing in this registry.
    pub(super) fn is_unsupported(&self) -> bool {
        matches!(self, Self::Refused { status: 404 | 405 | 501, error_code: None, .. })
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }
}

fn refusal(status: u16, error_code: Option<i64>, message: &str) -> String {
    let what = match status {
        401 => "the schema registry refused the credentials (401)".to_owned(),
        403 => "the schema registry does not permit this (403)".to_owned(),
        407 => "the proxy in front of the schema registry refused the credentials (407)".to_owned(),
        429 => "the schema registry received too many requests (429)".to_owned(),
        500.. => format!("the schema registry has an internal error ({status})"),
        _ => format!("the schema registry refused the request ({})", error_code.unwrap_or_else(|| i64::from(status))),
    };
    if message.is_empty() { what } else { format!("{what}: {message}") }
}

/// The first characters of a registry's text, without control characters.
fn single_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(MAX_MESSAGE_CHARS).collect::<String>().trim().to_owned()
}
