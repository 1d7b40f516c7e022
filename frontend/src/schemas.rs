//! Schemas: the subjects of the schema registry, one subject with its versions, and the form that registers a version.

pub mod blocked;
pub mod code_lines;
pub mod compare;
pub mod compatibility;
pub mod delete_buttons;
pub mod load;
pub mod reference_rows;
pub mod register_form;
pub mod schemas_view;
pub mod structure;
pub mod subject_view;
pub mod subjects;
pub mod uses;
pub mod version_view;
