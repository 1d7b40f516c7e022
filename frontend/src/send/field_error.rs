//! What is wrong with a field, in words.

use crate::i18n::{WithColumnLine, Words};
use page_model::{FieldError, Spot, TemplateErrorKind};

pub fn error_words(fault: &FieldError, words: &Words) -> String {
    let at =
        |text: WithColumnLine, spot: &Spot| text.with_column_line(&spot.column.to_string(), &spot.line.to_string());
    match fault {
        FieldError::Json(spot) => at(words.json_fault, spot),
        FieldError::Base64(spot) => at(words.base64_fault, spot),
        FieldError::Base64Ends => words.base64_ends.to_owned(),
        FieldError::NoFile => words.no_file.to_owned(),
        FieldError::FileGone(name) => words.file_gone.with_name(name),
        FieldError::FirstJson(spot) => at(words.first_json_fault, spot),
        FieldError::Template(fault) => {
            let why = match &fault.why {
                TemplateErrorKind::NotClosed => words.template_not_closed.to_owned(),
                TemplateErrorKind::Unknown(name) => words.template_unknown.with_name(name),
                TemplateErrorKind::NoArguments(name) => words.template_takes_nothing.with_name(name),
                TemplateErrorKind::BadStart => words.template_bad_start.to_owned(),
                TemplateErrorKind::BadBounds => words.template_bad_bounds.to_owned(),
                TemplateErrorKind::NoChoice => words.template_no_choice.to_owned(),
            };
            format!("{}: {why}", at(words.place_in_text, &fault.spot))
        }
    }
}

/// Where in the field to look; nothing where the place is not in the text as it stands.
pub fn spot(fault: &FieldError) -> Option<Spot> {
    match fault {
        FieldError::Json(spot) | FieldError::Base64(spot) => Some(*spot),
        FieldError::Template(fault) => Some(fault.spot),
        _ => None,
    }
}
