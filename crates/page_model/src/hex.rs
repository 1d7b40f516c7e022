//! A hex dump: sixteen bytes per line, with their offset and their printable ASCII characters.

const BYTES_A_LINE: usize = 16;

pub fn hex_dump(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS[usize::from(nibble)] as char;
    let mut dump = String::with_capacity(bytes.len() / BYTES_A_LINE * 78 + 78);
    for (number, line) in bytes.chunks(BYTES_A_LINE).enumerate() {
        let at = number * BYTES_A_LINE;
        for shift in (0..8).rev() {
            dump.push(digit((at >> (shift * 4)) as u8 & 15));
        }
        dump.push(' ');
        for column in 0..BYTES_A_LINE {
            dump.push_str(if column == BYTES_A_LINE / 2 { "  " } else { " " });
            match line.get(column) {
                Some(byte) => {
                    dump.push(digit(byte >> 4));
                    dump.push(digit(byte & 15));
                }
                None => dump.push_str("  "),
            }
        }
        dump.push_str("  ");
        dump.extend(line.iter().map(|&byte| if matches!(byte, b' '..=b'~') { byte as char } else { '.' }));
        dump.push('\n');
    }
    dump
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_dump_shows_offset_bytes_and_characters() {
        let dump = hex_dump(b"Ponte\x00\xff 0123456789");
        assert_eq!(
            dump,
            "00000000  50 6f 6e 74 65 00 ff 20  30 31 32 33 34 35 36 37  Ponte.. 01234567\n\
             00000010  38 39                                             89\n"
        );
        assert!(hex_dump(b"").is_empty());
    }
}
