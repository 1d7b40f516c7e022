//! Prometheus' own checker of metrics, alert rules and their tests.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::skip::need_program;
use crate::wait::PATIENCE;

#[derive(Debug)]
pub struct Promtool(PathBuf);

impl Promtool {
    /// `None` after a skip.
    pub fn find() -> Option<Self> {
        need_program("promtool").map(Self)
    }

    /// Runs it with this standard input. Fails the test unless it succeeds and prints no finding.
    pub async fn finds_nothing(&self, arguments: &[&str], input: &str) {
        let Output { status, stdout, stderr } = self.run(arguments, input).await;
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let shown = format!("promtool {}: {status}\n{stdout}{stderr}\n{input}", arguments.join(" "));
        // Warnings go to standard error.
        assert!(status.success() && stderr.trim().is_empty(), "{shown}");
    }

    async fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut process = Command::new(&self.0)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.0.display()));
        let mut stdin = process.stdin.take().expect("piped");
        let (written, output) = timeout(PATIENCE, async {
            // Concurrently, since a pipe holds less than the metrics.
            tokio::join!(
                async {
                    let written = stdin.write_all(input.as_bytes()).await;
                    drop(stdin);
                    written
                },
                process.wait_with_output()
            )
        })
        .await
        .expect("promtool answers");
        // Commands that check files close it.
        if !input.is_empty() {
            written.expect("promtool reads its input");
        }
        output.expect("promtool runs")
    }
}
