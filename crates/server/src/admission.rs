//! Who is admitted, and what they may do. Tokens and rules can be replaced while the bridge runs.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use access::{Policy, Principal};
use tokio::sync::watch;
use warp::http::header::HeaderMap;

use crate::access_token::AccessToken;
use crate::http::Peer;
use crate::sign_in::{SignIn, SignedIn};
use crate::token_attempts::TokenAttempts;

pub struct Admission {
    tokens: RwLock<Tokens>,
    policy: watch::Sender<Arc<Policy>>,
    attempts: TokenAttempts,
    sign_in: Option<Arc<SignIn>>,
}

/// The tokens that the bridge accepts. Without any, and without sign-in, it admits everyone.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// The one of `--token`.
    pub access_token: Option<AccessToken>,
    pub users: Vec<TokenUser>,
}

/// A configured user with a token of its own.
#[derive(Clone, Debug)]
pub struct TokenUser {
    pub principal: Arc<Principal>,
    pub token: AccessToken,
}

/// Why a client is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    NoToken,
    WrongToken,
    /// The browser has to sign in.
    SignedOut,
}

impl Admission {
    pub fn new(tokens: Tokens, policy: Policy) -> Self {
        let policy = watch::Sender::new(Arc::new(policy));
        Self { tokens: RwLock::new(tokens), policy, attempts: TokenAttempts::default(), sign_in: None }
    }

    /// Also admits users who have signed in. Others then need a token.
    pub fn with_sign_in(self, sign_in: Arc<SignIn>) -> Self {
        Self { sign_in: Some(sign_in), ..self }
    }

    pub fn sign_in(&self) -> Option<&Arc<SignIn>> {
        self.sign_in.as_ref()
    }

    /// The sign-in that the request's cookie belongs to.
    pub fn signed_in(&self, headers: &HeaderMap) -> Option<SignedIn> {
        self.sign_in.as_ref()?.of_request(headers)
    }

    /// The user with this token; without a token, the user who has signed in. After several wrong tokens from the same address the
    /// answer is delayed. `whence` is logged: where the token was sent.
    ///
    /// # Errors
    /// If the bridge needs a token or a sign-in, and the token is missing or unknown, or the sign-in has ended.
    pub async fn identify(
        &self,
        token: Option<&str>,
        signed_in: Option<&SignedIn>,
        peer: Peer,
        whence: &str,
    ) -> Result<Arc<Principal>, NotAdmitted> {
        if self.read().is_empty() && self.sign_in.is_none() {
            return Ok(Arc::new(Principal::anyone()));
        }
        let Some(given) = token else {
            let not_admitted = if self.sign_in.is_some() { NotAdmitted::SignedOut } else { NotAdmitted::NoToken };
            let signed_in = signed_in.filter(|signed_in| signed_in.is_valid());
            return signed_in.map(|signed_in| Arc::clone(signed_in.principal())).ok_or(not_admitted);
        };
        self.attempts.wait(peer.ip()).await;
        let user = self.read().find(given);
        user.ok_or_else(|| {
            self.attempts.failed(peer, whence);
            NotAdmitted::WrongToken
        })
    }

    /// The current rules. The receiver notices when they are replaced.
    pub fn policy(&self) -> watch::Receiver<Arc<Policy>> {
        self.policy.subscribe()
    }

    /// Replaces the token of `--token`; returns whether it is another one than before. Open sockets are not affected.
    pub fn replace_access_token(&self, token: AccessToken) -> bool {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = tokens.access_token.as_ref().is_none_or(|current| !current.is_same(&token));
        tokens.access_token = Some(token);
        is_new
    }

    /// Replaces users and rules. Every socket is closed, so that its client comes back with its new rights.
    pub fn replace_users(&self, users: Vec<TokenUser>, policy: Policy) {
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).users = users;
        self.policy.send_replace(Arc::new(policy));
    }

    fn read(&self) -> RwLockReadGuard<'_, Tokens> {
        // Each change is a single assignment.
        self.tokens.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tokens {
    fn is_empty(&self) -> bool {
        self.access_token.is_none() && self.users.is_empty()
    }

    /// Compares with every token, so that the response time does not reveal which one was nearly right.
    fn find(&self, given: &str) -> Option<Arc<Principal>> {
        let is_access_token = self.access_token.as_ref().is_some_and(|token| token.matches(given));
        let mut found = is_access_token.then(|| Arc::new(Principal::with_access_token()));
        for user in &self.users {
            if user.token.matches(given) {
                found = Some(Arc::clone(&user.principal));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> AccessToken {
        AccessToken::from(text).checked().expect("a token")
    }

    async fn name_of(admission: &Admission, given: Option<&str>) -> Result<String, NotAdmitted> {
        let peer = Peer::direct(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        admission.identify(given, None, peer, "test").await.map(|principal| principal.name.clone())
    }

    #[tokio::test]
    async fn bridge_without_tokens_admits_everyone() {
        let admission = Admission::new(Tokens::default(), Policy::default());
        for given in [None, Some(""), Some("0123456789abcdef")] {
            assert_eq!(name_of(&admission, given).await, Ok(Principal::ANYONE.to_owned()), "{given:?}");
        }
    }

    #[tokio::test]
    async fn user_is_recognized_by_its_token() {
        let ann =
            TokenUser { principal: Arc::new(Principal::with_token("ann", [])), token: token("ann-0123456789abc") };
        let tokens = Tokens { access_token: Some(token("0123456789abcdef")), users: vec![ann] };
        let admission = Admission::new(tokens, Policy::default());
        for (given, expected) in [
            (Some("0123456789abcdef"), Ok(Principal::ACCESS_TOKEN.to_owned())),
            (Some("ann-0123456789abc"), Ok("ann".to_owned())),
            (Some("bob-0123456789abc"), Err(NotAdmitted::WrongToken)),
            (None, Err(NotAdmitted::NoToken)),
        ] {
            assert_eq!(name_of(&admission, given).await, expected, "{given:?}");
        }
        admission.replace_users(Vec::new(), Policy::default());
        assert_eq!(name_of(&admission, Some("ann-0123456789abc")).await, Err(NotAdmitted::WrongToken));
    }

    #[tokio::test]
    async fn replaced_access_token_is_the_only_valid_one() {
        let tokens = Tokens { access_token: Some(token("0123456789abcdef")), users: Vec::new() };
        let admission = Admission::new(tokens, Policy::default());
        assert!(!admission.replace_access_token(token("0123456789abcdef")), "the same");
        assert!(admission.replace_access_token(token("fedcba9876543210")));
        assert!(name_of(&admission, Some("fedcba9876543210")).await.is_ok());
        assert_eq!(name_of(&admission, Some("0123456789abcdef")).await, Err(NotAdmitted::WrongToken));
    }
}
