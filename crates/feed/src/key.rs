//! What subscriptions must have in common to share a feed, or an encoded form of its records.

use std::sync::Arc;

use access::MaskProfile;
use protocol::{Decode, Format};

/// An encoded form of records. A record is encoded once per variant, for any number of subscriptions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    pub format: Format,
    /// How keys and values are decoded. Masks apply to the decoded form.
    pub decode: Decode,
    /// `None`: no field is masked.
    pub mask: Option<Arc<MaskProfile>>,
}

impl Variant {
    /// Whether the records are those that Kafka has, only in another encoding.
    pub fn is_plain(&self) -> bool {
        self.decode.is_raw() && self.mask.is_none()
    }
}
