//! The menu in which the user chooses the formats of keys and values. The choice is kept for the topic, and part of the address.

use leptos::prelude::*;
use protocol::{Decode, RecordFormat, RecordPart};

use crate::context::preferences;
use crate::i18n::Words;
use crate::live::format_words::format_word;
use crate::live::own_schema::OwnSchema;
use crate::live::watch_fields::WatchFields;
use crate::ui::lazy::{Lazy, lazy_part};
use crate::ui::menu::Menu;
use page_model::{AUTO, FORMAT_GROUPS, FormatGroup, ReadMode, choose_format, format_mut};

#[component]
pub fn ReadAs(fields: WatchFields) -> impl IntoView {
    let prefs = preferences();
    let formats = Memo::new(move |_| fields.formats());
    let label = move || formats_label(formats.get(), prefs.words());
    view! {
        <div class="read-as" title=prefs.text(|w| w.read_as_hint)>
            <Menu label=label testid="read-as" class="">
                <Lazy preload=load_read_as view=move || read_as(fields) />
            </Menu>
        </div>
    }
}

lazy_part! {
    /// The contents of the menu.
    settings, load_read_as, pub fn read_as(fields: WatchFields) -> LoadedView {
        Ok(view! { <FormatSelects fields=fields /> }.into_any())
    }
}

#[component]
fn FormatSelects(fields: WatchFields) -> impl IntoView {
    let prefs = preferences();
    let hint = move || match fields.mode() {
        ReadMode::Watch => prefs.words().read_as_watch,
        ReadMode::Group => prefs.words().read_as_group,
    };
    let choose = move |part: RecordPart, format: &str| {
        let mut formats = untrack(|| fields.formats());
        choose_format(&mut formats, part, format);
        fields.choose_formats(formats);
    };
    let select = move |testid: &'static str, word: fn(&'static Words) -> &'static str, part: RecordPart| {
        view! {
            <label class="format-line">
                <span>{prefs.text(word)}</span>
                <select
                    data-testid=testid
                    aria-describedby="read-as-note"
                    prop:value=move || format_mut(&mut fields.formats(), part).name()
                    on:change=move |event| choose(part, &event_target_value(&event))
                >
                    {format_groups()}
                </select>
            </label>
            <OwnSchema fields=fields part=part />
        }
    };
    view! {
        {select("key-format", |w| w.key_format, RecordPart::Key)}
        {select("value-format", |w| w.value_format, RecordPart::Value)}
        <p id="read-as-note" class="format-note">
            {hint}
        </p>
    }
}

/// What the closed menu says about the formats.
pub fn formats_label(formats: Decode, words: &Words) -> String {
    match formats {
        AUTO => words.read_as.with_formats(words.read_as_auto),
        Decode { key, value, .. } => {
            words.read_as.with_formats(&words.read_as_both.with_key_value(key.name(), value.name()))
        }
    }
}

/// The formats that a list offers, in groups.
pub fn format_groups() -> impl IntoView {
    let prefs = preferences();
    let word = |group: FormatGroup, words: &'static Words| match group {
        FormatGroup::General => words.formats_general,
        FormatGroup::Schema => words.formats_schema,
        FormatGroup::Structured => words.formats_structured,
        FormatGroup::Numbers => words.formats_numbers,
    };
    let option = move |&format: &RecordFormat| {
        view! { <option value=format.name()>{move || format_word(format, prefs.words())}</option> }
    };
    FORMAT_GROUPS
        .into_iter()
        .map(|(group, formats)| {
            view! { <optgroup label=move || word(group, prefs.words())>{formats.iter().map(option).collect::<Vec<_>>()}</optgroup> }
        })
        .collect::<Vec<_>>()
}
