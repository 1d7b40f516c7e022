//! What a hole in the list says: how many records are missing, which, and why.

use protocol::GapReason;

use crate::i18n::Language;
use crate::ui::format::number;
use page_model::Gap;

/// `is_moving`: its records are being loaded, or the position that was out of range is committed again.
pub fn gap_text(gap: &Gap, is_moving: bool, language: Language) -> String {
    let words = language;
    let n = number(gap.records(), language);
    // `to` is exclusive on the wire; people read "10 to 129".
    let (from, to, begun) = (gap.from.to_string(), (gap.to - 1).to_string(), gap.to.to_string());
    let text = match gap.reason {
        GapReason::Recreated => words.gap_recreated.to_owned(),
        GapReason::OutOfRange if is_moving => words.gap_out_of_range_resumed.with_begun_from(&begun, &from),
        GapReason::OutOfRange => words.gap_out_of_range.with_begun_from(&begun, &from),
        GapReason::Slow if is_moving => words.gap_loading.with_from_n(&from, &n),
        GapReason::Slow => words.gap_slow_count.of(gap.records()).with_from_n_to(&from, &n, &to),
        GapReason::Retention => words.gap_retention_count.of(gap.records()).with_from_n_to(&from, &n, &to),
    };
    format!("⚠ {text}")
}
