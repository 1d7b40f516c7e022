//! Which JSON may be embedded in a frame unchanged: JSON that every parser accepts.
//!
//! Raw JSON is written into the frame byte for byte. If a receiver's parser refuses one value, the receiver loses the
//! whole frame, including the other records.

use std::ops::Range;

/// How deep arrays and objects may be nested; also the number of bits in [`Scanner::objects`].
pub const MAX_JSON_DEPTH: usize = 128;

/// Whether the text is one JSON value (RFC 8259) without white space around it, nested at most [`MAX_JSON_DEPTH`] deep,
/// and without an escape of half a surrogate pair: the grammar allows `"\\ud800"`, but parsers refuse it, or fail when
/// they write it again. Numbers may have any size, and names may repeat.
pub fn is_plain_json(text: &str) -> bool {
    scan_plain_json(text, &mut ())
}

/// Reports the parts of a text while it checks the text as [`is_plain_json`] does. If the result is false, the parts that were
/// reported belong to no JSON.
pub fn scan_plain_json(text: &str, events: &mut impl JsonEvents) -> bool {
    Scanner { bytes: text.as_bytes(), at: 0, depth: 0, objects: 0, events }.document().is_some()
}

/// Receives the parts of a JSON text in their order, with their positions in it.
pub trait JsonEvents {
    /// The name of a member, whose value follows, with its quotation marks.
    fn name(&mut self, _range: Range<usize>) {}
    /// A string with its quotation marks, a number, `true`, `false` or `null`.
    fn scalar(&mut self, _range: Range<usize>) {}
    /// An object or an array starts.
    fn open(&mut self, _start: usize, _is_object: bool) {}
    /// The innermost open object or array ends before this position.
    fn close(&mut self, _end: usize) {}
}

/// Reports nothing.
impl JsonEvents for () {}

/// Scans JSON without recursion. Its methods return `None` if the text does not match.
struct Scanner<'t, 'e, E> {
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    /// The open arrays and objects, the innermost in the lowest bit: 1 for an object, 0 for an array.
    objects: u128,
    events: &'e mut E,
}

impl<E: JsonEvents> Scanner<'_, '_, E> {
    fn document(&mut self) -> Option<()> {
        loop {
            let is_open = self.value_or_opening()?;
            if is_open {
                continue;
            }
            // A value has ended: close the arrays and objects that end with it, or continue with the next value.
            loop {
                if self.depth == 0 {
                    return (self.at == self.bytes.len()).then_some(());
                }
                let in_object = self.objects & 1 == 1;
                match self.token()? {
                    b',' if in_object => {
                        self.name()?;
                        break;
                    }
                    b',' => {
                        self.skip_white_space();
                        break;
                    }
                    b'}' if in_object => self.close(),
                    b']' if !in_object => self.close(),
                    _ => return None,
                }
            }
        }
    }

    /// Scans a whole value, or the opening of a non-empty array or object, for which it returns true.
    fn value_or_opening(&mut self) -> Option<bool> {
        let start = self.at;
        match self.next()? {
            b'"' => self.rest_of_string()?,
            b'{' => {
                self.open(true)?;
                self.skip_white_space();
                if self.peek() != Some(b'}') {
                    self.name()?;
                    return Some(true);
                }
                self.at += 1;
                self.close();
                return Some(false);
            }
            b'[' => {
                self.open(false)?;
                self.skip_white_space();
                if self.peek() != Some(b']') {
                    return Some(true);
                }
                self.at += 1;
                self.close();
                return Some(false);
            }
            b't' => self.literal(b"rue")?,
            b'f' => self.literal(b"alse")?,
            b'n' => self.literal(b"ull")?,
            b'-' => {
                let first = self.next()?;
                self.rest_of_number(first)?;
            }
            first => self.rest_of_number(first)?,
        }
        self.events.scalar(start..self.at);
        Some(false)
    }

    /// Scans `"name":` and the white space around it.
    fn name(&mut self) -> Option<()> {
        if self.token()? != b'"' {
            return None;
        }
        let start = self.at - 1;
        self.rest_of_string()?;
        self.events.name(start..self.at);
        if self.token()? != b':' {
            return None;
        }
        self.skip_white_space();
        Some(())
    }

    fn open(&mut self, is_object: bool) -> Option<()> {
        if self.depth == MAX_JSON_DEPTH {
            return None;
        }
        self.events.open(self.at - 1, is_object);
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
        Some(())
    }

    fn close(&mut self) {
        self.events.close(self.at);
        self.depth -= 1;
        self.objects >>= 1;
    }

    fn rest_of_string(&mut self) -> Option<()> {
        loop {
            self.skip_plain_text();
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.rest_of_escape()?,
                // An unescaped control character.
                _ => return None,
            }
        }
    }

    fn rest_of_escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => match self.code_unit()? {
                0xD800..=0xDBFF => {
                    let is_pair = self.next()? == b'\\' && self.next()? == b'u';
                    (is_pair && matches!(self.code_unit()?, 0xDC00..=0xDFFF)).then_some(())
                }
                0xDC00..=0xDFFF => None,
                _ => Some(()),
            },
            _ => None,
        }
    }

    /// Scans four hexadecimal digits.
    fn code_unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | char::from(self.next()?).to_digit(16)?))
    }

    fn rest_of_number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// Scans at least one digit.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        self.skip_digits();
        (self.at > start).then_some(())
    }

    fn skip_digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn literal(&mut self, rest: &[u8]) -> Option<()> {
        let matches = self.bytes[self.at..].starts_with(rest);
        self.at += rest.len();
        matches.then_some(())
    }

    /// Skips to the next quote, backslash or control character, eight bytes at a time, because most of a string is
    /// neither.
    fn skip_plain_text(&mut self) {
        const ONES: u64 = u64::MAX / 255;
        const HIGH_BITS: u64 = ONES << 7;
        while let Some(eight) = self.bytes[self.at..].first_chunk::<8>() {
            let eight = u64::from_le_bytes(*eight);
            // Subtracting `limit` from a smaller byte borrows into its highest bit. A borrow may also mark bytes above
            // it, so only the lowest marked byte is reliable.
            let below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes;
            let found = below(eight, 0x20)
                | below(eight ^ (ONES * u64::from(b'"')), 1)
                | below(eight ^ (ONES * u64::from(b'\\')), 1);
            let found = found & HIGH_BITS;
            if found != 0 {
                self.at += (found.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += 8;
        }
        while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.at += 1;
        }
    }

    /// The next byte that is not white space.
    fn token(&mut self) -> Option<u8> {
        self.skip_white_space();
        self.next()
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
}
