//! Topics: the list, one topic, its settings and partitions.

pub mod create_topic;
mod sample_data;
pub mod setting_words;
pub mod topic_groups;
pub mod topic_partitions;
pub mod topic_settings;
pub mod topic_view;
pub mod topics_view;
