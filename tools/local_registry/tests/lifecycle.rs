//! Checks that the registry starts, answers, and restarts on the same port; and that the client notices.

mod common;

use std::net::TcpStream;
use std::time::Duration;

use local_registry::Options;
use serdes::registry::{Deleted, Lookup, Registry, RegistrySettings, RegistryState, RegistryUrl, SchemaId};

/// Longer than the registry needs on a loaded machine.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn registry_answers_again_after_a_restart_and_the_client_notices() {
    let test = "registry_answers_again_after_a_restart_and_the_client_notices";
    let Some(mut server) = common::registry(test, &Options::for_tests()) else { return };
    let (url, port, log) = (server.url(), server.port(), server.log());
    assert!(log.is_file());
    let settings = RegistrySettings::new(vec![RegistryUrl::parse(&url).expect("a URL")]);
    let registry = Registry::new(&settings, |_| Ok(())).expect("valid settings");
    let client = registry.client();
    assert_eq!(client.subjects(Deleted::Excluded).await, Ok(vec![]));
    assert_eq!(*registry.state().borrow(), RegistryState::Up);

    server.stop();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    registry.load(&[SchemaId::Id(1)], LONG).await;
    assert!(matches!(registry.get(SchemaId::Id(1)), Lookup::Failed(_)));
    let RegistryState::Down { reason, .. } = registry.state().borrow().clone() else { panic!("not down") };
    assert!(reason.contains("connection refused"), "{reason}");

    server.restart().expect("a registry that restarts");
    assert_eq!(server.url(), url);
    let mut state = registry.state();
    tokio::time::timeout(LONG, state.wait_for(|state| *state == RegistryState::Up))
        .await
        .expect("in time")
        .expect("open");

    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!log.exists());
}
