//! The bytes of a response, with a check of every length in it.
//!
//! The decoders of `kafka-protocol` 0.18 allocate an array with the length in the response before they read its
//! elements. Six bytes can announce 4 billion elements, and a failed allocation ends the process
//! (<https://github.com/kafka-protocol-rs/kafka-protocol-rs/pull/152>). This buffer returns an error when such a length
//! is read.

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::protocol::buf::ByteBuf;
use std::ops::Range;

/// Lengths up to this one are always accepted: they cannot cause a large allocation, and tag numbers, which are not
/// lengths, are far smaller.
const ALWAYS_ACCEPTED: u64 = 1024;

/// The longest unsigned varint of Kafka's protocol.
const MAX_VARINT_BYTES: u32 = 5;

/// Refuses every length that is greater than the number of remaining bytes, since each element has at least one byte.
///
/// In flexible versions (KIP-482) lengths are unsigned varints, and the only other unsigned varints are tag numbers. In
/// the other versions lengths are 32-bit numbers.
pub struct BoundedBuffer {
    bytes: Bytes,
    is_flexible: bool,
    /// The varint that is being read: how many of its bytes were read, and its value so far.
    varint: (u32, u64),
}

impl BoundedBuffer {
    pub fn new(bytes: Bytes, is_flexible: bool) -> Self {
        Self { bytes, is_flexible, varint: (0, 0) }
    }

    fn check(&self, length: u64) -> Result<(), TryGetError> {
        let available = self.bytes.len();
        if length <= ALWAYS_ACCEPTED || length <= available as u64 {
            return Ok(());
        }
        Err(TryGetError { requested: usize::try_from(length).unwrap_or(usize::MAX), available })
    }
}

impl Buf for BoundedBuffer {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    /// The decoders read varints and booleans with this function. A boolean with the continuation bit, which no broker
    /// sends, counts as the first byte of the following varint: the checked number is then larger than the one that the
    /// decoder reads, never smaller.
    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        let byte = self.bytes.try_get_u8()?;
        if !self.is_flexible {
            return Ok(byte);
        }
        let (earlier, number) = self.varint;
        let number = number | u64::from(byte & 0x7f) << (7 * earlier);
        if byte & 0x80 == 0 {
            self.varint = (0, 0);
            // In the compact encoding the number is the length plus one.
            self.check(number.saturating_sub(1))?;
        } else if earlier + 1 == MAX_VARINT_BYTES {
            return Err(TryGetError { requested: 1, available: 0 });
        } else {
            self.varint = (earlier + 1, number);
        }
        Ok(byte)
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        let number = self.bytes.try_get_i32()?;
        if !self.is_flexible {
            self.check(u64::try_from(number).unwrap_or(0))?;
        }
        Ok(number)
    }
}

impl ByteBuf for BoundedBuffer {
    fn peek_bytes(&mut self, range: Range<usize>) -> Bytes {
        self.bytes.peek_bytes(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.bytes.get_bytes(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flexible(bytes: &[u8]) -> BoundedBuffer {
        BoundedBuffer::new(Bytes::copy_from_slice(bytes), true)
    }

    fn read_all(mut buffer: BoundedBuffer) -> Result<usize, TryGetError> {
        let mut read = 0;
        while buffer.has_remaining() {
            buffer.try_get_u8()?;
            read += 1;
        }
        Ok(read)
    }

    #[test]
    fn varint_above_the_remaining_bytes_is_refused() {
        read_all(flexible(&[0xff, 0xff, 0xff, 0xff, 0x0f])).expect_err("4 billion elements in no bytes");
        read_all(flexible(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01])).expect_err("longer than a varint can be");
        assert_eq!(read_all(flexible(&[0x81, 0x08])).ok(), Some(2), "1025, which stands for 1024 elements");
        read_all(flexible(&[0x82, 0x08])).expect_err("1025 elements in no bytes");
        let enough = [&[0x82, 0x08][..], &[0; 1025]].concat();
        assert_eq!(read_all(flexible(&enough)).ok(), Some(enough.len()));
    }

    #[test]
    fn length_after_booleans_with_the_continuation_bit_is_checked() {
        for booleans in 1..8 {
            let bytes = [vec![0x80; booleans], vec![0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
            read_all(flexible(&bytes)).expect_err("the varint after the booleans is too large");
        }
    }

    #[test]
    fn thirty_two_bit_number_is_checked_only_in_versions_that_are_not_flexible() {
        let bytes = i32::MAX.to_be_bytes();
        assert_eq!(flexible(&bytes).try_get_i32().ok(), Some(i32::MAX));
        BoundedBuffer::new(Bytes::copy_from_slice(&bytes), false).try_get_i32().expect_err("2 billion elements");
    }
}
