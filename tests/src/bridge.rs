//! A bridge for one test, started as a user starts it: the real binary on a free port.

use std::future::IntoFuture;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use protocol::Cluster;

use crate::client::Client;
use crate::http::{Request, Response};
use crate::judge::Judge;
use crate::kafka::Kafka;
use crate::program::Program;
use crate::socket::{Handshake, Socket};

/// What the first line of standard output begins with.
const LISTENING: &str = "Ponte is listening on ";

/// The options of a bridge: `Bridge::start().on(&kafka).option("--group", "g").await`.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    listen: Option<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    limit: Option<String>,
}

/// A bridge that accepts connections.
#[derive(Debug)]
pub struct Bridge {
    program: Program,
    builder: Builder,
    /// `127.0.0.1:40123`
    pub address: String,
    /// `http` or `https`.
    scheme: String,
    /// The path of the page, such as `/` or `/ponte/`.
    base_path: String,
    /// The whole first line of standard output.
    pub greeting: String,
}

impl Builder {
    pub fn on(self, kafka: &Kafka) -> Self {
        match kafka.bootstrap_servers() {
            None => self.demo(),
            Some(bootstrap) => self.option("--bootstrap-servers", &bootstrap),
        }
    }

    pub fn demo(self) -> Self {
        self.flag("--demo")
    }

    /// The default topic of the page. The demo broker creates it at the start, with one partition.
    pub fn topic(self, topic: &str) -> Self {
        self.option("--topic", topic)
    }

    pub fn option(self, name: &str, value: &str) -> Self {
        self.flag(name).flag(value)
    }

    pub fn flag(mut self, name: &str) -> Self {
        self.args.push(name.to_owned());
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Under a limit that the shell's `ulimit` sets, such as `-n 128` for open files.
    pub fn limited(self, limit: &str) -> Self {
        Self { limit: Some(limit.to_owned()), ..self }
    }

    async fn run(self) -> Bridge {
        let listen = self.listen.as_deref().unwrap_or("127.0.0.1:0");
        let mut args = vec!["--listen", listen];
        args.extend(self.args.iter().map(String::as_str));
        let env: Vec<(&str, &str)> = self.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();

        let mut program = match &self.limit {
            None => Program::bridge_with(&args, &env),
            Some(limit) => Program::bridge_limited(limit, &args, &env),
        };
        let greeting = program.line().await;
        let page = greeting.strip_prefix(LISTENING).and_then(|rest| rest.split(' ').next()?.split_once("://"));
        let (scheme, rest) = page.unwrap_or_else(|| panic!("the first line is {greeting:?}"));
        let (address, base_path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let (scheme, address, base_path) = (scheme.to_owned(), address.to_owned(), base_path.to_owned());
        Bridge { program, builder: self, address, scheme, base_path, greeting }
    }
}

impl IntoFuture for Builder {
    type Output = Bridge;
    type IntoFuture = Pin<Box<dyn Future<Output = Bridge>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Bridge {
    pub fn start() -> Builder {
        Builder::default()
    }

    /// Starts the bridge again with the same options on the same port; the old process must have ended.
    pub async fn start_again(&mut self) {
        assert!(!self.program.is_running(), "stop the bridge first");
        let builder = Builder { listen: Some(self.address.clone()), ..self.builder.clone() };
        *self = builder.run().await;
    }

    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.address, self.base_path)
    }

    /// A client that has been welcomed.
    pub async fn client(&self) -> Client {
        Client::hello(self.socket().await).await
    }

    /// A client of this cluster that has been welcomed.
    pub async fn client_of(&self, cluster: &str) -> Client {
        Client::hello_to(self.socket().await, cluster).await
    }

    /// A socket before its `hello`.
    pub async fn socket(&self) -> Socket {
        self.handshake().open().await
    }

    /// A handshake whose headers the test chooses.
    pub fn handshake(&self) -> Handshake {
        Handshake::with(&self.address).origin(&format!("{}://{}", self.scheme, self.address))
    }

    pub async fn get(&self, path: &str) -> Response {
        Request::get(path).send(&self.address).await
    }

    /// The response of `/api/cluster`.
    pub async fn cluster(&self) -> Cluster {
        self.get("/api/cluster").await.json()
    }

    /// kcat on the same Kafka; `None` after a skip.
    pub async fn judge(&self) -> Option<Judge> {
        Judge::of(&self.bootstrap_servers().await)
    }

    pub async fn bootstrap_servers(&self) -> String {
        let cluster = self.cluster().await;
        assert!(!cluster.bootstrap_servers.is_empty(), "/api/cluster names no address: {cluster:?}");
        cluster.bootstrap_servers
    }
}

impl Deref for Bridge {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

impl DerefMut for Bridge {
    fn deref_mut(&mut self) -> &mut Program {
        &mut self.program
    }
}
