//! Suggests a name for one that does not exist.

/// The most similar of the known names, if at most two letters differ, and fewer than half of them.
pub(super) fn suggestion<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let distance = |known: &'k str| (distance(&name.to_lowercase(), &known.to_lowercase()), known);
    let (distance, nearest) = known.into_iter().map(distance).min_by_key(|(distance, _)| *distance)?;
    (distance <= 2 && 2 * distance < nearest.len()).then_some(nearest)
}

/// How many letters must be replaced, inserted or removed.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<_> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn similar_name_is_suggested_and_another_is_not() {
        let known = ["value", "key", "headers", "startsWith"];
        assert_eq!(suggestion("vaule", known), Some("value"));
        assert_eq!(suggestion("header", known), Some("headers"));
        assert_eq!(suggestion("startswith", known), Some("startsWith"));
        assert_eq!(suggestion("customer", known), None);
        assert_eq!(suggestion("id", known), None);
    }
}
