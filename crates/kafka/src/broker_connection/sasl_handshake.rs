//! Whether a listener wants its clients to sign in: the SaslHandshake request. librdkafka without SASL does not send it, and such a
//! broker closes the connection without an answer.

use kafka_protocol::messages::{ApiKey, SaslHandshakeRequest, SaslHandshakeResponse};
use kafka_protocol::protocol::StrBytes;

use super::{BrokerConnection, Request, RequestError};

const VERSION: i16 = 1;

/// What most listeners with SASL offer. The answer names every mechanism, and nobody signs in with this one here.
const MECHANISM: &str = "PLAIN";

const NO_ERROR: i16 = 0;
const UNSUPPORTED_SASL_MECHANISM: i16 = 33;

impl Request for SaslHandshakeRequest {
    const KEY: ApiKey = ApiKey::SaslHandshake;
    /// A list of mechanisms is short.
    const MAX_RESPONSE_BYTES: u32 = 4096;
    type Response = SaslHandshakeResponse;
}

#[derive(Debug, PartialEq, Eq)]
pub enum Listener {
    WithoutSasl,
    WithSasl,
}

/// Asks over a connection that was just opened: the request is only allowed before anything but ApiVersions.
pub fn ask(connection: &mut BrokerConnection) -> Result<Listener, RequestError> {
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(MECHANISM));
    let response = connection.ask(VERSION, &request)?;
    match response.error_code {
        NO_ERROR | UNSUPPORTED_SASL_MECHANISM => Ok(Listener::WithSasl),
        _ => Ok(Listener::WithoutSasl),
    }
}
