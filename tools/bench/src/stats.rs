//! Medians, their spread, and which rounds count.

use serde::{Deserialize, Serialize};

/// A round is void when two runs of one floor differ by more: the machine was busy with something else.
pub const FLOORS_MAY_DIFFER: f64 = 0.10;

/// The median of several values, and their deviation from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub median: f64,
    /// Median absolute deviation from the median.
    pub mad: f64,
}

impl Summary {
    /// `None` without values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let median = median(values)?;
        let deviations: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
        Some(Self { median, mad: self::median(&deviations)? })
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// Whether the two runs of a floor agree.
pub fn floors_agree(before: f64, after: f64) -> bool {
    let (low, high) = (before.min(after), before.max(after));
    high <= low * (1.0 + FLOORS_MAY_DIFFER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        assert_eq!(Summary::of(&[4.0, 1.0, 3.0, 2.0]), Some(Summary { median: 2.5, mad: 1.0 }));
    }

    #[test]
    fn one_outlier_changes_neither_median_nor_deviation() {
        assert_eq!(Summary::of(&[10.0, 11.0, 12.0, 13.0, 1e9]), Some(Summary { median: 12.0, mad: 1.0 }));
    }

    #[test]
    fn no_values_have_no_median() {
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn floors_that_differ_by_more_than_ten_percent_disagree_in_either_order() {
        assert!(floors_agree(1.0, 1.09));
        assert!(!floors_agree(1.0, 1.11));
        assert!(!floors_agree(1.11, 1.0));
    }
}
