//! What is wrong with a field, in words.

use crate::words::{Words, fill};
use page_model::{FieldFault, Spot, TemplateMistake};

pub fn fault_words(fault: &FieldFault, words: &Words) -> String {
    let at = |text: &str, spot: &Spot| {
        let (line, column) = (spot.line.to_string(), spot.column.to_string());
        fill(text, &[("line", &line), ("column", &column)])
    };
    match fault {
        FieldFault::Json(spot) => at(words.json_fault, spot),
        FieldFault::Base64(spot) => at(words.base64_fault, spot),
        FieldFault::Base64Ends => words.base64_ends.to_owned(),
        FieldFault::NoFile => words.no_file.to_owned(),
        FieldFault::FileGone(name) => fill(words.file_gone, &[("name", name)]),
        FieldFault::FirstJson(spot) => at(words.first_json_fault, spot),
        FieldFault::Template(fault) => {
            let why = match &fault.why {
                TemplateMistake::NotClosed => words.template_not_closed.to_owned(),
                TemplateMistake::Unknown(name) => fill(words.template_unknown, &[("name", name)]),
                TemplateMistake::TakesNothing(name) => fill(words.template_takes_nothing, &[("name", name)]),
                TemplateMistake::BadStart => words.template_bad_start.to_owned(),
                TemplateMistake::BadBounds => words.template_bad_bounds.to_owned(),
                TemplateMistake::NoChoice => words.template_no_choice.to_owned(),
            };
            format!("{}: {why}", at(words.place_in_text, &fault.spot))
        }
    }
}

/// Where in the field to look; nothing where the place is not in the text as it stands.
pub fn spot(fault: &FieldFault) -> Option<Spot> {
    match fault {
        FieldFault::Json(spot) | FieldFault::Base64(spot) => Some(*spot),
        FieldFault::Template(fault) => Some(fault.spot),
        _ => None,
    }
}
