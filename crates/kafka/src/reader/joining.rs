//! The check of the group's type and protocol before a reader joins. Joining a share group would wait for ever. Joining an
//! empty classic group with the consumer protocol (KIP-848) would convert the group for all other members.

use std::time::{Duration, Instant};

use super::Reader;
use super::errors::Subject;
use crate::group_protocol::{self, GroupProtocol, Joinable};
use feed::ReadMode;

/// The pause before a failed request is repeated.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The group may be deleted, so that a consumer group can have its name.
const CHECK_KIND_EVERY: Duration = Duration::from_secs(5);

impl Reader {
    /// Whether the group may be joined now, because its protocol is known.
    pub(super) fn has_groups_protocol(&mut self) -> bool {
        let ReadMode::Group { id, .. } = &self.mode else { return true };
        if self.knows_groups_protocol || self.connection.demo {
            return true;
        }
        match group_protocol::of_group(&self.metadata_client, id) {
            Ok(Joinable::Existing(GroupProtocol::Classic)) if self.protocol == GroupProtocol::Consumer => {
                tracing::debug!(group = id.as_str(), "the group is a classic one; joining with the classic protocol");
                self.fall_back_to_classic();
            }
            Ok(Joinable::Existing(_) | Joinable::New) => {}
            Ok(Joinable::Not(error)) => {
                self.errors.set(Subject::Group, error);
                self.check_missing_at = Instant::now() + CHECK_KIND_EVERY;
                return false;
            }
            // Kafka does not answer, so the group could not be joined either.
            Err(failure) => {
                tracing::debug!(group = id.as_str(), reason = %failure.reason, "cannot fetch the group's protocol; retrying");
                self.check_missing_at = Instant::now() + RETRY_AFTER;
                return false;
            }
        }
        self.errors.clear(&Subject::Group);
        self.knows_groups_protocol = true;
        true
    }
}
