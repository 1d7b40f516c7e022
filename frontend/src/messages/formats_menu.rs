//! The menu with the formats in which keys and values are read. As in the live view, this browser keeps the choice for the topic.

use leptos::prelude::*;
use protocol::RecordPart;

use crate::context::preferences;
use crate::i18n::Words;
use crate::live::read_as::{format_groups, formats_label};
use crate::messages::browse::Browse;
use crate::ui::menu::Menu;
use page_model::{choose_format, format_mut};

#[component]
pub fn FormatsMenu(browse: Browse) -> impl IntoView {
    let prefs = preferences();
    let formats = Memo::new(move |_| browse.chosen_decode());
    let label = move || formats_label(formats.get(), prefs.words());
    let choose = move |part: RecordPart, format: &str| {
        let mut chosen = formats.get_untracked();
        choose_format(&mut chosen, part, format);
        browse.choose_decode(chosen);
    };
    let select = move |testid: &'static str, word: fn(&'static Words) -> &'static str, part: RecordPart| {
        view! {
            <label class="format-line">
                <span>{prefs.text(word)}</span>
                <select
                    data-testid=testid
                    prop:value=move || format_mut(&mut formats.get(), part).name()
                    on:change=move |event| choose(part, &event_target_value(&event))
                >
                    {format_groups()}
                </select>
            </label>
        }
    };
    view! {
        <div class="read-as" title=prefs.text(|w| w.read_as_hint)>
            <Menu label=label testid="search-read-as" class="">
                {select("search-key-format", |w| w.key_format, RecordPart::Key)}
                {select("search-value-format", |w| w.value_format, RecordPart::Value)}
                <p class="format-note">{prefs.text(|w| w.search_formats)}</p>
            </Menu>
        </div>
    }
}
