//! Which bytes of the opened record are shown and copied: those of the list, which may be decoded, or the original ones.

use leptos::prelude::*;
use protocol::RecordFormat;
use protocol::binary::Headers;

use crate::live::original_bytes::{Original, OriginalBytes};
use page_model::{Entry, ExportRecord, string_of};

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

    /// The shown value. Decoded XML is a JSON string; the text of the string is shown.
    pub fn value(self) -> Option<Vec<u8>> {
        let is_xml = self.is_decoded()
            && self.entry.try_with_value(|entry| {
                let note = entry.record().and_then(|record| record.value_note.cloned());
                note.is_some_and(|note| note.format == Some(RecordFormat::Xml))
            }) == Some(true);
        let text = |json: &[u8]| string_of(std::str::from_utf8(json).ok()?).map(String::into_bytes);
        self.with(|record| {
            let value = record.value?;
            Some(if is_xml { text(value) } else { None }.unwrap_or_else(|| value.to_vec()))
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
