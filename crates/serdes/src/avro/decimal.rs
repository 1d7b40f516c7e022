//! Decimals of any precision: Avro's big-endian two's complement, and JSON's digits.

use crate::error::DecodeError;
use crate::json_writer::JsonWriter;
use crate::number_parts::NumberParts;

/// The longest unscaled value, in bytes: 2,466 digits. The work grows with the square of the length, so that longer
/// ones would take seconds for a record of some MiB.
pub(super) const MAX_DECIMAL_BYTES: usize = 1024;

/// The most digits of [`MAX_DECIMAL_BYTES`].
const MAX_DIGITS: usize = 2466;

/// Scales up to this one are written as digits with a point, others with an exponent.
const MAX_PLAIN_SCALE: i64 = 1000;

/// Writes the number `unscaled` × 10^-`scale` with all its digits, also zeros at the end.
pub(super) fn write_decimal(json: &mut JsonWriter<'_>, unscaled: &[u8], scale: i64) -> Result<(), DecodeError> {
    let (is_negative, magnitude) = match small(unscaled) {
        Some(number) => {
            let mut buffer = itoa::Buffer::new();
            return place_point(json, number < 0, buffer.format(number.unsigned_abs()).as_bytes(), scale);
        }
        None => magnitude(unscaled),
    };
    place_point(json, is_negative, &digits(magnitude), scale)
}

fn place_point(json: &mut JsonWriter<'_>, is_negative: bool, digits: &[u8], scale: i64) -> Result<(), DecodeError> {
    if is_negative {
        json.raw(b"-")?;
    }
    let plain_scale = usize::try_from(scale).ok().filter(|_| scale <= MAX_PLAIN_SCALE);
    match plain_scale {
        Some(0) => json.raw(digits),
        Some(scale) if scale < digits.len() => {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            json.raw(whole)?;
            json.raw(b".")?;
            json.raw(fraction)
        }
        Some(scale) => {
            json.raw(b"0.")?;
            for _ in digits.len()..scale {
                json.raw(b"0")?;
            }
            json.raw(digits)
        }
        None => {
            json.raw(digits)?;
            json.raw(b"e")?;
            json.integer(-i128::from(scale))
        }
    }
}

/// The number, if it has at most 16 bytes.
fn small(unscaled: &[u8]) -> Option<i128> {
    if unscaled.len() > 16 {
        return None;
    }
    let sign = if unscaled.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    Some(unscaled.iter().fold(sign, |number, byte| number << 8 | i128::from(*byte)))
}

/// The sign, and the magnitude in 32-bit limbs, the least significant first.
fn magnitude(unscaled: &[u8]) -> (bool, Vec<u32>) {
    let is_negative = unscaled.first().is_some_and(|byte| byte & 0x80 != 0);
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
pub(super) struct DecimalText {
    is_negative: bool,
    /// Without zeros at the start; empty for zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl DecimalText {
    /// Reads a number in JSON's syntax.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let NumberParts { is_negative, whole, fraction, exponent } = NumberParts::of(text)?;
        let digits = whole.bytes().chain(fraction.bytes()).skip_while(|byte| *byte == b'0').collect();
        let exponent = i64::from(exponent) - i64::try_from(fraction.len()).ok()?;
        Some(Self { is_negative, digits, exponent })
    }

    /// The number of digits after the point; negative if the exponent is positive.
    pub(super) fn scale(&self) -> i64 {
        -self.exponent
    }

    /// The shortest two's complement of the number × 10^`scale`.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn unscaled(&self, scale: i64, precision: Option<usize>) -> Result<Vec<u8>, String> {
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

    fn written(unscaled: &[u8], scale: i64) -> String {
        let mut text = Vec::new();
        write_decimal(&mut JsonWriter::new(&mut text, 10_000), unscaled, scale).expect("it fits");
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn decimals_keep_their_scale() {
        assert_eq!(written(&(-12340_i32).to_be_bytes(), 3), "-12.340");
        assert_eq!(written(&[0], 2), "0.00");
        assert_eq!(written(&[5], 3), "0.005");
        assert_eq!(written(&[0xfb], 1), "-0.5");
        assert_eq!(written(&[], 0), "0");
        assert_eq!(written(&[7], -3), "7e3");
        assert_eq!(written(&[7], 2000), "7e-2000");
        assert_eq!(written(&i128::MIN.to_be_bytes(), 0), i128::MIN.to_string());
        let mut bytes = vec![1];
        bytes.extend([0; 32]);
        assert_eq!(
            written(&bytes, 0),
            "115792089237316195423570985008687907853269984665640564039457584007913129639936"
        );
        assert_eq!(written(&[0xff; 40], 1), "-0.1");
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
        for text in ["", "-", ".5", "5.", "1e", "+1", "1_000", "0x1", "NaN", "１"] {
            assert_eq!(DecimalText::parse(text), None, "{text}");
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
        }
    }
}
