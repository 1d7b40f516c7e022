//! Formats durations, sizes, counts and rates in the page's language.

use crate::i18n::Language;

/// `0.3 ms`, `12 ms`, `1.2 s`, with the decimal separator of the language.
pub fn duration(ms: f64, language: Language) -> String {
    let text = match ms {
        ms if ms < 0.1 => "< 0.1 ms".to_owned(),
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    };
    decimal(text, language)
}

/// `29 B`, `2.1 KB`, `1.0 MB`, by powers of 1024.
pub fn bytes(n: usize, language: Language) -> String {
    let n = n as f64;
    let text = match n {
        n if n < 1024.0 => format!("{n} B"),
        n if n < 1024.0 * 1024.0 => format!("{:.1} KB", n / 1024.0),
        n if n < 1024.0 * 1024.0 * 1024.0 => format!("{:.1} MB", n / (1024.0 * 1024.0)),
        n => format!("{:.1} GB", n / (1024.0 * 1024.0 * 1024.0)),
    };
    decimal(text, language)
}

/// `12,408`, with the thousands separator of the language.
pub fn number(n: u64, language: Language) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push_str(language.thousands_separator);
        }
        text.push(digit);
    }
    text
}

/// Records per second: `0`, `0.4`, `12`, `12,408`.
pub fn rate(per_second: f64, language: Language) -> String {
    match per_second {
        n if n <= 0.0 => "0".to_owned(),
        n if n < 10.0 => decimal(format!("{n:.1}"), language),
        n => number(n.round() as u64, language),
    }
}

fn decimal(text: String, language: Language) -> String {
    text.replace('.', language.decimal_separator)
}
