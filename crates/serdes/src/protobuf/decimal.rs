//! Exact decimals: an integer in two's complement, and how many of its digits are after the decimal point.

/// Larger integers are not written as numbers: the time for that grows with the square of the size.
const MAX_BYTES: usize = 1024;

/// How many zeros may be added; beyond that the number is written with an exponent.
const MAX_ZEROS: usize = 40;

/// The most digits of a number that is read: as many as [`MAX_BYTES`] have, about.
const MAX_DIGITS: usize = 2400;

/// A JSON number; `None` if the integer has more than 1 KiB.
pub(super) fn to_json(unscaled: &[u8], scale: i32) -> Option<String> {
    if unscaled.len() > MAX_BYTES {
        return None;
    }
    let (is_negative, digits) = digits(unscaled);
    let mut json = String::with_capacity(digits.len() + 8);
    if is_negative {
        json.push('-');
    }
    let places = usize::try_from(scale.unsigned_abs()).unwrap_or(usize::MAX);
    if scale > 0 && places < digits.len() {
        let (whole, fraction) = digits.split_at(digits.len() - places);
        json.extend([whole, ".", fraction]);
    } else if scale > 0 && places - digits.len() <= MAX_ZEROS {
        json.push_str("0.");
        json.extend(std::iter::repeat_n('0', places - digits.len()));
        json.push_str(&digits);
    } else if scale <= 0 && (digits == "0" || places <= MAX_ZEROS) {
        json.push_str(&digits);
        if digits != "0" {
            json.extend(std::iter::repeat_n('0', places));
        }
    } else {
        json.push_str(&digits);
        json.push_str(&format!("e{}", -i64::from(scale)));
    }
    Some(json)
}

/// The sign and the decimal digits of a big-endian integer in two's complement; no bytes are 0.
fn digits(bytes: &[u8]) -> (bool, String) {
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    if bytes.len() <= 16 {
        let mut extended = [if is_negative { 0xff } else { 0 }; 16];
        extended[16 - bytes.len()..].copy_from_slice(bytes);
        return (is_negative, i128::from_be_bytes(extended).unsigned_abs().to_string());
    }
    // Groups of 9 digits, the lowest group first.
    let mut groups: Vec<u32> = vec![0];
    let mut multiply_and_add = |factor: u64, summand: u64| {
        let mut carry = summand;
        for group in &mut groups {
            let product = u64::from(*group) * factor + carry;
            (*group, carry) = ((product % 1_000_000_000) as u32, product / 1_000_000_000);
        }
        if carry > 0 {
            groups.push(carry as u32);
        }
    };
    for byte in bytes {
        // -x - 1 of a negative number, which is its complement.
        multiply_and_add(256, u64::from(if is_negative { !byte } else { *byte }));
    }
    multiply_and_add(1, u64::from(is_negative));
    let mut text = groups.last().map(u32::to_string).unwrap_or_default();
    for group in groups.iter().rev().skip(1) {
        text.push_str(&format!("{group:09}"));
    }
    (is_negative, text)
}

/// A decimal number: its integer in the fewest bytes, its number of digits, and its scale.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) unscaled: Vec<u8>,
    pub(super) precision: u32,
    pub(super) scale: i32,
}

/// Reads a JSON number exactly; `None` if the text is not a number or has too many digits.
pub(super) fn parse(text: &str) -> Option<Decimal> {
    let NumberParts { is_negative, whole, fraction, exponent } = NumberParts::of(text)?;
    if whole.len() + fraction.len() > MAX_DIGITS {
        return None;
    }
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    Some(Decimal {
        unscaled: twos_complement(digits, is_negative),
        precision: u32::try_from(digits.len().max(1)).ok()?,
        scale,
    })
}

/// The fewest big-endian bytes of an integer.
fn twos_complement(digits: &str, is_negative: bool) -> Vec<u8> {
    // The lowest byte first.
    let mut bytes: Vec<u8> = vec![0];
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            let product = u32::from(*byte) * 10 + carry;
            (*byte, carry) = (product.to_le_bytes()[0], product >> 8);
        }
        if carry > 0 {
            bytes.push(carry.to_le_bytes()[0]);
        }
    }
    bytes.push(0);
    if is_negative {
        let mut carry = true;
        for byte in &mut bytes {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    // A byte that only repeats the sign is not needed.
    while let [.., before, last] = bytes[..]
        && (last == 0 && before & 0x80 == 0 || last == 0xff && before & 0x80 != 0)
    {
        bytes.pop();
    }
    bytes.reverse();
    bytes
}

use crate::number_parts::NumberParts;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_exact_numbers() {
        for (unscaled, scale, json) in [
            (&[][..], 0, "0"),
            (&[0], 2, "0.00"),
            (&[0x30, 0x39], 2, "123.45"),
            (&[0xcf, 0xc7], 2, "-123.45"),
            (&[0x30, 0x39], 5, "0.12345"),
            (&[0x30, 0x39], 7, "0.0012345"),
            (&[0x30, 0x39], -2, "1234500"),
            (&[5], 100, "5e-100"),
            (&[5], -100, "5e100"),
            (&[0], -100, "0"),
            (&[5], i32::MIN, "5e2147483648"),
        ] {
            assert_eq!(to_json(unscaled, scale).as_deref(), Some(json));
        }
        assert_eq!(to_json(&[1; MAX_BYTES + 1], 0), None);
        assert!(to_json(&[0xff; MAX_BYTES], 0).is_some_and(|json| json == "-1"));
    }

    #[test]
    fn texts_that_are_no_numbers_are_refused() {
        for text in
            ["", "-", "1.", ".5", "1e", "0x1", "1_000", "NaN", "+1", "1e99999999999", &"1".repeat(MAX_DIGITS + 1)]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(number: i128, scale in -30..30) {
            let json = to_json(&number.to_be_bytes(), scale).expect("small enough");
            let read = parse(&json).expect("a number");
            prop_assert_eq!(to_json(&read.unscaled, read.scale), Some(json));
            if scale >= 0 {
                prop_assert_eq!((read.scale, digits(&read.unscaled)), (scale, digits(&number.to_be_bytes())));
            }
        }

        #[test]
        fn large_integers_are_exact(mut bytes in proptest::collection::vec(any::<u8>(), 1..60)) {
            let (is_negative, text) = digits(&bytes);
            let read = twos_complement(&text, is_negative);
            // The same number with more bytes.
            let sign = if is_negative { 0xff } else { 0 };
            while bytes.len() > 1 && bytes[0] == sign && (bytes[1] & 0x80) == (sign & 0x80) {
                bytes.remove(0);
            }
            prop_assert_eq!(read, bytes);
        }
    }
}
