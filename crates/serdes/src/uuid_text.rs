//! UUIDs as text.

/// The JSON string of a UUID: with hyphens, in lower case.
pub(crate) fn to_json(uuid: [u8; 16]) -> [u8; 38] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 38];
    text[0] = b'"';
    text[37] = b'"';
    let mut at = 1;
    for (index, byte) in uuid.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = DIGITS[usize::from(byte >> 4)];
        text[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// Whether the bytes are a UUID as text, such as Kafka's `UUIDSerializer` writes.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The bytes of a UUID: 32 hexadecimal digits, with or without hyphens.
pub(crate) fn of_text(text: &str) -> Option<[u8; 16]> {
    let digits = if is_text(text.as_bytes()) { text.replace('-', "") } else { text.to_owned() };
    let is_plain = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_plain {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)
}
