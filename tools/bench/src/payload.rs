//! The values of the records: JSON of a given size with the record's number.

/// `{"id":"0000000042","text":"xxx…"}`. The number is a string: leading zeros keep the size, and JSON has no such numbers.
pub struct Payload {
    text: Vec<u8>,
}

const HEAD: &[u8] = br#"{"id":""#;
const DIGITS: usize = 10;
const MIDDLE: &[u8] = br#"","text":""#;
const TAIL: &[u8] = br#""}"#;

impl Payload {
    pub const SHORTEST: usize = HEAD.len() + DIGITS + MIDDLE.len() + TAIL.len();

    /// Values of this number of bytes, at least [`Payload::SHORTEST`].
    pub fn new(bytes: usize) -> Self {
        let filler = bytes.max(Self::SHORTEST) - Self::SHORTEST;
        let text = [HEAD, &[b'0'; DIGITS], MIDDLE, &vec![b'x'; filler], TAIL].concat();
        Self { text }
    }

    /// The value of record `number`.
    pub fn value(&mut self, mut number: u64) -> &[u8] {
        for digit in self.text[HEAD.len()..HEAD.len() + DIGITS].iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
        &self.text
    }

    /// The number in a value that [`Payload::value`] has made.
    pub fn number(value: &[u8]) -> Option<u64> {
        let digits = value.strip_prefix(HEAD)?.get(..DIGITS)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_json_of_the_given_size_with_its_number() {
        let mut payload = Payload::new(100);
        let value = payload.value(1_234_567_890);
        assert_eq!(value.len(), 100);
        assert!(serde_json::from_slice::<serde_json::Value>(value).is_ok());
        assert_eq!(Payload::number(value), Some(1_234_567_890));
    }
}
