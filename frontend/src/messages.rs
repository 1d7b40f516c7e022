//! The messages of a topic: browsed page by page, and searched in Kafka.

mod browse;
mod expression_help;
mod formats_menu;
mod found_list;
mod found_status;
pub mod messages_view;
mod range_fields;
mod search_bar;
mod time_zone;
mod timeline;
