//! The configuration files of brokers and ZooKeeper.

use std::fmt::Write as _;
use std::path::Path;

use crate::secured::USER;
use crate::{Flavour, Purpose, Secured, TokenProvider};

/// The values of a broker's configuration.
pub(crate) struct Broker<'a> {
    pub id: u16,
    pub port: u16,
    /// The port in the metadata that clients get.
    pub advertised_port: u16,
    pub flavour: Flavour,
    pub purpose: Purpose,
    pub data: &'a Path,
    pub metadata: Metadata<'a>,
    pub secured: Option<&'a Secured>,
    pub token_provider: Option<&'a TokenProvider>,
    pub access_rules: bool,
    pub extra_properties: &'a str,
}

/// Where the broker's metadata is stored.
pub(crate) enum Metadata<'a> {
    /// The controller port of each node, in the order of node ids from 1.
    Controllers(&'a [u16]),
    Zookeeper {
        port: u16,
    },
}

impl Broker<'_> {
    pub(crate) fn to_properties(&self) -> String {
        let Self { id, port, advertised_port, .. } = self;
        let replicas = self.flavour.brokers().min(3);
        // One of three brokers may be down, and every acknowledged record is still on two.
        let in_sync = replicas.saturating_sub(1).max(1);
        let secured =
            |host: &str| self.secured.map(|secured| format!(",{}", secured.listeners(host))).unwrap_or_default();
        // The certificate is valid only for localhost.
        let (listeners, advertised) = (secured("127.0.0.1"), secured("localhost"));

        let mut text = format!(
            "log.dirs={}\n\
             auto.create.topics.enable=true\n\
             default.replication.factor={replicas}\n\
             min.insync.replicas={in_sync}\n\
             offsets.topic.replication.factor={replicas}\n\
             transaction.state.log.replication.factor={replicas}\n\
             transaction.state.log.min.isr={in_sync}\n",
            self.data.display()
        );
        match self.metadata {
            Metadata::Controllers(ports) => {
                let own = ports[usize::from(id - 1)];
                let voters: Vec<_> = (1..).zip(ports).map(|(id, port)| format!("{id}@127.0.0.1:{port}")).collect();
                let _ = write!(
                    text,
                    "node.id={id}\n\
                     process.roles=broker,controller\n\
                     listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{own}{listeners}\n\
                     advertised.listeners=PLAINTEXT://127.0.0.1:{advertised_port}{advertised}\n\
                     controller.listener.names=CONTROLLER\n\
                     controller.quorum.voters={}\n\
                     share.coordinator.state.topic.replication.factor={replicas}\n\
                     share.coordinator.state.topic.min.isr={in_sync}\n",
                    voters.join(",")
                );
            }
            Metadata::Zookeeper { port: zookeeper } => {
                let _ = write!(
                    text,
                    "broker.id={id}\n\
                     listeners=PLAINTEXT://127.0.0.1:{port}{listeners}\n\
                     advertised.listeners=PLAINTEXT://127.0.0.1:{advertised_port}{advertised}\n\
                     zookeeper.connect=127.0.0.1:{zookeeper}\n"
                );
            }
        }
        if let Some(secured) = self.secured {
            text.push_str(&secured.to_properties(self.token_provider));
        }
        if self.access_rules {
            let _ = write!(
                text,
                "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
                 super.users=User:ANONYMOUS;User:{USER}\n"
            );
        }
        if self.purpose == Purpose::Benchmarks {
            // A group starts without waiting for more members. Retention is checked every two seconds instead of every
            // five minutes, in which a producer at full speed could fill the disk.
            text.push_str(
                "group.initial.rebalance.delay.ms=0\noffsets.topic.num.partitions=4\nlog.retention.check.interval.ms=2000\n",
            );
        }
        if self.purpose == Purpose::Tests {
            // In this order: a group starts without waiting for more members; the first group does not wait for fifty
            // partitions to be created; compaction runs after half a second instead of fifteen; further below, a killed
            // broker's session times out, so that it can restart, after three seconds instead of nine (eighteen with
            // ZooKeeper).
            text.push_str(
                "group.initial.rebalance.delay.ms=0\noffsets.topic.num.partitions=4\nlog.cleaner.backoff.ms=500\n",
            );
            if matches!(self.metadata, Metadata::Controllers(_)) {
                // A killed member is removed from its group after ten seconds instead of 45, as with the classic
                // protocol.
                text.push_str("group.consumer.min.session.timeout.ms=6000\ngroup.consumer.session.timeout.ms=10000\n");
                text.push_str(
                    "group.consumer.min.heartbeat.interval.ms=1000\ngroup.consumer.heartbeat.interval.ms=2000\n",
                );
            }
            text.push_str(match self.metadata {
                Metadata::Controllers(_) => "broker.session.timeout.ms=3000\nbroker.heartbeat.interval.ms=500\n",
                Metadata::Zookeeper { .. } => "zookeeper.session.timeout.ms=3000\n",
            });
        }
        text.push_str(self.extra_properties);
        text
    }
}

pub(crate) fn zookeeper(port: u16, data: &Path, purpose: Purpose) -> String {
    // ZooKeeper checks for expired sessions once per tick.
    let tick_ms = if purpose == Purpose::Tests { 500 } else { 2000 };
    format!(
        "dataDir={}\n\
         clientPort={port}\n\
         clientPortAddress=127.0.0.1\n\
         tickTime={tick_ms}\n\
         admin.enableServer=false\n\
         4lw.commands.whitelist=ruok\n",
        data.display()
    )
}
