//! Filters: which records a search or a subscription selects.

use serde::{Deserialize, Deserializer, Serialize};

use crate::WireBytes;

/// Which records a search or a subscription selects. A record must meet every condition that is present; without
/// conditions, every record is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Filter {
    /// The record contains a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextFilter>,
    /// The record contains a match of a regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<RegexFilter>,
    /// The record has exactly this key. Null selects the records without a key, which an absent `key` does not.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub key: Option<WireBytes>,
    /// The record has a header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderFilter>,
    /// The JSON of the key or value has a field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathFilter>,
    /// A CEL expression (Common Expression Language) whose result is true, such as `value.total > 100 && topic == "orders"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

impl Filter {
    /// Whether the filter has no condition, so that it selects every record.
    pub fn is_empty(&self) -> bool {
        let Self { text, regex, key, header, path, expression } = self;
        text.is_none() && regex.is_none() && key.is_none() && header.is_none() && path.is_none() && expression.is_none()
    }
}

/// The parts of a record that are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FilterPart {
    /// Key, value and headers.
    #[default]
    Any,
    /// The key.
    Key,
    /// The value.
    Value,
    /// The names and values of the headers.
    Headers,
}

/// A text that a record contains.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TextFilter {
    /// The text. The bytes of the record are searched; in a decoded key or value, its JSON.
    pub text: String,
    /// Absent: letters match in either case.
    #[serde(default)]
    pub case_sensitive: bool,
    /// Absent: `any`.
    #[serde(default)]
    pub part: FilterPart,
}

/// A regular expression that matches somewhere in a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegexFilter {
    /// The expression in the syntax of the Rust crate `regex`, which has neither back references nor look-around. `(?i)` at its start ignores
    /// case.
    pub regex: String,
    /// Absent: `any`.
    #[serde(default)]
    pub part: FilterPart,
}

/// A header that a record has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeaderFilter {
    /// The name, which is compared exactly.
    pub name: String,
    /// The whole value of one of the headers with this name. Absent: any value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A field of JSON that a record has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PathFilter {
    /// `value.customer.id`, `key.id`, or as a JSON path of the value `$.customer.id`. `[0]` is an element of an array, and `["a.b"]` a
    /// member with any name.
    pub path: String,
    /// The field's value: a number, `true`, `false` or `null` as in JSON, or a text. A text in quotation marks, as in JSON, equals only
    /// strings; `4711` without them equals the number and the string. Absent: the field has any value, null included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
}

/// Reads a member that is present: `null` is a value, too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WireBytes>, D::Error> {
    WireBytes::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_json;

    fn filter(json: &str) -> Filter {
        from_json(json).expect("a filter")
    }

    #[test]
    fn filter_without_members_is_empty() {
        assert!(filter("{}").is_empty());
        assert!(!filter(r#"{"expression":"true"}"#).is_empty());
        assert_eq!(serde_json::to_string(&Filter::default()).expect("JSON"), "{}");
    }

    #[test]
    fn absent_options_have_their_defaults() {
        let text = filter(r#"{"text":{"text":"abc"}}"#).text.expect("a text");
        assert_eq!(text, TextFilter { text: "abc".into(), case_sensitive: false, part: FilterPart::Any });
        let regex = filter(r#"{"regex":{"regex":"a+","part":"headers"}}"#).regex.expect("a regular expression");
        assert_eq!(regex, RegexFilter { regex: "a+".into(), part: FilterPart::Headers });
    }

    #[test]
    fn null_key_is_a_condition_and_an_absent_key_is_none() {
        assert_eq!(filter("{}").key, None);
        let null = filter(r#"{"key":null}"#);
        assert_eq!(null.key, Some(WireBytes::Null));
        assert!(!null.is_empty());
        assert_eq!(serde_json::to_string(&null).expect("JSON"), r#"{"key":null}"#);
        assert_eq!(filter(r#"{"key":"a"}"#).key, Some(WireBytes::text("a")));
    }

    #[test]
    fn every_condition_is_read_as_it_is_written() {
        let json = r#"{"text":{"text":"a","case_sensitive":true,"part":"key"},"regex":{"regex":"b","part":"any"},"key":{"base64":"AP8="},"header":{"name":"n","value":"v"},"path":{"path":"value.id","equals":"1"},"expression":"true"}"#;
        assert_eq!(serde_json::to_string(&filter(json)).expect("JSON"), json);
    }
}
