//! A running cluster: started until it answers, stopped, killed, restarted on the same ports and data, asked with Kafka's tools.

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

/// Two to five seconds on an idle machine with two cores; a loaded one takes several times that.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// Little memory, and compiled quickly rather than well: these JVMs live for minutes and share a small machine.
const TEST_JVM: &[&str] = &["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
const DEVELOPMENT_JVM: &[&str] = &["-Xms128m", "-Xmx1g"];
const TOOL_JVM: &[&str] = &["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];

/// ZooKeeper believes that a killed broker lives until its session times out, and refuses its successor, which gives up. Whatever
/// supervises a broker elsewhere starts it again then, and so do we.
const STILL_REGISTERED: &str = "KeeperErrorCode = NodeExists";

const BROKER_CLASS: &str = "kafka.Kafka";
const ZOOKEEPER_CLASS: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

/// Kafka on this machine. Ends with this value, unless it was detached.
pub struct Cluster {
    installation: Installation,
    // Before ZooKeeper: fields are dropped in this order, and a broker without ZooKeeper cannot shut down.
    brokers: Vec<Node>,
    zookeeper: Option<Node>,
    secured: Option<Secured>,
    directory: Directory,
}

/// One process of a cluster and what it takes to start it again.
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
    /// Starts a cluster and waits until each broker answers and knows all the others.
    ///
    /// # Errors
    /// A process that ended or does not answer, with the end of its log.
    pub fn start(&self, options: &Options) -> Result<Cluster> {
        let flavour = self.flavour;
        let count = flavour.brokers();
        ensure!((1..=3).contains(&count), "a cluster has one to three brokers here, not {count}");
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

    /// Every broker's address, separated by commas.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        let addresses: Vec<_> = self.brokers.iter().map(|broker| format!("127.0.0.1:{}", broker.port)).collect();
        addresses.join(",")
    }

    #[must_use]
    pub fn brokers(&self) -> &[Node] {
        &self.brokers
    }

    /// The secured listeners, if it was started with them.
    #[must_use]
    pub fn secured(&self) -> Option<&Secured> {
        self.secured.as_ref()
    }

    /// Where data and logs lie.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory.path
    }

    /// Shuts all brokers down in an orderly way (SIGTERM; SIGKILL after ten seconds). ZooKeeper keeps running.
    pub fn stop(&mut self) {
        let running: Vec<_> = self.brokers.iter_mut().filter_map(|broker| broker.process.take()).collect();
        // All at once: brokers that leave one by one hand over partitions to those that are next to go.
        running.iter().for_each(ServerProcess::ask_to_stop);
        running.into_iter().for_each(ServerProcess::wait_until_stopped);
    }

    /// Kills all brokers (SIGKILL): what a power failure would do to them.
    pub fn kill(&mut self) {
        for index in 0..self.brokers.len() {
            self.kill_broker(index);
        }
    }

    /// Shuts one broker down in an orderly way; `index` counts from 0.
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

    /// Starts whatever does not run, on the same ports and data, and waits until the whole cluster answers.
    ///
    /// # Errors
    /// A process that ended or does not answer, with the end of its log.
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

    /// One of Kafka's own command-line tools by its class, `org.apache.kafka.tools.TopicCommand` for example, on this cluster:
    /// `--bootstrap-server` is added to the arguments. A tool that reports an error is an `Ok` here; look at its status.
    ///
    /// # Errors
    /// When Java could not be run.
    pub fn tool(&self, class: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = self.tool_command(class, arguments);
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {class}"))
    }

    /// The same for callers that need its input and output while it runs.
    #[must_use]
    pub fn tool_command(&self, class: &str, arguments: &[&str]) -> Command {
        self.tool_command_at(&self.bootstrap_servers(), class, arguments)
    }

    /// The same at another listener.
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

    /// Prepares the data directories that are not prepared yet. All at the same time, since it is a JVM each.
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
    /// `broker-1`, `zookeeper`; also the name of its log below the cluster's directory.
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
            // Asked before the condition: another process that listens on the same port must not pass for this one.
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
        // A cluster whose data is about to go has nothing to write down.
        if !self.directory.remove_on_drop {
            self.stop();
        }
    }
}

/// The ports of each kind, in order of node id.
struct PortPlan {
    brokers: Vec<u16>,
    /// Controllers', or ZooKeeper's one.
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
            // Controllers are nobody's address: an orderly restart writes their new ports into every broker's configuration.
            (Ports::WellKnown, Flavour::Kraft { .. }) => Self { brokers: (9092..).take(count).collect(), metadata },
        })
    }
}

/// Where a cluster lives, and whether it leaves anything behind.
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
            // Of an earlier process that had our id and never came to remove it.
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

/// A random id in Kafka's form: 16 bytes as 22 characters of base64 for URLs.
fn cluster_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let random = |salt: u64| u128::from(RandomState::new().hash_one(salt));
    let bits = random(0) << 64 | random(1);
    // The first character stays a letter: an argument must not look like an option. The last one carries only two bits.
    let mut id = String::from("P");
    id.extend((1..21).map(|index| char::from(ALPHABET[(bits >> (6 * index)) as usize % 64])));
    id.push('A');
    id
}
