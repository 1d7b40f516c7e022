//! Runs the bridge: chooses the broker, creates the parts, serves, and shuts down.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use protocol::Defaults;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::output;
use crate::config::{BrokerChoice, ClusterConfig, Config, DEFAULT_BOOTSTRAP_SERVERS, SignInConfig};
use crate::page::ASSETS;
use crate::reload::{ConfigurationFile, Reloader};
use crate::signals::Hangups;
use crate::{decoder, samples};
use kafka::admin::Admin;
use kafka::client_config::Connection;
use kafka::cluster::watch_cluster;
use kafka::demo::DemoBroker;
use kafka::metadata_client::MetadataClient;
use kafka::oauth::http::Roots;
use kafka::producer::Producer;
use serdes::Decoder;
use server::admission::{Admission, Tokens};
use server::clusters::{Cluster, Clusters};
use server::descriptors::Budget;
use server::feeds::{Feeds, ReaderLimit};
use server::http::{self, BasePath, Guard, Listening};
use server::search::Searches;
use server::shutdown;
use server::sign_in::{SignIn, SignInSettings};
use server::traces;
use server::views::Views;
use server::websocket::{Gate, LargeFrames, Sessions, Shared, Slots};

/// Serves on the listener until the token is cancelled, then shuts down.
pub async fn serve(
    config: Config,
    listener: TcpListener,
    hangups: Hangups,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if let Some(settings) = &config.traces {
        traces::start(settings).context("traces")?;
    }
    let budget = Budget::prepare(config.sockets, config.clusters.len());
    let address = listener.local_addr().context("cannot read the listener's address")?;
    let configuration = config.file.map(|file| ConfigurationFile {
        file,
        access: config.access.clone(),
        admits_everyone_without_users: config.token.is_none() && config.sign_in.is_none(),
    });
    let mut reloader = Reloader::new(config.token_file.as_deref(), config.certificate.clone(), configuration);
    let readers = ReaderLimit::new(budget.readers);
    let mut clusters = Vec::new();
    let mut brokers = Vec::new();
    // The demo brokers, which end when they are dropped.
    let mut demos = Vec::new();
    let max_message_bytes = config.max_message_bytes;
    let max_decoded_bytes = config.max_decoded_bytes;
    for config in config.clusters {
        let (connection, demo) = choose_broker(&config, max_message_bytes).await?;
        brokers.push((config.name.to_string(), broker(&connection)));
        if let Some(file) = config.kafka_config.as_ref().filter(|_| demo.is_none()) {
            reloader.add(file, &connection, config.kafka_properties.clone());
        }
        demos.extend(demo.clone());
        let samples = if demo.is_some() { samples::schemas() } else { Vec::new() };
        // Those of the configuration take precedence.
        let schemas = [config.schemas.as_slice(), &samples].concat();
        let decoder = Arc::new(decoder::create(config.registry.as_ref(), &schemas, max_decoded_bytes)?);
        reloader.add_schemas(config.name.clone(), &decoder, config.schemas.clone(), samples);
        clusters.push(create_cluster(config, &connection, demo, &readers, decoder)?);
    }
    let tokens = Tokens { access_token: config.token, users: config.access.users.clone() };
    let admission = Admission::new(tokens, config.access.policy());
    let admission = match config.sign_in {
        Some(sign_in) => admission.with_sign_in(create_sign_in(sign_in, &config.base_path)?),
        None => admission,
    };
    let shared = Arc::new(Shared {
        clusters: Clusters::new(clusters, config.default_cluster).context("no cluster is configured")?,
        admission,
        sessions: Sessions::default(),
        slots: Slots::new(budget.sockets),
        large_frames: LargeFrames::new(max_message_bytes),
        gate: Gate::new(),
        searches: Searches::new(config.searches),
        shutdown: shutdown.clone(),
        tasks: TaskTracker::new(),
    });
    let has_tls = config.certificate.is_some();
    let page_address = PageAddress { address, has_tls, base_path: config.base_path.clone() };
    let tls = match &config.certificate {
        Some(certificate) => Some(certificate.acceptor().context("cannot use TLS")?),
        None => None,
    };
    let listening = Listening {
        listener,
        guard: Guard::new(address, has_tls, &config.allowed_hosts, &config.allowed_origins),
        base_path: config.base_path,
        trusted_proxies: config.trusted_proxies,
        proxy_protocol: config.proxy_protocol,
        tls,
    };
    announce(&brokers, &page_address);
    if config.open {
        page_address.open();
    }
    tokio::spawn(reloader.run(Arc::clone(&shared), hangups, shutdown.clone()));
    http::serve(listening, budget, ASSETS, Arc::clone(&shared)).await;
    shutdown::drain(shared).await;
    drop(demos);
    Ok(())
}

/// Does not connect to the provider, which may come up later than the bridge.
fn create_sign_in(config: SignInConfig, base_path: &BasePath) -> anyhow::Result<Arc<SignIn>> {
    let roots = match &config.ca_file {
        Some(file) => {
            Roots::read(file).map_err(|error| anyhow::anyhow!("[sign-in] ca-file {}: {error}", file.display()))?
        }
        None => Roots::System,
    };
    let settings = SignInSettings {
        issuer: config.issuer,
        client_id: config.client_id,
        client_secret: config.client_secret.map(|secret| secret.0),
        url: config.url,
        base_path: base_path.clone(),
        scopes: config.scopes,
        name_claim: config.name_claim,
        roles_claim: config.roles_claim,
        lifetime: config.lifetime,
        roots,
    };
    let sign_in = SignIn::new(&settings).map_err(|error| anyhow::anyhow!("[sign-in] {error}"))?;
    Ok(Arc::new(sign_in))
}

/// Creates every client of a cluster. None of them waits for a broker.
fn create_cluster(
    config: ClusterConfig,
    connection: &Connection,
    demo: Option<Arc<DemoBroker>>,
    readers: &Arc<ReaderLimit>,
    decoder: Arc<Decoder>,
) -> anyhow::Result<Cluster> {
    let metadata_client = Arc::new(MetadataClient::new(connection).context("cannot create a librdkafka client")?);
    let producer = Producer::new(connection, &metadata_client).context("cannot create a librdkafka producer")?;
    let state =
        watch_cluster(&metadata_client, connection).context("cannot start the thread that watches the cluster")?;
    let admin = Arc::new(Admin::new(Arc::clone(&metadata_client), connection.clone(), demo));
    Ok(Cluster {
        name: config.name,
        colour: config.colour,
        read_only: config.read_only,
        defaults: Defaults { topic: config.topic.to_string(), group: config.group.to_string(), start: config.start },
        producer,
        record_limit: connection.record_limit(),
        feeds: Feeds::new(connection.clone(), metadata_client, readers),
        views: Arc::new(Views::new(Arc::clone(&admin))),
        admin,
        statistics: connection.statistics(),
        decoder,
        state,
    })
}

/// The broker that the user gave, else the local one, else the demo broker unless `--no-demo` forbids it.
async fn choose_broker(
    config: &ClusterConfig,
    max_message_bytes: usize,
) -> anyhow::Result<(Connection, Option<Arc<DemoBroker>>)> {
    let named = match &config.broker {
        BrokerChoice::Named(servers) => Some(servers.clone()),
        BrokerChoice::Local => Some(DEFAULT_BOOTSTRAP_SERVERS.to_owned()),
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
        connection.max_message_bytes = max_message_bytes;
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
    let mut connection = Connection::to_demo(demo.bootstrap_servers().to_owned(), properties);
    connection.max_message_bytes = max_message_bytes;
    Ok((connection, Some(Arc::new(demo))))
}

/// Whether something accepts connections at the address. If the connection attempt times out, nothing does.
pub(crate) async fn is_listening(address: &str) -> bool {
    const WITHIN: Duration = Duration::from_millis(500);
    matches!(tokio::time::timeout(WITHIN, tokio::net::TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// The broker in the first line on standard output.
fn broker(connection: &Connection) -> String {
    if connection.demo {
        format!("demo broker (in memory) at {}", connection.bootstrap_servers)
    } else {
        format!("Kafka at {}", connection.bootstrap_servers)
    }
}

/// Prints the first line on standard output, which scripts wait for. `brokers`: the broker of each cluster by name.
fn announce(brokers: &[(String, String)], page: &PageAddress) {
    let brokers = match brokers {
        [(_, only)] => only.clone(),
        several => {
            let named: Vec<String> = several.iter().map(|(name, broker)| format!("{name}: {broker}")).collect();
            named.join(" · ")
        }
    };
    if let Err(error) = output::print(&format!("Ponte is listening on {page} · {brokers}\n")) {
        tracing::warn!("{error:#}");
    }
}

/// The page's address on the listener, without any proxy in front.
struct PageAddress {
    address: SocketAddr,
    has_tls: bool,
    base_path: BasePath,
}

impl PageAddress {
    fn open(&self) {
        let url = self.for_browser();
        if let Err(error) = open::that_detached(&url) {
            tracing::warn!(%error, "cannot open a browser; open {url}");
        }
    }

    /// An unspecified address cannot be opened in a browser.
    fn for_browser(&self) -> String {
        match self.address.ip().is_unspecified() {
            true => self.with_host(&format!("localhost:{}", self.address.port())),
            false => self.to_string(),
        }
    }

    fn with_host(&self, host: &str) -> String {
        let scheme = if self.has_tls { "https" } else { "http" };
        let path = match self.base_path.is_root() {
            true => String::new(),
            false => self.base_path.to_string(),
        };
        format!("{scheme}://{host}{path}")
    }
}

impl fmt::Display for PageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_host(&self.address.to_string()))
    }
}
