//! The other processes of a measurement: this program again, with a role. Parent and child exchange lines of JSON over the
//! child's standard streams.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::roles::{
    audience, echo, fan, first_record, hand_written_page, idle_sockets, native_consumer, native_echo, native_producer,
    paced_producer, ready_frames, relay, sink, source, warp_server,
};

/// The hidden command under which this program plays a role.
pub const COMMAND: &str = "role";

/// A process that is silent for so long hangs.
const SILENCE: Duration = Duration::from_secs(120);

/// Exit times are measured in tens of milliseconds and more.
const EXIT_POLL_INTERVAL: Duration = Duration::from_millis(1);

/// What a process of a measurement does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Role {
    NativeConsumer(native_consumer::NativeConsumer),
    NativeProducer(native_producer::NativeProducer),
    Relay(relay::Relay),
    Sink(sink::Sink),
    Source(source::Source),
    NativeEcho(native_echo::NativeEcho),
    Echo(echo::Echo),
    Fan(fan::Fan),
    Audience(audience::Audience),
    FirstRecord(first_record::FirstRecord),
    WarpServer(warp_server::WarpServer),
    IdleSockets(idle_sockets::IdleSockets),
    ReadyFrames(ready_frames::ReadyFrames),
    PacedProducer(paced_producer::PacedProducer),
    HandWrittenPage(hand_written_page::HandWrittenPage),
}

/// Plays a role in this process.
pub fn play(text: &str) -> Result<()> {
    let role = serde_json::from_str(text).context("not a role")?;
    let parent = Parent::listen();
    match role {
        Role::NativeConsumer(role) => role.play(),
        Role::NativeProducer(role) => role.play(),
        Role::Relay(role) => role.play(),
        Role::Sink(role) => role.play(),
        Role::Source(role) => role.play(),
        Role::NativeEcho(role) => role.play(),
        Role::Echo(role) => role.play(),
        Role::Fan(role) => role.play(parent),
        Role::Audience(role) => role.play(),
        Role::FirstRecord(role) => role.play(),
        Role::WarpServer(role) => role.play(parent),
        Role::IdleSockets(role) => role.play(parent),
        Role::ReadyFrames(role) => role.play(parent),
        Role::PacedProducer(role) => role.play(parent),
        Role::HandWrittenPage(role) => role.play(parent),
    }
}

/// The benchmark that a role works for.
pub struct Parent(Receiver<()>);

impl Parent {
    /// Reads the benchmark's lines, and ends this process when the benchmark has ended.
    fn listen() -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines() {
                if line.is_err() || sender.send(()).is_err() {
                    break;
                }
            }
            std::process::exit(0);
        });
        Self(receiver)
    }

    /// Waits until the benchmark lets this process continue.
    pub fn wait(&self) -> Result<()> {
        self.0.recv().context("the benchmark is gone")
    }

    /// The same, while the runtime goes on with other tasks.
    pub async fn waited(self) -> Result<()> {
        tokio::task::spawn_blocking(move || self.wait()).await?
    }
}

/// Sends a message to the parent.
pub fn tell(message: &impl Serialize) -> Result<()> {
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, message)?;
    output.write_all(b"\n")?;
    output.flush().context("cannot speak to the benchmark")
}

/// A child process, which ends when this is dropped.
pub struct Process {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    name: String,
}

impl Process {
    /// Starts this program in a role.
    pub fn start(role: &Role) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let text = serde_json::to_string(role)?;
        let mut command = Command::new(program);
        command.arg(COMMAND).arg(&text);
        Self::spawn(command, text)
    }

    /// Starts any program whose lines are read.
    pub fn spawn(mut command: Command, name: String) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (input, output) = (input.context("no input")?, output.context("no output")?);
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Without a receiver the pipe is still emptied, so that the process does not block.
                let _ = sender.send(line);
            }
        });
        Ok(Self { child, input, lines, name })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its output.
    pub fn line(&mut self) -> Result<String> {
        self.line_within(SILENCE)
    }

    pub fn line_within(&mut self, silence: Duration) -> Result<String> {
        match self.lines.recv_timeout(silence) {
            Ok(line) => Ok(line),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => bail!("silent for {silence:?}: {}", self.name),
            Err(_) => {
                let status = self.child.wait().map_err(|error| anyhow!(error))?;
                bail!("ended ({status}) without an answer: {}", self.name)
            }
        }
    }

    /// The next message of the process.
    pub fn hear<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.hear_within(SILENCE)
    }

    pub fn hear_within<T: DeserializeOwned>(&mut self, silence: Duration) -> Result<T> {
        let line = self.line_within(silence)?;
        serde_json::from_str(&line).with_context(|| format!("{} said {line:?}", self.name))
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = Pid::from_raw(i32::try_from(self.child.id())?);
        kill(id, signal).with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Waits until the process has ended.
    pub fn exited(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + SILENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "still running after {SILENCE:?}: {}", self.name);
            std::thread::sleep(EXIT_POLL_INTERVAL);
        }
    }

    /// Lets the process continue.
    pub fn go(&mut self) -> Result<()> {
        self.input.write_all(b"\n").context("cannot speak to a process")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays a role in its own process to the end, and returns its message.
pub fn run<T: DeserializeOwned>(role: &Role) -> Result<T> {
    Process::start(role)?.hear()
}
