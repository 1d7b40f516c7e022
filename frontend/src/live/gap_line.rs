//! The text of a gap in the list: the number of missing records, their offsets, and the reason.

use protocol::GapReason;

use crate::i18n::Language;
use crate::ui::format::number;
use page_model::Gap;

/// `is_resolving`: the records are being loaded, or offsets of the partition are committed again.
pub fn gap_text(gap: &Gap, is_resolving: bool, language: Language) -> String {
    let words = language;
    let n = number(gap.records(), language);
    // `to` is exclusive in the protocol and inclusive in the text.
    let (from, to, begun) = (gap.from.to_string(), (gap.to - 1).to_string(), gap.to.to_string());
    let text = match gap.reason {
        GapReason::Recreated => words.gap_recreated.to_owned(),
        GapReason::OutOfRange if is_resolving => words.gap_out_of_range_resumed.with_begun_from(&begun, &from),
        GapReason::OutOfRange => words.gap_out_of_range.with_begun_from(&begun, &from),
        GapReason::Slow if is_resolving => words.gap_loading.with_from_n(&from, &n),
        GapReason::Slow => words.gap_slow_count.of(gap.records()).with_from_n_to(&from, &n, &to),
        GapReason::Retention => words.gap_retention_count.of(gap.records()).with_from_n_to(&from, &n, &to),
    };
    format!("⚠ {text}")
}
