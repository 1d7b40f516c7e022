//! Responses of a broker over a real socket: complete, truncated, altered, and of other protocols.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use kafka_protocol::messages::{ApiVersionsRequest, SaslHandshakeRequest};
use proptest::prelude::*;

use super::api_versions::{self, ApiVersions, FeatureLevels, Finalized};
use super::sasl_handshake::{self, Listener};
use super::*;

/// Enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

enum Answer {
    /// A response with this body to the request.
    Body(Vec<u8>),
    /// A response with this body and another correlation id than the request.
    ToAnotherRequest(Vec<u8>),
    /// All bytes that are sent, including the length.
    Raw(Vec<u8>),
}

/// A connection to a broker that sends these answers, one for each request, and then closes the connection; and the
/// received requests.
fn broker(answers: Vec<Answer>) -> (BrokerConnection, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("a bound listener").port();
    let (got, requests) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        for answer in answers {
            let mut length = [0; 4];
            stream.read_exact(&mut length).expect("a request");
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request).expect("a whole request");
            let correlation_id = i32::from_be_bytes(request[4..8].try_into().expect("four bytes"));
            let framed = |correlation_id: i32, body: &[u8]| {
                [&(4 + body.len() as u32).to_be_bytes(), &correlation_id.to_be_bytes()[..], body].concat()
            };
            let bytes = match answer {
                Answer::Body(body) => framed(correlation_id, &body),
                Answer::ToAnotherRequest(body) => framed(correlation_id + 1, &body),
                Answer::Raw(bytes) => bytes,
            };
            // The client may have closed the connection already.
            let _ = stream.write_all(&bytes);
            let _ = got.send(request);
        }
    });
    let connection = BrokerConnection::open(&Transport::Plaintext, "127.0.0.1", port, Instant::now() + TIMEOUT);
    (connection.expect("the broker listens"), requests)
}

fn api_versions_of(answers: Vec<Answer>) -> Result<ApiVersions, RequestError> {
    api_versions::fetch(&mut broker(answers).0)
}

fn text(name: &str) -> Vec<u8> {
    [&[name.len() as u8 + 1], name.as_bytes()].concat()
}

fn tag(number: u8, field: &[u8]) -> Vec<u8> {
    [&[number, field.len() as u8], field].concat()
}

/// One API; one feature with supported levels 7 to 30 and finalized level 29 at epoch 5; and an unknown tagged field.
fn features() -> Vec<u8> {
    let one_api: &[u8] = &[2, 0, 18, 0, 0, 0, 4, 0];
    let throttle: &[u8] = &[0; 4];
    let tags = [
        tag(0, &[&[2], &*text("metadata.version"), &[0, 7, 0, 30, 0]].concat()),
        tag(1, &5_i64.to_be_bytes()),
        tag(2, &[&[2], &*text("metadata.version"), &[0, 29, 0, 29, 0]].concat()),
        tag(9, b"new"),
    ];
    [&[0, 0], one_api, throttle, &[4], &*tags.concat()].concat()
}

fn expected_features() -> ApiVersions {
    let level = |min, max| FeatureLevels { name: "metadata.version".to_owned(), min, max };
    ApiVersions {
        supported: vec![level(7, 30)],
        finalized: Some(Finalized { epoch: 5, levels: vec![level(29, 29)] }),
        requests: BTreeMap::from([(18, 0..=4)]),
    }
}

/// A SaslHandshake response with this error code and these mechanisms.
fn mechanisms(error: i16, names: &[&str]) -> Vec<u8> {
    let mut body = [&error.to_be_bytes()[..], &(names.len() as i32).to_be_bytes()].concat();
    for name in names {
        body.extend((name.len() as i16).to_be_bytes());
        body.extend(name.as_bytes());
    }
    body
}

/// Version 0 of the response with error code 35 and no APIs.
const UNSUPPORTED_VERSION: &[u8] = &[0, 35, 0, 0, 0, 0];

#[test]
fn features_are_decoded() {
    let (mut connection, requests) = broker(vec![Answer::Body(features())]);
    assert_eq!(api_versions::fetch(&mut connection).expect("an answer"), expected_features());
    let request = requests.recv().expect("a request");
    assert_eq!(request[..4], [0, 18, 0, 4], "ApiVersions, version 4");
    assert_eq!(request[8..15], *b"\0\x05ponte", "the client id");
}

#[test]
fn broker_without_version_4_gets_a_request_in_version_3() {
    let unsupported = || Answer::Body(UNSUPPORTED_VERSION.to_vec());
    let (mut connection, requests) = broker(vec![unsupported(), Answer::Body(features())]);
    assert_eq!(api_versions::fetch(&mut connection).expect("an answer"), expected_features());
    let versions: Vec<_> = requests.iter().map(|request| request[3]).collect();
    assert_eq!(versions, [4, 3]);
    assert_eq!(api_versions_of(vec![unsupported(), unsupported()]).expect("an answer"), ApiVersions::default());
}

#[test]
fn response_with_an_error_code_is_an_error() {
    let refused = api_versions_of(vec![Answer::Body(vec![0, 41])]).expect_err("refused");
    assert!(matches!(refused, RequestError::Refused { code: 41, .. }), "{refused}");
}

#[test]
fn listener_with_sasl_is_recognised() {
    let probe = |body| sasl_handshake::probe(&mut broker(vec![Answer::Body(body)]).0);
    let names = ["SCRAM-SHA-256", "OAUTHBEARER"];
    const UNSUPPORTED_SASL_MECHANISM: i16 = 33;
    const ILLEGAL_SASL_STATE: i16 = 34;
    assert_eq!(probe(mechanisms(UNSUPPORTED_SASL_MECHANISM, &names)).expect("an answer"), Listener::WithSasl);
    assert_eq!(probe(mechanisms(0, &["PLAIN"])).expect("an answer"), Listener::WithSasl);
    assert_eq!(probe(mechanisms(ILLEGAL_SASL_STATE, &[])).expect("an answer"), Listener::WithoutSasl);
}

#[test]
fn response_to_another_request_is_malformed() {
    let error = api_versions_of(vec![Answer::ToAnotherRequest(features())]).expect_err("another correlation id");
    assert_eq!(error.to_string(), "malformed ApiVersions response: correlation id 2, expected 1");
}

#[test]
fn truncated_response_is_malformed() {
    let whole = features();
    for length in 0..whole.len() {
        let error =
            api_versions_of(vec![Answer::Body(whole[..length].to_vec())]).expect_err("the response is truncated");
        assert!(error.to_string().starts_with("malformed ApiVersions response: "), "{length} bytes: {error}");
    }
    let whole = mechanisms(0, &["PLAIN"]);
    for length in 0..whole.len() {
        let answer = Answer::Body(whole[..length].to_vec());
        let error = sasl_handshake::probe(&mut broker(vec![answer]).0).expect_err("the response is truncated");
        assert!(error.to_string().starts_with("malformed SaslHandshake response: "), "{length} bytes: {error}");
    }
}

#[test]
fn connection_closed_within_a_response_is_an_io_error() {
    let announced = (features().len() as u32 + 4).to_be_bytes();
    for sent in [&[][..], &announced[..2], &announced, &[&announced[..], &[0, 0, 0, 1, 0, 0]].concat()] {
        let error = api_versions_of(vec![Answer::Raw(sent.to_vec())]).expect_err("the connection was closed");
        assert!(matches!(error, RequestError::Io(_)), "{} bytes: {error}", sent.len());
    }
}

#[test]
fn oversized_response_is_refused_before_it_is_read() {
    let error = api_versions_of(vec![Answer::Raw(b"HTTP/1.1 400 Bad Request".to_vec())]).expect_err("a web server");
    assert!(matches!(error, RequestError::TooLong { bytes: 0x4854_5450, .. }), "{error}");
    let limit = ApiVersionsRequest::MAX_RESPONSE_BYTES;
    let error = api_versions_of(vec![Answer::Raw((limit + 1).to_be_bytes().to_vec())]).expect_err("above the limit");
    assert!(matches!(error, RequestError::TooLong { bytes, .. } if bytes == limit + 1), "{error}");
}

/// Without the check an array with 4 billion elements ends the process: `kafka-protocol` allocates it before it reads
/// the elements.
#[test]
fn length_of_an_array_beyond_the_response_is_malformed() {
    let length: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0x0f];
    let apis = [&[0, 0], length].concat();
    let field = [&[0, 5], length].concat();
    let features = [&[0, 0, 1, 0, 0, 0, 0, 1], &*field].concat();
    for body in [apis, features] {
        let error = api_versions_of(vec![Answer::Body(body)]).expect_err("more elements than bytes");
        assert!(matches!(error, RequestError::Malformed { .. }), "{error}");
    }
    let mechanisms = [&[0, 0][..], &i32::MAX.to_be_bytes()].concat();
    let error =
        sasl_handshake::probe(&mut broker(vec![Answer::Body(mechanisms)]).0).expect_err("more names than bytes");
    assert!(matches!(error, RequestError::Malformed { .. }), "{error}");
}

proptest! {
    #[test]
    fn decoding_arbitrary_bytes_never_panics(mut bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
        let decode = |bytes: &[u8]| {
            let body = Bytes::copy_from_slice(bytes);
            let _ = decode_response::<ApiVersionsRequest>(4, body.clone());
            let _ = decode_response::<ApiVersionsRequest>(3, body.clone());
            let _ = decode_response::<SaslHandshakeRequest>(1, body);
        };
        decode(&bytes);
        bytes.splice(..0, [0, 0]);
        decode(&bytes);
        for mut whole in [features(), mechanisms(0, &["PLAIN", "SCRAM-SHA-256"])] {
            let at = at.index(whole.len());
            whole[at] = byte;
            decode(&whole);
        }
    }
}
