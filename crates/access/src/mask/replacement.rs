//! What stands in place of a masked field.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::MaskMethod;

/// Never valid JSON, so that programs do not take it for a value.
const HIDDEN: &str = "***";

/// How many bytes of the hash are shown, as hexadecimal digits.
const HASH_BYTES: usize = 8;

/// What stands for a whole key, value or header value, or for a field in JSON (there without its quotes).
pub(super) fn replacement(method: MaskMethod, original: &[u8]) -> Cow<'static, str> {
    match method {
        MaskMethod::Hash => Cow::Owned(hash(original)),
        // A whole key or value cannot be left out: null would say that the record is a tombstone.
        MaskMethod::Replace | MaskMethod::Remove => Cow::Borrowed(HIDDEN),
    }
}

/// A JSON string is hashed without quotes and escapes. So a string has the same hash however it is escaped, and also where
/// it is a whole key.
fn hash(original: &[u8]) -> String {
    /// Random, so that users cannot compute the hash of a guessed value.
    static KEYED: LazyLock<Hmac<Sha256>> = LazyLock::new(|| {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the operating system has random numbers");
        Hmac::new_from_slice(&key).expect("a key may have any length")
    });
    let text: Option<String> =
        if original.starts_with(b"\"") { protocol::from_json_bytes(original).ok() } else { None };
    let mut hash = KEYED.clone();
    hash.update(text.as_ref().map_or(original, String::as_bytes));
    let mut shown = String::with_capacity(1 + 2 * HASH_BYTES);
    shown.push('#');
    for byte in &hash.finalize().into_bytes()[..HASH_BYTES] {
        write!(shown, "{byte:02x}").expect("writing to a String cannot fail");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_have_equal_hashes_however_they_are_written() {
        let hash = |original: &str| replacement(MaskMethod::Hash, original.as_bytes());
        let expected = hash(r#""bob@example.com""#);
        assert!(expected.len() == 17 && expected.starts_with('#'), "{expected}");
        assert!(expected[1..].chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f')), "{expected}");
        assert_eq!(hash(r#""b\u006fb@example.com""#), expected);
        assert_eq!(hash("bob@example.com"), expected);
        assert_ne!(hash(r#""bob@example.org""#), expected);
        assert_eq!(hash("17"), hash("17"));
        assert_ne!(hash("17"), hash("18"));
    }
}
