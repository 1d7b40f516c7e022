//! A JSON path (RFC 9535) as a condition on a record's value. The condition holds if the path selects at least one value.
//! `$.price > 10` is an abbreviation of the filter `$[?@.price > 10]`, and `path_shorthand` expands `price = 10`. Numbers
//! of any size are compared exactly (`exact_numbers`).

use serde_json_path::JsonPath as Query;

use super::exact_numbers::Literals;
use super::filter::ValueCondition;
use super::filter_fields::InputError;
use super::path_shorthand;

#[derive(Debug)]
pub struct JsonPath {
    /// With ranks in the place of its numbers.
    query: Query,
    literals: Literals,
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
        let may_begin = |c: char| matches!(c, '$' | '!' | '(' | '-' | '"' | '\'' | '0'..='9');
        if !text.starts_with(may_begin) {
            return Err(error_at(0));
        }
        let (literals, ranked) = Literals::take_from(text);
        if let Ok(query) = Query::parse(&ranked) {
            return Ok(Self { query, literals, is_condition: false });
        }
        match Query::parse(&format!("$[?{}]", with_current(&ranked))) {
            Ok(query) => Ok(Self { query, literals, is_condition: true }),
            // Where the user has to look, in the text without ranks.
            Err(_) => Err(error_at(Query::parse(text).err().map_or(0, |error| error.position()))),
        }
    }
}

impl ValueCondition for JsonPath {
    /// It never holds for a value that is not JSON.
    fn holds_for(&self, json: &[u8]) -> bool {
        let Some(json) = self.literals.rank_numbers_of(json) else { return false };
        let Ok(mut value) = protocol::from_json_bytes::<serde_json::Value>(&json) else { return false };
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
        JsonPath::parse(path).unwrap_or_else(|error| panic!("{path}: {error:?}")).holds_for(json.as_bytes())
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
            "8 < items[1].price",
            "'Città $' = to.city",
        ] {
            assert!(is_in(path, json), "{path}");
        }
        for path in
            ["$.missing", "$.items[2]", "$.items[?@.price > 20]", "$.id == 9007199254740000", "$.to.city == 'x'"]
        {
            assert!(!is_in(path, json), "{path}");
        }
        for text in ["no JSON", "", "2026-11-30", "10.0.0.1", "1.2.3", "007", "-", "-1-", r#"{"x":01}"#, "1 2"] {
            for path in ["$", "$ > 0", "!$.missing", "5 != length($)"] {
                assert!(!is_in(path, text), "{path} for {text}");
            }
        }
    }

    #[test]
    fn numbers_are_compared_exactly() {
        for (condition, json, expected) in [
            ("id == 1712238412889623553", r#"{"id":1712238412889623553}"#, true),
            ("id == 1712238412889623553", r#"{"id":1712238412889623552}"#, false),
            ("id != 1712238412889623553", r#"{"id":1712238412889623552}"#, true),
            ("id == 9007199254740992", r#"{"id":9007199254740993}"#, false),
            ("id > 9007199254740992", r#"{"id":9007199254740993}"#, true),
            ("id <= 9007199254740992", r#"{"id":9007199254740993}"#, false),
            ("9007199254740992 < id", r#"{"id":9007199254740993}"#, true),
            ("id == -9007199254740993", r#"{"id":-9007199254740992}"#, false),
            ("id < -9007199254740992", r#"{"id":-9007199254740993}"#, true),
            ("x == 1", r#"{"x":1.0}"#, true),
            ("x == 1e3", r#"{"x":1000}"#, true),
            ("x == 0", r#"{"x":-0.0}"#, true),
            ("x == 0.1", r#"{"x":0.10000000000000001}"#, false),
            ("x < 0.10000000000000001", r#"{"x":0.1}"#, true),
            ("x > 1e308", r#"{"x":1e400}"#, true),
            ("x == 1e400", r#"{"x":10e399}"#, true),
            ("x < 1e99999999999999999999", r#"{"x":1e400}"#, true),
            // Two numbers of the value.
            ("$.a == $.b", r#"{"a":9007199254740993,"b":9007199254740992}"#, false),
            ("$.a > $.b", r#"{"a":9007199254740993,"b":9007199254740992}"#, true),
            ("$.a == $.b", r#"{"a":[1,2e0],"b":[1.0,2]}"#, true),
            ("$.items[?@.id == 9007199254740993]", r#"{"items":[{"id":9007199254740992}]}"#, false),
            ("$.items[1].id == 9007199254740993", r#"{"items":[0,{"id":9007199254740993}]}"#, true),
            // A number and a text are different.
            ("id == '1'", r#"{"id":1}"#, false),
            ("id > 1", r#"{"id":"2"}"#, false),
            ("$.id ==\t1712238412889623553", r#"{"id":1712238412889623553}"#, true),
            ("$.id\n==\r\n1712238412889623553", r#"{"id":1712238412889623552}"#, false),
            // Functions.
            ("$.items[?length(@.name) > 3]", r#"{"items":[{"name":"abcd"}]}"#, true),
            ("$.items[?length(@.name) > 3]", r#"{"items":[{"name":"abc"}]}"#, false),
            ("4 == length($.name)", r#"{"name":"abcd","id":5}"#, true),
            ("2 >= length($.list)", r#"{"list":[7,8]}"#, true),
            ("2 > length($.list)", r#"{"list":[7,8]}"#, false),
            ("$.n == length($.list)", r#"{"list":[7,8],"n":2}"#, true),
            ("2 == count($.list[*]) && $.n < 1.5", r#"{"list":[7,8],"n":1}"#, true),
            ("$[?count(@.*) != 2]", r#"[{"a":1,"b":2}]"#, false),
            ("(length($.half) == 6)", r#"{"half":"\ud83e"}"#, true),
        ] {
            assert_eq!(is_in(condition, json), expected, "{condition} for {json}");
        }
    }

    #[test]
    fn names_and_texts_are_compared_without_escapes() {
        let json = r#"{"\u540d":"\u6211","half":"\ud83e","id":7}"#;
        for condition in ["$.名 == '我'", "名 = 我", "$['\\u540d'] == \"\\u6211\"", "id == 7", "$.half == '\\\\ud83e'"]
        {
            assert!(is_in(condition, json), "{condition}");
        }
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
