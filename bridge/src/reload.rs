//! Reads changed files again while the bridge runs: the access token, the TLS certificate, the credentials of the properties files, users, rules
//! and masks, and the schemas of topics. Watched every two seconds, and read at once on SIGHUP. Everything else needs a restart, which the log says by name.

mod configuration;
mod schemas;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use self::configuration::ConfigurationFile;
use self::configuration::WatchedConfiguration;
use crate::file_watch::{CHECK_EVERY, WatchedFile};
use crate::signals::Hangups;
use kafka::client_config::{Connection, KafkaProperties};
use protocol::ClusterName;
use serdes::{Decoder, TopicRule};
use server::access_token::AccessToken;
use server::http::Certificate;
use server::websocket::Shared;

/// The files that can change.
pub struct Reloader {
    token: Option<WatchedFile>,
    certificate: Option<CertificateFiles>,
    properties: Vec<PropertiesFile>,
    configuration: Option<WatchedConfiguration>,
}

struct CertificateFiles {
    watched: [WatchedFile; 2],
    certificate: Arc<Certificate>,
}

/// The file of a cluster's `kafka-config`.
struct PropertiesFile {
    watched: WatchedFile,
    connection: Connection,
    /// The file's last valid content.
    properties: KafkaProperties,
}

impl Reloader {
    pub fn new(
        token_file: Option<&Path>,
        certificate: Option<Arc<Certificate>>,
        configuration: Option<ConfigurationFile>,
    ) -> Self {
        let certificate = certificate.map(|certificate| CertificateFiles {
            watched: certificate.files().map(WatchedFile::read_earlier),
            certificate,
        });
        Self {
            token: token_file.map(WatchedFile::read_earlier),
            certificate,
            properties: Vec::new(),
            configuration: configuration.map(WatchedConfiguration::new),
        }
    }

    /// Watches the file of a cluster. `properties`: the content with which the bridge was started.
    pub fn add(&mut self, path: &Path, connection: &Connection, properties: KafkaProperties) {
        let (watched, connection) = (WatchedFile::new(path), connection.clone());
        self.properties.push(PropertiesFile { watched, connection, properties });
    }

    /// Changes of `[[schemas]]` and its files apply to the decoder of a cluster. `loaded`: the schemas with which the bridge was started; `own`:
    /// those that are in no file.
    pub fn add_schemas(
        &mut self,
        cluster: ClusterName,
        decoder: &Arc<Decoder>,
        loaded: Vec<TopicRule>,
        own: Vec<TopicRule>,
    ) {
        if let Some(configuration) = &mut self.configuration {
            configuration.schemas.add(cluster, Arc::clone(decoder), loaded, own);
        }
    }

    fn is_empty(&self) -> bool {
        self.token.is_none() && self.certificate.is_none() && self.properties.is_empty() && self.configuration.is_none()
    }

    /// Runs until the bridge shuts down.
    pub async fn run(mut self, shared: Arc<Shared>, mut hangups: Hangups, shutdown: CancellationToken) {
        let mut checks = tokio::time::interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_requested = tokio::select! {
                () = shutdown.cancelled() => return,
                () = hangups.next() => true,
                _ = checks.tick(), if !self.is_empty() => false,
            };
            if is_requested {
                match self.is_empty() {
                    true => tracing::info!("SIGHUP: there is no file to read again"),
                    false => tracing::info!("SIGHUP: reading the files again"),
                }
            }
            let shared = Arc::clone(&shared);
            // Reading files blocks.
            let read = tokio::task::spawn_blocking(move || {
                self.read(is_requested, &shared);
                self
            });
            match read.await {
                Ok(reloader) => self = reloader,
                Err(error) => return tracing::error!(%error, "files are not read again any more"),
            }
        }
    }

    /// Reads the files that have changed, or all of them.
    fn read(&mut self, all: bool, shared: &Shared) {
        if let Some(file) = &mut self.token
            && (file.has_changed() || all)
        {
            let read = read_token(file.path(), shared);
            if let Some(error) = file.used(read, all) {
                tracing::error!("{}: the access token is unchanged: {error}", file.path().display());
            }
        }
        if let Some(files) = &mut self.certificate {
            files.read(all);
        }
        for file in &mut self.properties {
            if file.watched.has_changed() || all {
                let read = file.read();
                if let Some(error) = file.watched.used(read, all) {
                    tracing::error!("the Kafka credentials are unchanged: {error}");
                }
            }
        }
        if let Some(configuration) = &mut self.configuration {
            configuration.read(all, &shared.admission);
        }
    }
}

fn read_token(path: &Path, shared: &Shared) -> Result<(), String> {
    if shared.admission.replace_access_token(AccessToken::read(path)?) {
        tracing::info!("{}: new clients need the new access token", path.display());
    }
    Ok(())
}

impl CertificateFiles {
    fn read(&mut self, always: bool) {
        // Each file is asked, so that a change of both is one change.
        let changed = self.watched.each_mut().map(WatchedFile::has_changed);
        if !changed.contains(&true) && !always {
            return;
        }
        let read = self.certificate.reload().map_err(|error| error.to_string());
        if read == Ok(true) {
            tracing::info!("the TLS certificate was read again; new connections use it");
        }
        if let Some(error) = self.watched[0].used(read.map(drop), always) {
            tracing::error!("the changed TLS certificate cannot be used; the earlier one stays: {error}");
        }
    }
}

impl PropertiesFile {
    fn read(&mut self) -> Result<(), String> {
        let path: PathBuf = self.watched.path().to_owned();
        let file = path.display();
        let now = KafkaProperties::read(&path).map_err(with_causes)?;
        let changes = self.connection.reload(&self.properties, &now).map_err(|error| format!("{file}: {error}"))?;
        if !changes.applied.is_empty() {
            tracing::info!("{file}: changed and used from now on: {}", changes.applied.join(", "));
        }
        if !changes.needs_restart.is_empty() {
            tracing::warn!("{file}: changed: {}; restart the bridge to use it", changes.needs_restart.join(", "));
        }
        self.properties = now;
        Ok(())
    }
}

/// The error with its causes, such as "Permission denied".
fn with_causes(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}
