//! Texts about topic settings: the readable form of a value, and a note on each common setting.

use crate::context::settings::Preferences;
use crate::i18n::{Language, Words};
use crate::ui::format;
use page_model::{ReadableValue, readable_value};

/// The value with its readable form: `604800000 (7 d)`. Other values are unchanged.
pub fn setting_value(name: &str, value: &str, prefs: Preferences) -> String {
    with_readable_form(name, value, prefs.language())
}

/// The same without a subscription to the language, for table rows, which are redrawn by other means.
pub fn setting_value_untracked(name: &str, value: &str, prefs: Preferences) -> String {
    with_readable_form(name, value, prefs.language_untracked())
}

fn with_readable_form(name: &str, value: &str, language: Language) -> String {
    let note = match readable_value(name, value) {
        None => return value.to_owned(),
        // The digits of the largest 64-bit number would not help the user.
        Some(ReadableValue::Unlimited) if value.len() > 2 => return language.no_limit.to_owned(),
        Some(ReadableValue::Unlimited) => language.no_limit.to_owned(),
        Some(ReadableValue::Time(ms)) => time(ms, language),
        Some(ReadableValue::Bytes(bytes)) => format::bytes(usize::try_from(bytes).unwrap_or(usize::MAX), language),
    };
    format!("{value} ({note})")
}

/// The time in the largest unit that gives a whole number, else rounded.
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
