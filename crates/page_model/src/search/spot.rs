//! The position that an error in an expression names.

/// A line of the expression, split at the character that the bridge's error names: before it, the character, after it.
/// The error begins with `expression, line 1, column 7: `. At the end of the line the character is empty.
pub fn error_spot<'a>(expression: &'a str, error: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let rest = error.split_once("expression, line ")?.1;
    let (line, rest) = rest.split_once(", column ")?;
    let (column, _) = rest.split_once(':')?;
    let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
    let line = expression.split('\n').nth(line.checked_sub(1)?)?;
    let mut starts = line.char_indices().map(|(at, _)| at).chain([line.len()]).skip(column.checked_sub(1)?);
    let start = starts.next()?;
    let end = starts.next().unwrap_or(line.len());
    Some((&line[..start], &line[start..end], &line[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_a_character_of_the_expression() {
        let at = |column: usize| format!("invalid filter: expression, line 1, column {column}: unexpected");
        assert_eq!(error_spot("è ≥ 1", &at(3)), Some(("è ", "≥", " 1")));
        assert_eq!(error_spot("a", &at(2)), Some(("a", "", "")));
        assert_eq!(error_spot("a", &at(3)), None);
        assert_eq!(error_spot("a", &at(0)), None);
        assert_eq!(error_spot("a\nb", "expression, line 2, column 1: x"), Some(("", "b", "")));
        assert_eq!(error_spot("a", "regex, line 1, column 1: x"), None);
        assert_eq!(error_spot("a", "Kafka does not respond"), None);
    }
}
