//! A connection to one broker for the requests that librdkafka's C API does not offer. The messages are those of the
//! `kafka-protocol` crate; TLS is configured by the same validated properties as librdkafka.
//!
//! The connection does not authenticate (SASL). A broker with SASL answers only requests about itself (`api_versions`,
//! `sasl_handshake`) before authentication; callers send the others only to clusters without SASL.

pub mod api_versions;
mod bounded_buffer;
pub mod list_groups;
pub mod sasl_handshake;
pub mod share_groups;
#[cfg(feature = "tls")]
mod tls;
mod transport;

use std::io::{self, Read, Write};
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use self::bounded_buffer::BoundedBuffer;
#[cfg(feature = "tls")]
pub use self::tls::TlsError;
use self::transport::Stream;
pub use self::transport::{ConnectError, Transport, connect_tcp};

/// The client id and software name in requests.
const CLIENT_NAME: &str = "ponte";

/// Kafka's error code for success.
const NO_ERROR: i16 = 0;

/// A kind of request and its response.
///
/// `kafka-protocol` has such a trait, but only together with the brokers' half of the codec, which takes a quarter
/// longer to compile.
///
/// Use flexible versions (KIP-482) if the kind has them: in other versions [`BoundedBuffer`] checks every 32-bit number
/// of the response as if it were the length of an array.
pub trait Request: Encodable + HeaderVersion {
    const KEY: ApiKey;
    /// A longer response is refused before it is read.
    const MAX_RESPONSE_BYTES: u32;
    type Response: Decodable + HeaderVersion;
}

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{request:?} response of {bytes} bytes, more than the limit of {limit}: this is not Kafka's protocol")]
    TooLong { request: ApiKey, bytes: u32, limit: u32 },
    #[error("malformed {request:?} response: {reason}")]
    Malformed { request: ApiKey, reason: String },
    #[error("{request:?} request refused with Kafka error code {code}")]
    Refused { request: ApiKey, code: i16 },
    #[error("it supports no version of the {request:?} request that the bridge knows; this needs a newer Kafka")]
    NotSupported { request: ApiKey },
    #[error("{request:?} request not encoded: {reason}")]
    NotEncoded { request: ApiKey, reason: String },
}

pub struct BrokerConnection {
    stream: Box<dyn Stream>,
    last_correlation_id: i32,
}

impl BrokerConnection {
    /// Connects. All requests on the connection share the deadline.
    ///
    /// # Errors
    /// If the broker cannot be reached before the deadline, or the TLS handshake fails.
    pub fn open(transport: &Transport, host: &str, port: u16, deadline: Instant) -> Result<Self, ConnectError> {
        Ok(Self { stream: transport.connect(host, port, deadline)?, last_correlation_id: 0 })
    }

    /// Sends the request and waits for its response.
    ///
    /// # Errors
    /// If the connection fails, the deadline passes, or the response is too long or malformed.
    pub fn request<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response, RequestError> {
        let body = self.exchange(version, request)?;
        decode_response::<R>(version, body)
    }

    /// The undecoded body of the response, for requests whose response has to be inspected before the version is known.
    fn exchange<R: Request>(&mut self, version: i16, request: &R) -> Result<Bytes, RequestError> {
        self.last_correlation_id = self.last_correlation_id.wrapping_add(1);
        let frame = encode_request(version, request, self.last_correlation_id)
            .map_err(|error| RequestError::NotEncoded { request: R::KEY, reason: error.to_string() })?;
        self.stream.write_all(&frame)?;
        self.stream.flush()?;
        let mut response = self.read_response::<R>()?;
        let header =
            ResponseHeader::decode(&mut response, R::Response::header_version(version)).map_err(malformed::<R>)?;
        if header.correlation_id != self.last_correlation_id {
            let reason = format!("correlation id {}, expected {}", header.correlation_id, self.last_correlation_id);
            return Err(RequestError::Malformed { request: R::KEY, reason });
        }
        Ok(response)
    }

    fn read_response<R: Request>(&mut self) -> Result<Bytes, RequestError> {
        let mut length = [0; size_of::<u32>()];
        self.stream.read_exact(&mut length)?;
        let bytes = u32::from_be_bytes(length);
        if bytes > R::MAX_RESPONSE_BYTES {
            return Err(RequestError::TooLong { request: R::KEY, bytes, limit: R::MAX_RESPONSE_BYTES });
        }
        let mut response = vec![0; bytes as usize];
        self.stream.read_exact(&mut response)?;
        Ok(response.into())
    }
}

/// The whole frame, including its length.
fn encode_request<R: Request>(version: i16, request: &R, correlation_id: i32) -> Result<Bytes, anyhow::Error> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY as i16)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_NAME)));
    let mut message = BytesMut::new();
    header.encode(&mut message, R::header_version(version))?;
    request.encode(&mut message, version)?;
    let mut frame = BytesMut::with_capacity(size_of::<u32>() + message.len());
    frame.put_u32(u32::try_from(message.len())?);
    frame.put(message);
    Ok(frame.freeze())
}

fn decode_response<R: Request>(version: i16, body: Bytes) -> Result<R::Response, RequestError> {
    /// The request header of flexible versions has this version or a later one.
    const FLEXIBLE_HEADER: i16 = 2;
    let mut body = BoundedBuffer::new(body, R::header_version(version) >= FLEXIBLE_HEADER);
    R::Response::decode(&mut body, version).map_err(malformed::<R>)
}

fn malformed<R: Request>(error: anyhow::Error) -> RequestError {
    RequestError::Malformed { request: R::KEY, reason: error.to_string() }
}

#[cfg(test)]
mod tests;
