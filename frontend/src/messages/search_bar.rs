//! The form of a search: order, range, partitions, isolation level and filter.

use leptos::html::Input;
use leptos::prelude::*;
use protocol::{Isolation, Order};

use crate::context::error_text::error_text;
use crate::context::navigation::STARTS;
use crate::context::preferences;
use crate::i18n::Words;
use crate::messages::browse::Browse;
use crate::messages::expression_help::ExpressionHelp;
use crate::messages::formats_menu::FormatsMenu;
use crate::messages::range_fields::RangeFields;
use crate::topics::topic_view::watch_href;
use crate::ui::keys::focus_with_slash;
use page_model::{KeyPartitioner, RangeChoice, SearchField, SearchMode, Start, error_spot};

type Word = fn(&'static Words) -> &'static str;

/// The live view starts with this many last records of each partition.
const LAST: u64 = 100;

const RANGES: [(RangeChoice, Word); 7] = [
    (RangeChoice::All, |w| w.range_all),
    (RangeChoice::Minutes5, |w| w.range_5m),
    (RangeChoice::Hour, |w| w.range_1h),
    (RangeChoice::Day, |w| w.range_24h),
    (RangeChoice::Today, |w| w.range_today),
    (RangeChoice::Yesterday, |w| w.range_yesterday),
    (RangeChoice::Custom, |w| w.range_custom),
];

/// The kinds of filters, with the hint in the empty field.
const MODES: [(SearchMode, Word, Word); 5] = [
    (SearchMode::Expression, |w| w.mode_expression, |w| w.search_hint_expression),
    (SearchMode::Text, |w| w.mode_text, |w| w.search_hint_text),
    (SearchMode::Regex, |w| w.mode_regex, |w| w.search_hint_regex),
    (SearchMode::Key, |w| w.key, |w| w.search_hint_key),
    (SearchMode::Header, |w| w.headers, |w| w.search_hint_header),
];

#[component]
pub fn SearchBar(browse: Browse) -> impl IntoView {
    let prefs = preferences();
    let order = Memo::new(move |_| browse.form.with(|form| form.order));
    let range = Memo::new(move |_| browse.form.with(|form| form.range));
    let isolation = Memo::new(move |_| browse.form.with(|form| form.isolation));
    let has_error = move |fields: &'static [SearchField]| {
        browse.errors.with(|errors| errors.iter().any(|error| fields.contains(&error.0)))
    };
    let partitions_are_invalid = move || has_error(&[SearchField::Partitions]);
    let order_button = move |of: Order, testid: &'static str, word: Word| {
        view! {
            <button
                type="button"
                data-testid=testid
                aria-pressed=move || (order.get() == of).to_string()
                on:click=move |_| browse.change(|form| form.order = of)
            >
                {prefs.text(word)}
            </button>
        }
    };
    // Why the search did not start, or has failed.
    let fault = Memo::new(move |_| {
        let words = prefs.words();
        if has_error(&[SearchField::From, SearchField::To]) {
            return words.invalid_bound.to_owned();
        }
        if partitions_are_invalid() {
            return words.invalid_partitions.to_owned();
        }
        browse.read(|found| found.error().map(|error| error_text(error, words))).unwrap_or_default()
    });
    // The expression, with the character that the error is about.
    let marked_error = move || {
        let shown = browse.read(|found| {
            let expression = found.request()?.filter.expression.as_deref()?;
            let (before, at, after) = error_spot(expression, &found.error()?.message)?;
            let at = if at.trim().is_empty() { "\u{2423}" } else { at };
            Some([before, at, after].map(str::to_owned))
        });
        shown.map(|[before, at, after]| {
            view! {
                <p class="filter-fault mono" data-testid="search-fault-at" aria-hidden="true">
                    {before}
                    <mark>{at}</mark>
                    {after}
                </p>
            }
        })
    };
    let choose_range = move |name: &str| {
        let choice = RangeChoice::of(name).unwrap_or_default();
        if choice == RangeChoice::Custom {
            // The range stays as it is until an end is entered.
            browse.form.update(|form| form.range = choice);
        } else {
            browse.change(|form| form.range = choice);
        }
    };
    view! {
        <form class="view-tools search-bar" role="search" on:submit=move |event| event.prevent_default()>
            <div
                class="seg links"
                role="group"
                aria-label=prefs.text(|w| w.order_label)
                data-testid="order"
                data-value=move || if order.get() == Order::Newest { "newest" } else { "oldest" }
            >
                {order_button(Order::Newest, "order-newest", |w| w.order_newest)}
                {order_button(Order::Oldest, "order-oldest", |w| w.order_oldest)}
                <a
                    href=move || watch_href(&browse.topic.get_value(), Start::Last(LAST))
                    data-view=STARTS
                    data-testid="order-live"
                    title=prefs.text(|w| w.order_live_hint)
                >
                    {prefs.text(|w| w.live_title)}
                </a>
            </div>
            <select
                class="range"
                data-testid="range"
                aria-label=prefs.text(|w| w.range_label)
                on:change=move |event| choose_range(&event_target_value(&event))
            >
                {RANGES
                    .map(|(choice, word)| {
                        view! {
                            <option value=choice.name() prop:selected=move || range.get() == choice>
                                {prefs.text(word)}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
            <Show when=move || range.get() == RangeChoice::Custom>
                <RangeFields browse=browse />
            </Show>
            <span class="inline-field" class:fault=partitions_are_invalid>
                <label for="search-partitions">{prefs.text(|w| w.partitions_word)}</label>
                <input
                    id="search-partitions"
                    data-testid="search-partitions"
                    autocomplete="off"
                    aria-invalid=move || partitions_are_invalid().to_string()
                    placeholder=prefs.text(|w| w.partitions_all)
                    prop:value=move || browse.form.with(|form| form.partitions.clone())
                    on:change=move |event| browse.change(|form| form.partitions = event_target_value(&event))
                />
            </span>
            <select
                class="isolation"
                data-testid="isolation"
                aria-label=prefs.text(|w| w.isolation_label)
                title=prefs.text(|w| w.isolation_hint)
                on:change=move |event| {
                    let is_committed = event_target_value(&event) == "committed";
                    let chosen = if is_committed { Isolation::Committed } else { Isolation::Uncommitted };
                    browse.change(|form| form.isolation = chosen);
                }
            >
                <option value="committed">{prefs.text(|w| w.isolation_committed)}</option>
                <option value="uncommitted" prop:selected=move || isolation.get() == Isolation::Uncommitted>
                    {prefs.text(|w| w.isolation_uncommitted)}
                </option>
            </select>
            <FormatsMenu browse=browse />
            <FilterField browse=browse fault=fault />
        </form>
        <p id="search-fault" class="filter-fault" role="alert" data-testid="search-fault">
            {move || Some(fault.get()).filter(|fault| !fault.is_empty())}
        </p>
        {marked_error}
    }
}

/// With the partitioner of the producers, only the partition of the key is read.
#[component]
fn PartitionerSelect(browse: Browse) -> impl IntoView {
    let prefs = preferences();
    let chosen = Memo::new(move |_| browse.form.with(|form| form.partitioner));
    view! {
        <select
            data-testid="partitioner"
            aria-label=prefs.text(|w| w.partitioner)
            title=prefs.text(|w| w.partitioner_hint)
            on:change=move |event| {
                browse.form.update(|form| form.partitioner = KeyPartitioner::of(&event_target_value(&event)));
            }
        >
            {KeyPartitioner::ALL
                .map(|of| {
                    let word = move || match of {
                        KeyPartitioner::Murmur2 => "murmur2 (Java)",
                        KeyPartitioner::Crc32 => "crc32 (librdkafka)",
                        KeyPartitioner::Unknown => prefs.words().partitioner_unknown,
                    };
                    view! {
                        <option value=of.name() prop:selected=move || chosen.get() == of>
                            {word}
                        </option>
                    }
                })
                .collect_view()}
        </select>
    }
}

#[component]
fn FilterField(browse: Browse, fault: Memo<String>) -> impl IntoView {
    let prefs = preferences();
    let mode = Memo::new(move |_| browse.form.with(|form| form.mode));
    let can_stop = Memo::new(move |_| browse.can_stop());
    let field = NodeRef::<Input>::new();
    focus_with_slash(field);
    let hint = move || {
        let known = MODES.iter().find(|(of, ..)| *of == mode.get());
        known.map(|(.., hint)| hint(prefs.words()))
    };
    view! {
        <span class="search-field">
            <select
                data-testid="search-mode"
                aria-label=prefs.text(|w| w.search_mode)
                on:change=move |event| {
                    let chosen = SearchMode::of(&event_target_value(&event)).unwrap_or_default();
                    browse.form.update(|form| form.mode = chosen);
                }
            >
                {MODES
                    .map(|(of, word, _)| {
                        view! {
                            <option value=of.name() prop:selected=move || mode.get() == of>
                                {prefs.text(word)}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
            <Show when=move || mode.get() == SearchMode::Key>
                <PartitionerSelect browse=browse />
            </Show>
            <input
                type="search"
                class="mono"
                data-testid="search-expression"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                aria-label=prefs.text(|w| w.search_filter)
                aria-describedby="search-fault"
                aria-invalid=move || (!fault.with(String::is_empty)).to_string()
                placeholder=hint
                node_ref=field
                prop:value=move || browse.form.with(|form| form.text.clone())
                on:input=move |event| browse.form.update(|form| form.text = event_target_value(&event))
                // A form with several fields is not submitted by Enter without a button of that type.
                on:keydown=move |event| {
                    if event.key() == "Enter" {
                        event.prevent_default();
                        browse.run();
                    }
                }
            />
        </span>
        <Show when=move || mode.get() == SearchMode::Expression>
            <ExpressionHelp browse=browse />
        </Show>
        // One button, so that the focus stays on it.
        <button
            type="button"
            class="button search-run"
            class:primary=move || !can_stop.get()
            data-testid="search-run"
            data-state=move || if can_stop.get() { "running" } else { "idle" }
            on:click=move |_| if can_stop.get_untracked() { browse.stop() } else { browse.run() }
        >
            {move || if can_stop.get() { prefs.words().search_stop } else { prefs.words().search_filter }}
        </button>
    }
}
