//! Sending: single records, runs, batches, templates.

pub mod batch_form;
pub mod batch_options;
pub mod batch_summary;
pub mod composer;
pub mod field_editor;
pub mod field_error;
pub mod form_choice;
pub mod header_rows;
pub mod more_button;
pub mod one_form;
pub mod record_fields;
pub mod run_card;
pub mod run_form;
pub mod saved_templates;
pub mod send_blocked;
pub mod send_fields;
pub mod send_form;
pub mod send_guard;
pub mod sent_list;
pub mod sent_waiting;
pub mod typed_checks;
pub mod typed_field;
pub mod typed_form;
pub mod typed_formats;
pub mod typed_requests;
pub mod typed_task;
