//! Whether a listener wants its clients to sign in, asked of the broker itself: the SaslHandshake request. librdkafka without SASL does
//! not send it, and such a broker ends the connection without a word.
//!
//! <https://kafka.apache.org/protocol#The_Messages_SaslHandshake>

use std::io::{self, Read, Write};

/// A list of mechanisms is short. Another protocol on the port gives absurd lengths.
const MAX_RESPONSE_BYTES: usize = 4096;

const SASL_HANDSHAKE: i16 = 17;
const VERSION: i16 = 1;
const CORRELATION: i32 = 1;

/// What most listeners with SASL offer. The answer tells more than this one mechanism, and nobody signs in with it here.
const MECHANISM: &str = "PLAIN";

const NO_ERROR: i16 = 0;
const UNSUPPORTED_SASL_MECHANISM: i16 = 33;

#[derive(Debug, PartialEq, Eq)]
pub enum Listener {
    WithoutSasl,
    /// With the names of the mechanisms that it offers.
    WithSasl(Vec<String>),
}

/// Asks over a connection on which nothing was said yet. The stream keeps the deadline.
pub fn ask(stream: &mut (impl Read + Write + ?Sized)) -> io::Result<Listener> {
    stream.write_all(&request())?;
    stream.flush()?;
    let mut length = [0; size_of::<u32>()];
    stream.read_exact(&mut length)?;
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "this is no answer to SaslHandshake");
    let length = usize::try_from(u32::from_be_bytes(length)).ok().filter(|length| *length <= MAX_RESPONSE_BYTES);
    let mut response = vec![0; length.ok_or_else(malformed)?];
    stream.read_exact(&mut response)?;
    parse(&response).ok_or_else(malformed)
}

fn request() -> Vec<u8> {
    let text = |text: &str| [&i16::try_from(text.len()).unwrap_or(0).to_be_bytes(), text.as_bytes()].concat();
    let body = [
        &SASL_HANDSHAKE.to_be_bytes()[..],
        &VERSION.to_be_bytes(),
        &CORRELATION.to_be_bytes(),
        &text("ponte"),
        &text(MECHANISM),
    ]
    .concat();
    [&u32::try_from(body.len()).unwrap_or(0).to_be_bytes()[..], &body].concat()
}

/// None where it is no answer to the request.
fn parse(response: &[u8]) -> Option<Listener> {
    let (correlation, rest) = response.split_first_chunk()?;
    let (error, rest) = rest.split_first_chunk()?;
    if i32::from_be_bytes(*correlation) != CORRELATION {
        return None;
    }
    if ![NO_ERROR, UNSUPPORTED_SASL_MECHANISM].contains(&i16::from_be_bytes(*error)) {
        return Some(Listener::WithoutSasl);
    }
    let (count, mut rest) = rest.split_first_chunk()?;
    let mut mechanisms = Vec::new();
    for _ in 0..i32::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk()?;
        let (name, after) = after.split_at_checked(usize::try_from(i16::from_be_bytes(*length)).ok()?)?;
        mechanisms.push(std::str::from_utf8(name).ok()?.to_owned());
        rest = after;
    }
    Some(Listener::WithSasl(mechanisms))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Correlation, error, and the names.
    fn answer(correlation: i32, error: i16, names: &[&str]) -> Vec<u8> {
        let mut answer =
            [&correlation.to_be_bytes()[..], &error.to_be_bytes(), &(names.len() as i32).to_be_bytes()].concat();
        for name in names {
            answer.extend((name.len() as i16).to_be_bytes());
            answer.extend(name.as_bytes());
        }
        answer
    }

    #[test]
    fn the_offered_mechanisms_are_read() {
        let offered = Listener::WithSasl(vec!["SCRAM-SHA-256".to_owned(), "OAUTHBEARER".to_owned()]);
        let names = ["SCRAM-SHA-256", "OAUTHBEARER"];
        assert_eq!(parse(&answer(CORRELATION, UNSUPPORTED_SASL_MECHANISM, &names)), Some(offered));
        // ILLEGAL_SASL_STATE
        assert_eq!(parse(&answer(CORRELATION, 34, &[])), Some(Listener::WithoutSasl));
    }

    #[test]
    fn what_is_no_answer_is_not_read_as_one() {
        let whole = answer(CORRELATION, NO_ERROR, &["PLAIN"]);
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), None, "{length} of {} bytes", whole.len());
        }
        assert_eq!(parse(&answer(7, NO_ERROR, &["PLAIN"])), None, "an answer to something else");
        assert_eq!(parse(b"HTTP/1.1 400 Bad Request"), None);
    }
}
