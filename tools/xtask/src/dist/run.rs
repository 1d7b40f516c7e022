//! Starts a packaged program as a stranger would: as another user, on a read-only root, with only environment variables.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::programs::show;

/// The user `nobody` in numbers, because an empty root has no list of users.
const NOBODY: &str = "65534:65534";

/// Makes its first argument read-only for this process and its children, and runs the rest in it.
const CONFINED: &str = "\
    if [ \"$1\" != / ]; then mount --bind \"$1\" \"$1\"; fi
    mount -o remount,bind,ro \"$1\"
    root=$1; user=$2; shift 2
    exec chroot --userspec=\"$user\" \"$root\" \"$@\"";

/// Longer than any start on a busy machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Where and as whom the program runs.
pub(super) enum Surroundings {
    /// In a root that contains nothing else, read-only, as nobody. Only a static binary can start there.
    EmptyRoot(PathBuf),
    /// On this system, whose root is read-only, as nobody.
    ReadOnlySystem,
    /// On this system as this user.
    Unconfined,
}

impl Surroundings {
    /// Whether this process may create mounts that only its children see. In CI that needs root.
    pub(super) fn can_confine() -> bool {
        let probe = "mount -o remount,bind,ro / && chroot --userspec=65534:65534 / true";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-ec", probe]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// The program without any variable of this process except `PATH`.
    pub(super) fn command(&self, program: &Path) -> Command {
        let confined = |root: &Path| {
            let mut command = Command::new("unshare");
            command.args(["--mount", "--propagation", "private", "sh", "-ec", CONFINED, "sh"]);
            command.arg(root).arg(NOBODY).arg(program);
            command
        };
        let mut command = match self {
            Self::EmptyRoot(root) => confined(root),
            Self::ReadOnlySystem => confined(Path::new("/")),
            Self::Unconfined => Command::new(program),
        };
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        // Windows opens no socket without it.
        if let Some(root) = std::env::var_os("SystemRoot") {
            command.env("SystemRoot", root);
        }
        command
    }
}

/// A bridge that accepts connections. It is killed when it is dropped.
pub(super) struct Running {
    child: Child,
    pub(super) address: String,
    /// From the start of the process to the line that says that it listens.
    pub(super) started_in: Duration,
}

impl Running {
    /// Starts the bridge with its demo broker on a free port.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        command.env("PONTE_DEMO", "true").env("PONTE_LISTEN", "127.0.0.1:0").env("PONTE_LOG", "error");
        let shown = show(&command);
        let begin = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run `{shown}`"))?;
        let stdout = child.stdout.take().context("the child's output is a pipe")?;
        let mut running = Self { child, address: String::new(), started_in: Duration::ZERO };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        running.started_in = begin.elapsed();
        let address =
            line.strip_prefix("Ponte is listening on http://").and_then(|rest| rest.split_whitespace().next());
        address
            .with_context(|| format!("`{shown}` does not listen; its first line is {line:?}"))?
            .clone_into(&mut running.address);
        Ok(running)
    }

    /// The body of the answer, which must be 200.
    pub(super) fn get(&self, path: &str) -> Result<String> {
        let get = || -> Result<String> {
            let mut stream = TcpStream::connect(&self.address)?;
            stream.set_read_timeout(Some(ANSWER_WITHIN))?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            let answer = String::from_utf8_lossy(&answer);
            let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no body")?;
            ensure!(head.starts_with("HTTP/1.1 200 "), "the answer is {}", head.lines().next().unwrap_or_default());
            Ok(body.to_owned())
        };
        get().with_context(|| format!("GET {path} failed"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
