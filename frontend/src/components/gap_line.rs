//! What a hole in the list says: how many records are missing, which, and why.

use protocol::GapReason;

use super::format::number;
use crate::words::{self, fill};
use page_model::{Gap, Language};

/// `is_moving`: its records are being loaded, or the position that was out of range is committed again.
pub fn gap_text(gap: &Gap, is_moving: bool, language: Language) -> String {
    let words = words::of(language);
    let template = match (gap.reason, gap.records()) {
        (GapReason::Recreated, _) => words.gap_recreated,
        (GapReason::OutOfRange, _) if is_moving => words.gap_out_of_range_resumed,
        (GapReason::OutOfRange, _) => words.gap_out_of_range,
        (GapReason::Slow, _) if is_moving => words.gap_loading,
        (GapReason::Slow, 1) => words.gap_slow_one,
        (GapReason::Slow, _) => words.gap_slow_many,
        (GapReason::Retention, 1) => words.gap_retention_one,
        (GapReason::Retention, _) => words.gap_retention_many,
    };
    let n = number(gap.records(), language);
    // `to` is exclusive on the wire; people read "10 to 129".
    let (from, to, begun) = (gap.from.to_string(), (gap.to - 1).to_string(), gap.to.to_string());
    let text = fill(template, &[("n", &n), ("from", &from), ("to", &to), ("begun", &begun)]);
    format!("⚠ {text}")
}
