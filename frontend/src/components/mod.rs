//! One visible thing per file. Components get the desk and the preferences from the context, show what those say and pass
//! on what the user does; the rules are in `state`.

mod banner;
mod batch_findings;
mod batch_form;
mod broker_pill;
mod chart;
mod cluster_features;
mod cluster_view;
mod column_heads;
mod composer;
mod confirm_dialog;
mod connection_pill;
mod create_topic;
mod crossing;
mod data_table;
mod detail;
mod dialog;
mod empty;
mod error_text;
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
mod group_screen;
mod group_tables;
mod group_view;
mod groups_view;
mod header_rows;
mod join_guard;
mod json_view;
mod lag_chart;
mod learned;
mod list_notices;
mod list_settings;
mod list_view;
mod live;
mod menu;
mod one_form;
mod pace_chart;
mod partitions;
pub(crate) mod permissions;
mod record_fields;
mod replay_actions;
mod reset_form;
mod reset_panel;
mod row_pool;
mod run_card;
mod run_form;
mod saved_templates;
mod send_guard;
mod sent_list;
mod sent_waiting;
mod setting_words;
mod shortcuts;
mod toasts;
mod top_bar;
mod topic_groups;
mod topic_partitions;
mod topic_settings;
mod topic_view;
mod topics_view;
mod unanswered;
mod value_view;
mod view_frame;
mod watch_form;
mod watched_topics;

pub use banner::Banner;
pub use cluster_view::ClusterView;
pub use composer::Composer;
pub use confirm_dialog::{ConfirmDialog, Confirmations};
pub use crossing::CrossingStrip;
pub use groups_view::GroupsView;
pub use live::Live;
pub use shortcuts::Shortcuts;
pub use toasts::Toasts;
pub use top_bar::TopBar;
pub use topic_view::TopicView;
pub use topics_view::TopicsView;

use leptos::prelude::expect_context;

use crate::desk::Desk;
use crate::navigation::Navigation;
use crate::settings::Preferences;

/// All are provided by `App`, above every component.
pub(crate) fn desk() -> Desk {
    expect_context()
}

pub(crate) fn preferences() -> Preferences {
    expect_context()
}

pub(crate) fn navigation() -> Navigation {
    expect_context()
}

pub(crate) fn confirmations() -> Confirmations {
    expect_context()
}
