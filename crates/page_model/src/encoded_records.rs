//! Records that the bridge encodes: those of a batch, before the first one is sent, and those of a run. The component that sends the requests
//! passes their results to the app state.

use super::app_state::AppState;
use super::batch_records::BatchLine;
use super::encode_chunk::{EncodedRecord, EncodingFailure, RecordToSend};
use super::encodings::RecordEncoding;
use super::read_state::ReadState;
use super::run::{Run, RunState, RunTitle, Start};
use super::slice::Slice;

/// Records of a run are encoded before they are due, so that the rate does not depend on the time that encoding takes.
const ENCODE_AHEAD_MS: f64 = 300.0;
/// Records of a run that are encoded, or being encoded, and not sent.
const ENCODE_AHEAD_RECORDS: u64 = 4000;

impl AppState {
    /// Chooses how the records of the batch are written. Another choice checks the text again.
    pub fn choose_batch_encoding(&mut self, topic: &str, encoding: RecordEncoding) {
        let Some(batch) = self.batch.as_mut().filter(|batch| !batch.is_encoded_as(topic, &encoding)) else { return };
        batch.choose_encoding(topic, encoding);
        self.batch_is_read_again();
    }

    /// The records of the batch are encoded again: another cluster may have other schemas.
    pub(super) fn restart_batch_encoding(&mut self) {
        if let Some(batch) = self.batch.as_mut().filter(|batch| batch.encoding().is_some()) {
            batch.restart_encoding();
            self.batch_revision += 1;
            self.changes.mark(Slice::Batch);
        }
    }

    fn batch_is_read_again(&mut self) {
        self.batch_revision += 1;
        self.changes.mark(Slice::Batch);
        self.check_batch(0.0);
    }

    /// Applies the bridge's answer for a chunk of the batch, unless the batch was changed since.
    pub fn batch_encoded(&mut self, revision: u64, records: Vec<(BatchLine, EncodedRecord)>, position: usize) {
        if let Some(batch) = self.batch.as_mut().filter(|_| self.batch_revision == revision) {
            batch.note_encoded(records, position);
            self.changes.mark(Slice::Batch);
        }
    }

    /// All records of the batch are encoded.
    pub fn batch_encoding_is_done(&mut self, revision: u64, pinned: impl FnOnce(RecordEncoding) -> RecordEncoding) {
        if let Some(batch) = self.batch.as_mut().filter(|_| self.batch_revision == revision) {
            batch.encoding_is_done(pinned);
            self.changes.mark(Slice::Batch);
        }
    }

    /// Starts a run whose records the bridge encodes. Returns its number, with which they are added.
    pub fn start_encoded_run(
        &mut self,
        topic: &str,
        (total, per_second): (Option<u64>, Option<f64>),
        title: RunTitle,
        start: Start,
    ) -> Option<u64> {
        if !self.may_start_run(topic) {
            return None;
        }
        let id = self.next_run;
        self.start(Run::encoded(id, title, topic.trim(), total, per_second, start), start.now_ms);
        Some(id)
    }

    fn encoded_run(&self, id: u64) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.id == id && run.is_active())
    }

    /// How many records of the run should be encoded now, besides the `pending` ones; `None` once the run is not active.
    pub fn run_to_encode(&self, id: u64, pending: u64, now_ms: f64) -> Option<u64> {
        let run = self.encoded_run(id)?;
        let is_held = run.state == RunState::Paused || self.run_blocked().is_some();
        Some(if is_held { 0 } else { run.to_encode(pending, now_ms, ENCODE_AHEAD_MS, ENCODE_AHEAD_RECORDS) })
    }

    /// Adds encoded records to the run, and sends those that are due.
    pub fn add_encoded(&mut self, id: u64, records: Vec<(u64, Result<RecordToSend, EncodingFailure>)>, now_ms: f64) {
        if self.encoded_run(id).is_some()
            && let Some(run) = &mut self.run
        {
            run.add_encoded(records);
            self.changes.mark(Slice::Sends);
            self.send_due(now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{RecordFormat, RecordPart, ValueError};

    use super::*;
    use crate::{PartEncoding, PartError};

    #[test]
    fn batch_is_encoded_again_for_another_cluster() {
        let mut state = AppState::default();
        state.set_batch(None, "{\"a\":1}\n{\"a\":2}\n".into());
        let avro = RecordEncoding { key: None, value: Some(PartEncoding::of(RecordFormat::Avro)) };
        state.choose_batch_encoding("t", avro.clone());
        let revision = state.batch_revision;
        let failed = || {
            let error = ValueError { path: String::new(), message: "expected text".into() };
            let line = BatchLine { line: 1, entry: 0 };
            vec![(line, Err(PartError { part: RecordPart::Value, error }))]
        };
        state.batch_encoded(revision, failed(), 0);
        state.batch_encoding_is_done(revision, |encoding| encoding);
        assert!(state.batch.as_ref().is_some_and(|batch| batch.is_checked() && batch.check.valid == 1));
        state.switch_cluster("other".into());
        state.batch_encoded(revision, failed(), 0);
        assert!(state.batch_revision > revision);
        assert!(state.batch.as_ref().is_some_and(|batch| !batch.is_checked()));
        // The form does so when the revision changes.
        state.choose_batch_encoding("t", avro);
        assert!(state.batch.as_ref().is_some_and(|batch| !batch.is_checked() && batch.check.valid == 2));
    }
}
