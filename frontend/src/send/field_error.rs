//! The text and the position of a field's error.

use crate::i18n::{WithColumnLine, Words};
use page_model::{FieldError, Spot, TemplateErrorKind};

pub fn error_words(error: &FieldError, words: &Words) -> String {
    let at =
        |text: WithColumnLine, spot: &Spot| text.with_column_line(&spot.column.to_string(), &spot.line.to_string());
    match error {
        FieldError::Json(spot) => at(words.invalid_json, spot),
        FieldError::Base64(spot) => at(words.invalid_base64, spot),
        FieldError::Base64Ends => words.invalid_base64_end.to_owned(),
        FieldError::NoFile => words.no_file.to_owned(),
        FieldError::FileGone(name) => words.file_gone.with_name(name),
        FieldError::FirstJson(spot) => at(words.invalid_first_json, spot),
        FieldError::Template(error) => {
            let why = match &error.why {
                TemplateErrorKind::NotClosed => words.template_not_closed.to_owned(),
                TemplateErrorKind::Unknown(name) => words.template_unknown.with_name(name),
                TemplateErrorKind::NoArguments(name) => words.template_no_arguments.with_name(name),
                TemplateErrorKind::BadStart => words.template_bad_start.to_owned(),
                TemplateErrorKind::BadBounds => words.template_bad_bounds.to_owned(),
                TemplateErrorKind::NoChoice => words.template_no_choice.to_owned(),
            };
            format!("{}: {why}", at(words.line_and_column, &error.spot))
        }
    }
}

/// The position of the error in the field's text; `None` if the error has no position in it.
pub fn spot(error: &FieldError) -> Option<Spot> {
    match error {
        FieldError::Json(spot) | FieldError::Base64(spot) => Some(*spot),
        FieldError::Template(error) => Some(error.spot),
        _ => None,
    }
}
