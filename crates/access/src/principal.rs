//! The user on whose behalf a client acts.

use std::collections::BTreeSet;
use std::fmt;

/// A user, as the bridge has recognized it. Two principals are the same user if name and source are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Unique among all sources: names of the configuration have no colon, those of users who have signed in begin with `oidc:`.
    pub name: String,
    pub source: Source,
    pub roles: BTreeSet<String>,
}

/// How the bridge has recognized a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The bridge admits everyone.
    Anyone,
    /// The bridge's one access token (`--token`), or the token of a configured user.
    Token,
    /// A sign-in with OpenID Connect.
    SignIn,
}

impl Principal {
    /// The name of clients of a bridge that admits everyone.
    pub const ANYONE: &str = "anyone";

    /// The name of clients with the bridge's access token.
    pub const ACCESS_TOKEN: &str = "access-token";

    /// The beginning of the names of users who have signed in.
    pub const SIGN_IN_PREFIX: &str = "oidc:";

    pub fn anyone() -> Self {
        Self { name: Self::ANYONE.to_owned(), source: Source::Anyone, roles: BTreeSet::new() }
    }

    pub fn with_access_token() -> Self {
        Self { name: Self::ACCESS_TOKEN.to_owned(), source: Source::Token, roles: BTreeSet::new() }
    }

    pub fn with_token(name: &str, roles: impl IntoIterator<Item = String>) -> Self {
        Self { name: name.to_owned(), source: Source::Token, roles: roles.into_iter().collect() }
    }

    /// `name`: as the provider reports it.
    pub fn signed_in(name: &str, roles: impl IntoIterator<Item = String>) -> Self {
        let name = format!("{}{name}", Self::SIGN_IN_PREFIX);
        Self { name, source: Source::SignIn, roles: roles.into_iter().collect() }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
