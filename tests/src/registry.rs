//! A real schema registry, which is started once for all tests that only add schemas to it.

use std::sync::OnceLock;

use local_registry::{Installation, LocalRegistry, Options};

use crate::skip::skip;

/// The registry that all tests share, so subjects need unique names. The first test that needs it starts it, and it ends with the
/// test process. `None` after a skip.
pub async fn registry() -> Option<&'static LocalRegistry> {
    static REGISTRY: OnceLock<Result<LocalRegistry, String>> = OnceLock::new();
    let started = tokio::task::spawn_blocking(|| REGISTRY.get_or_init(start));
    match started.await.unwrap_or_else(|error| panic!("the schema registry did not start: {error}")) {
        Ok(registry) => Some(registry),
        Err(reason) => {
            skip(reason);
            None
        }
    }
}

/// A registry for one test, which may stop and restart it. `None` after a skip.
pub async fn own_registry() -> Option<LocalRegistry> {
    let started = tokio::task::spawn_blocking(start);
    match started.await.unwrap_or_else(|error| panic!("the schema registry did not start: {error}")) {
        Ok(registry) => Some(registry),
        Err(reason) => {
            skip(&reason);
            None
        }
    }
}

/// Why this machine cannot run a registry, if it cannot. A registry that does not start is a failure.
fn start() -> Result<LocalRegistry, String> {
    let installation = Installation::find_or_fetch().map_err(|reason| reason.to_string())?;
    Ok(installation.start(&Options::for_tests()).unwrap_or_else(|error| panic!("the schema registry: {error:?}")))
}
