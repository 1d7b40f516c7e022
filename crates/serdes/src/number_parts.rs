//! The parts of a number in JSON's syntax, for numbers that have to stay exact.

/// A number as `[-]whole[.fraction][e exponent]`. `whole` has at least one digit.
pub struct NumberParts<'t> {
    pub is_negative: bool,
    pub whole: &'t str,
    /// Empty without a point.
    pub fraction: &'t str,
    pub exponent: i32,
}

impl<'t> NumberParts<'t> {
    /// `None` if the text is not a number, or its exponent has more than 32 bits.
    pub fn of(text: &'t str) -> Option<Self> {
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = !whole.is_empty() && is_digits(whole) && is_digits(fraction);
        is_number.then_some(Self { is_negative, whole, fraction, exponent })
    }
}
