//! JSON numbers as the numbers of binary formats.

use crate::error::EncodeError;
use crate::json_tree::clipped;

/// A number of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum JsonNumber {
    Positive(u64),
    /// Less than zero.
    Negative(i64),
    Double(f64),
}

/// Reads a JSON number. An integer stays exact; a number with a point or an exponent becomes the nearest double.
///
/// # Errors
/// If the number is out of range.
pub(super) fn read(text: &str) -> Result<JsonNumber, EncodeError> {
    let is_integer = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    // Integers have no negative zero.
    if is_integer && text != "-0" {
        let positive = text.parse().map(JsonNumber::Positive);
        return positive.or_else(|_| text.parse().map(JsonNumber::Negative)).map_err(|_| {
            EncodeError::whole(format!("expects an integer of at most 64 bits, has the number {}", clipped(text)))
        });
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(JsonNumber::Double(number)),
        _ => Err(EncodeError::whole(format!("expects a number of at most 64 bits, has the number {}", clipped(text)))),
    }
}

#[cfg(test)]
mod tests {
    use super::{JsonNumber, read};

    #[test]
    fn integers_of_64_bits_stay_exact() {
        assert_eq!(read("18446744073709551615"), Ok(JsonNumber::Positive(u64::MAX)));
        assert_eq!(read("-9223372036854775808"), Ok(JsonNumber::Negative(i64::MIN)));
        assert_eq!(read("0"), Ok(JsonNumber::Positive(0)));
        assert_eq!(read("1.0"), Ok(JsonNumber::Double(1.0)));
        assert_eq!(
            read("-0").map(|number| matches!(number, JsonNumber::Double(zero) if zero.is_sign_negative())),
            Ok(true)
        );
        for text in ["18446744073709551616", "-9223372036854775809", "1e999"] {
            let error = read(text).expect_err(text);
            assert!(error.message.contains("at most 64 bits") && error.message.contains(text), "{error}");
        }
    }
}
