//! Regular expressions of the browser's engine for the filter.

use std::ops::Range;
use std::rc::Rc;

use js_sys::RegExp;
use wasm_bindgen::{JsCast, JsValue};

use page_model::Regex;

/// More highlighted matches than fit on a screen.
const MAX_MARKS: usize = 1000;

/// The regular expression, or the browser's error message. `a|b` ignores case; `/a|b/` has exactly the flags after its last slash.
pub fn parse(text: &str) -> Result<Rc<dyn Regex>, String> {
    let slashed = text.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let (source, flags) = slashed.unwrap_or((text, "i"));
    let make =
        |flags: &str| js_sys::Reflect::construct(&regexp_class(), &js_sys::Array::of2(&source.into(), &flags.into()));
    let without_state: String = flags.chars().filter(|flag| !matches!(flag, 'g' | 'y')).collect();
    let made = make(&without_state).and_then(|one| Ok((one, make(&format!("{without_state}g"))?)));
    match made {
        Ok((one, all)) => Ok(Rc::new(BrowserRegex { one: one.unchecked_into(), all: all.unchecked_into() })),
        Err(error) => {
            let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
            Err(message.unwrap_or_default())
        }
    }
}

/// `new RegExp` throws for an invalid expression, which `js_sys::RegExp::new` would turn into a panic.
fn regexp_class() -> js_sys::Function {
    js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("RegExp")).unwrap_or_default().unchecked_into()
}

struct BrowserRegex {
    /// Tests whether a text matches.
    one: RegExp,
    /// Finds all matches: with the flag `g`, each `exec` continues after the previous match.
    all: RegExp,
}

impl Regex for BrowserRegex {
    fn is_in(&self, text: &str) -> bool {
        self.one.test(text)
    }

    fn ranges_in(&self, text: &str) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        let mut cursor = Utf16Cursor::new(text);
        self.all.set_last_index(0);
        while ranges.len() < MAX_MARKS
            && let Some(found) = self.all.exec(text)
        {
            let start = js_sys::Reflect::get(&found, &"index".into()).ok().and_then(|index| index.as_f64());
            let (Some(start), Some(whole)) =
                (start, found.get(0).dyn_ref::<js_sys::JsString>().map(js_sys::JsString::length))
            else {
                break;
            };
            let (start, len) = (start as usize, whole as usize);
            if len == 0 {
                // `exec` does not advance after an empty match, and steps back from within a surrogate pair.
                let byte = cursor.byte_at(start);
                let width = text[byte..].chars().next().map_or(1, char::len_utf16);
                self.all.set_last_index((start + width) as u32);
                continue;
            }
            ranges.push(cursor.byte_at(start)..cursor.byte_at(start + len));
        }
        ranges
    }
}

/// Converts indices in UTF-16 units (JavaScript) to indices in bytes (Rust).
struct Utf16Cursor<'a> {
    chars: std::str::CharIndices<'a>,
    text: &'a str,
    units: usize,
    byte: usize,
}

impl<'a> Utf16Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { chars: text.char_indices(), text, units: 0, byte: 0 }
    }

    /// `units` must not be less than in the previous call. An index within a surrogate pair becomes the index after it.
    fn byte_at(&mut self, units: usize) -> usize {
        while self.units < units
            && let Some((at, c)) = self.chars.next()
        {
            self.units += c.len_utf16();
            self.byte = at + c.len_utf8();
        }
        self.byte.min(self.text.len())
    }
}
