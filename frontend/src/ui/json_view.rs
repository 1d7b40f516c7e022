//! JSON and text with highlighted syntax and filter matches, as parts for `<span>` elements. A value is never parsed as HTML.

use std::ops::Range;

use page_model::{TokenKind, tokens};

/// A text with the CSS class that colours it; an empty class adds no colour.
pub type Part = (&'static str, String);

/// After this many parts the rest is one uncoloured part: hundreds of thousands of `<span>` elements would freeze the page.
const MAX_PARTS: usize = 3000;

/// `marks`: the byte ranges of the filter's matches, in order.
pub fn styled_json(json: &str, marks: &[Range<usize>]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    for token in tokens(json) {
        if parts.len() >= MAX_PARTS {
            parts.push(("", json[at..].to_owned()));
            break;
        }
        let class = match token.kind {
            TokenKind::Key => "json-key",
            TokenKind::Number | TokenKind::Literal => "json-number",
            TokenKind::Text => "json-text",
            TokenKind::Punctuation => "",
        };
        push_marked(&mut parts, class, json, at..at + token.text.len(), marks);
        at += token.text.len();
    }
    parts
}

pub fn styled_text(text: &str, marks: &[Range<usize>]) -> Vec<Part> {
    let mut parts = Vec::new();
    push_marked(&mut parts, "", text, 0..text.len(), marks);
    parts
}

/// Splits the range at the marks that overlap it. A mark may overlap several tokens.
fn push_marked(parts: &mut Vec<Part>, class: &'static str, text: &str, range: Range<usize>, marks: &[Range<usize>]) {
    let mut at = range.start;
    let first = marks.partition_point(|mark| mark.end <= range.start);
    for mark in marks[first..].iter().take_while(|mark| mark.start < range.end) {
        let (start, end) = (mark.start.max(at), mark.end.min(range.end));
        // Marks begin and end on character boundaries, since the filter's texts are UTF-8.
        push(parts, class, &text[at..start]);
        push(parts, "mark", &text[start..end]);
        at = end;
    }
    push(parts, class, &text[at..range.end]);
}

fn push(parts: &mut Vec<Part>, class: &'static str, text: &str) {
    if text.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some((last, before)) if *last == class => before.push_str(text),
        _ => parts.push((class, text.to_owned())),
    }
}
