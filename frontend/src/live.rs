//! The live view: listening, the list of records, the opened record, the filter.

pub mod detail;
pub mod empty;
pub mod export;
pub mod feed_list;
pub mod feed_toolbar;
pub mod filter_bar;
pub mod gap_line;
pub mod join_guard;
pub mod json_paths;
pub mod latency_strip;
pub mod list_notices;
pub mod list_settings;
pub mod list_view;
pub mod live_view;
pub mod masked_note;
pub mod partitions;
pub mod rate_charts;
pub mod record_row;
pub mod replay_actions;
pub mod value_view;
pub mod watch_fields;
pub mod watch_form;
pub mod watched_topics;
