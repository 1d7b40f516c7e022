//! An OpenID Connect provider for tests: `oidc-provider`, which the OpenID Foundation has certified, run by Node.js.
//! `oidc_provider.mjs` configures it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use local_kafka::TokenProvider;
use serde::Deserialize;

use crate::http::Request;
use crate::skip::{need_program, skip, target_dir};
use crate::wait::eventually;

/// The secret of every client.
pub const SECRET: &str = "a-secret-for-tests";

/// The provider's process. It ends when it is dropped.
#[derive(Debug)]
pub struct OidcProvider {
    child: Child,
    issuer: String,
    audience: String,
}

#[derive(Deserialize)]
struct Greeting {
    issuer: String,
    audience: String,
}

/// Counts for each client.
#[derive(Debug, Default, Deserialize)]
pub struct Counts {
    /// Tokens that were issued.
    issued: HashMap<String, u64>,
    /// Requests for tokens.
    asked: HashMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Listening {
    port: u16,
}

impl OidcProvider {
    /// For clients that get tokens for Kafka. `None` after a skip.
    pub async fn start(token_lifetime_secs: u32, clients: &[&str]) -> Option<Self> {
        Self::start_with(token_lifetime_secs, clients.iter().map(|client| format!("{client}={SECRET}"))).await
    }

    /// For a client that signs users in. `None` after a skip.
    pub async fn start_for_sign_in(client: &str, callback: &str) -> Option<Self> {
        const UNUSED: u32 = 60;
        Self::start_with(UNUSED, [format!("{client}={SECRET}={callback}")]).await
    }

    async fn start_with(token_lifetime_secs: u32, clients: impl IntoIterator<Item = String>) -> Option<Self> {
        let node = need_program("node")?;
        let modules = modules();
        if !modules.join("oidc-provider").is_dir() {
            skip(&format!("no oidc-provider in {}; to fetch it: cargo xtask setup", modules.display()));
            return None;
        }
        let mut command = Command::new(node);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/oidc_provider.mjs"));
        command.arg(modules).arg(token_lifetime_secs.to_string());
        command.args(clients);
        // It ends when its standard input ends, which is also the case if this process is killed.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let greeting = tokio::task::spawn_blocking(move || stdout.lines().map_while(Result::ok).next());
        let greeting = greeting.await.expect("reading does not panic").expect("the provider starts");
        let Greeting { issuer, audience } = serde_json::from_str(&greeting).expect("its greeting");
        Some(Self { child, issuer, audience })
    }

    /// The settings with which a broker accepts the provider's tokens.
    pub fn for_kafka(&self) -> TokenProvider {
        TokenProvider {
            keys_url: format!("{}/jwks", self.issuer),
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
        }
    }

    /// The client properties, except for `security.protocol`.
    pub fn client_properties(&self, client: &str) -> String {
        Self::client_properties_at(&format!("{}/token", self.issuer), client)
    }

    /// The same for another address of the token endpoint.
    pub fn client_properties_at(endpoint: &str, client: &str) -> String {
        format!(
            "sasl.mechanism=OAUTHBEARER\n\
             sasl.oauthbearer.method=oidc\n\
             sasl.oauthbearer.token.endpoint.url={endpoint}\n\
             sasl.oauthbearer.client.id={client}\n\
             sasl.oauthbearer.client.secret={SECRET}\n\
             sasl.oauthbearer.scope=kafka\n"
        )
    }

    /// How many tokens the client has got.
    pub async fn issued(&self, client: &str) -> u64 {
        self.counts().await.issued.get(client).copied().unwrap_or(0)
    }

    /// How often the client has requested a token.
    pub async fn asked(&self, client: &str) -> u64 {
        self.counts().await.asked.get(client).copied().unwrap_or(0)
    }

    /// Waits until the client has got this number of tokens.
    pub async fn has_issued(&self, client: &str, count: u64) {
        let what = format!("token {count} of {client}");
        eventually(&what, || async { (self.issued(client).await >= count).then_some(()) }).await;
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The user with these claims signs in from now on; `sub` is one of them.
    pub async fn user(&self, claims: &serde_json::Value) {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("claims", &claims.to_string()).finish();
        self.tell(&format!("/test/user?{query}")).await;
    }

    /// From now on users decline to sign in.
    pub async fn decline(&self) {
        self.tell("/test/decline").await;
    }

    /// From now on it signs with another key, which alone it publishes.
    pub async fn replace_key(&self) {
        self.tell("/test/rotate").await;
    }

    /// From now on every client's secret is wrong.
    pub async fn refuse(&self) {
        self.tell("/test/refuse").await;
    }

    pub async fn accept(&self) {
        self.tell("/test/accept").await;
    }

    /// Listens with TLS as well, as `localhost`; returns the address of the token endpoint there.
    pub async fn with_tls(&self, identity: &Path, password: &str) -> String {
        let path = format!("/test/tls?pfx={}&passphrase={password}", identity.display());
        let Listening { port } = Request::get(&path).send(self.address()).await.json();
        format!("https://localhost:{port}/token")
    }

    async fn counts(&self) -> Counts {
        Request::get("/test/counts").send(self.address()).await.json()
    }

    async fn tell(&self, path: &str) {
        let answer = Request::get(path).send(self.address()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
    }

    fn address(&self) -> &str {
        self.issuer.strip_prefix("http://").expect("the provider is not behind TLS")
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where `cargo xtask setup` installs it.
fn modules() -> PathBuf {
    let modules = target_dir().join("oidc-provider/node_modules");
    modules.canonicalize().unwrap_or(modules)
}
