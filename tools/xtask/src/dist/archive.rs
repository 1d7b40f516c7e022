//! The tar.gz archive. The same files give the same bytes: owners, times and order do not depend on the machine.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::bundle::{Bundle, files};
use super::{NAME, VERSION};

/// The name without the ending is also the folder in the archive.
pub(super) fn file_name(target: &str) -> String {
    format!("{}.tar.gz", stem(target))
}

fn stem(target: &str) -> String {
    format!("{NAME}-{VERSION}-{target}")
}

pub(super) fn write(bundle: &Bundle, file: &Path) -> Result<()> {
    let folder = PathBuf::from(stem(&bundle.target));
    let compression = if bundle.is_release { Compression::best() } else { Compression::fast() };
    let write = || -> Result<()> {
        let mut archive = tar::Builder::new(GzEncoder::new(File::create(file)?, compression));
        for path in files(&bundle.folder)? {
            let mode = if path == bundle.program { 0o755 } else { 0o644 };
            append(&mut archive, &path, &folder.join(path.strip_prefix(&bundle.folder)?), mode)?;
        }
        archive.into_inner()?.finish()?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

fn append(archive: &mut tar::Builder<impl Write>, from: &Path, to: &Path, mode: u32) -> Result<()> {
    let from = File::open(from)?;
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(from.metadata()?.len());
    header.set_mode(mode);
    // User, group and time are zero.
    header.set_mtime(0);
    archive.append_data(&mut header, to, from)?;
    Ok(())
}
