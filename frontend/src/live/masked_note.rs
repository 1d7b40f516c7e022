//! What the user should know about a record with masked fields.

use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::Words;
use page_model::MaskedFields;

/// The id of the note, which describes the disabled buttons.
pub const MASKED_NOTE: &str = "masked-note";

/// Which fields the bridge hides. A subscription to several topics has one list for all of them.
pub fn masked_hint(masked: &MaskedFields) -> impl Fn(&Words) -> String + Send + use<> {
    let (names, is_of_several_topics) = (masked.paths().join(", "), masked.is_of_several_topics());
    move |words| (if is_of_several_topics { words.masked_maybe } else { words.masked_hint }).with_names(&names)
}

#[component]
pub fn MaskedNote(masked: MaskedFields) -> impl IntoView {
    let (prefs, hint) = (preferences(), masked_hint(&masked));
    view! {
        <p id=MASKED_NOTE class="masked-note" data-testid="detail-masked">
            {move || hint(prefs.words())}
            ". "
            {prefs.text(|w| w.masked_send)}
            "."
        </p>
    }
}
