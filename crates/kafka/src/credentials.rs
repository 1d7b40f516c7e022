//! The user name and password of SASL PLAIN and SCRAM. They can be replaced while the bridge runs: every client uses the new
//! ones for its next connection, and open connections stay open.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client_config::KafkaProperties;
use super::native::{CredentialsSlot, KafkaClient};

pub const USERNAME: &str = "sasl.username";
pub const PASSWORD: &str = "sasl.password";

/// The credentials for one cluster; clones share them.
#[derive(Clone, Default)]
pub struct Credentials(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The credentials that replace those with which the clients are created.
    replaced: Option<(String, String)>,
    clients: HashMap<u64, CredentialsSlot>,
    next_client: u64,
}

impl Credentials {
    /// Sets the current credentials, and each later ones, on this client, as long as the registration lives.
    pub fn register(&self, client: &impl KafkaClient) -> Registration {
        let slot = CredentialsSlot::of(client);
        let mut state = self.lock();
        if let Some((username, password)) = &state.replaced {
            set(&slot, username, password);
        }
        let id = state.next_client;
        state.next_client += 1;
        state.clients.insert(id, slot);
        Registration { credentials: self.clone(), id }
    }

    /// Replaces the credentials by those of these properties, if they have any.
    pub fn replace(&self, properties: &KafkaProperties) {
        let (Some(username), Some(password)) = (properties.get(USERNAME), properties.get(PASSWORD)) else { return };
        let mut state = self.lock();
        state.clients.values().for_each(|client| set(client, username, password));
        state.replaced = Some((username.to_owned(), password.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is a single assignment or insert.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set(client: &CredentialsSlot, username: &str, password: &str) {
    if let Err(error) = client.set(username, password) {
        tracing::error!(%error, "a Kafka client keeps its old user name and password");
    }
}

/// Prints no content, because passwords are secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// The entry of a client among those that get new credentials.
pub struct Registration {
    credentials: Credentials,
    id: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.credentials.lock().clients.remove(&self.id);
    }
}
