//! The column and the direction by which a table is sorted, and a stable sort of small code size.

use std::cmp::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column's name, as in the URL.
    pub column: &'static str,
    pub is_descending: bool,
}

impl Sort {
    pub const fn by(column: &'static str) -> Self {
        Self { column, is_descending: false }
    }

    /// The order after a click on a column's heading. A click on the sorted column reverses the order. Numbers are first
    /// sorted in descending order.
    pub fn pressed(self, column: &'static str, is_number: bool) -> Self {
        let is_descending = if self.column == column { !self.is_descending } else { is_number };
        Self { column, is_descending }
    }

    /// The value in the URL: `records`, or `-records` for descending order.
    pub fn to_link(self) -> String {
        format!("{}{}", if self.is_descending { "-" } else { "" }, self.column)
    }

    /// `None` for a column that the table does not have.
    pub fn from_link(text: &str, columns: &[&'static str]) -> Option<Self> {
        let (name, is_descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let column = columns.iter().find(|column| **column == name)?;
        Some(Self { column, is_descending })
    }

    /// Rows with equal values in the column are ordered by `then`, in either direction.
    pub fn order(self, by_column: Ordering, then: Ordering) -> Ordering {
        if self.is_descending { by_column.reverse().then(then) } else { by_column.then(then) }
    }
}

/// Unknown numbers come last in descending order.
pub fn by_number<T: PartialOrd>(a: Option<T>, b: Option<T>) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Like `slice::sort_by`, but the sort itself is compiled only once, for indices. `slice::sort_by` is compiled for each item
/// type, which adds five kilobytes to the page each time.
pub fn stable_sort<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut indices = sorted_indices(items.len(), &|a, b| compare(&items[a], &items[b]));
    for at in 0..indices.len() {
        let mut from = indices[at];
        // The item at `from` has been swapped already, to the index that its own slot was filled from.
        while from < at {
            from = indices[from];
        }
        items.swap(at, from);
        indices[at] = from;
    }
}

fn sorted_indices(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..count).collect();
    indices.sort_by(|&a, &b| compare(a, b));
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_items_keep_their_order() {
        let mut random = fastrand::Rng::with_seed(5);
        for count in 0..40 {
            let mut items: Vec<(u8, usize)> = (0..count).map(|at| (random.u8(0..8), at)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            stable_sort(&mut items, |a, b| a.0.cmp(&b.0));
            assert_eq!(items, expected);
        }
    }

    #[test]
    fn second_click_on_a_heading_reverses_the_order() {
        let sort = Sort::by("name").pressed("records", true);
        assert_eq!(sort, Sort { column: "records", is_descending: true });
        assert!(!sort.pressed("records", true).is_descending);
        assert!(!sort.pressed("name", false).is_descending);
    }

    #[test]
    fn sort_is_unchanged_by_a_round_trip_through_a_url() {
        let columns = ["name", "records"];
        for sort in [Sort::by("name"), Sort { column: "records", is_descending: true }] {
            assert_eq!(Sort::from_link(&sort.to_link(), &columns), Some(sort));
        }
        assert_eq!(Sort::from_link("-size", &columns), None);
    }

    #[test]
    fn rows_with_equal_values_are_ordered_by_name_in_both_directions() {
        let sort = Sort { column: "records", is_descending: true };
        assert_eq!(sort.order(Ordering::Equal, Ordering::Less), Ordering::Less);
        assert_eq!(sort.order(by_number(Some(1.0), None), Ordering::Equal), Ordering::Less);
    }
}
