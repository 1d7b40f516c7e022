//! What follows the current subscription, and the change of formats while listening.

use std::collections::BTreeMap;

use protocol::Decode;

use super::app_state::AppState;
use super::intent::{Intent, ReadMode};
use super::listening::Phase;

/// What follows the current subscription.
#[derive(Clone, Debug, PartialEq)]
pub enum NextIntent {
    /// Another list.
    Other(Intent),
    /// The same topics in other formats.
    OtherFormats(Decode),
}

impl AppState {
    /// Reads keys and values in other formats from now on. Without a group, the kept records are read again; the positions of a
    /// group belong to all of its members, so its records in the list stay as they are.
    pub fn read_as(&mut self, decode: Decode) {
        if self.listening.phase() == Phase::Idle {
            return;
        }
        match &mut self.next_intent {
            Some(NextIntent::Other(next)) => next.decode = decode,
            next if self.listening.intent().decode != decode || next.is_some() => {
                *next = Some(NextIntent::OtherFormats(decode));
                self.stop_listening();
                self.listen_to_next();
            }
            _ => {}
        }
    }

    pub(super) fn listen_in_other_formats(&mut self, decode: Decode) {
        let intent = Intent { decode, ..self.listening.intent().clone() };
        if intent.mode == ReadMode::Group {
            self.listening.start_in_other_formats(intent, BTreeMap::new());
        } else {
            let from = self.feed.first_kept_offsets();
            self.listening.start_in_other_formats(intent, from);
            self.fills.clear();
            self.rereads.cancel();
            self.feed.clear();
            self.feed.follow();
        }
        self.changes.mark_list();
        self.subscribe();
    }
}
