//! The file of `--config` and the users' token files, read again while the bridge runs: users, rules and masks are replaced, and the schemas of
//! topics; everything else in the file needs a restart.

use clap::CommandFactory;
use server::admission::Admission;

use super::schemas::WatchedSchemas;
use super::with_causes;
use crate::config::{Access, CommandLine, OptionsFile};
use crate::file_watch::WatchedFile;

/// The file with which the bridge was started, and what was loaded from it.
pub struct ConfigurationFile {
    pub file: OptionsFile,
    pub access: Access,
    /// The bridge has neither an access token nor sign-in.
    pub admits_everyone_without_users: bool,
}

/// The file's last valid content.
pub struct WatchedConfiguration {
    watched: WatchedFile,
    tokens: Vec<WatchedFile>,
    pub schemas: WatchedSchemas,
    loaded: ConfigurationFile,
}

impl WatchedConfiguration {
    pub fn new(loaded: ConfigurationFile) -> Self {
        // The files may have changed since they were read.
        let tokens = loaded.file.access.token_files().map(WatchedFile::read_earlier).collect();
        let schemas = WatchedSchemas::new(&loaded.file);
        Self { watched: WatchedFile::read_earlier(&loaded.file.path), tokens, schemas, loaded }
    }

    /// Reads the files if one of them has changed, or always.
    pub fn read(&mut self, always: bool, admission: &Admission) {
        self.read_file(always, admission);
        // Apart from the rest, so that a mistake in a schema does not keep earlier rules.
        self.schemas.read(&self.loaded.file, always);
    }

    fn read_file(&mut self, always: bool, admission: &Admission) {
        // A rule whose last line is missing so far is a rule for everyone. Each file is asked, so that a change of several is
        // one change.
        let has_settled = self.watched.has_settled();
        if self.watched.is_growing() && !always {
            return;
        }
        let tokens = self.tokens.iter_mut().filter_map(|file| file.has_changed().then_some(()));
        if tokens.count() == 0 && !has_settled && !always {
            return;
        }
        let read = self.reload(admission);
        if let Some(error) = self.watched.used(read, always) {
            tracing::error!(
                "the changed configuration file cannot be used; users, rules and masks are unchanged: {error}"
            );
        }
    }

    /// A file of which any part is invalid changes nothing.
    fn reload(&mut self, admission: &Admission) -> Result<(), String> {
        let file = OptionsFile::read(&CommandLine::command(), self.watched.path()).map_err(with_causes)?;
        let access = file.load_access(None).map_err(with_causes)?;
        self.loaded.check_stays_closed(&access)?;
        let path = file.path.display();
        if let Some(changes) = self.loaded.access.changes(&access) {
            admission.replace_users(access.users.clone(), access.policy());
            file.access.warn();
            tracing::info!(
                users = access.users.len(),
                rules = access.rules.len(),
                masks = access.masks.len(),
                "{path}: {changes}; every client connects again"
            );
        }
        let needs_restart = self.loaded.file.changes(&file);
        if !needs_restart.is_empty() {
            tracing::warn!("{path}: changed: {}; restart the bridge to use it", needs_restart.join(", "));
        }
        self.tokens.retain(|token| file.access.token_files().any(|path| path == token.path()));
        for path in file.access.token_files() {
            if self.tokens.iter().all(|token| token.path() != path) {
                self.tokens.push(WatchedFile::read_earlier(path));
            }
        }
        self.schemas.watch(&file);
        self.loaded.file = file;
        self.loaded.access = access;
        Ok(())
    }
}

impl ConfigurationFile {
    /// An editor may have written only the beginning of the file so far, which is valid too. Without this check such a file
    /// would admit everyone, or show everything to everyone.
    fn check_stays_closed(&self, access: &Access) -> Result<(), String> {
        let lost = |before: usize, now: usize| before > 0 && now == 0;
        let (table, effect) = if self.admits_everyone_without_users && lost(self.access.users.len(), access.users.len())
        {
            ("[users]", "everyone would be admitted")
        } else if lost(self.access.rules.len(), access.rules.len()) {
            ("[[rules]]", "everyone might do everything")
        } else if lost(self.access.masks.len(), access.masks.len()) {
            ("[[masks]]", "nothing would be masked")
        } else {
            return Ok(());
        };
        let file = self.file.path.display();
        Err(format!("{file}: there is no {table} any more, so {effect}; restart the bridge if that is intended"))
    }
}
