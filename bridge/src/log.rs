//! The log on standard error. Each event is one line, whatever its values contain; `server::log_throttle` limits how
//! many lines a client can cause.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use protocol::is_printable;
use tracing_subscriber::EnvFilter;

/// A longer line is truncated.
const MAX_LINE_BYTES: usize = 16 * 1024;

const ESCAPE: char = '\u{1b}';

/// The variable `PONTE_LOG` filters the events, in tracing's filter syntax.
pub fn start() {
    let filter = EnvFilter::try_from_env("PONTE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // At `trace`, the HTTP client logs what it sends, including secrets and tokens.
    let filter = filter.add_directive("ureq=info".parse().expect("a directive"));
    let has_colours = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || OneLine { has_colours })
        .with_target(false)
        .with_ansi(has_colours)
        .init();
}

/// Writes to standard error; tracing passes each event in one call.
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

/// Escapes line breaks and other characters that control a terminal. Escape characters are kept if the log is coloured:
/// those come from tracing, which escapes them in values.
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
        // Writing to a String cannot fail.
        let _ = write!(line, "… ({} more bytes)", text.len() - end);
    }
    Cow::Owned(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_one_line_without_terminal_control_characters() {
        assert_eq!(one_line("topic=città", false), "topic=città");
        assert_eq!(
            one_line("a\n2026 INFO audit: \u{1b}[2Jb\u{202e}c\u{9b}", false),
            "a\\n2026 INFO audit: \\u{1b}[2Jb\\u{202e}c\\u{9b}"
        );
        assert_eq!(one_line("\u{1b}[32m INFO\u{1b}[0m a\nb", true), "\u{1b}[32m INFO\u{1b}[0m a\\nb");
    }

    #[test]
    fn long_line_is_truncated() {
        let line = one_line(&"é".repeat(MAX_LINE_BYTES), false).into_owned();
        assert!(line.len() < MAX_LINE_BYTES + 40, "{} bytes", line.len());
        assert!(line.ends_with(&format!("… ({MAX_LINE_BYTES} more bytes)")), "{}", &line[line.len() - 40..]);
    }
}
