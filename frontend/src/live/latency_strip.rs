//! The latency strip: page → bridge → Kafka → page, drawn as a bridge of three arches, with the latency of the last sent
//! record for each hop. The name of a part that is down is red, and its arches are broken.

use leptos::prelude::*;

use crate::context::{preferences, store};
use crate::i18n::Words;
use crate::ui::format::duration;
use page_model::{DeliveryFailure, Hop, LatencyStrip, Phase, ReadState};

#[derive(Clone, Copy, PartialEq)]
enum Health {
    Up,
    /// Connecting, or unknown.
    Unknown,
    Down,
}

impl Health {
    fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Unknown => "unknown",
            Self::Down => "down",
        }
    }

    fn of(is_up: bool, is_down: bool) -> Self {
        match (is_up, is_down) {
            (_, true) => Self::Down,
            (true, _) => Self::Up,
            _ => Self::Unknown,
        }
    }
}

#[component]
pub fn LatencyStripView() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let latency_strip = Memo::new(move |_| store.read(|state| state.latency_strip()));
    let bridge = Memo::new(move |_| {
        store.read(|state| Health::of(state.link().is_open(), matches!(state.link().name(), "waiting" | "closed")))
    });
    let kafka = Memo::new(move |_| store.read(|state| Health::of(state.kafka_is_up(), state.kafka_is_down())));
    let is_demo = Memo::new(move |_| store.read(|state| state.cluster().is_some_and(|cluster| cluster.demo)));
    let listens = Memo::new(move |_| store.read(|state| state.listening().phase() == Phase::Listening));
    let has_sent = Memo::new(move |_| store.read(|state| state.sends().last().is_some()));

    let page_note = move || {
        let (words, latency_strip) = (prefs.words(), latency_strip.get());
        match latency_strip {
            LatencyStrip { failure: Some(DeliveryFailure::Failed), .. } => words.state_failed.to_owned(),
            LatencyStrip { failure: Some(DeliveryFailure::Unknown), .. } => words.station_outcome_unknown.to_owned(),
            _ if !has_sent.get() => words.station_ready.to_owned(),
            LatencyStrip { hops: [Hop::InFlight, ..], .. } => words.station_in_flight.to_owned(),
            _ => words.station_sent.to_owned(),
        }
    };
    let bridge_note = move || {
        let words = prefs.words();
        match (bridge.get(), latency_strip.get().hops[1]) {
            (Health::Down, _) => words.station_not_connected,
            (Health::Unknown, _) => words.link_connecting,
            (Health::Up, Hop::Done { .. }) => words.station_forwarded,
            (Health::Up, Hop::InFlight) => words.station_in_flight,
            (Health::Up, Hop::Idle) => words.station_connected,
        }
    };
    let kafka_note = move || {
        let words = prefs.words();
        match (kafka.get(), latency_strip.get().position) {
            (Health::Down, _) => words.station_down.to_owned(),
            (Health::Unknown, _) => words.station_unknown.to_owned(),
            (Health::Up, Some((topic, partition, offset))) => format!("{topic}-{partition} @ {offset}"),
            (Health::Up, None) if is_demo.get() => words.station_demo.to_owned(),
            (Health::Up, None) => words.station_up.to_owned(),
        }
    };
    let back_note = move || {
        let words = prefs.words();
        match latency_strip.get().seen_after_ms {
            Some(ms) => words.station_seen.with_ms(&duration(ms, prefs.language())),
            None if listens.get() => words.station_listening.to_owned(),
            None => words.station_not_listening.to_owned(),
        }
    };
    let hop = move |at: usize| Signal::derive(move || latency_strip.get().hops[at]);
    let first_broken = Signal::derive(move || bridge.get() == Health::Down);
    let second_broken = Signal::derive(move || bridge.get() == Health::Down || kafka.get() == Health::Down);
    let page_health = Signal::derive(|| Health::Up);
    let kafka_health = Signal::derive(move || kafka.get());
    let bridge_health = Signal::derive(move || bridge.get());
    view! {
        <section class="latency-strip" aria-label=prefs.text(|w| w.latency_strip)>
            <Station name=|w| w.station_page explain=|w| w.explain_page health=page_health note=page_note />
            <HopView hop=hop(0) broken=first_broken />
            <Station name=|w| w.station_bridge explain=|w| w.explain_bridge health=bridge_health note=bridge_note />
            <HopView hop=hop(1) broken=second_broken />
            <Station name=|w| w.station_kafka explain=|w| w.explain_kafka health=kafka_health note=kafka_note />
            <HopView hop=hop(2) broken=second_broken />
            <Station name=|w| w.station_page explain=|w| w.explain_back health=page_health note=back_note />
        </section>
    }
}

/// One end of a hop: its name and state. A click opens an explanation.
#[component]
fn Station<N, T>(
    name: fn(&Words) -> &'static str,
    explain: fn(&Words) -> &'static str,
    #[prop(into)] health: Signal<Health>,
    note: N,
) -> impl IntoView
where
    N: Fn() -> T + Copy + Send + Sync + 'static,
    T: Into<String>,
{
    let prefs = preferences();
    let is_open = RwSignal::new(false);
    view! {
        <div class="station" data-state=move || health.get().name()>
            <button
                type="button"
                aria-expanded=move || is_open.get().to_string()
                on:click=move |_| is_open.update(|open| *open = !*open)
                on:blur=move |_| is_open.set(false)
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        is_open.set(false);
                    }
                }
            >
                <b>{move || name(prefs.words())}</b>
                <span class="station-note">{move || note().into()}</span>
            </button>
            <Show when=move || is_open.get()>
                <div class="popover" role="status">
                    {move || explain(prefs.words())}
                </div>
            </Show>
        </div>
    }
}

#[component]
fn HopView(hop: Signal<Hop>, broken: Signal<bool>) -> impl IntoView {
    let prefs = preferences();
    let state = move || match (broken.get(), hop.get()) {
        (true, _) => "broken",
        (_, Hop::Idle) => "idle",
        (_, Hop::InFlight) => "in-flight",
        (_, Hop::Done { .. }) => "done",
    };
    let time = move || match hop.get() {
        Hop::Done { ms } => duration(ms, prefs.language()),
        _ => String::new(),
    };
    view! {
        <div class="hop" data-state=state>
            <svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">
                <path class="deck" d="M0 1H100" />
                <path class="whole" d="M0 40C4 16 24 5 50 5S96 16 100 40" />
                <path class="left" d="M0 40C3.500 20 16 9 37 6" />
                <path class="right" d="M63 6C84 9 96.500 20 100 40" />
            </svg>
            <span class="hop-time">{time}</span>
        </div>
    }
}
