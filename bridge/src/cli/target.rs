//! Finds the Kafka broker for the terminal programs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Empty};
use protocol::{Cluster, ClusterName};
use tokio::net::TcpStream;

use super::http;
use super::output::print_message;
use crate::config::{DEFAULT_BOOTSTRAP_SERVERS, DEFAULT_LISTEN, KafkaArgs, KafkaTarget, TOKEN_VARIABLE};
use crate::serve::is_listening;
use kafka::admin::Admin;
use kafka::client_config::Connection;
use kafka::metadata_client::MetadataClient;

/// How long a broker may take to answer before the program gives up.
const KAFKA_WITHIN: Duration = Duration::from_secs(10);

/// How long a bridge on this machine may take to answer.
const BRIDGE_WITHIN: Duration = Duration::from_secs(2);

/// The given broker, else the local one, else the broker of a running bridge (such as its demo broker). It has
/// answered.
pub async fn find(args: &KafkaArgs) -> anyhow::Result<Connection> {
    Ok(connect(args).await?.0)
}

/// An admin client for the same broker.
pub async fn admin(args: &KafkaArgs) -> anyhow::Result<Admin> {
    let (connection, metadata_client) = connect(args).await?;
    // If it is a demo broker, it belongs to another process.
    Ok(Admin::new(Arc::new(metadata_client), connection, None))
}

/// The connection to the same broker, and the metadata client that reached it.
pub async fn connect(args: &KafkaArgs) -> anyhow::Result<(Connection, MetadataClient)> {
    let KafkaTarget { bootstrap_servers, properties, demo_cluster } = args.target()?;
    let bootstrap_servers = match bootstrap_servers {
        Some(named) => named,
        None if demo_cluster.is_some() => demo_broker_of_running_bridge(demo_cluster.as_ref()).await?,
        None if is_listening(DEFAULT_BOOTSTRAP_SERVERS).await => DEFAULT_BOOTSTRAP_SERVERS.to_owned(),
        None => broker_of_running_bridge().await?,
    };
    let mut connection = Connection::to(bootstrap_servers, properties)?;
    tokio::task::spawn_blocking(move || {
        let metadata_client =
            MetadataClient::new(&connection).context("cannot create a librdkafka client with these settings")?;
        if let Err(reason) = metadata_client.wait_for_answer(KAFKA_WITHIN) {
            bail!("{}", reason.message);
        }
        connection.demo = metadata_client.is_mock();
        if !connection.demo {
            connection.group_protocol.set(metadata_client.group_protocol(KAFKA_WITHIN));
        }
        Ok((connection, metadata_client))
    })
    .await?
}

async fn broker_of_running_bridge() -> anyhow::Result<String> {
    match tokio::time::timeout(BRIDGE_WITHIN, ask_bridge(None)).await {
        Ok(Ok(cluster)) if !cluster.bootstrap_servers.is_empty() => {
            let kind = if cluster.demo { "demo broker" } else { "Kafka" };
            print_message(&format!(
                "nothing listens on {DEFAULT_BOOTSTRAP_SERVERS}; using the {kind} of the bridge on {DEFAULT_LISTEN} ({})",
                cluster.bootstrap_servers
            ));
            Ok(cluster.bootstrap_servers)
        }
        _ => bail!(
            "no Kafka broker on {DEFAULT_BOOTSTRAP_SERVERS}, and no running bridge on {DEFAULT_LISTEN}.\n\
             Start Kafka (docker compose -f kafka_broker.yaml up -d), or the bridge (cargo run -p bridge), \
             or give a broker with --bootstrap-servers"
        ),
    }
}

/// The demo broker of a cluster of the configuration file, which runs inside a bridge.
async fn demo_broker_of_running_bridge(name: Option<&ClusterName>) -> anyhow::Result<String> {
    match tokio::time::timeout(BRIDGE_WITHIN, ask_bridge(name)).await {
        Ok(Ok(cluster)) if cluster.demo => Ok(cluster.bootstrap_servers),
        _ => bail!(
            "the cluster {:?} is a demo broker, which runs inside a bridge, and no bridge on {DEFAULT_LISTEN} has it; start the \
             bridge with the same configuration file, or choose another cluster with --cluster",
            name.map_or("", ClusterName::as_str)
        ),
    }
}

/// The cluster of this name of the running bridge, or its default one.
async fn ask_bridge(name: Option<&ClusterName>) -> anyhow::Result<Cluster> {
    let stream = TcpStream::connect(DEFAULT_LISTEN).await?;
    let path = name.map_or("/api/cluster".to_owned(), |name| format!("/api/cluster?cluster={name}"));
    let mut request = hyper::Request::get(path).header(hyper::header::HOST, DEFAULT_LISTEN);
    if let Ok(token) = std::env::var(TOKEN_VARIABLE) {
        request = request.header(hyper::header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Empty::<bytes::Bytes>::new())?;
    let body = http::send(stream, request).await?.into_body().collect().await?.to_bytes();
    protocol::from_json_bytes(&body).context("the program that listens there is not a bridge")
}
