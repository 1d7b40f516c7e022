//! The page's side of a connection: what it says first, and what changes when the bridge welcomes it or is lost.

use protocol::{Hello, Resume, SUBPROTOCOL, Secret, Welcome};

use super::link::{Link, Loss};
use super::page::{Bridge, Page};

impl Page {
    pub fn connecting(&mut self) {
        self.link = Link::Connecting;
        self.changed.link = true;
    }

    /// The socket stands; the bridge answers with its welcome.
    pub fn socket_opened(&mut self, client: &str) {
        self.hellos += 1;
        let resume = self.session.clone().map(|session| Resume { session, attempt: Some(self.hellos) });
        self.post(Hello { protocol: SUBPROTOCOL.into(), client: client.into(), token: self.token.clone(), resume });
    }

    /// What the user says is the bridge's access token; none after an empty one.
    pub fn set_token(&mut self, token: String) {
        self.token = (!token.is_empty()).then_some(Secret(token));
    }

    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The socket is gone; `retry_at_ms` says when the next try begins, if one makes sense.
    pub fn socket_lost(&mut self, loss: Loss, retry_at_ms: Option<f64>, now_ms: f64) {
        self.link = match retry_at_ms {
            Some(retry_at_ms) => Link::Waiting { retry_at_ms, loss },
            None => Link::Closed { loss },
        };
        self.outbox.clear();
        self.topic_questions.clear();
        self.group_question = None;
        self.waits.clear();
        self.questions.socket_lost();
        self.fills.clear();
        self.listening.socket_lost();
        self.listen_to_next();
        if retry_at_ms.is_none() && !self.link.asks_for_token() {
            // Nothing goes on by itself any more.
            self.listening.stop(false);
            self.forget_session();
        }
        if let Some(run) = &mut self.run {
            run.hold(now_ms);
        }
        self.changed.link = true;
        self.changed.cluster = true;
        self.changed.listening = true;
    }

    /// What has no outcome stays without: it may be in the log.
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
        self.bridge = Some(Bridge { defaults: welcome.defaults, limits: welcome.limits, read_only: welcome.read_only });
        self.changed.link = true;
        self.changed.cluster = true;
        self.subscribe();
        self.ask_for_looks();
    }
}
