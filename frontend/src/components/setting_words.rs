//! Settings of topics in words: what the common ones do, and what a number means.

use super::format;
use crate::settings::Preferences;
use crate::words::{self, Words};
use page_model::{Language, Spoken, spoken};

/// `604800000 (7 d)`; a value that needs no explanation stays as it is.
pub fn setting_value(name: &str, value: &str, prefs: Preferences) -> String {
    said(name, value, prefs.language())
}

/// The same at this moment, for rows that are drawn anew by themselves.
pub fn setting_value_untracked(name: &str, value: &str, prefs: Preferences) -> String {
    said(name, value, prefs.language_untracked())
}

fn said(name: &str, value: &str, language: Language) -> String {
    let note = match spoken(name, value) {
        None => return value.to_owned(),
        // The largest number there is says nothing to anybody.
        Some(Spoken::Unlimited) if value.len() > 2 => return words::of(language).no_limit.to_owned(),
        Some(Spoken::Unlimited) => words::of(language).no_limit.to_owned(),
        Some(Spoken::Time(ms)) => time(ms, language),
        Some(Spoken::Bytes(bytes)) => format::bytes(usize::try_from(bytes).unwrap_or(usize::MAX), language),
    };
    format!("{value} ({note})")
}

/// In the largest unit that leaves a whole number, or nearly.
fn time(ms: u64, language: Language) -> String {
    let day = if language == Language::It { "g" } else { "d" };
    let units = [(86_400_000, day), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    let whole = units.into_iter().find(|(unit, _)| ms.is_multiple_of(*unit));
    match whole.or_else(|| units.into_iter().find(|(unit, _)| ms >= *unit)) {
        Some((unit, word)) if ms.is_multiple_of(unit) => format!("{} {word}", format::number(ms / unit, language)),
        Some((unit, word)) => format!("≈ {} {word}", format::number((ms + unit / 2) / unit, language)),
        None => format!("{ms} ms"),
    }
}

/// The common ones in one line, in both languages. Of the others the bridge tells.
pub fn common_setting_note(name: &str, words: &'static Words) -> &'static str {
    match name {
        "cleanup.policy" => words.note_cleanup,
        "retention.ms" => words.note_retention,
        "min.insync.replicas" => words.note_min_insync,
        "max.message.bytes" => words.note_max_message,
        "compression.type" => words.note_compression,
        _ => "",
    }
}
