//! The .deb package: program, man pages, completions, systemd unit and the files in /etc/ponte. `dpkg-deb` builds it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::binary::Binary;
use super::bundle::{Bundle, LICENCES, files};
use super::image::architecture;
use super::{NAME, VERSION, copy};
use crate::programs::{is_on_path, run, workspace_root};

pub(super) fn file_name(binary: &Binary) -> Result<String> {
    Ok(format!("{NAME}_{VERSION}_{}.deb", architecture(&binary.target)?))
}

/// Skipped with a note where `dpkg-deb` does not exist.
pub(super) fn write(bundle: &Bundle, file: &Path) -> Result<()> {
    if !is_on_path("dpkg-deb") {
        eprintln!("note: no .deb was built: dpkg-deb is missing");
        return Ok(());
    }
    let root = tempfile::tempdir()?;
    let root = root.path().join("package");
    install(bundle, &root)?;
    fs::create_dir(root.join("DEBIAN"))?;
    write_control(bundle, &root).context("cannot write the control files")?;
    set_modes(&root)?;
    let compression = if bundle.is_release { "-Zxz" } else { "-Znone" };
    run(Command::new("dpkg-deb").args(["--root-owner-group", compression, "--build"]).arg(&root).arg(file))
}

fn install(bundle: &Bundle, root: &Path) -> Result<()> {
    let deploy = workspace_root().join("deploy");
    let document = Path::new("usr/share/doc/ponte");
    let from_bundle = [
        ("ponte", "usr/bin/ponte"),
        ("ponte.service", "usr/lib/systemd/system/ponte.service"),
        ("ponte.toml", "etc/ponte/ponte.toml"),
        ("completions/ponte.bash", "usr/share/bash-completion/completions/ponte"),
        ("completions/_ponte", "usr/share/zsh/vendor-completions/_ponte"),
        ("completions/ponte.fish", "usr/share/fish/vendor_completions.d/ponte.fish"),
    ];
    for (from, to) in from_bundle {
        copy(&bundle.folder.join(from), &root.join(to))?;
    }
    copy(&deploy.join("debian/client.properties"), &root.join("etc/ponte/client.properties"))?;
    for name in ["README.md", "README.it.md", "CHANGELOG.md", LICENCES] {
        copy(&bundle.folder.join(name), &root.join(document).join(name))?;
    }
    copy(&deploy.join("debian/copyright"), &root.join(document).join("copyright"))?;
    for page in bundle.man_pages()? {
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        compress(&fs::read(&page)?, &root.join("usr/share/man/man1").join(format!("{name}.gz")))?;
    }
    Ok(())
}

/// gzip without a name or a time, so that the same text gives the same bytes.
fn compress(text: &[u8], to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut encoder = GzEncoder::new(fs::File::create(to)?, Compression::best());
    std::io::Write::write_all(&mut encoder, text)?;
    encoder.finish()?;
    Ok(())
}

fn write_control(bundle: &Bundle, root: &Path) -> Result<()> {
    let control = root.join("DEBIAN");
    let size: u64 = files(root)?.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum();
    let text = format!(
        "Package: {NAME}\n\
         Version: {VERSION}\n\
         Architecture: {}\n\
         Maintainer: The Ponte authors <noreply@example.com>\n\
         Installed-Size: {}\n\
         Pre-Depends: init-system-helpers (>= 1.54~)\n\
         {}\
         Recommends: ca-certificates\n\
         Section: net\n\
         Priority: optional\n\
         Description: Kafka in the browser\n \
          Ponte serves a page that produces and consumes Kafka records, and shows topics,\n \
          consumer groups and brokers. The program also runs in the terminal.\n",
        architecture(&bundle.target)?,
        size.div_ceil(1024),
        // A static binary needs no library.
        if bundle.target.ends_with("-musl") { "" } else { "Depends: libc6\n" },
    );
    fs::write(control.join("control"), text)?;
    fs::write(control.join("conffiles"), "/etc/ponte/client.properties\n/etc/ponte/ponte.toml\n")?;
    for script in ["postinst", "prerm", "postrm"] {
        copy(&workspace_root().join("deploy/debian").join(script), &control.join(script))?;
    }
    Ok(())
}

/// The modes of the packaged files do not depend on the umask, nor on those in the work tree.
#[cfg(unix)]
fn set_modes(root: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        set(&folder, 0o755)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name == "client.properties" {
                // It may contain a password.
                set(&path, 0o600)?;
            } else {
                let is_program =
                    path.ends_with("usr/bin/ponte") || ["postinst", "prerm", "postrm"].contains(&name.as_str());
                set(&path, if is_program { 0o755 } else { 0o644 })?;
            }
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn set_modes(_root: &Path) -> Result<()> {
    anyhow::bail!("a .deb needs the file modes of Unix")
}
