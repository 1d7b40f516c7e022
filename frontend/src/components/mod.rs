//! One visible thing per file. Components get the desk and the preferences from the context, show what those say and pass
//! on what the user does; the rules are in `state`.

mod banner;
mod batch_findings;
mod batch_form;
mod broker_pill;
mod column_heads;
mod composer;
mod connection_pill;
mod crossing;
mod detail;
mod empty;
mod explain;
mod export;
mod feed_list;
mod feed_toolbar;
mod field_editor;
mod field_fault;
mod field_text;
mod filter_bar;
mod form_choice;
mod format;
mod gap_line;
mod header_rows;
mod json_view;
mod list_settings;
mod list_view;
mod live;
mod menu;
mod one_form;
mod pace_chart;
mod partitions;
mod record_fields;
mod replay_actions;
mod row_pool;
mod run_card;
mod run_form;
mod saved_templates;
mod sent_list;
mod shortcuts;
mod toasts;
mod top_bar;
mod value_view;
mod watch_form;

pub use banner::Banner;
pub use composer::Composer;
pub use crossing::CrossingStrip;
pub use live::Live;
pub use shortcuts::Shortcuts;
pub use toasts::Toasts;
pub use top_bar::TopBar;

use leptos::prelude::expect_context;

use crate::desk::Desk;
use crate::settings::Preferences;

/// Both are provided by `App`, above every component.
pub(crate) fn desk() -> Desk {
    expect_context()
}

pub(crate) fn preferences() -> Preferences {
    expect_context()
}
