//! JSON and text in colour, with what the filter found marked: as spans, never as markup of its own.

use std::ops::Range;

use page_model::{PieceKind, pieces};

/// A stretch of text with the class that colours it; an empty class leaves it as it is.
pub type Part = (&'static str, String);

/// Beyond this the rest follows as one uncoloured stretch: a document of hundreds of thousands of spans would freeze.
const MAX_PARTS: usize = 3000;

/// `marks`: byte ranges in order, as a filter finds them.
pub fn styled_json(json: &str, marks: &[Range<usize>]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    for piece in pieces(json) {
        if parts.len() >= MAX_PARTS {
            parts.push(("", json[at..].to_owned()));
            break;
        }
        let class = match piece.kind {
            PieceKind::Key => "json-key",
            PieceKind::Number | PieceKind::Word => "json-number",
            PieceKind::Text => "json-text",
            PieceKind::Punctuation => "",
        };
        push_marked(&mut parts, class, json, at..at + piece.text.len(), marks);
        at += piece.text.len();
    }
    parts
}

pub fn styled_text(text: &str, marks: &[Range<usize>]) -> Vec<Part> {
    let mut parts = Vec::new();
    push_marked(&mut parts, "", text, 0..text.len(), marks);
    parts
}

/// Cuts the range at the marks that reach into it. A mark may go over several pieces.
fn push_marked(parts: &mut Vec<Part>, class: &'static str, text: &str, range: Range<usize>, marks: &[Range<usize>]) {
    let mut at = range.start;
    let first = marks.partition_point(|mark| mark.end <= range.start);
    for mark in marks[first..].iter().take_while(|mark| mark.start < range.end) {
        let (start, end) = (mark.start.max(at), mark.end.min(range.end));
        // A mark may begin inside of a character only if the filter does, which it cannot.
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
