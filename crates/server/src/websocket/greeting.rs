//! The first message of a socket: `hello`, which must come in time, be small, have the access token if one is needed,
//! and name an existing cluster if it names one.

use std::sync::Arc;
use std::time::Duration;

use access::Policy;
use protocol::{
    ClientMessage, ClientName, CloseCode, ClusterName, ErrorCode, ErrorMessage, Frame, MAX_HELLO_BYTES, ParseError,
    Resume, SUBPROTOCOL, limits,
};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Shared;
use super::closing::End;
use super::outbox::Outbox;
use super::session::{Incoming, Stream, next_frame, shutting_down};
use super::slots::{Full, Slot};
use crate::admission::NotAdmitted;
use crate::clusters::Cluster;
use crate::http::Peer;
use crate::log_throttle::LogThrottle;
use crate::metrics::{METRICS, RefusalReason};
use crate::permissions::Permissions;
use crate::sign_in::SignedIn;

/// How long a new socket may take to send `hello`.
const HELLO_WITHIN: Duration = Duration::from_secs(limits::HELLO_SECS);

/// The content of an accepted `hello`.
pub struct Greeting {
    pub client: ClientName,
    pub cluster: Arc<Cluster>,
    pub resume: Option<Resume>,
    pub permissions: Permissions,
    /// Notices when the rules are replaced.
    pub policy: watch::Receiver<Arc<Policy>>,
    /// The sign-in by which the client was admitted; the socket is closed when it ends.
    pub signed_in: Option<SignedIn>,
}

/// Waits for `hello` and checks it. From then on the socket counts as an open one.
pub async fn greeting(
    stream: &mut Stream,
    outbox: &Outbox,
    shared: &Shared,
    peer: Peer,
    signed_in: Option<SignedIn>,
    slot: &mut Slot,
) -> Result<Greeting, End> {
    static LOG: LogThrottle = LogThrottle::new();
    let greeting = tokio::select! {
        greeting = checked_hello(stream, outbox, shared, peer, signed_in) => greeting,
        () = slot.evicted() => return Err(End::Evicted),
        () = shared.shutdown.cancelled() => return Err(shutting_down()),
    };
    let greeting = greeting.and_then(|greeting| match slot.open() {
        Ok(()) => Ok(greeting),
        Err(Full::BeforeHello) => Err(End::Evicted),
        Err(full) => Err(End::close(CloseCode::TooManyConnections, full.reason())),
    });
    match &greeting {
        Ok(_) => stream.get_mut().lift_limit(),
        Err(End::Close(code, reason)) => {
            if let Some(unlogged) = LOG.line() {
                tracing::warn!(%peer, code = code.number(), reason, unlogged, "a socket was refused at its hello");
            }
        }
        Err(_) => {}
    }
    greeting
}

async fn checked_hello(
    stream: &mut Stream,
    outbox: &Outbox,
    shared: &Shared,
    peer: Peer,
    signed_in: Option<SignedIn>,
) -> Result<Greeting, End> {
    let first = timeout(HELLO_WITHIN, next_frame(stream)).await;
    let too_large = || {
        METRICS.refused(RefusalReason::FrameTooLarge);
        let reason = format!("the first message must be hello, with at most {MAX_HELLO_BYTES} bytes");
        End::close(CloseCode::TooLarge, reason)
    };
    let text = match first.map_err(|_| End::close(CloseCode::NoHello, "no hello within 10 s"))? {
        Err(End::Gone) if stream.get_ref().limit_is_reached() => return Err(too_large()),
        Err(end) => return Err(end),
        Ok(Incoming::Text(text)) if text.len() > MAX_HELLO_BYTES => return Err(too_large()),
        Ok(Incoming::Text(text)) => text,
        Ok(Incoming::Binary(_)) => return Err(End::close(CloseCode::NoHello, "the first message must be hello")),
    };
    let (id, hello) = match ClientMessage::parse(&text) {
        Ok(Frame { id, message: ClientMessage::Hello(hello), .. }) => (id, hello),
        Ok(Frame { message, .. }) => {
            return Err(End::close(CloseCode::NoHello, format!("{} came before hello", message.name())));
        }
        Err(ParseError::UnknownType { .. }) => {
            return Err(End::close(CloseCode::NoHello, "the first message must be hello"));
        }
        Err(error) => return Err(End::close(CloseCode::BadFrame, error.to_string())),
    };
    if hello.protocol != SUBPROTOCOL {
        return Err(End::close(CloseCode::ProtocolVersion, format!("this bridge speaks {SUBPROTOCOL}")));
    }
    let client = ClientName::parse(&hello.client)
        .map_err(|error| End::close(CloseCode::BadFrame, format!("hello.client: {error}")))?;
    let cluster = hello.cluster.as_deref().map(ClusterName::parse).transpose();
    let cluster = cluster.map_err(|error| End::close(CloseCode::BadFrame, format!("hello.cluster: {error}")))?;
    let token = hello.token.as_ref().map(|token| token.0.as_str());
    // A token is what the user has entered for this bridge, so it has precedence.
    let signed_in = signed_in.filter(|_| token.is_none());
    // Before the user is identified, so that the socket is closed if users and rules are replaced in between.
    let mut policy = shared.admission.policy();
    let rules = Arc::clone(&policy.borrow_and_update());
    let admitted = shared.admission.identify(token, signed_in.as_ref(), peer, "hello").await;
    let principal = admitted.map_err(|refusal| {
        let (reason, code, text) = match refusal {
            NotAdmitted::NoToken => {
                (RefusalReason::Token, CloseCode::TokenRefused, "hello has no access token; this bridge needs one")
            }
            NotAdmitted::WrongToken => {
                (RefusalReason::Token, CloseCode::TokenRefused, "the access token is wrong; this bridge needs one")
            }
            NotAdmitted::SignedOut => (RefusalReason::SignedOut, CloseCode::SignedOut, "sign in at auth/sign-in"),
        };
        METRICS.refused(reason);
        End::close(code, text)
    })?;
    // After the token, because the error lists the names of the clusters.
    match shared.clusters.find(cluster.as_ref().map(ClusterName::as_str), |name| rules.may_use(&principal, name)) {
        Ok(cluster) => {
            let permissions = Permissions::new(principal, cluster.name.clone(), rules);
            Ok(Greeting { client, cluster: Arc::clone(cluster), resume: hello.resume, permissions, policy, signed_in })
        }
        Err(error) => {
            let is_forbidden = error.code == ErrorCode::Forbidden.number();
            let code = if is_forbidden { CloseCode::Forbidden } else { CloseCode::UnknownCluster };
            let reason = error.message.clone();
            outbox.reply(id, ErrorMessage::from(error)).await?;
            Err(End::close(code, reason))
        }
    }
}
