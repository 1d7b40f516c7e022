//! The timeline above the found records: how many records the topic has in each part of the range, and how many of them were
//! found. Dragging over it, or the keyboard, chooses the range of the search.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;
use protocol::{Action, Decode, Isolation, Object, Order, RangeBound, Search};
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::context::{preferences, store};
use crate::messages::browse::Browse;
use crate::ui::format::number;
use page_model::{
    Bound, BoundKind, ChosenBuckets, FoundRecords, RangeChoice, ReadState, RequestError, TimeBuckets, TopicTimes,
    needs_oldest, timeline_range,
};

/// The height of the drawing in its own units; `messages.css` has the height in px.
const HEIGHT: f64 = 50.0;
/// A bar of a bucket that is not empty is at least this high.
const LOWEST: f64 = 2.0;
/// The part of a bucket's width that is left free on each side of its bar.
const GAP: f64 = 0.09;
const PAGE_BUCKETS: i64 = 10;

/// What the bridge was asked to count.
#[derive(Clone, PartialEq)]
struct Plan {
    buckets: TimeBuckets,
    partitions: Vec<i32>,
    /// When the search was started: the same range is counted again for each search.
    started_ms: i64,
}

/// What the bridge has counted.
#[derive(Clone, PartialEq)]
struct Counted {
    buckets: TimeBuckets,
    counts: Vec<u64>,
}

/// The timestamp of the topic's oldest record.
#[derive(Clone, Copy, PartialEq)]
enum Oldest {
    Unknown,
    Asked,
    /// `None`: the topic has no record, or its oldest one has no timestamp.
    Known(Option<i64>),
}

#[component]
pub fn Timeline(browse: Browse) -> impl IntoView {
    let store = store();
    // The demo broker does not find offsets by time.
    let is_offered = Memo::new(move |_| {
        store.read(|state| {
            let may_describe = state.may(Action::Describe, &Object::Topic(&browse.topic.get_value()));
            may_describe && state.cluster().is_some_and(|cluster| !cluster.demo)
        })
    });
    move || is_offered.get().then(|| view! { <OfferedTimeline browse=browse /> })
}

#[component]
fn OfferedTimeline(browse: Browse) -> impl IntoView {
    let store = store();
    let oldest = ask_oldest(browse);
    let newest_ms = StoredValue::new(None::<i64>);
    let plan = Memo::new(move |_| {
        let (started_ms, oldest) = (browse.started_ms.get(), oldest.get());
        browse.read(|found| {
            let search = found.request()?;
            if found.waits_for_newest() {
                return None;
            }
            newest_ms.update_value(|newest| *newest = found.newer_than(*newest));
            let oldest_ms = if let Oldest::Known(oldest) = oldest { oldest } else { None };
            let times = TopicTimes { oldest_ms, newest_ms: newest_ms.get_value(), now_ms: started_ms };
            let (from, to) = timeline_range(search, &times)?;
            let buckets = TimeBuckets::covering(from, to, browse.zone.ahead_ms(from))?;
            Some(Plan { buckets, partitions: search.partitions.clone(), started_ms })
        })
    });
    let counted = RwSignal::new(None::<Counted>);
    let is_refused = RwSignal::new(false);
    Effect::new(move |_| {
        let Some(asked) = plan.get() else { return };
        let request = asked.buckets.request(&browse.topic.get_value(), &asked.partitions);
        store.request(request, move |reply| {
            // The view may be gone, or another search may have started.
            if plan.try_get_untracked().flatten().as_ref() != Some(&asked) {
                return;
            }
            match reply {
                Ok(result) => {
                    counted.set(Some(Counted { buckets: asked.buckets, counts: result.counts }));
                    is_refused.set(false);
                }
                Err(RequestError::Refused(_)) => is_refused.set(true),
                // The next search asks again.
                Err(RequestError::NotConnected | RequestError::ConnectionLost) => {}
            }
        });
    });
    let is_shown =
        Memo::new(move |_| !is_refused.get() && (counted.with(Option::is_some) || oldest.get() != Oldest::Known(None)));
    view! {
        <Show when=move || is_shown.get()>
            <Bars browse=browse counted=counted />
        </Show>
    }
}

/// Asks for the oldest record of the topic, once it is needed. A topic without records is asked again with the next search.
fn ask_oldest(browse: Browse) -> RwSignal<Oldest> {
    let store = store();
    let oldest = RwSignal::new(Oldest::Unknown);
    let asked = StoredValue::new(None);
    let forget = move || {
        if let Some(search) = asked.try_update_value(Option::take).flatten() {
            store.forget_search(search);
        }
    };
    Effect::new(move |_| {
        let is_started = browse.started_ms.get() > 0;
        let is_needed = browse.found.with_value(|found| found.request().is_some_and(needs_oldest));
        let is_known = matches!(oldest.get_untracked(), Oldest::Asked | Oldest::Known(Some(_)));
        if !is_started || !is_needed || is_known {
            return;
        }
        forget();
        oldest.set(Oldest::Asked);
        let search = Search {
            topics: vec![browse.topic.get_value()],
            partitions: Vec::new(),
            from: RangeBound::Earliest,
            to: RangeBound::Latest,
            filter: Box::default(),
            partitioner: None,
            order: Order::Oldest,
            count: 1,
            isolation: Isolation::Committed,
            decode: Decode::default(),
            cursor: None,
        };
        let first = StoredValue::new_local(FoundRecords::default());
        first.update_value(|first| first.begin(search.clone()));
        let search = store.start_search(&search, move |update| {
            let ended = first.try_update_value(|first| {
                first.apply(update);
                let found = first.rows().first().and_then(|row| row.record()?.timestamp);
                (!first.is_running())
                    .then(|| if first.error().is_some() { Oldest::Unknown } else { Oldest::Known(found) })
            });
            if let Some(ended) = ended.flatten() {
                oldest.try_set(ended);
            }
        });
        asked.set_value(search);
    });
    on_cleanup(forget);
    oldest
}

#[component]
fn Bars(browse: Browse, counted: RwSignal<Option<Counted>>) -> impl IntoView {
    let prefs = preferences();
    let buckets = Memo::new(move |_| counted.with(|counted| counted.as_ref().map(|counted| counted.buckets)));
    let has_filter =
        Memo::new(move |_| browse.read(|found| found.request().is_some_and(|request| !request.filter.is_empty())));
    let matches = Memo::new(move |_| match buckets.get().filter(|_| has_filter.get()) {
        Some(buckets) => browse.read(|found| buckets.count_of(found.rows())),
        None => Vec::new(),
    });
    let counts = move || counted.with(|counted| counted.as_ref().map_or(Vec::new(), |counted| counted.counts.clone()));
    let total = Memo::new(move |_| counts().iter().sum::<u64>());
    // The bucket under the pointer, or the chosen ones while the user chooses.
    let chosen = RwSignal::new(None::<ChosenBuckets>);
    let is_dragging = StoredValue::new(false);
    // After another range, the numbers of the buckets mean other times.
    Effect::new(move |_| {
        buckets.track();
        is_dragging.set_value(false);
        chosen.set(None);
    });
    let apply = move || {
        is_dragging.set_value(false);
        let (Some(chosen_buckets), Some(buckets)) = (chosen.get_untracked(), buckets.get_untracked()) else { return };
        chosen.set(None);
        let (from, to) = chosen_buckets.times(&buckets);
        let time = |ms| Bound { kind: BoundKind::Time, time_ms: Some(ms), number: String::new() };
        browse.change(|form| (form.range, form.from, form.to) = (RangeChoice::Custom, time(from), time(to)));
    };
    let clear = move |_| {
        browse.change(|form| {
            (form.range, form.from, form.to) = (RangeChoice::All, Bound::default(), Bound::default());
        });
    };
    let bucket_at = move |event: &PointerEvent| {
        let element: Element = event.current_target()?.dyn_into().ok()?;
        let rect = element.get_bounding_client_rect();
        let share = (f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0);
        Some(buckets.get_untracked()?.bucket_at(share))
    };
    let on_down = move |event: PointerEvent| {
        if event.button() != 0 {
            return;
        }
        let Some(bucket) = bucket_at(&event) else { return };
        if let Some(element) = event.current_target().and_then(|target| target.dyn_into::<Element>().ok()) {
            // Without it the drag ends where the pointer leaves the bars.
            let _ = element.set_pointer_capture(event.pointer_id());
        }
        is_dragging.set_value(true);
        chosen.set(Some(ChosenBuckets::one(bucket)));
    };
    let on_move = move |event: PointerEvent| {
        let Some(bucket) = bucket_at(&event) else { return };
        let before = chosen.get_untracked().filter(|_| is_dragging.get_value());
        let next = before.map_or(ChosenBuckets::one(bucket), |before| ChosenBuckets { cursor: bucket, ..before });
        if chosen.get_untracked() != Some(next) {
            chosen.set(Some(next));
        }
    };
    let abandon = move || {
        is_dragging.set_value(false);
        chosen.set(None);
    };
    let on_key = move |event: KeyboardEvent| {
        let Some(count) = buckets.get_untracked().map(|buckets| buckets.count) else { return };
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let steps = match event.key().as_str() {
            "ArrowLeft" | "ArrowDown" => -1,
            "ArrowRight" | "ArrowUp" => 1,
            "PageDown" => -PAGE_BUCKETS,
            "PageUp" => PAGE_BUCKETS,
            "Home" => i64::MIN,
            "End" => i64::MAX,
            "Enter" | " " => {
                event.prevent_default();
                return apply();
            }
            "Escape" if chosen.with_untracked(Option::is_some) => {
                event.prevent_default();
                return abandon();
            }
            _ => return,
        };
        event.prevent_default();
        let next = match chosen.get_untracked() {
            Some(before) => before.moved(steps, event.shift_key(), count),
            // The keyboard starts at the newest bucket.
            None => {
                ChosenBuckets::one(count.saturating_sub(1)).moved(if steps == -1 { 0 } else { steps }, false, count)
            }
        };
        chosen.set(Some(next));
    };
    let times = move |from: i64, to: i64| {
        let length = buckets.get().map_or(0, |buckets| buckets.length_ms);
        let (from, to) = (browse.zone.short(from, length), browse.zone.short(to, length));
        // The day is not repeated.
        let day = from.split_once(' ').map(|(day, _)| format!("{day} "));
        let to = day.and_then(|day| to.strip_prefix(&day).map(str::to_owned)).unwrap_or(to);
        format!("{from} → {to}")
    };
    let at_chosen = move |chosen: ChosenBuckets| {
        let (words, language) = (prefs.words(), prefs.language());
        let Some(buckets) = buckets.get() else { return String::new() };
        let (from, to) = chosen.times(&buckets);
        let count = chosen.sum(&counts());
        let mut text = format!("{} · {}", times(from, to), words.found_count.count(count, &number(count, language)));
        if has_filter.get() {
            let found = matches.with(|matches| chosen.sum(matches));
            text.push_str(&format!(" · {}", words.found_matches.count(found, &number(found, language))));
        }
        text
    };
    let whole = move || {
        let Some(buckets) = buckets.get() else { return prefs.words().loading.to_owned() };
        format!("{} · {}", times(buckets.from, buckets.to()), browse.zone.name(buckets.from, prefs.words()))
    };
    let is_cleared = Memo::new(move |_| browse.started_range.get() == RangeChoice::All);
    let head = move || match buckets.get() {
        Some(buckets) => prefs.words().timeline_per.with_length(&length_text(buckets.length_ms, prefs.language().code)),
        None => prefs.words().timeline.to_owned(),
    };
    let view_box = move || format!("0 0 {} {HEIGHT}", buckets.get().map_or(1, |buckets| buckets.count));
    let most = Memo::new(move |_| counts().into_iter().max().unwrap_or_default().max(1));
    let chosen_ends = move || chosen.get().map(|chosen| chosen.ends());
    view! {
        <section
            class="timeline"
            aria-label=prefs.text(|w| w.timeline)
            data-testid="timeline"
            data-state=move || if buckets.get().is_some() { "shown" } else { "loading" }
            data-from=move || buckets.get().map(|buckets| buckets.from.to_string())
            data-bucket-ms=move || buckets.get().map(|buckets| buckets.length_ms.to_string())
            data-buckets=move || buckets.get().map(|buckets| buckets.count.to_string())
            data-total=move || total.get().to_string()
            data-matches=move || matches.with(|matches| matches.iter().sum::<u64>()).to_string()
        >
            <div class="timeline-head">
                <span>
                    {head} <Show when=move || has_filter.get()>" · " <b>{prefs.text(|w| w.timeline_matches)}</b></Show>
                </span>
                <span class="timeline-at" data-testid="timeline-at">
                    {move || chosen.get().map_or_else(whole, at_chosen)}
                </span>
                <button
                    type="button"
                    class="link"
                    data-testid="timeline-clear"
                    disabled=move || is_cleared.get()
                    on:click=clear
                >
                    {prefs.text(|w| w.range_all)}
                </button>
            </div>
            <div
                class="timeline-bars"
                role="slider"
                tabindex="0"
                aria-label=prefs.text(|w| w.timeline)
                aria-description=prefs.text(|w| w.timeline_hint)
                aria-valuemin="0"
                aria-valuemax=move || buckets.get().map_or(0, |buckets| buckets.count.saturating_sub(1)).to_string()
                aria-valuenow=move || {
                    let last = || buckets.get().map_or(0, |buckets| buckets.count.saturating_sub(1));
                    chosen.get().map_or_else(last, |chosen| chosen.cursor).to_string()
                }
                aria-valuetext=move || {
                    chosen
                        .get()
                        .map_or_else(
                            || {
                                format!(
                                    "{} · {}",
                                    whole(),
                                    prefs.words().found_count.count(total.get(), &number(total.get(), prefs.language())),
                                )
                            },
                            at_chosen,
                        )
                }
                title=prefs.text(|w| w.timeline_hint)
                data-testid="timeline-bars"
                on:pointerdown=on_down
                on:pointermove=on_move
                on:pointerup=move |_| {
                    if is_dragging.get_value() {
                        apply();
                    }
                }
                on:pointerleave=move |_| {
                    if !is_dragging.get_value() {
                        chosen.set(None);
                    }
                }
                on:pointercancel=move |_| abandon()
                on:blur=move |_| abandon()
                on:keydown=on_key
            >
                <svg viewBox=view_box preserveAspectRatio="none" aria-hidden="true">
                    <rect
                        class="chosen"
                        x=move || chosen_ends().map_or(0, |(first, _)| first).to_string()
                        width=move || chosen_ends().map_or(0, |(first, last)| last - first + 1).to_string()
                        height=HEIGHT.to_string()
                    />
                    <path class="all" d=move || bars(&counts(), most.get()) />
                    <path class="matches" d=move || matches.with(|matches| bars(matches, most.get())) />
                </svg>
            </div>
        </section>
    }
}

/// The path of the bars; a bar of `most` has the whole height. Without a count, nothing is drawn.
fn bars(counts: &[u64], most: u64) -> String {
    let mut path = String::new();
    for (at, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        // The counts of the topic are approximate, so there may be more matches.
        let height = (HEIGHT * count as f64 / most as f64).clamp(LOWEST, HEIGHT);
        let (left, right) = (at as f64 + GAP, at as f64 + 1.0 - GAP);
        path.push_str(&format!("M{left:.2} {HEIGHT}V{:.1}H{right:.2}V{HEIGHT}Z", HEIGHT - height));
    }
    path
}

/// `15 min`, `1 day`, in the page's language.
fn length_text(ms: i64, code: &str) -> String {
    const UNITS: [(&str, i64); 4] = [("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1000)];
    let (unit, unit_ms) = UNITS.into_iter().find(|(_, unit_ms)| ms % unit_ms == 0).unwrap_or(UNITS[3]);
    let options = js_sys::Object::new();
    for (name, value) in [("style", "unit"), ("unit", unit), ("unitDisplay", "short")] {
        // It fails only for objects that cannot be changed.
        let _ = js_sys::Reflect::set(&options, &name.into(), &value.into());
    }
    let format = js_sys::Intl::NumberFormat::new(&js_sys::Array::of1(&code.into()), &options).format();
    let text = format.call1(&wasm_bindgen::JsValue::NULL, &((ms / unit_ms) as f64).into());
    text.ok().and_then(|text| text.as_string()).unwrap_or_default()
}
