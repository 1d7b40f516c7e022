//! `cargo xtask setup`: installs the missing programs and packages that the tests need. Fast if nothing is missing.

use std::process::Command;

use anyhow::{Context, Result, bail};
use local_kafka::{Flavour, Installation, Unavailable};

use crate::programs::{self, is_on_path};
use crate::{axe, debian, oidc_provider, python};

const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A program that the tests run, with its possible names, and the Debian package that contains it.
struct Requirement {
    programs: &'static [&'static str],
    package: &'static str,
    purpose: &'static str,
}

const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        programs: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
        package: "chromium",
        purpose: "the browser of the end-to-end tests",
    },
    Requirement { programs: &["kcat", "kafkacat"], package: "kcat", purpose: "an independent Kafka client" },
    Requirement {
        programs: &["java"],
        package: "openjdk-17-jre-headless",
        purpose: "runs a real Kafka and a schema registry",
    },
    Requirement {
        programs: &["mvn"],
        package: "maven",
        purpose: "fetches a real Kafka, a schema registry, and axe-core",
    },
    Requirement { programs: &["node"], package: "nodejs", purpose: "runs an OpenID provider, and an example client" },
    Requirement { programs: &["npm"], package: "npm", purpose: "fetches an OpenID provider" },
    Requirement { programs: &["python3"], package: "python3", purpose: "runs an example client" },
    Requirement { programs: &["pip3"], package: "python3-pip", purpose: "fetches the WebSockets of an example client" },
];

/// # Errors
/// If something could not be installed; the error says how to install it.
pub(crate) fn run() -> Result<()> {
    add_wasm_target()?;
    let missing = missing_requirements();
    if !missing.is_empty() {
        install(&missing)?;
    }
    for flavour in [Flavour::Kraft { brokers: 1 }, Flavour::Zookeeper] {
        Installation::find_or_fetch(flavour)?;
    }
    local_registry::Installation::find_or_fetch()?;
    // The proxy in the tests of `docs/proxies.md`.
    debian::unpack("nginx", "nginx")?;
    // Checks metrics and alert rules.
    debian::unpack("prometheus", "promtool")?;
    axe::fetch()?;
    oidc_provider::install()?;
    python::install()
}

fn missing_requirements() -> Vec<&'static Requirement> {
    let mut missing: Vec<_> = REQUIREMENTS
        .iter()
        .filter(|requirement| !requirement.programs.iter().any(|program| is_on_path(program)))
        .collect();
    // Java may be installed, but too old.
    let java = REQUIREMENTS.iter().find(|requirement| requirement.programs.contains(&"java"));
    if matches!(Installation::check_java(), Err(Unavailable::OldJava { .. })) {
        missing.extend(java);
    }
    missing
}

fn add_wasm_target() -> Result<()> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .output()
        .context("cannot run rustc")?;
    if std::path::Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir() {
        return Ok(());
    }
    programs::run(Command::new("rustup").args(["target", "add", WASM_TARGET])).context(
        "the page needs Rust's standard library for wasm; with a distribution's Rust, install its wasm package",
    )
}

fn install(missing: &[&Requirement]) -> Result<()> {
    let packages: Vec<_> = missing.iter().map(|requirement| requirement.package).collect();
    for Requirement { package, purpose, .. } in missing {
        println!("missing: {package}, {purpose}");
    }
    if !is_on_path("apt-get") {
        bail!(
            "apt-get is not available; install the equivalents of these Debian packages with your package manager: {}",
            packages.join(", ")
        );
    }
    update_package_lists()?;
    apt_get(&["install", "--yes", "--no-install-recommends"], &packages)
}

pub(crate) fn update_package_lists() -> Result<()> {
    apt_get(&["update"], &[])
}

/// Runs apt-get as root, or with sudo if it needs no password, because setup may run unattended.
fn apt_get(arguments: &[&str], packages: &[&str]) -> Result<()> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
    if !is_root {
        command.args(["--non-interactive", "apt-get"]);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments).args(packages);
    programs::run(&mut command).with_context(|| {
        if packages.is_empty() {
            "cannot update the package lists".to_owned()
        } else {
            format!("cannot install packages; run: sudo apt-get install {}", packages.join(" "))
        }
    })
}
