//! What is read: each partition with how far the page, the group and Kafka are. Live.

use leptos::prelude::*;

use super::format::number;
use super::menu::Menu;
use super::{desk, preferences};
use crate::navigation::group_href;
use crate::words::{self, fill};
use page_model::{ReadMode, Reading};

#[component]
pub fn Partitions() -> impl IntoView {
    let (desk, prefs) = (desk(), preferences());
    let readings = Memo::new(move |_| {
        // Positions move with the records, the rest with what the bridge says.
        desk.counts(|_| ());
        desk.listening(|page| page.listening().readings())
    });
    let has_any = Memo::new(move |_| readings.with(|readings| !readings.is_empty()));
    let is_group = Memo::new(move |_| desk.listening(|page| page.listening().intent().mode == ReadMode::Group));
    let several_topics = Memo::new(move |_| desk.listening(|page| page.listening().intent().topics.len() > 1));
    let group = Memo::new(move |_| desk.listening(|page| page.listening().intent().group.clone()));
    let lag = Memo::new(move |_| desk.listening(|page| page.listening().lag()));
    let rebalances = Memo::new(move |_| desk.listening(|page| u64::from(page.listening().rebalances())));
    // Rows stay while their numbers change, so that one can be selected and copied.
    let places = Memo::new(move |_| {
        let place = |reading: &Reading| (reading.topic.clone(), reading.partition);
        readings.with(|readings| readings.iter().map(place).collect::<Vec<_>>())
    });
    let line = move |place: (String, i32)| {
        let place = StoredValue::new(place);
        let of = move |read: &dyn Fn(&Reading) -> Option<String>| {
            let is_it = |reading: &&Reading| {
                place.with_value(|(topic, partition)| (&reading.topic, &reading.partition) == (topic, partition))
            };
            readings.with(|readings| readings.iter().find(is_it).and_then(read)).unwrap_or_else(|| "–".to_owned())
        };
        let name = move || {
            place.with_value(|(topic, partition)| match several_topics.get() {
                true => format!("{topic}-{partition}"),
                false => partition.to_string(),
            })
        };
        let lag = move || of(&|reading| Some(number(reading.lag()?, prefs.language())));
        view! {
            <tr data-testid="partition">
                <th scope="row">{name}</th>
                <td>{move || of(&|reading| Some(reading.position?.to_string()))}</td>
                <td class:off=move || !is_group.get()>{move || of(&|reading| Some(reading.committed?.to_string()))}</td>
                <td>{move || of(&|reading| Some(reading.end?.to_string()))}</td>
                <td class:off=move || !is_group.get()>{lag}</td>
            </tr>
        }
    };
    view! {
        <Show when=move || has_any.get()>
            <Menu
                label=move || {
                    let n = readings.with(Vec::len) as u64;
                    let words = prefs.words();
                    words::count(words.partitions_one, words.partitions_many, n, &n.to_string())
                }
                testid="partitions"
                class="small"
            >
                <table class="partitions">
                    <thead>
                        <tr>
                            <th scope="col">{prefs.text(|w| w.partition)}</th>
                            <th scope="col">{prefs.text(|w| w.place_next)}</th>
                            <th scope="col" class:off=move || !is_group.get()>{prefs.text(|w| w.place_committed)}</th>
                            <th scope="col">{prefs.text(|w| w.place_end)}</th>
                            <th scope="col" class:off=move || !is_group.get()>{prefs.text(|w| w.lag)}</th>
                        </tr>
                    </thead>
                    <tbody><For each=move || places.get() key=Clone::clone children=line /></tbody>
                </table>
                <p class="menu-note" data-testid="rebalances">
                    {move || {
                        let (words, n) = (prefs.words(), rebalances.get());
                        is_group.get().then(|| {
                            words::count(words.rebalances_one, words.rebalances_many, n, &n.to_string())
                        })
                    }}
                </p>
            </Menu>
        </Show>
        <Show when=move || lag.get().is_some()>
            <a
                class="to-group"
                data-testid="lag"
                data-view=""
                data-lag=move || lag.get()
                href=move || group.with(|group| group_href(group))
                title=move || group.with(|group| fill(prefs.words().group_open_hint, &[("group", group)]))
            >
                <b>{move || number(lag.get().unwrap_or(0), prefs.language())}</b>
                " "
                {prefs.text(|w| w.lag_word)}
            </a>
        </Show>
    }
}
