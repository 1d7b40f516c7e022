//! OpenTelemetry traces of single records, by option: one span from the arrival of a record to Kafka's acknowledgement
//! (send → ack), and one for each socket that a record with a `traceparent` header is written to (seen).
//!
//! Only samples are traced, and at most [`MAX_PER_SECOND`] spans of each kind. While the option is off, or without the
//! cargo feature `otel`, each hook costs one branch.

#[cfg(feature = "otel")]
mod context;
#[cfg(feature = "otel")]
mod exporter;
#[cfg(not(feature = "otel"))]
mod off;
#[cfg(feature = "otel")]
mod spans;

#[cfg(not(feature = "otel"))]
pub use self::off::{SendSpan, note_delivered, shut_down, start, trace_send};
#[cfg(feature = "otel")]
pub use self::{
    exporter::{shut_down, start},
    spans::{SendSpan, note_delivered, trace_send},
};

/// How many spans of each kind are made in a second, at most.
pub const MAX_PER_SECOND: u32 = 100;

/// How many records of a frame are searched for a `traceparent` header, from the first one on.
pub const SEARCHED_RECORDS: usize = 64;

/// Where traces are sent, and how many are made.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSettings {
    /// The collector's base address, to which `/v1/traces` is added. `None`: from OpenTelemetry's environment variables.
    pub endpoint: Option<String>,
    /// The probability that the first record of a produce frame starts a trace, if it has no `traceparent` header.
    pub sample: f64,
}

/// The spans of the records of one produce frame.
#[derive(Default)]
pub struct TracedSend {
    /// By the records' sequence numbers.
    pub spans: Vec<(u64, SendSpan)>,
    /// The `traceparent` header for the first record, which has none.
    pub header: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[cfg(not(feature = "otel"))]
    #[error("this bridge was built without the cargo feature `otel`, so it has no --otlp-endpoint")]
    NotCompiled,
    #[cfg(feature = "otel")]
    #[error("cannot set up the export of traces")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}
