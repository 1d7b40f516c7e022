//! The release packages, made of the binary of these tests, and the commands that packages rely on.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::bridge::Bridge;
use tests::program::{Program, bridge_binary};

/// Packing and unpacking a debug binary, which is large, on a busy machine.
const PACKAGED_WITHIN: Duration = Duration::from_secs(240);

#[tokio::test]
async fn packages_of_any_binary_unpack_and_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("dist");
    let xtask = bridge_binary().with_file_name(format!("xtask{}", std::env::consts::EXE_SUFFIX));
    assert!(xtask.is_file(), "{} does not exist: run `cargo build -p xtask`", xtask.display());
    let binary = bridge_binary().display().to_string();
    let target = output.display().to_string();
    let args = ["dist", "--check", "--binary", &binary, "--output", &target];
    let mut dist = Program::run(Command::new(xtask), &args, &[]);
    let code = dist.exit_code_within(PACKAGED_WITHIN).await;
    assert_eq!(code, 0, "{}", dist.output());

    let (printed, _) = dist.all_output().await;
    assert!(printed.contains("archive: unpacked and run"), "{printed}");
    let sums = std::fs::read_to_string(output.join("SHA256SUMS")).expect("checksums");
    assert!(sums.contains(".tar.gz\n") && sums.contains(".cdx.json\n"), "{sums}");
    if cfg!(target_os = "linux") {
        assert!(printed.contains("image context: unpacked and run"), "{printed}");
        assert!(output.join("image/Dockerfile").is_file(), "{printed}");
    }
}

#[tokio::test]
async fn health_check_succeeds_only_while_the_bridge_answers() {
    let mut bridge = Bridge::start().demo().await;
    let address = bridge.address.clone();
    let mut healthy = Program::bridge_with(&["healthcheck"], &[("PONTE_LISTEN", &address)]);
    assert_eq!(healthy.exit_code().await, 0, "{}", healthy.output());

    let missing = format!("http://{address}/missing");
    let mut unhealthy = Program::bridge(&["healthcheck", "--url", &missing]);
    assert_eq!(unhealthy.exit_code().await, 1, "{}", unhealthy.output());
    assert!(unhealthy.output().contains("404"), "{}", unhealthy.output());

    bridge.kill().await;
    let mut stopped = Program::bridge(&["healthcheck", "--listen", &address]);
    assert_eq!(stopped.exit_code().await, 1, "{}", stopped.output());
    assert!(stopped.output().contains("cannot connect"), "{}", stopped.output());
}

#[tokio::test]
async fn completions_and_man_pages_describe_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let mut completions = Program::bridge(&["completions", shell]);
        assert_eq!(completions.exit_code().await, 0, "{}", completions.output());
        let (text, _) = completions.all_output().await;
        assert!(text.contains("bootstrap-servers") && text.contains("healthcheck"), "{shell}: {text}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut man = Program::bridge(&["man", &folder.path().display().to_string()]);
    assert_eq!(man.exit_code().await, 0, "{}", man.output());
    for (page, option) in [("bridge.1", "bootstrap\\-servers"), ("bridge-topics-create.1", "partitions")] {
        let text = std::fs::read_to_string(Path::new(folder.path()).join(page)).expect(page);
        assert!(text.contains(".TH") && text.contains(option), "{page}: {text}");
    }
}
