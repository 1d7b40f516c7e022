//! Reads numbers and strings of expressions.

use super::lexer::{TokenKind, string_start};
use super::node::Kind;

/// A literal, or what is wrong with it.
pub(super) fn read(kind: TokenKind, text: &str) -> Result<Kind, String> {
    match kind {
        TokenKind::Int => integer(text).and_then(|number| i64::try_from(number).ok()).map(Kind::Int).ok_or_else(|| {
            format!("{text} is not an integer of 64 bits; add `u` for an unsigned one, or `.0` for a double")
        }),
        TokenKind::Uint => {
            let digits = text.trim_end_matches(['u', 'U']);
            integer(digits).map(Kind::Uint).ok_or_else(|| format!("{text} is not an unsigned integer of 64 bits"))
        }
        TokenKind::Double => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Kind::Double(number)),
            _ => Err(format!("{text} is not a number")),
        },
        TokenKind::Text => {
            let bytes = string(text)?;
            let text = String::from_utf8(bytes).map_err(|_| "this string is not valid text".to_owned())?;
            Ok(Kind::Text(text.into()))
        }
        TokenKind::Bytes => Ok(Kind::Bytes(string(text)?.into())),
        TokenKind::Name | TokenKind::Symbol(_) | TokenKind::End => Err("expected a value".to_owned()),
    }
}

fn integer(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The number below zero with these digits.
pub(super) fn negative_int(digits: &str) -> Option<i64> {
    i64::try_from(-i128::from(integer(digits)?)).ok()
}

/// The contents of a string with its prefix and quotation marks.
fn string(text: &str) -> Result<Vec<u8>, String> {
    let start = string_start(text).ok_or("expected a string")?;
    let inside = text.get(start.head()..text.len() - start.mark()).ok_or("expected a string")?;
    if start.is_raw {
        return Ok(inside.as_bytes().to_vec());
    }
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = escape(&rest[at + 1..], start.is_bytes, &mut bytes)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Reads what follows a backslash, and returns the rest.
fn escape<'t>(text: &'t str, is_bytes: bool, bytes: &mut Vec<u8>) -> Result<&'t str, String> {
    let invalid =
        || format!("invalid escape \\{}; write \\\\ for a backslash", text.chars().take(1).collect::<String>());
    let first = text.chars().next().ok_or_else(invalid)?;
    let rest = &text[first.len_utf8()..];
    let (digits, radix) = match first {
        'x' | 'X' => (2, 16),
        'u' if !is_bytes => (4, 16),
        'U' if !is_bytes => (8, 16),
        '0'..='3' => (3, 8),
        _ => {
            bytes.push(match first {
                'a' => 7,
                'b' => 8,
                'f' => 0xc,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 0xb,
                '\\' | '\'' | '"' | '`' | '?' => first as u8,
                _ => return Err(invalid()),
            });
            return Ok(rest);
        }
    };
    // The first octal digit belongs to the number.
    let number = if radix == 8 { text } else { rest };
    let code = number.get(..digits).filter(|digits| digits.bytes().all(|byte| char::from(byte).is_digit(radix)));
    let code = code.and_then(|digits| u32::from_str_radix(digits, radix).ok()).ok_or_else(invalid)?;
    if is_bytes {
        bytes.push(u8::try_from(code).map_err(|_| invalid())?);
    } else {
        let character = char::from_u32(code).ok_or_else(invalid)?;
        bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(&number[digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(literal: &str) -> Result<String, String> {
        string(literal).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn strings_have_the_escapes_of_cel() {
        for (literal, expected) in [
            (r#""a'b""#, "a'b"),
            (r"'a\'b\n'", "a'b\n"),
            (r#"r"a\d""#, r"a\d"),
            (r"'''a'b'''", "a'b"),
            (r#""\u00e9\x41\101\U0001F600""#, "éAA😀"),
            (r#""""#, ""),
        ] {
            assert_eq!(text(literal).as_deref(), Ok(expected), "{literal}");
        }
        assert_eq!(string(r#"b"\xff\377a""#), Ok(vec![0xff, 0xff, b'a']));
        for literal in [r#""\d""#, r#""\u12""#, r#""\ud800""#, r#"b"\u0041""#] {
            assert!(text(literal).is_err(), "{literal}");
        }
    }

    #[test]
    fn integers_have_64_bits() {
        assert_eq!(negative_int("9223372036854775808"), Some(i64::MIN));
        assert_eq!(negative_int("9223372036854775809"), None);
        assert!(matches!(read(TokenKind::Int, "0x10"), Ok(Kind::Int(16))));
        assert!(matches!(read(TokenKind::Uint, "18446744073709551615u"), Ok(Kind::Uint(u64::MAX))));
        assert!(read(TokenKind::Int, "9223372036854775808").is_err());
    }
}
