//! The bytes of the opened record as Kafka has them. If the list has decoded JSON instead, they are fetched when the user wants
//! to see or to send them.

use leptos::prelude::*;

use crate::context::request_error::request_error_text;
use crate::context::settings::Preferences;
use crate::context::store::Store;
use page_model::{DecodedParts, MaskedFields, NoticeKind, OriginalRecord, RecordRef, StoredRecord};

#[derive(Clone, PartialEq)]
pub enum Original {
    Unknown,
    Loading,
    Known(OriginalRecord),
    /// Kafka no longer has the record.
    Gone,
    /// With the reason in words.
    Failed(String),
}

#[derive(Clone, Copy)]
pub struct OriginalBytes {
    state: RwSignal<Original>,
    stored: StoredValue<StoredRecord>,
    store: Store,
    preferences: Preferences,
    /// The decoded key and value, to be edited and written in the same schema.
    pub decoded: StoredValue<DecodedParts>,
    /// Whether the list has the record as Kafka has it.
    pub is_listed: bool,
}

impl OriginalBytes {
    pub fn new(store: Store, preferences: Preferences, record: &RecordRef<'_>, masked: &MaskedFields) -> Self {
        let listed =
            StoredRecord::shown(record).map(|record| OriginalRecord { record, masked: masked.paths().to_vec() });
        let is_listed = listed.is_some();
        let state = RwSignal::new(listed.map_or(Original::Unknown, Original::Known));
        let decoded = StoredValue::new(DecodedParts::of(record));
        Self { state, stored: StoredValue::new(StoredRecord::of(record)), store, preferences, decoded, is_listed }
    }

    pub fn get(self) -> Original {
        self.state.get()
    }

    pub fn is_gone(self) -> bool {
        self.state.with(|state| *state == Original::Gone)
    }

    /// Whether the fetched record has masked fields.
    pub fn is_masked(self) -> bool {
        self.state.with(|state| matches!(state, Original::Known(original) if !original.masked.is_empty()))
    }

    /// Calls `then` with the record once its bytes are known. If they cannot be fetched, the opened record says why.
    pub fn with(self, then: impl FnOnce(OriginalRecord) + 'static) {
        if let Original::Known(original) = self.state.get_untracked() {
            return then(original);
        }
        self.state.set(Original::Loading);
        let stored = self.stored.get_value();
        self.store.request(stored.request(), move |reply| {
            let state = match reply.map(|fetched| stored.read(fetched)) {
                Ok(Ok(original)) => Original::Known(original),
                Ok(Err(_)) => Original::Gone,
                Err(error) => Original::Failed(request_error_text(&error, self.preferences.words_untracked())),
            };
            // The user may have closed the record meanwhile.
            let is_unseen = self.state.try_set(state.clone()).is_some();
            match state {
                Original::Known(original) => then(original),
                Original::Failed(why) if is_unseen => self.store.notify(NoticeKind::OriginalMissing(Some(why))),
                _ if is_unseen => self.store.notify(NoticeKind::OriginalMissing(None)),
                _ => {}
            }
        });
    }
}
