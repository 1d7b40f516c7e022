//! Options of the log on standard error and of the audit log.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Args, Clone, Debug, Default)]
pub struct LogArgs {
    /// Format of the log on standard error
    #[arg(long, env = "PONTE_LOG_FORMAT", default_value = "text", value_name = "text|json")]
    pub log_format: LogFormat,

    /// File to which every change of topics, groups and offsets is appended, as one JSON object a line: who changed what, and what failed
    #[arg(long, env = "PONTE_AUDIT", value_name = "FILE")]
    pub audit: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
