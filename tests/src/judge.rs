//! kcat as a second Kafka client that is independent of Ponte: it reads what the bridge has written, and writes what the bridge
//! must read.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::PoisonError;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::batches::Batch;
use crate::log::{Log, Logged};
use crate::program::PROCESS_STARTS;
use crate::skip::need_program;
use crate::wait::PATIENCE;

/// A record as kcat prints it, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// `name=value,name=value`
    pub headers: String,
}

impl Seen {
    pub fn text(&self) -> &str {
        let value = self.value.as_deref().unwrap_or_else(|| panic!("null value: {self:?}"));
        std::str::from_utf8(value).unwrap_or_else(|_| panic!("no text: {self:?}"))
    }
}

/// One line of metadata with the lengths of key and value, then key and value.
const FORMAT: &str = "%p %o %T %K %S %h\\n%k%s";

#[derive(Debug)]
pub struct Judge {
    kcat: PathBuf,
    bootstrap_servers: String,
}

impl Judge {
    /// `None` after a skip.
    pub fn of(bootstrap_servers: &str) -> Option<Self> {
        let kcat = need_program("kcat")?;
        Some(Self { kcat, bootstrap_servers: bootstrap_servers.to_owned() })
    }

    /// Every record of the topic now, each partition in order.
    pub async fn read(&self, topic: &str) -> Vec<Seen> {
        let args = ["-C", "-q", "-e", "-o", "beginning", "-t", topic, "-f", FORMAT];
        let mut seen = parse(&self.run(&args, b"").await);
        seen.sort_by_key(|record| (record.partition, record.offset));
        seen
    }

    /// The topic's log on a real broker.
    pub async fn log(&self, topic: &str) -> Log {
        Log::of_a_broker(self.logged(topic).await)
    }

    /// The topic's log on librdkafka's mock, with its batches, which kcat does not show.
    pub async fn log_of_mock(&self, topic: &str) -> Log {
        Log::of_a_mock(self.logged(topic).await, &Batch::read_all(&self.bootstrap_servers, topic).await)
    }

    async fn logged(&self, topic: &str) -> Vec<Logged> {
        let seen = self.read(topic).await;
        seen.iter().map(|one| (one.partition, one.offset, one.text().to_owned())).collect()
    }

    /// Writes one record; `args` as kcat has them: `-k key`, `-H name=value`, `-p 0`. kcat writes no empty file.
    pub async fn write(&self, topic: &str, args: &[&str], value: &[u8]) {
        // kcat reads the value from a file, so that it may contain line ends.
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::io::Write::write_all(&mut file, value).expect("a temporary file takes bytes");
        let path = file.path().to_str().expect("a plain path").to_owned();
        let mut all = vec!["-P", "-X", "partitioner=murmur2_random", "-t", topic];
        all.extend(args);
        all.push(&path);
        self.run(&all, b"").await;
    }

    /// Writes one record for each line. With `-Z` an empty line is null.
    pub async fn write_lines(&self, topic: &str, args: &[&str], lines: &str) {
        let mut all = vec!["-P", "-X", "partitioner=murmur2_random", "-t", topic];
        all.extend(args);
        self.run(&all, lines.as_bytes()).await;
    }

    async fn run(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new(&self.kcat);
        command.args(["-b", &self.bootstrap_servers]).args(args).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = {
            let _starting = PROCESS_STARTS.read().unwrap_or_else(PoisonError::into_inner);
            command.spawn()
        };
        let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let (written, output) = tokio::join!(
            async {
                let written = stdin.write_all(input).await;
                drop(stdin);
                written
            },
            timeout(PATIENCE, child.wait_with_output())
        );
        let output = output.unwrap_or_else(|_| panic!("{command:?} does not end")).expect("kcat's output is readable");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && written.is_ok(), "{command:?}: {}\n{error}", output.status);
        output.stdout
    }
}

fn parse(mut output: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    while !output.is_empty() {
        let end = output.iter().position(|&byte| byte == b'\n').expect("a line of metadata");
        let line = std::str::from_utf8(&output[..end]).unwrap_or_else(|_| panic!("no text: {:?}", &output[..end]));
        output = &output[end + 1..];
        let mut fields = line.splitn(6, ' ');
        let mut number = || -> i64 {
            let field = fields.next().unwrap_or_default();
            field.parse().unwrap_or_else(|_| panic!("no number {field:?} in {line:?}"))
        };
        let (partition, offset, timestamp_ms, key, value) = (number(), number(), number(), number(), number());
        let headers = fields.next().unwrap_or_default().to_owned();
        // kcat prints the length -1 for null.
        let mut take = |length: i64| {
            let length = usize::try_from(length).ok()?;
            let (bytes, rest) = output.split_at(length);
            output = rest;
            Some(bytes.to_vec())
        };
        let (key, value) = (take(key), take(value));
        let partition = i32::try_from(partition).expect("partitions are small");
        seen.push(Seen { partition, offset, timestamp_ms, key, value, headers });
    }
    seen
}
