//! The access token that every client must present in its `hello`, if the bridge was started with one.

use std::fmt;
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use subtle::ConstantTimeEq;

/// Shorter tokens could be guessed.
const MIN_CHARS: usize = 16;

/// Never printed, not even by `Debug`.
#[derive(Clone)]
pub struct AccessToken(String);

impl AccessToken {
    /// Reads the token from a file that has it as its only line.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        Self::from(text.trim_end_matches(['\r', '\n'])).checked()
    }

    /// Checks that the token is long enough and has only printable ASCII characters, which every client encodes alike.
    pub fn checked(self) -> Result<Self, String> {
        if self.0.len() < MIN_CHARS || !self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "a token has at least {MIN_CHARS} printable ASCII characters and no spaces; openssl rand -hex 16 generates one"
            ));
        }
        Ok(self)
    }

    /// Compares in constant time, so that the response time does not reveal how much of a guess was right.
    pub fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// The current token, which can be replaced while the bridge runs. Open sockets are not affected.
#[derive(Debug, Default)]
pub struct CurrentToken(RwLock<Option<AccessToken>>);

impl CurrentToken {
    pub fn new(token: Option<AccessToken>) -> Self {
        Self(RwLock::new(token))
    }

    pub fn is_set(&self) -> bool {
        self.read().is_some()
    }

    pub fn matches(&self, given: &str) -> bool {
        self.read().as_ref().is_some_and(|token| token.matches(given))
    }

    /// Returns whether the token is another one than before.
    pub fn replace(&self, token: AccessToken) -> bool {
        let is_new = !self.matches(&token.0);
        // The only change is a single assignment.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(token);
        is_new
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<AccessToken>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does not check the token: the command-line parser prints a value that it refuses, and would print the token.
impl From<&str> for AccessToken {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_complete_token_matches() {
        let token = AccessToken::from("0123456789abcdef").checked().expect("a token");
        assert!(token.matches("0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0", "0123456789ABCDEF"] {
            assert!(!token.matches(wrong), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "AccessToken");
    }

    #[test]
    fn replaced_token_is_the_only_valid_one() {
        let token = |text: &str| AccessToken::from(text).checked().expect("a token");
        let current = CurrentToken::new(Some(token("0123456789abcdef")));
        assert!(!current.replace(token("0123456789abcdef")), "the same");
        assert!(current.replace(token("fedcba9876543210")));
        assert!(current.matches("fedcba9876543210") && !current.matches("0123456789abcdef"));
        assert!(!CurrentToken::default().matches(""), "without a token nothing matches");
    }

    #[test]
    fn short_or_non_ascii_token_is_refused() {
        for text in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdeé"] {
            assert!(AccessToken::from(text).checked().is_err(), "{text}");
        }
    }
}
