//! Which variants of the same topics are read at this time, and their limit: each one costs memory and time for every
//! record, for any number of subscriptions.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use feed::{MAX_VARIANTS, Variant};
use protocol::{ErrorBody, ErrorCode, TopicName};

/// How long a refused client should wait before it tries again.
const RETRY_AFTER_MS: u64 = 1000;

/// The variants that the subscriptions of one cluster read.
#[derive(Default)]
pub struct Variants(Arc<Mutex<ReadVariants>>);

/// For each list of topics, the variants and how many subscriptions read each.
type ReadVariants = HashMap<Vec<TopicName>, HashMap<Variant, usize>>;

/// The variant of a subscription. It counts as long as this exists.
pub struct HeldVariant {
    variant: Variant,
    topics: Vec<TopicName>,
    all: Arc<Mutex<ReadVariants>>,
}

impl Variants {
    /// `topics`: in alphabetical order, each once.
    ///
    /// # Errors
    /// When subscriptions of the same topics read [`MAX_VARIANTS`] other ones.
    pub fn hold(&self, topics: &[TopicName], variant: Variant) -> Result<HeldVariant, ErrorBody> {
        let mut all = lock(&self.0);
        let read = all.entry(topics.to_vec()).or_default();
        if read.len() == MAX_VARIANTS && !read.contains_key(&variant) {
            let message = format!(
                "these topics are read in {MAX_VARIANTS} variants (formats × masks of the users) at the moment, which is \
                 the limit; try again when other users have stopped"
            );
            let error = ErrorBody::new(ErrorCode::TooManyVariants, message);
            return Err(ErrorBody { retry_after_ms: Some(RETRY_AFTER_MS), ..error });
        }
        *read.entry(variant.clone()).or_default() += 1;
        Ok(HeldVariant { variant, topics: topics.to_vec(), all: Arc::clone(&self.0) })
    }
}

impl Deref for HeldVariant {
    type Target = Variant;

    fn deref(&self) -> &Variant {
        &self.variant
    }
}

impl Drop for HeldVariant {
    fn drop(&mut self) {
        let mut all = lock(&self.all);
        let Some(read) = all.get_mut(&self.topics) else { return };
        if let Some(subscriptions) = read.get_mut(&self.variant) {
            *subscriptions -= 1;
            if *subscriptions == 0 {
                read.remove(&self.variant);
            }
        }
        if read.is_empty() {
            all.remove(&self.topics);
        }
    }
}

fn lock(variants: &Mutex<ReadVariants>) -> MutexGuard<'_, ReadVariants> {
    // Each change is complete before anything can fail.
    variants.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use access::{Mask, MaskMethod, MaskPath, Policy, Principal, Who};
    use protocol::{ClusterName, Format, NamePattern};

    use super::*;

    fn topics(names: &[&str]) -> Vec<TopicName> {
        names.iter().map(|name| TopicName::parse(name).expect("a valid name")).collect()
    }

    /// The variant of a user with one of the masks of this policy.
    fn masked_by(policy: &Policy, mask: usize, format: Format) -> Variant {
        let cluster = ClusterName::parse("default").expect("a valid name");
        let mask = policy.masks(&Principal::anyone(), &cluster, [format!("topic-{mask}").as_str()]);
        assert!(mask.is_some());
        Variant { format, mask }
    }

    fn policy() -> Policy {
        let mask = |index: usize| Mask {
            clusters: Vec::new(),
            topics: vec![NamePattern(format!("topic-{index}"))],
            fields: vec![MaskPath::parse("value").expect("a valid path")],
            method: MaskMethod::Replace,
            except: Who::default(),
        };
        Policy::new(Vec::new(), (0..MAX_VARIANTS).map(mask).collect()).expect("few masks")
    }

    #[test]
    fn further_variant_of_the_same_topics_is_refused_until_one_is_free() {
        let (variants, policy, read) = (Variants::default(), policy(), topics(&["a", "b"]));
        let variant = |mask| masked_by(&policy, mask, Format::Json);
        let hold = |variant| variants.hold(&read, variant);
        let mut held: Vec<_> = (0..MAX_VARIANTS).map(|mask| hold(variant(mask)).expect("room")).collect();
        let unmasked = || Variant { format: Format::Json, mask: None };
        let error = hold(unmasked()).err().expect("no room");
        assert_eq!((error.name.as_str(), error.retriable), ("too_many_variants", true));
        assert!(error.retry_after_ms.is_some());
        assert!(hold(masked_by(&policy, 0, Format::Binary)).is_err(), "another format is another variant");
        // Another subscription of the same variant, and other topics, have room.
        let second = hold(variant(3)).expect("the variant is read already");
        assert!(variants.hold(&topics(&["a"]), unmasked()).is_ok());
        drop(held.remove(3));
        assert!(hold(unmasked()).is_err(), "the second subscription still reads the variant");
        drop(second);
        assert!(hold(unmasked()).is_ok());
        drop(held);
        assert!(lock(&variants.0).is_empty(), "nothing is kept for topics that nobody reads");
    }
}
