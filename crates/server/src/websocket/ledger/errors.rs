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
    use protocol::{ErrorBroker, KafkaError};

    use super::*;

    #[test]
    fn error_beyond_the_budget_keeps_its_code_without_text() {
        let mut errors = KeptErrors::default();
        let long = || {
            Arc::new(ErrorBody {
                message: "x".repeat(BUDGET_BYTES / 4),
                ..ErrorBody::new(ErrorCode::RecordTooLarge, "")
            })
        };
        let kept: Vec<Charged> = (0..100).map(|_| errors.keep(long())).collect();
        assert!(errors.bytes() <= BUDGET_BYTES + 2 * AROUND, "{}", errors.bytes());
        assert!(kept.iter().all(|kept| kept.error.code == ErrorCode::RecordTooLarge.number()));
        assert_eq!(kept.iter().filter(|kept| kept.bytes > 0).count(), 3);
        assert!(Arc::ptr_eq(&kept[50].error, &kept[99].error), "errors without a text are shared");
        kept.iter().for_each(|kept| errors.release(kept.bytes as usize));
        assert!(errors.keep(long()).bytes > 0, "there is room again");
    }

    #[test]
    fn error_is_kept_up_to_exactly_the_budget() {
        let sized = |bytes: usize| {
            let around = KeptErrors::bytes_of(&ErrorBody::new(ErrorCode::ReadOnly, ""));
            Arc::new(ErrorBody { message: "x".repeat(bytes - around), ..ErrorBody::new(ErrorCode::ReadOnly, "") })
        };
        let half = BUDGET_BYTES / 2;
        for (second, is_kept) in [(half, true), (half + 1, false)] {
            let mut errors = KeptErrors::default();
            let first = errors.keep(sized(half));
            assert_eq!(first.bytes as usize, half);
            let error = sized(second);
            let kept = errors.keep(Arc::clone(&error));
            assert_eq!(Arc::ptr_eq(&kept.error, &error), is_kept, "{second}");
            assert_eq!(kept.bytes as usize, if is_kept { second } else { 0 }, "{second}");
            assert_eq!(errors.bytes(), if is_kept { 2 * half } else { half + AROUND }, "{second}");
        }
        assert_eq!(BUDGET_BYTES, 1_048_576);
    }

    #[test]
    fn size_of_an_error_includes_its_names_and_addresses() {
        let mut error = ErrorBody::new(ErrorCode::ReadOnly, "12345");
        let plain = 5 + error.name.len() + AROUND;
        assert_eq!(KeptErrors::bytes_of(&error), plain);
        error.kafka = Some(KafkaError { code: 3, name: "kafka's name".to_owned() });
        assert_eq!(KeptErrors::bytes_of(&error), plain + 12);
        error.broker = Some(Box::new(ErrorBroker { address: "localhost:9092".to_owned(), id: None }));
        assert_eq!(KeptErrors::bytes_of(&error), plain + 12 + 14);
    }

    #[test]
    fn error_without_its_text_keeps_what_decides_about_a_retry() {
        let mut errors = KeptErrors { bytes: BUDGET_BYTES, ..KeptErrors::default() };
        let mut keep = |code, unknown| {
            let kafka = Some(KafkaError { code: 3, name: "of Kafka".to_owned() });
            let broker = Some(Box::new(ErrorBroker { address: "localhost:9092".to_owned(), id: None }));
            let text = "no leader since noon";
            let error = ErrorBody { unknown, retry_after_ms: Some(5), kafka, broker, ..ErrorBody::new(code, text) };
            errors.keep(Arc::new(error)).error
        };
        let known = keep(ErrorCode::ReadOnly, false);
        let unknown = keep(ErrorCode::ReadOnly, true);
        let other = keep(ErrorCode::RecordTooLarge, false);
        assert!(Arc::ptr_eq(&keep(ErrorCode::ReadOnly, true), &unknown));
        let kept: Vec<(u16, bool)> =
            [&known, &unknown, &other].iter().map(|error| (error.code, error.unknown)).collect();
        let (read_only, too_large) = (ErrorCode::ReadOnly.number(), ErrorCode::RecordTooLarge.number());
        assert_eq!(kept, [(read_only, false), (read_only, true), (too_large, false)]);
        assert!(
            !known.message.contains("no leader since noon") && known.message.starts_with(&known.name),
            "{}",
            known.message
        );
        assert_eq!((&known.kafka, &known.broker, known.retry_after_ms), (&None, &None, None));
        assert_eq!(errors.bytes(), BUDGET_BYTES + 3 * AROUND);
    }

    #[test]
    fn released_bytes_return_to_the_budget() {
        let mut errors = KeptErrors { bytes: 1000, ..KeptErrors::default() };
        errors.release(400);
        assert_eq!(errors.bytes(), 600);
        errors.release(700);
        assert_eq!(errors.bytes(), 0);
    }
}
