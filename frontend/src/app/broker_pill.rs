//! Shows whether Kafka responds, its address, and whether it is the demo broker.

use leptos::prelude::*;
use protocol::Cluster;

use crate::context::{preferences, store};
use page_model::ReadState;

#[component]
pub fn BrokerPill() -> impl IntoView {
    let (store, prefs) = (store(), preferences());
    // Without a connection to the bridge the state of Kafka is unknown.
    let cluster =
        Memo::new(move |_| store.read(|state| if state.link().is_open() { state.cluster().cloned() } else { None }));
    let state = Memo::new(move |_| store.read(|state| if state.kafka_is_up() { "up" } else { "down" }));
    let is_demo = Memo::new(move |_| cluster.with(|cluster| cluster.as_ref().is_some_and(|cluster| cluster.demo)));
    let parts = move || {
        let words = prefs.words();
        cluster.with(|cluster| match cluster {
            None => (words.broker_unknown.to_owned(), String::new()),
            Some(_) if state.get() == "down" => (words.broker_down.to_owned(), address(cluster.as_ref())),
            Some(cluster) if cluster.demo => (words.broker_demo.to_owned(), words.broker_demo_note.to_owned()),
            Some(known) => {
                let n = known.brokers.len() as u64;
                let count = words.broker_count.count(n, &n.to_string());
                (address(Some(known)), count)
            }
        })
    };
    let title = move || cluster.with(|cluster| address(cluster.as_ref()));
    view! {
        <span
            class="pill broker"
            data-testid="broker"
            data-state=move || state.get()
            data-demo=move || is_demo.get().to_string()
            data-known=move || cluster.with(Option::is_some).to_string()
            title=title
        >
            <i class="dot" aria-hidden="true"></i>
            <span class="pill-text">{move || parts().0}</span>
            <span class="pill-note">
                {move || Some(parts().1).filter(|note| !note.is_empty()).map(|note| format!("· {note}"))}
            </span>
        </span>
    }
}

/// The bootstrap addresses given to the bridge, else the first broker's address.
fn address(cluster: Option<&Cluster>) -> String {
    let Some(cluster) = cluster else { return String::new() };
    match cluster.brokers.first() {
        Some(broker) if cluster.bootstrap_servers.is_empty() => format!("{}:{}", broker.host, broker.port),
        _ => cluster.bootstrap_servers.clone(),
    }
}
