//! Which part of a record a mask hides, as it is written in the configuration.

use std::fmt;

use protocol::NamePattern;

/// Which part of a record a mask hides.
///
/// | path | hides |
/// |---|---|
/// | `value`, `key` | the whole value or key |
/// | `value.card.number` | the member `number` of the member `card` |
/// | `value.items.*.price` | `*`: any member of an object or element of an array |
/// | `value.**.email` | `**`: at any depth, also directly |
/// | `value."a.b"` | a name between quotes, as in JSON |
/// | `headers.NAME` | the values of the headers of that name, in which `*` stands for any characters, regardless of ASCII case |
///
/// A path also continues in the elements of an array, without a segment for it: `value.items.price` hides the field in each
/// element of `items`, and `value.*.price` hides it in each element of any member. Names of members are compared exactly,
/// after their escapes are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskPath {
    text: String,
    pub(super) target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Key(Vec<Segment>),
    Value(Vec<Segment>),
    /// In lower case.
    Headers(NamePattern),
}

/// One step into JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Name(String),
    /// `*`
    Any,
    /// `**`; another segment follows.
    AnyDepth,
}

impl MaskPath {
    /// # Errors
    /// A sentence that names what is wrong and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (part, rest) = text.split_once('.').map_or((text, None), |(part, rest)| (part, Some(rest)));
        let target = match (part, rest) {
            ("value", rest) => Target::Value(segments(rest)?),
            ("key", rest) => Target::Key(segments(rest)?),
            ("headers", Some(name)) => Target::Headers(NamePattern(header(name)?.to_ascii_lowercase())),
            ("headers", None) => {
                return Err(
                    "`headers` needs the name of a header: headers.NAME, or headers.* for all of them".to_owned()
                );
            }
            _ => {
                return Err(format!(
                    "{text:?} begins with none of value, key and headers; examples: value, value.customer.email, \
                     value.items.*.price, value.**.email, value.\"a.b\", key, key.id, headers.NAME"
                ));
            }
        };
        Ok(Self { text: text.to_owned(), target })
    }
}

impl fmt::Display for MaskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A header's name may contain dots, so it needs no quotes, but may have them as other names do.
fn header(text: &str) -> Result<String, String> {
    let name = match quoted(text)? {
        Some((name, "")) => name,
        Some((_, rest)) => return Err(format!("{rest:?} follows the name of the header; headers.NAME ends there")),
        None => text.to_owned(),
    };
    if name.is_empty() {
        return Err(
            "headers. is not followed by the name of a header: headers.NAME, or headers.* for all of them".to_owned()
        );
    }
    Ok(name)
}

fn segments(rest: Option<&str>) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut next = rest;
    while let Some(text) = next {
        let (segment, rest) = match quoted(text)? {
            Some((name, rest)) => (Segment::Name(name), rest),
            None => {
                let (plain, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
                (plain_segment(plain)?, rest)
            }
        };
        next = match rest {
            "" => None,
            _ => match rest.strip_prefix('.') {
                Some(rest) => Some(rest),
                None => return Err(format!("{rest:?} follows the quoted name; a dot must separate names")),
            },
        };
        if segments.last() == Some(&Segment::AnyDepth) && segment == Segment::AnyDepth {
            return Err("`**` follows `**`; one of them is enough".to_owned());
        }
        segments.push(segment);
    }
    if segments.last() == Some(&Segment::AnyDepth) {
        return Err(
            "`**` needs a name after it, for example value.**.email; to hide everything, write value or key".to_owned()
        );
    }
    Ok(segments)
}

fn plain_segment(text: &str) -> Result<Segment, String> {
    match text {
        "" => Err("a name is empty; write two quotes for the empty name".to_owned()),
        "*" => Ok(Segment::Any),
        "**" => Ok(Segment::AnyDepth),
        _ if text.contains('*') => Err(format!(
            "{text:?}: `*` stands for a whole name, and `**` for any depth; put a name that contains a star between quotes"
        )),
        _ if text.contains(['[', ']', '"']) => Err(format!(
            "{text:?}: write items.*.price for each element of an array; put a name that contains brackets or quotes between \
             quotes"
        )),
        _ => Ok(Segment::Name(text.to_owned())),
    }
}

/// A JSON string at the beginning of the text, and what follows it.
fn quoted(text: &str) -> Result<Option<(String, &str)>, String> {
    if !text.starts_with('"') {
        return Ok(None);
    }
    let mut strings = serde_json::Deserializer::from_str(text).into_iter::<String>();
    match strings.next() {
        Some(Ok(name)) => Ok(Some((name, &text[strings.byte_offset()..]))),
        _ => Err(format!("{text:?} does not begin with a name between quotes, written as in JSON, such as \"a.b\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Segment {
        Segment::Name(name.to_owned())
    }

    fn headers(pattern: &str) -> Target {
        Target::Headers(NamePattern(pattern.to_owned()))
    }

    #[test]
    fn path_is_parsed_into_segments_and_displayed_as_configured() {
        for (text, target) in [
            ("value", Target::Value(vec![])),
            ("key", Target::Key(vec![])),
            ("value.email", Target::Value(vec![name("email")])),
            ("value.a.b c.d", Target::Value(vec![name("a"), name("b c"), name("d")])),
            ("value.items.*.price", Target::Value(vec![name("items"), Segment::Any, name("price")])),
            ("value.**.email", Target::Value(vec![Segment::AnyDepth, name("email")])),
            (r#"value."a.b".c"#, Target::Value(vec![name("a.b"), name("c")])),
            (r#"value."**"."\u0065\"""#, Target::Value(vec![name("**"), name("e\"")])),
            (r#"key."""#, Target::Key(vec![name("")])),
            ("key.id", Target::Key(vec![name("id")])),
            ("headers.X-User", headers("x-user")),
            ("headers.app.tenant", headers("app.tenant")),
            (r#"headers."X-User""#, headers("x-user")),
            ("headers.*", headers("*")),
        ] {
            let path = MaskPath::parse(text).expect(text);
            assert_eq!((path.to_string().as_str(), path.target), (text, target));
        }
    }

    #[test]
    fn error_of_an_invalid_path_says_what_is_allowed() {
        for (text, expected) in [
            ("", "value.customer.email"),
            ("email", "begins with none of value, key and headers"),
            ("Value.email", "begins with none of"),
            ("value.", "a name is empty"),
            ("value..email", "a name is empty"),
            ("value.e*", "`*` stands for a whole name"),
            ("value.***", "`*` stands for a whole name"),
            ("value.items[0].price", "items.*.price"),
            ("value.**", "needs a name after it"),
            ("value.**.**.a", "one of them is enough"),
            (r#"value."a"#, "between quotes"),
            (r#"value."a"b"#, "a dot must separate names"),
            ("headers", "headers.NAME"),
            ("headers.", "headers.NAME"),
            (r#"headers."a".b"#, "ends there"),
        ] {
            let error = MaskPath::parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
