//! The errors of failed records that one session keeps, within a memory budget.

use std::sync::Arc;

use protocol::{ErrorBody, ErrorCode};

/// Error texts are kept up to this many bytes; later errors are kept without their text.
const BUDGET_BYTES: usize = 1024 * 1024;

/// The approximate size of an error's names, numbers and fields without its text.
const AROUND: usize = 200;

#[derive(Default)]
pub struct KeptErrors {
    bytes: usize,
    /// One error without text per code, for the errors whose text is not kept.
    brief: Vec<Arc<ErrorBody>>,
}

/// An error, and how many bytes of the budget it uses.
pub struct Charged {
    pub error: Arc<ErrorBody>,
    pub bytes: u32,
}

impl KeptErrors {
    /// Keeps an error, without its text if the budget is used up.
    pub fn keep(&mut self, error: Arc<ErrorBody>) -> Charged {
        let bytes = Self::bytes_of(&error);
        match u32::try_from(bytes) {
            Ok(charge) if self.bytes + bytes <= BUDGET_BYTES => {
                self.bytes += bytes;
                Charged { error, bytes: charge }
            }
            _ => Charged { error: self.brief(&error), bytes: 0 },
        }
    }

    /// Returns bytes to the budget, for errors that are not kept any more.
    pub fn release(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    pub fn bytes(&self) -> usize {
        self.bytes + self.brief.len() * AROUND
    }

    /// The approximate size of an error in memory and in a message.
    pub fn bytes_of(error: &ErrorBody) -> usize {
        let kafka = error.kafka.as_ref().map_or(0, |kafka| kafka.name.len());
        let broker = error.broker.as_ref().map_or(0, |broker| broker.address.len());
        error.message.len() + error.name.len() + kafka + broker + AROUND
    }

    fn brief(&mut self, error: &ErrorBody) -> Arc<ErrorBody> {
        if let Some(brief) = self.brief.iter().find(|brief| (brief.code, brief.unknown) == (error.code, error.unknown))
        {
            return Arc::clone(brief);
        }
        // There are at most two for each code.
        debug_assert!(self.brief.len() <= 2 * ErrorCode::ALL.len());
        let brief = Arc::new(ErrorBody {
            message: format!(
                "{}; so many records of this session failed that the text of this error was not kept",
                error.name
            ),
            kafka: None,
            broker: None,
            retry_after_ms: None,
            ..error.clone()
        });
        self.brief.push(Arc::clone(&brief));
        brief
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_beyond_the_budget_keeps_its_code_without_text() {
        let mut errors = KeptErrors::default();
        let long = || Arc::new(ErrorBody::new(ErrorCode::RecordTooLarge, "x".repeat(BUDGET_BYTES / 4)));
        let kept: Vec<Charged> = (0..100).map(|_| errors.keep(long())).collect();
        assert!(errors.bytes() <= BUDGET_BYTES + 2 * AROUND, "{}", errors.bytes());
        assert!(kept.iter().all(|kept| kept.error.code == ErrorCode::RecordTooLarge.number()));
        assert_eq!(kept.iter().filter(|kept| kept.bytes > 0).count(), 3);
        assert!(Arc::ptr_eq(&kept[50].error, &kept[99].error), "errors without a text are shared");
        kept.iter().for_each(|kept| errors.release(kept.bytes as usize));
        assert!(errors.keep(long()).bytes > 0, "there is room again");
    }
}
