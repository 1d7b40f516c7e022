//! Which bytes of the opened record are shown and copied: those of the list, which may be decoded, or the original ones.

use leptos::prelude::*;
use protocol::binary::Headers;

use crate::live::original_bytes::{Original, OriginalBytes};
use page_model::{Entry, ExportRecord};

/// A record with the shown bytes.
pub type Export<'a> = ExportRecord<'a, Headers<'a>>;

#[derive(Clone, Copy)]
pub struct ShownBytes {
    pub original: OriginalBytes,
    pub entry: StoredValue<Entry, LocalStorage>,
    /// The user wants to see the original bytes.
    pub is_raw: RwSignal<bool>,
}

impl ShownBytes {
    /// Whether decoded JSON is shown in place of the original bytes.
    pub fn is_decoded(self) -> bool {
        !self.original.is_listed && !self.is_raw.get()
    }

    /// Reads the record with the shown bytes; those of the list while the original ones are not known.
    pub fn with<T>(self, read: impl FnOnce(&Export<'_>) -> T) -> Option<T> {
        let is_raw = self.is_raw.get();
        let original = self.original.get();
        self.entry.try_with_value(|entry| {
            let listed = entry.record()?.export();
            match &original {
                Original::Known(original) if is_raw => {
                    let (key, value) = (original.record.key.as_kafka(), original.record.value.as_kafka());
                    Some(read(&ExportRecord { key, value, ..listed }))
                }
                _ => Some(read(&listed)),
            }
        })?
    }

    /// Shows the list's bytes or the original ones.
    pub fn show(self, is_raw: bool) {
        self.is_raw.set(is_raw);
        if is_raw {
            self.original.with(drop);
        }
    }
}
