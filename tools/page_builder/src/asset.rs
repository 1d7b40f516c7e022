//! A file of the page with its compressed forms, and a cache of compressed files.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// 64 bits: two versions of the page's own files do not collide by chance, the names are not under attack, and they
/// stay readable.
const HASH_HEX_DIGITS: usize = 16;

/// The strongest level. The cache makes sure that each content is compressed only once.
const BROTLI_QUALITY: i32 = 11;
/// 4 MiB, which is more than the whole wasm file.
const BROTLI_WINDOW_BITS: i32 = 22;

pub struct Asset {
    /// The path on the server, with a leading slash.
    pub path: String,
    pub content_type: &'static str,
    /// Whether the path changes with the content, so that a browser may cache the file forever.
    pub immutable: bool,
    pub plain: Vec<u8>,
    pub brotli: Vec<u8>,
    pub gzip: Vec<u8>,
}

impl Asset {
    /// The path as `index.html` names it.
    pub(crate) fn relative_path(&self) -> &str {
        self.path.trim_start_matches('/')
    }

    /// An asset with the hash of its content in its name: `/ponte-0123456789abcdef.css`.
    pub(crate) fn hashed(stem: &str, extension: &str, plain: Vec<u8>, cache: &CompressionCache) -> Result<Self> {
        let hash = content_hash(&plain);
        let path = format!("/{stem}-{hash}.{extension}");
        Ok(Self { immutable: true, ..Self::named(&path, extension, plain, cache)? })
    }

    /// Files that refer to each other by relative names, so that a name cannot contain the hash of the file. The folder's name
    /// contains the hash of all of them: `/code-0123456789abcdef/ponte.js`.
    pub(crate) fn hashed_folder(
        stem: &str,
        files: Vec<(String, Vec<u8>)>,
        cache: &CompressionCache,
    ) -> Result<Vec<Self>> {
        let mut hasher = Sha256::new();
        for (name, content) in &files {
            hasher.update(name.as_bytes());
            hasher.update(content);
        }
        let folder = format!("/{stem}-{}", short_hash(hasher));
        files
            .into_iter()
            .map(|(name, content)| {
                let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_owned();
                let path = format!("{folder}/{name}");
                Ok(Self { immutable: true, ..Self::named(&path, &extension, content, cache)? })
            })
            .collect()
    }

    /// An asset with a path that does not depend on its content.
    pub(crate) fn named(path: &str, extension: &str, plain: Vec<u8>, cache: &CompressionCache) -> Result<Self> {
        let content_type = match extension {
            "css" => "text/css; charset=utf-8",
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "svg" => "image/svg+xml",
            // With another content type browsers refuse to compile it while it is downloaded.
            "wasm" => "application/wasm",
            _ => bail!("{path}: unknown content type of .{extension}; add it in page_builder"),
        };
        let brotli = cache.get_or_make(&plain, "br", brotli)?;
        let gzip = cache.get_or_make(&plain, "gz", gzip)?;
        Ok(Self { path: path.to_owned(), content_type, immutable: false, plain, brotli, gzip })
    }
}

fn content_hash(content: &[u8]) -> String {
    short_hash(Sha256::new().chain_update(content))
}

fn short_hash(hasher: Sha256) -> String {
    let mut hash: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
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

/// Compressed files by the hash of their content, so that an edit of the stylesheet does not compress the wasm file
/// again.
pub(crate) struct CompressionCache {
    directory: PathBuf,
    /// The file names that this build used; all others are from earlier builds.
    used: Mutex<BTreeSet<String>>,
}

impl CompressionCache {
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
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
        // Renamed when it is complete, so that an interrupted build leaves no incomplete file in the cache.
        let unfinished = self.directory.join(format!("{name}.unfinished"));
        fs::write(&unfinished, &compressed)
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(compressed)
    }

    /// Removes the files of earlier builds, so that the directory does not grow with every edit.
    pub(crate) fn remove_unused(&self) -> Result<()> {
        let Ok(used) = self.used.lock() else { return Ok(()) };
        let entries =
            fs::read_dir(&self.directory).with_context(|| format!("cannot list {}", self.directory.display()))?;
        for entry in entries.flatten() {
            if !used.contains(entry.file_name().to_string_lossy().as_ref()) {
                // Another build may have removed the file already; a remaining file does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}
