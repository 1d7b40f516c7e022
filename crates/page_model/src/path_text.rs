//! Conditions as people write them, turned into the form of RFC 9535: `=` is `==`, a name without `$` is a path, and a bare
//! word that is compared with a path is a string. What could mean two things is left as it is.

use std::fmt::Write as _;

/// The condition in RFC 9535's form; nothing where the text is that already, or cannot be understood.
pub fn understood(text: &str) -> Option<String> {
    let pieces = pieces(text)?;
    let mut out = String::with_capacity(text.len() + 8);
    for (at, piece) in pieces.iter().enumerate() {
        let before = pieces[..at].iter().rev().find(|piece| !matches!(piece, Piece::Other(" " | "\t")));
        let after = pieces[at + 1..].iter().find(|piece| !matches!(piece, Piece::Other(" " | "\t")));
        match piece {
            Piece::Other(text) | Piece::Literal(text) | Piece::Path(text) => out.push_str(text),
            // Several words in a row are no name.
            Piece::Word(_) if matches!(before, Some(Piece::Word(_) | Piece::Path(_) | Piece::Literal(_))) => {
                return None;
            }
            Piece::Word(word) => match (before, after) {
                // Compared with a path or a name: a string, unless it looks like a path itself.
                (Some(Piece::Comparison(_)), _) if left_is_path(&pieces[..at]) => {
                    if word.contains(['.', '[']) {
                        return None;
                    }
                    let _ = write!(out, "\"{word}\"");
                }
                _ => {
                    let _ = write!(out, "$.{word}");
                }
            },
            Piece::Comparison("=") => out.push_str("=="),
            Piece::Comparison(sign) => out.push_str(sign),
        }
    }
    (out != text).then_some(out)
}

/// Whether what stands left of the last comparison is a path or a name, hence not a literal.
fn left_is_path(before: &[Piece<'_>]) -> bool {
    let mut back = before.iter().rev().filter(|piece| !matches!(piece, Piece::Other(" " | "\t")));
    matches!(back.next(), Some(Piece::Comparison(_))) && matches!(back.next(), Some(Piece::Path(_) | Piece::Word(_)))
}

#[derive(Debug, PartialEq)]
enum Piece<'a> {
    /// A name without `$`, with what follows it: `level`, `items[0].price`.
    Word(&'a str),
    /// From `$` or `@` on.
    Path(&'a str),
    /// A number, a string, `true`, `false`, `null`.
    Literal(&'a str),
    /// `==`, `=`, `!=`, `<`, `<=`, `>`, `>=`.
    Comparison(&'a str),
    /// A space, `&&`, `||`, `!`, a parenthesis.
    Other(&'a str),
}

fn pieces<'a>(text: &'a str) -> Option<Vec<Piece<'a>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (len, make): (usize, fn(&'a str) -> Piece<'a>) = match first {
            ' ' | '\t' | '(' | ')' => (1, Piece::Other),
            '&' if rest.starts_with("&&") => (2, Piece::Other),
            '|' if rest.starts_with("||") => (2, Piece::Other),
            '=' | '<' | '>' | '!' if rest[1..].starts_with('=') => (2, Piece::Comparison),
            '=' | '<' | '>' => (1, Piece::Comparison),
            '!' => (1, Piece::Other),
            '"' | '\'' => (string_len(rest)?, Piece::Literal),
            '$' | '@' => (path_len(rest)?, Piece::Path),
            c if c.is_ascii_digit() || c == '-' => (
                rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '+')).unwrap_or(rest.len()),
                Piece::Literal,
            ),
            c if c.is_alphabetic() || c == '_' => {
                let len = path_len(rest)?;
                match &rest[..len] {
                    "true" | "false" | "null" => (len, Piece::Literal),
                    // A function, which RFC 9535 has as it is.
                    _ if rest[len..].starts_with('(') => return None,
                    _ => (len, Piece::Word),
                }
            }
            _ => return None,
        };
        // A number that goes on as a word, such as `7a`, is a bare word, and one that could be meant as a number.
        let piece = &rest[..len];
        if piece.starts_with(|c: char| c.is_ascii_digit() || c == '-') && piece.parse::<f64>().is_err() {
            return None;
        }
        pieces.push(make(piece));
        rest = &rest[len..];
    }
    Some(pieces)
}

/// Bytes of the string at the beginning; nothing while it is open.
fn string_len(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut is_escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(at + 1)
    })
}

/// Bytes of the name or path at the beginning, brackets with all that is in them included; nothing while one is open.
fn path_len(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == '[' {
            let mut depth = 0;
            loop {
                match text[at..].chars().next()? {
                    '[' => depth += 1,
                    ']' => depth -= 1,
                    '"' | '\'' => at += string_len(&text[at..])? - 1,
                    _ => {}
                }
                at += text[at..].chars().next()?.len_utf8();
                if depth == 0 {
                    break;
                }
            }
        } else if c.is_alphanumeric() || matches!(c, '_' | '.' | '*' | '$' | '@') || (c == '-' && at > 0) {
            at += c.len_utf8();
        } else {
            break;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_understood_as_it_was_meant() {
        for (text, expected) in [
            ("ms > 890", "$.ms > 890"),
            ("$.level = ERROR", "$.level == \"ERROR\""),
            ("level == \"ERROR\"", "$.level == \"ERROR\""),
            ("level=ERROR", "$.level==\"ERROR\""),
            ("level == ERROR && ms >= 5", "$.level == \"ERROR\" && $.ms >= 5"),
            ("(a = 1 || b = x) && !c", "($.a == 1 || $.b == \"x\") && !$.c"),
            ("items[0].price > 10", "$.items[0].price > 10"),
            ("890 < ms", "890 < $.ms"),
            ("'ERROR' = level", "'ERROR' == $.level"),
            ("paid = true", "$.paid == true"),
            ("to.city = \"a = b\"", "$.to.city == \"a = b\""),
            ("level", "$.level"),
            ("città != Roma", "$.città != \"Roma\""),
        ] {
            assert_eq!(understood(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_left_to_the_user() {
        // A path or a string? One string of two words, or a mistake? A number or a word?
        for text in
            ["a = b.c", "level = not found", "id = 7a", "length($.a) = 3", "a = \"open", "a[", "a ? b", "9 lives"]
        {
            let text_is_kept = understood(text).is_none_or(|form| serde_json_path::JsonPath::parse(&form).is_err());
            assert!(text_is_kept && crate::json_path::JsonPath::parse(text).is_err(), "{text}: {:?}", understood(text));
        }
    }

    #[test]
    fn a_text_in_the_right_form_stays_as_it_is() {
        for text in ["$.a == 1", "$.items[?@.price = 1]", "$['a b'] == 'x'", "", "1 == 1"] {
            assert_eq!(understood(text), None, "{text}");
        }
    }
}
