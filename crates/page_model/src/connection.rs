//! The start and the end of a connection: `hello`, `welcome` and the loss of the socket.

use protocol::{CloseCode, Hello, Resume, SUBPROTOCOL, Secret, Welcome};

use super::app_state::{AppState, Bridge};
use super::connect_error::ConnectError;
use super::link::{Link, Loss};
use super::notices::NoticeKind;
use super::sends::Sends;
use super::slice::Slice;

/// The sockets that the bridge has closed because of new access rules connect again within this time.
pub const ACCESS_CHANGED_SPREAD_MS: f64 = 200.0;

impl AppState {
    pub fn connecting(&mut self) {
        self.link = Link::Connecting;
        self.changes.mark(Slice::Link);
    }

    /// The socket is open: sends `hello`, which the bridge answers with `welcome`.
    pub fn socket_opened(&mut self, client: &str) {
        self.hellos += 1;
        let resume = self.session.clone().map(|session| Resume { session, attempt: Some(self.hellos) });
        let (protocol, client, token) = (SUBPROTOCOL.into(), client.into(), self.token.clone());
        self.post(&Hello { protocol, client, cluster: self.cluster_choice.clone(), token, resume });
    }

    /// Sets the access token that the user entered. An empty token counts as none.
    pub fn set_token(&mut self, token: String) {
        self.token = (!token.is_empty()).then_some(Secret(token));
        self.token_is_wrong = false;
    }

    /// Forgets a token that the bridge has refused, since a token has precedence over a sign-in. Returns whether to connect once
    /// more: without a token, the bridge tells whether it offers to sign in.
    pub fn drop_refused_token(&mut self) -> bool {
        if !self.link.asks_for_token() || self.token.take().is_none() {
            return false;
        }
        self.token_is_wrong = true;
        !self.signs_in
    }

    /// Sets the cluster that the page's address names, before the first connection.
    pub fn set_cluster_choice(&mut self, name: Option<String>) {
        self.cluster_choice = name;
    }

    /// Prepares a new session with another cluster: forgets the records of the current cluster, sent and received. The forms
    /// are kept. The caller then opens a new socket.
    pub fn switch_cluster(&mut self, name: String) {
        self.cluster_choice = Some(name);
        self.link = Link::Connecting;
        self.forget_requests();
        self.next_intent = None;
        self.listening.stop(false);
        self.session = None;
        self.sends = Sends::default();
        self.run = None;
        self.cluster = None;
        self.registry = None;
        self.clear_feed();
        self.restart_batch_encoding();
        self.changes.mark(Slice::Link);
        self.changes.mark(Slice::Cluster);
        self.changes.mark(Slice::Sends);
        self.changes.mark(Slice::Listening);
    }

    /// Replies that were expected on the socket will not arrive.
    fn forget_requests(&mut self) {
        self.outbox.clear();
        self.topic_requests.clear();
        self.group_request = None;
        self.waits.clear();
        self.component_requests.socket_lost();
        self.fills.clear();
        self.cancel_rereads();
        self.rereads.socket_lost();
        self.schemas.socket_lost();
        self.listening.socket_lost();
    }

    /// The socket is closed. `retry_at_ms`: when the next attempt begins; `None` if another attempt cannot succeed.
    pub fn socket_lost(&mut self, mut loss: Loss, retry_at_ms: Option<f64>, now_ms: f64) {
        if let Some(message) = self.unknown_cluster.take()
            && loss.code == CloseCode::UnknownCluster.number()
        {
            loss.reason = message;
        }
        self.link = match retry_at_ms {
            // The socket connects again at once, and nothing is wrong. A socket that was closed before `welcome` waits longer.
            Some(retry_at_ms)
                if loss.code == CloseCode::AccessChanged.number()
                    && retry_at_ms <= now_ms + ACCESS_CHANGED_SPREAD_MS =>
            {
                self.notify(NoticeKind::AccessChanged, now_ms);
                Link::Connecting
            }
            Some(retry_at_ms) => Link::Waiting { retry_at_ms, loss },
            None => Link::Closed { loss },
        };
        self.signs_in |= self.link.asks_to_sign_in();
        self.forget_requests();
        self.listen_to_next();
        if retry_at_ms.is_none() && !self.link.asks_for_token() && !self.link.asks_to_sign_in() {
            // Without automatic reconnects, listening and the session end here.
            self.listening.stop(false);
            self.forget_session();
        }
        if let Some(run) = &mut self.run {
            run.stop_clock(now_ms);
        }
        self.changes.mark(Slice::Link);
        self.changes.mark(Slice::Cluster);
        self.changes.mark(Slice::Listening);
    }

    /// What the page has found out about a socket that could not be opened; `None`: nothing answers.
    pub fn explain_loss(&mut self, found: Option<ConnectError>) {
        if let Link::Waiting { loss, .. } = &mut self.link
            && loss.cause != found
        {
            loss.cause = found;
            self.changes.mark(Slice::Link);
        }
    }

    /// Ends the session. Records without an outcome become `Unknown`: they may be in the log.
    pub(super) fn forget_session(&mut self) {
        self.session = None;
        self.sends.session_lost();
        self.settle(0.0);
    }

    pub(super) fn welcomed(&mut self, welcome: Welcome) {
        self.link = Link::Open;
        if welcome.resumed {
            self.post_frames(self.sends.resumed());
        } else {
            self.forget_session();
        }
        self.session = Some(welcome.session);
        self.cluster = Some(welcome.cluster);
        // Sent after `welcome`, if the cluster has one.
        self.registry = None;
        let Welcome { defaults, limits, read_only, clusters, user, rights, .. } = welcome;
        self.bridge = Some(Bridge { defaults, limits, read_only, clusters, user, rights });
        self.cluster_choice = Some(welcome.cluster_name).filter(|name| !name.is_empty());
        self.changes.mark(Slice::Link);
        self.changes.mark(Slice::Cluster);
        // Other rights may allow other rows to be loaded.
        self.changes.mark(Slice::Rows);
        self.subscribe();
        self.request_views();
    }
}
