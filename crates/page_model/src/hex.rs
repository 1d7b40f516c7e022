//! Bytes in hexadecimal digits, and which bytes are shown so.

/// Of a key or a header's value, which has less room.
const BYTES_A_NARROW_LINE: usize = 4;

/// Whether a text is binary data that happens to be UTF-8: it has a NUL, or more than every fourth character is a control
/// character. Colours of a terminal are fewer.
pub fn is_binary(text: &str) -> bool {
    let is_control = |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    text.contains('\0') || text.chars().filter(is_control).count() * 4 > text.chars().count()
}

/// `00 00 2a`: at most `max` bytes.
pub fn short_hex(bytes: &[u8], max: usize) -> String {
    let mut line = String::new();
    for &byte in bytes.iter().take(max) {
        if !line.is_empty() {
            line.push(' ');
        }
        push_byte(&mut line, byte);
    }
    if bytes.len() > max {
        line.push('…');
    }
    line
}

/// Lines with an offset, eight or sixteen bytes, and their printable ASCII characters.
pub fn hex_dump(bytes: &[u8], bytes_a_line: usize) -> String {
    let mut dump = String::with_capacity(bytes.len() * 5 + 78);
    for (number, line) in bytes.chunks(bytes_a_line).enumerate() {
        for byte in ((number * bytes_a_line) as u32).to_be_bytes() {
            push_byte(&mut dump, byte);
        }
        dump.push(' ');
        push_line(&mut dump, line, bytes_a_line);
    }
    dump
}

/// Four bytes per line, with their printable ASCII characters.
pub fn narrow_hex_dump(bytes: &[u8]) -> String {
    let mut dump = String::new();
    for line in bytes.chunks(BYTES_A_NARROW_LINE) {
        push_line(&mut dump, line, BYTES_A_NARROW_LINE);
    }
    dump
}

fn push_line(dump: &mut String, line: &[u8], width: usize) {
    for column in 0..width {
        // Half of a long line is easier to find.
        dump.push_str(if column == 8 { "  " } else { " " });
        match line.get(column) {
            Some(&byte) => push_byte(dump, byte),
            None => dump.push_str("  "),
        }
    }
    dump.push_str("  ");
    dump.extend(line.iter().map(|&byte| if matches!(byte, b' '..=b'~') { byte as char } else { '.' }));
    dump.push('\n');
}

fn push_byte(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push(DIGITS[usize::from(byte >> 4)] as char);
    text.push(DIGITS[usize::from(byte & 15)] as char);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_dump_shows_offset_bytes_and_characters() {
        let dump = hex_dump(b"Ponte\x00\xff 0123456789", 16);
        assert_eq!(
            dump,
            "00000000  50 6f 6e 74 65 00 ff 20  30 31 32 33 34 35 36 37  Ponte.. 01234567\n\
             00000010  38 39                                             89\n"
        );
        assert!(hex_dump(b"", 8).is_empty());
        assert_eq!(
            hex_dump(b"Ponte\x00\xff 01", 8),
            "00000000  50 6f 6e 74 65 00 ff 20  Ponte.. \n00000008  30 31                    01\n"
        );
        assert_eq!(narrow_hex_dump(b"\0\0\0\0\0\x2a"), " 00 00 00 00  ....\n 00 2a        .*\n");
        assert_eq!((short_hex(b"\0\x2a", 2), short_hex(b"\0\x2a\xff", 2)), ("00 2a".into(), "00 2a…".into()));
    }

    #[test]
    fn text_with_nul_or_many_control_characters_is_binary() {
        for binary in ["\0\0\0\0\0\0\0*", "a long text with one \0", "\u{1}", "\u{8}\u{96}\u{1}"] {
            assert!(is_binary(binary), "{binary:?}");
        }
        for text in ["", "a\tb\r\n", "\n\n\n", "\u{1b}[31mERROR\u{1b}[0m", "\u{feff}id", "città"] {
            assert!(!is_binary(text), "{text:?}");
        }
    }
}
