//! JSON and text with highlighted syntax and filter matches, as parts for `<span>` elements, and with visible signs of control and
//! format characters. A value is never parsed as HTML.

use std::ops::Range;

use leptos::prelude::*;
use protocol::is_printable;
use web_sys::HtmlElement;

use crate::ui::dom::{append, make, set};
use page_model::{TokenKind, tokens};

/// A text with the CSS class that colours it; an empty class adds no colour.
pub type Part = (&'static str, String);

/// After this many parts the rest is one uncoloured part: hundreds of thousands of `<span>` elements would freeze the page.
const MAX_PARTS: usize = 3000;
/// The class of a part that is one control or format character. The style sheet draws its sign (`sign_of`); the document contains
/// the character itself, so that a selection copies it.
const SIGN: &str = "sign";

/// `marks`: the byte ranges of the filter's matches, in order.
pub fn styled_json(json: &str, marks: &[Range<usize>]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    for token in tokens(json) {
        if parts.len() >= MAX_PARTS {
            push(&mut parts, "", &json[at..], false);
            break;
        }
        let class = match token.kind {
            TokenKind::Key => "json-key",
            TokenKind::Number | TokenKind::Literal => "json-number",
            TokenKind::Text => "json-text",
            TokenKind::Punctuation => "",
        };
        push_marked(&mut parts, class, json, at..at + token.text.len(), marks, false);
        at += token.text.len();
    }
    parts
}

/// `has_lines`: line breaks and tabs are shown as such, and not as signs.
pub fn styled_text(text: &str, marks: &[Range<usize>], has_lines: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    push_marked(&mut parts, "", text, 0..text.len(), marks, has_lines);
    parts
}

/// One line with signs, for places without colours.
pub fn with_signs(text: &str) -> String {
    let parts = styled_text(text, &[], false).into_iter();
    let shown = |part: Part| match sign_of(&part) {
        Some(sign) => ["<", &sign, ">"].concat(),
        None => part.1,
    };
    parts.map(shown).collect()
}

/// The sign of a part that is a control or format character.
fn sign_of((class, text): &Part) -> Option<String> {
    text.chars().next().filter(|_| *class == SIGN).map(sign)
}

/// A span with its class for each part.
pub fn spans(parts: Vec<Part>) -> Vec<AnyView> {
    let span = |part: Part| {
        let sign = sign_of(&part);
        let (class, text) = part;
        match sign {
            Some(sign) => {
                let title = sign.clone();
                view! {
                    <span class=class data-sign=sign title=title>
                        <span>{text}</span>
                    </span>
                }
                .into_any()
            }
            None => view! { <span class=class>{text}</span> }.into_any(),
        }
    };
    parts.into_iter().map(span).collect()
}

/// Appends each part as text, or as a span with its class.
pub fn append_parts(parent: &HtmlElement, parts: &[Part]) {
    for part in parts {
        let (class, text) = part;
        if class.is_empty() {
            append(parent, &document().create_text_node(text));
        } else {
            let span = make("span", class);
            match sign_of(part) {
                Some(sign) => {
                    set(&span, "data-sign", &sign);
                    set(&span, "title", &sign);
                    let character = make("span", "");
                    character.set_text_content(Some(text));
                    append(&span, &character);
                }
                None => span.set_text_content(Some(text)),
            }
            append(parent, &span);
        }
    }
}

/// Splits the range at the marks that overlap it. A mark may overlap several tokens.
fn push_marked(
    parts: &mut Vec<Part>,
    class: &'static str,
    text: &str,
    range: Range<usize>,
    marks: &[Range<usize>],
    has_lines: bool,
) {
    let mut at = range.start;
    let first = marks.partition_point(|mark| mark.end <= range.start);
    for mark in marks[first..].iter().take_while(|mark| mark.start < range.end) {
        let (start, end) = (mark.start.max(at), mark.end.min(range.end));
        // Marks begin and end on character boundaries, since the filter's texts are UTF-8.
        push(parts, class, &text[at..start], has_lines);
        push(parts, "mark", &text[start..end], has_lines);
        at = end;
    }
    push(parts, class, &text[at..range.end], has_lines);
}

/// Splits the text at the characters that are shown as signs.
fn push(parts: &mut Vec<Part>, class: &'static str, text: &str, has_lines: bool) {
    let (mut from, mut before) = (0, ' ');
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let is_joiner =
            || matches!(c, '\u{200c}' | '\u{200d}') && has_joiners(before) && text[end..].starts_with(has_joiners);
        let is_shown = is_printable(c) || is_joiner() || has_lines && matches!(c, '\n' | '\t');
        if !is_shown {
            push_part(parts, class, &text[from..at]);
            // Each has its own element, so that two signs do not look like one.
            parts.push((SIGN, c.to_string()));
            from = end;
        }
        before = c;
    }
    push_part(parts, class, &text[from..]);
}

/// Whether the character belongs to a script in which joiners select the form of characters, or to emoji.
fn has_joiners(c: char) -> bool {
    matches!(c,
        // From Arabic to Sinhala.
        '\u{600}'..='\u{dff}'
        // Myanmar; Khmer and Mongolian; Balinese and its neighbours.
        | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{1a20}'..='\u{1aaf}' | '\u{1b00}'..='\u{1c4f}'
        // Phags-pa, Saurashtra and Devanagari, Javanese, Myanmar.
        | '\u{a840}'..='\u{a8ff}' | '\u{a980}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}'
        // Presentation forms of Arabic; Kharoshthi and its neighbours; further Indic scripts; Adlam.
        | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10a00}'..='\u{10fff}' | '\u{11000}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}'
        // Symbols that are parts of emoji, the selector of their form, and emoji.
        | '\u{2190}'..='\u{21ff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{fe0f}'
        | '\u{1f000}'..='\u{1faff}')
}

/// The name of an ASCII control character, such as `ESC`, else `U+FEFF`. Many fonts lack the pictures of these characters.
fn sign(c: char) -> String {
    const NAMES: &str =
        "NULSOHSTXETXEOTENQACKBELBS TABLF VT FF CR SO SI DLEDC1DC2DC3DC4NAKSYNETBCANEM SUBESCFS GS RS US ";
    let code = u32::from(c) as usize;
    match NAMES.get(code.saturating_mul(3)..code.saturating_mul(3) + 3) {
        Some(name) => name.trim_end().to_owned(),
        None if c == '\u{7f}' => "DEL".to_owned(),
        None => {
            let digits = (0..6).rev().filter_map(|place| char::from_digit((code >> (place * 4)) as u32 & 15, 16));
            let digits: String = digits.map(|digit| digit.to_ascii_uppercase()).collect();
            let length = digits.trim_start_matches('0').len().max(4);
            ["U+", &digits[digits.len() - length..]].concat()
        }
    }
}

fn push_part(parts: &mut Vec<Part>, class: &'static str, text: &str) {
    if text.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some((last, before)) if *last == class => before.push_str(text),
        _ => parts.push((class, text.to_owned())),
    }
}
