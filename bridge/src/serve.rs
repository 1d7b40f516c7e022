//! Runs the bridge: chooses the broker, creates the parts, serves, and shuts down.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use protocol::{ClusterName, Defaults};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{BrokerChoice, Config, DEFAULT_BOOTSTRAP_SERVERS};
use crate::page::ASSETS;
use kafka::admin::Admin;
use kafka::client_config::Connection;
use kafka::cluster::watch_cluster;
use kafka::demo::DemoBroker;
use kafka::metadata_client::MetadataClient;
use kafka::producer::Producer;
use server::clusters::{Cluster, Clusters};
use server::descriptors::Budget;
use server::feeds::Feeds;
use server::http::{self, Guard};
use server::shutdown;
use server::token_attempts::TokenAttempts;
use server::traces;
use server::views::Views;
use server::websocket::{Gate, Sessions, Shared, Slots};

/// Serves on the listener until the token is cancelled, then shuts down.
pub async fn serve(config: Config, listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
    if let Some(settings) = &config.traces {
        traces::start(settings).context("traces")?;
    }
    let budget = Budget::prepare(config.sockets);
    let (connection, demo) = choose_broker(&config).await?;
    let address = listener.local_addr().context("cannot read the listener's address")?;
    let cluster = create_cluster(&connection, demo.clone(), budget.readers)?;
    let shared = Arc::new(Shared {
        clusters: Clusters::new(cluster),
        defaults: Defaults { topic: config.topic.to_string(), group: config.group.to_string(), start: config.start },
        read_only: config.read_only,
        token: config.token,
        token_attempts: TokenAttempts::default(),
        sessions: Sessions::default(),
        slots: Slots::new(budget.sockets),
        gate: Gate::new(),
        shutdown: shutdown.clone(),
        tasks: TaskTracker::new(),
    });
    let guard = Guard::new(address, &config.allowed_hosts, &config.allowed_origins);
    announce(&connection, address);
    if config.open {
        open_page(address);
    }
    http::serve(listener, guard, budget, ASSETS, Arc::clone(&shared)).await;
    shutdown::drain(shared).await;
    drop(demo);
    Ok(())
}

/// Creates every client of the only cluster.
fn create_cluster(
    connection: &Connection,
    demo: Option<Arc<DemoBroker>>,
    max_readers: usize,
) -> anyhow::Result<Cluster> {
    let metadata_client = Arc::new(MetadataClient::new(connection).context("cannot create a librdkafka client")?);
    let producer = Producer::new(connection, &metadata_client).context("cannot create a librdkafka producer")?;
    let state =
        watch_cluster(&metadata_client, connection).context("cannot start the thread that watches the cluster")?;
    let admin = Arc::new(Admin::new(Arc::clone(&metadata_client), connection.clone(), demo));
    Ok(Cluster {
        name: ClusterName::default(),
        producer,
        feeds: Feeds::new(connection.clone(), metadata_client, max_readers),
        views: Arc::new(Views::new(Arc::clone(&admin))),
        admin,
        statistics: connection.statistics(),
        state,
    })
}

/// The broker that the user gave, else the local one, else the demo broker.
async fn choose_broker(config: &Config) -> anyhow::Result<(Connection, Option<Arc<DemoBroker>>)> {
    let named = match &config.broker {
        BrokerChoice::Named(servers) => Some(servers.clone()),
        BrokerChoice::LocalOrDemo if is_listening(DEFAULT_BOOTSTRAP_SERVERS).await => {
            Some(DEFAULT_BOOTSTRAP_SERVERS.to_owned())
        }
        BrokerChoice::LocalOrDemo => {
            tracing::info!("nothing listens on {DEFAULT_BOOTSTRAP_SERVERS}: starting the demo broker");
            None
        }
        BrokerChoice::Demo => None,
    };
    if let Some(bootstrap_servers) = named {
        let mut connection = Connection::to(bootstrap_servers, config.kafka_properties.clone())?;
        connection.named_by_user = matches!(config.broker, BrokerChoice::Named(_));
        return Ok((connection, None));
    }
    if !config.kafka_properties.is_empty() {
        tracing::warn!("the demo broker ignores the properties of --kafka-config");
    }
    let demo = DemoBroker::start(&config.topic).context("cannot start the demo broker")?;
    tracing::warn!(
        bootstrap_servers = demo.bootstrap_servers(),
        "using the demo broker: its data is in memory and lost when the bridge stops"
    );
    // With the properties of a secured cluster the bridge could not connect to its own demo broker.
    let properties = config.kafka_properties.for_demo();
    let connection = Connection::to_demo(demo.bootstrap_servers().to_owned(), properties);
    Ok((connection, Some(Arc::new(demo))))
}

/// Whether something accepts connections at the address. If the connection attempt times out, nothing does.
pub(crate) async fn is_listening(address: &str) -> bool {
    const WITHIN: Duration = Duration::from_millis(500);
    matches!(tokio::time::timeout(WITHIN, tokio::net::TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// Prints the first line on standard output, which scripts wait for.
fn announce(connection: &Connection, address: std::net::SocketAddr) {
    let broker = if connection.demo {
        format!("demo broker (in memory) at {}", connection.bootstrap_servers)
    } else {
        format!("Kafka at {}", connection.bootstrap_servers)
    };
    println!("Ponte is listening on http://{address} · {broker}");
}

fn open_page(address: std::net::SocketAddr) {
    // An unspecified address cannot be opened in a browser.
    let url = match address {
        address if address.ip().is_unspecified() => format!("http://localhost:{}", address.port()),
        address => format!("http://{address}"),
    };
    if let Err(error) = open::that_detached(&url) {
        tracing::warn!(%error, "cannot open a browser; open {url}");
    }
}
