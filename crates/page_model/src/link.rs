//! The connection to the bridge as the user sees it. Owns no socket and no timer.

use protocol::CloseCode;

use super::connect_error::ConnectError;

/// `Connecting` → `Open` (after the bridge's `welcome`) → `Waiting` (lost; until the next attempt) → `Connecting` …,
/// or `Closed` if the close code says that another attempt would fail, too.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Link {
    #[default]
    Connecting,
    Open,
    Waiting {
        retry_at_ms: f64,
        loss: Loss,
    },
    Closed {
        loss: Loss,
    },
}

/// Why a socket was closed, or could not be opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    pub code: u16,
    /// The bridge's reason, which may be empty.
    pub reason: String,
    /// Why the socket could not be opened; known only after [`super::AppState::explain_loss`].
    pub cause: Option<ConnectError>,
}

impl Link {
    /// The value of `data-state`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Open => "open",
            Self::Waiting { .. } => "waiting",
            Self::Closed { .. } => "closed",
        }
    }

    /// The bridge requires an access token, and the page sent none or a wrong one.
    pub fn asks_for_token(&self) -> bool {
        matches!(self, Self::Closed { loss } if loss.code == CloseCode::TokenRefused.number())
    }

    /// The user is signed out, and the page sent no access token.
    pub fn asks_to_sign_in(&self) -> bool {
        matches!(self, Self::Closed { loss } if loss.code == CloseCode::SignedOut.number())
    }

    /// The clusters that exist, if the bridge has none of the requested name.
    pub fn clusters_instead(&self) -> Option<Vec<&str>> {
        let Self::Closed { loss } = self else { return None };
        if loss.code != CloseCode::UnknownCluster.number() {
            return None;
        }
        // The reason is: no cluster "x"; this bridge has: prod, dev
        let (_, names) = loss.reason.split_once("this bridge has: ")?;
        Some(names.split(", ").collect())
    }

    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Seconds until the next attempt, rounded up and at least 1.
    pub fn retry_in_secs(&self, now_ms: f64) -> Option<u32> {
        match self {
            Self::Waiting { retry_at_ms, .. } => Some(((retry_at_ms - now_ms) / 1000.0).ceil().max(1.0) as u32),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_cluster_name_lists_the_clusters_that_exist() {
        let closed = |code: CloseCode, reason: &str| Link::Closed {
            loss: Loss { code: code.number(), reason: reason.to_owned(), cause: None },
        };
        let reason = "no cluster \"prd\"; this bridge has: prod, dev";
        assert_eq!(closed(CloseCode::UnknownCluster, reason).clusters_instead(), Some(vec!["prod", "dev"]));
        assert_eq!(closed(CloseCode::TokenRefused, reason).clusters_instead(), None);
        assert_eq!(Link::Open.clusters_instead(), None);
    }
}
