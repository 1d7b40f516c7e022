//! The parser of `sasl.jaas.config`, which contains the credentials of Java clients, with the grammar of Kafka's
//! `JaasConfig`: `LoginModule flag name="value" …;`. Values that are single words need no quotes.

use std::iter::Peekable;
use std::str::Chars;

/// One login module with its options, in their order.
#[derive(Debug, PartialEq, Eq)]
pub struct LoginModule {
    /// The class without its package: `PlainLoginModule`.
    pub class: String,
    pub options: Vec<(String, String)>,
}

/// The messages never contain a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JaasError {
    #[error("no login module: expected LoginModule required username=\"…\" password=\"…\";")]
    NoModule,
    #[error("expected required, requisite, sufficient or optional after the login module")]
    NoFlag,
    #[error("the option {0} has no value: expected {0}=\"…\"")]
    NoValue(String),
    #[error("the value must end with a semicolon")]
    NoSemicolon,
    #[error("missing closing quotation mark")]
    OpenQuote,
    #[error("more than one login module; the bridge supports only one")]
    SeveralModules,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Symbol(char),
}

/// # Errors
/// The first mistake in the text.
pub fn parse(text: &str) -> Result<LoginModule, JaasError> {
    let mut tokens = Tokens(text.chars().peekable());
    let Some(Token::Word(class)) = tokens.next()? else { return Err(JaasError::NoModule) };
    let class = class.rsplit('.').next().unwrap_or_default().to_owned();
    const FLAGS: [&str; 4] = ["required", "requisite", "sufficient", "optional"];
    match tokens.next()? {
        Some(Token::Word(flag)) if FLAGS.iter().any(|known| flag.eq_ignore_ascii_case(known)) => {}
        _ => return Err(JaasError::NoFlag),
    }
    let mut options = Vec::new();
    loop {
        match tokens.next()? {
            Some(Token::Word(name)) => match (tokens.next()?, tokens.next()?) {
                (Some(Token::Symbol('=')), Some(Token::Word(value))) => options.push((name, value)),
                _ => return Err(JaasError::NoValue(name)),
            },
            Some(Token::Symbol(';')) => break,
            _ => return Err(JaasError::NoSemicolon),
        }
    }
    match tokens.next()? {
        None => Ok(LoginModule { class, options }),
        Some(_) => Err(JaasError::SeveralModules),
    }
}

/// The tokens of the text, as Java's `StreamTokenizer` with Kafka's settings returns them.
struct Tokens<'t>(Peekable<Chars<'t>>);

impl Tokens<'_> {
    fn next(&mut self) -> Result<Option<Token>, JaasError> {
        while let Some(character) = self.0.next() {
            match character {
                _ if character <= ' ' => {}
                '"' | '\'' => return self.quoted(character).map(|text| Some(Token::Word(text))),
                '/' if self.0.peek() == Some(&'/') => {
                    // To the end of the line.
                    while self.0.next().is_some_and(|character| character != '\n') {}
                }
                '/' if self.0.peek() == Some(&'*') => {
                    let mut before = ' ';
                    self.0.next();
                    while let Some(character) = self.0.next().filter(|&character| !(before == '*' && character == '/'))
                    {
                        before = character;
                    }
                }
                _ if is_word(character) => {
                    let mut word = String::from(character);
                    while let Some(next) = self.0.next_if(|&next| is_word(next)) {
                        word.push(next);
                    }
                    return Ok(Some(Token::Word(word)));
                }
                symbol => return Ok(Some(Token::Symbol(symbol))),
            }
        }
        Ok(None)
    }

    /// The text up to the closing quotation mark, with the escapes of Java strings.
    fn quoted(&mut self, mark: char) -> Result<String, JaasError> {
        let mut text = String::new();
        loop {
            match self.0.next() {
                None | Some('\n' | '\r') => return Err(JaasError::OpenQuote),
                Some(end) if end == mark => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(character) => text.push(character),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, JaasError> {
        let escape = self.0.next().ok_or(JaasError::OpenQuote)?;
        Ok(match escape {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            // Up to three octal digits; the largest value is 377.
            '0'..='7' => {
                let max_digits = if escape <= '3' { 2 } else { 1 };
                let mut value = escape.to_digit(8).unwrap_or(0);
                for _ in 0..max_digits {
                    let Some(digit) = self.0.next_if(|next| next.is_digit(8)) else { break };
                    value = value * 8 + digit.to_digit(8).unwrap_or(0);
                }
                char::from_u32(value).unwrap_or(escape)
            }
            other => other,
        })
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_' | '$') || character >= '\u{a0}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_unquoted_options_are_parsed() {
        let plain = "org.apache.kafka.common.security.plain.PlainLoginModule";
        for (options, expected) in [
            (r#" username="me" password="se cret";"#, [("username", "me"), ("password", "se cret")]),
            (r#" username='me' password='a"b' ; "#, [("username", "me"), ("password", "a\"b")]),
            (r" username=me password = a-word ;", [("username", "me"), ("password", "a-word")]),
            (
                "\n  username=\"me\" // the user\n /* and */ password=\"x;y=z\";\n",
                [("username", "me"), ("password", "x;y=z")],
            ),
            (r#" username="me" password="a\"b\\c\td\101";"#, [("username", "me"), ("password", "a\"b\\c\tdA")]),
            (
                r#" username="$ConnectionString" password="Endpoint=sb://x/;Key=k=";"#,
                [("username", "$ConnectionString"), ("password", "Endpoint=sb://x/;Key=k=")],
            ),
        ] {
            let read =
                parse(&format!("{plain} required{options}")).unwrap_or_else(|error| panic!("{options}: {error}"));
            assert_eq!(read.class, "PlainLoginModule");
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(read.options, expected, "{options}");
        }
    }

    #[test]
    fn malformed_text_is_refused_with_the_reason() {
        for (text, expected) in [
            ("", JaasError::NoModule),
            (";", JaasError::NoModule),
            ("M", JaasError::NoFlag),
            ("M username=me;", JaasError::NoFlag),
            ("M required", JaasError::NoSemicolon),
            ("M required username=\"me\"", JaasError::NoSemicolon),
            ("M required username;", JaasError::NoValue("username".to_owned())),
            ("M required username=;", JaasError::NoValue("username".to_owned())),
            ("M required username=\"me;", JaasError::OpenQuote),
            ("M required; N required;", JaasError::SeveralModules),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }
}
