//! One file of the page with its compressed forms, and the cache that makes compressing it again unnecessary.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// 64 bits: two versions of our own files will not meet by chance, nobody attacks these names, and they stay readable.
const HASH_HEX_DIGITS: usize = 16;

/// The strongest level. Its time is paid once per content, then the cache answers.
const BROTLI_QUALITY: i32 = 11;
/// 4 MiB: more than the whole wasm file.
const BROTLI_WINDOW_BITS: i32 = 22;

pub struct Asset {
    /// On the server, with its leading slash.
    pub path: String,
    pub content_type: &'static str,
    /// The path changes with the content, so a browser may keep it for ever.
    pub immutable: bool,
    pub plain: Vec<u8>,
    pub brotli: Vec<u8>,
    pub gzip: Vec<u8>,
}

impl Asset {
    /// An asset whose name carries the hash of its content: `/ponte-0123456789abcdef.css`, `/ponte-0123456789abcdef_bg.wasm`.
    pub(crate) fn hashed(stem: &str, extension: &str, plain: Vec<u8>, cache: &CompressionCache) -> Result<Self> {
        let hash = content_hash(&plain);
        let path = match stem.strip_suffix("_bg") {
            Some(stem) => format!("/{stem}-{hash}_bg.{extension}"),
            None => format!("/{stem}-{hash}.{extension}"),
        };
        Ok(Self { immutable: true, ..Self::named(&path, extension, plain, cache)? })
    }

    /// An asset under a path that stays the same when its content changes.
    pub(crate) fn named(path: &str, extension: &str, plain: Vec<u8>, cache: &CompressionCache) -> Result<Self> {
        let content_type = match extension {
            "css" => "text/css; charset=utf-8",
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            // Anything else and browsers refuse to compile it while it streams in.
            "wasm" => "application/wasm",
            _ => bail!("{path}: no content type is known for .{extension}; add it in page_builder"),
        };
        let brotli = cache.get_or_make(&plain, "br", brotli)?;
        let gzip = cache.get_or_make(&plain, "gz", gzip)?;
        Ok(Self { path: path.to_owned(), content_type, immutable: false, plain, brotli, gzip })
    }
}

fn content_hash(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let mut hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hash.truncate(HASH_HEX_DIGITS);
    hash
}

fn brotli(plain: &[u8]) -> Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*plain, &mut compressed, &parameters).context("cannot compress with brotli")?;
    Ok(compressed)
}

fn gzip(plain: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).context("cannot compress with gzip")?;
    encoder.finish().context("cannot compress with gzip")
}

/// Compressed contents by the hash of the plain one: after an edit of the stylesheet the wasm is not compressed again.
pub(crate) struct CompressionCache {
    directory: PathBuf,
    /// File names that this build asked for; the others are of earlier builds.
    used: Mutex<BTreeSet<String>>,
}

impl CompressionCache {
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Self { directory: directory.to_owned(), used: Mutex::default() })
    }

    fn get_or_make(&self, plain: &[u8], suffix: &str, make: fn(&[u8]) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let name = format!("{}.{suffix}", content_hash(plain));
        let path = self.directory.join(&name);
        if let Ok(mut used) = self.used.lock() {
            used.insert(name.clone());
        }
        if let Ok(compressed) = fs::read(&path) {
            return Ok(compressed);
        }
        let compressed = make(plain)?;
        // Renamed into place: a build that is interrupted here leaves no half file for the next one to trust.
        let unfinished = self.directory.join(format!("{name}.unfinished"));
        fs::write(&unfinished, &compressed)
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(compressed)
    }

    /// Removes what earlier builds left, so that the directory does not grow with every edit.
    pub(crate) fn forget_unused(&self) -> Result<()> {
        let Ok(used) = self.used.lock() else { return Ok(()) };
        let entries =
            fs::read_dir(&self.directory).with_context(|| format!("cannot list {}", self.directory.display()))?;
        for entry in entries.flatten() {
            if !used.contains(entry.file_name().to_string_lossy().as_ref()) {
                // Another build may have been faster; a file too many does no harm either.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}
