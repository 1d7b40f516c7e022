//! Widgets that several features use: tables, dialogs, charts, menus, number formats, JSON.

pub mod chart;
pub mod column_heads;
pub mod confirm_dialog;
pub mod data_table;
pub mod dialog;
pub mod dom;
pub mod drop_zone;
pub mod empty_list;
pub mod explain;
pub mod field_text;
pub mod file_picker;
pub mod format;
pub mod fresh;
pub mod json_view;
pub mod keys;
pub mod lazy;
pub mod menu;
pub mod redraw;
pub mod table_columns;
pub mod uncopied;
pub mod view_frame;
pub mod virtual_rows;
