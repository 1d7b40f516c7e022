//! The text of an error from the bridge: a sentence in the page's language for known errors, then the bridge's message,
//! which contains values.

use protocol::{ErrorBody, ErrorCode};

use crate::i18n::{WithBroker, Words};
use page_model::ForbiddenError;

type Word = fn(&Words) -> &'static str;
type OfBroker = fn(&Words) -> WithBroker;

/// Why Kafka does not respond: the cause, with the broker's address, and what to change.
const DOWN: [(ErrorCode, OfBroker, Word); 8] = [
    (ErrorCode::DnsFailed, |w| w.down_dns, |w| w.down_dns_next),
    (ErrorCode::ConnectionRefused, |w| w.down_refused, |w| w.down_refused_next),
    (ErrorCode::TlsFailed, |w| w.down_tls, |w| w.down_tls_next),
    (ErrorCode::CertificateRejected, |w| w.down_certificate, |w| w.down_certificate_next),
    (ErrorCode::AuthenticationFailed, |w| w.down_authentication, |w| w.down_authentication_next),
    (ErrorCode::AdvertisedAddressUnreachable, |w| w.down_advertised, |w| w.down_advertised_next),
    (ErrorCode::ConnectionTimedOut, |w| w.down_timed_out, |w| w.down_timed_out_next),
    (ErrorCode::Forbidden, |w| w.down_forbidden, |w| w.down_forbidden_next),
];

const OTHERS: [(ErrorCode, Word); 5] = [
    (ErrorCode::TooManyRequests, |w| w.error_too_many_requests),
    (ErrorCode::TooManyReaders, |w| w.error_too_many_readers),
    (ErrorCode::SequenceReused, |w| w.error_sequence_reused),
    (ErrorCode::SequenceExpired, |w| w.error_sequence_expired),
    (ErrorCode::TooFewReplicas, |w| w.error_too_few_replicas),
];

/// The cause and what to change; `None` if the page has no text for the error. `servers`: the bootstrap addresses, for an
/// error that names no broker.
pub fn down_text(error: &ErrorBody, servers: &str, words: &Words) -> Option<(String, &'static str)> {
    let (_, what, next) = DOWN.iter().find(|(code, ..)| code.number() == error.code)?;
    let broker = error.broker.as_ref().map_or(servers, |broker| &broker.address);
    Some((what(words).with_broker(broker), next(words)))
}

pub fn error_text(error: &ErrorBody, words: &Words) -> String {
    match ForbiddenError::of(error) {
        Some(ForbiddenError { need: Some((action, name)) }) => {
            return format!("{} ({action} {name}).", words.error_access_rules);
        }
        Some(_) => return format!("{}: {}", words.error_access_rules, error.message),
        None => {}
    }
    let known = OTHERS.iter().find(|(code, _)| code.number() == error.code).map(|(_, word)| word(words).to_owned());
    // An error that names no broker is about the request, not about a connection.
    let known = known.or_else(|| down_text(error, "", words).filter(|_| error.broker.is_some()).map(|(what, _)| what));
    match known {
        Some(known) => format!("{known} {}", error.message),
        None => error.message.clone(),
    }
}
