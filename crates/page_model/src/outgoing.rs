//! A frame for the bridge.

use std::rc::Rc;

#[derive(Clone, Debug)]
pub enum Outgoing {
    /// A control message.
    Text(String),
    /// Records. Shared with `sends.rs`, which keeps them until they have their outcome.
    Binary(Rc<Vec<u8>>),
}

#[cfg(test)]
impl Outgoing {
    /// Whether a control message contains this text.
    pub fn contains(&self, text: &str) -> bool {
        matches!(self, Self::Text(message) if message.contains(text))
    }
}
