//! What is read: each partition with how far the page, the group and Kafka are. Live.

use leptos::prelude::*;

use super::format::number;
use super::menu::Menu;
use super::{desk, preferences};
use crate::navigation::group_href;
use crate::state::{ReadMode, Reading};
use crate::words::{self, fill};

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
    let figure = move |n: Option<i64>| n.map_or_else(|| "–".to_owned(), |n| n.to_string());
    let rows = move || {
        let line = |reading: Reading| {
            let name = match several_topics.get() {
                true => format!("{}-{}", reading.topic, reading.partition),
                false => reading.partition.to_string(),
            };
            let lag = reading.lag().map_or_else(|| "–".to_owned(), |lag| number(lag, prefs.language()));
            view! {
                <tr data-testid="partition">
                    <th scope="row">{name}</th>
                    <td>{figure(reading.position)}</td>
                    <td class:off=!is_group.get()>{figure(reading.committed)}</td>
                    <td>{figure(reading.end)}</td>
                    <td class:off=!is_group.get()>{lag}</td>
                </tr>
            }
        };
        readings.get().into_iter().map(line).collect::<Vec<_>>()
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
                    <tbody>{rows}</tbody>
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
