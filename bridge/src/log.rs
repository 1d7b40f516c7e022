//! The log on standard error, and the audit log. Each event is one line, whatever its values contain; `server::log_throttle` limits
//! how many lines a client can cause.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use protocol::is_printable;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::writer::OptionalWriter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::config::{ConfigError, LogArgs, LogFormat};
use crate::escape::{escaped, escaped_json};

/// A longer line is truncated.
const MAX_LINE_BYTES: usize = 16 * 1024;

const ESCAPE: char = '\u{1b}';

/// The target of events about what users do in Kafka: changes and refusals at the level INFO, joining groups and writing at DEBUG.
const AUDIT: &str = "audit";

/// Starts both logs. The variable `PONTE_LOG` filters the events on standard error, in tracing's filter syntax.
///
/// # Errors
/// If the file of the audit log cannot be opened.
pub fn start(args: &LogArgs) -> Result<(), ConfigError> {
    let audit = args.audit.as_deref().map(|path| AuditLog::open(path, args.log_format)).transpose()?;
    let filter = EnvFilter::try_from_env("PONTE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let shown_audit = ShownAudit::from_env();
    // At `trace`, the HTTP client logs what it sends, including secrets and tokens.
    let filter = filter.add_directive("ureq=info".parse().expect("a directive"));
    // A filter for all layers, because tracing-subscriber loses the first event if each layer has its own.
    let filter = match &audit {
        Some(_) => filter.add_directive("audit=debug".parse().expect("a directive")),
        None => filter,
    };
    let has_colours = args.log_format == LogFormat::Text && io::stderr().is_terminal();
    let writer = StandardError { has_colours, format: args.log_format, shown_audit };
    let layer = fmt::layer().with_writer(writer).with_target(false).with_ansi(has_colours);
    let layer = match args.log_format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(layer).with(audit).init();
    Ok(())
}

/// Which audit events the filter of `PONTE_LOG` lets through, since the audit log always needs all. A filter that names spans counts as
/// one that shows all of them.
struct ShownAudit {
    info: bool,
    debug: bool,
}

impl ShownAudit {
    fn from_env() -> Self {
        Self::with_filter(&std::env::var("PONTE_LOG").unwrap_or_default())
    }

    fn with_filter(text: &str) -> Self {
        let filter = if text.is_empty() { "info" } else { text };
        let shows = |level| filter.parse::<Targets>().map_or(true, |targets| targets.would_enable(AUDIT, &level));
        Self { info: shows(Level::INFO), debug: shows(Level::DEBUG) }
    }

    fn shows(&self, level: Level) -> bool {
        if level >= Level::DEBUG { self.debug } else { self.info }
    }
}

/// Checks the options without starting a log.
///
/// # Errors
/// If the file of the audit log cannot be opened. A missing file is not created.
pub fn check(args: &LogArgs) -> Result<(), ConfigError> {
    let Some(path) = &args.audit else { return Ok(()) };
    let failed = |source| ConfigError::AuditFile { file: path.clone(), source };
    match OpenOptions::new().append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            std::fs::read_dir(folder).map(drop).map_err(failed)
        }
        opened => opened.map(drop).map_err(failed),
    }
}

/// Writes events about changes in Kafka to the file of `--audit`. Lines are appended, so a tool that rotates logs by copying and
/// truncating can be used.
struct AuditLog {
    file: File,
    /// The last line was written in part only, so the next one begins on a new line.
    is_torn: AtomicBool,
    format: LogFormat,
}

impl AuditLog {
    fn open(path: &Path, format: LogFormat) -> Result<Self, ConfigError> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        // Names of topics, groups and clients are not for every user of the machine.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        let opened = options.open(path);
        let file = opened.map_err(|source| ConfigError::AuditFile { file: path.to_owned(), source })?;
        Ok(Self { file, is_torn: AtomicBool::new(false), format })
    }

    /// Appends the whole line with a single write, also if another process writes to the file.
    fn append(&self, line: &str) -> io::Result<()> {
        let line = match self.is_torn.load(Ordering::Relaxed) {
            true => Cow::Owned(format!("\n{line}")),
            false => Cow::Borrowed(line),
        };
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match (&self.file).write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = &rest[written..];
                    self.is_torn.store(!rest.is_empty(), Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<S: Subscriber> Layer<S> for AuditLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != AUDIT {
            return;
        }
        let mut fields = AuditFields::default();
        let mut timestamp = String::new();
        // Writing to a String cannot fail.
        let _ = SystemTime.format_time(&mut fmt::format::Writer::new(&mut timestamp));
        fields.add("timestamp", timestamp);
        event.record(&mut fields);
        let line = escaped_json(&serde_json::Value::Object(fields.0).to_string()).into_owned();
        if let Err(error) = self.append(&format!("{line}\n")) {
            // Not as an event, because this is called while one is logged.
            let message = format!("the audit log cannot be written: {error}");
            let shown = match self.format {
                LogFormat::Text => format!("ERROR {message}: {line}"),
                LogFormat::Json => {
                    let report = serde_json::json!({ "level": "ERROR", "message": message, "event": line });
                    escaped_json(&report.to_string()).into_owned()
                }
            };
            let _ = writeln!(io::stderr().lock(), "{shown}");
        }
    }
}

/// The fields of an event as JSON.
#[derive(Default)]
struct AuditFields(serde_json::Map<String, serde_json::Value>);

impl AuditFields {
    fn add(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for AuditFields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field.name(), format!("{value:?}"));
    }
}

/// The writer of each event on standard error.
struct StandardError {
    has_colours: bool,
    format: LogFormat,
    shown_audit: ShownAudit,
}

impl<'w> MakeWriter<'w> for StandardError {
    type Writer = OptionalWriter<OneLine>;

    fn make_writer(&'w self) -> Self::Writer {
        OptionalWriter::some(OneLine { has_colours: self.has_colours, format: self.format })
    }

    fn make_writer_for(&'w self, event: &Metadata<'_>) -> Self::Writer {
        match event.target() == AUDIT && !self.shown_audit.shows(*event.level()) {
            true => OptionalWriter::none(),
            false => self.make_writer(),
        }
    }
}

/// Writes to standard error; tracing passes each event in one call.
struct OneLine {
    has_colours: bool,
    format: LogFormat,
}

impl Write for OneLine {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let line = match self.format {
            LogFormat::Text => one_line(text, self.has_colours),
            LogFormat::Json => json_line(text),
        };
        io::stderr().lock().write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event as JSON; if it is too long, its beginning.
fn json_line(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_LINE_BYTES {
        return escaped_json(text);
    }
    // Escaping may double the length.
    let end = text.floor_char_boundary(MAX_LINE_BYTES / 2);
    let bytes = text.len();
    let event = serde_json::json!({ "message": "truncated event", "bytes": bytes, "begin": &text[..end] });
    Cow::Owned(escaped_json(&event.to_string()).into_owned())
}

/// Escapes line breaks and other characters that control a terminal. Escape characters are kept if the log is coloured:
/// those come from tracing, which escapes them in values.
fn one_line(text: &str, has_colours: bool) -> Cow<'_, str> {
    let is_shown = |character: char| is_printable(character) || (has_colours && character == ESCAPE);
    let end = text.floor_char_boundary(MAX_LINE_BYTES);
    let line = escaped(&text[..end], is_shown);
    match text.len() - end {
        0 => line,
        more => Cow::Owned(format!("{line}… ({more} more bytes)")),
    }
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
    fn standard_error_shows_the_audit_events_that_its_filter_lets_through() {
        for (filter, shown) in [
            ("", (true, false)),
            ("info", (true, false)),
            ("error", (false, false)),
            ("debug", (true, true)),
            ("error,audit=info", (true, false)),
            ("info,audit=debug", (true, true)),
        ] {
            let audit = ShownAudit::with_filter(filter);
            assert_eq!((audit.shows(Level::INFO), audit.shows(Level::DEBUG)), shown, "{filter:?}");
        }
    }

    #[test]
    fn long_line_is_truncated() {
        let line = one_line(&"é".repeat(MAX_LINE_BYTES), false).into_owned();
        assert!(line.len() < MAX_LINE_BYTES + 40, "{} bytes", line.len());
        assert!(line.ends_with(&format!("… ({MAX_LINE_BYTES} more bytes)")), "{}", &line[line.len() - 40..]);
    }

    #[test]
    fn json_has_no_characters_that_control_a_terminal() {
        let event = serde_json::json!({ "topic": "a\u{9b}2J\u{202e}b\u{7f}\u{2028}città" });
        let line = json_line(&event.to_string()).into_owned();
        assert!(line.chars().all(is_printable), "{line}");
        assert!(line.contains("\\u009b2J\\u202eb\\u007f") && line.contains("città"), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).expect("JSON"), event);
    }

    #[test]
    fn long_json_event_stays_json() {
        let event = format!(r#"{{"message":"{}"}}"#, "é\\n".repeat(MAX_LINE_BYTES));
        let line = json_line(&event).into_owned();
        assert!(line.len() <= MAX_LINE_BYTES + 100, "{} bytes", line.len());
        let parsed: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(parsed["bytes"], event.len());
        assert!(!line.contains('\n'));
    }
}
