//! The menu with the assigned partitions: position, committed offset, end offset and lag of each, updated live.

use leptos::prelude::*;

use crate::context::navigation::group_href;
use crate::context::{preferences, store};
use crate::ui::format::number;
use crate::ui::menu::Menu;
use page_model::{PartitionProgress, ReadMode, ReadState};

#[component]
pub fn Partitions() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let partition_progress = Memo::new(move |_| store.read(|state| state.partition_progress()));
    let has_any = Memo::new(move |_| partition_progress.with(|partition_progress| !partition_progress.is_empty()));
    let is_group = Memo::new(move |_| store.read(|state| state.listening().intent().mode == ReadMode::Group));
    let several_topics = Memo::new(move |_| store.read(|state| state.listening().intent().topics.len() > 1));
    let group = Memo::new(move |_| store.read(|state| state.listening().intent().group.clone()));
    let lag = Memo::new(move |_| store.read(|state| state.listening().lag()));
    let rebalances = Memo::new(move |_| store.read(|state| u64::from(state.listening().rebalances())));
    // The rows are kept while their numbers change, so that a number can be selected and copied.
    let topic_partitions = Memo::new(move |_| {
        let topic_partition = |progress: &PartitionProgress| (progress.topic.clone(), progress.partition);
        partition_progress.with(|partition_progress| partition_progress.iter().map(topic_partition).collect::<Vec<_>>())
    });
    let line = move |topic_partition: (String, i32)| {
        let topic_partition = StoredValue::new(topic_partition);
        let of = move |read: &dyn Fn(&PartitionProgress) -> Option<String>| {
            let is_same = |progress: &&PartitionProgress| {
                topic_partition
                    .with_value(|(topic, partition)| (&progress.topic, &progress.partition) == (topic, partition))
            };
            partition_progress
                .with(|partition_progress| partition_progress.iter().find(is_same).and_then(read))
                .unwrap_or_else(|| "–".to_owned())
        };
        let name = move || {
            topic_partition.with_value(|(topic, partition)| match several_topics.get() {
                true => format!("{topic}-{partition}"),
                false => partition.to_string(),
            })
        };
        let lag = move || of(&|progress| Some(number(progress.lag()?, prefs.language())));
        view! {
            <tr data-testid="partition">
                <th scope="row">{name}</th>
                <td>{move || of(&|progress| Some(progress.position?.to_string()))}</td>
                <td class:off=move || {
                    !is_group.get()
                }>{move || of(&|progress| Some(progress.committed?.to_string()))}</td>
                <td>{move || of(&|progress| Some(progress.end?.to_string()))}</td>
                <td class:off=move || !is_group.get()>{lag}</td>
            </tr>
        }
    };
    view! {
        <Show when=move || has_any.get()>
            <Menu
                label=move || {
                    let n = partition_progress.with(Vec::len) as u64;
                    let words = prefs.words();
                    words.partitions_count.count(n, &n.to_string())
                }
                testid="partitions"
                class="small"
            >
                <table class="partitions">
                    <thead>
                        <tr>
                            <th scope="col">{prefs.text(|w| w.partition)}</th>
                            <th scope="col">{prefs.text(|w| w.position_next)}</th>
                            <th scope="col" class:off=move || !is_group.get()>
                                {prefs.text(|w| w.position_committed)}
                            </th>
                            <th scope="col">{prefs.text(|w| w.position_end)}</th>
                            <th scope="col" class:off=move || !is_group.get()>
                                {prefs.text(|w| w.lag)}
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || topic_partitions.get() key=Clone::clone children=line />
                    </tbody>
                </table>
                <p class="menu-note" data-testid="rebalances">
                    {move || {
                        let (words, n) = (prefs.words(), rebalances.get());
                        is_group.get().then(|| { words.rebalances_count.count(n, &n.to_string()) })
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
                title=move || group.with(|group| prefs.words().group_open_hint.with_group(group))
            >
                <b>{move || number(lag.get().unwrap_or(0), prefs.language())}</b>
                " "
                {prefs.text(|w| w.lag_word)}
            </a>
        </Show>
    }
}
