//! Which variants of the same topics are read at this time, and the limit of decoded and masked ones: each one costs memory and time
//! for every record, for any number of subscriptions.

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
    /// When the variant is decoded or masked, and subscriptions of the same topics read [`MAX_VARIANTS`] others that are.
    pub fn hold(&self, topics: &[TopicName], variant: Variant) -> Result<HeldVariant, ErrorBody> {
        let mut all = lock(&self.0);
        let read = all.entry(topics.to_vec()).or_default();
        let others = read.keys().filter(|variant| !variant.is_plain()).count();
        if !variant.is_plain() && others == MAX_VARIANTS && !read.contains_key(&variant) {
            let message = format!(
                "these topics are read in {MAX_VARIANTS} variants (formats × decode settings × masks of the users) at the moment, \
                 which is the limit; choose a setting that another user has, or try again when other users have stopped"
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
    use protocol::{ClusterName, Decode, Format, NamePattern, RecordFormat};

    use super::*;

    fn topics(names: &[&str]) -> Vec<TopicName> {
        names.iter().map(|name| TopicName::parse(name).expect("a valid name")).collect()
    }

    /// The variant of a user with one of the masks of this policy.
    fn masked_by(policy: &Policy, mask: usize, format: Format) -> Variant {
        let cluster = ClusterName::parse("default").expect("a valid name");
        let mask = policy.masks(&Principal::anyone(), &cluster, [format!("topic-{mask}").as_str()]);
        assert!(mask.is_some());
        Variant { format, decode: Decode::default(), mask }
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
    fn further_masked_variant_of_the_same_topics_is_refused_until_one_is_free() {
        let (variants, policy, read) = (Variants::default(), policy(), topics(&["a", "b"]));
        let variant = |mask| masked_by(&policy, mask, Format::Json);
        let hold = |variant| variants.hold(&read, variant);
        let mut held: Vec<_> = (0..MAX_VARIANTS).map(|mask| hold(variant(mask)).expect("room")).collect();
        let another = || masked_by(&policy, 0, Format::Binary);
        let error = hold(another()).err().expect("no room: another format is another variant");
        assert_eq!((error.name.as_str(), error.retriable), ("too_many_variants", true));
        assert!(error.retry_after_ms.is_some());
        // Another subscription of the same variant, other topics, and records without masks have room.
        let second = hold(variant(3)).expect("the variant is read already");
        assert!(variants.hold(&topics(&["a"]), another()).is_ok());
        assert!(hold(Variant { format: Format::Json, decode: Decode::default(), mask: None }).is_ok());
        let decode = Decode { value: RecordFormat::Auto, ..Decode::default() };
        let decoded = Variant { format: Format::Json, decode, mask: None };
        assert!(hold(decoded).is_err(), "a decoded variant costs as much as a masked one");
        drop(held.remove(3));
        assert!(hold(another()).is_err(), "the second subscription still reads the variant");
        drop(second);
        assert!(hold(another()).is_ok());
        drop(held);
        assert!(lock(&variants.0).is_empty(), "nothing is kept for topics that nobody reads");
    }
}
