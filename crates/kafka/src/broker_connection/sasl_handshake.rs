//! The SaslHandshake request, to find out whether a listener requires SASL. librdkafka does not send it if it is
//! configured without SASL; a listener with SASL then closes the connection without a response.

use kafka_protocol::messages::{ApiKey, SaslHandshakeRequest, SaslHandshakeResponse};
use kafka_protocol::protocol::StrBytes;

use super::{BrokerConnection, NO_ERROR, Request, RequestError};

const VERSION: i16 = 1;

/// Any mechanism will do, because a listener with SASL also answers a mechanism that it does not support.
const MECHANISM: &str = "PLAIN";

const UNSUPPORTED_SASL_MECHANISM: i16 = 33;

impl Request for SaslHandshakeRequest {
    const KEY: ApiKey = ApiKey::SaslHandshake;
    /// The response lists the mechanisms, which are few.
    const MAX_RESPONSE_BYTES: u32 = 4096;
    type Response = SaslHandshakeResponse;
}

#[derive(Debug, PartialEq, Eq)]
pub enum Listener {
    WithoutSasl,
    WithSasl,
}

/// Requires a connection that was just opened: brokers accept the request only as the first one, or after ApiVersions.
///
/// # Errors
/// If the connection fails or the response is malformed.
pub fn probe(connection: &mut BrokerConnection) -> Result<Listener, RequestError> {
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(MECHANISM));
    let response = connection.request(VERSION, &request)?;
    match response.error_code {
        NO_ERROR | UNSUPPORTED_SASL_MECHANISM => Ok(Listener::WithSasl),
        _ => Ok(Listener::WithoutSasl),
    }
}
