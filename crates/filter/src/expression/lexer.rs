//! Splits an expression into tokens.

use super::parser::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    /// An operator or a bracket.
    Symbol(&'static str),
    End,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Longer ones first.
pub(super) const SYMBOLS: &[&str] = &[
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ",", ".", "(", ")", "[", "]",
    "{", "}",
];

/// The tokens, the last of which is the end.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, Failure> {
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        tokens.push(token);
        if token.kind == TokenKind::End {
            return Ok(tokens);
        }
    }
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']).len();
            let comment = if rest[blank..].starts_with("//") {
                rest[blank..].find('\n').unwrap_or(rest.len() - blank)
            } else {
                0
            };
            if blank + comment == 0 {
                return;
            }
            self.at += blank + comment;
        }
    }

    fn next(&mut self) -> Result<Token, Failure> {
        self.skip_blanks();
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(Token { kind: TokenKind::End, start, end: start });
        };
        let mut second = rest.bytes().skip(1);
        let kind = if let Some(quoted) = string_start(rest) {
            self.skip_string(quoted)?;
            if quoted.is_bytes { TokenKind::Bytes } else { TokenKind::Text }
        } else if first.is_ascii_digit() || (first == '.' && second.next().is_some_and(|byte| byte.is_ascii_digit())) {
            self.number()?
        } else if first.is_ascii_alphabetic() || first == '_' {
            self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            TokenKind::Name
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            self.at += symbol.len();
            TokenKind::Symbol(symbol)
        } else {
            let hint = match first {
                '=' => "; compare with `==`",
                '&' => "; use `&&`",
                '|' => "; use `||`",
                '“' | '”' | '‘' | '’' => "; use straight quotation marks: \" or '",
                _ => "",
            };
            return Err(Failure::new(start, format!("unexpected `{}`{hint}", first.escape_debug())));
        };
        Ok(Token { kind, start, end: self.at })
    }

    fn skip_while(&mut self, is_part: impl Fn(u8) -> bool) {
        self.at += self.rest().bytes().take_while(|&byte| is_part(byte)).count();
    }

    fn number(&mut self) -> Result<TokenKind, Failure> {
        let start = self.at;
        let mut kind = TokenKind::Int;
        if self.rest().starts_with("0x") || self.rest().starts_with("0X") {
            self.at += 2;
            self.skip_while(|byte| byte.is_ascii_hexdigit());
        } else {
            self.skip_while(|byte| byte.is_ascii_digit());
            if self.rest().starts_with('.') && self.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit) {
                kind = TokenKind::Double;
                self.at += 1;
                self.skip_while(|byte| byte.is_ascii_digit());
            }
            if self.rest().starts_with(['e', 'E']) {
                kind = TokenKind::Double;
                self.at += 1;
                self.at += usize::from(self.rest().starts_with(['+', '-']));
                self.skip_while(|byte| byte.is_ascii_digit());
            }
        }
        if kind == TokenKind::Int && self.rest().starts_with(['u', 'U']) {
            kind = TokenKind::Uint;
            self.at += 1;
        }
        if self.rest().starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            return Err(Failure::new(start, "invalid number; put names and texts apart from numbers"));
        }
        Ok(kind)
    }

    fn skip_string(&mut self, quoted: StringStart) -> Result<(), Failure> {
        let start = self.at;
        self.at += quoted.head();
        let quote = quoted.quote;
        let bytes = self.source.as_bytes();
        loop {
            match bytes.get(self.at) {
                None => return Err(Failure::new(start, format!("this string has no end; add {quote}"))),
                Some(b'\n') if !quoted.is_triple => {
                    return Err(Failure::new(start, format!("this string does not end on its line; add {quote}")));
                }
                // The byte after a backslash is a part of the string, in a raw string too if it is a quotation mark.
                Some(b'\\') if !quoted.is_raw => self.at += 2,
                Some(_) if self.source.get(self.at..).is_some_and(|rest| quoted.ends(rest)) => {
                    self.at += quoted.mark();
                    return Ok(());
                }
                Some(_) => self.at += 1,
            }
        }
    }
}

/// How a string literal starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct StringStart {
    prefix: usize,
    pub(super) is_raw: bool,
    pub(super) is_bytes: bool,
    is_triple: bool,
    quote: char,
}

impl StringStart {
    /// The bytes before the contents.
    pub(super) fn head(self) -> usize {
        self.prefix + self.mark()
    }

    /// The bytes of a quotation mark.
    pub(super) fn mark(self) -> usize {
        if self.is_triple { 3 } else { 1 }
    }

    fn ends(self, rest: &str) -> bool {
        rest.chars().take_while(|&character| character == self.quote).take(self.mark()).count() == self.mark()
    }
}

pub(super) fn string_start(rest: &str) -> Option<StringStart> {
    let prefix = rest.bytes().take(2).take_while(|byte| matches!(byte, b'r' | b'R' | b'b' | b'B')).count();
    let letters = rest[..prefix].to_ascii_lowercase();
    if matches!(letters.as_str(), "rr" | "bb") {
        return None;
    }
    let quote = rest[prefix..].chars().next().filter(|character| matches!(character, '"' | '\''))?;
    let is_triple = rest[prefix..].chars().take_while(|&character| character == quote).take(3).count() == 3;
    Some(StringStart { prefix, is_raw: letters.contains('r'), is_bytes: letters.contains('b'), is_triple, quote })
}
