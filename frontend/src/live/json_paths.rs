//! The JSON paths of the filter. Their code is loaded when a filter first has one, or before that when the browser is idle.

use std::rc::Rc;

use futures_util::FutureExt;

use crate::ui::lazy::{SplitLoaderError, lazy_part};
use page_model::{InputError, JsonPath, ValueCondition};

/// What the loaded code can do.
pub struct JsonPaths {
    pub parse: fn(&str) -> Result<Rc<dyn ValueCondition>, InputError>,
    /// The form of RFC 9535, if the text is a shorthand.
    pub expanded_form: fn(&str) -> Option<String>,
}

lazy_part! {
    /// The parser of JSON paths and conditions.
    paths, load_json_paths, pub fn json_paths() -> Result<JsonPaths, SplitLoaderError> {
        Ok(JsonPaths { parse, expanded_form: JsonPath::expanded_form })
    }
}

fn parse(text: &str) -> Result<Rc<dyn ValueCondition>, InputError> {
    Ok(Rc::new(JsonPath::parse(text)?))
}

/// `None` until the code is loaded.
pub fn loaded_json_paths() -> Option<JsonPaths> {
    load_json_paths().now_or_never()?.ok()?;
    json_paths().now_or_never()?.ok()
}
