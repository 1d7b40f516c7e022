//! Searches a text, at the speed of the memory.

use memchr::memmem;

use crate::pattern::{InvalidPattern, Pattern, PatternCache, TooComplex};

/// A text to search for.
#[derive(Debug)]
pub(crate) enum Needle {
    Exact(memmem::Finder<'static>),
    /// ASCII letters match in either case.
    Ascii(AsciiNeedle),
    /// Letters match in either case, as Unicode's simple case folding says.
    Unicode(Pattern),
}

impl Needle {
    pub(crate) fn new(text: &str, is_case_sensitive: bool) -> Result<Self, InvalidPattern> {
        let has_case = text.chars().any(|character| !character.is_ascii() || character.is_ascii_alphabetic());
        Ok(if is_case_sensitive || !has_case {
            Self::Exact(memmem::Finder::new(text).into_owned())
        } else if text.is_ascii() {
            Self::Ascii(AsciiNeedle::new(text)?)
        } else {
            Self::Unicode(Pattern::caseless(text)?)
        })
    }

    pub(crate) fn is_in(&self, bytes: &[u8], cache: &mut PatternCache) -> Result<bool, TooComplex> {
        match self {
            Self::Exact(finder) => Ok(finder.find(bytes).is_some()),
            Self::Ascii(needle) => needle.is_in(bytes, cache),
            Self::Unicode(pattern) => pattern.is_match(cache, bytes),
        }
    }
}

/// A text of ASCII characters, with at least one letter. The two letters outside ASCII that Unicode folds to ASCII letters (the long s and the
/// sign for kelvin) do not match.
///
/// Two of its characters are compared at eight positions of a record at a time. Only where both match is the whole text compared.
#[derive(Debug)]
pub(crate) struct AsciiNeedle {
    text: Box<[u8]>,
    /// The two characters that should be the rarest in records.
    rare: [Character; 2],
    /// Searches what is left of a record in which the two are not rare, in time that does not depend on the text's length.
    fallback: Pattern,
}

/// A character of a needle.
#[derive(Clone, Copy, Debug)]
struct Character {
    at: usize,
    /// In each byte, the bit that makes an upper-case letter lower case; 0 for other characters.
    case: u64,
    /// The character in each byte.
    bytes: u64,
}

/// The positions that are compared at a time: the bytes of a `u64`.
const WIDTH: usize = 8;
const ONES: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = ONES << 7;

impl AsciiNeedle {
    fn new(text: &str) -> Result<Self, InvalidPattern> {
        let text = text.to_ascii_lowercase();
        let character = |at: usize| {
            let byte = text.as_bytes()[at];
            let case = if byte.is_ascii_lowercase() { 0x20 * ONES } else { 0 };
            Character { at, case, bytes: u64::from(byte) * ONES }
        };
        let mut positions: Vec<_> = (0..text.len()).collect();
        positions.sort_by_key(|&at| commonness(text.as_bytes()[at]));
        let first = positions.first().map_or(0, |at| *at);
        let rare = [character(first), character(positions.get(1).map_or(first, |at| *at))];
        let fallback = Pattern::caseless(&text)?;
        Ok(Self { rare, text: text.into_bytes().into(), fallback })
    }

    fn is_in(&self, bytes: &[u8], cache: &mut PatternCache) -> Result<bool, TooComplex> {
        let Some(last) = bytes.len().checked_sub(self.text.len()) else { return Ok(false) };
        let places = |character: Character| &bytes[character.at..=character.at + last];
        let [first, second] = self.rare.map(places);
        let mut compared = 0;
        for (step, (firsts, seconds)) in first.as_chunks().0.iter().zip(second.as_chunks().0).enumerate() {
            let hits = self.hits(*firsts, *seconds);
            if hits != 0 {
                let start = step * WIDTH;
                if self.is_at_hit(bytes, start, hits) {
                    return Ok(true);
                }
                compared += self.text.len() * hits.count_ones() as usize;
                if compared > 8 * start + 4096 {
                    return self.fallback.is_match(cache, &bytes[start..]);
                }
            }
        }
        // The last step overlaps the one before.
        let (Some(firsts), Some(seconds)) = (first.last_chunk(), second.last_chunk()) else {
            let mut starts = 0..=last;
            return Ok(starts.any(|start| self.is_at(bytes, start)));
        };
        Ok(self.is_at_hit(bytes, first.len() - WIDTH, self.hits(*firsts, *seconds)))
    }

    /// Whether the text is at one of the positions from here on that [`Self::hits`] found.
    fn is_at_hit(&self, bytes: &[u8], start: usize, mut hits: u64) -> bool {
        while hits != 0 {
            if self.is_at(bytes, start + hits.trailing_zeros() as usize / 8) {
                return true;
            }
            hits &= hits - 1;
        }
        false
    }

    /// The highest bit of each byte in which both characters match. A borrow may also mark a byte after one that matches, which the comparison
    /// of the whole text finds out.
    #[inline]
    fn hits(&self, firsts: [u8; WIDTH], seconds: [u8; WIDTH]) -> u64 {
        let [first, second] = self.rare;
        let differences = ((u64::from_le_bytes(firsts) | first.case) ^ first.bytes)
            | ((u64::from_le_bytes(seconds) | second.case) ^ second.bytes);
        differences.wrapping_sub(ONES) & !differences & HIGH_BITS
    }

    fn is_at(&self, bytes: &[u8], start: usize) -> bool {
        bytes[start..start + self.text.len()].eq_ignore_ascii_case(&self.text)
    }
}

/// A rank of a character of a needle (in lower case): rare ones first, as in JSON, logs and English.
fn commonness(byte: u8) -> usize {
    const LETTERS: &[u8] = b"zqxjkvwybgpfhmucdlsrniotae";
    match byte {
        b'a'..=b'z' => 10 + 2 * LETTERS.iter().position(|&letter| letter == byte).unwrap_or(0),
        b'0'..=b'9' => 45,
        b'"' | b':' | b',' | b' ' | b'.' | b'-' | b'_' => 60,
        b'{' | b'}' | b'[' | b']' | b'/' => 30,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_in(needle: &str, is_case_sensitive: bool, text: &str) -> bool {
        let needle = Needle::new(needle, is_case_sensitive).expect("a needle");
        needle.is_in(text.as_bytes(), &mut PatternCache::default()).expect("a simple search")
    }

    #[test]
    fn letters_match_in_either_case_unless_case_sensitive() {
        assert!(is_in("Error", false, "an ERROR here"));
        assert!(is_in("error 7", false, "an Error 7"));
        assert!(!is_in("Error", true, "an ERROR here"));
        assert!(is_in("ERROR", true, "an ERROR here"));
        assert!(!is_in("error", false, "an erro"));
        assert!(is_in("4711", false, "id 4711"));
    }

    #[test]
    fn letters_outside_ascii_match_in_either_case() {
        assert!(is_in("ÜBER", false, "über"));
        assert!(is_in("straße", false, "STRAßE"));
        assert!(is_in("ΣΊΣΥΦΟΣ", false, "σίσυφος"));
        assert!(!is_in("ÜBER", true, "über"));
    }

    #[test]
    fn needle_of_one_repeated_letter_is_found_in_linear_time() {
        let needle = Needle::new(&format!("{}b", "z".repeat(1000)), false).expect("a needle");
        let mut cache = PatternCache::default();
        let text = "z".repeat(1 << 20);
        assert_eq!(needle.is_in(text.as_bytes(), &mut cache), Ok(false));
        assert_eq!(needle.is_in(format!("{text}B").as_bytes(), &mut cache), Ok(true));
    }

    #[test]
    fn longest_texts_are_compiled() {
        for letter in ["k", "a", "ß", "Ω", "\u{345}", "ϐ", "K", "😀"] {
            let text = letter.repeat(protocol::limits::FILTER_TEXT_BYTES / letter.len());
            assert!(is_in(&text, false, &format!("x{text}")), "{letter}");
        }
    }

    proptest! {
        #[test]
        fn ascii_search_finds_what_a_search_in_lower_case_finds(needle in "[abzA-C1 @]{1,6}", text in "[abzA-C1 é@`]{0,90}") {
            let expected = text.to_ascii_lowercase().contains(&needle.to_ascii_lowercase());
            prop_assert_eq!(is_in(&needle, false, &text), expected);
        }
    }
}
