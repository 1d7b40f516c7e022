//! The cluster: brokers, controller, under-replicated and offline partitions, and features.

use std::rc::Rc;

use leptos::prelude::*;
use protocol::{BrokerDetails, ClusterDetails, UnhealthyPartition, WatchCluster};

use crate::cluster::cluster_features::ClusterFeatures;
use crate::context::navigation::href;
use crate::context::settings::Preferences;
use crate::context::{preferences, store};
use crate::i18n::{Plural, WithN, Words};
use crate::ui::data_table::{DataTable, TableCell, TableColumn, TableRow, TableRows};
use crate::ui::format::number;
use crate::ui::lazy::lazy_part;
use crate::ui::redraw::RedrawWhenVisible;
use crate::ui::table_columns::{number_column, text_column};
use crate::ui::view_frame::{ApplyUpdate, Freshness, LoadingState, ViewStatus, ViewTitle};
use page_model::{Address, PartitionState, ReadState, Sort, View, partition_state, stable_sort};

const BROKERS: &[TableColumn] = &[
    text_column("broker", |w| w.broker, "88px", "64px"),
    text_column("address", |w| w.broker_address, "minmax(160px, 1fr)", "minmax(0, 1fr)"),
    text_column("state", |w| w.state, "144px", "96px"),
    TableColumn { hint: Some(|w| w.rack_hint), ..text_column("rack", |w| w.rack, "120px", "") },
    TableColumn { hint: Some(|w| w.version_hint), ..text_column("version", |w| w.version, "120px", "") },
    TableColumn { hint: Some(|w| w.leader_of_hint), ..number_column("leads", |w| w.leader_of, "104px", "") },
    TableColumn { hint: Some(|w| w.replica_count_hint), ..number_column("replicas", |w| w.replication, "104px", "") },
];

const UNHEALTHY: &[TableColumn] = &[
    text_column("topic", |w| w.topic, "minmax(180px, 1fr)", "minmax(0, 1fr)"),
    number_column("partition", |w| w.partition, "88px", "64px"),
    text_column("state", |w| w.state, "200px", "112px"),
    TableColumn { hint: Some(|w| w.leader_hint), can_sort: false, ..text_column("leader", |w| w.leader, "88px", "") },
    TableColumn {
        hint: Some(|w| w.replicas_on_hint),
        can_sort: false,
        ..text_column("replicas", |w| w.replicas_on, "136px", "")
    },
];

lazy_part! {
    /// The brokers and their features.
    cluster, load_cluster_view, pub fn cluster_view() -> LoadedView {
        Ok(view! { <ClusterView /> }.into_any())
    }
}

#[component]
fn ClusterView() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    let status = RwSignal::new(ViewStatus::Loading);
    let details = StoredValue::new_local(ClusterDetails::default());
    let redraw = RedrawWhenVisible::new();
    let is_known = RwSignal::new(false);
    store.open_view(WatchCluster {}, move |update| {
        if let Some(pushed) = status.apply_update(update, || ()) {
            details.set_value(pushed.details);
            is_known.set(true);
            redraw.notify();
        }
    });
    let brokers_sort = RwSignal::new(Sort::by("broker"));
    let broker_rows = TableRows {
        count: Rc::new(move || {
            redraw.track();
            let sort = brokers_sort.get();
            details.update_value(|details| sort_brokers(&mut details.brokers, sort));
            details.with_value(|details| details.brokers.len())
        }),
        row: Rc::new(move |row| {
            details.with_value(|details| {
                let broker = details.brokers.get(row);
                broker.map(|broker| broker_row(broker, details.controller, prefs)).unwrap_or_default()
            })
        }),
    };
    let unhealthy_sort = RwSignal::new(Sort { column: "state", is_descending: true });
    let unhealthy_rows = TableRows {
        count: Rc::new(move || {
            redraw.track();
            let sort = unhealthy_sort.get();
            details.update_value(|details| sort_unhealthy(&mut details.troubled, sort));
            details.with_value(|details| details.troubled.len())
        }),
        row: Rc::new(move |row| {
            details.with_value(|details| {
                let partition = details.troubled.get(row);
                partition.map(|partition| unhealthy_row(partition, prefs)).unwrap_or_default()
            })
        }),
    };
    let count_of = move |of: fn(&ClusterDetails) -> u32| {
        redraw.track();
        details.with_value(of)
    };
    let has_unhealthy = Memo::new(move |_| count_of(|d| d.troubled.len() as u32) > 0);
    let fact = move |of: fn(&ClusterDetails) -> u32, word: fn(&Words) -> Plural<WithN>| {
        move || {
            let n = u64::from(count_of(of));
            word(prefs.words()).count(n, &number(n, prefs.language()))
        }
    };
    let controller = move || {
        redraw.track();
        details.with_value(|details| details.controller.map(|id| id.to_string()))
    };
    let id = move || {
        let id = store.read(|state| state.cluster().and_then(|cluster| cluster.id.clone()));
        id.map(|id| prefs.words().cluster_id.with_id(&id))
    };
    // The bridge lists only the first unhealthy partitions.
    let part_note = move || {
        let listed = count_of(|d| d.troubled.len() as u32);
        let is_part = count_of(|d| d.under_replicated.max(d.offline)) > listed;
        is_part.then(|| prefs.words().unhealthy_part.with_n(&number(listed.into(), prefs.language())))
    };
    view! {
        <div class="view-head">
            <ViewTitle title=Signal::derive(move || prefs.words().nav_cluster.to_owned()) />
            <Freshness status=status />
        </div>
        <Show when=move || !is_known.get()>
            <LoadingState status=status loading=|w| w.cluster_loading />
        </Show>
        <Show when=move || is_known.get()>
            <div
                class="facts-line"
                data-testid="cluster-facts"
                data-controller=controller
                data-offline=move || count_of(|d| d.offline).to_string()
                data-under-replicated=move || count_of(|d| d.under_replicated).to_string()
            >
                <span>{fact(|d| d.brokers.len() as u32, |w| w.broker_count)}</span>
                <span>{fact(|d| d.topics, |w| w.topics_count)}</span>
                <span>{fact(|d| d.partitions, |w| w.partitions_count)}</span>
                <span class:warn=move || {
                    count_of(|d| d.under_replicated) != 0
                }>{fact(|d| d.under_replicated, |w| w.under_replicated_count)}</span>
                <span class:bad=move || count_of(|d| d.offline) != 0>{fact(|d| d.offline, |w| w.offline_count)}</span>
                <span class="mono clip">{id}</span>
            </div>
        </Show>
        <div class="table-place fits" hidden=move || !is_known.get()>
            <DataTable
                testid="brokers"
                row_testid="broker-row"
                label=|w| w.brokers
                columns=BROKERS
                sort=brokers_sort
                rows=broker_rows
            />
        </div>
        <Show when=move || is_known.get()>
            <div class="view-head second">
                <h3>{prefs.text(|w| w.unhealthy)}</h3>
                <span class="muted">{part_note}</span>
            </div>
        </Show>
        <Show when=move || is_known.get() && !has_unhealthy.get()>
            <p class="all-well" data-testid="all-well">
                <i class="dot" aria-hidden="true"></i>
                {prefs.text(|w| w.all_healthy)}
            </p>
        </Show>
        <div class="table-place" hidden=move || !has_unhealthy.get()>
            <DataTable
                testid="troubled"
                row_testid="troubled-row"
                label=|w| w.unhealthy
                columns=UNHEALTHY
                sort=unhealthy_sort
                rows=unhealthy_rows
            />
        </div>
        <Show when=move || is_known.get()>
            <ClusterFeatures details=details redraw=redraw />
        </Show>
    }
}

fn sort_brokers(brokers: &mut [BrokerDetails], sort: Sort) {
    stable_sort(brokers, |a, b| {
        let by_column = match sort.column {
            "address" => (&a.host, a.port).cmp(&(&b.host, b.port)),
            "state" => a.up.cmp(&b.up),
            "rack" => a.rack.cmp(&b.rack),
            "version" => a.version.cmp(&b.version),
            "leads" => a.leads.cmp(&b.leads),
            "replicas" => a.replicas.cmp(&b.replicas),
            _ => a.id.cmp(&b.id),
        };
        sort.order(by_column, a.id.cmp(&b.id))
    });
}

fn sort_unhealthy(troubled: &mut [UnhealthyPartition], sort: Sort) {
    stable_sort(troubled, |a, b| {
        let by_column = match sort.column {
            "topic" => a.topic.cmp(&b.topic),
            "partition" => a.partition.cmp(&b.partition),
            _ => state(a).cmp(&state(b)),
        };
        sort.order(by_column, (&a.topic, a.partition).cmp(&(&b.topic, b.partition)))
    });
}

fn state(partition: &UnhealthyPartition) -> PartitionState {
    partition_state(partition.leader, partition.replicas.len(), partition.in_sync.len())
}

fn broker_row(broker: &BrokerDetails, controller: Option<i32>, prefs: Preferences) -> TableRow {
    let (language, words) = (prefs.language_untracked(), prefs.words_untracked());
    let is_controller = controller == Some(broker.id);
    let state = match (broker.up, is_controller) {
        (false, _) => TableCell::text(words.broker_not_up).class("bad"),
        (_, true) => TableCell::text(words.controller).title(words.controller_hint).class("strong"),
        _ => TableCell::text(words.broker_up),
    };
    let address = if broker.host.is_empty() { "–".to_owned() } else { format!("{}:{}", broker.host, broker.port) };
    let version = match broker.version.as_deref() {
        None => "–".to_owned(),
        Some(version) if broker.version_or_newer => words.version_or_newer.with_version(version),
        Some(version) => version.to_owned(),
    };
    TableRow {
        cells: vec![
            TableCell::text(broker.id.to_string()).class("mono"),
            TableCell::text(address).class("mono"),
            state,
            TableCell::text(broker.rack.as_deref().unwrap_or("–")),
            TableCell::text(version),
            TableCell::text(number(broker.leads.into(), language)),
            TableCell::text(number(broker.replicas.into(), language)),
        ],
        data: vec![
            ("data-broker", broker.id.to_string()),
            ("data-up", broker.up.to_string()),
            ("data-version", broker.version.clone().unwrap_or_default()),
        ],
        class: "",
    }
}

fn unhealthy_row(partition: &UnhealthyPartition, prefs: Preferences) -> TableRow {
    let words = prefs.words_untracked();
    let list = |brokers: &[i32]| brokers.iter().map(i32::to_string).collect::<Vec<_>>().join(", ");
    let number = partition.partition.to_string();
    let address = Address::of(View::Topic(partition.topic.clone())).with("partition", &number);
    let state = match state(partition) {
        PartitionState::Offline => TableCell::text(words.partition_offline).class("bad"),
        _ => {
            let behind: Vec<i32> =
                partition.replicas.iter().copied().filter(|replica| !partition.in_sync.contains(replica)).collect();
            TableCell::text(words.not_in_sync.with_brokers(&list(&behind))).class("warn")
        }
    };
    TableRow {
        cells: vec![
            TableCell::link(&partition.topic, href(&address)).class("mono"),
            TableCell::text(number.clone()),
            state,
            TableCell::text(partition.leader.map_or_else(|| words.no_leader.to_owned(), |id| id.to_string())),
            TableCell::text(list(&partition.replicas)),
        ],
        data: vec![("data-topic", partition.topic.clone()), ("data-partition", number)],
        class: "",
    }
}
