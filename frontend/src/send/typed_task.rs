//! Sends typed records: the bridge encodes the JSON, then the bytes are produced as any others. A run encodes its records some hundred
//! milliseconds ahead, so that its rate does not depend on the bridge.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{ErrorBody, ErrorCode};

use crate::context::settings::Preferences;
use crate::context::store::Store;
use crate::i18n::Words;
use crate::platform::browser;
use crate::send::send_blocked::send_blocked_text;
use crate::send::send_fields::{Check, SendFields};
use crate::send::typed_requests::{EncodeError, Encoded, encode};
use crate::ui::lazy::lazy_part;
use page_model::{
    BatchChunk, BatchLine, BatchRecords, Draft, DraftKind, EncodeChunk, EncodingFailure, PartError, PatternRecords,
    ReadState, RecordEncoding, RecordToSend, RunPlan, RunTitle,
};

/// Chunks of one run that the bridge encodes at the same time.
const MAX_IN_FLIGHT: usize = 3;
/// How often a run that has enough encoded records looks again.
const POLL_MS: i32 = 25;
/// After a lost connection, or when the bridge is busy.
const RETRY_MS: i32 = 300;

/// What is sent.
pub enum TypedTask {
    Record(String, Draft, RecordEncoding),
    Run(String, RunPlan, RunTitle, RecordEncoding),
    /// The checked batch.
    Batch(String),
}

/// Sends the records once the code for it is loaded, unless the page has switched to another cluster meanwhile.
pub fn start_typed(fields: SendFields, task: TypedTask) {
    let cluster = cluster_of(fields.store);
    spawn_local(async move {
        if run_typed(fields, task, cluster).await.is_err() {
            let words = fields.preferences.words_untracked();
            fields.store.notify_error(ErrorBody::new(ErrorCode::Internal, words.code_missing));
        }
    });
}

fn cluster_of(store: Store) -> Option<String> {
    store.untracked(|state| state.cluster_choice().map(str::to_owned))
}

/// Reports that nothing was sent.
fn not_sent(fields: SendFields, why: &str) {
    let text = fields.preferences.words_untracked().typed_not_sent.with_why(why);
    fields.store.notify_error(ErrorBody::new(ErrorCode::Internal, text));
}

lazy_part! {
    /// Sends the records in the background.
    batch, load_run_typed, pub fn run_typed(fields: SendFields, task: TypedTask, cluster: Option<String>) -> Result<(), crate::ui::lazy::SplitLoaderError> {
        if cluster_of(fields.store) == cluster {
            spawn_local(perform(fields, task));
        } else {
            not_sent(fields, fields.preferences.words_untracked().typed_other_cluster);
        }
        Ok(())
    }
}

async fn perform(fields: SendFields, task: TypedTask) {
    let (store, words) = (fields.store, fields.preferences.words_untracked());
    match task {
        TypedTask::Record(topic, draft, encoding) => send_record(fields, topic, draft, encoding).await,
        TypedTask::Run(topic, plan, title, encoding) => {
            let seed = browser::random_seed();
            let Some(records) = PatternRecords::new(&topic, &plan, &encoding, seed) else {
                return not_sent(fields, words.cannot_send_form);
            };
            let pace = (plan.count, plan.per_second);
            match store.start_encoded_run(&topic, pace, title) {
                Some(id) => feed(store, fields.preferences, id, topic, encoding, Records::Pattern(records)).await,
                None => not_sent(fields, why_no_run(store, &topic, words)),
            }
        }
        TypedTask::Batch(topic) => {
            let batch = store.untracked(|state| {
                let batch = state.batch().filter(|batch| batch.is_ready())?;
                let is_same = batch.encoding().is_some_and(|(of, _)| of.trim() == topic.trim());
                let records = batch.records_to_encode().filter(|_| is_same)?;
                Some((records, batch.pinned_encoding()?.clone(), batch.check.valid, batch.name.clone()))
            });
            let Some((records, encoding, valid, name)) = batch else {
                return not_sent(fields, words.batch_checking);
            };
            match store.start_encoded_run(&topic, (Some(valid), None), RunTitle::Batch(name)) {
                Some(id) => {
                    feed(store, fields.preferences, id, topic, encoding, Records::Batch(Box::new(records))).await;
                }
                None => not_sent(fields, why_no_run(store, &topic, words)),
            }
        }
    }
}

fn why_no_run(store: Store, topic: &str, words: &'static Words) -> &'static str {
    match store.untracked(|state| state.send_blocked_to(topic)) {
        Some(blocked) => send_blocked_text(blocked, words),
        None => words.run_active,
    }
}

async fn send_record(fields: SendFields, topic: String, draft: Draft, encoding: RecordEncoding) {
    let (store, words) = (fields.store, fields.preferences.words_untracked());
    let Some(record) = draft.record_to_encode(&topic, &encoding) else {
        return not_sent(fields, words.cannot_send_form);
    };
    // The user may have changed the form while the bridge encoded the record.
    let is_shown = || {
        fields.topic.with_untracked(|now| now.trim() == topic.trim())
            && fields.record.with_untracked(|now| *now == draft)
            && untrack(|| fields.encoded_parts(DraftKind::Record)) == encoding
    };
    match encode(store, &topic, &encoding, EncodeChunk::of(record)).await {
        Ok(encoded) => {
            for (_, record) in encoded.records {
                match record {
                    Ok(RecordToSend { record, json }) => {
                        if !store.act(|state, now_ms| state.send_encoded(&record, json, now_ms)) {
                            not_sent(fields, words.cannot_send_offline);
                        }
                    }
                    Err(PartError { part, error }) => {
                        let misfit = Check::Misfit { path: error.path, message: error.message };
                        if is_shown() {
                            fields.checks(DraftKind::Record).of(part).set(misfit);
                        } else {
                            not_sent(fields, &misfit.error().unwrap_or_default());
                        }
                    }
                }
            }
        }
        Err((_, error)) => not_sent(fields, &error.text(words)),
    }
}

/// The records of a run, in order.
enum Records {
    Pattern(PatternRecords),
    Batch(Box<BatchRecords>),
}

impl Records {
    /// The next records, and whether they are the last ones; `None` after a slice of a text without enough records.
    fn next_chunk(&mut self, max: u64) -> Option<(EncodeChunk, bool)> {
        match self {
            Self::Pattern(records) => {
                let chunk = records.next_chunk(max, js_sys::Date::now() as i64);
                let is_last = chunk.is_empty();
                Some((chunk, is_last))
            }
            Self::Batch(records) => records.read_slice(max).map(|next| (next.chunk, next.is_last)),
        }
    }
}

type Reply = Pin<Box<dyn Future<Output = Result<Encoded, (EncodeChunk, EncodeError)>>>>;

/// Encodes the records of a run and adds them to it, until the run ends. Chunks stay in order: the oldest is awaited, and encoded again
/// after an error that may pass.
async fn feed(
    store: Store,
    preferences: Preferences,
    id: u64,
    topic: String,
    mut encoding: RecordEncoding,
    mut records: Records,
) {
    let mut in_flight: VecDeque<(u64, Reply)> = VecDeque::new();
    let (mut is_complete, mut is_pinned) = (false, false);
    let start = |encoding: &RecordEncoding, chunk: EncodeChunk| -> (u64, Reply) {
        (chunk.len() as u64, Box::pin(encode(store, &topic, encoding, chunk)))
    };
    loop {
        let pending = in_flight.iter().map(|(count, _)| count).sum();
        let wanted = store.untracked(|state| state.run_to_encode(id, pending, browser::now_ms()));
        let Some(wanted) = wanted else { return };
        // The reply to the first chunk tells the version of the schema, in which all other chunks are encoded.
        let most = if is_pinned { MAX_IN_FLIGHT } else { 1 };
        if wanted > 0 && in_flight.len() < most && !is_complete {
            match records.next_chunk(wanted) {
                Some((chunk, is_last)) => {
                    is_complete = is_last;
                    if !chunk.is_empty() {
                        in_flight.push_back(start(&encoding, chunk));
                    }
                }
                None => browser::wait(0).await,
            }
            continue;
        }
        let Some((_, reply)) = in_flight.pop_front() else {
            if is_complete {
                return;
            }
            browser::wait(POLL_MS).await;
            continue;
        };
        match reply.await {
            Ok(encoded) => {
                encoding = encoded.pin(encoding);
                is_pinned = true;
                let records = encoded.records.into_iter().map(|(label, record)| {
                    let failure = |error: PartError| EncodingFailure {
                        label: Some(label),
                        part: Some(error.part),
                        path: error.error.path,
                        message: error.error.message,
                    };
                    (label, record.map_err(failure))
                });
                let records = records.collect();
                store.act(|state, now_ms| state.add_encoded(id, records, now_ms));
            }
            Err((chunk, error)) if error.may_pass() => {
                browser::wait(RETRY_MS).await;
                in_flight.push_front(start(&encoding, chunk));
            }
            Err((_, error)) => {
                let message = error.text(preferences.words_untracked());
                let failure = EncodingFailure { label: None, part: None, path: String::new(), message };
                store.act(|state, now_ms| state.add_encoded(id, vec![(0, Err(failure))], now_ms));
                return;
            }
        }
    }
}

lazy_part! {
    /// Encodes all records of the batch before the first is sent, unless the batch changes meanwhile, or is under check already.
    batch, load_check_batch, pub fn check_batch(fields: SendFields, revision: u64) -> Result<(), crate::ui::lazy::SplitLoaderError> {
        if fields.begin_batch_check(revision) {
            spawn_local(async move {
                encode_batch(fields, revision).await;
                fields.end_batch_check(revision);
            });
        }
        Ok(())
    }
}

async fn encode_batch(fields: SendFields, revision: u64) {
    let store = fields.store;
    let read = store.untracked(|state| {
        let batch = state.batch().filter(|_| state.batch_revision() == revision)?;
        let (topic, encoding) = batch.encoding()?;
        Some((batch.records_to_encode()?, topic.to_owned(), encoding.clone()))
    });
    let Some((mut records, topic, mut encoding)) = read else { return };
    let is_current = || store.untracked(|state| state.batch_revision() == revision);
    while is_current() {
        let Some(BatchChunk { mut chunk, lines, is_last }) = records.read_slice(u64::MAX) else {
            // The page handles other events between the slices, also those that change the batch or remove it.
            store.act(|state, _| state.batch_encoded(revision, Vec::new(), records.position()));
            browser::wait(0).await;
            continue;
        };
        let encoded = loop {
            if chunk.is_empty() {
                break Encoded::default();
            }
            match encode(store, &topic, &encoding, chunk).await {
                Ok(encoded) => break encoded,
                Err((same, error)) if error.may_pass() && is_current() => {
                    chunk = same;
                    browser::wait(RETRY_MS).await;
                }
                Err((_, error)) => {
                    if is_current() {
                        fields.batch_error.set(Some(error.text(fields.preferences.words_untracked())));
                    }
                    return;
                }
            }
        };
        encoding = encoded.pin(encoding);
        let encoded = encoded.records.into_iter().map(|(_, record)| record);
        let records_of_lines: Vec<(BatchLine, _)> = lines.into_iter().zip(encoded).collect();
        store.act(|state, _| state.batch_encoded(revision, records_of_lines, records.position()));
        if is_last {
            return store.act(|state, _| state.batch_encoding_is_done(revision, |_| encoding));
        }
    }
}
