//! Text with placeholders that are filled in for each record: `{{i}}`, `{{uuid}}`, `{{now}}`, `{{now_iso}}`, `{{random
//! 1 100}}`, `{{choice a b c}}`. It is parsed once; filling it does not allocate once the buffer is large enough.

use std::fmt;
use std::io::Write as _;

use super::spot::Spot;
use super::time::iso;

/// Enough for prices and temperatures; an i64 has room for nine more digits before the decimal point.
const MAX_DECIMALS: u32 = 9;

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Vec<u8>),
    /// The record's number plus `start`.
    Number {
        start: i64,
    },
    Uuid,
    Now,
    NowIso,
    /// A decimal number from `low` to `high` (inclusive), both in units of the last decimal.
    Random {
        low: i64,
        high: i64,
        decimals: u32,
    },
    Choice(Vec<String>),
}

/// Why a template is invalid, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    pub spot: Spot,
    pub why: TemplateErrorKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// `{{` without `}}`.
    NotClosed,
    /// There is no placeholder with this name; the name is empty for `{{}}`.
    Unknown(String),
    /// The placeholder accepts no arguments.
    NoArguments(&'static str),
    /// `{{i …}}` accepts at most one whole number.
    BadStart,
    /// `{{random …}}` needs two numbers, the smaller one first.
    BadBounds,
    /// `{{choice}}` without words to choose from.
    NoChoice,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.spot, self.why)
    }
}

impl std::error::Error for TemplateError {}

impl fmt::Display for TemplateErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: &str = "{{i}}, {{uuid}}, {{now}}, {{now_iso}}, {{random 1 100}}, {{choice a b c}}";
        match self {
            Self::NotClosed => f.write_str("{{ without }}"),
            Self::Unknown(name) => write!(f, "unknown placeholder {name:?}; use {NAMES}"),
            Self::NoArguments(name) => write!(f, "{{{{{name}}}}} accepts no arguments"),
            Self::BadStart => f.write_str("{{i}} accepts at most one whole number, with which the count starts"),
            Self::BadBounds => f.write_str("{{random}} needs two numbers, the smaller one first"),
            Self::NoChoice => f.write_str("{{choice}} needs words to choose from"),
        }
    }
}

/// The values of the placeholders for one record.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The record's number, from 0.
    pub i: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub now_ms: i64,
}

/// The template of a record's key, value or header value: null, or parts in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    parts: Option<Vec<Part>>,
}

impl Template {
    /// A template of Kafka's null.
    pub fn null() -> Self {
        Self { parts: None }
    }

    /// A template of constant bytes.
    pub fn constant(bytes: Vec<u8>) -> Self {
        Self { parts: Some(vec![Part::Literal(bytes)]) }
    }

    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let at = text.len() - after.len() - 2;
            let error = |why| TemplateError { spot: Spot::of(text, at), why };
            if !before.is_empty() {
                parts.push(Part::Literal(before.into()));
            }
            let (inside, behind) = split_at_end(after).ok_or_else(|| error(TemplateErrorKind::NotClosed))?;
            parts.push(placeholder(inside).map_err(error)?);
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Self { parts: Some(parts) })
    }

    pub fn is_null(&self) -> bool {
        self.parts.is_none()
    }

    /// Writes one record's bytes into `out`, which is cleared first.
    pub fn fill(&self, moment: Moment, rng: &mut fastrand::Rng, out: &mut Vec<u8>) {
        out.clear();
        for part in self.parts.iter().flatten() {
            // Writing to a Vec cannot fail.
            let _ = match part {
                Part::Literal(bytes) => out.write_all(bytes),
                Part::Number { start } => write!(out, "{}", start.saturating_add_unsigned(moment.i)),
                Part::Uuid => write_uuid(out, rng),
                Part::Now => write!(out, "{}", moment.now_ms),
                Part::NowIso => write!(out, "{}", iso(moment.now_ms).unwrap_or_default()),
                Part::Random { low, high, decimals } => write_decimal(out, rng.i64(*low..=*high), *decimals),
                Part::Choice(words) => out.write_all(words[rng.usize(..words.len())].as_bytes()),
            };
        }
    }
}

/// Splits at the end of the placeholder; `}}` within quotes belongs to a word.
fn split_at_end(after: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let bytes = after.as_bytes();
    for at in 0..bytes.len() {
        match bytes[at] {
            b'"' => quoted = !quoted,
            b'}' if !quoted && bytes.get(at + 1) == Some(&b'}') => return Some((&after[..at], &after[at + 2..])),
            _ => {}
        }
    }
    None
}

fn placeholder(inside: &str) -> Result<Part, TemplateErrorKind> {
    let inside = inside.trim();
    // A quoted text is literal: `{{"{{"}}` writes two braces.
    if let Some(literal) = inside.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Ok(Part::Literal(literal.into()));
    }
    let (name, arguments) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let arguments = words(arguments);
    let alone = |part: Part, name: &'static str| {
        if arguments.is_empty() { Ok(part) } else { Err(TemplateErrorKind::NoArguments(name)) }
    };
    match name {
        "i" => match &arguments[..] {
            [] => Ok(Part::Number { start: 0 }),
            [start] => start.parse().map(|start| Part::Number { start }).map_err(|_| TemplateErrorKind::BadStart),
            _ => Err(TemplateErrorKind::BadStart),
        },
        "uuid" => alone(Part::Uuid, "uuid"),
        "now" => alone(Part::Now, "now"),
        "now_iso" => alone(Part::NowIso, "now_iso"),
        "random" => random(&arguments).ok_or(TemplateErrorKind::BadBounds),
        "choice" if arguments.is_empty() => Err(TemplateErrorKind::NoChoice),
        "choice" => Ok(Part::Choice(arguments)),
        other => Err(TemplateErrorKind::Unknown(other.to_owned())),
    }
}

/// Splits at spaces; a quoted word may contain spaces.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    words
}

fn random(arguments: &[String]) -> Option<Part> {
    let [low, high] = arguments else { return None };
    let decimals = |text: &str| text.split_once('.').map_or(0, |(_, decimals)| decimals.len() as u32);
    let decimals = decimals(low).max(decimals(high));
    let (low, high) = (scaled(low, decimals)?, scaled(high, decimals)?);
    (low <= high).then_some(Part::Random { low, high, decimals })
}

/// Parses a decimal number: `-1.5` with two decimals is -150.
fn scaled(text: &str, decimals: u32) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = decimals.checked_sub(fraction.len() as u32)?;
    if decimals > MAX_DECIMALS {
        return None;
    }
    format!("{whole}{fraction}").parse::<i64>().ok()?.checked_mul(10i64.pow(missing))
}

fn write_decimal(out: &mut Vec<u8>, value: i64, decimals: u32) -> std::io::Result<()> {
    if decimals == 0 {
        return write!(out, "{value}");
    }
    let unit = 10u64.pow(decimals);
    let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    write!(out, "{sign}{}.{:0width$}", size / unit, size % unit, width = decimals as usize)
}

/// A version 4 (random) UUID.
fn write_uuid(out: &mut Vec<u8>, rng: &mut fastrand::Rng) -> std::io::Result<()> {
    let random = rng.u128(..);
    let (high, low) = ((random >> 64) as u64, random as u64);
    let (version, variant) = ((high & 0x0fff) | 0x4000, (low >> 48 & 0x3fff) | 0x8000);
    let (first, second, node) = (high >> 32, high >> 16 & 0xffff, low & 0xffff_ffff_ffff);
    write!(out, "{first:08x}-{second:04x}-{version:04x}-{variant:04x}-{node:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Moment = Moment { i: 7, now_ms: 1_763_800_000_123 };

    fn filled(text: &str) -> String {
        let template = Template::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let mut out = b"old".to_vec();
        template.fill(MOMENT, &mut fastrand::Rng::with_seed(1), &mut out);
        String::from_utf8(out).expect("text")
    }

    fn error(text: &str) -> (usize, usize, TemplateErrorKind) {
        let error = Template::parse(text).expect_err(text);
        (error.spot.line, error.spot.column, error.why)
    }

    #[test]
    fn tutorial_message_is_filled_byte_for_byte() {
        assert_eq!(filled(r#"{"id": {{i}}, "text": "messaggio {{i}}"}"#), r#"{"id": 7, "text": "messaggio 7"}"#);
    }

    #[test]
    fn braces_without_placeholder_are_kept() {
        assert_eq!(filled(r#"{"a": {"b": {}}}"#), r#"{"a": {"b": {}}}"#);
        assert_eq!(filled(r#"{{"{{"}}x}}"#), "{{x}}");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn number_time_uuid_and_choice_placeholders_are_filled() {
        assert_eq!(filled("{{ i }} {{i 100}} {{i -7}}"), "7 107 0");
        assert_eq!(filled("{{now}} {{now_iso}}"), "1763800000123 2025-11-22T08:26:40.123Z");
        assert!(["a", "b c", "}}"].contains(&filled(r#"{{choice a "b c" "}}"}}"#).as_str()));
        let uuid = filled("{{uuid}}");
        let shape: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((shape, &uuid[14..15]), (vec![8, 4, 4, 4, 12], "4"));
    }

    #[test]
    fn random_numbers_are_within_bounds_and_keep_their_decimals() {
        let template = Template::parse("{{random -1.5 1.50}}").expect("a template");
        let (mut rng, mut out) = (fastrand::Rng::with_seed(3), Vec::new());
        for _ in 0..1000 {
            template.fill(MOMENT, &mut rng, &mut out);
            let text = std::str::from_utf8(&out).expect("text");
            let value: f64 = text.parse().expect("a number");
            assert!((-1.5..=1.5).contains(&value) && text.split_once('.').is_some_and(|(_, d)| d.len() == 2), "{text}");
        }
        assert_eq!(filled("{{random 5 5}}"), "5");
    }

    #[test]
    fn invalid_placeholder_is_reported_with_its_position() {
        assert_eq!(error("ab\n c{{nope}}"), (2, 3, TemplateErrorKind::Unknown("nope".into())));
        assert_eq!(error("{{i"), (1, 1, TemplateErrorKind::NotClosed));
        assert_eq!(error("{{}}"), (1, 1, TemplateErrorKind::Unknown(String::new())));
        assert_eq!(error("è{{random 5 1}}"), (1, 2, TemplateErrorKind::BadBounds));
        assert_eq!(error("{{random one two}}"), (1, 1, TemplateErrorKind::BadBounds));
        assert_eq!(error("{{choice}}"), (1, 1, TemplateErrorKind::NoChoice));
        assert_eq!(error("{{now 5}}"), (1, 1, TemplateErrorKind::NoArguments("now")));
        assert_eq!(error("{{i x}}"), (1, 1, TemplateErrorKind::BadStart));
    }
}
