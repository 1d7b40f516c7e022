//! Finds Java, Maven and Kafka's jars, or returns why they are missing.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

use crate::Flavour;

/// Kafka 4 and its tools are compiled for this Java version.
const MINIMUM_JAVA: u32 = 17;

/// The version of the SLF4J API in Kafka's jars. Without a binding of the same version line the brokers' logs would be
/// lost.
const SLF4J_VERSION: &str = "1.7.36";

/// Why Kafka cannot run on this machine, and what to install.
#[derive(Debug, Error)]
pub enum Unavailable {
    #[error("Java is not installed: install a JDK {MINIMUM_JAVA} or newer, or run `cargo xtask setup`")]
    NoJava,
    #[error("Java {found} is too old: install a JDK {MINIMUM_JAVA} or newer, or run `cargo xtask setup`")]
    OldJava { found: u32 },
    #[error("Maven is not installed, which downloads jars: install `mvn`, or run `cargo xtask setup`")]
    NoMaven,
    #[error("cannot download {name} from Maven Central: {reason}")]
    NoJars { name: String, reason: String },
}

/// The jars of one Kafka version.
#[derive(Debug, Clone)]
pub struct Installation {
    pub(crate) flavour: Flavour,
    pub(crate) libraries: PathBuf,
}

impl Installation {
    /// Finds the jars in `target/kafka/<version>`, and downloads them the first time (about 60 MB).
    ///
    /// # Errors
    /// Why Kafka cannot run on this machine.
    pub fn find_or_fetch(flavour: Flavour) -> Result<Self, Unavailable> {
        Self::check_java()?;
        let version = flavour.kafka_version();
        let directory = kafka_dir().join(version);
        let libraries = directory.join("libs");
        if !libraries.is_dir() {
            fetch(version, &directory, &libraries)?;
        }
        Ok(Self { flavour, libraries })
    }

    /// Checks that a supported Java is installed.
    ///
    /// # Errors
    /// Why not.
    pub fn check_java() -> Result<(), Unavailable> {
        let output = Command::new("java").arg("-version").output().map_err(|_| Unavailable::NoJava)?;
        // Java prints `openjdk version "17.0.15" 2025-04-15` on standard error.
        let text = String::from_utf8_lossy(&output.stderr);
        let major = text.split('"').nth(1).and_then(|version| version.split(['.', '-']).next()?.parse().ok());
        match major {
            Some(found) if found < MINIMUM_JAVA => Err(Unavailable::OldJava { found }),
            Some(_) => Ok(()),
            None => Err(Unavailable::NoJava),
        }
    }

    /// A Java process with Kafka's jars on its class path. It logs to standard error, from `log_level` up.
    pub(crate) fn java(&self, options: &[impl AsRef<OsStr>], log_level: &str, class: &str) -> Command {
        let mut command = Command::new("java");
        command
            .args(options)
            .arg(format!("-Dorg.slf4j.simpleLogger.defaultLogLevel={log_level}"))
            .arg("-Dorg.slf4j.simpleLogger.showDateTime=true")
            .arg("-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS")
            .arg("-cp")
            .arg(self.libraries.join("*"))
            .arg(class);
        command
    }
}

/// `kafka/` in cargo's target directory.
pub(crate) fn kafka_dir() -> PathBuf {
    target_dir("kafka")
}

/// A directory in cargo's target directory, which `cargo clean` removes.
#[must_use]
pub fn target_dir(name: &str) -> PathBuf {
    let workspace_root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let directory = workspace_root.join(target).join(name);
    // Java's tools print these paths, which are more readable without `..`.
    fs::create_dir_all(&directory).and_then(|()| directory.canonicalize()).unwrap_or(directory)
}

fn fetch(version: &'static str, directory: &Path, libraries: &Path) -> Result<(), Unavailable> {
    let name = format!("the jars of Kafka {version}");
    let failed = |reason: String| Unavailable::NoJars { name: name.clone(), reason };
    let unfinished = directory.join(format!("libs.unfinished-{}", std::process::id()));
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(directory.join("pom.xml"), pom(version)))
        .map_err(|error| failed(format!("cannot write {}: {error}", directory.display())))?;
    let output_directory = format!("-DoutputDirectory={}", unfinished.display());
    run_maven(directory, &["dependency:copy-dependencies", &output_directory], &name)?;
    // The first process to rename succeeds; the jars of all are the same, and no process sees an incomplete directory.
    if fs::rename(&unfinished, libraries).is_err() {
        let _ = fs::remove_dir_all(&unfinished);
        if !libraries.is_dir() {
            return Err(failed(format!("cannot make {}", libraries.display())));
        }
    }
    Ok(())
}

/// Runs Maven in `directory`, because it writes files there. `name` says in an error what is downloaded.
///
/// # Errors
/// When Maven is not installed, or with the first error that it prints.
pub fn run_maven(directory: &Path, arguments: &[&str], name: &str) -> Result<(), Unavailable> {
    let output = Command::new("mvn")
        .current_dir(directory)
        .args(["--batch-mode", "--quiet"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|_| Unavailable::NoMaven)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let first_error = text.lines().find(|line| line.contains("ERROR")).unwrap_or("mvn printed no error");
    Err(Unavailable::NoJars { name: name.to_owned(), reason: first_error.to_owned() })
}

fn pom(version: &str) -> String {
    /// The tools of Kafka 3.9 depend on this SLF4J binding, which takes precedence and logs nothing without a
    /// configuration file.
    const EXCLUDED: &str = "<exclusion><groupId>org.slf4j</groupId><artifactId>slf4j-reload4j</artifactId></exclusion>";
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version><exclusions>{EXCLUDED}</exclusions></dependency>\n"
        )
    };
    let dependencies = [
        dependency("org.apache.kafka", "kafka_2.13", version),
        dependency("org.apache.kafka", "kafka-tools", version),
        dependency("org.slf4j", "slf4j-simple", SLF4J_VERSION),
    ]
    .concat();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>ponte</groupId>\n  <artifactId>local-kafka</artifactId>\n  <version>1</version>\n  \
         <dependencies>\n{dependencies}  </dependencies>\n</project>\n"
    )
}
