//! Exact decimals of any precision: an integer in big-endian two's complement (Avro, Confluent's and Java's decimals, CBOR's large
//! integers) with a power of ten, and the digits that JSON has for them.

use crate::error::DecodeError;
use crate::json_writer::JsonWriter;
use crate::number_parts::NumberParts;

/// The longest integer whose digits are written, in bytes: 2,466 digits. The work grows with the square of the length (50 µs for this one),
/// so that longer ones would take seconds for a record of some MiB.
pub(crate) const MAX_BYTES: usize = 1024;

/// The most digits of [`MAX_BYTES`].
const MAX_DIGITS: usize = 2466;

/// How far an exponent that the bytes state may be from zero: more than that of any decimal type (6144 for IEEE 754's `decimal128`). Parsers
/// may refuse larger ones.
pub(crate) const MAX_EXPONENT: u64 = 6144;

/// More zeros than this after the point are written with an exponent.
const MAX_ZEROS: usize = 64;

/// Writes the number `unscaled` × 10^`exponent` with all its digits, also zeros at the end. No bytes are 0.
pub(crate) fn write(json: &mut JsonWriter<'_>, unscaled: &[u8], exponent: i64) -> Result<(), DecodeError> {
    if let Some(number) = small(unscaled) {
        return write_integer(json, number, exponent);
    }
    let (is_negative, limbs) = magnitude(unscaled);
    place_point(json, is_negative, &digits(limbs), exponent)
}

/// Writes the number `unscaled` × 10^`exponent`.
pub(crate) fn write_integer(json: &mut JsonWriter<'_>, unscaled: i128, exponent: i64) -> Result<(), DecodeError> {
    let magnitude = unscaled.unsigned_abs();
    let mut buffer = itoa::Buffer::new();
    // Most decimals fit into 64 bits, which are written several times as fast.
    let digits = match u64::try_from(magnitude) {
        Ok(magnitude) => buffer.format(magnitude),
        Err(_) => buffer.format(magnitude),
    };
    place_point(json, unscaled < 0, digits.as_bytes(), exponent)
}

fn place_point(json: &mut JsonWriter<'_>, is_negative: bool, digits: &[u8], exponent: i64) -> Result<(), DecodeError> {
    if is_negative {
        json.raw(b"-")?;
    }
    if exponent == 0 {
        return json.raw(digits);
    }
    let scale = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
    if exponent > 0 || scale > digits.len() + MAX_ZEROS {
        json.raw(digits)?;
        json.raw(b"e")?;
        return json.integer(exponent);
    }
    match digits.len().checked_sub(scale) {
        None | Some(0) => {
            json.raw(b"0.")?;
            json.raw(&[b'0'; MAX_ZEROS][..scale - digits.len()])?;
            json.raw(digits)
        }
        Some(whole) => {
            json.raw(&digits[..whole])?;
            json.raw(b".")?;
            json.raw(&digits[whole..])
        }
    }
}

/// The number, if it has at most 16 bytes.
fn small(unscaled: &[u8]) -> Option<i128> {
    if unscaled.len() > 16 {
        return None;
    }
    let sign = if is_negative(unscaled) { -1 } else { 0 };
    Some(unscaled.iter().fold(sign, |number, byte| number << 8 | i128::from(*byte)))
}

/// The sign of a big-endian integer in two's complement.
pub(crate) fn is_negative(unscaled: &[u8]) -> bool {
    unscaled.first().is_some_and(|byte| byte & 0x80 != 0)
}

/// The sign, and the magnitude in 32-bit limbs, the least significant first.
fn magnitude(unscaled: &[u8]) -> (bool, Vec<u32>) {
    let is_negative = is_negative(unscaled);
    let fill = if is_negative { 0xff } else { 0 };
    let mut limbs: Vec<u32> = unscaled
        .rchunks(4)
        .map(|chunk| {
            let mut bytes = [fill; 4];
            bytes[4 - chunk.len()..].copy_from_slice(chunk);
            u32::from_be_bytes(bytes)
        })
        .collect();
    if is_negative {
        negate(&mut limbs);
    }
    (is_negative, limbs)
}

/// Two's complement.
fn negate(limbs: &mut [u32]) {
    let mut carry = true;
    for limb in limbs {
        (*limb, carry) = (!*limb).overflowing_add(u32::from(carry));
    }
}

fn digits(mut limbs: Vec<u32>) -> Vec<u8> {
    // The digits in groups of nine, the least significant group first.
    let mut groups = Vec::with_capacity(limbs.len() * 32 / 29 + 1);
    while let Some(last) = limbs.last() {
        if *last == 0 {
            limbs.pop();
            continue;
        }
        let mut remainder = 0_u64;
        for limb in limbs.iter_mut().rev() {
            let dividend = remainder << 32 | u64::from(*limb);
            *limb = (dividend / 1_000_000_000) as u32;
            remainder = dividend % 1_000_000_000;
        }
        groups.push(remainder as u32);
    }
    let mut buffer = itoa::Buffer::new();
    let mut text = buffer.format(groups.pop().unwrap_or(0)).as_bytes().to_vec();
    for mut group in groups.into_iter().rev() {
        let at = text.len();
        text.resize(at + 9, b'0');
        for digit in text[at..].iter_mut().rev() {
            *digit = b'0' + (group % 10) as u8;
            group /= 10;
        }
    }
    text
}

/// A decimal number as it is written: `digits` × 10^`exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DecimalText {
    is_negative: bool,
    /// Without zeros at the start; empty for zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl DecimalText {
    /// Reads a number in JSON's syntax.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let NumberParts { is_negative, whole, fraction, exponent } = NumberParts::of(text)?;
        let digits = whole.bytes().chain(fraction.bytes()).skip_while(|byte| *byte == b'0').collect();
        let exponent = i64::from(exponent) - i64::try_from(fraction.len()).ok()?;
        Some(Self { is_negative, digits, exponent })
    }

    /// The number of digits after the point; negative if the exponent is positive.
    pub(crate) fn scale(&self) -> i64 {
        -self.exponent
    }

    /// The number of digits without zeros at the start; zero has one.
    pub(crate) fn precision(&self) -> usize {
        self.digits.len().max(1)
    }

    /// The shortest two's complement of the number × 10^`scale`.
    ///
    /// # Errors
    /// What does not fit.
    pub(crate) fn unscaled(&self, scale: i64, precision: Option<usize>) -> Result<Vec<u8>, String> {
        let mut digits = self.digits.clone();
        // Both are in the range of 32-bit integers and lengths of texts.
        let shift = self.exponent.saturating_add(scale);
        if digits.is_empty() {
            return Ok(vec![0]);
        }
        if shift < 0 {
            let dropped = usize::try_from(shift.unsigned_abs()).unwrap_or(usize::MAX);
            let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
            if dropped > zeros {
                return Err(format!("more than {scale} digits after the point"));
            }
            digits.truncate(digits.len() - dropped);
        } else {
            let zeros = usize::try_from(shift).unwrap_or(usize::MAX);
            if digits.len().saturating_add(zeros) > MAX_DIGITS {
                return Err(format!("more than {MAX_DIGITS} digits"));
            }
            digits.resize(digits.len() + zeros, b'0');
        }
        if digits.len() > precision.unwrap_or(MAX_DIGITS).min(MAX_DIGITS) {
            return Err(match precision {
                Some(precision) if precision <= MAX_DIGITS => {
                    format!(
                        "{} digits (with {scale} after the point), more than the precision {precision}",
                        digits.len()
                    )
                }
                _ => format!("more than {MAX_DIGITS} digits"),
            });
        }
        Ok(two_complement(&digits, self.is_negative))
    }
}

fn two_complement(digits: &[u8], is_negative: bool) -> Vec<u8> {
    let mut limbs: Vec<u32> = Vec::with_capacity(digits.len() / 9 + 2);
    for group in digits.chunks(9) {
        let mut carry = group.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
        let factor = 10_u64.pow(group.len() as u32);
        for limb in &mut limbs {
            let product = u64::from(*limb) * factor + carry;
            *limb = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            limbs.push(carry as u32);
        }
    }
    limbs.push(0);
    if is_negative {
        negate(&mut limbs);
    }
    let bytes: Vec<u8> = limbs.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
    // Leading bytes that only repeat the sign are dropped.
    let is_repeated =
        |pair: &[u8]| matches!(pair, [0, next] if next & 0x80 == 0) || matches!(pair, [0xff, next] if next & 0x80 != 0);
    let start = bytes.windows(2).take_while(|pair| is_repeated(pair)).count();
    bytes[start..].to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with_exponent(unscaled: &[u8], exponent: i64) -> String {
        let mut text = Vec::new();
        write(&mut JsonWriter::new(&mut text, 10_000), unscaled, exponent).expect("it fits");
        String::from_utf8(text).expect("UTF-8")
    }

    fn written(unscaled: &[u8], scale: i64) -> String {
        with_exponent(unscaled, -scale)
    }

    #[test]
    fn decimals_keep_their_scale() {
        assert_eq!(written(&(-12340_i32).to_be_bytes(), 3), "-12.340");
        assert_eq!(written(&[0], 2), "0.00");
        assert_eq!(written(&[5], 3), "0.005");
        assert_eq!(written(&[0xfb], 1), "-0.5");
        assert_eq!(written(&[], 0), "0");
        assert_eq!(written(&[0x30, 0x39], 5), "0.12345");
        assert_eq!(written(&[0x30, 0x39], 7), "0.0012345");
        assert_eq!(written(&[7], -3), "7e3");
        assert_eq!(written(&[7], 65), format!("0.{}7", "0".repeat(64)));
        assert_eq!(written(&[7], 66), "7e-66");
        assert_eq!(written(&[0], -100), "0e100");
        assert_eq!(written(&[7], i64::from(i32::MIN)), "7e2147483648");
        assert_eq!(with_exponent(&[0x95, 0x4d], i64::MIN), format!("-27315e{}", i64::MIN));
        assert_eq!(written(&i128::MIN.to_be_bytes(), 0), i128::MIN.to_string());
        let mut bytes = vec![1];
        bytes.extend([0; 32]);
        assert_eq!(
            written(&bytes, 0),
            "115792089237316195423570985008687907853269984665640564039457584007913129639936"
        );
        assert_eq!(written(&[0xff; 40], 1), "-0.1");
        assert_eq!(written(&[0xff; MAX_BYTES], 0), "-1");
    }

    #[test]
    fn texts_become_the_shortest_bytes() {
        let unscaled = |text: &str, scale| DecimalText::parse(text).expect(text).unscaled(scale, Some(5));
        assert_eq!(unscaled("-12.34", 3), Ok((-12340_i16).to_be_bytes().to_vec()));
        assert_eq!(unscaled("1.5000", 1), Ok(vec![15]));
        assert_eq!(unscaled("128", 0), Ok(vec![0, 128]));
        assert_eq!(unscaled("-128", 0), Ok(vec![128]));
        assert_eq!(unscaled("1.28e2", 0), Ok(vec![0, 128]));
        assert_eq!(unscaled("0e99", 0), Ok(vec![0]));
        assert_eq!(unscaled("-0", 0), Ok(vec![0]));
        assert_eq!(unscaled("1.23", 1), Err("more than 1 digits after the point".to_owned()));
        assert!(unscaled("123456", 0).expect_err("6 digits").contains("the precision 5"));
        assert!(unscaled("1e2147483647", 0).is_err());
        assert!(unscaled("1e-2147483648", 0).is_err());
        assert!(DecimalText::parse(&"1".repeat(MAX_DIGITS + 1)).expect("a number").unscaled(0, None).is_err());
        for text in ["", "-", ".5", "5.", "1e", "+1", "1_000", "0x1", "NaN", "１", "1e99999999999"] {
            assert_eq!(DecimalText::parse(text), None, "{text}");
        }
    }

    #[test]
    fn precision_counts_no_zeros_at_the_start() {
        for (text, precision, scale) in [("0.00", 1, 2), ("-0012.50", 4, 2), ("1e3", 1, -3)] {
            let number = DecimalText::parse(text).expect(text);
            assert_eq!((number.precision(), number.scale()), (precision, scale), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_decimal_is_written_and_read_exactly(
            bytes in prop::collection::vec(any::<u8>(), 1..80),
            scale in -5_i64..120,
        ) {
            let text = written(&bytes, scale);
            let read = DecimalText::parse(&text).expect("a number").unscaled(scale, None).expect("it fits");
            // The shortest form, extended by its sign, is the form before.
            let sign = if read[0] & 0x80 != 0 { 0xff } else { 0 };
            let mut extended = vec![sign; bytes.len() - read.len()];
            extended.extend(read);
            prop_assert_eq!(extended, bytes);
        }

        #[test]
        fn long_decimals_are_written_like_short_ones(number: i128) {
            let mut bytes = vec![if number < 0 { 0xff } else { 0 }; 9];
            bytes.extend(number.to_be_bytes());
            prop_assert_eq!(written(&bytes, 0), number.to_string());
            prop_assert_eq!(written(&number.to_be_bytes(), 0), number.to_string());
        }

        /// Every ninth digit is at the border of a group.
        #[test]
        fn long_integers_are_sums_of_their_bytes(bytes in prop::collection::vec(any::<u8>(), 17..60)) {
            // Schoolbook: times 256 and one byte more, on decimal digits.
            let mut expected = vec![0_u32];
            for byte in &bytes {
                let mut carry = u32::from(*byte);
                for digit in &mut expected {
                    let sum = *digit * 256 + carry;
                    *digit = sum % 10;
                    carry = sum / 10;
                }
                while carry > 0 {
                    expected.push(carry % 10);
                    carry /= 10;
                }
            }
            let expected: String = expected.iter().rev().filter_map(|digit| char::from_digit(*digit, 10)).collect();
            let unsigned = [[0].as_slice(), &bytes].concat();
            prop_assert_eq!(written(&unsigned, 0), expected);
        }
    }
}
