//! The differences between two versions, line by line: side by side on a wide screen, one below the other on a narrow one.

use leptos::html::Div;
use leptos::prelude::*;
use protocol::{SchemaRequest, SchemaResult};
use web_sys::HtmlElement;

use crate::context::{navigation, preferences};
use crate::i18n::Language;
use crate::schemas::load::{LoadProblem, Loaded};
use crate::schemas::subject_view::{OpenSubject, version_options};
use crate::ui::dom::{append, make, set};
use crate::ui::format::number;
use crate::ui::fresh::fresh;
use crate::ui::json_view::with_signs;
use page_model::{DiffLine, DiffPart, LineChange, diff_lines, diff_parts, readable_schema};

/// The URL parameter with the other version.
const WITH: &str = "with";

#[component]
pub fn Compare(subject: OpenSubject, schema: Loaded<SchemaResult>) -> impl IntoView {
    let (prefs, navigation) = (preferences(), navigation());
    let shown = schema.get_untracked().map_or(0, |schema| schema.version);
    let others = move || -> Vec<(u32, bool)> {
        let versions = subject.loaded.get().map(|subject| subject.versions.clone()).unwrap_or_default();
        let others = versions.into_iter().rev().filter(|version| version.version != shown);
        others.map(|version| (version.version, version.deleted)).collect()
    };
    // The one in the address, or the version before, or the next one.
    let other = Memo::new(move |_| {
        let others = others();
        let asked = navigation.detail(WITH).and_then(|version| version.parse::<u32>().ok());
        let is_known = |asked: &u32| others.iter().any(|(version, _)| version == asked);
        let before = || others.iter().map(|(version, _)| *version).find(|version| *version < shown);
        asked.filter(is_known).or_else(before).or_else(|| others.last().map(|(version, _)| *version))
    });
    let has_other = Memo::new(move |_| other.get().is_some());
    view! {
        <Show when=move || !has_other.get()>
            <p class="uses-note">{prefs.text(|w| w.compare_none)}</p>
        </Show>
        <Show when=move || has_other.get()>
            <div class="view-tools">
                <span class="inline-field">
                    <label for="schema-compare">{prefs.text(|w| w.compare_with)}</label>
                    <select
                        id="schema-compare"
                        data-testid="schema-compare"
                        prop:value=move || other.get().map(|version| version.to_string()).unwrap_or_default()
                        on:change=move |event| navigation.set_detail(WITH, event_target_value(&event))
                    >
                        {move || version_options(others(), other.get_untracked())}
                    </select>
                </span>
            </div>
        </Show>
        {fresh(move || match other.get() {
            Some(other) => view! { <Differences subject=subject schema=schema other=other /> }.into_any(),
            None => ().into_any(),
        })}
    }
}

#[component]
fn Differences(subject: OpenSubject, schema: Loaded<SchemaResult>, other: u32) -> impl IntoView {
    let prefs = preferences();
    let loaded = Loaded::open(move || SchemaRequest { subject: subject.name(), version: Some(other) });
    let body = NodeRef::<Div>::new();
    // Old and new version, and the numbers of removed and added lines.
    let counts = RwSignal::new(None::<(u32, u32, usize, usize)>);
    Effect::new(move |_| {
        let (Some(body), Some(one), Some(two)) = (body.get(), schema.get(), loaded.get()) else { return };
        let (old, new) = if one.version < two.version { (one, two) } else { (two, one) };
        let (old_text, new_text) = (readable_schema(old.language, &old.text), readable_schema(new.language, &new.text));
        let lines = diff_lines(&old_text, &new_text);
        let count = |change| lines.iter().filter(|line| line.change == change).count();
        counts.set(Some((old.version, new.version, count(LineChange::Removed), count(LineChange::Added))));
        body.set_text_content(None);
        for part in diff_parts(&lines) {
            append(&body, &part_element(&part, prefs.language()));
        }
    });
    let title = move || {
        let (old, new, ..) = counts.get()?;
        Some(prefs.words().diff_title.with_from_to(&old.to_string(), &new.to_string()))
    };
    let sum = move || {
        let (_, _, removed, added) = counts.get()?;
        let (words, language) = (prefs.words(), prefs.language());
        Some(match (removed, added) {
            (0, 0) => words.diff_same.to_owned(),
            _ => {
                let (added, removed) = (number(added as u64, language), number(removed as u64, language));
                words.diff_sum.with_added_removed(&added, &removed)
            }
        })
    };
    let count_of =
        move |of: fn((u32, u32, usize, usize)) -> usize| move || counts.get().map(|counts| of(counts).to_string());
    view! {
        <LoadProblem state=loaded.state loading=|w| w.schema_loading />
        <p class="facts-line" role="status">
            <b>{title}</b>
            <span>{sum}</span>
        </p>
        <div
            class="diff"
            data-testid="schema-diff"
            data-removed=count_of(|counts| counts.2)
            data-added=count_of(|counts| counts.3)
            tabindex="0"
            role="group"
            aria-label=prefs.text(|w| w.compare)
            node_ref=body
        ></div>
    }
}

fn part_element(part: &DiffPart<'_>, language: Language) -> HtmlElement {
    match part {
        DiffPart::Same(lines) => same(lines),
        DiffPart::Folded(lines) => {
            let folded = make("details", "diff-folded");
            let summary = make("summary", "");
            let n = lines.len() as u64;
            summary.set_text_content(Some(&language.unchanged_count.count(n, &number(n, language))));
            append(&folded, &summary);
            append(&folded, &same(lines));
            folded
        }
        DiffPart::Changed { removed, added } => {
            let both = make("div", "diff-part");
            for (tag, class, sign, lines) in [("del", "removed", "−", removed), ("ins", "added", "+", added)] {
                let side = make(tag, &format!("diff-side {class}"));
                for line in lines {
                    append(&side, &line_element(line, line.old_number.or(line.new_number), sign));
                }
                append(&both, &side);
            }
            both
        }
    }
}

/// Equal lines are in both columns. The second one is for the eye only, and not shown on a narrow screen.
fn same(lines: &[DiffLine<'_>]) -> HtmlElement {
    let both = make("div", "diff-part");
    let numbers: [fn(&DiffLine<'_>) -> Option<usize>; 2] = [|line| line.old_number, |line| line.new_number];
    for (at, number_of) in numbers.into_iter().enumerate() {
        let side = make("div", if at == 0 { "diff-side" } else { "diff-side again" });
        if at == 1 {
            set(&side, "aria-hidden", "true");
        }
        for line in lines {
            append(&side, &line_element(line, number_of(line), " "));
        }
        append(&both, &side);
    }
    both
}

fn line_element(line: &DiffLine<'_>, number: Option<usize>, sign: &str) -> HtmlElement {
    let row = make("div", "diff-line");
    let cell = |class: &str, text: &str| {
        let cell = make("span", class);
        cell.set_text_content(Some(text));
        append(&row, &cell);
    };
    cell("diff-number", &number.map(|number| number.to_string()).unwrap_or_default());
    cell("diff-sign", sign);
    // Tabs of Protobuf schemas are shown as such.
    cell("diff-text", &line.text.split('\t').map(with_signs).collect::<Vec<_>>().join("\t"));
    row
}
