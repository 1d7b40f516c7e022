//! The log on standard error: an event is one line, whatever a client put into it, and no client can make it grow without
//! end (`server::log_throttle`).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use protocol::is_printable;
use tracing_subscriber::EnvFilter;

/// A longer line is cut.
const MAX_LINE_BYTES: usize = 16 * 1024;

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
}
