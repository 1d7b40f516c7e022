//! A real schema registry, which is started once for all tests that only add schemas to it.

use std::sync::OnceLock;

use local_registry::{Installation, LocalRegistry, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::skip::skip;
use crate::wait::PATIENCE;

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

/// Registers a JSON Schema as the next version of the subject, and returns the id of the schema.
pub async fn register_json_schema(registry: &LocalRegistry, subject: &str, schema: &str) -> u32 {
    let body = serde_json::json!({ "schemaType": "JSON", "schema": schema }).to_string();
    let request = format!(
        "POST /apis/ccompat/v7/subjects/{subject}/versions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
         Content-Type: application/vnd.schemaregistry.v1+json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", registry.port())).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_string(&mut answer).await
    };
    timeout(PATIENCE, exchange).await.expect("the registry answers").expect("the registry answers");
    let id = answer.split_once("\"id\":").map(|(_, rest)| rest.trim_start());
    let digits: String = id.into_iter().flat_map(str::chars).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("{subject} was not registered: {answer}"))
}

/// Why this machine cannot run a registry, if it cannot. A registry that does not start is a failure.
fn start() -> Result<LocalRegistry, String> {
    let installation = Installation::find_or_fetch().map_err(|reason| reason.to_string())?;
    Ok(installation.start(&Options::for_tests()).unwrap_or_else(|error| panic!("the schema registry: {error:?}")))
}
