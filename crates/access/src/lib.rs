//! Who may do what. A [`Policy`] is the configured rules and masks; for a [`Principal`] it says what that user may do in a
//! cluster, and which fields of records are masked. The crate knows neither sockets nor Kafka's client library.

mod mask;
mod policy;
mod principal;

pub use mask::{Mask, MaskMethod, MaskPath, MaskProfile};
pub use policy::{Policy, Rule, TooManyMasks, Who};
pub use principal::{Principal, Source};
