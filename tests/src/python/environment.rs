//! A virtual environment of Python with the packages of `requirements.txt`. Uses only the standard library, so that
//! `cargo xtask setup` can include this file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The interpreter of the environment in `target/python/serializers`, which is made on first use. Other processes wait meanwhile.
///
/// # Errors
/// Why this machine cannot have it, and what to install.
pub fn find_or_make(target: &Path) -> Result<PathBuf, String> {
    let directory = target.join("python").join("serializers");
    let python = directory.join("bin").join("python");
    // Written last, so it is there only if everything is installed.
    let installed = directory.join("installed.txt");
    let is_complete = || fs::read_to_string(&installed).is_ok_and(|text| text == REQUIREMENTS);
    if is_complete() {
        return Ok(python);
    }
    let failed = |what: &Path, error: std::io::Error| format!("{}: {error}", what.display());
    fs::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
    let lock_file = directory.with_extension("lock");
    let lock = File::create(&lock_file).map_err(|error| failed(&lock_file, error))?;
    lock.lock().map_err(|error| failed(&lock_file, error))?;
    // Another process may have made it in the meantime.
    if is_complete() {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory), "install python3-venv")?;
    let requirements = directory.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).map_err(|error| failed(&requirements, error))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    run(&mut pip, "check that PyPI is reachable")?;
    fs::rename(&requirements, &installed).map_err(|error| failed(&installed, error))?;
    Ok(python)
}

fn run(command: &mut Command, advice: &str) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let reason = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(format!("cannot make the environment of Python for typed records; {advice}: `{command:?}`: {reason}"))
}
