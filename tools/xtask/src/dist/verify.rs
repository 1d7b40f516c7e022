//! Unpacks every package in a temporary folder, and runs the binary in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::binary::Binary;
use super::run::{Running, Surroundings};
use super::{VERSION, archive, copy, debian, image};
use crate::programs::{output, run};

/// Of the image's only layer besides its base (2 MB).
const MAX_IMAGE_BYTES: u64 = 60_000_000;

/// From exec to listening; the same limit as in the benchmarks. The best of several starts counts, since other processes delay some.
const LISTENING_WITHIN: Duration = Duration::from_millis(50);
const STARTS: usize = 10;

pub(super) fn packages(binary: &Binary, folder: &Path) -> Result<()> {
    let confine = Surroundings::can_confine();
    if !confine {
        println!("note: only root can run the packages as nobody on a read-only root; they run as this user");
    }
    let checked = |name: &str, check: &dyn Fn(&Path) -> Result<()>| -> Result<()> {
        let unpacked = tempfile::tempdir()?;
        open_to_all(unpacked.path())?;
        check(unpacked.path()).with_context(|| format!("the {name} is not usable"))?;
        println!("{name}: unpacked and run");
        Ok(())
    };
    checked("archive", &|unpacked| {
        run(Command::new("tar")
            .arg("-xzf")
            .arg(folder.join(archive::file_name(&binary.target)))
            .arg("-C")
            .arg(unpacked))?;
        let files = only_entry(unpacked)?;
        for file in ["LICENSE", "THIRD-PARTY-LICENSES.txt", "man/ponte-serve.1", "completions/ponte.bash"] {
            ensure!(fs::metadata(files.join(file)).is_ok_and(|file| file.len() > 100), "{file} is missing or empty");
        }
        let program = files.join(binary.program());
        check_start_time(binary, &program)?;
        check_program(binary, &program, &files.join("ponte.toml"), confine)
    })?;
    let package = folder.join(debian::file_name(binary).unwrap_or_default());
    if package.is_file() {
        checked(".deb", &|unpacked| {
            run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(unpacked))?;
            check_program(binary, &unpacked.join("usr/bin/ponte"), &unpacked.join("etc/ponte/ponte.toml"), confine)
        })?;
    }
    if binary.is_for_linux() {
        checked("image context", &|root| {
            let program = image::program(folder, &binary.target)?;
            copy(&program, &root.join(super::NAME))?;
            let size = fs::metadata(&program)?.len();
            ensure!(!binary.is_release || size < MAX_IMAGE_BYTES, "the image is too large: {size} bytes");
            if !binary.is_static() || !confine {
                return check_service(&Surroundings::Unconfined, &root.join(super::NAME), binary);
            }
            println!("in an empty, read-only root as nobody: {size} bytes");
            check_service(&Surroundings::EmptyRoot(root.to_owned()), Path::new("/ponte"), binary)
        })?;
    }
    Ok(())
}

fn check_program(binary: &Binary, program: &Path, options: &Path, confine: bool) -> Result<()> {
    let surroundings = if confine { Surroundings::ReadOnlySystem } else { Surroundings::Unconfined };
    let version = output(surroundings.command(program).arg("--version"))?;
    let version = String::from_utf8_lossy(&version);
    ensure!(version.contains(VERSION), "--version prints {version:?}");
    output(surroundings.command(program).args(["config", "check", "--config"]).arg(options))?;
    check_service(&surroundings, program, binary)
}

/// Serves the page and says that it is up, to a program and to its own health check.
fn check_service(surroundings: &Surroundings, program: &Path, binary: &Binary) -> Result<()> {
    let bridge = Running::start(surroundings.command(program))?;
    bridge.get("/healthz")?;
    let page = bridge.get("/")?;
    // A debug build may have a placeholder instead of the page.
    ensure!(page.contains("<html"), "/ is no page: {page}");
    ensure!(!binary.is_release || page.contains("/code-"), "the page has no code: {page}");
    output(surroundings.command(program).arg("healthcheck").env("PONTE_LISTEN", &bridge.address))?;
    let unreachable = format!("http://{}/missing", bridge.address);
    let failed = surroundings.command(program).args(["healthcheck", "--url", &unreachable]).output()?;
    ensure!(failed.status.code() == Some(1), "the health check of a missing page ended with {}", failed.status);
    Ok(())
}

fn check_start_time(binary: &Binary, program: &Path) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        times.push(Running::start(Surroundings::Unconfined.command(program))?.started_in);
    }
    times.sort();
    let (best, median) = (times[0], times[STARTS / 2]);
    println!(
        "from exec to listening: best {:.1} ms, median {:.1} ms",
        best.as_secs_f64() * 1e3,
        median.as_secs_f64() * 1e3
    );
    if binary.is_release && best > LISTENING_WITHIN {
        bail!("the start takes longer than {LISTENING_WITHIN:?}");
    }
    Ok(())
}

fn only_entry(folder: &Path) -> Result<PathBuf> {
    let entries: Vec<_> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    match &entries[..] {
        [entry] => Ok(entry.clone()),
        _ => bail!("the archive must contain exactly one folder, not {entries:?}"),
    }
}

/// Temporary folders belong to their user alone, but the programs in them run as nobody.
#[cfg(unix)]
fn open_to_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn open_to_all(_folder: &Path) -> Result<()> {
    Ok(())
}
