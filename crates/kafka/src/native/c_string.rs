//! Conversion of texts to C strings.

use std::ffi::{CString, NulError};

use rdkafka::error::RDKafkaErrorCode;

use super::admin::Failure;

/// The text contains a zero byte, which would end the C string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InteriorNul;

/// # Errors
/// If the text contains a zero byte, because the truncated text would be another name.
pub(super) fn c_string(text: &str) -> Result<CString, InteriorNul> {
    CString::new(text).map_err(|_: NulError| InteriorNul)
}

impl From<InteriorNul> for RDKafkaErrorCode {
    fn from(_: InteriorNul) -> Self {
        Self::InvalidArgument
    }
}

impl From<InteriorNul> for Failure {
    fn from(error: InteriorNul) -> Self {
        Self { code: error.into(), reason: "a name or value contains a zero byte".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_a_zero_byte_is_refused() {
        assert_eq!(c_string("a\0b"), Err(InteriorNul));
        assert_eq!(c_string("ab").as_deref(), Ok(c"ab"));
    }
}
