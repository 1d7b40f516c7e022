//! The bridge or one of its terminal commands as a child process, whose output a test can wait for.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::{PATIENCE, POLL_INTERVAL};

/// How much of a log is shown when a test fails.
const TAIL_LINES: usize = 60;

/// The log level of the bridge in tests: everything except events of single records.
pub const LOG_FILTER: &str = "info,bridge=debug,feed=debug,kafka=debug,server=debug";

/// Held for reading while a process is started. Between fork and exec the child holds copies of this process's sockets, also
/// those on which mock brokers listen. If librdkafka then cannot bind a mock's port again, it ends the whole process
/// (`rd_kafka_mock_broker_cmd` of 2.12).
pub(crate) static PROCESS_STARTS: RwLock<()> = RwLock::new(());

/// The lines of an output stream so far.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    /// The stream has ended.
    complete: Arc<AtomicBool>,
}

impl Lines {
    fn collect(stream: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let collected = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                collected.lock().push(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
            }
            collected.complete.store(true, Ordering::Release);
        });
        lines
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.lines.lock().expect("no holder panics")
    }

    fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    pub fn all(&self) -> Vec<String> {
        self.lock().clone()
    }

    pub fn text(&self) -> String {
        self.lock().join("\n")
    }

    pub fn tail(&self) -> String {
        let lines = self.lock();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

/// A running `bridge …`. It is killed when it is dropped. If the test is failing, its output is printed first.
#[derive(Debug)]
pub struct Program {
    child: Child,
    command_line: String,
    pub stdout: Lines,
    pub stderr: Lines,
    /// How many lines of standard output were read by `line`.
    read: usize,
}

impl Program {
    pub fn bridge(args: &[&str]) -> Self {
        Self::bridge_with(args, &[])
    }

    /// Starts the bridge's binary. Of the variables that begin with `PONTE_`, the environment holds only `env`.
    pub fn bridge_with(args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::run(Command::new(bridge_binary()), args, env)
    }

    /// The same under a limit of the shell's `ulimit`, such as `-n 128` for open files.
    pub fn bridge_limited(limit: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]).arg(bridge_binary());
        Self::run(command, args, env)
    }

    /// The same with a terminal as standard output.
    pub fn bridge_on_terminal(args: &[&str]) -> Self {
        let terminal = nix::pty::openpty(None, None).expect("the machine has pseudo-terminals");
        let mut program = Self::spawn(Command::new(bridge_binary()), args, &[], terminal.slave.into());
        program.stdout = Lines::collect(std::fs::File::from(terminal.master));
        program
    }

    /// The same through another program that executes the bridge; `command` is complete except for the bridge's arguments.
    pub fn run(command: Command, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::spawn(command, args, env, Stdio::piped())
    }

    fn spawn(mut command: Command, args: &[&str], env: &[(&str, &str)], stdout: Stdio) -> Self {
        command.args(args);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PONTE_")) {
            command.env_remove(name);
        }
        // A log without colours that also shows the events of each session.
        command.envs([("NO_COLOR", "1"), ("PONTE_LOG", LOG_FILTER)]).envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());

        let child = {
            let _starting = PROCESS_STARTS.read().unwrap_or_else(PoisonError::into_inner);
            command.spawn()
        };
        let mut child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        // The output of a terminal is read from its master side.
        let stdout = child.stdout.take().map(Lines::collect).unwrap_or_default();
        let stderr = Lines::collect(child.stderr.take().expect("standard error is piped"));
        Self { child, command_line: format!("bridge {}", args.join(" ")), stdout, stderr, read: 0 }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to standard input and closes it.
    pub fn type_and_end(&mut self, text: &str) {
        self.type_bytes_and_end(text.as_bytes());
    }

    pub fn type_bytes_and_end(&mut self, bytes: &[u8]) {
        let mut stdin = self.child.stdin.take().expect("standard input was not ended before");
        stdin.write_all(bytes).expect("the program reads its standard input");
    }

    /// The next line of standard output.
    pub async fn line(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.stdout.lock().get(self.read) {
                self.read += 1;
                return line.clone();
            }
            assert!(Instant::now() < deadline, "no line {} on standard output", self.read + 1);
            let ended = self.child.try_wait().expect("a child can be waited for").is_some();
            tokio::time::sleep(POLL_INTERVAL).await;
            let nothing_new = self.stdout.lock().len() == self.read;
            assert!(!(ended && nothing_new), "ended before line {} on standard output", self.read + 1);
        }
    }

    pub async fn expect_line(&mut self, expected: &str) {
        let line = self.line().await;
        assert_eq!(line, expected, "line {} of standard output", self.read);
    }

    /// Waits until standard error holds this text; returns the line.
    pub async fn logged(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.stderr.lock().iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            assert!(Instant::now() < deadline, "{text:?} never appeared on standard error");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("a process id is positive");
        kill(Pid::from_raw(id), signal).unwrap_or_else(|error| panic!("{signal} to {id}: {error}"));
    }

    /// The SIGINT of a terminal's Ctrl+C.
    pub fn ctrl_c(&self) {
        self.signal(Signal::SIGINT);
    }

    /// Kills the process with SIGKILL.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait_exit(PATIENCE).await;
    }

    pub async fn exit_code(&mut self) -> i32 {
        self.exit_code_within(PATIENCE).await
    }

    pub async fn exit_code_within(&mut self, limit: Duration) -> i32 {
        let status = self.wait_exit(limit).await;
        // Its last lines may still be on their way.
        self.all_output().await;
        status.code().unwrap_or_else(|| panic!("ended by a signal: {status}"))
    }

    pub async fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {limit:?}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// The complete standard output and standard error of a process that has ended.
    pub async fn all_output(&mut self) -> (String, String) {
        for stream in [&self.stdout, &self.stderr] {
            crate::wait::eventually("the end of its output", || async { stream.is_complete().then_some(()) }).await;
        }
        let text = |lines: &Lines| lines.all().iter().map(|line| format!("{line}\n")).collect();
        (text(&self.stdout), text(&self.stderr))
    }

    /// The output on both streams so far.
    pub fn output(&self) -> String {
        format!("{}\n{}", self.stdout.text(), self.stderr.text())
    }

    /// The CPU time that the process has used.
    pub fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("the process runs");
        // The process name may contain spaces. User and system time are the 12th and 13th field after it, in hundredths of a
        // second on every Linux (USER_HZ).
        let (_, fields) = stat.rsplit_once(')').expect("the name stands in parentheses");
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).map(|field| field.parse().unwrap_or(0)).sum::<u64>();
        Duration::from_millis(ticks * 10)
    }

    pub fn resident_bytes(&self) -> u64 {
        resident_bytes(self.id())
    }
}

/// Resident memory of a process in bytes.
pub fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux counts resident memory");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("in kB");
    kib * 1024
}

impl Drop for Program {
    fn drop(&mut self) {
        // If it has ended already, there is nothing to kill.
        let _ = self.child.kill();
        let status = self.child.wait();
        if thread::panicking() {
            let (out, err) = (self.stdout.tail(), self.stderr.tail());
            eprintln!(
                "--- {} ({status:?})\n--- standard output\n{out}\n--- standard error\n{err}\n---",
                self.command_line
            );
        }
    }
}

/// The bridge's binary: the path in `PONTE_BRIDGE_BIN`, which `cargo xtask test` sets, or else the binary in the tests' own
/// `target/<profile>`.
pub fn bridge_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("PONTE_BRIDGE_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a running program has a path");
    let profile = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let binary = profile.join("bridge");
    assert!(
        binary.is_file(),
        "{} does not exist. `cargo xtask test` builds the bridge and runs the tests; or run `cargo build -p bridge` first, or set \
         PONTE_BRIDGE_BIN",
        binary.display()
    );
    binary
}
