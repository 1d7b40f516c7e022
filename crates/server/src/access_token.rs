//! The tokens that clients present in their `hello`: the one of the bridge, and those of configured users.

use std::fmt;
use std::path::Path;

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

    pub fn is_same(&self, other: &Self) -> bool {
        self.matches(&other.0)
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
    fn short_or_non_ascii_token_is_refused() {
        for text in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdeé"] {
            assert!(AccessToken::from(text).checked().is_err(), "{text}");
        }
    }
}
