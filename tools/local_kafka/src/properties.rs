//! The configuration files of brokers and of ZooKeeper.

use std::fmt::Write as _;
use std::path::Path;

use crate::secured::USER;
use crate::{Flavour, Purpose, Secured, TokenProvider};

/// What one broker's configuration depends on.
pub(crate) struct Broker<'a> {
    pub id: u16,
    pub port: u16,
    /// What clients are told to connect to.
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

/// Where a broker finds the cluster's metadata.
pub(crate) enum Metadata<'a> {
    /// The controller port of every node, in order of node id from 1.
    Controllers(&'a [u16]),
    Zookeeper {
        port: u16,
    },
}

impl Broker<'_> {
    pub(crate) fn to_properties(&self) -> String {
        let Self { id, port, advertised_port, .. } = self;
        let replicas = self.flavour.brokers().min(3);
        // One of three may be down and every acknowledged record is still on two.
        let in_sync = replicas.saturating_sub(1).max(1);
        let secured =
            |host: &str| self.secured.map(|secured| format!(",{}", secured.listeners(host))).unwrap_or_default();
        // The certificate names localhost, and nothing else.
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
            // A group's first member starts at once. The topics that are to lose old records do so soon: Kafka looks every five
            // minutes, in which a full-speed producer fills a disk.
            text.push_str(
                "group.initial.rebalance.delay.ms=0\noffsets.topic.num.partitions=4\nlog.retention.check.interval.ms=2000\n",
            );
        }
        if self.purpose == Purpose::Tests {
            // In order: a group's first member starts at once; the first group does not wait for fifty partitions to be made;
            // what compaction has to do it does soon, not every fifteen seconds; a killed broker is forgotten, and may come
            // back, after three seconds instead of nine (eighteen with ZooKeeper).
            text.push_str(
                "group.initial.rebalance.delay.ms=0\noffsets.topic.num.partitions=4\nlog.cleaner.backoff.ms=500\n",
            );
            if matches!(self.metadata, Metadata::Controllers(_)) {
                // A killed member of a group is forgotten after ten seconds, as with the classic protocol, instead of 45.
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
    // ZooKeeper looks for ended sessions once a tick.
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
