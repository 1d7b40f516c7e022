//! Checks that XML is well-formed, and indents it. Nothing is expanded and nothing is loaded: entities and document types stay as they
//! are.

use std::ops::Range;

use protocol::MAX_JSON_DEPTH;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::{DecodeError, DecodeErrorCode, EncodeError};
use crate::json_writer::JsonWriter;

/// Writes the XML as a JSON string, with each element on a line of its own. Elements that contain text keep their content byte for byte,
/// because white space in them has a meaning; so do elements with `xml:space="preserve"`.
///
/// # Errors
/// If the value is not UTF-8 or not well-formed, or elements are nested deeper than 128 levels.
pub fn decode(bytes: &[u8], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let text = super::text::check(bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let tokens = Scanner::new(text).document()?;
    json.raw(b"\"")?;
    indent(text, &tokens, json)?;
    json.raw(b"\"")
}

/// The XML in a JSON string, as it is.
///
/// # Errors
/// If the JSON is no string, or the text is not well-formed.
pub fn encode(json: &str) -> Result<Vec<u8>, EncodeError> {
    let text = super::text::encode(json)?;
    decode(&text, &mut JsonWriter::new(&mut Vec::new(), usize::MAX))
        .map_err(|error| EncodeError::whole(error.message))?;
    Ok(text)
}

/// Whether [`decode`] accepts the text.
pub(super) fn is_well_formed(text: &str) -> bool {
    Scanner::new(text.strip_prefix('\u{feff}').unwrap_or(text)).document().is_ok()
}

/// A part of the text. It starts where the part before it ends.
struct Token {
    kind: TokenKind,
    /// Short, because a token may have a single byte of text.
    end: u32,
}

impl Token {
    fn end(&self) -> usize {
        self.end as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenKind {
    Start {
        /// Whether the content must stay as it is.
        keeps_content: bool,
    },
    End,
    /// White space between markup.
    Space,
    /// Text, an entity, or CDATA.
    Text,
    /// Anything else: an empty element, a comment, a processing instruction, a declaration.
    Other,
}

/// An element whose end is still to come.
struct Open {
    /// Its token.
    index: usize,
    has_text: bool,
    has_space: bool,
    has_children: bool,
}

struct Scanner<'t> {
    text: &'t str,
    reader: Reader<&'t [u8]>,
    tokens: Vec<Token>,
    open: Vec<Open>,
    has_root: bool,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        Self { text, reader, tokens: Vec::new(), open: Vec::new(), has_root: false }
    }

    fn document(mut self) -> Result<Vec<Token>, DecodeError> {
        loop {
            let start = self.tokens.last().map_or(0, Token::end);
            let event = match self.reader.read_event() {
                Ok(Event::Eof) => break,
                Ok(event) => event,
                Err(error) => return Err(malformed(self.text, self.error_position(), &error.to_string())),
            };
            let end = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
            let Some(source) = self.text.get(start..end) else {
                return Err(malformed(self.text, start, "the parser lost its position"));
            };
            if let Some(at) = source.find(|character: char| character < ' ' && !matches!(character, '\t' | '\n' | '\r'))
            {
                return Err(malformed(self.text, start + at, "a control character is not allowed"));
            }
            let kind = self.event(&event, start..end)?;
            let Ok(end) = u32::try_from(end) else {
                return Err(DecodeError::new(DecodeErrorCode::TooLarge, "the value is larger than 4 GiB"));
            };
            self.tokens.push(Token { kind, end });
        }
        match self.open.last() {
            Some(open) => {
                let start = open.index.checked_sub(1).map_or(0, |before| self.tokens[before].end());
                Err(malformed(self.text, start, "the element has no end"))
            }
            None if !self.has_root => Err(malformed(self.text, self.text.len(), "the document has no element")),
            None => Ok(self.tokens),
        }
    }

    fn error_position(&self) -> usize {
        usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX)
    }

    fn event(&mut self, event: &Event<'_>, range: Range<usize>) -> Result<TokenKind, DecodeError> {
        let start = range.start;
        match event {
            Event::Start(element) => {
                self.element(element, range)?;
                if self.open.len() == MAX_JSON_DEPTH {
                    let message = format!("elements are nested deeper than {MAX_JSON_DEPTH} levels at byte {start}");
                    return Err(DecodeError::new(DecodeErrorCode::TooLarge, message));
                }
                let index = self.tokens.len();
                self.open.push(Open { index, has_text: false, has_space: false, has_children: false });
                Ok(TokenKind::Start { keeps_content: preserves_space(element) })
            }
            Event::Empty(element) => {
                self.element(element, range)?;
                Ok(TokenKind::Other)
            }
            Event::End(_) => {
                let Some(open) = self.open.pop() else {
                    return Err(malformed(self.text, start, "an end has no element"));
                };
                // White space without children is all that the element contains, so it may be its value.
                if (open.has_text || (open.has_space && !open.has_children))
                    && let Some(Token { kind: TokenKind::Start { keeps_content }, .. }) =
                        self.tokens.get_mut(open.index)
                {
                    *keeps_content = true;
                }
                Ok(TokenKind::End)
            }
            Event::Text(_) => self.content(self.text[range].trim_ascii().is_empty(), start),
            Event::CData(_) | Event::GeneralRef(_) => self.content(false, start),
            Event::Comment(_) | Event::PI(_) => {
                if let Some(open) = self.open.last_mut() {
                    open.has_children = true;
                }
                Ok(TokenKind::Other)
            }
            Event::Decl(_) if start > 0 => Err(malformed(self.text, start, "the declaration is not at the start")),
            Event::DocType(_) if self.has_root => {
                Err(malformed(self.text, start, "the document type is not before the first element"))
            }
            Event::Decl(_) | Event::DocType(_) | Event::Eof => Ok(TokenKind::Other),
        }
    }

    fn content(&mut self, is_space: bool, start: usize) -> Result<TokenKind, DecodeError> {
        match (self.open.last_mut(), is_space) {
            (Some(open), true) => open.has_space = true,
            (None, true) => {}
            (Some(open), false) => {
                open.has_text = true;
                return Ok(TokenKind::Text);
            }
            (None, false) => return Err(malformed(self.text, start, "there is text outside of the first element")),
        }
        Ok(TokenKind::Space)
    }

    /// Checks what quick-xml leaves to its users: one root, names, and attributes.
    fn element(&mut self, element: &BytesStart<'_>, range: Range<usize>) -> Result<(), DecodeError> {
        match self.open.last_mut() {
            Some(open) => open.has_children = true,
            None if self.has_root => return Err(malformed(self.text, range.start, "there is a second root element")),
            None => self.has_root = true,
        }
        let source = &self.text[range.clone()];
        if !is_name(&source[1..]) {
            return Err(malformed(
                self.text,
                range.start,
                "an element's name starts with another character than a letter",
            ));
        }
        if element.attributes_raw().trim_ascii().is_empty() {
            return Ok(());
        }
        let mut names = Vec::new();
        // The check for duplicates of quick-xml takes time with the square of their number.
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| malformed(self.text, range.start, &error.to_string()))?;
            let name = attribute.key.0;
            if !is_name(name) || attribute.value.contains('<') {
                let reason = format!("the attribute {} has a character that is not allowed", shortened(name));
                return Err(malformed(self.text, range.start, &reason));
            }
            names.push(name);
        }
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                let reason = format!("the attribute {} occurs twice", shortened(pair[0]));
                Err(malformed(self.text, range.start, &reason))
            }
            None => Ok(()),
        }
    }
}

fn preserves_space(element: &BytesStart<'_>) -> bool {
    element.attributes_raw().contains("xml:space")
        && element
            .attributes()
            .with_checks(false)
            .flatten()
            .any(|attribute| attribute.key.0 == "xml:space" && &*attribute.value == "preserve")
}

/// Whether the text starts with a character that names may start with, as far as ASCII is concerned.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '_' | ':') || !first.is_ascii())
}

fn shortened(name: &str) -> &str {
    name.char_indices().nth(60).map_or(name, |(end, _)| &name[..end])
}

#[cold]
fn malformed(text: &str, at: usize, reason: &str) -> DecodeError {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    DecodeError::malformed(format!("the value is not well-formed XML at line {line}, column {column}: {reason}"))
}

/// Writes the text with each part that stands in no text on its own line.
fn indent(text: &str, tokens: &[Token], json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let (mut start, mut depth) = (0, 0_usize);
    // The depth at which an element keeps its content.
    let mut kept: Option<usize> = None;
    let mut is_first = true;
    let mut after_start = false;
    for token in tokens {
        let kind = &token.kind;
        let source = &text[start..token.end()];
        start = token.end();
        if *kind == TokenKind::End {
            depth = depth.saturating_sub(1);
        }
        let is_end_of_kept = kept == Some(depth) && *kind == TokenKind::End;
        // An element without content stays on its line.
        let is_in_line = kept.is_some() || is_first || (after_start && *kind == TokenKind::End);
        if *kind == TokenKind::Space && kept.is_none() {
            continue;
        }
        if !is_in_line {
            json.raw(b"\\n")?;
            // Two spaces a level, at most 128 levels.
            json.raw(&[b' '; 2 * MAX_JSON_DEPTH][..2 * depth.min(MAX_JSON_DEPTH)])?;
        }
        write_escaped(source, json)?;
        is_first = false;
        after_start = false;
        if is_end_of_kept {
            kept = None;
        }
        if let TokenKind::Start { keeps_content } = kind {
            if *keeps_content && kept.is_none() {
                kept = Some(depth);
            }
            depth += 1;
            after_start = true;
        }
    }
    Ok(())
}

/// Writes a part of a JSON string, without quotation marks around it.
fn write_escaped(text: &str, json: &mut JsonWriter<'_>) -> Result<(), DecodeError> {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            _ => continue,
        };
        json.raw(&bytes[written..at])?;
        json.raw(escape)?;
        written = at + 1;
    }
    json.raw(&bytes[written..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::decode;
    use crate::error::DecodeErrorCode;
    use crate::json_writer::JsonWriter;

    fn decoded(xml: &str) -> Result<String, (DecodeErrorCode, String)> {
        let mut text = Vec::new();
        match decode(xml.as_bytes(), &mut JsonWriter::new(&mut text, 1_000_000)) {
            Ok(()) => Ok(protocol::from_json_bytes(&text).expect("a string")),
            Err(error) => Err((error.code, error.message)),
        }
    }

    #[track_caller]
    fn check(xml: &str, expected: &str) {
        assert_eq!(decoded(xml).as_deref(), Ok(expected));
        assert_eq!(decoded(expected).as_deref(), Ok(expected), "indented again");
    }

    #[track_caller]
    fn refused(xml: &str, at: &str, reason: &str) {
        let (code, message) = decoded(xml).expect_err(xml);
        assert_eq!(code, DecodeErrorCode::Malformed);
        let start = format!("the value is not well-formed XML at {at}: ");
        assert!(message.starts_with(&start) && message.contains(reason), "{xml}: {message}");
    }

    #[test]
    fn elements_are_indented() {
        check(
            "<?xml version=\"1.0\"?><!-- c --><a x='1'><b/><c>text</c>\n\n<d></d><e><f/></e></a>",
            "<?xml version=\"1.0\"?>\n<!-- c -->\n<a x='1'>\n  <b/>\n  <c>text</c>\n  <d></d>\n  <e>\n    <f/>\n  </e>\n</a>",
        );
        check("<a/>", "<a/>");
        check("<a><!--c--><?p i?></a>", "<a>\n  <!--c-->\n  <?p i?>\n</a>");
        check(
            "<n:a xmlns:n=\"urn:x\"><n:b n:c=\"&lt;\"/></n:a>",
            "<n:a xmlns:n=\"urn:x\">\n  <n:b n:c=\"&lt;\"/>\n</n:a>",
        );
        assert_eq!(decoded("\u{feff} <a/> \n").as_deref(), Ok("<a/>"));
    }

    #[test]
    fn mixed_content_keeps_its_white_space() {
        check("<p>one <b>two</b> <i> <u/> </i></p>", "<p>one <b>two</b> <i> <u/> </i></p>");
        check("<a><p><b/> x</p></a>", "<a>\n  <p><b/> x</p>\n</a>");
        check("<a>  </a>", "<a>  </a>");
        check("<a><![CDATA[ <x> ]]><b/></a>", "<a><![CDATA[ <x> ]]><b/></a>");
        check("<a xml:space=\"preserve\"> <b/> </a>", "<a xml:space=\"preserve\"> <b/> </a>");
        check("<a><b>&#32;</b></a>", "<a>\n  <b>&#32;</b>\n</a>");
        check("<a>x<b><c/></b></a>", "<a>x<b><c/></b></a>");
    }

    #[test]
    fn entities_are_not_expanded() {
        let xml = "<!DOCTYPE a [<!ENTITY x \"yyyy\"><!ENTITY f SYSTEM \"file:///etc/passwd\">]><a>&x;&f;</a>";
        let expected = xml.replace("]><a>", "]>\n<a>");
        check(xml, &expected);
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        refused("", "line 1, column 1", "the document has no element");
        refused("<a>", "line 1, column 1", "the element has no end");
        refused("<a>\n <b></a>", "line 2, column 5", "");
        refused("<a/><b/>", "line 1, column 5", "a second root element");
        refused("<a/>x", "line 1, column 5", "text outside");
        refused("x<a/>", "line 1, column 1", "text outside");
        refused("<a x=\"1\" x=\"2\"/>", "line 1, column 1", "the attribute x occurs twice");
        refused("<a x=1/>", "line 1, column 1", "");
        refused("<a x=\"<\"/>", "line 1, column 1", "the attribute x has a character");
        refused("<1/>", "line 1, column 1", "name");
        refused("<a>\u{1}</a>", "line 1, column 4", "a control character");
        refused("<a/><!DOCTYPE a>", "line 1, column 5", "document type");
        refused(" <?xml version=\"1.0\"?><a/>", "line 1, column 2", "declaration");
        refused("<a>a & b</a>", "line 1, column 6", "");
        refused("</a>", "line 1, column 1", "");
        refused("<a><!-- -- --></a>", "line 1, column 9", "");
    }

    #[test]
    fn nesting_is_limited_to_128_levels() {
        let nested = |levels: usize| "<a>".repeat(levels) + &"</a>".repeat(levels);
        assert!(decoded(&nested(128)).is_ok());
        let (code, message) = decoded(&nested(129)).expect_err("too deep");
        assert_eq!(code, DecodeErrorCode::TooLarge);
        assert_eq!(message, "elements are nested deeper than 128 levels at byte 384");
    }

    #[test]
    fn many_attributes_take_little_time() {
        let attributes: String = (0..50_000).map(|number| format!(" a{number}=\"\"")).collect();
        assert!(decoded(&format!("<a{attributes}/>")).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_indented_or_refused(parts in proptest::collection::vec(prop::sample::select(vec![
            "<a>", "</a>", "<b/>", " ", "\n", "x", "<!--c-->", "<![CDATA[d]]>", "&e;", "&", "<?p?>", "<", ">", "<a x='1'>", "\"", "]]>", "<!DOCTYPE a [", "]>", "é"
        ]), 0..12)) {
            let xml = format!("<a>{}</a>", parts.concat());
            if let Ok(text) = decoded(&xml) {
                prop_assert_eq!(decoded(&text), Ok(text.clone()));
                let without_space = |text: &str| text.replace([' ', '\n'], "");
                prop_assert_eq!(without_space(&text), without_space(&xml));
            }
        }

        #[test]
        fn any_bytes_do_not_panic(text in ".*") {
            let _ = decoded(&text);
        }
    }
}
