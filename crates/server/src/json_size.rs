//! The size of a value in a message.

/// The size as JSON, with a comma.
pub fn json_bytes(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |json| json.len() + 1)
}
