//! File and text formats that the page and the terminal programs share: record templates, offset files, exported
//! records and times. This crate knows neither browser, terminal nor Kafka's client library.

mod base64_text;
mod batch_format;
mod batch_guess;
mod batch_reader;
mod csv_row;
mod export;
pub mod json_members;
mod offsets_csv;
mod spot;
mod template;
mod time;

pub use base64_text::{BadBase64, decode_base64};
pub use batch_format::{BatchChoice, BatchReading, CsvColumn, Entries, Format, Reason, SEPARATORS};
pub use batch_reader::{BatchEntry, BatchReader, LineError, Topics};
pub use export::{ExportRecord, FileFormat, json_line};
pub use offsets_csv::{OffsetsError, OffsetsErrorKind, OffsetsFile, parse_offsets, write_offsets};
pub use spot::Spot;
pub use template::{Moment, Template, TemplateError, TemplateErrorKind};
pub use time::{iso, parse_time};
