//! Text with placeholders that each record fills anew: `{{i}}`, `{{uuid}}`, `{{now}}`, `{{now_iso}}`, `{{random 1 100}}`,
//! `{{choice a b c}}`. Parsed once; making a record from it allocates nothing once its buffer has grown.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use super::field::Spot;

/// More decimals than a price or a temperature has; an i64 holds them beside nine digits in front.
const MAX_DECIMALS: u32 = 9;

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Vec<u8>),
    /// The record's number, counted from here.
    Number {
        start: i64,
    },
    Uuid,
    Now,
    NowIso,
    /// Both ends included, in units of the last decimal.
    Random {
        low: i64,
        high: i64,
        decimals: u32,
    },
    Choice(Vec<String>),
}

/// Why a text is no template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFault {
    pub spot: Spot,
    pub why: TemplateMistake,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateMistake {
    /// `{{` without `}}`.
    NotClosed,
    /// No placeholder has this name; empty for `{{}}`.
    Unknown(String),
    /// The named placeholder takes nothing behind its name.
    TakesNothing(&'static str),
    /// `{{i …}}` takes one whole number at most.
    BadStart,
    /// `{{random …}}` takes two numbers, the smaller first.
    BadBounds,
    /// `{{choice}}` without anything to choose from.
    NoChoice,
}

/// What the placeholders of one record stand for.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The record's number, from 0.
    pub i: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub now_ms: i64,
}

/// A field of many records: null, or parts in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    parts: Option<Vec<Part>>,
}

impl Template {
    /// Kafka's null in every record.
    pub fn null() -> Self {
        Self { parts: None }
    }

    /// The same bytes in every record.
    pub fn constant(bytes: Vec<u8>) -> Self {
        Self { parts: Some(vec![Part::Literal(bytes)]) }
    }

    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let at = text.len() - after.len() - 2;
            let fault = |why| TemplateFault { spot: Spot::of(text, at), why };
            if !before.is_empty() {
                parts.push(Part::Literal(before.into()));
            }
            let (inside, behind) = split_at_end(after).ok_or_else(|| fault(TemplateMistake::NotClosed))?;
            parts.push(placeholder(inside).map_err(fault)?);
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

    /// Writes one record's bytes into the emptied buffer.
    pub fn fill(&self, moment: Moment, dice: &mut fastrand::Rng, out: &mut Vec<u8>) {
        out.clear();
        for part in self.parts.iter().flatten() {
            // Writing into memory does not fail.
            let _ = match part {
                Part::Literal(bytes) => out.write_all(bytes),
                Part::Number { start } => write!(out, "{}", start.saturating_add_unsigned(moment.i)),
                Part::Uuid => write_uuid(out, dice),
                Part::Now => write!(out, "{}", moment.now_ms),
                Part::NowIso => write!(out, "{}", rfc3339(moment.now_ms)),
                Part::Random { low, high, decimals } => write_decimal(out, dice.i64(*low..=*high), *decimals),
                Part::Choice(words) => out.write_all(words[dice.usize(..words.len())].as_bytes()),
            };
        }
    }
}

/// `2025-11-22T20:45:00.000Z` of a time in milliseconds since 1970; nothing beyond the year 9999, which has no such form.
pub fn iso(ms: i64) -> Option<String> {
    let mut text = String::new();
    write!(text, "{}", rfc3339(ms)).ok()?;
    Some(text)
}

fn rfc3339(ms: i64) -> humantime::Rfc3339Timestamp {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    humantime::format_rfc3339_millis(time)
}

/// A time as people and files write it: milliseconds since 1970, or `2025-11-22T20:45:00Z`.
pub fn parse_time(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(ms) = text.parse::<i64>() {
        return (ms >= 0).then_some(ms);
    }
    let time = humantime::parse_rfc3339_weak(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(time.as_millis()).ok()
}

/// The placeholder's inside and what comes behind; `}}` within quotes belongs to a word.
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

fn placeholder(inside: &str) -> Result<Part, TemplateMistake> {
    let inside = inside.trim();
    // A quoted text stands for itself: `{{"{{"}}` writes two braces.
    if let Some(literal) = inside.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Ok(Part::Literal(literal.into()));
    }
    let (name, arguments) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let arguments = words(arguments);
    let alone = |part: Part, name: &'static str| {
        if arguments.is_empty() { Ok(part) } else { Err(TemplateMistake::TakesNothing(name)) }
    };
    match name {
        "i" => match &arguments[..] {
            [] => Ok(Part::Number { start: 0 }),
            [start] => start.parse().map(|start| Part::Number { start }).map_err(|_| TemplateMistake::BadStart),
            _ => Err(TemplateMistake::BadStart),
        },
        "uuid" => alone(Part::Uuid, "uuid"),
        "now" => alone(Part::Now, "now"),
        "now_iso" => alone(Part::NowIso, "now_iso"),
        "random" => random(&arguments).ok_or(TemplateMistake::BadBounds),
        "choice" if arguments.is_empty() => Err(TemplateMistake::NoChoice),
        "choice" => Ok(Part::Choice(arguments)),
        other => Err(TemplateMistake::Unknown(other.to_owned())),
    }
}

/// Words between spaces; quotes hold several together.
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

/// `-1.5` with two decimals is -150.
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

/// Version 4: random.
fn write_uuid(out: &mut Vec<u8>, dice: &mut fastrand::Rng) -> std::io::Result<()> {
    let random = dice.u128(..);
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
        let template = Template::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
        let mut out = b"old".to_vec();
        template.fill(MOMENT, &mut fastrand::Rng::with_seed(1), &mut out);
        String::from_utf8(out).expect("text")
    }

    fn fault(text: &str) -> (usize, usize, TemplateMistake) {
        let fault = Template::parse(text).expect_err(text);
        (fault.spot.line, fault.spot.column, fault.why)
    }

    #[test]
    fn the_seeds_message_comes_byte_for_byte() {
        assert_eq!(filled(r#"{"id": {{i}}, "text": "messaggio {{i}}"}"#), r#"{"id": 7, "text": "messaggio 7"}"#);
    }

    #[test]
    fn braces_that_are_no_placeholder_stay() {
        assert_eq!(filled(r#"{"a": {"b": {}}}"#), r#"{"a": {"b": {}}}"#);
        assert_eq!(filled(r#"{{"{{"}}x}}"#), "{{x}}");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn numbers_times_and_choices() {
        assert_eq!(filled("{{ i }} {{i 100}} {{i -7}}"), "7 107 0");
        assert_eq!(filled("{{now}} {{now_iso}}"), "1763800000123 2025-11-22T08:26:40.123Z");
        assert!(["a", "b c", "}}"].contains(&filled(r#"{{choice a "b c" "}}"}}"#).as_str()));
        let uuid = filled("{{uuid}}");
        let shape: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((shape, &uuid[14..15]), (vec![8, 4, 4, 4, 12], "4"));
    }

    #[test]
    fn a_time_beyond_the_year_9999_has_no_text() {
        assert_eq!(iso(253_402_300_799_999).as_deref(), Some("9999-12-31T23:59:59.999Z"));
        for far in [253_402_300_800_000, 1_763_800_000_000_000, i64::MAX] {
            assert_eq!(iso(far), None, "{far}");
        }
    }

    #[test]
    fn random_numbers_stay_within_their_bounds_and_keep_their_decimals() {
        let template = Template::parse("{{random -1.5 1.50}}").expect("a template");
        let (mut dice, mut out) = (fastrand::Rng::with_seed(3), Vec::new());
        for _ in 0..1000 {
            template.fill(MOMENT, &mut dice, &mut out);
            let text = std::str::from_utf8(&out).expect("text");
            let value: f64 = text.parse().expect("a number");
            assert!((-1.5..=1.5).contains(&value) && text.split_once('.').is_some_and(|(_, d)| d.len() == 2), "{text}");
        }
        assert_eq!(filled("{{random 5 5}}"), "5");
    }

    #[test]
    fn a_mistake_says_where_it_is() {
        assert_eq!(fault("ab\n c{{nope}}"), (2, 3, TemplateMistake::Unknown("nope".into())));
        assert_eq!(fault("{{i"), (1, 1, TemplateMistake::NotClosed));
        assert_eq!(fault("{{}}"), (1, 1, TemplateMistake::Unknown(String::new())));
        assert_eq!(fault("è{{random 5 1}}"), (1, 2, TemplateMistake::BadBounds));
        assert_eq!(fault("{{random one two}}"), (1, 1, TemplateMistake::BadBounds));
        assert_eq!(fault("{{choice}}"), (1, 1, TemplateMistake::NoChoice));
        assert_eq!(fault("{{now 5}}"), (1, 1, TemplateMistake::TakesNothing("now")));
        assert_eq!(fault("{{i x}}"), (1, 1, TemplateMistake::BadStart));
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(parse_time("1763800000123"), Some(1_763_800_000_123));
        assert_eq!(parse_time(" 2025-11-22T08:26:40.123Z "), Some(1_763_800_000_123));
        assert_eq!(parse_time("2025-11-22 08:26:40"), Some(1_763_800_000_000));
        assert_eq!(parse_time("yesterday"), None);
        assert_eq!(parse_time("-5"), None);
    }
}
