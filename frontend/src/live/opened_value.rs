//! The value of the opened record, how it was read, and the switch between the decoded value and the original bytes.

use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::Words;
use crate::live::decode_note::DecodeNoteLine;
use crate::live::original_bytes::Original;
use crate::live::shown_bytes::ShownBytes;
use crate::live::value_view::ValueView;
use crate::ui::fresh::fresh;

#[component]
pub fn OpenedValue(shown: ShownBytes) -> impl IntoView {
    let prefs = preferences();
    // Why the original bytes are not shown although the user wants to see them.
    let missing = Memo::new(move |_| {
        let words = prefs.words();
        match shown.original.get() {
            Original::Gone => Some(words.raw_gone.to_owned()),
            Original::Failed(why) => Some(words.raw_failed.with_why(&why)),
            Original::Unknown | Original::Loading if shown.is_raw.get() => Some(words.loading.to_owned()),
            _ => None,
        }
    });
    // The state of a fetch that the user asked for by sending the record again does not create the value's elements again.
    let is_raw_shown = Memo::new(move |_| shown.is_raw.get() && matches!(shown.original.get(), Original::Known(_)));
    let view = fresh(move || {
        is_raw_shown.track();
        let waits = shown.is_raw.get() && !is_raw_shown.get();
        let head = head(shown);
        if waits {
            return view! { <div class="detail-value">{head}</div> }.into_any();
        }
        view! { <ValueView value=untrack(|| shown.value()) note=head /> }.into_any()
    });
    view! {
        <div class="opened-value">
            {view} <p class="raw-missing" role="status" data-testid="raw-missing">
                {move || missing.get()}
            </p>
        </div>
    }
}

/// How the value was read, and the switch.
fn head(shown: ShownBytes) -> AnyView {
    let prefs = preferences();
    let note = shown.entry.with_value(|entry| entry.record().and_then(|record| record.value_note.cloned()));
    let note = note.map(|note| view! { <DecodeNoteLine note=note testid="value-note" label=|w| w.note_value /> });
    let tab = move |is_raw: bool, testid: &'static str, word: fn(&'static Words) -> &'static str| {
        view! {
            <button
                type="button"
                data-testid=testid
                aria-pressed=move || (shown.is_raw.get() == is_raw).to_string()
                title=move || is_raw.then(|| prefs.words().show_raw_hint)
                on:click=move |_| shown.show(is_raw)
            >
                {prefs.text(word)}
            </button>
        }
    };
    let switch = (!shown.original.is_listed).then(|| {
        view! {
            <span class="forms" role="group" aria-label=prefs.text(|w| w.show_as)>
                {tab(false, "show-decoded", |w| w.show_decoded)}
                {tab(true, "show-raw", |w| w.show_raw)}
            </span>
        }
    });
    if note.is_none() && switch.is_none() {
        return ().into_any();
    }
    view! { <div class="value-read">{note} {switch}</div> }.into_any()
}
