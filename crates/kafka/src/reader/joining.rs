//! The check of the group's protocol before a reader joins. Joining an empty classic group with the consumer protocol
//! (KIP-848) would convert the group for all other members.

use std::time::{Duration, Instant};

use super::Reader;
use crate::group_protocol::{self, GroupProtocol};
use feed::ReadMode;

/// The pause before a failed request is repeated.
const RETRY_AFTER: Duration = Duration::from_millis(500);

impl Reader {
    /// Whether the group may be joined now, because its protocol is known.
    pub(super) fn has_groups_protocol(&mut self) -> bool {
        let ReadMode::Group { id, .. } = &self.mode else { return true };
        if self.knows_groups_protocol || self.connection.demo || self.protocol == GroupProtocol::Classic {
            return true;
        }
        match group_protocol::of_group(&self.metadata_client, id) {
            Ok(Some(GroupProtocol::Classic)) => {
                tracing::debug!(group = id.as_str(), "the group is a classic one; joining with the classic protocol");
                self.fall_back_to_classic();
            }
            Ok(_) => {}
            // Kafka does not answer, so the group could not be joined either.
            Err(failure) => {
                tracing::debug!(group = id.as_str(), reason = %failure.reason, "cannot fetch the group's protocol; retrying");
                self.check_missing_at = Instant::now() + RETRY_AFTER;
                return false;
            }
        }
        self.knows_groups_protocol = true;
        true
    }
}
