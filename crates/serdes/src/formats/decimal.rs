//! Integers of any size, and decimal fractions, as digits.

use crate::error::DecodeError;
use crate::json_writer::JsonWriter;

/// How many bytes a number may have. Finding its digits takes time with the square of its size: 50 µs for this one.
pub(super) const MAX_BYTES: usize = 1024;

/// How far the exponent of a number may be from zero: more than that of any decimal type (6144 for IEEE 754's `decimal128`). Parsers may
/// refuse larger ones.
pub(super) const MAX_EXPONENT: u64 = 6144;

/// More zeros than this after the point are written with an exponent.
const MAX_ZEROS: usize = 64;

/// A number as a sign and decimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) is_negative: bool,
    pub(super) digits: String,
}

impl Digits {
    /// From a big-endian number without a sign.
    pub(super) fn of_unsigned(bytes: &[u8]) -> Self {
        Self { is_negative: false, digits: digits(bytes) }
    }

    /// From a big-endian number in two's complement, as Java's `BigInteger` has it. No bytes are zero.
    pub(super) fn of_signed(bytes: &[u8]) -> Self {
        if bytes.first().is_none_or(|first| *first < 0x80) {
            return Self::of_unsigned(bytes);
        }
        let inverted: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
        Self { is_negative: true, digits: one_more(&inverted) }
    }

    /// -1 less a big-endian number without a sign, as CBOR writes negative numbers.
    pub(super) fn of_negative(bytes: &[u8]) -> Self {
        Self { is_negative: true, digits: one_more(bytes) }
    }

    pub(super) fn of_integer(number: i128) -> Self {
        Self { is_negative: number < 0, digits: number.unsigned_abs().to_string() }
    }

    /// Writes the number times ten to the power of `exponent`, with every digit.
    pub(super) fn write(&self, json: &mut JsonWriter<'_>, exponent: i64) -> Result<(), DecodeError> {
        if self.is_negative {
            json.raw(b"-")?;
        }
        let digits = self.digits.as_bytes();
        let fraction = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
        if exponent == 0 {
            return json.raw(digits);
        }
        if exponent > 0 || fraction > digits.len() + MAX_ZEROS {
            json.raw(digits)?;
            json.raw(b"e")?;
            return json.integer(exponent);
        }
        match digits.len().checked_sub(fraction) {
            None | Some(0) => {
                json.raw(b"0.")?;
                json.raw(&[b'0'; MAX_ZEROS][..fraction - digits.len()])?;
                json.raw(digits)
            }
            Some(whole) => {
                json.raw(&digits[..whole])?;
                json.raw(b".")?;
                json.raw(&digits[whole..])
            }
        }
    }
}

/// The decimal digits of a big-endian number.
fn digits(bytes: &[u8]) -> String {
    let leading_zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[leading_zeros..];
    if bytes.len() <= 16 {
        return bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte)).to_string();
    }
    let mut words: Vec<u32> =
        bytes.rchunks(4).rev().map(|word| word.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))).collect();
    // Divides by a billion until nothing remains. Each remainder is the next nine digits from the right.
    let mut groups = Vec::new();
    let mut first = 0;
    while first < words.len() {
        let mut remainder = 0_u64;
        for word in &mut words[first..] {
            let number = remainder << 32 | u64::from(*word);
            *word = (number / 1_000_000_000) as u32;
            remainder = number % 1_000_000_000;
        }
        groups.push(remainder as u32);
        first += words[first..].iter().take_while(|word| **word == 0).count();
    }
    let mut text = groups.pop().unwrap_or(0).to_string();
    for group in groups.iter().rev() {
        text.push_str(&format!("{group:09}"));
    }
    text
}

/// The digits of a big-endian number and one.
fn one_more(bytes: &[u8]) -> String {
    let mut sum = bytes.to_vec();
    for byte in sum.iter_mut().rev() {
        let (next, overflows) = byte.overflowing_add(1);
        *byte = next;
        if !overflows {
            return digits(&sum);
        }
    }
    sum.insert(0, 1);
    digits(&sum)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Digits;
    use crate::json_writer::JsonWriter;

    fn written(digits: &Digits, exponent: i64) -> String {
        let mut text = Vec::new();
        digits.write(&mut JsonWriter::new(&mut text, 100_000), exponent).expect("it fits");
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn large_numbers_keep_every_digit() {
        // 2^64, 2^136, and 10^40.
        assert_eq!(written(&Digits::of_unsigned(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), 0), "18446744073709551616");
        let power = [[1].as_slice(), &[0; 17]].concat();
        assert_eq!(written(&Digits::of_unsigned(&power), 0), "87112285931760246646623899502532662132736");
        let power = [0x1d, 0x63, 0x29, 0xf1, 0xc3, 0x5c, 0xa4, 0xbf, 0xab, 0xb9, 0xf5, 0x61, 0, 0, 0, 0, 0];
        assert_eq!(written(&Digits::of_unsigned(&power), 0), format!("1{}", "0".repeat(40)));
        assert_eq!(written(&Digits::of_negative(&[0xff; 8]), 0), "-18446744073709551616");
        assert_eq!(written(&Digits::of_signed(&[]), 0), "0");
        assert_eq!(written(&Digits::of_signed(&[0xff]), 0), "-1");
        assert_eq!(written(&Digits::of_signed(&[0x80, 0]), 0), "-32768");
    }

    #[test]
    fn decimal_point_is_placed() {
        let number = Digits::of_integer(-27315);
        assert_eq!(written(&number, -2), "-273.15");
        assert_eq!(written(&number, -5), "-0.27315");
        assert_eq!(written(&number, -7), "-0.0027315");
        assert_eq!(written(&number, -100), "-27315e-100");
        assert_eq!(written(&number, 3), "-27315e3");
        assert_eq!(written(&Digits::of_integer(0), -2), "0.00");
        assert_eq!(written(&number, i64::MIN), format!("-27315e{}", i64::MIN));
    }

    proptest! {
        #[test]
        fn digits_are_those_of_i128(number: i128, zeros in 0_usize..20) {
            let sign = if number < 0 { 0xff } else { 0 };
            let bytes = [vec![sign; zeros].as_slice(), &number.to_be_bytes()].concat();
            prop_assert_eq!(written(&Digits::of_signed(&bytes), 0), number.to_string());
        }

        /// Every ninth digit is at the border of a group.
        #[test]
        fn long_numbers_are_sums_of_their_bytes(bytes in proptest::collection::vec(any::<u8>(), 17..60)) {
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
            prop_assert_eq!(Digits::of_unsigned(&bytes).digits, expected);
        }
    }
}
