//! The log on standard error: an event is one line, whatever a client put into it, and no client can make it grow without
//! end.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::is_printable;
use tracing_subscriber::EnvFilter;

/// A longer line is cut.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// How often one kind of refusal may have a line of its own.
const LINE_EVERY: Duration = Duration::from_secs(10);

const ESCAPE: char = '\u{1b}';

/// `PONTE_LOG` chooses what is written, in tracing's filter syntax.
pub fn start() {
    let filter = EnvFilter::try_from_env("PONTE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // At `trace` the HTTP client shows what goes over the wire: secrets and tokens.
    let filter = filter.add_directive("ureq=info".parse().expect("a directive"));
    let has_colours = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || OneLine { has_colours })
        .with_target(false)
        .with_ansi(has_colours)
        .init();
}

/// Standard error; tracing writes each event at once.
struct OneLine {
    has_colours: bool,
}

impl Write for OneLine {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = one_line(text.strip_suffix('\n').unwrap_or(&text), self.has_colours);
        io::stderr().lock().write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text without line breaks and other characters that a terminal obeys. The colours are ours: tracing escapes what
/// begins like one in a value.
fn one_line(text: &str, has_colours: bool) -> Cow<'_, str> {
    let is_shown = |character: char| is_printable(character) || (has_colours && character == ESCAPE);
    if text.len() <= MAX_LINE_BYTES && text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(MAX_LINE_BYTES);
    let mut line = String::with_capacity(end + 64);
    for character in text[..end].chars() {
        match is_shown(character) {
            true => line.push(character),
            false => line.extend(character.escape_debug()),
        }
    }
    if end < text.len() {
        // Writing to a String does not fail.
        let _ = write!(line, "… ({} more bytes)", text.len() - end);
    }
    Cow::Owned(line)
}

/// Whether a kind of event may have a line of the log now. A client that causes thousands of them has one every ten seconds,
/// with their number.
#[derive(Default)]
pub struct LogThrottle(Mutex<Throttled>);

#[derive(Default)]
struct Throttled {
    last_line: Option<Instant>,
    unlogged: u64,
}

impl LogThrottle {
    pub const fn new() -> Self {
        Self(Mutex::new(Throttled { last_line: None, unlogged: 0 }))
    }

    /// How many had no line since the last one that had; `None` when this one has none either.
    pub fn line(&self) -> Option<u64> {
        self.line_at(Instant::now())
    }

    fn line_at(&self, now: Instant) -> Option<u64> {
        let mut throttled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if throttled.last_line.is_some_and(|last| now.saturating_duration_since(last) < LINE_EVERY) {
            throttled.unlogged += 1;
            return None;
        }
        throttled.last_line = Some(now);
        Some(std::mem::take(&mut throttled.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_without_characters_that_a_terminal_obeys() {
        assert_eq!(one_line("topic=città", false), "topic=città");
        assert_eq!(
            one_line("a\n2026 INFO audit: \u{1b}[2Jb\u{202e}c\u{9b}", false),
            "a\\n2026 INFO audit: \\u{1b}[2Jb\\u{202e}c\\u{9b}"
        );
        assert_eq!(one_line("\u{1b}[32m INFO\u{1b}[0m a\nb", true), "\u{1b}[32m INFO\u{1b}[0m a\\nb");
    }

    #[test]
    fn a_line_has_a_bound() {
        let line = one_line(&"é".repeat(MAX_LINE_BYTES), false).into_owned();
        assert!(line.len() < MAX_LINE_BYTES + 40, "{} bytes", line.len());
        assert!(line.ends_with(&format!("… ({MAX_LINE_BYTES} more bytes)")), "{}", &line[line.len() - 40..]);
    }

    #[test]
    fn a_flood_has_a_line_every_ten_seconds_with_its_number() {
        let (throttle, start) = (LogThrottle::default(), Instant::now());
        let lines: Vec<_> = (0..2500).filter_map(|i| throttle.line_at(start + Duration::from_millis(10 * i))).collect();
        assert_eq!(lines, [0, 999, 999]);
    }
}
