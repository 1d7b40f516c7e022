//! By which column a table is sorted, and which way.

use std::cmp::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column's name, as in an address.
    pub column: &'static str,
    pub is_descending: bool,
}

impl Sort {
    pub const fn by(column: &'static str) -> Self {
        Self { column, is_descending: false }
    }

    /// The head of a column was pressed: the same once more turns it round. Of numbers the largest are wanted first.
    pub fn pressed(self, column: &'static str, is_number: bool) -> Self {
        let is_descending = if self.column == column { !self.is_descending } else { is_number };
        Self { column, is_descending }
    }

    /// `records`, or `-records` the other way round.
    pub fn to_link(self) -> String {
        format!("{}{}", if self.is_descending { "-" } else { "" }, self.column)
    }

    /// Nothing for a column that the table does not have.
    pub fn from_link(text: &str, columns: &[&'static str]) -> Option<Self> {
        let (name, is_descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let column = columns.iter().find(|column| **column == name)?;
        Some(Self { column, is_descending })
    }

    /// What is equal in the column stays in the order of `then`, whichever way the column goes.
    pub fn order(self, by_column: Ordering, then: Ordering) -> Ordering {
        if self.is_descending { by_column.reverse().then(then) } else { by_column.then(then) }
    }
}

/// What is not known comes last among numbers with the largest first.
pub fn by_number(a: Option<f64>, b: Option<f64>) -> Ordering {
    a.unwrap_or(-1.0).total_cmp(&b.unwrap_or(-1.0))
}

/// `slice::sort_by`, of whatever kind the items are: std's would be compiled anew for each kind, into five kilobytes of the
/// page's code.
pub fn arrange<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut indices = sorted_indices(items.len(), &|a, b| compare(&items[a], &items[b]));
    for at in 0..indices.len() {
        let mut from = indices[at];
        // What stood there has been moved on already, to where this item came from.
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
    fn arranging_sorts_and_keeps_the_order_of_equals() {
        let mut random = fastrand::Rng::with_seed(5);
        for count in 0..40 {
            let mut items: Vec<(u8, usize)> = (0..count).map(|at| (random.u8(0..8), at)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            arrange(&mut items, |a, b| a.0.cmp(&b.0));
            assert_eq!(items, expected);
        }
    }

    #[test]
    fn a_head_pressed_twice_turns_the_order_round() {
        let sort = Sort::by("name").pressed("records", true);
        assert_eq!(sort, Sort { column: "records", is_descending: true });
        assert!(!sort.pressed("records", true).is_descending);
        assert!(!sort.pressed("name", false).is_descending);
    }

    #[test]
    fn a_sort_survives_an_address() {
        let columns = ["name", "records"];
        for sort in [Sort::by("name"), Sort { column: "records", is_descending: true }] {
            assert_eq!(Sort::from_link(&sort.to_link(), &columns), Some(sort));
        }
        assert_eq!(Sort::from_link("-size", &columns), None);
    }

    #[test]
    fn equal_rows_keep_their_names_order_both_ways() {
        let sort = Sort { column: "records", is_descending: true };
        assert_eq!(sort.order(Ordering::Equal, Ordering::Less), Ordering::Less);
        assert_eq!(sort.order(by_number(Some(1.0), None), Ordering::Equal), Ordering::Less);
    }
}
