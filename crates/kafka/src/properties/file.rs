//! The parser of properties files, in the format of `java.util.Properties`, which Kafka's tools use: `name=value`,
//! `name: value` or `name value`; comments that begin with `#` or `!`; `\` at the end of a line to continue it; and the
//! escapes `\t`, `\n`, `\r`, `\f` and `\uXXXX`. Before any other character the backslash is dropped.
//!
//! It differs from Java in two points: a byte order mark is skipped, and the file is read as UTF-8 if it is valid
//! UTF-8, otherwise as ISO-8859-1, as Java does. Blanks at the end of a value are removed, as Kafka does.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// One property of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The number of its first line, from 1.
    pub line: usize,
    pub name: String,
    /// `None`: there is only a name, without a separator.
    pub value: Option<String>,
    /// A backslash was dropped before a character that does not need one; perhaps a literal backslash was meant.
    pub lost_backslash: bool,
}

/// Why a line cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("no name before the value: expected name=value")]
    NoName,
    #[error("\\u must be followed by four hexadecimal digits; write \\\\ for a backslash")]
    Escape,
    #[error("a name or value contains a NUL character")]
    Nul,
}

/// The content of a file; `None` if it has more than `max_bytes`. Of a larger file, the rest is not read.
///
/// # Errors
/// If the file cannot be read.
pub fn read(path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    File::open(path)?.take(max_bytes + 1).read_to_end(&mut content)?;
    Ok((content.len() as u64 <= max_bytes).then_some(content))
}

/// The entries in their order.
///
/// # Errors
/// The first line that cannot be parsed.
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry>, (usize, Malformed)> {
    let text = decode(bytes);
    logical_lines(&text).into_iter().map(|(line, content)| entry(line, &content).map_err(|why| (line, why))).collect()
}

fn decode(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    };
    text.strip_prefix('\u{feff}').map(ToOwned::to_owned).unwrap_or(text)
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

/// Lines with their continuations and without comments, each with the number of its first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = Vec::new();
    // The logical line so far, if the last line ended with a backslash.
    let mut open: Option<(usize, String)> = None;
    for (index, raw) in text.split('\n').enumerate() {
        let content = raw.trim_start_matches(is_blank);
        let (first, mut logical) = match open.take() {
            Some((first, logical)) if !logical.is_empty() => (first, logical),
            started => {
                if content.is_empty() && started.is_none() || content.starts_with(['#', '!']) {
                    continue;
                }
                (started.map_or(index + 1, |(first, _)| first), String::new())
            }
        };
        let trailing_backslashes = content.chars().rev().take_while(|&character| character == '\\').count();
        if trailing_backslashes % 2 == 1 {
            logical.push_str(&content[..content.len() - 1]);
            open = Some((first, logical));
        } else {
            logical.push_str(content);
            if !logical.is_empty() {
                lines.push((first, logical));
            }
        }
    }
    // The file may end with a backslash.
    lines.extend(open.filter(|(_, logical)| !logical.is_empty()));
    lines
}

fn entry(line: usize, logical: &str) -> Result<Entry, Malformed> {
    let mut escaped = false;
    let end_of_name = logical.char_indices().find(|&(_, character)| {
        let ends = !escaped && (matches!(character, '=' | ':') || is_blank(character));
        escaped = character == '\\' && !escaped;
        ends
    });
    let (name, rest) = logical.split_at(end_of_name.map_or(logical.len(), |(at, _)| at));
    let rest = rest.trim_start_matches(is_blank);
    let (separated, rest) = match rest.strip_prefix(['=', ':']) {
        Some(value) => (true, value.trim_start_matches(is_blank)),
        None => (!rest.is_empty(), rest),
    };
    let (mut name_lost, mut value_lost) = (false, false);
    let name = unescape(name, &mut name_lost)?;
    if name.is_empty() {
        return Err(Malformed::NoName);
    }
    let value = unescape(rest, &mut value_lost)?.trim().to_owned();
    if name.contains('\0') || value.contains('\0') {
        return Err(Malformed::Nul);
    }
    Ok(Entry { line, name, value: separated.then_some(value), lost_backslash: name_lost || value_lost })
}

/// Sets `lost` if a backslash was dropped before a character that is not an escape.
fn unescape(text: &str, lost: &mut bool) -> Result<String, Malformed> {
    // Escapes are UTF-16 code units: a character above U+FFFF is written as two escapes.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            '\\' => match characters.next() {
                None => break,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let is_hexadecimal = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| is_hexadecimal);
                    units.push(unit.ok_or(Malformed::Escape)?);
                    continue;
                }
                Some(other) => {
                    *lost |= !matches!(other, '\\' | '=' | ':' | '#' | '!' | '"' | '\'' | ' ' | '\t');
                    other
                }
            },
            plain => plain,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    Ok(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(usize, String, Option<String>)> {
        let entries = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        entries.into_iter().map(|entry| (entry.line, entry.name, entry.value)).collect()
    }

    /// The expected values are the results of `java.util.Properties.load` of OpenJDK 17.
    #[test]
    fn names_and_values_equal_those_of_java() {
        for (text, name, value) in [
            ("a=b", "a", "b"),
            ("a:b", "a", "b"),
            ("a b", "a", "b"),
            ("a\tb", "a", "b"),
            ("  a  =  b", "a", "b"),
            ("a : b", "a", "b"),
            ("a = = b", "a", "= b"),
            ("a=b=c:d e", "a", "b=c:d e"),
            ("a =", "a", ""),
            ("a\\=b=c", "a=b", "c"),
            ("a\\:b\\ c:d", "a:b c", "d"),
            ("a=b#c", "a", "b#c"),
            ("a=b\\\nc", "a", "bc"),
            ("a=b\\\n   c\\\n\td", "a", "bcd"),
            ("a=b\\\\\nc=d", "a", "b\\"),
            ("a=b\\\r\n c", "a", "bc"),
            ("a=b\\\r c", "a", "bc"),
            ("a=b\\", "a", "b"),
            ("a=b\\\n", "a", "b"),
            ("a=b\\\n#c", "a", "b#c"),
            ("a\\\n=b", "a", "b"),
            ("\\\n# comment\na=b", "a", "b"),
            ("a=\\u0041\\u00e8", "a", "Aè"),
            ("a=\\ud83d\\ude00", "a", "😀"),
            ("a=b\\tc\\nd\\re\\ff", "a", "b\tc\nd\re\u{c}f"),
            ("a=C:\\certs\\ca.pem", "a", "C:certsca.pem"),
            ("a=C:\\\\certs\\\\ca.pem", "a", "C:\\certs\\ca.pem"),
            ("a=\\\"b\\\"", "a", "\"b\""),
            ("# comment\\\na=b", "a", "b"),
            ("! comment\n\n  # another\n\u{c}a=b", "a", "b"),
        ] {
            let read = pairs(text);
            assert_eq!((&*read[0].1, read[0].2.as_deref()), (name, Some(value)), "{text:?}");
        }
    }

    #[test]
    fn entry_has_the_number_of_its_first_line() {
        let read = pairs("\u{feff}# comment\r\n\r\na=1\\\r\n  2\r\n\r\nb: 3\rc\n");
        let expected = [(3, "a", Some("12")), (6, "b", Some("3")), (7, "c", None)];
        let expected = expected.map(|(line, name, value)| (line, name.to_owned(), value.map(ToOwned::to_owned)));
        assert_eq!(read, expected);
    }

    #[test]
    fn blanks_at_the_end_of_a_value_are_dropped() {
        assert_eq!(pairs("a=b \t\n")[0].2.as_deref(), Some("b"));
    }

    #[test]
    fn text_that_is_not_utf_8_is_read_as_iso_8859_1() {
        let entries = parse(b"a=caff\xe8\n").expect("a valid file");
        assert_eq!(entries[0].value.as_deref(), Some("caffè"));
    }

    #[test]
    fn dropped_backslash_is_reported() {
        for (text, lost) in [
            ("a=b\\d", true),
            ("a=C:\\certs", true),
            ("a=b\\\\d", false),
            ("a=b\\:d\\u0041", false),
            ("a=b\\\nc", false),
        ] {
            assert_eq!(parse(text.as_bytes()).expect("a valid file")[0].lost_backslash, lost, "{text:?}");
        }
    }

    #[test]
    fn malformed_line_is_reported_by_its_number() {
        for (text, expected) in [
            ("a=1\n=b", (2, Malformed::NoName)),
            ("a=\\u00g0", (1, Malformed::Escape)),
            ("a=\\u+123", (1, Malformed::Escape)),
            ("a=\\u00", (1, Malformed::Escape)),
            ("a=\\u0000", (1, Malformed::Nul)),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(expected), "{text:?}");
        }
    }
}
