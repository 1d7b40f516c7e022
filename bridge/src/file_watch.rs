//! Notices that a file was changed or replaced, by its modification time, size and inode. A replaced symbolic link counts too:
//! this is how Kubernetes updates mounted secrets.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often watched files should be checked.
pub const CHECK_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct WatchedFile {
    path: PathBuf,
    last: Option<Stamp>,
}

/// `None` as a [`Stamp`]: the file does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl WatchedFile {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), last: stamp(path) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file exists and differs from the last call. A file that is missing for a moment, while it is replaced, is
    /// not a change yet.
    pub fn has_changed(&mut self) -> bool {
        let now = stamp(&self.path);
        let has_changed = now.is_some() && now != self.last;
        if has_changed {
            self.last = now;
        }
        has_changed
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Some(Stamp { modified: metadata.modified().ok(), bytes: metadata.len(), inode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_of_content_is_noticed_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        std::fs::write(&path, "one").expect("a file");
        let mut watched = WatchedFile::new(&path);
        assert!(!watched.has_changed());
        std::fs::write(&path, "three").expect("a file");
        assert!(watched.has_changed() && !watched.has_changed());
        std::fs::remove_file(&path).expect("it exists");
        assert!(!watched.has_changed(), "missing");
        std::fs::write(&path, "seven").expect("a file");
        assert!(watched.has_changed());
    }

    #[cfg(unix)]
    #[test]
    fn replaced_symbolic_link_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["old", "new"] {
            std::fs::create_dir(at(name)).expect("a folder");
            std::fs::write(at(name).join("token"), "same").expect("a file");
        }
        // The layout of a mounted secret: token -> ..data/token, and ..data -> the folder of the current version.
        std::os::unix::fs::symlink("old", at("..data")).expect("a link");
        std::os::unix::fs::symlink("..data/token", at("token")).expect("a link");
        let mut watched = WatchedFile::new(&at("token"));
        std::os::unix::fs::symlink("new", at("..data_tmp")).expect("a link");
        std::fs::rename(at("..data_tmp"), at("..data")).expect("it exists");
        assert!(watched.has_changed() && !watched.has_changed());
    }
}
