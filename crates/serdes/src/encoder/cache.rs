//! Encoders with schemas of the registry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::{ErrorBody, RecordFormat};

use super::Encoder;

/// How long the latest version of a subject is taken for granted, and an error. A page validates while the user types; that must not send a
/// request for each key.
const LATEST: Duration = Duration::from_secs(5);

/// How long an encoder of a numbered version is kept. Its schema cannot change, but the version can be deleted.
const NUMBERED: Duration = Duration::from_secs(60);

/// The encoders that are kept. Compiled schemas are kept by the registry's client.
const MAX_COUNT: usize = 256;

/// What an encoder was asked for with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(super) subject: String,
    /// `None`: the latest.
    pub(super) version: Option<u32>,
    pub(super) format: RecordFormat,
    pub(super) message: Option<String>,
}

/// An encoder, or why it could not be created.
pub(super) type Answer = Result<Arc<Encoder>, ErrorBody>;

#[derive(Debug, Default)]
pub(crate) struct Encoders(Mutex<HashMap<Key, (Instant, Answer)>>);

impl Encoders {
    pub(super) fn get(&self, key: &Key, now: Instant) -> Option<Answer> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, answer) = entries.get(key)?;
        (now < *until).then(|| answer.clone())
    }

    pub(super) fn insert(&self, key: Key, answer: Answer, now: Instant) {
        let kept = if key.version.is_some() && answer.is_ok() { NUMBERED } else { LATEST };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_COUNT {
            entries.retain(|_, (until, _)| now < *until);
        }
        if entries.len() >= MAX_COUNT {
            let first = entries.iter().min_by_key(|(_, (until, _))| *until).map(|(key, _)| key.clone());
            if let Some(first) = first {
                entries.remove(&first);
            }
        }
        entries.insert(key, (now + kept, answer));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use protocol::{ErrorBody, ErrorCode, RecordFormat};

    use super::{Encoders, Key, LATEST, MAX_COUNT};

    fn key(number: usize) -> Key {
        Key { subject: number.to_string(), version: None, format: RecordFormat::Avro, message: None }
    }

    #[test]
    fn answers_expire_and_are_bounded() {
        let (encoders, start) = (Encoders::default(), Instant::now());
        let answer = || Err(ErrorBody::new(ErrorCode::SubjectMissing, "no"));
        for number in 0..2 * MAX_COUNT {
            encoders.insert(key(number), answer(), start + Duration::from_nanos(number as u64));
        }
        assert_eq!(encoders.0.lock().expect("no panic").len(), MAX_COUNT);
        assert!(encoders.get(&key(0), start).is_none());
        let last = 2 * MAX_COUNT - 1;
        assert!(encoders.get(&key(last), start + LATEST).is_some());
        assert!(encoders.get(&key(last), start + LATEST + Duration::from_secs(1)).is_none());
        encoders.clear();
        assert!(encoders.get(&key(last), start).is_none());
    }
}
