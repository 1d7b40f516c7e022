//! The client of a schema registry with Confluent's HTTP API: Confluent, Karapace, Apicurio, Redpanda.
//!
//! [`Registry`] has compiled schemas for records; [`RegistryClient`] lists, registers and deletes schemas. Requests run on a few
//! threads of their own, so callers never block on the network, unless they ask for it.

mod api;
mod budget;
mod cache;
mod core;
mod error;
mod health;
mod http;
mod loader;
mod management;
mod operations;
mod references;
mod refused;
mod schema;
mod settings;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(feature = "tls")]
mod tls;
mod waiter;
mod workers;

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use protocol::VersionOfSubject;
use tokio::sync::watch;

pub use self::error::RegistryError;
pub use self::health::RegistryState;
pub use self::management::{Deleted, RegistryClient};
pub use self::schema::{CompatibilityCheck, Deletion, RegisteredSchema, SchemaId, SubjectSchema, Version};
pub use self::settings::{ClientCertificate, RegistryAuth, RegistrySettings, RegistryUrl};

use self::core::{Core, Limits};
use self::loader::{Absent, Loader};
use self::waiter::Waiter;
use crate::error::{DecodeError, DecodeErrorCode};
use crate::formats::wire::PrefixId;

/// Compiled schemas by their ids. Clones share everything.
///
/// - Each id is asked for once at a time, and its schema is kept. The least recently used of more than 1,000 schemas, or of 64 MiB of
///   text, leave.
/// - An id that the registry does not have is asked for again after a minute. Records with random bytes in place of an id cause a
///   burst of at most 64 requests, and then one each second; other ids are refused until then. Existing schemas do not count.
/// - While the registry is down, schemas that are not cached are refused at once. A probe finds out when it is up again: after one
///   second, then after two, up to every 30 s.
pub struct Registry<S> {
    loader: Arc<Loader<S>>,
}

/// What is known about a schema, without a request.
#[derive(Clone, Debug)]
pub enum Lookup<S> {
    Ready(Arc<S>),
    /// The schema cannot be used, at least for now: it does not exist, is invalid, or cannot be loaded at the moment.
    Failed(DecodeError),
    /// [`Registry::load`] waits for it.
    Loading,
    /// [`Registry::load`] asks for it.
    Unknown,
}

impl<S: Send + Sync + 'static> Registry<S> {
    /// Sends nothing yet. `compile` runs on a thread of the registry, once for each schema.
    ///
    /// # Errors
    /// If a file of a certificate cannot be read, or the settings cannot be used. A sentence without secrets.
    pub fn new(
        settings: &RegistrySettings,
        compile: impl Fn(&RegisteredSchema) -> Result<S, DecodeError> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        Self::with_limits(settings, Limits::default(), compile)
    }

    fn with_limits(
        settings: &RegistrySettings,
        limits: Limits,
        compile: impl Fn(&RegisteredSchema) -> Result<S, DecodeError> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        Ok(Self { loader: Loader::new(Core::new(settings, limits)?, Box::new(compile)) })
    }

    /// What is known about a schema. Never blocks on the network.
    pub fn get(&self, id: SchemaId) -> Lookup<S> {
        match self.ready(id) {
            Some(schema) => Lookup::Ready(schema),
            None => match self.loader.absent(id) {
                Absent::Failed(error) => Lookup::Failed(error),
                Absent::Loading => Lookup::Loading,
                Absent::Unknown => Lookup::Unknown,
            },
        }
    }

    /// Like [`Self::get`], but does not describe errors, which takes longer than most records need to be decoded.
    pub(crate) fn get_undescribed(&self, id: SchemaId) -> Result<Arc<S>, DecodeErrorCode> {
        self.ready(id).ok_or_else(|| self.loader.failure_code(id))
    }

    /// Whether [`Self::load`] would wait for the schema.
    pub fn is_loadable(&self, id: SchemaId) -> bool {
        self.ready(id).is_none() && self.loader.is_loadable(id)
    }

    fn ready(&self, id: SchemaId) -> Option<Arc<S>> {
        self.loader.ready.read().unwrap_or_else(PoisonError::into_inner).get(id)
    }

    /// Asks for schemas that are not known. Returns when each has an answer, which [`Self::get`] returns, or after `wait`; the loads
    /// then go on. Must be called in a runtime of tokio with timers.
    pub async fn load(&self, ids: &[SchemaId], wait: Duration) {
        if wait.is_zero() {
            return self.loader.start(ids, None);
        }
        let waiting = self.start_waiting(ids);
        if !waiting.waiter.is_done() {
            waiting.waiter.wait(wait).await;
        }
    }

    /// Like [`Self::load`], but blocks the thread.
    pub fn load_blocking(&self, ids: &[SchemaId], wait: Duration) {
        self.start_waiting(ids).waiter.wait_blocking(wait);
    }

    /// The subjects and versions that have a schema, if it is cached and they are known. They are loaded after the schema.
    pub fn versions_of(&self, id: SchemaId) -> Option<Vec<VersionOfSubject>> {
        let place = self.loader.ready.read().unwrap_or_else(PoisonError::into_inner).versions(id)?;
        place.get().cloned()
    }

    /// Forgets which schemas could not be loaded, so that they are asked for again: after a schema was registered, or when a user
    /// wants another attempt.
    pub fn forget_failures(&self) {
        self.loader.forget_failures();
    }

    /// Which id comes before the bytes of records.
    pub fn prefix_id(&self) -> PrefixId {
        self.loader.core.prefix_id
    }

    /// Whether the registry answers, with changes.
    pub fn state(&self) -> watch::Receiver<RegistryState> {
        self.loader.core.health.subscribe()
    }

    /// For listing, registering and deleting schemas.
    pub fn client(&self) -> RegistryClient {
        RegistryClient(self.loader.core.clone())
    }

    fn start_waiting<'a>(&'a self, ids: &'a [SchemaId]) -> Waiting<'a, S> {
        let waiting = Waiting { loader: &self.loader, ids, waiter: Arc::default() };
        self.loader.start(ids, Some(&waiting.waiter));
        waiting
    }
}

impl<S> Clone for Registry<S> {
    fn clone(&self) -> Self {
        Self { loader: self.loader.clone() }
    }
}

impl<S> fmt::Debug for Registry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

impl<S> Lookup<S> {
    /// The schema, or why it could not be loaded. For use after [`Registry::load`].
    ///
    /// # Errors
    /// [`DecodeErrorCode::SchemaUnavailable`] also if the load has not ended.
    pub fn into_result(self, id: SchemaId) -> Result<Arc<S>, DecodeError> {
        let unavailable = |why: &str| {
            let message = format!("the schema {id} {why}");
            Err(DecodeError::new(DecodeErrorCode::SchemaUnavailable, message))
        };
        match self {
            Self::Ready(schema) => Ok(schema),
            Self::Failed(error) => Err(error),
            Self::Loading => unavailable("is still being loaded"),
            Self::Unknown => unavailable("is not loaded"),
        }
    }
}

/// A caller that waits. When it does not wait any longer, because of the time or because its task was cancelled, it is removed from
/// the lists of those who wait.
struct Waiting<'a, S: Send + Sync + 'static> {
    loader: &'a Loader<S>,
    ids: &'a [SchemaId],
    waiter: Arc<Waiter>,
}

impl<S: Send + Sync + 'static> Drop for Waiting<'_, S> {
    fn drop(&mut self) {
        if !self.waiter.is_done() {
            self.loader.forget_waiter(self.ids, &self.waiter);
        }
    }
}
