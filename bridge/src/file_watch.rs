//! Notices that a file was changed or replaced, by its times, size and inode. A replaced symbolic link counts too: this is how Kubernetes
//! updates mounted secrets.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often watched files should be checked.
pub const CHECK_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct WatchedFile {
    path: PathBuf,
    last: Option<Stamp>,
    /// A change that may not be complete yet.
    growing: Option<Stamp>,
    /// The error of the last attempt to use the file, so that it is logged once.
    error: Option<String>,
}

/// `None` as a [`Stamp`]: the file does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    /// Also changes with the owner and the permissions: seconds and nanoseconds.
    changed: (i64, i64),
    bytes: u64,
    inode: u64,
}

impl WatchedFile {
    /// The file was read just now.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), last: stamp(path), growing: None, error: None }
    }

    /// The file was read some time ago and may have changed since: it counts as changed once.
    pub fn read_earlier(path: &Path) -> Self {
        Self { last: None, ..Self::new(path) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Call after an attempt to use the file. After an error the file counts as changed, so that it is tried again. Returns the error to
    /// log: once for each text, unless the user has asked.
    pub fn used(&mut self, outcome: Result<(), String>, is_requested: bool) -> Option<String> {
        let Err(error) = outcome else {
            self.error = None;
            return None;
        };
        self.last = None;
        let is_new = self.error.as_ref() != Some(&error);
        self.error = Some(error.clone());
        (is_new || is_requested).then_some(error)
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

    /// Whether the last call of [`Self::has_settled`] has seen a change that may not be complete.
    pub fn is_growing(&self) -> bool {
        self.growing.is_some()
    }

    /// Whether the file has changed and is the same as at the last call, so that it is complete: for files whose beginning is
    /// valid too, but means something else.
    pub fn has_settled(&mut self) -> bool {
        let now = stamp(&self.path);
        let has_changed = now.is_some() && now != self.last;
        let has_settled = has_changed && now == self.growing;
        self.growing = now.filter(|_| has_changed && !has_settled);
        if has_settled {
            self.last = now;
        }
        has_settled
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let (inode, changed) = {
        use std::os::unix::fs::MetadataExt as _;
        (metadata.ino(), (metadata.ctime(), metadata.ctime_nsec()))
    };
    #[cfg(not(unix))]
    let (inode, changed) = (0, (0, 0));
    Some(Stamp { modified: metadata.modified().ok(), changed, bytes: metadata.len(), inode })
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
        let mut earlier = WatchedFile::read_earlier(&path);
        assert!(earlier.has_changed() && !earlier.has_changed());
        std::fs::write(&path, "three").expect("a file");
        assert!(watched.has_changed() && !watched.has_changed());
        std::fs::remove_file(&path).expect("it exists");
        assert!(!watched.has_changed(), "missing");
        std::fs::write(&path, "seven").expect("a file");
        assert!(watched.has_changed());
    }

    #[test]
    fn change_that_grows_is_not_complete() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut watched = WatchedFile::new(file.path());
        assert!(!watched.has_settled());
        for text in ["a", "ab"] {
            std::fs::write(file.path(), text).expect("a file");
            assert!(!watched.has_settled(), "{text}");
        }
        assert!(watched.has_settled() && !watched.has_settled());
    }

    #[test]
    fn file_that_cannot_be_used_is_tried_again_and_its_error_is_returned_once() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut watched = WatchedFile::new(file.path());
        assert!(!watched.has_changed());
        assert_eq!(watched.used(Err("one".to_owned()), false).as_deref(), Some("one"));
        assert!(watched.has_changed());
        assert_eq!(watched.used(Err("one".to_owned()), false), None);
        assert_eq!(watched.used(Err("one".to_owned()), true).as_deref(), Some("one"));
        assert_eq!(watched.used(Err("two".to_owned()), false).as_deref(), Some("two"));
        assert_eq!(watched.used(Ok(()), false), None);
        assert_eq!(watched.used(Err("two".to_owned()), false).as_deref(), Some("two"));
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
        assert!(!watched.has_changed());
        std::os::unix::fs::symlink("new", at("..data_tmp")).expect("a link");
        std::fs::rename(at("..data_tmp"), at("..data")).expect("it exists");
        assert!(watched.has_changed() && !watched.has_changed());
    }
}
