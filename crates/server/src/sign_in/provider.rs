//! The OpenID Connect provider: its metadata and keys, which are fetched at the first sign-in and kept, and its token and userinfo endpoints.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use kafka::oauth::http::{HttpClient, HttpError, Response, percent_encoded, single_line};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio::time::timeout;
use url::Url;
use url::form_urlencoded::Serializer;
use warp::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use warp::http::{Request, StatusCode};

use super::SignInSettings;
use super::claims::Claims;
use super::failure::Failure;
use super::id_token::{self, Expected, TokenError};
use super::pending::PendingSignIn;

/// How long metadata and keys are used. Providers announce changes a day or more in advance, if at all.
const USE_METADATA_FOR: Duration = Duration::from_secs(3600);

/// The shortest time between two requests for the keys because a token is signed by an unknown one.
const REFRESH_KEYS_EVERY: Duration = Duration::from_secs(60);

/// After a failed request for the metadata, sign-ins fail at once for this long, so that they do not queue up.
const RETRY_METADATA_AFTER: Duration = Duration::from_secs(3);

/// Requests at a time; each blocks a thread for up to 10 s.
const MAX_REQUESTS: usize = 8;

/// How long a sign-in waits while as many requests are in progress.
const WAIT_FOR_REQUESTS: Duration = Duration::from_secs(10);

pub struct Provider {
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
    callback: String,
    http: Arc<HttpClient>,
    requests: Arc<Semaphore>,
    /// Not locked during a request, so that a sign-out does not wait for the provider.
    known: RwLock<Option<Known>>,
    /// Locked during a request for metadata or keys, so that sign-ins that begin together fetch them once.
    refresh: Arc<Mutex<Refresh>>,
}

#[derive(Default)]
struct Refresh {
    /// The last request for the metadata, if it failed.
    failed: Option<(Instant, Failure)>,
    keys_refreshed: Option<Instant>,
}

#[derive(Clone)]
struct Known {
    metadata: Arc<Metadata>,
    keys: Arc<[Jwk]>,
    fetched: Instant,
}

/// What the bridge needs of OpenID Connect Discovery 1.0, section 3.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    pub authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    pub end_session_endpoint: Option<Url>,
    #[serde(default = "default_algorithms")]
    id_token_signing_alg_values_supported: Vec<String>,
    #[serde(default = "default_authentication")]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// RFC 9207.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// Required of every provider (OpenID Connect Discovery 1.0, 3).
fn default_algorithms() -> Vec<String> {
    vec!["RS256".to_owned()]
}

/// The default of the same section.
fn default_authentication() -> Vec<String> {
    vec![BASIC.to_owned()]
}

const BASIC: &str = "client_secret_basic";
const POST: &str = "client_secret_post";

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
    access_token: Option<String>,
}

/// RFC 6749, 5.2.
#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
    error_description: Option<String>,
}

/// What the provider says about a user.
pub struct Identity {
    pub id_token: String,
    pub claims: Claims,
    access_token: Option<String>,
}

impl Provider {
    pub fn new(settings: &SignInSettings, callback: String) -> Self {
        Self {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            callback,
            http: Arc::new(HttpClient::new(&settings.roots)),
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
            known: RwLock::default(),
            refresh: Arc::default(),
        }
    }

    pub fn is_issuer(&self, issuer: &str) -> bool {
        issuer == self.issuer
    }

    /// # Errors
    /// If the metadata are not known and cannot be fetched.
    pub async fn metadata(self: &Arc<Self>) -> Result<Arc<Metadata>, Failure> {
        Ok(self.known().await?.metadata)
    }

    /// The metadata if they are known.
    pub fn known_metadata(&self) -> Option<Arc<Metadata>> {
        self.last_known().map(|known| known.metadata)
    }

    fn last_known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_known(&self, known: Known) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    async fn known(self: &Arc<Self>) -> Result<Known, Failure> {
        let is_fresh = |known: &Known| known.fetched.elapsed() < USE_METADATA_FOR;
        if let Some(known) = self.last_known().filter(is_fresh) {
            return Ok(known);
        }
        let refresh = Arc::clone(&self.refresh).lock_owned().await;
        let last = self.last_known();
        if let Some(known) = last.clone().filter(is_fresh) {
            return Ok(known);
        }
        let failed = refresh.failed.as_ref().filter(|(at, _)| at.elapsed() < RETRY_METADATA_AFTER);
        let fetched = match failed.map(|(_, failure)| failure.clone()) {
            Some(failure) => Err(failure),
            None => run_to_the_end(Arc::clone(self).fetch(refresh)).await,
        };
        match (fetched, last) {
            (Err(failure), Some(known)) => {
                tracing::debug!(%failure, "the provider's metadata were not fetched again; the old ones are still used");
                Ok(known)
            }
            (fetched, _) => fetched,
        }
    }

    async fn fetch(self: Arc<Self>, mut refresh: OwnedMutexGuard<Refresh>) -> Result<Known, Failure> {
        let fetched = async {
            let metadata = self.fetch_metadata().await?;
            let keys = self.fetch_keys(&metadata).await?;
            Ok(Known { metadata: Arc::new(metadata), keys, fetched: Instant::now() })
        };
        let fetched: Result<Known, Failure> = fetched.await;
        refresh.failed = fetched.as_ref().err().map(|failure| (Instant::now(), failure.clone()));
        if let Ok(known) = &fetched {
            self.set_known(known.clone());
        }
        fetched
    }

    async fn fetch_metadata(&self) -> Result<Metadata, Failure> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let metadata: Metadata = self.get(&url, None).await?;
        if metadata.issuer != self.issuer {
            let named = single_line(&metadata.issuer);
            let reason =
                format!("{url} is of the issuer {named:?}, which must be exactly the configured {:?}", self.issuer);
            return Err(Failure::Unreachable(reason));
        }
        metadata.check_schemes(self.issuer.starts_with("https://")).map_err(Failure::Unreachable)?;
        Ok(metadata)
    }

    async fn fetch_keys(&self, metadata: &Metadata) -> Result<Arc<[Jwk]>, Failure> {
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<Box<RawValue>>,
        }
        let Keys { keys } = self.get(metadata.jwks_uri.as_str(), None).await?;
        // Keys of an unknown kind are for other clients.
        Ok(keys.into_iter().filter_map(|key| protocol::from_json(key.get()).ok()).collect())
    }

    /// The keys, fetched again because a token names none of those that are known; `None` if that was done a moment ago.
    async fn refreshed_keys(self: &Arc<Self>) -> Result<Option<Arc<[Jwk]>>, Failure> {
        let mut refresh = Arc::clone(&self.refresh).lock_owned().await;
        let Some(known) = self.last_known() else { return Ok(None) };
        if refresh.keys_refreshed.is_some_and(|at| at.elapsed() < REFRESH_KEYS_EVERY) {
            // Another sign-in may have fetched them while this one was waiting.
            return Ok(Some(known.keys));
        }
        refresh.keys_refreshed = Some(Instant::now());
        let provider = Arc::clone(self);
        let fetch = async move {
            let keys = provider.fetch_keys(&known.metadata).await?;
            provider.set_known(Known { keys: Arc::clone(&keys), ..known });
            drop(refresh);
            Ok(Some(keys))
        };
        run_to_the_end(fetch).await
    }

    /// Redeems the code, and checks the ID token.
    ///
    /// # Errors
    /// If the provider cannot be reached, refuses the code, or answers with a token that is not for this sign-in.
    pub async fn redeem(self: &Arc<Self>, code: &str, pending: &PendingSignIn) -> Result<Identity, Failure> {
        let Known { metadata, keys, .. } = self.known().await?;
        let tokens = self.exchange(&metadata, code, &pending.verifier).await?;
        let id_token = tokens.id_token.ok_or_else(|| Failure::InvalidToken("there is none".to_owned()))?;
        let algorithms = id_token::accepted_algorithms(&metadata.id_token_signing_alg_values_supported);
        let claims = self.verify(&id_token, keys, &algorithms, &pending.nonce).await?;
        Ok(Identity { id_token, claims, access_token: tokens.access_token })
    }

    async fn verify(
        self: &Arc<Self>,
        token: &str,
        keys: Arc<[Jwk]>,
        algorithms: &[Algorithm],
        nonce: &str,
    ) -> Result<Claims, Failure> {
        let expected = Expected { issuer: &self.issuer, client_id: &self.client_id, nonce, algorithms };
        let verified = match id_token::verify(token, &keys, &expected) {
            Err(TokenError::UnknownKey) => match self.refreshed_keys().await? {
                Some(keys) => id_token::verify(token, &keys, &expected),
                None => Err(TokenError::UnknownKey),
            },
            verified => verified,
        };
        verified.map_err(|error| match error {
            TokenError::UnknownKey => {
                Failure::InvalidToken("it is signed with a key that the provider does not publish".to_owned())
            }
            TokenError::Invalid(reason) => Failure::InvalidToken(reason),
        })
    }

    async fn exchange(&self, metadata: &Metadata, code: &str, verifier: &str) -> Result<Tokens, Failure> {
        let url = &metadata.token_endpoint;
        let response = self.send(self.token_request(metadata, code, verifier)).await?;
        if response.status.is_success() {
            return parse(url.as_str(), &response);
        }
        let reason = match protocol::from_json_bytes(&response.body) {
            Ok(ErrorAnswer { error, error_description }) => {
                single_line(&format!("{error} {}", error_description.unwrap_or_default()))
            }
            Err(_) => single_line(&String::from_utf8_lossy(&response.body)),
        };
        let reason = format!("{url}: {}: {reason}", response.status);
        match response.status {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Failure::CodeRefused(reason))
            }
            _ => Err(Failure::Unreachable(reason)),
        }
    }

    fn token_request(
        &self,
        metadata: &Metadata,
        code: &str,
        verifier: &str,
    ) -> Result<Request<String>, warp::http::Error> {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code").append_pair("code", code);
        form.append_pair("redirect_uri", &self.callback).append_pair("code_verifier", verifier);
        let mut request = Request::post(metadata.token_endpoint.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json");
        match &self.client_secret {
            Some(secret) if metadata.prefers_basic() => {
                // RFC 6749, 2.3.1: both are encoded as in forms.
                let credentials = format!("{}:{}", percent_encoded(&self.client_id), percent_encoded(secret));
                request = request.header(AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(credentials)));
            }
            Some(secret) => {
                form.append_pair("client_id", &self.client_id).append_pair("client_secret", secret);
            }
            None => {
                form.append_pair("client_id", &self.client_id);
            }
        }
        request.body(form.finish())
    }

    /// More claims about the user; none if the provider has no userinfo endpoint.
    ///
    /// # Errors
    /// If the provider cannot be reached, or answers about another user.
    pub async fn userinfo(self: &Arc<Self>, identity: &Identity) -> Result<Claims, Failure> {
        let metadata = self.metadata().await?;
        let (Some(url), Some(token)) = (&metadata.userinfo_endpoint, &identity.access_token) else {
            return Ok(Claims::new());
        };
        let claims: Claims = self.get(url.as_str(), Some(token)).await?;
        // OpenID Connect Core 1.0, 5.3.2: otherwise the answer must not be used.
        match claims.get("sub").is_some_and(|subject| Some(subject) == identity.claims.get("sub")) {
            true => Ok(claims),
            false => Err(Failure::InvalidToken("the userinfo endpoint answers about another user".to_owned())),
        }
    }

    async fn get<T: DeserializeOwned>(&self, url: &str, bearer: Option<&str>) -> Result<T, Failure> {
        let mut request = Request::get(url).header(ACCEPT, "application/json");
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.send(request.body(String::new())).await?;
        match response.status {
            StatusCode::OK => parse(url, &response),
            status => Err(Failure::Unreachable(format!("{url}: {status}"))),
        }
    }

    async fn send(&self, request: Result<Request<String>, warp::http::Error>) -> Result<Response, Failure> {
        let request = request.map_err(|error| Failure::Unreachable(error.to_string()))?;
        let busy = |_| Failure::Unreachable("too many sign-ins are waiting for the provider".to_owned());
        let permit = timeout(WAIT_FOR_REQUESTS, Arc::clone(&self.requests).acquire_owned()).await.map_err(busy)?;
        let (http, url) = (Arc::clone(&self.http), request.uri().to_string());
        let send = move || {
            // Held while the thread is blocked, even if the browser has closed its connection.
            let _permit = permit;
            http.send(request)
        };
        let sent = tokio::task::spawn_blocking(send).await;
        let sent = sent.map_err(|error| Failure::Unreachable(error.to_string()))?;
        sent.map_err(|error| match error {
            HttpError::Unreachable(reason) => Failure::Unreachable(format!("{url}: {reason}")),
            HttpError::Tls(reason) => Failure::Unreachable(format!("{url}: TLS: {reason}")),
        })
    }
}

impl Metadata {
    /// Every endpoint of an issuer with HTTPS has HTTPS, so that no token crosses the network unencrypted.
    fn check_schemes(&self, is_https: bool) -> Result<(), String> {
        let endpoints = [
            Some(&self.authorization_endpoint),
            Some(&self.token_endpoint),
            Some(&self.jwks_uri),
            self.userinfo_endpoint.as_ref(),
            self.end_session_endpoint.as_ref(),
        ];
        let is_allowed = |url: &&Url| url.scheme() == "https" || (!is_https && url.scheme() == "http");
        match endpoints.into_iter().flatten().find(|url| !is_allowed(url)) {
            Some(url) => Err(format!("the provider names an endpoint without HTTPS: {}", single_line(url.as_str()))),
            None => Ok(()),
        }
    }

    fn prefers_basic(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        methods.iter().any(|method| method == BASIC) || !methods.iter().any(|method| method == POST)
    }
}

/// Runs in a task of its own, so that a browser that closes its connection does not cancel what other sign-ins wait for.
async fn run_to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(Failure::Unreachable(format!("the request failed inside the bridge: {error}"))))
}

fn parse<T: DeserializeOwned>(url: &str, response: &Response) -> Result<T, Failure> {
    protocol::from_json_bytes(&response.body)
        .map_err(|error| Failure::Unreachable(format!("{url}: the answer is not what OpenID Connect expects: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(changes: &serde_json::Value) -> Metadata {
        let mut metadata = json!({
            "issuer": "https://idp.example",
            "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": "https://idp.example/token",
            "jwks_uri": "https://idp.example/keys",
        });
        metadata.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        serde_json::from_value(metadata).expect("metadata")
    }

    #[test]
    fn endpoint_without_https_is_refused_unless_the_issuer_has_none() {
        assert_eq!(metadata(&json!({})).check_schemes(true), Ok(()));
        for name in
            ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"]
        {
            let one = metadata(&json!({ name: "http://idp.example/x" }));
            assert!(one.check_schemes(true).is_err() && one.check_schemes(false).is_ok(), "{name}");
            assert!(metadata(&json!({ name: "javascript:alert(1)" })).check_schemes(false).is_err(), "{name}");
        }
    }

    #[test]
    fn client_authenticates_as_the_provider_supports_it() {
        for (methods, is_basic) in
            [(json!([BASIC, POST]), true), (json!([POST]), false), (json!(["private_key_jwt"]), true)]
        {
            let metadata = metadata(&json!({"token_endpoint_auth_methods_supported": methods}));
            assert_eq!(metadata.prefers_basic(), is_basic, "{methods}");
        }
        assert!(metadata(&json!({})).prefers_basic());
        assert_eq!(metadata(&json!({})).id_token_signing_alg_values_supported, ["RS256"]);
    }

    #[tokio::test]
    async fn request_keeps_its_permit_when_the_browser_closes_its_connection() {
        let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = hanging.local_addr().expect("an address");
        let provider = Arc::new(Provider::new(&settings(&format!("http://{address}")), String::new()));
        let browser = tokio::spawn({
            let provider = Arc::clone(&provider);
            async move { provider.metadata().await }
        });
        let (connection, _) = hanging.accept().await.expect("the bridge's connection");
        browser.abort();
        assert!(browser.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(provider.requests.available_permits(), MAX_REQUESTS - 1);
        assert!(provider.refresh.try_lock().is_err(), "further sign-ins wait for the same request");
        assert!(provider.known_metadata().is_none(), "a sign-out does not wait");
        drop((connection, hanging));
        let failed = provider.refresh.lock().await.failed.clone();
        assert!(failed.is_some(), "further sign-ins fail at once");
    }

    fn settings(issuer: &str) -> SignInSettings {
        SignInSettings {
            issuer: issuer.to_owned(),
            client_id: "ponte".to_owned(),
            client_secret: None,
            url: "http://localhost:3030".to_owned(),
            base_path: crate::http::BasePath::default(),
            scopes: Vec::new(),
            name_claim: "sub".to_owned(),
            roles_claim: None,
            lifetime: Duration::from_secs(3600),
            roots: kafka::oauth::http::Roots::default(),
        }
    }
}
