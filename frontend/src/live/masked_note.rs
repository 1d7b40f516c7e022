//! What the user should know about a record with masked fields.

use leptos::prelude::*;

use crate::context::preferences;
use page_model::MaskedFields;

/// The id of the note, which describes the disabled buttons.
pub const MASKED_NOTE: &str = "masked-note";

#[component]
pub fn MaskedNote(masked: MaskedFields) -> impl IntoView {
    let prefs = preferences();
    let names = masked.paths().join(", ");
    view! {
        <p id=MASKED_NOTE class="masked-note" data-testid="detail-masked">
            {move || prefs.words().masked_hint.with_names(&names)}
            ". "
            {prefs.text(|w| w.masked_send)}
            "."
        </p>
    }
}
