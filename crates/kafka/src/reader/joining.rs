//! Before a reader joins its group: a group that is there keeps its protocol. An empty classic group that is joined with the
//! consumer protocol (KIP-848) would be converted, for every other member that comes.

use std::time::{Duration, Instant};

use super::Reader;
use crate::group_protocol::{self, GroupProtocol};
use feed::ReadMode;

/// How soon the broker is asked again that did not answer.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

impl Reader {
    /// Whether the group may be joined now, which is with the protocol that it has already.
    pub(super) fn has_groups_protocol(&mut self) -> bool {
        let ReadMode::Group { id, .. } = &self.mode else { return true };
        if self.knows_groups_protocol || self.connection.demo || self.protocol == GroupProtocol::Classic {
            return true;
        }
        match group_protocol::of_group(&self.metadata_client, id) {
            Ok(Some(GroupProtocol::Classic)) => {
                tracing::debug!(group = id.as_str(), "the group is a classic one, and stays one");
                self.fall_back_to_classic();
            }
            Ok(_) => {}
            // Kafka does not answer just now, hence the group cannot be joined either.
            Err(failure) => {
                tracing::debug!(group = id.as_str(), reason = %failure.reason, "the group's protocol is not known yet");
                self.look_for_topics_at = Instant::now() + ASK_AGAIN_AFTER;
                return false;
            }
        }
        self.knows_groups_protocol = true;
        true
    }
}
