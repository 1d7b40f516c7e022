//! Settings of topics in words: what the common ones do, and what a number means.

use crate::app::settings::Preferences;
use crate::i18n::{Language, Words};
use crate::ui::format;
use page_model::{ReadableValue, readable_value};

/// `604800000 (7 d)`; a value that needs no explanation stays as it is.
pub fn setting_value(name: &str, value: &str, prefs: Preferences) -> String {
    said(name, value, prefs.language())
}

/// The same at this moment, for rows that are drawn anew by themselves.
pub fn setting_value_untracked(name: &str, value: &str, prefs: Preferences) -> String {
    said(name, value, prefs.language_untracked())
}

fn said(name: &str, value: &str, language: Language) -> String {
    let note = match readable_value(name, value) {
        None => return value.to_owned(),
        // The largest number there is says nothing to anybody.
        Some(ReadableValue::Unlimited) if value.len() > 2 => return language.no_limit.to_owned(),
        Some(ReadableValue::Unlimited) => language.no_limit.to_owned(),
        Some(ReadableValue::Time(ms)) => time(ms, language),
        Some(ReadableValue::Bytes(bytes)) => format::bytes(usize::try_from(bytes).unwrap_or(usize::MAX), language),
    };
    format!("{value} ({note})")
}

/// In the largest unit that leaves a whole number, or nearly.
fn time(ms: u64, language: Language) -> String {
    let units = [(86_400_000, language.day_short), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    let whole = units.into_iter().find(|(unit, _)| ms.is_multiple_of(*unit));
    match whole.or_else(|| units.into_iter().find(|(unit, _)| ms >= *unit)) {
        Some((unit, word)) if ms.is_multiple_of(unit) => format!("{} {word}", format::number(ms / unit, language)),
        Some((unit, word)) => format!("≈ {} {word}", format::number((ms + unit / 2) / unit, language)),
        None => format!("{ms} ms"),
    }
}

/// One line about each common setting. The bridge sends the documentation of the others.
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
