//! The bridge itself: the parts put together, from the broker that is chosen to the orderly end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use protocol::Defaults;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{BrokerChoice, Config, DEFAULT_BOOTSTRAP_SERVERS};
use crate::page::ASSETS;
use kafka::admin::Admin;
use kafka::client_config::Connection;
use kafka::cluster::watch_cluster;
use kafka::demo::DemoBroker;
use kafka::producer::Producer;
use kafka::questions::Questions;
use server::descriptors::Budget;
use server::feeds::Feeds;
use server::http::{self, Guard};
use server::shutdown;
use server::token_attempts::TokenAttempts;
use server::views::Views;
use server::websocket::{Gate, Sessions, Shared, Slots};

/// Serves on the listener until the token is cancelled, then ends in order.
pub async fn serve(config: Config, listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
    let budget = Budget::prepare(config.sockets);
    let (connection, demo) = choose_broker(&config).await?;
    let address = listener.local_addr().context("the listener has no address")?;
    let questions = Arc::new(Questions::new(&connection).context("librdkafka made no client")?);
    let producer = Arc::new(Producer::new(&connection, &questions).context("librdkafka made no producer")?);
    let cluster = watch_cluster(&questions, &connection).context("no thread to watch Kafka")?;
    let admin = Arc::new(Admin::new(Arc::clone(&questions), connection.clone(), demo.clone()));
    let shared = Arc::new(Shared {
        producer,
        feeds: Arc::new(Feeds::new(connection.clone(), questions, budget.readers)),
        views: Arc::new(Views::new(Arc::clone(&admin))),
        admin,
        cluster,
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

/// The broker that the user named, else the local one, else the demo broker.
async fn choose_broker(config: &Config) -> anyhow::Result<(Connection, Option<Arc<DemoBroker>>)> {
    let named = match &config.broker {
        BrokerChoice::Named(servers) => Some(servers.clone()),
        BrokerChoice::LocalOrDemo if answers(DEFAULT_BOOTSTRAP_SERVERS).await => {
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
        tracing::warn!("the demo broker is used without the properties of --kafka-config");
    }
    let demo = DemoBroker::start(&config.topic).context("the demo broker did not start")?;
    tracing::warn!(
        bootstrap_servers = demo.bootstrap_servers(),
        "this is the demo broker: in memory, gone when the bridge ends"
    );
    // Properties for a secured cluster would keep the bridge from reaching its own demo.
    let properties = config.kafka_properties.for_demo();
    let connection = Connection::to_demo(demo.bootstrap_servers().to_owned(), properties);
    Ok((connection, Some(Arc::new(demo))))
}

/// Whether something accepts connections there. A machine that silently drops them counts as nothing.
pub(crate) async fn answers(address: &str) -> bool {
    const WITHIN: Duration = Duration::from_millis(500);
    matches!(tokio::time::timeout(WITHIN, tokio::net::TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// The first line on standard output: scripts wait for it.
fn announce(connection: &Connection, address: std::net::SocketAddr) {
    let broker = if connection.demo {
        format!("demo broker (in memory) at {}", connection.bootstrap_servers)
    } else {
        format!("Kafka at {}", connection.bootstrap_servers)
    };
    println!("Ponte is listening on http://{address} · {broker}");
}

fn open_page(address: std::net::SocketAddr) {
    // An unspecified address is for listening, not for visiting.
    let url = match address {
        address if address.ip().is_unspecified() => format!("http://localhost:{}", address.port()),
        address => format!("http://{address}"),
    };
    if let Err(error) = open::that_detached(&url) {
        tracing::warn!(%error, "no browser could be opened; visit {url}");
    }
}
