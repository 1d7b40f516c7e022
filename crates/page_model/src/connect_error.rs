//! Why no socket could be opened. A browser does not tell a page why a WebSocket handshake failed, so the page asks again by a plain HTTP
//! request to the same address and reads the answer.

use protocol::{ErrorBody, ErrorCode, ErrorMessage};

#[derive(Clone, Debug, PartialEq)]
pub enum ConnectError {
    /// The bridge refuses the socket.
    Refused(ErrorBody),
    /// The bridge would accept the socket, but a proxy in front of it does not pass on the handshake.
    UpgradeNotForwarded,
    /// A proxy wants the user to sign in.
    SignedOut,
    /// A proxy answers that the bridge does not.
    BridgeDown { status: u16 },
    /// Another server answers, or a proxy that does not pass on the path.
    OtherServer { status: u16 },
}

impl ConnectError {
    /// Interprets the answer to the plain request. `is_redirect`: the answer leads to another address, which was not followed.
    pub fn of_answer(status: u16, is_redirect: bool, body: &str) -> Self {
        match protocol::from_json(body) {
            // Only the handshake's headers were missing, which a plain request cannot have.
            Ok(ErrorMessage { error, .. }) if error.code == ErrorCode::BadHandshake.number() => {
                Self::UpgradeNotForwarded
            }
            Ok(ErrorMessage { error, .. }) => Self::Refused(error),
            _ if is_redirect => Self::SignedOut,
            _ => match status {
                // oauth2-proxy answers an expired session with 403 and its sign-in page. A 403 of the bridge has a JSON body.
                401 | 403 | 407 => Self::SignedOut,
                502..=504 => Self::BridgeDown { status },
                _ => Self::OtherServer { status },
            },
        }
    }

    /// The value of `data-reason`.
    pub fn name(&self) -> &str {
        match self {
            Self::Refused(error) => &error.name,
            Self::UpgradeNotForwarded => "upgrade_not_forwarded",
            Self::SignedOut => "signed_out",
            Self::BridgeDown { .. } => "bridge_down",
            Self::OtherServer { .. } => "other_server",
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::ServerMessage;

    use super::*;

    fn error(code: ErrorCode) -> String {
        ServerMessage::from(ErrorMessage::from(ErrorBody::new(code, "text"))).to_json()
    }

    #[test]
    fn answer_of_the_bridge_is_told_apart_from_a_proxys_and_another_servers() {
        for (status, is_redirect, body, expected) in [
            (426, false, error(ErrorCode::BadHandshake), "upgrade_not_forwarded"),
            (403, false, error(ErrorCode::OriginRefused), "origin_refused"),
            (503, false, error(ErrorCode::TooManySockets), "too_many_sockets"),
            (503, false, "<html>".to_owned(), "bridge_down"),
            (502, false, String::new(), "bridge_down"),
            (504, false, String::new(), "bridge_down"),
            // The browser hides the status of a redirect.
            (0, true, String::new(), "signed_out"),
            (401, false, String::new(), "signed_out"),
            (403, false, "<html>".to_owned(), "signed_out"),
            (404, false, String::new(), "other_server"),
            (200, false, "{\"type\":\"error\"}".to_owned(), "other_server"),
        ] {
            assert_eq!(ConnectError::of_answer(status, is_redirect, &body).name(), expected, "{status} {body}");
        }
    }
}
