//! A JSON path (RFC 9535) as a condition: it holds where it selects something. `$.price > 10` is short for the filter that
//! RFC 9535 would write around it; `price = 10` and the like are understood too (`path_text`). Numbers are compared as that RFC
//! has them, exact up to 2⁵³.

use serde_json_path::JsonPath as Query;

use super::filter_fields::InputError;
use super::path_text;

#[derive(Debug)]
pub struct JsonPath {
    query: Query,
    /// The query is a filter over a list of the one value.
    is_condition: bool,
}

impl JsonPath {
    /// As it is written, else as it was probably meant.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        Self::parse_strictly(text).or_else(|fault| {
            let meant = path_text::understood(text).map(|meant| Self::parse_strictly(&meant));
            meant.and_then(Result::ok).ok_or_else(|| match Self::parse_strictly(&format!("$.{text}")) {
                // Without its `$` nothing could be read: what is wrong lies behind the name.
                Err(InputError::Path { at }) if text.starts_with(|c: char| c.is_alphabetic()) => {
                    InputError::Path { at: at.saturating_sub(2).max(1) }
                }
                _ => fault,
            })
        })
    }

    /// The condition in RFC 9535's form, where it was written otherwise and understood.
    pub fn read_as(text: &str) -> Option<String> {
        let meant = Self::parse_strictly(text).err().and_then(|_| path_text::understood(text))?;
        Self::parse_strictly(&meant).is_ok().then_some(meant)
    }

    fn parse_strictly(text: &str) -> Result<Self, InputError> {
        let fault = |at: usize| InputError::Path { at: at + 1 };
        if !text.starts_with('$') && !text.starts_with(['!', '(']) {
            return Err(fault(0));
        }
        let error = match Query::parse(text) {
            Ok(query) => return Ok(Self { query, is_condition: false }),
            Err(error) => error,
        };
        match Query::parse(&format!("$[?{}]", with_current(text))) {
            Ok(query) => Ok(Self { query, is_condition: true }),
            Err(_) => Err(fault(error.position())),
        }
    }

    /// Values that are no JSON have nothing to select.
    pub fn is_in(&self, json: &[u8]) -> bool {
        let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(json) else { return false };
        if self.is_condition {
            value = serde_json::Value::Array(vec![value]);
        }
        !self.query.query(&value).is_empty()
    }
}

/// In a filter the value at hand is `@`: outside of strings `$` becomes that.
fn with_current(text: &str) -> String {
    let mut quote = None;
    let mut is_escaped = false;
    let turn = |c: char| {
        match quote {
            Some(end) if !is_escaped && c == end => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == '$' => return '@',
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
        c
    };
    text.chars().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(path: &str, json: &str) -> bool {
        JsonPath::parse(path).unwrap_or_else(|fault| panic!("{path}: {fault:?}")).is_in(json.as_bytes())
    }

    #[test]
    fn a_path_holds_where_it_selects_something() {
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
    fn a_path_that_is_none_says_where() {
        for (text, expected) in [("items?", 6), ("ms > ", 3), ("$.a[", 4), ("$.a = b.c", 5)] {
            match JsonPath::parse(text) {
                Err(InputError::Path { at }) => assert!(at.abs_diff(expected) <= 1, "{text}: {at}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
