//! Compares the numbers of JSON by their decimal text: neither rounded to 53 bits, nor limited in size. RFC 9535 compares
//! numbers as `f64`, and so does the crate that evaluates paths. Therefore the numbers of a condition and of a value are
//! replaced by small integers that compare in the same way: their ranks. A condition that calls a function, such as
//! `length(@.name) > 3`, is compared as `f64`, since the function's result has no rank.

use std::cmp::Ordering;
use std::ops::Range;

use super::field::check_json;
use super::json_escapes::escape_at;
use super::json_text::end_of_string;
use super::sort::stable_sort;

/// Between the ranks of two numbers of a condition there is room for this many numbers of a value, in bits. With up to
/// 4096 numbers in a condition every rank is less than 2⁵³.
const VALUE_BITS: u32 = 40;
const MAX_LITERALS: usize = 4096;

/// A number as it is written: `1.0`, `1` and `10e-1` are equal.
#[derive(Clone, Copy)]
struct Number<'a> {
    is_negative: bool,
    /// The value is 0.d₁d₂d₃… × 10^`scale`. Of the zero: the least.
    scale: i64,
    /// From the first to the last digit that is not 0; may contain the decimal point.
    digits: &'a [u8],
}

impl<'a> Number<'a> {
    /// `text`: a number of valid JSON. An exponent beyond ±2⁶² counts as ±2⁶².
    fn parse(text: &'a [u8]) -> Self {
        let (is_negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
        let end = text.iter().position(|c| matches!(c, b'e' | b'E')).unwrap_or(text.len());
        let (mantissa, exponent) = text.split_at(end);
        let is_digit = |c: &u8| matches!(c, b'1'..=b'9');
        let Some(first) = mantissa.iter().position(is_digit) else {
            return Self { is_negative: false, scale: i64::MIN, digits: &[] };
        };
        let last = mantissa.iter().rposition(is_digit).unwrap_or(first);
        let point = mantissa.iter().position(|&c| c == b'.').unwrap_or(mantissa.len());
        let before_point = point as i64 - first as i64 + i64::from(first > point);
        let scale = exponent_of(exponent).saturating_add(before_point);
        Self { is_negative, scale, digits: &mantissa[first..=last] }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let digits = |number: &Self| number.digits.iter().filter(|&&c| c != b'.');
        let sizes = || self.scale.cmp(&other.scale).then_with(|| digits(self).cmp(digits(other)));
        match (self.is_negative, other.is_negative) {
            (false, false) => sizes(),
            (true, true) => sizes().reverse(),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }

    fn is_less_than(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Less
    }
}

/// `e-12` → -12.
fn exponent_of(text: &[u8]) -> i64 {
    const MAX: i64 = 1 << 62;
    let digits = text.iter().filter(|c| c.is_ascii_digit());
    let size = digits.fold(0i64, |n, c| n.saturating_mul(10).saturating_add(i64::from(c - b'0')).min(MAX));
    if text.contains(&b'-') { -size } else { size }
}

/// The numbers of a condition.
#[derive(Debug)]
pub struct Literals {
    /// In order and without duplicates.
    sorted: Vec<String>,
    /// Whether numbers are replaced by their ranks.
    is_ranked: bool,
}

impl Literals {
    /// The numbers of a path or condition that are compared with something, and the text with their ranks in their place.
    /// Numbers that select elements of arrays stay.
    pub fn take_from(query: &str) -> (Self, String) {
        let is_ranked = !calls_function(query);
        let found = if is_ranked { compared_numbers(query) } else { Vec::new() };
        let mut literals: Vec<String> = found.iter().map(|range| query[range.clone()].to_owned()).collect();
        let compare = |a: &str, b: &str| Number::parse(a.as_bytes()).compare(&Number::parse(b.as_bytes()));
        stable_sort(&mut literals, |a, b| compare(a, b));
        literals.dedup_by(|a, b| compare(a, b) == Ordering::Equal);
        let literals = Self { sorted: literals, is_ranked };
        let (mut text, mut at) = (String::with_capacity(query.len()), 0);
        for range in found {
            text.push_str(&query[at..range.start]);
            text.push_str(&literals.rank(&Number::parse(&query.as_bytes()[range.clone()]), || 0).to_string());
            at = range.end;
        }
        text.push_str(&query[at..]);
        (literals, text)
    }

    /// `rank_in_value`: the rank among the numbers of the value.
    fn rank(&self, number: &Number<'_>, rank_in_value: impl FnOnce() -> usize) -> u64 {
        let mut below = 0;
        for literal in &self.sorted {
            match Number::parse(literal.as_bytes()).compare(number) {
                Ordering::Less => below += 1,
                Ordering::Equal => return (below + 1) << VALUE_BITS,
                Ordering::Greater => break,
            }
        }
        (below << VALUE_BITS) + 1 + rank_in_value() as u64
    }

    /// The JSON with ranks in the place of its numbers; `None` if one of them is not a valid number. Escapes of half a
    /// surrogate pair become text, since parsers refuse them.
    pub fn rank_numbers_of(&self, json: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(json.len() + 16);
        if !self.is_ranked {
            push_escaping_halves(json, &mut out);
            return Some(out);
        }
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut at = 0;
        while let Some(&byte) = json.get(at) {
            let start = at;
            at = match byte {
                b'"' => end_of_string(json, at).min(json.len()),
                b'-' | b'0'..=b'9' => end_of_number(json, at),
                _ => at + 1,
            };
            if matches!(byte, b'-' | b'0'..=b'9') {
                // `2026-11-30` has a first and a last digit too, but a rank in its place would be valid JSON.
                check_json(std::str::from_utf8(&json[start..at]).ok()?).ok()?;
                found.push(start..at);
            }
        }
        let mut sorted: Vec<_> = found.iter().map(|range| Number::parse(&json[range.clone()])).collect();
        stable_sort(&mut sorted, Number::compare);
        at = 0;
        for range in found {
            push_escaping_halves(&json[at..range.start], &mut out);
            let number = Number::parse(&json[range.clone()]);
            let rank = self.rank(&number, || sorted.partition_point(|other| other.is_less_than(&number)));
            out.extend_from_slice(rank.to_string().as_bytes());
            at = range.end;
        }
        push_escaping_halves(&json[at..], &mut out);
        Some(out)
    }
}

fn end_of_number(bytes: &[u8], from: usize) -> usize {
    let belongs = |c: &u8| matches!(c, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    bytes[from..].iter().position(|c| !belongs(c)).map_or(bytes.len(), |length| from + length)
}

/// `\ud800` → `\\ud800`.
fn push_escaping_halves(json: &[u8], out: &mut Vec<u8>) {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|&c| c == b'\\') {
        let (length, character) = escape_at(rest, at);
        out.extend_from_slice(&rest[..at]);
        if character.is_none() && length == 6 {
            out.push(b'\\');
        }
        out.extend_from_slice(&rest[at..at + length]);
        rest = &rest[at + length..];
    }
    out.extend_from_slice(rest);
}

/// Whether a path or condition calls a function: only then a name is followed by a parenthesis.
fn calls_function(query: &str) -> bool {
    let bytes = query.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => at = end_of_quoted(bytes, at),
            b'(' if at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_') => return true,
            _ => at += 1,
        }
    }
    false
}

/// Where in a path or condition numbers are that a comparison compares.
fn compared_numbers(query: &str) -> Vec<Range<usize>> {
    let bytes = query.as_bytes();
    let is_space = |c: &u8| matches!(c, b' ' | b'\t' | b'\n' | b'\r');
    let is_sign = |c: Option<&u8>| c.is_some_and(|c| matches!(c, b'=' | b'<' | b'>' | b'!'));
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        // A digit within a name, or after a number that is not valid.
        let continues = before.is_some_and(|c| c.is_ascii_alphanumeric() || !c.is_ascii() || b"_.-$@]".contains(&c));
        match byte {
            b'"' | b'\'' => at = end_of_quoted(bytes, at),
            b'-' | b'0'..=b'9' if !continues => {
                let end = end_of_number(bytes, at);
                let is_compared = is_sign(bytes[..at].iter().rev().find(|c| !is_space(c)))
                    || is_sign(bytes[end..].iter().find(|c| !is_space(c)));
                if is_compared && found.len() < MAX_LITERALS && check_json(&query[at..end]).is_ok() {
                    found.push(at..end);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

fn end_of_quoted(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(&byte) = bytes.get(at) {
        at += if byte == b'\\' { 2 } else { 1 };
        if byte == bytes[from] {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_by_their_decimal_value() {
        // Each list contains equal numbers; the lists are in ascending order.
        let ascending: &[&[&str]] = &[
            &["-1e999999999999999999999999"],
            &["-9007199254740993", "-9007199254740993.0"],
            &["-9007199254740992", "-9.007199254740992e15"],
            &["-1", "-1.0", "-10e-1", "-0.01E+2"],
            &["-0.1000000000000000055511151231257827021181583404541015625"],
            &["-0.1"],
            &["0", "-0", "0.0", "0e5", "-0.00E-7"],
            &["1e-400"],
            &["0.1", "1e-1", "0.10", "0.01e1"],
            &["0.10000000000000001"],
            &["0.9999999999999999999"],
            &["1", "1.0", "1e0", "10E-1", "0.1e1"],
            &["999"],
            &["1000", "1e3", "1.000e+3"],
            &["1712238412889623552"],
            &["1712238412889623553", "1712238412889623553.000", "1712238412889623.553e3"],
            &["18446744073709551616"],
            &["18446744073709551617"],
            &["1e400", "10e399"],
            &["1e401"],
        ];
        for (i, equal) in ascending.iter().enumerate() {
            for a in *equal {
                for (j, others) in ascending.iter().enumerate() {
                    for b in *others {
                        let (left, right) = (Number::parse(a.as_bytes()), Number::parse(b.as_bytes()));
                        assert_eq!(left.compare(&right), i.cmp(&j), "{a} and {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn only_numbers_of_comparisons_are_ranked() {
        let ranked = |query: &str| Literals::take_from(query).1;
        let at = |rank: u64| (rank << VALUE_BITS).to_string();
        assert_eq!(ranked("$.a[0] == 7"), format!("$.a[0] == {}", at(1)));
        assert_eq!(ranked("$.a > 1.0 && 1 < $.b"), format!("$.a > {} && {} < $.b", at(1), at(1)));
        assert_eq!(ranked("$[?@.a1<-2||@['3 == 3']>=1e3,4]"), format!("$[?@.a1<{}||@['3 == 3']>={},4]", at(1), at(2)));
        assert_eq!(ranked("$.a ==\t5"), format!("$.a ==\t{}", at(1)));
        assert_eq!(ranked("5\r\n< $.a"), format!("{}\r\n< $.a", at(1)));
        assert_eq!(ranked("($.a == 5) && !($['f(x'] < 6)"), format!("($.a == {}) && !($['f(x'] < {})", at(1), at(2)));
        for unchanged in [
            "length($.a) > 3",
            "$[?@.a == 5 && count(@.b[*]) == 2]",
            "$.items[1].price",
            "$[1:5:-2]",
            "$.a == '5'",
            "$.a == 007",
            "$.a1",
            "a-1 == b",
            "",
        ] {
            assert_eq!(ranked(unchanged), unchanged);
        }
    }

    #[test]
    fn ranks_of_a_value_keep_its_structure() {
        let (literals, _) = Literals::take_from("$.a == 5");
        let ranked = literals.rank_numbers_of(br#"{"a":5.0,"b":[-1,"7 \"8\" \ud800",6e0,-1.0],"\ud83e\udd80":4}"#);
        let at = |rank: u64| rank << VALUE_BITS;
        let expected = format!(r#"{{"a":{},"b":[1,"7 \"8\" \\ud800",{},1],"\ud83e\udd80":3}}"#, at(1), at(1) + 5);
        assert_eq!(ranked.as_deref(), Some(expected.as_bytes()));
        for cut in [&b"\"open"[..], b"[1", b"\"\\", b"-", b"\"\\ud8"] {
            literals.rank_numbers_of(cut);
        }
        for invalid in ["2026-11-30", "10.0.0.1", "1.2.3", "007", "-", "[1, 1e]", r#"{"a": 1.}"#] {
            assert_eq!(literals.rank_numbers_of(invalid.as_bytes()), None, "{invalid}");
        }
    }
}
