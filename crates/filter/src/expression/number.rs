//! Numbers of JSON and of expressions, which are compared exactly.

use std::cmp::Ordering;

use super::value::Value;

/// A number as JSON has it: an integer if it has neither point nor exponent, and fits into 64 bits.
pub(super) fn read<'a>(text: &str) -> Value<'a> {
    if let Some(number) = short_integer(text.as_bytes()) {
        return Value::Int(number);
    }
    if !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        if let Ok(number) = text.parse() {
            return Value::Int(number);
        }
        if let Ok(number) = text.parse() {
            return Value::Uint(number);
        }
    }
    // The text was checked, so this cannot fail; numbers that are too large become infinite.
    text.parse().map_or(Value::Null, Value::Double)
}

/// Up to 18 digits cannot overflow.
fn short_integer(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut number = 0_i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(digit - b'0');
    }
    Some(if is_negative { -number } else { number })
}

/// Compares two numbers as the mathematical values that they have; `None` for other values and for NaN.
pub(super) fn compare(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Double(left), right) => compare_with_double(integer(right)?, *left).map(Ordering::reverse),
        (left, Value::Double(right)) => compare_with_double(integer(left)?, *right),
        (left, right) => Some(integer(left)?.cmp(&integer(right)?)),
    }
}

pub(super) fn integer(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Uint(number) => Some(i128::from(*number)),
        _ => None,
    }
}

/// Compares without rounding the integer, as a conversion to a double would.
fn compare_with_double(integer: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // Exact for the integer part of doubles in the range of 64 bits, and beyond the integers of 64 bits otherwise.
    let whole = double.trunc() as i128;
    Some(integer.cmp(&whole).then_with(|| 0.0_f64.total_cmp(&(double.fract() + 0.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(left: Value<'_>, right: Value<'_>) -> Option<Ordering> {
        compare(&left, &right)
    }

    #[test]
    fn integers_are_compared_with_doubles_exactly() {
        assert_eq!(
            order(Value::Int(9_007_199_254_740_993), Value::Double(9_007_199_254_740_992.0)),
            Some(Ordering::Greater)
        );
        assert_eq!(order(Value::Int(5), Value::Double(5.0)), Some(Ordering::Equal));
        assert_eq!(order(Value::Int(0), Value::Double(-0.0)), Some(Ordering::Equal));
        assert_eq!(order(Value::Double(5.5), Value::Int(5)), Some(Ordering::Greater));
        assert_eq!(order(Value::Double(-5.5), Value::Int(-5)), Some(Ordering::Less));
        assert_eq!(order(Value::Int(i64::MAX), Value::Double(9.3e18)), Some(Ordering::Less));
        assert_eq!(order(Value::Uint(u64::MAX), Value::Int(-1)), Some(Ordering::Greater));
        assert_eq!(order(Value::Int(1), Value::Double(f64::NAN)), None);
        assert_eq!(order(Value::Double(f64::INFINITY), Value::Uint(1)), Some(Ordering::Greater));
    }

    #[test]
    fn numbers_of_json_keep_64_bits() {
        assert!(matches!(read("9007199254740993"), Value::Int(9_007_199_254_740_993)));
        assert!(matches!(read("-9223372036854775808"), Value::Int(i64::MIN)));
        assert!(matches!(read("9223372036854775808"), Value::Uint(9_223_372_036_854_775_808)));
        assert!(matches!(read("18446744073709551616"), Value::Double(_)));
        assert!(matches!(read("1.0"), Value::Double(1.0)));
        assert!(matches!(read("-0"), Value::Int(0)));
        assert!(matches!(read("1e3"), Value::Double(1000.0)));
    }
}
