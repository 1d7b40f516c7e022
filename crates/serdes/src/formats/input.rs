//! Reads bytes from their start to their end.

use crate::error::{DecodeError, DecodeErrorCode};

/// The bytes of a value, and how many of them were read.
#[derive(Clone, Debug)]
pub(super) struct Input<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], DecodeError> {
        match self.rest().first_chunk() {
            Some(bytes) => {
                self.at += LENGTH;
                Ok(*bytes)
            }
            None => Err(self.too_short(LENGTH as u64)),
        }
    }

    /// The length may be any number that the bytes state.
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        let taken = usize::try_from(length).ok().and_then(|length| self.rest().get(..length));
        let Some(taken) = taken else { return Err(self.too_short(length)) };
        self.at += taken.len();
        Ok(taken)
    }

    pub(super) fn text(&mut self, length: u64) -> Result<&'a str, DecodeError> {
        let start = self.at;
        let bytes = self.take(length)?;
        str::from_utf8(bytes).map_err(|error| not_utf8(start, error.valid_up_to(), bytes))
    }

    /// Checks that nothing follows.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        match self.rest().len() {
            0 => Ok(()),
            more => Err(self.trailing(more)),
        }
    }

    #[cold]
    fn too_short(&self, length: u64) -> DecodeError {
        let (at, rest) = (self.at, self.rest().len());
        DecodeError::malformed(format!(
            "the value ends too early: the length at byte {at} is {length}, but {rest} remain"
        ))
    }

    #[cold]
    fn trailing(&self, more: usize) -> DecodeError {
        let byte = self.bytes[self.at];
        DecodeError::malformed(format!(
            "the value is complete at byte {}, but {more} more follow (0x{byte:02x} …)",
            self.at
        ))
    }
}

#[cold]
fn not_utf8(start: usize, valid: usize, bytes: &[u8]) -> DecodeError {
    let (at, byte) = (start + valid, bytes[valid]);
    DecodeError::malformed(format!("the text at byte {start} is not UTF-8: invalid at byte {at} (0x{byte:02x})"))
}

/// The error of arrays and objects in each other.
#[cold]
pub(super) fn too_deep(at: usize) -> DecodeError {
    let message = format!("the value is nested deeper than {} levels at byte {at}", protocol::MAX_JSON_DEPTH);
    DecodeError::new(DecodeErrorCode::TooLarge, message)
}
