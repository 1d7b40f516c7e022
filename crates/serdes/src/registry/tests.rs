//! The client against a server whose answers a test chooses. `tools/local_registry` has tests with a real registry.

pub(crate) mod server;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use server::{Reply, Request, Server};

use super::core::Limits;
use super::{
    Deletion, Lookup, RegisteredSchema, Registry, RegistryAuth, RegistryError, RegistrySettings, RegistryState,
    RegistryUrl, SchemaId, VersionOfSubject,
};
use crate::error::{DecodeError, DecodeErrorCode};

/// Longer than any load in these tests, also on a loaded machine.
const LONG: Duration = Duration::from_secs(20);

fn settings(urls: &[String]) -> RegistrySettings {
    RegistrySettings::new(urls.iter().map(|url| RegistryUrl::parse(url).expect("a URL")).collect())
}

fn texts(schema: &RegisteredSchema) -> Result<String, DecodeError> {
    let references = schema.references.iter().map(|(name, text)| format!("{name}={text};"));
    Ok(references.collect::<String>() + &schema.text)
}

fn registry(url: &str) -> Registry<String> {
    Registry::new(&settings(&[url.to_owned()]), texts).expect("valid settings")
}

fn limited(url: &str, limits: Limits) -> Registry<String> {
    Registry::with_limits(&settings(&[url.to_owned()]), limits, texts).expect("valid settings")
}

fn ids(range: std::ops::Range<u32>) -> Vec<SchemaId> {
    range.map(SchemaId::Id).collect()
}

fn code(registry: &Registry<String>, id: u32) -> DecodeErrorCode {
    match registry.get(SchemaId::Id(id)) {
        Lookup::Failed(error) => error.code,
        other => panic!("{id}: {other:?}"),
    }
}

fn ready(registry: &Registry<String>, id: u32) -> String {
    registry.get(SchemaId::Id(id)).into_result(SchemaId::Id(id)).expect("a schema").to_string()
}

/// Polls until a condition holds.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_versions(request: &Request) -> bool {
    request.line.ends_with("/versions")
}

#[tokio::test]
async fn many_callers_cause_one_request() {
    let server = Server::start(|request| match is_versions(request) {
        true => Reply::new(200, r#"[{"subject":"orders-value","version":3}]"#),
        false => Reply::schema("\"string\"").after(Duration::from_millis(100)),
    });
    let registry = registry(&server.url());
    let loads: Vec<_> = (0..50)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move {
                registry.load(&[SchemaId::Id(7), SchemaId::Id(7)], LONG).await;
                ready(&registry, 7)
            })
        })
        .collect();
    for load in loads {
        assert_eq!(load.await.expect("no panic"), "\"string\"");
    }
    assert_eq!(server.id_requests(), 1);
    until("the load of the subjects", || registry.versions_of(SchemaId::Id(7)).is_some());
    let expected = [VersionOfSubject { subject: "orders-value".to_owned(), version: 3 }];
    assert_eq!(registry.versions_of(SchemaId::Id(7)).as_deref(), Some(&expected[..]));
    assert_eq!(*registry.state().borrow(), RegistryState::Up);
}

#[tokio::test]
async fn requests_have_the_credentials() {
    let server = Server::start(|_| Reply::schema("\"string\""));
    for (auth, expected) in [
        (RegistryAuth::Basic { user: "anna".to_owned(), password: "pà:ss".to_owned() }, Some("Basic YW5uYTpww6A6c3M=")),
        (RegistryAuth::Bearer { token: "abc".to_owned() }, Some("Bearer abc")),
        (RegistryAuth::None, None),
    ] {
        let settings = RegistrySettings { auth, ..settings(&[server.url()]) };
        let registry = Registry::new(&settings, texts).expect("valid settings");
        registry.client().check().await.expect("an answer");
        let request = server.requests().pop().expect("a request");
        let header = request.headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.as_str());
        assert_eq!(header, expected);
    }
    let auth = RegistryAuth::Bearer { token: "geheim\n".to_owned() };
    let error =
        Registry::new(&RegistrySettings { auth, ..settings(&[server.url()]) }, texts).expect_err("a line break");
    assert!(!error.contains("geheim"), "{error}");
}

#[tokio::test]
async fn references_are_loaded_level_by_level() {
    let delay = Duration::from_millis(100);
    let server = Server::start(move |request| {
        let reply = match request.line.as_str() {
            "GET /schemas/ids/1" => {
                let names =
                    ["a", "b", "c"].map(|name| format!(r#"{{"name":"{name}","subject":"s/{name}","version":1}}"#));
                Reply::new(200, format!(r#"{{"schema":"root","references":[{}]}}"#, names.join(",")))
            }
            // All three reference the same schema, which references itself.
            "GET /subjects/s%2Fd/versions/latest" => {
                Reply::new(200, r#"{"schema":"D","references":[{"name":"d","subject":"s/d","version":-1}]}"#)
            }
            line if line.starts_with("GET /subjects/") => {
                Reply::new(200, r#"{"schema":"X","references":[{"name":"d","subject":"s/d","version":-1}]}"#)
            }
            _ => Reply::not_found(),
        };
        reply.after(delay)
    });
    let registry = registry(&server.url());
    let start = Instant::now();
    registry.load(&[SchemaId::Id(1)], LONG).await;
    assert_eq!(ready(&registry, 1), "d=D;a=X;b=X;c=X;root");
    // Three levels; five requests one after the other would take five delays.
    assert!(start.elapsed() < delay * 5, "{:?}", start.elapsed());
    let subjects = server.requests().iter().filter(|request| request.line.starts_with("GET /subjects/")).count();
    assert_eq!(subjects, 4);
}

#[tokio::test]
async fn missing_reference_makes_the_schema_invalid() {
    let server = Server::start(|request| match request.line.as_str() {
        "GET /schemas/ids/1" => {
            Reply::new(200, r#"{"schema":"x","references":[{"name":"m","subject":"money","version":4}]}"#)
        }
        _ => Reply::not_found(),
    });
    let registry = registry(&server.url());
    registry.load(&[SchemaId::Id(1)], LONG).await;
    let Lookup::Failed(error) = registry.get(SchemaId::Id(1)) else { panic!("no error") };
    assert_eq!(error.code, DecodeErrorCode::SchemaInvalid);
    assert!(error.message.contains("references version 4 of the subject \"money\""), "{error}");
}

#[tokio::test]
async fn missing_schema_is_asked_for_again_after_a_time() {
    let server = Server::start(|_| Reply::not_found());
    let not_found = Duration::from_millis(300);
    let limits = Limits { not_found, ..Limits::default() };
    let registry = limited(&server.url(), limits);
    assert!(matches!(registry.get(SchemaId::Id(9)), Lookup::Unknown));
    let start = Instant::now();
    for _ in 0..20 {
        registry.load(&[SchemaId::Id(9)], LONG).await;
    }
    let expected = 1 + start.elapsed().as_millis() / not_found.as_millis();
    assert!(server.id_requests() as u128 <= expected, "{:?}", server.requests());
    until("the end of the time", || matches!(registry.get(SchemaId::Id(9)), Lookup::Unknown));
    registry.load(&[SchemaId::Id(9)], LONG).await;
    assert_eq!(code(&registry, 9), DecodeErrorCode::SchemaNotFound);
    assert!(server.id_requests() >= 2);
    registry.forget_failures();
    assert!(matches!(registry.get(SchemaId::Id(9)), Lookup::Unknown));
    // A missing schema is no outage.
    assert_eq!(*registry.state().borrow(), RegistryState::Up);
}

#[tokio::test]
async fn random_ids_cause_few_requests_and_do_not_hinder_cached_schemas() {
    let server = Server::start(|request| match request.line.contains("/ids/1") {
        true => Reply::schema("\"string\""),
        false => Reply::not_found(),
    });
    // Far more than the test takes.
    let limits = Limits { unknown_interval: Duration::from_secs(3600), ..Limits::default() };
    let registry = limited(&server.url(), limits);
    registry.load(&[SchemaId::Id(1)], LONG).await;
    registry.load(&ids(2000..2500), LONG).await;
    for start in (2500..5000).step_by(100) {
        registry.load(&ids(start..start + 100), LONG).await;
    }
    let requests = server.id_requests();
    assert!((1 + 32..=1 + 64).contains(&requests), "{requests}");
    // Ids that are asked for again and again get the rest.
    for _ in 0..10 {
        registry.load(&ids(2000..2100), LONG).await;
    }
    assert_eq!(server.id_requests(), 1 + 64);
    let codes: BTreeSet<_> = (2000..2500).map(|id| format!("{:?}", code(&registry, id))).collect();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["SchemaNotFound", "SchemaUnavailable"]);
    assert_eq!(code(&registry, 4000), DecodeErrorCode::SchemaUnavailable);
    assert_eq!(ready(&registry, 1), "\"string\"");
}

#[tokio::test]
async fn further_random_id_is_asked_for_after_the_interval() {
    let server = Server::start(|_| Reply::not_found());
    let interval = Duration::from_millis(100);
    let limits = Limits { unknown_burst: 2, unknown_interval: interval, ..Limits::default() };
    let registry = limited(&server.url(), limits);
    let start = Instant::now();
    while start.elapsed() < interval * 5 {
        registry.load(&ids(0..100), LONG).await;
    }
    let expected = 2 + start.elapsed().as_millis() / interval.as_millis();
    let requests = server.id_requests() as u128;
    assert!((3..=expected).contains(&requests), "{requests} of {expected}");
}

#[tokio::test]
async fn random_ids_do_not_take_the_requests_of_repeated_ids() {
    let server = Server::start(|request| match request.line.contains("/ids/1") {
        true => Reply::schema("\"string\""),
        false => Reply::not_found(),
    });
    let limits = Limits { unknown_burst: 8, unknown_interval: Duration::from_millis(50), ..Limits::default() };
    let registry = limited(&server.url(), limits);
    registry.load(&ids(2000..2100), LONG).await;
    let mut random = 20_000;
    let deadline = Instant::now() + LONG;
    // For each record with a real id, there are a hundred with random ids.
    while !matches!(registry.get(SchemaId::Id(1)), Lookup::Ready(_)) {
        assert!(Instant::now() < deadline);
        for id in ids(random..random + 100).into_iter().chain([SchemaId::Id(1)]) {
            if matches!(registry.get(id), Lookup::Unknown) {
                registry.load(&[id], LONG).await;
            }
        }
        random += 100;
    }
    // The burst, and hardly any after it.
    let requests = server.id_requests();
    assert!(requests <= 8 + 2 + random as usize / 5000, "{requests} of {random}");
}

#[tokio::test]
async fn many_existing_schemas_load_at_full_speed() {
    let server = Server::start(|_| Reply::schema("\"string\""));
    let limits = Limits { unknown_interval: Duration::from_secs(3600), ..Limits::default() };
    let registry = limited(&server.url(), limits);
    registry.load(&ids(0..500), LONG).await;
    for id in 0..500 {
        assert_eq!(ready(&registry, id), "\"string\"");
    }
    assert_eq!(server.id_requests(), 500);
}

#[tokio::test]
async fn outage_is_answered_at_once_and_ends_by_itself() {
    let server = Server::start(|_| Reply::schema("\"string\""));
    let port = server.port;
    let limits =
        Limits { first_probe: Duration::from_millis(200), max_probe: Duration::from_millis(400), ..Limits::default() };
    let registry = limited(&server.url(), limits);
    registry.load(&ids(0..1), LONG).await;
    // The subjects of the schema are asked for after it was loaded; later, this request would end the outage.
    until("the request for the subjects", || server.requests().iter().any(is_versions));
    drop(server);

    registry.load(&ids(1..2), LONG).await;
    let RegistryState::Down { reason, .. } = registry.state().borrow().clone() else { panic!("not down") };
    assert!(reason.contains(&format!("http://127.0.0.1:{port}: nothing listens there")), "{reason}");
    let start = Instant::now();
    for id in 1..1000 {
        registry.load(&ids(id..id + 1), LONG).await;
        assert_eq!(code(&registry, id), DecodeErrorCode::SchemaUnavailable);
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(ready(&registry, 0), "\"string\"");

    let server = Server::start_on(port, |_| Reply::schema("\"int\""));
    let mut state = registry.state();
    tokio::time::timeout(LONG, state.wait_for(|state| *state == RegistryState::Up))
        .await
        .expect("in time")
        .expect("open");
    assert_eq!(server.requests()[0].line, "GET /schemas/types");
    registry.load(&ids(1..2), LONG).await;
    assert_eq!(ready(&registry, 1), "\"int\"");
}

#[tokio::test]
async fn single_probe_is_sent_for_each_delay() {
    let server = Server::start(|_| Reply::new(503, "busy"));
    let limits =
        Limits { first_probe: Duration::from_millis(100), max_probe: Duration::from_secs(3600), ..Limits::default() };
    let registry = limited(&server.url(), limits);
    let start = Instant::now();
    registry.load(&ids(0..100), LONG).await;
    while start.elapsed() < Duration::from_millis(1000) {
        registry.load(&ids(0..100), LONG).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let requests = server.requests();
    // At most one for each thread before the outage is known, and probes after 100, 300 and 700 ms.
    let probes = requests.iter().filter(|request| request.line == "GET /schemas/types").count();
    assert!((1..=3).contains(&probes), "{requests:?}");
    assert!(requests.len() - probes <= 4, "{requests:?}");
    let RegistryState::Down { reason, .. } = registry.state().borrow().clone() else { panic!("not down") };
    assert_eq!(reason, "the schema registry has an internal error (503)");
}

#[tokio::test]
async fn refused_credentials_are_an_outage_with_that_reason() {
    let server = Server::start(|_| Reply::new(401, r#"{"error_code":401,"message":"Unauthorized"}"#));
    let registry = registry(&server.url());
    registry.load(&ids(0..1), LONG).await;
    let RegistryState::Down { reason, .. } = registry.state().borrow().clone() else { panic!("not down") };
    assert_eq!(reason, "the schema registry refused the credentials (401): Unauthorized");
    assert_eq!(code(&registry, 5), DecodeErrorCode::SchemaUnavailable);
}

#[tokio::test]
async fn schema_without_permission_is_no_outage() {
    let server = Server::start(|request| match request.line.contains("/ids/1") {
        true => Reply::new(403, r#"{"error_code":40301,"message":"not yours"}"#),
        false => Reply::schema("\"string\""),
    });
    let registry = registry(&server.url());
    registry.load(&ids(1..3), LONG).await;
    let Lookup::Failed(error) = registry.get(SchemaId::Id(1)) else { panic!("no error") };
    assert_eq!(error.code, DecodeErrorCode::SchemaUnavailable);
    assert!(error.message.ends_with("the schema registry does not permit this (403): not yours"), "{error}");
    assert_eq!(ready(&registry, 2), "\"string\"");
    assert_eq!(*registry.state().borrow(), RegistryState::Up);
}

#[tokio::test]
async fn other_node_answers_if_one_is_down() {
    let down = Server::start(|_| Reply::schema("\"string\""));
    let failing = Server::start(|_| Reply::new(500, ""));
    let up = Server::start(|_| Reply::schema("\"string\""));
    let urls = [down.url(), failing.url(), up.url()];
    drop(down);
    let registry = Registry::new(&settings(&urls), texts).expect("valid settings");
    registry.load(&ids(0..1), LONG).await;
    assert_eq!(ready(&registry, 0), "\"string\"");
    assert_eq!(*registry.state().borrow(), RegistryState::Up);
    let before = failing.requests().len();
    registry.load(&ids(1..9), LONG).await;
    // The node that answered is asked first.
    assert_eq!(failing.requests().len(), before);
    assert_eq!(up.id_requests(), 9);
}

#[tokio::test]
async fn change_is_not_sent_to_a_second_node_after_it_may_have_been_made() {
    let slow = Server::start(|_| Reply::new(200, "[1]").after(Duration::from_millis(600)));
    let other = Server::start(|_| Reply::new(200, "[1]"));
    let settings = RegistrySettings { timeout: Duration::from_millis(300), ..settings(&[slow.url(), other.url()]) };
    let registry = Registry::new(&settings, texts).expect("valid settings");
    let error = registry.client().delete_subject("a", Deletion::Soft).await.expect_err("a time-out");
    let reason = format!("{}: no answer in time", slow.url());
    assert_eq!(error, RegistryError::Unreachable { reason });
    let deletions = other.requests().iter().filter(|request| request.line.starts_with("DELETE")).count();
    assert_eq!(deletions, 0);
    // Reading is.
    let error = registry.client().subjects(super::Deleted::Excluded).await.expect_err("not a list of names");
    assert!(matches!(error, RegistryError::Unexpected { .. }), "{error:?}");
}

#[tokio::test]
async fn slow_answer_times_out() {
    let server = Server::start(|_| Reply::schema("\"string\"").after(Duration::from_secs(5)));
    let settings = RegistrySettings { timeout: Duration::from_millis(200), ..settings(&[server.url()]) };
    let registry = Registry::new(&settings, texts).expect("valid settings");
    let start = Instant::now();
    registry.load(&ids(0..1), LONG).await;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    let RegistryState::Down { reason, .. } = registry.state().borrow().clone() else { panic!("not down") };
    assert!(reason.ends_with(": no answer in time"), "{reason}");
}

#[tokio::test]
async fn load_goes_on_after_the_wait() {
    let server = Server::start(|_| Reply::schema("\"string\"").after(Duration::from_millis(300)));
    let registry = registry(&server.url());
    registry.load(&ids(0..1), Duration::ZERO).await;
    registry.load(&ids(0..1), Duration::from_millis(20)).await;
    assert!(matches!(registry.get(SchemaId::Id(0)), Lookup::Loading | Lookup::Ready(_)));
    registry.load_blocking(&ids(0..1), Duration::from_millis(20));
    registry.load_blocking(&ids(0..1), LONG);
    assert_eq!(ready(&registry, 0), "\"string\"");
    assert_eq!(server.id_requests(), 1);
}

#[tokio::test]
async fn redirect_is_named_and_not_followed() {
    let server = Server::start(|_| Reply { headers: "Location: http://other/\r\n", ..Reply::new(302, "") });
    let registry = registry(&server.url());
    let error = registry.client().check().await.expect_err("a redirect");
    assert!(error.to_string().contains("redirects (302); configure the URL that it redirects to"), "{error}");
}

#[tokio::test]
async fn answer_that_is_too_large_is_refused() {
    let server = Server::start(|_| Reply::schema(&"x".repeat(9 * 1024 * 1024)));
    let registry = registry(&server.url());
    let error = registry.client().subjects(super::Deleted::Excluded).await.expect_err("too large");
    assert!(error.to_string().contains("larger than 8388608 bytes"), "{error}");
}

#[tokio::test]
async fn invalid_schema_is_compiled_once() {
    let server = Server::start(|_| Reply::schema("\"strin\""));
    let registry: Registry<String> = Registry::new(&settings(&[server.url()]), |schema| match schema.id {
        SchemaId::Id(1) => panic!("a bug in a parser"),
        _ => Err(DecodeError::new(DecodeErrorCode::SchemaInvalid, format!("unknown type {}", schema.text))),
    })
    .expect("valid settings");
    for _ in 0..3 {
        registry.load(&ids(1..3), LONG).await;
        assert_eq!(code(&registry, 1), DecodeErrorCode::SchemaInvalid);
        assert_eq!(code(&registry, 2), DecodeErrorCode::SchemaInvalid);
    }
    assert_eq!(server.id_requests(), 2);
}

#[tokio::test]
async fn error_has_status_and_code_and_message() {
    let server = Server::start(|_| Reply::new(422, r#"{"error_code":42201,"message":"Invalid\nschema"}"#));
    let client = registry(&server.url()).client();
    let error = client.versions("a/b", super::Deleted::Included).await.expect_err("refused");
    let message = "Invalid schema".to_owned();
    assert_eq!(error, RegistryError::Refused { status: 422, error_code: Some(42201), message });
    assert_eq!(error.to_string(), "the schema registry refused the request (42201): Invalid schema");
    assert_eq!(server.requests()[0].line, "GET /subjects/a%2Fb/versions?deleted=true");
}

#[tokio::test]
async fn ten_thousand_subjects_are_listed() {
    let names: Vec<_> = (0..10_000).map(|number| format!("some.longer.topic.name.{number}-value")).collect();
    let body = serde_json::to_string(&names).expect("JSON");
    let server = Server::start(move |_| Reply::new(200, body.clone()));
    let start = Instant::now();
    assert_eq!(registry(&server.url()).client().subjects(super::Deleted::Excluded).await, Ok(names));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn blocking_request_ends_after_a_limited_time() {
    let server = Server::start(|_| Reply::new(200, "{}").after(Duration::from_secs(3)));
    let limits = Limits { blocking_wait: Duration::from_millis(300), ..Limits::default() };
    let client = limited(&server.url(), limits).client();
    let start = Instant::now();
    // The first requests keep all threads busy; the last one is not sent.
    for _ in 0..3 {
        let error = client.version_blocking("orders-value", super::Version::Latest).expect_err("no answer");
        let RegistryError::Unreachable { reason } = error else { panic!("{error:?}") };
        assert!(reason.contains("no answer in"), "{reason}");
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(server.requests().len(), 2);
}
