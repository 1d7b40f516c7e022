//! Consumer groups: the list, one group, the offset reset.

pub mod group_screen;
pub mod group_tables;
pub mod group_view;
pub mod groups_view;
pub mod lag_chart;
pub mod reset_form;
pub mod reset_panel;
