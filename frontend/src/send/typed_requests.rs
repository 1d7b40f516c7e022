//! Requests for writing typed records, as futures. Nothing is written to Kafka by them.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use protocol::{Encode, EncodeResult, ErrorCode, RecordPart, Request, SchemaReference};

use crate::context::request_error::request_error_text;
use crate::context::store::Store;
use crate::i18n::Words;
use page_model::{EncodeChunk, EncodedRecord, ReadState, RecordEncoding, RequestError};

/// Why records could not be encoded at all.
#[derive(Clone, Debug, PartialEq)]
pub enum EncodeError {
    /// The user has not entered the subject.
    NoSubject,
    Request(RequestError),
}

impl EncodeError {
    pub fn text(&self, words: &'static Words) -> String {
        match self {
            Self::NoSubject => words.typed_no_name.to_owned(),
            Self::Request(error) => request_text(error, words),
        }
    }

    /// Whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoSubject => false,
            Self::Request(RequestError::NotConnected | RequestError::ConnectionLost) => true,
            Self::Request(RequestError::Refused(error)) => error.code == ErrorCode::TooManyRequests.number(),
        }
    }
}

/// Whether a request that the page sends on its own is sent again after some seconds. After a reconnect, the page sends it anyway; a subject may
/// be registered meanwhile.
pub fn may_pass_later(error: &RequestError) -> bool {
    match error {
        RequestError::NotConnected | RequestError::ConnectionLost => false,
        RequestError::Refused(error) => error.retriable || error.code == ErrorCode::SubjectMissing.number(),
    }
}

/// The text of a failed request. A subject that does not exist can be registered, but never is by the way.
pub fn request_text(error: &RequestError, words: &'static Words) -> String {
    let text = request_error_text(error, words);
    match error {
        RequestError::Refused(error) if error.code == ErrorCode::SubjectMissing.number() => {
            format!("{text} {}", words.typed_register_hint)
        }
        _ => text,
    }
}

/// Sends a request at once. The future is its reply.
pub fn reply<R>(store: Store, request: R) -> impl Future<Output = Result<R::Reply, RequestError>>
where
    R: Request,
    R::Reply: 'static,
{
    let slot = Rc::new(RefCell::new((None, None::<Waker>)));
    let filled = Rc::clone(&slot);
    store.request(request, move |reply| {
        let mut slot = filled.borrow_mut();
        slot.0 = Some(reply);
        if let Some(waker) = slot.1.take() {
            waker.wake();
        }
    });
    std::future::poll_fn(move |context| {
        let mut slot = slot.borrow_mut();
        match slot.0.take() {
            Some(reply) => Poll::Ready(reply),
            None => {
                slot.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    })
}

/// Encoded records, and the schemas of keys and values.
#[derive(Debug, Default)]
pub struct Encoded {
    pub records: Vec<(u64, EncodedRecord)>,
    key_schema: Option<SchemaReference>,
    value_schema: Option<SchemaReference>,
}

impl Encoded {
    /// The encoding with the versions of the schemas that were used.
    pub fn pin(&self, encoding: RecordEncoding) -> RecordEncoding {
        let encoding = encoding.pinned(RecordPart::Key, self.key_schema.as_ref());
        encoding.pinned(RecordPart::Value, self.value_schema.as_ref())
    }
}

type EncodeReply = Pin<Box<dyn Future<Output = Result<EncodeResult, EncodeError>>>>;

/// Encodes a chunk: the requests are sent at once. After an error, the chunk is returned, to be encoded again.
pub fn encode(
    store: Store,
    topic: &str,
    encoding: &RecordEncoding,
    chunk: EncodeChunk,
) -> impl Future<Output = Result<Encoded, (EncodeChunk, EncodeError)>> + use<> {
    let request = |part| -> EncodeReply {
        let nothing = EncodeResult { schema: None, values: Vec::new() };
        let Some(part_encoding) = encoding.part(part) else { return Box::pin(std::future::ready(Ok(nothing))) };
        let values = chunk.texts(part, part_encoding);
        if values.is_empty() {
            return Box::pin(std::future::ready(Ok(nothing)));
        }
        let Some(mut encoding) = part_encoding.encoding(topic) else {
            return Box::pin(std::future::ready(Err(EncodeError::NoSubject)));
        };
        encoding.schema = encoding.schema.map(|id| store.untracked(|state| state.schema_to_write(id)).unwrap_or(id));
        let sent = reply(store, Encode { topic: topic.trim().to_owned(), part, encoding, values });
        Box::pin(async move { sent.await.map_err(EncodeError::Request) })
    };
    let (keys, values) = (request(RecordPart::Key), request(RecordPart::Value));
    let encoding = encoding.clone();
    async move {
        let (keys, values) = futures_util::future::join(keys, values).await;
        match (keys, values) {
            (Ok(keys), Ok(values)) => Ok(Encoded {
                records: chunk.encoded(&encoding, keys.values, values.values),
                key_schema: keys.schema,
                value_schema: values.schema,
            }),
            (Err(error), _) | (_, Err(error)) => Err((chunk, error)),
        }
    }
}
