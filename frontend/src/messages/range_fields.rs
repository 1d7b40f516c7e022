//! The two ends of a range that the user enters.

use leptos::prelude::*;

use crate::context::preferences;
use crate::i18n::Words;
use crate::messages::browse::Browse;
use page_model::{Bound, BoundKind, SearchField, SearchForm, SearchInputError};

type Word = fn(&'static Words) -> &'static str;

/// What one end of the range is called, and where it is in the form.
#[derive(Clone, Copy)]
struct End {
    field: SearchField,
    /// The kinds that the end may have, with their words.
    kinds: &'static [(BoundKind, Word)],
    label: Word,
    testids: [&'static str; 2],
}

const FROM: End = End {
    field: SearchField::From,
    kinds: &[
        (BoundKind::Open, |w| w.start_earliest),
        (BoundKind::Time, |w| w.start_time),
        (BoundKind::Offset, |w| w.start_offset),
        (BoundKind::Last, |w| w.start_last),
    ],
    label: |w| w.range_from,
    testids: ["from-kind", "from"],
};

const TO: End = End {
    field: SearchField::To,
    kinds: &[
        (BoundKind::Open, |w| w.start_latest),
        (BoundKind::Time, |w| w.start_time),
        (BoundKind::Offset, |w| w.start_offset),
    ],
    label: |w| w.range_to,
    testids: ["to-kind", "to"],
};

#[component]
pub fn RangeFields(browse: Browse) -> impl IntoView {
    view! {
        <RangeEnd browse=browse end=FROM />
        <RangeEnd browse=browse end=TO />
    }
}

#[component]
fn RangeEnd(browse: Browse, end: End) -> impl IntoView {
    let prefs = preferences();
    let of = move |form: &SearchForm| match end.field {
        SearchField::To => form.to.clone(),
        _ => form.from.clone(),
    };
    let change = move |change: &dyn Fn(&mut Bound)| {
        browse.form.update(|form| change(if end.field == SearchField::To { &mut form.to } else { &mut form.from }));
    };
    let bound = Memo::new(move |_| browse.form.with(of));
    let kind = Memo::new(move |_| bound.with(|bound| bound.kind));
    let is_invalid = move || browse.errors.with(|errors| errors.contains(&SearchInputError(end.field)));
    let text = move || {
        bound.with(|bound| match bound.kind {
            BoundKind::Time => bound.time_ms.map(|ms| browse.zone.to_field(ms)).unwrap_or_default(),
            _ => bound.number.clone(),
        })
    };
    // An open end needs no text, and the search starts at once.
    let choose = move |name: &str| {
        let kind = BoundKind::of(name);
        change(&|bound| *bound = Bound { kind, ..Bound::default() });
        if kind == BoundKind::Open {
            browse.run();
        }
    };
    let enter = move |text: String| {
        let time_ms = browse.zone.parse_field(&text);
        change(&|bound| match bound.kind {
            BoundKind::Time => bound.time_ms = time_ms,
            _ => bound.number.clone_from(&text),
        });
        browse.run();
    };
    view! {
        <span class="inline-field" class:fault=is_invalid>
            <label for=end.testids[0]>{prefs.text(end.label)}</label>
            <select
                id=end.testids[0]
                data-testid=end.testids[0]
                on:change=move |event| choose(&event_target_value(&event))
            >
                {end
                    .kinds
                    .iter()
                    .map(|&(of, word)| {
                        view! {
                            <option value=of.name() prop:selected=move || kind.get() == of>
                                {prefs.text(word)}
                            </option>
                        }
                    })
                    .collect::<Vec<_>>()}
            </select>
            <Show when=move || kind.get() != BoundKind::Open>
                <input
                    class="start-detail"
                    class:long=move || kind.get() == BoundKind::Time
                    type=move || if kind.get() == BoundKind::Time { "datetime-local" } else { "text" }
                    step="1"
                    inputmode=move || (kind.get() != BoundKind::Time).then_some("numeric")
                    data-testid=end.testids[1]
                    aria-label=prefs.text(end.label)
                    title=move || (kind.get() == BoundKind::Last).then(|| prefs.words().last_hint)
                    aria-invalid=move || is_invalid().to_string()
                    prop:value=text
                    on:change=move |event| enter(event_target_value(&event))
                />
            </Show>
        </span>
    }
}
