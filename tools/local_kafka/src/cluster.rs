//! A running cluster, which can be stopped, killed and restarted on the same ports and data, and queried with Kafka's
//! tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::installation::{Installation, kafka_dir};
use crate::process::{POLL_INTERVAL, ServerProcess};
use crate::properties::{self, Metadata};
use crate::{Flavour, Options, Ports, Purpose, Secured, TokenProvider, ports, probe};

/// A cluster starts in two to five seconds on an idle machine with two cores, and takes several times as long on a
/// loaded one.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// JVM options for little memory and fast start-up: these JVMs run for minutes and share a small machine.
const TEST_JVM: &[&str] = &["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
const DEVELOPMENT_JVM: &[&str] = &["-Xms128m", "-Xmx1g"];
const TOOL_JVM: &[&str] = &["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];

/// The log text of a broker that ZooKeeper refuses after its predecessor was killed: the predecessor's session has not
/// timed out yet, and the broker exits. Elsewhere a supervisor would start it again, which is what this module does
/// too.
const STILL_REGISTERED: &str = "KeeperErrorCode = NodeExists";

const BROKER_CLASS: &str = "kafka.Kafka";
const ZOOKEEPER_CLASS: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

/// A Kafka cluster on this machine. It stops when this value is dropped, unless it was detached.
pub struct Cluster {
    installation: Installation,
    // Declared before `zookeeper`, because fields are dropped in this order and a broker cannot shut down without
    // ZooKeeper.
    brokers: Vec<Node>,
    zookeeper: Option<Node>,
    secured: Option<Secured>,
    directory: Directory,
}

/// One process of a cluster, and what is needed to start it again.
pub struct Node {
    name: String,
    port: u16,
    class: &'static str,
    jvm: Vec<String>,
    properties: PathBuf,
    log: PathBuf,
    process: Option<ServerProcess>,
}

impl Installation {
    /// Starts a cluster and waits until every broker answers and knows all others.
    ///
    /// # Errors
    /// When a process ended or does not answer; the error has the end of its log.
    pub fn start(&self, options: &Options) -> Result<Cluster> {
        let flavour = self.flavour;
        let count = flavour.brokers();
        ensure!((1..=3).contains(&count), "a local cluster must have one to three brokers, not {count}");
        ensure!(options.advertised_port.is_none() || count == 1, "{count} brokers cannot share one advertised port");
        ensure!(!options.secured || count == 1, "{count} brokers cannot share one set of secured ports");

        let directory = Directory::new(options.directory.clone())?;
        let ports = PortPlan::choose(flavour, options.ports)?;
        let secured = options.secured.then(|| Secured::prepare(&directory.path)).transpose()?;
        let jvm = if options.purpose == Purpose::Tests { TEST_JVM } else { DEVELOPMENT_JVM };
        let jvm = jvm.iter().map(|&option| option.to_owned());
        let jvm: Vec<String> = jvm.chain(options.token_provider.as_ref().map(TokenProvider::system_property)).collect();
        let node = |name: String, port: u16, class: &'static str| Node {
            properties: directory.path.join(format!("{name}.properties")),
            log: directory.path.join(format!("{name}.log")),
            process: None,
            name,
            port,
            class,
            jvm: jvm.clone(),
        };

        let zookeeper = (flavour == Flavour::Zookeeper)
            .then(|| -> Result<Node> {
                let node = node("zookeeper".into(), ports.metadata[0], ZOOKEEPER_CLASS);
                write(
                    &node.properties,
                    &properties::zookeeper(node.port, &directory.path.join("zookeeper"), options.purpose),
                )?;
                Ok(node)
            })
            .transpose()?;
        let mut brokers = Vec::new();
        for (id, &port) in (1..).zip(&ports.brokers) {
            let node = node(format!("broker-{id}"), port, BROKER_CLASS);
            let data = directory.path.join(&node.name);
            let metadata = match zookeeper {
                Some(_) => Metadata::Zookeeper { port: ports.metadata[0] },
                None => Metadata::Controllers(&ports.metadata),
            };
            let advertised_port = options.advertised_port.unwrap_or(port);
            let broker = properties::Broker {
                id,
                port,
                advertised_port,
                flavour,
                purpose: options.purpose,
                data: &data,
                metadata,
                secured: secured.as_ref(),
                token_provider: options.token_provider.as_ref(),
                access_rules: options.access_rules,
                extra_properties: &options.extra_properties,
            };
            write(&node.properties, &broker.to_properties())?;
            brokers.push(node);
        }

        let mut cluster = Cluster { installation: self.clone(), brokers, zookeeper, secured, directory };
        if flavour != Flavour::Zookeeper {
            cluster.format_storage()?;
        }
        cluster.restart()?;
        Ok(cluster)
    }
}

impl Cluster {
    #[must_use]
    pub fn flavour(&self) -> Flavour {
        self.installation.flavour
    }

    /// The addresses of all brokers, separated by commas.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        let addresses: Vec<_> = self.brokers.iter().map(|broker| format!("127.0.0.1:{}", broker.port)).collect();
        addresses.join(",")
    }

    #[must_use]
    pub fn brokers(&self) -> &[Node] {
        &self.brokers
    }

    /// The secured listeners, if the cluster was started with them.
    #[must_use]
    pub fn secured(&self) -> Option<&Secured> {
        self.secured.as_ref()
    }

    /// The directory of data and logs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory.path
    }

    /// Shuts all brokers down cleanly (SIGTERM; SIGKILL after ten seconds). ZooKeeper keeps running.
    pub fn stop(&mut self) {
        let running: Vec<_> = self.brokers.iter_mut().filter_map(|broker| broker.process.take()).collect();
        // All at once: otherwise each broker would move its partition leaders to brokers that stop next.
        running.iter().for_each(ServerProcess::ask_to_stop);
        running.into_iter().for_each(ServerProcess::wait_until_stopped);
    }

    /// Kills all brokers (SIGKILL), like a power failure.
    pub fn kill(&mut self) {
        for index in 0..self.brokers.len() {
            self.kill_broker(index);
        }
    }

    /// Shuts one broker down cleanly; `index` counts from 0.
    pub fn stop_broker(&mut self, index: usize) {
        if let Some(process) = self.brokers[index].process.take() {
            process.ask_to_stop();
            process.wait_until_stopped();
        }
    }

    /// Kills one broker; `index` counts from 0.
    pub fn kill_broker(&mut self, index: usize) {
        if let Some(process) = self.brokers[index].process.take() {
            process.kill();
        }
    }

    /// Starts every process that is not running, on the same ports and data, and waits until the whole cluster answers.
    ///
    /// # Errors
    /// When a process ended or does not answer; the error has the end of its log.
    pub fn restart(&mut self) -> Result<()> {
        if let Some(zookeeper) = &mut self.zookeeper {
            zookeeper.start(&self.installation)?;
            let answers = |port| probe::zookeeper_is_ok(port).unwrap_or(false);
            zookeeper.wait_for("answer", answers, &self.installation)?;
        }
        for broker in &mut self.brokers {
            broker.start(&self.installation)?;
        }
        let count = i32::from(self.flavour().brokers());
        for broker in &mut self.brokers {
            let knows_all = |port| probe::known_brokers(port).is_ok_and(|known| known == count);
            broker.wait_for("know the whole cluster", knows_all, &self.installation)?;
        }
        Ok(())
    }

    /// Runs one of Kafka's command-line tools on this cluster, given by its class, such as
    /// `org.apache.kafka.tools.TopicCommand`. `--bootstrap-server` is added to the arguments. A tool that fails is also
    /// `Ok`; check its status.
    ///
    /// # Errors
    /// When Java cannot be run.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = self.tool_command(class, arguments);
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {class}"))
    }

    /// Like [`Self::tool`], for callers that need input and output while the tool runs.
    #[must_use]
    pub fn tool_command(&self, class: &str, arguments: &[&str]) -> Command {
        self.tool_command_at(&self.bootstrap_servers(), class, arguments)
    }

    /// Like [`Self::tool_command`], on another listener.
    #[must_use]
    pub fn tool_command_at(&self, address: &str, class: &str, arguments: &[&str]) -> Command {
        let mut command = self.installation.java(TOOL_JVM, "error", class);
        command.args(["--bootstrap-server", address]).args(arguments);
        command
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.brokers.iter().chain(&self.zookeeper)
    }

    pub(crate) fn let_run(mut self) {
        for node in self.brokers.iter_mut().chain(&mut self.zookeeper) {
            if let Some(process) = node.process.take() {
                process.detach();
            }
        }
    }

    /// Formats the data directories that are not formatted yet, all at the same time, since each needs a JVM.
    fn format_storage(&self) -> Result<()> {
        let id = cluster_id();
        let mut formatting = Vec::new();
        for broker in &self.brokers {
            if self.directory.path.join(&broker.name).join("meta.properties").exists() {
                continue;
            }
            let mut command = self.installation.java(TOOL_JVM, "warn", "kafka.tools.StorageTool");
            command.args(["format", "--cluster-id", &id, "--config"]).arg(&broker.properties);
            let child = command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .context("cannot run Kafka's storage tool")?;
            formatting.push((&broker.name, child));
        }
        for (name, child) in formatting {
            let output = child.wait_with_output().context("cannot run Kafka's storage tool")?;
            ensure!(
                output.status.success(),
                "cannot format the storage of {name}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }
}

impl Node {
    /// `broker-1`, `zookeeper`: also the name of its log file in the cluster's directory.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    pub(crate) fn properties(&self) -> &Path {
        &self.properties
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::id)
    }

    fn start(&mut self, installation: &Installation) -> Result<()> {
        if self.process.is_none() {
            let mut command = installation.java(&self.jvm, "info", self.class);
            command.arg(&self.properties);
            let process = ServerProcess::start(command, self.log.clone());
            self.process = Some(process.with_context(|| format!("cannot start {}", self.name))?);
        }
        Ok(())
    }

    fn wait_for(&mut self, what: &str, condition: impl Fn(u16) -> bool, installation: &Installation) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let Some(process) = &mut self.process else { bail!("{} is not running", self.name) };
            let late = Instant::now() > deadline;
            // Checked before the condition, so that another process on the same port is not mistaken for this one.
            match process.require_alive() {
                Ok(()) if condition(self.port) => return Ok(()),
                Ok(()) if late => bail!(
                    "{} on port {} does not {what} after {} s; the end of {}:\n{}",
                    self.name,
                    self.port,
                    START_TIMEOUT.as_secs(),
                    self.log.display(),
                    process.log_tail()
                ),
                Ok(()) => {}
                Err(_) if !late && process.log_tail().contains(STILL_REGISTERED) => {
                    self.process = None;
                    self.start(installation)?;
                }
                Err(ended) => return Err(ended).with_context(|| format!("{} on port {}", self.name, self.port)),
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // If the data is about to be removed, a clean shutdown is unnecessary, and the processes are killed.
        if !self.directory.remove_on_drop {
            self.stop();
        }
    }
}

/// The ports of each kind of node, in the order of node ids.
struct PortPlan {
    brokers: Vec<u16>,
    /// The controllers' ports, or ZooKeeper's port.
    metadata: Vec<u16>,
}

impl PortPlan {
    fn choose(flavour: Flavour, ports: Ports) -> Result<Self> {
        let count = usize::from(flavour.brokers());
        let mut free = ports::free_ports(2 * count)?;
        let metadata = free.split_off(count);
        Ok(match (ports, flavour) {
            (Ports::Free, _) => Self { brokers: free, metadata },
            (Ports::WellKnown, Flavour::Zookeeper) => Self { brokers: vec![9092], metadata: vec![2181] },
            // Clients do not connect to controllers, so their ports may change: a restart writes the new ones into
            // every broker's configuration.
            (Ports::WellKnown, Flavour::Kraft { .. }) => Self { brokers: (9092..).take(count).collect(), metadata },
        })
    }
}

/// The directory of a cluster, and whether it is removed afterwards.
struct Directory {
    path: PathBuf,
    remove_on_drop: bool,
}

impl Directory {
    fn new(given: Option<PathBuf>) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let remove_on_drop = given.is_none();
        let path = given.unwrap_or_else(|| {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            kafka_dir().join("tmp").join(format!("{}-{number}", std::process::id()))
        });
        if remove_on_drop {
            // Left by an earlier process with the same id that did not remove it.
            let _ = fs::remove_dir_all(&path);
        }
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, remove_on_drop })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.remove_on_drop && !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A random cluster id in Kafka's format: 16 bytes as 22 characters of URL-safe base64.
fn cluster_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let random = |salt: u64| u128::from(RandomState::new().hash_one(salt));
    let bits = random(0) << 64 | random(1);
    // The first character is a letter, so that the id does not look like an option. The last one carries only two bits.
    let mut id = String::from("P");
    id.extend((1..21).map(|index| char::from(ALPHABET[(bits >> (6 * index)) as usize % 64])));
    id.push('A');
    id
}
