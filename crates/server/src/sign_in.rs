//! Sign-in with OpenID Connect for browsers: the authorization code flow with PKCE. A browser that has signed in gets a cookie, with
//! which its requests and WebSockets are those of the user.

mod claims;
mod failure;
mod id_token;
mod pending;
mod provider;
mod random;
mod sessions;
mod signatures;
mod site;

use std::sync::Arc;
use std::time::Duration;

use kafka::oauth::http::{Roots, single_line};
use url::Url;
use warp::http::HeaderValue;
use warp::http::header::HeaderMap;

use self::claims::ClaimNames;
pub use self::failure::{Failure, SignInOutcome};
use self::pending::{COMPLETE_WITHIN, Pending, PendingSignIn};
use self::provider::{Metadata, Provider};
use self::sessions::Sessions;
pub use self::sessions::SignedIn;
use self::site::{Cookie, Site};
use crate::address_class::AddressClass;
use crate::http::{BasePath, Peer};
use crate::log_throttle::LogThrottle;
use crate::metrics::METRICS;

/// Without it, the provider would answer by OAuth alone.
const OPENID: &str = "openid";

/// What the operator has configured.
#[derive(Clone)]
pub struct SignInSettings {
    /// The provider's name, an address, exactly as in its metadata.
    pub issuer: String,
    pub client_id: String,
    /// `None`: a public client, which has only PKCE.
    pub client_secret: Option<String>,
    /// Where browsers reach the bridge, such as `https://ponte.example`; the base path follows.
    pub url: String,
    pub base_path: BasePath,
    /// Besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that has the user's name.
    pub name_claim: String,
    /// The claim that has the user's roles: its name, or a path such as `realm_access.roles`.
    pub roles_claim: Option<String>,
    /// How long a sign-in lasts.
    pub lifetime: Duration,
    /// The certificate authorities of the provider.
    pub roots: Roots,
}

/// The sign-in of a bridge.
pub struct SignIn {
    client_id: String,
    scope: String,
    claims: ClaimNames,
    site: Site,
    provider: Arc<Provider>,
    pending: Pending,
    sessions: Sessions,
    log: LogThrottle,
    /// Refusals that any client can cause. Separate from `log`, so that failures that are not audited keep none out of the audit log.
    audited_refusals: LogThrottle,
    /// Refusals of users whom the provider knows. Separate from those that any client can cause.
    audited_users: LogThrottle,
}

/// What the provider's answer has in its query.
#[derive(Debug, Default)]
pub struct Callback {
    pub state: String,
    pub code: Option<String>,
    pub error: Option<String>,
    pub error_description: Option<String>,
    /// RFC 9207.
    pub issuer: Option<String>,
}

/// Where the browser goes next, and the cookie that it gets.
#[derive(Debug)]
pub struct Next {
    pub location: String,
    pub cookie: HeaderValue,
}

/// Why a sign-in fails, and where the user wanted to go.
#[derive(Debug)]
pub struct Failed {
    pub failure: Failure,
    return_path: Option<String>,
}

impl SignIn {
    /// Does not connect to the provider yet.
    ///
    /// # Errors
    /// If an address is not usable.
    pub fn new(settings: &SignInSettings) -> Result<Self, String> {
        let site = Site::new(&settings.url, &settings.base_path).map_err(|error| format!("url: {error}"))?;
        match Url::parse(&settings.issuer) {
            Ok(issuer) if matches!(issuer.scheme(), "https" | "http") => {}
            Ok(_) => return Err("issuer: use an https address".to_owned()),
            Err(error) => return Err(format!("issuer: {error}")),
        }
        let others = settings.scopes.iter().map(String::as_str).filter(|scope| *scope != OPENID);
        let scope = std::iter::once(OPENID).chain(others).collect::<Vec<_>>().join(" ");
        Ok(Self {
            client_id: settings.client_id.clone(),
            scope,
            claims: ClaimNames { name: settings.name_claim.clone(), roles: settings.roles_claim.clone() },
            provider: Arc::new(Provider::new(settings, site.callback())),
            site,
            pending: Pending::default(),
            sessions: Sessions::new(settings.lifetime),
            log: LogThrottle::new(),
            audited_refusals: LogThrottle::new(),
            audited_users: LogThrottle::new(),
        })
    }

    /// Starts a sign-in: the browser goes to the provider. `next`: where it wants to go then.
    ///
    /// # Errors
    /// If the provider's metadata are not known and cannot be fetched.
    pub async fn begin(&self, next: Option<&str>, headers: &HeaderMap, peer: Peer) -> Result<Next, Failed> {
        let return_path = self.site.return_path(next);
        let metadata = match self.provider.metadata().await {
            Ok(metadata) => metadata,
            Err(failure) => return Err(self.failed(failure, Some(return_path), peer)),
        };
        let cookies = self.site.cookies(Cookie::SignIn, headers);
        let started = self.pending.start(AddressClass::of(peer.ip()), cookies, return_path);
        let mut location = metadata.authorization_endpoint.clone();
        location
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.site.callback())
            .append_pair("scope", &self.scope)
            .append_pair("state", &started.state)
            .append_pair("nonce", &started.nonce)
            .append_pair("code_challenge", &started.challenge)
            .append_pair("code_challenge_method", "S256");
        let cookie = self.site.set_cookie(Cookie::SignIn, &started.browser, COMPLETE_WITHIN.as_secs());
        Ok(Next { location: location.into(), cookie })
    }

    /// Completes a sign-in when the browser comes back from the provider.
    ///
    /// # Errors
    /// If the browser has not started this sign-in, or the provider does not confirm it.
    pub async fn complete(&self, callback: Callback, headers: &HeaderMap, peer: Peer) -> Result<Next, Failed> {
        let cookies = self.site.cookies(Cookie::SignIn, headers);
        let Some(pending) = self.pending.take(&callback.state, cookies) else {
            return Err(self.failed(Failure::Unknown, None, peer));
        };
        match self.identify(callback, &pending).await {
            Ok((principal, id_token)) => {
                METRICS.sign_in(SignInOutcome::SignedIn);
                tracing::info!(target: "audit", %peer, user = %principal, "audit: signed in");
                let earlier = self.site.cookies(Cookie::Session, headers);
                let id = self.sessions.open(principal, id_token, earlier);
                let cookie = self.site.set_cookie(Cookie::Session, &id, self.sessions.lifetime().as_secs());
                Ok(Next { location: pending.return_path, cookie })
            }
            Err(failure) => Err(self.failed(failure, Some(pending.return_path), peer)),
        }
    }

    /// The user, and the ID token.
    async fn identify(
        &self,
        callback: Callback,
        pending: &PendingSignIn,
    ) -> Result<(access::Principal, String), Failure> {
        let metadata = self.provider.metadata().await?;
        self.check_issuer(&callback, &metadata)?;
        let code = match (callback.error, callback.code) {
            (Some(error), _) => {
                let description = callback.error_description.map(|text| format!(" ({text})")).unwrap_or_default();
                return Err(Failure::Refused(single_line(&format!("{error}{description}"))));
            }
            (None, None) => return Err(Failure::Refused("its answer has no code".to_owned())),
            (None, Some(code)) => code,
        };
        let identity = self.provider.redeem(&code, pending).await?;
        let more = match self.claims.are_in(&identity.claims) {
            true => claims::Claims::new(),
            false => self.provider.userinfo(&identity).await?,
        };
        let principal = self.claims.user(&identity.claims, &more).map_err(Failure::Claims)?;
        Ok((principal, identity.id_token))
    }

    /// The answer must be of this provider (RFC 9207, 2.4).
    fn check_issuer(&self, callback: &Callback, metadata: &Metadata) -> Result<(), Failure> {
        match &callback.issuer {
            Some(issuer) if !self.provider.is_issuer(issuer) => {
                Err(Failure::InvalidToken("the answer is of another provider (iss)".to_owned()))
            }
            None if metadata.authorization_response_iss_parameter_supported => {
                Err(Failure::InvalidToken("the answer does not name the provider (iss)".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, failure: Failure, return_path: Option<String>, peer: Peer) -> Failed {
        METRICS.sign_in(failure.outcome());
        if let Some(unlogged) = self.log.line() {
            tracing::warn!(%peer, %failure, unlogged, "a sign-in failed");
        }
        let audited = match failure {
            Failure::Unknown | Failure::Unreachable(_) => None,
            Failure::Refused(_) | Failure::CodeRefused(_) | Failure::InvalidToken(_) => Some(&self.audited_refusals),
            Failure::Claims(_) => Some(&self.audited_users),
        };
        if let Some(unlogged) = audited.and_then(LogThrottle::line) {
            tracing::info!(target: "audit", %peer, reason = %failure, unlogged, "audit: sign-in refused");
        }
        Failed { failure, return_path }
    }

    /// Ends the browser's session. The browser then goes to the provider, which ends its session too, if it has an address for that.
    pub fn end(&self, headers: &HeaderMap, peer: Peer) -> Next {
        let ended = self.sessions.end(self.site.cookies(Cookie::Session, headers));
        let cookie = self.site.delete_cookie(Cookie::Session);
        let page = || Next { location: self.site.path().to_owned(), cookie: cookie.clone() };
        let Some(ended) = ended else { return page() };
        tracing::info!(target: "audit", %peer, user = %ended.principal, "audit: signed out");
        let metadata = self.provider.known_metadata();
        let Some(mut location) = metadata.and_then(|metadata| metadata.end_session_endpoint.clone()) else {
            return page();
        };
        let mut query = location.query_pairs_mut();
        query.append_pair("client_id", &self.client_id).append_pair("post_logout_redirect_uri", &self.site.page());
        if let Some(id_token) = &ended.id_token {
            query.append_pair("id_token_hint", id_token);
        }
        drop(query);
        Next { location: location.into(), cookie }
    }

    /// The sign-in that the request's cookie belongs to.
    pub fn of_request(&self, headers: &HeaderMap) -> Option<SignedIn> {
        self.sessions.find(self.site.cookies(Cookie::Session, headers))
    }

    /// The page that tells the user why the sign-in has failed.
    pub fn error_page(&self, failed: &Failed) -> String {
        failed.failure.html(&self.site, failed.return_path.as_deref())
    }

    pub fn open_sessions(&self) -> usize {
        self.sessions.count()
    }
}
