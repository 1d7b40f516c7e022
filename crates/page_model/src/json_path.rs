//! A JSON path (RFC 9535) as a condition on a record's value. The condition holds if the path selects at least one value.
//! `$.price > 10` is an abbreviation of the filter `$[?@.price > 10]`, and `path_shorthand` expands `price = 10`. Numbers
//! are compared as RFC 9535 defines, exact up to 2⁵³.

use serde_json_path::JsonPath as Query;

use super::filter_fields::InputError;
use super::path_shorthand;

#[derive(Debug)]
pub struct JsonPath {
    query: Query,
    /// The query is a filter, and is applied to an array that contains only the record's value.
    is_condition: bool,
}

impl JsonPath {
    /// Parses a path or condition of RFC 9535, else the expansion of a shorthand.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        Self::parse_strictly(text).or_else(|strict_error| {
            let expanded = path_shorthand::expand(text).map(|expanded| Self::parse_strictly(&expanded));
            expanded.and_then(Result::ok).ok_or_else(|| match Self::parse_strictly(&format!("$.{text}")) {
                // The strict error of a text without `$` is always at its first character. The error of the text with
                // `$.` in front is where the user has to look.
                Err(InputError::Path { at }) if text.starts_with(|c: char| c.is_alphabetic()) => {
                    InputError::Path { at: at.saturating_sub(2).max(1) }
                }
                _ => strict_error,
            })
        })
    }

    /// The form of RFC 9535 if the text is a shorthand; `None` if it is not, or cannot be expanded.
    pub fn expanded_form(text: &str) -> Option<String> {
        let expanded = Self::parse_strictly(text).err().and_then(|_| path_shorthand::expand(text))?;
        Self::parse_strictly(&expanded).is_ok().then_some(expanded)
    }

    fn parse_strictly(text: &str) -> Result<Self, InputError> {
        let error_at = |at: usize| InputError::Path { at: at + 1 };
        if !text.starts_with('$') && !text.starts_with(['!', '(']) {
            return Err(error_at(0));
        }
        let error = match Query::parse(text) {
            Ok(query) => return Ok(Self { query, is_condition: false }),
            Err(error) => error,
        };
        match Query::parse(&format!("$[?{}]", with_current(text))) {
            Ok(query) => Ok(Self { query, is_condition: true }),
            Err(_) => Err(error_at(error.position())),
        }
    }

    /// Whether the condition holds for this value. It never holds for a value that is not JSON.
    pub fn is_in(&self, json: &[u8]) -> bool {
        let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(json) else { return false };
        if self.is_condition {
            value = serde_json::Value::Array(vec![value]);
        }
        !self.query.query(&value).is_empty()
    }
}

/// Replaces `$` outside of strings by `@`, the current value of a filter.
fn with_current(text: &str) -> String {
    let mut quote = None;
    let mut is_escaped = false;
    let replace = |c: char| {
        match quote {
            Some(end) if !is_escaped && c == end => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == '$' => return '@',
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
        c
    };
    text.chars().map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(path: &str, json: &str) -> bool {
        JsonPath::parse(path).unwrap_or_else(|error| panic!("{path}: {error:?}")).is_in(json.as_bytes())
    }

    #[test]
    fn path_holds_if_it_selects_a_value() {
        let json = r#"{"id":9007199254740993,"items":[{"price":8.5},{"price":12}],"to":{"city":"Città $"},"x":null}"#;
        for path in [
            "$.id",
            "$.items[1].price",
            "$..price",
            "$.items[?@.price > 10]",
            "$.x",
            "$.items[-1:]",
            "$['to'].city",
            "$.id == 9007199254740993",
            "$.to.city == \"Città $\" && $.items[0].price < 9",
            "!$.missing",
            "$.x == null",
            "id = 9007199254740993",
            "to.city = \"Città $\"",
            "items[1].price > 8",
        ] {
            assert!(is_in(path, json), "{path}");
        }
        for path in
            ["$.missing", "$.items[2]", "$.items[?@.price > 20]", "$.id == 9007199254740000", "$.to.city == 'x'"]
        {
            assert!(!is_in(path, json), "{path}");
        }
        assert!(!is_in("$", "no JSON") && !is_in("$", ""));
    }

    #[test]
    fn error_of_an_invalid_path_has_its_position() {
        for (text, expected) in [("items?", 6), ("ms > ", 3), ("$.a[", 4), ("$.a = b.c", 5)] {
            match JsonPath::parse(text) {
                Err(InputError::Path { at }) => assert!(at.abs_diff(expected) <= 1, "{text}: {at}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
