//! The headers of W3C's Trace Context (<https://www.w3.org/TR/trace-context/>) in Kafka records.

use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use protocol::HeaderView;

pub const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The context that the headers name, if they are valid. Of a header that occurs several times, the last one counts, as
/// for Kafka's `Headers.lastHeader`.
pub fn of_headers<'a>(headers: impl Iterator<Item = HeaderView<'a>>) -> Option<SpanContext> {
    let (mut parent, mut state) = (None, None);
    for (name, value) in headers {
        match name {
            TRACEPARENT => parent = value,
            TRACESTATE => state = value,
            _ => {}
        }
    }
    let state = state.and_then(|state| TraceState::from_str(std::str::from_utf8(state).ok()?).ok());
    parse(std::str::from_utf8(parent?).ok()?, state.unwrap_or_default())
}

/// Parses a `traceparent`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, all in lower case. A later version may
/// have further fields, which are ignored.
fn parse(traceparent: &str, state: TraceState) -> Option<SpanContext> {
    let mut fields = traceparent.split('-');
    let mut hex = |digits: usize| {
        let field = fields.next()?;
        let is_hex = field.len() == digits && field.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then_some(field)
    };
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let has_more = fields.next().is_some();
    if version == "ff" || (version == "00" && has_more) {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, flags, true, state);
    context.is_valid().then_some(context)
}

/// The `traceparent` header of this context.
pub fn traceparent(context: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(traceparent: &str) -> Option<SpanContext> {
        of_headers([(TRACEPARENT, Some(traceparent.as_bytes()))].into_iter())
    }

    #[test]
    fn valid_header_is_read_and_written_unchanged() {
        let context = of(EXAMPLE).expect("valid");
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(traceparent(&context), EXAMPLE);
        let unsampled = of(&EXAMPLE.replace("-01", "-00")).expect("valid");
        assert!(!unsampled.is_sampled());
        assert!(of("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-else").is_some(), "a later version");
    }

    #[test]
    fn invalid_header_is_ignored() {
        for invalid in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(invalid), None, "{invalid}");
        }
        assert_eq!(of_headers([(TRACEPARENT, None), (TRACEPARENT, Some(&b"\xff"[..]))].into_iter()), None);
        assert_eq!(
            of_headers([("Traceparent", Some(EXAMPLE.as_bytes()))].into_iter()),
            None,
            "header names have a case"
        );
    }

    #[test]
    fn last_of_several_headers_counts_and_state_is_kept() {
        let first = EXAMPLE.replace("4bf9", "0000");
        let headers = [
            (TRACEPARENT, Some(first.as_bytes())),
            (TRACESTATE, Some(&b"vendor=1"[..])),
            (TRACEPARENT, Some(EXAMPLE.as_bytes())),
        ];
        let context = of_headers(headers.into_iter()).expect("valid");
        assert_eq!((traceparent(&context).as_str(), context.trace_state().get("vendor")), (EXAMPLE, Some("1")));
    }
}
