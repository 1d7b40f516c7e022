//! What the bridge says of an encoding and of the text in a field: requested after a pause in typing, and again after an error that may
//! pass.

use std::time::Duration;

use leptos::prelude::*;
use protocol::{DescribeEncoding, DescribeEncodingResult, Encode, EncodedValue, Encoding, RecordPart};

use crate::context::preferences;
use crate::i18n::Words;
use crate::send::send_fields::{Check, SendFields};
use crate::send::typed_requests::{may_pass_later, request_text};
use page_model::{DraftKind, LatestOnly, ReadState, RequestError};

/// How long the JSON must stay the same before the bridge checks it.
const CHECK_AFTER: Duration = Duration::from_millis(300);
/// How long the choice of a schema must stay the same before it is requested.
const DESCRIBE_AFTER: Duration = Duration::from_millis(200);
/// After an error of the registry.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// A longer JSON text is not checked while the user types. The bridge still checks it before it is sent.
const MAX_CHECKED_BYTES: usize = 1024 * 1024;

/// What the bridge says of the chosen encoding.
#[derive(Clone, Debug, PartialEq)]
pub enum Description {
    /// As text, or the choice is not complete.
    None,
    Loading,
    /// The topic and the encoding that were asked for, and the answer.
    Known((String, Encoding), DescribeEncodingResult),
    Failed(RequestError),
}

impl Description {
    pub fn known(&self) -> Option<&DescribeEncodingResult> {
        match self {
            Self::Known(_, known) => Some(known),
            _ => None,
        }
    }
}

type Timer = StoredValue<Option<TimeoutHandle>, LocalStorage>;

fn stop(timer: Timer) {
    if let Some(timer) = timer.try_update_value(Option::take).flatten() {
        timer.clear();
    }
}

/// Calls `then` later, in place of what the timer would have called. Does nothing once the component is unmounted.
fn start(timer: Timer, then: impl FnOnce() + 'static, after: Duration) {
    timer.try_update_value(|timer| {
        if let Some(before) = timer.take() {
            before.clear();
        }
        *timer = set_timeout_with_handle(then, after).ok();
    });
}

/// The topic and the encoding that the bridge can be asked about.
pub fn chosen(fields: SendFields, part: RecordPart) -> Option<(String, Encoding)> {
    let topic = fields.topic.get().trim().to_owned();
    let is_valid = page_model::topic_is_valid(&topic);
    let encoding = fields.encoding.with(|encoding| encoding.part(part).and_then(|part| part.encoding(&topic)));
    Some((topic, encoding?)).filter(|_| is_valid)
}

/// The same while the page is connected, and the bridge has the user's own schema.
fn chosen_online(fields: SendFields, part: RecordPart) -> Option<(String, Encoding)> {
    let is_open = fields.store.read(|state| state.link().is_open());
    let (topic, mut encoding) = chosen(fields, part).filter(|_| is_open)?;
    if let Some(id) = encoding.schema {
        encoding.schema = Some(fields.store.read(|state| state.schema_to_write(id))?);
    }
    Some((topic, encoding))
}

/// Sends the user's own schema of the encoding to the bridge, which keeps it only in memory.
fn send_schema(fields: SendFields, part: RecordPart) {
    let schema = Memo::new(move |_| {
        let is_open = fields.store.read(|state| state.link().is_open());
        chosen(fields, part).and_then(|(_, encoding)| encoding.schema).filter(|_| is_open)
    });
    Effect::new(move |_| {
        if let Some(id) = schema.get() {
            fields.store.act(|state, _| state.need_schema(id));
        }
    });
}

/// Requests the description of the encoding whenever it changes.
pub fn describe(fields: SendFields, part: RecordPart) -> RwSignal<Description> {
    let description = RwSignal::new(Description::None);
    send_schema(fields, part);
    let wanted = Memo::new(move |_| chosen_online(fields, part));
    let timer: Timer = StoredValue::new_local(None);
    Effect::new(move |_| {
        let wanted_now = wanted.get();
        stop(timer);
        let Some(asked) = wanted_now else { return description.set(Description::None) };
        description.set(Description::Loading);
        start(timer, move || request_description(fields, part, wanted, asked, description, timer), DESCRIBE_AFTER);
    });
    on_cleanup(move || stop(timer));
    description
}

/// After an error that may pass, the request is repeated while the choice stays: the subject may be registered meanwhile.
fn request_description(
    fields: SendFields,
    part: RecordPart,
    wanted: Memo<Option<(String, Encoding)>>,
    asked: (String, Encoding),
    description: RwSignal<Description>,
    timer: Timer,
) {
    let request = DescribeEncoding { topic: asked.0.clone(), part, encoding: asked.1.clone() };
    fields.store.request(request, move |reply| {
        if wanted.try_get_untracked().flatten().as_ref() != Some(&asked) {
            return;
        }
        let described = match reply {
            Ok(known) => Description::Known(asked, known),
            Err(error) => {
                if may_pass_later(&error) {
                    let again = move || request_description(fields, part, wanted, asked, description, timer);
                    start(timer, again, RETRY_AFTER);
                }
                Description::Failed(error)
            }
        };
        description.try_set(described);
    });
}

/// Lets the bridge encode the JSON after each pause in typing.
pub fn check_while_typing(fields: SendFields, kind: DraftKind, part: RecordPart) {
    let prefs = preferences();
    let (draft, check) = (fields.draft(kind), fields.checks(kind).of(part));
    // The bridge closes the connection after a larger message.
    let limit = Memo::new(move |_| {
        let limit = fields.store.read(|state| state.bridge().map(|bridge| bridge.limits.message_bytes as usize));
        limit.unwrap_or(MAX_CHECKED_BYTES).min(MAX_CHECKED_BYTES)
    });
    let input = Memo::new(move |_| {
        let (topic, encoding) = chosen_online(fields, part)?;
        let json = draft.with(|draft| draft.sample(part, kind, js_sys::Date::now() as i64))?;
        (json.len() <= limit.get()).then(|| Encode { topic, part, encoding, values: vec![json] })
    });
    let requests = StoredValue::new_local(LatestOnly::<Encode>::default());
    let timer: Timer = StoredValue::new_local(None);
    let checks = TypedChecks { fields, input, requests, check, timer, words: prefs.words_untracked() };
    Effect::new(move |_| {
        let wanted = input.get();
        stop(timer);
        // The result was about another text or another encoding.
        if check.with_untracked(|check| *check != Check::None) {
            check.set(Check::None);
        }
        match wanted {
            None => requests.update_value(LatestOnly::forget),
            Some(wanted) => start(timer, move || checks.ask(wanted), CHECK_AFTER),
        }
    });
    on_cleanup(move || {
        stop(timer);
        check.set(Check::None);
    });
}

#[derive(Clone, Copy)]
struct TypedChecks {
    fields: SendFields,
    input: Memo<Option<Encode>>,
    requests: StoredValue<LatestOnly<Encode>, LocalStorage>,
    check: RwSignal<Check>,
    timer: Timer,
    words: &'static Words,
}

impl TypedChecks {
    fn ask(self, request: Encode) {
        self.requests.try_update_value(|requests| requests.want(request));
        self.ask_next();
    }

    fn ask_next(self) {
        let Some(request) = self.requests.try_update_value(LatestOnly::next_to_send).flatten() else { return };
        self.fields.store.request(request.clone(), move |reply| {
            self.requests.try_update_value(LatestOnly::replied);
            // The text may have changed meanwhile, or the field may be gone.
            if self.input.try_get_untracked().flatten().is_some_and(|now| now == request) {
                let result = match reply {
                    Ok(mut encoded) => match encoded.values.pop() {
                        Some(EncodedValue::Error(error)) => Check::Misfit { path: error.path, message: error.message },
                        Some(EncodedValue::Bytes(_)) => Check::Fits,
                        None => Check::None,
                    },
                    Err(RequestError::NotConnected | RequestError::ConnectionLost) => Check::None,
                    Err(error) => {
                        if may_pass_later(&error) {
                            start(self.timer, move || self.ask(request), RETRY_AFTER);
                        }
                        Check::Failed(request_text(&error, self.words))
                    }
                };
                self.check.set(result);
            }
            self.ask_next();
        });
    }
}
