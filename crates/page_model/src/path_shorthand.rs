//! Expands shorthand conditions into the form of RFC 9535: `=` becomes `==`, a name without `$` becomes a path, and a bare
//! word that is compared with a path becomes a string. Ambiguous texts are not expanded.

use std::fmt::Write as _;

/// The condition in the form of RFC 9535; `None` if the text has this form already, or is ambiguous.
pub fn expand(text: &str) -> Option<String> {
    let tokens = tokens(text)?;
    let mut out = String::with_capacity(text.len() + 8);
    for (at, token) in tokens.iter().enumerate() {
        let before = tokens[..at].iter().rev().find(|token| !matches!(token, Token::Other(" " | "\t")));
        let after = tokens[at + 1..].iter().find(|token| !matches!(token, Token::Other(" " | "\t")));
        match token {
            Token::Other(text) | Token::Literal(text) | Token::Path(text) => out.push_str(text),
            // Several words in a row may be one string or an error.
            Token::Word(_) if matches!(before, Some(Token::Word(_) | Token::Path(_) | Token::Literal(_))) => {
                return None;
            }
            Token::Word(word) => match (before, after) {
                // A word that is compared with a path is a string, unless the word may be a path itself.
                (Some(Token::Comparison(_)), _) if left_is_path(&tokens[..at]) => {
                    if word.contains(['.', '[']) {
                        return None;
                    }
                    let _ = write!(out, "\"{word}\"");
                }
                _ => {
                    let _ = write!(out, "$.{word}");
                }
            },
            Token::Comparison("=") => out.push_str("=="),
            Token::Comparison(sign) => out.push_str(sign),
        }
    }
    (out != text).then_some(out)
}

/// Whether the left operand of the last comparison is a path or a name, not a literal.
fn left_is_path(before: &[Token<'_>]) -> bool {
    let mut back = before.iter().rev().filter(|token| !matches!(token, Token::Other(" " | "\t")));
    matches!(back.next(), Some(Token::Comparison(_))) && matches!(back.next(), Some(Token::Path(_) | Token::Word(_)))
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    /// A name without `$`, with its indices and further names: `level`, `items[0].price`.
    Word(&'a str),
    /// A path that begins with `$` or `@`.
    Path(&'a str),
    /// A number, a string, `true`, `false`, `null`.
    Literal(&'a str),
    /// `==`, `=`, `!=`, `<`, `<=`, `>`, `>=`.
    Comparison(&'a str),
    /// A space, `&&`, `||`, `!`, a parenthesis.
    Other(&'a str),
}

fn tokens<'a>(text: &'a str) -> Option<Vec<Token<'a>>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (len, make): (usize, fn(&'a str) -> Token<'a>) = match first {
            ' ' | '\t' | '(' | ')' => (1, Token::Other),
            '&' if rest.starts_with("&&") => (2, Token::Other),
            '|' if rest.starts_with("||") => (2, Token::Other),
            '=' | '<' | '>' | '!' if rest[1..].starts_with('=') => (2, Token::Comparison),
            '=' | '<' | '>' => (1, Token::Comparison),
            '!' => (1, Token::Other),
            '"' | '\'' => (string_len(rest)?, Token::Literal),
            '$' | '@' => (path_len(rest)?, Token::Path),
            c if c.is_ascii_digit() || c == '-' => (
                rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '+')).unwrap_or(rest.len()),
                Token::Literal,
            ),
            c if c.is_alphabetic() || c == '_' => {
                let len = path_len(rest)?;
                match &rest[..len] {
                    "true" | "false" | "null" => (len, Token::Literal),
                    // A function of RFC 9535, which has no shorthand.
                    _ if rest[len..].starts_with('(') => return None,
                    _ => (len, Token::Word),
                }
            }
            _ => return None,
        };
        // `7a` may be a word or a mistyped number.
        let token = &rest[..len];
        if token.starts_with(|c: char| c.is_ascii_digit() || c == '-') && token.parse::<f64>().is_err() {
            return None;
        }
        tokens.push(make(token));
        rest = &rest[len..];
    }
    Some(tokens)
}

/// Bytes of the string literal at the beginning; `None` if it is not closed.
fn string_len(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut is_escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(at + 1)
    })
}

/// Bytes of the name or path at the beginning, including brackets and their contents; `None` if a bracket is not closed.
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
    fn shorthand_is_expanded_to_rfc_9535() {
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
            assert_eq!(expand(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn ambiguous_shorthand_is_an_error() {
        // A path or a string? One string of two words, or an error? A number or a word?
        for text in
            ["a = b.c", "level = not found", "id = 7a", "length($.a) = 3", "a = \"open", "a[", "a ? b", "9 lives"]
        {
            let is_not_expanded = expand(text).is_none_or(|form| serde_json_path::JsonPath::parse(&form).is_err());
            assert!(is_not_expanded && crate::json_path::JsonPath::parse(text).is_err(), "{text}: {:?}", expand(text));
        }
    }

    #[test]
    fn condition_of_rfc_9535_is_not_expanded() {
        for text in ["$.a == 1", "$.items[?@.price = 1]", "$['a b'] == 'x'", "", "1 == 1"] {
            assert_eq!(expand(text), None, "{text}");
        }
    }
}
