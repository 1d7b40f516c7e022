//! The secret that every client gives in its `hello`, where the bridge was started with one.

use std::fmt;
use std::path::Path;

use subtle::ConstantTimeEq;

/// Fewer can be guessed.
const MIN_CHARS: usize = 16;

/// Never shown, not even by `Debug`.
#[derive(Clone)]
pub struct AccessToken(String);

impl AccessToken {
    /// The only line of a file.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        Self::from(text.trim_end_matches(['\r', '\n'])).checked()
    }

    /// Long enough, and the same for everybody who types it.
    pub fn checked(self) -> Result<Self, String> {
        if self.0.len() < MIN_CHARS || !self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "a token has at least {MIN_CHARS} letters, digits or signs and no spaces; openssl rand -hex 16 makes one"
            ));
        }
        Ok(self)
    }

    /// Takes as long for a wrong token as for the right one, so that its time tells nothing of how much was right.
    pub fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// Not checked yet: the command line's own complaint about a bad one would show it.
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
    fn only_the_whole_token_is_it() {
        let token = AccessToken::from("0123456789abcdef").checked().expect("a token");
        assert!(token.is("0123456789abcdef"));
        for wrong in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0", "0123456789ABCDEF"] {
            assert!(!token.is(wrong), "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "AccessToken");
    }

    #[test]
    fn what_can_be_guessed_or_misread_is_refused() {
        for text in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdeé"] {
            assert!(AccessToken::from(text).checked().is_err(), "{text}");
        }
    }
}
