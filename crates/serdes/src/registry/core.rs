//! What all requests to one registry share: its connections, threads and state.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ureq::http::Method;

use super::error::RegistryError;
use super::health::Health;
use super::http::{Answer, Api, Call, HttpClient};
use super::settings::RegistrySettings;
use super::workers::Workers;
use crate::formats::wire::PrefixId;

/// How much a registry is asked, and how much is kept. Tests have shorter times.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// How many schema ids that turn out not to exist are asked for at once …
    pub unknown_burst: u32,
    /// … and after that, one in each interval.
    pub unknown_interval: Duration,
    /// How long it is remembered that a schema does not exist. It may be registered later.
    pub not_found: Duration,
    /// How long it is remembered that the registry has an error for one schema.
    pub server_error: Duration,
    pub first_probe: Duration,
    pub max_probe: Duration,
    pub cached_schemas: usize,
    pub cached_bytes: usize,
    pub cached_failures: usize,
    /// How long a thread waits for an answer.
    pub blocking_wait: Duration,
    /// Schemas that are being loaded, or wait for it.
    pub loading: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unknown_burst: 64,
            unknown_interval: Duration::from_secs(1),
            not_found: Duration::from_secs(60),
            server_error: Duration::from_secs(5),
            first_probe: Duration::from_secs(1),
            max_probe: Duration::from_secs(30),
            cached_schemas: 1_000,
            cached_bytes: 64 * 1024 * 1024,
            cached_failures: 10_000,
            blocking_wait: Duration::from_secs(15),
            loading: 1_024,
        }
    }
}

/// Threads that load schemas. Enough for one round trip for most sets of references, few enough for any registry.
const LOADERS: usize = 4;
/// Threads for management, so that a slow search does not delay records.
const MANAGERS: usize = 2;
/// Jobs of loading that may wait: for each schema its references, in the worst case.
const MAX_LOADER_JOBS: usize = 16 * 1024;
const MAX_MANAGER_JOBS: usize = 256;

/// Every registry with Confluent's API has this list, and it is short.
const PROBE_PATH: &str = "/schemas/types";

pub(super) struct Core {
    /// The address of the first node.
    pub address: String,
    /// Which id comes before the bytes of records.
    pub prefix_id: PrefixId,
    http: HttpClient,
    pub health: Health,
    pub loaders: Workers,
    pub managers: Workers,
    pub limits: Limits,
}

impl Core {
    pub(super) fn new(settings: &RegistrySettings, limits: Limits) -> Result<Arc<Self>, String> {
        Ok(Arc::new(Self {
            address: settings.urls.first().map(ToString::to_string).unwrap_or_default(),
            prefix_id: settings.prefix_id,
            http: HttpClient::new(settings)?,
            health: Health::new(limits.first_probe, limits.max_probe),
            loaders: Workers::new(LOADERS, MAX_LOADER_JOBS),
            managers: Workers::new(MANAGERS, MAX_MANAGER_JOBS),
            limits,
        }))
    }

    /// Sends a request and blocks for its answer.
    pub(super) fn send(self: &Arc<Self>, call: &Call<'_>) -> Result<Answer, RegistryError> {
        self.send_and_report(call, false)
    }

    pub(super) fn get<T: DeserializeOwned>(self: &Arc<Self>, path: &str) -> Result<T, RegistryError> {
        self.request(Method::GET, path, None)
    }

    pub(super) fn request<T: DeserializeOwned>(
        self: &Arc<Self>,
        method: Method,
        path: &str,
        body: Option<&str>,
    ) -> Result<T, RegistryError> {
        read(&self.send(&Call { method, api: Api::Confluent, path, body })?)
    }

    /// Asks the registry for something small, to know whether it answers.
    pub(super) fn probe(self: &Arc<Self>) -> Result<(), RegistryError> {
        let call = Call { method: Method::GET, api: Api::Confluent, path: PROBE_PATH, body: None };
        match self.send_and_report(&call, true) {
            // Any answer will do, also of a registry without this list.
            Err(error) if error.is_outage() => Err(error),
            _ => Ok(()),
        }
    }

    fn send_and_report(self: &Arc<Self>, call: &Call<'_>, is_probe: bool) -> Result<Answer, RegistryError> {
        let period = self.health.period();
        let result = self.http.send(call);
        match &result {
            Err(error) if error.is_outage() => {
                if let Some(delay) = self.health.report_outage(period, &error.to_string(), is_probe) {
                    let core = Arc::downgrade(self);
                    let period = self.health.period();
                    self.loaders.submit_at(Instant::now() + delay, move || {
                        let Some(core) = Weak::upgrade(&core) else { return };
                        // The registry may be up again, or even down again with a probe of its own.
                        if core.health.period() == period && core.health.outage().is_some() {
                            let _ = core.probe();
                        }
                    });
                }
            }
            _ => self.health.report_success(),
        }
        result
    }
}

/// Reads an answer in JSON.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, RegistryError> {
    protocol::from_json_bytes(&answer.body).map_err(|error| RegistryError::Unexpected { reason: error.to_string() })
}
