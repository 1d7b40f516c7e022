//! The same functions for a bridge without the cargo feature `otel`: they do nothing.

use std::time::{Duration, Instant};

use feed::Batch;
use kafka::producer::Outcome;
use protocol::{ClusterName, HeaderView, ProduceView};

use super::{TraceError, TraceSettings, TracedSend};

/// A span that cannot exist.
pub enum SendSpan {}

impl SendSpan {
    pub fn end(self, _index: u64, _outcome: &Outcome) {
        match self {}
    }
}

pub fn start(_settings: &TraceSettings) -> Result<(), TraceError> {
    Err(TraceError::NotCompiled)
}

pub fn shut_down(_within: Duration) {}

pub fn trace_send<'a, H: Iterator<Item = HeaderView<'a>> + Clone>(
    _cluster: &ClusterName,
    _topic: &str,
    _seq: u64,
    _records: &[ProduceView<'a, H>],
    _received: Instant,
) -> TracedSend {
    TracedSend::default()
}

pub fn note_delivered(_batch: &Batch, _range: &std::ops::Range<usize>) {}
