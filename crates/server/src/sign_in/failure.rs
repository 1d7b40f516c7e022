//! Why a sign-in fails, and the page that tells the user.

use std::fmt;

use super::site::Site;

/// Why a user is not signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The bridge has started no such sign-in in this browser, or it is too old, or was completed.
    Unknown,
    /// The provider's answer to the browser: an error such as `access_denied`.
    Refused(String),
    /// The provider cannot be reached, or answers with what is no OpenID Connect.
    Unreachable(String),
    /// The provider does not accept this bridge, or the code that the browser has brought.
    CodeRefused(String),
    /// The ID token is not one for this sign-in.
    InvalidToken(String),
    /// The user has no usable name or roles.
    Claims(String),
}

impl Failure {
    /// As the metrics name it.
    pub fn outcome(&self) -> SignInOutcome {
        match self {
            Self::Unknown => SignInOutcome::Unknown,
            Self::Refused(_) => SignInOutcome::Refused,
            Self::Unreachable(_) => SignInOutcome::Unreachable,
            Self::CodeRefused(_) => SignInOutcome::CodeRefused,
            Self::InvalidToken(_) => SignInOutcome::InvalidToken,
            Self::Claims(_) => SignInOutcome::Claims,
        }
    }

    /// What happened and what to do, for the user. Addresses and answers of the provider's servers are only in the log.
    fn explanation(&self) -> (String, &'static str) {
        const TELL: &str = "If this happens again, tell the operator of this bridge. The bridge's log has the details.";
        match self {
            Self::Unknown => (
                "This sign-in is not valid: it was started in another browser or under another address, more than 10 minutes ago, or \
                 before the bridge was restarted, or it was already completed."
                    .to_owned(),
                "Sign in again. The browser must accept cookies of this site.",
            ),
            Self::Refused(reason) => (
                format!("The OpenID Connect provider refused the sign-in: {reason}."),
                "Sign in again, or ask the administrator of the provider for access.",
            ),
            Self::Unreachable(_) => {
                ("The bridge cannot reach the OpenID Connect provider.".to_owned(), "Try again in a minute. If this happens again, tell the operator of this bridge. The bridge's log has the details.")
            }
            Self::CodeRefused(_) => ("The OpenID Connect provider did not confirm the sign-in.".to_owned(), TELL),
            Self::InvalidToken(reason) => {
                (format!("The bridge does not accept the OpenID Connect provider's ID token: {reason}."), TELL)
            }
            Self::Claims(reason) => (
                format!("The OpenID Connect provider does not tell the bridge who you are: {reason}."),
                "Tell the operator of this bridge, who can change the claims in the provider or in the bridge's configuration.",
            ),
        }
    }

    /// A page without script and style, which the content security policy would not allow inline. `return_path`: where the user
    /// wanted to go, if it is known.
    pub fn html(&self, site: &Site, return_path: Option<&str>) -> String {
        let (what, next) = self.explanation();
        let page = site.path();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("next", return_path.unwrap_or(page))
            .finish();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>Not signed in – Ponte</title>\n</head>\n<body>\n<main>\n<h1>You are not signed in</h1>\n<p>{}</p>\n<p>{next}</p>\n\
             <p><a href=\"{page}auth/sign-in?{}\">Sign in again</a></p>\n<p><a href=\"{page}\">Back to the page</a></p>\n\
             </main>\n</body>\n</html>\n",
            escaped(&what),
            escaped(&query)
        )
    }
}

/// For the log.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str(
                "the state is unknown, expired or used, or the browser has not the cookie that belongs to it",
            ),
            Self::Refused(reason) => write!(f, "the provider refused the sign-in: {reason}"),
            Self::Unreachable(reason) => write!(f, "the provider cannot be reached: {reason}"),
            Self::CodeRefused(reason) => write!(f, "the provider refused the code: {reason}"),
            Self::InvalidToken(reason) => write!(f, "the ID token is not accepted: {reason}"),
            Self::Claims(reason) => write!(f, "the claims are not accepted: {reason}"),
        }
    }
}

/// How a sign-in has ended, as the metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInOutcome {
    SignedIn,
    Unknown,
    Refused,
    Unreachable,
    CodeRefused,
    InvalidToken,
    Claims,
}

impl SignInOutcome {
    pub const ALL: [Self; 7] = [
        Self::SignedIn,
        Self::Unknown,
        Self::Refused,
        Self::Unreachable,
        Self::CodeRefused,
        Self::InvalidToken,
        Self::Claims,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::CodeRefused => "code_refused",
            Self::InvalidToken => "invalid_token",
            Self::Claims => "claims",
        }
    }
}

/// Text for the content of an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::BasePath;

    #[test]
    fn error_page_shows_the_providers_text_as_text_and_links_back() {
        let site = Site::new("https://ponte.example", &"/ponte".parse::<BasePath>().expect("a path")).expect("a site");
        let failure = Failure::Refused("<script>alert(1)</script> & \"more\"".to_owned());
        let html = failure.html(&site, Some("/ponte/?a=\"><b>&c"));
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;"), "{html}");
        let again = "href=\"/ponte/auth/sign-in?next=%2Fponte%2F%3Fa%3D%22%3E%3Cb%3E%26c\"";
        assert!(html.contains(again) && html.contains("href=\"/ponte/\""), "{html}");
    }

    #[test]
    fn error_page_has_neither_script_nor_style_nor_the_providers_addresses() {
        let site = Site::new("https://ponte.example", &BasePath::default()).expect("a site");
        let secret = "http://10.0.0.7:8080/token";
        for failure in [
            Failure::Unknown,
            Failure::Unreachable(secret.to_owned()),
            Failure::CodeRefused(secret.to_owned()),
            Failure::Claims("there is no claim “email”".to_owned()),
        ] {
            let html = failure.html(&site, None);
            for forbidden in ["<script", "<style", "style=", "onclick", secret] {
                assert!(!html.contains(forbidden), "{forbidden}: {html}");
            }
        }
    }
}
