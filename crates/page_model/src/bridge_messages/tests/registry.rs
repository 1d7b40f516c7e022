//! The state of the schema registry, and why schemas cannot be changed.

use protocol::RegistryState;

use super::*;

const UP: &str = r#"{"type":"registry","state":"up"}"#;
const DOWN: &str = r#"{"type":"registry","state":"down","reason":"connection refused"}"#;

fn connected_with(read_only: bool, rights: &str) -> AppState {
    let text = welcome("a", false).replace(r#""read_only":false"#, &format!(r#""read_only":{read_only}{rights}"#));
    let mut state = AppState::default();
    state.connecting();
    state.socket_opened("test");
    state.receive(&text, 0.0);
    state
}

#[test]
fn registry_is_known_only_after_its_message_and_until_the_next_welcome() {
    let mut state = connected();
    assert_eq!(state.registry(), None);
    state.receive(DOWN, 0.0);
    let registry = state.registry().expect("a registry");
    assert_eq!((registry.state, registry.reason.as_deref()), (RegistryState::Down, Some("connection refused")));
    assert!(state.take_changes().has(Slice::Cluster));
    state.receive(UP, 0.0);
    assert_eq!(state.registry().map(|registry| registry.state), Some(RegistryState::Up));
    lose(&mut state);
    assert!(state.registry().is_some(), "the navigation keeps its entry while the page reconnects");
    connect(&mut state, "a", true);
    assert_eq!(state.registry(), None);
    state.receive(UP, 0.0);
    state.switch_cluster("other".to_owned());
    assert_eq!(state.registry(), None);
}

#[test]
fn schemas_can_be_changed_on_the_demo_broker_but_not_read_only_or_offline() {
    let mut state = connected();
    let blocked = |state: &AppState| state.schema_change_blocked(Action::Delete, &Object::Subject("orders-value"));
    assert_eq!((blocked(&state), state.register_blocked()), (None, None));
    lose(&mut state);
    assert_eq!(blocked(&state), Some(ChangeBlocked::NotConnected));
    let state = connected_with(true, "");
    assert_eq!(
        (blocked(&state), state.register_blocked()),
        (Some(ChangeBlocked::ReadOnly), Some(ChangeBlocked::ReadOnly))
    );
}

#[test]
fn rights_on_subjects_decide_what_can_be_changed() {
    let rights = r#","rights":[{"subjects":["orders-*"],"allow":["write"]}]"#;
    let state = connected_with(false, rights);
    let blocked = |action, name| state.schema_change_blocked(action, &Object::Subject(name));
    assert_eq!((blocked(Action::Write, "orders-value"), state.register_blocked()), (None, None));
    assert_eq!(blocked(Action::Write, "payments-value"), Some(ChangeBlocked::Forbidden(Action::Write)));
    assert_eq!(blocked(Action::Delete, "orders-value"), Some(ChangeBlocked::Forbidden(Action::Delete)));
    let registry = state.schema_change_blocked(Action::Alter, &Object::Registry);
    assert_eq!(registry, Some(ChangeBlocked::Forbidden(Action::Alter)));
    assert!(!state.sees_every_subject());
    let state = connected_with(false, r#","rights":[{"topics":["*"],"allow":["write"]}]"#);
    assert_eq!(state.register_blocked(), Some(ChangeBlocked::Forbidden(Action::Write)));
}
