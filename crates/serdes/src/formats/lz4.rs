//! LZ4's frames (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>).
//!
//! The blocks are opened one after the other at the end of the value. The decoder of frames in `lz4_flex` reserves up to 16 MiB for a frame of
//! a few bytes, because the header may state large blocks, and most producers state the largest.

use lz4_flex::block::{DecompressError, decompress_into_with_dict};
use twox_hash::XxHash32;

use super::compressed::Failure;
use crate::growth;

const MAGIC: &[u8] = b"\x04\x22\x4d\x18";

/// How far back a block may refer to the blocks before it.
const WINDOW: usize = 64 * 1024;

/// A byte of a block makes at most so many bytes.
const MAX_GROWTH: usize = 255;

/// The bit of a block's length that says that the block is not compressed.
const IS_PLAIN: u32 = 1 << 31;

/// What the header of a frame says.
struct Header {
    max_block: usize,
    /// Whether blocks may refer to those before them.
    are_linked: bool,
    has_block_checksums: bool,
    has_checksum: bool,
    content_size: Option<u64>,
}

/// Opens one frame at the start of the bytes. Returns the bytes after the frame.
pub(super) fn frame<'a>(bytes: &'a [u8], opened: &mut Vec<u8>, limit: usize) -> Result<&'a [u8], Failure> {
    let mut input = Input { rest: bytes };
    let header = input.header()?;
    let start = opened.len();
    loop {
        let length = input.number()?;
        if length == 0 {
            break;
        }
        let block = input.take((length & !IS_PLAIN) as usize)?;
        if block.len() > header.max_block {
            return Err(damaged(format!("a block has {} bytes, more than the frame allows", block.len())));
        }
        if header.has_block_checksums {
            input.check(block, "of a block")?;
        }
        if length & IS_PLAIN != 0 {
            if block.len() > limit - opened.len() {
                return Err(Failure::TooLarge);
            }
            growth::reserve(opened, block.len(), limit);
            opened.extend_from_slice(block);
        } else {
            let window = if header.are_linked { (opened.len() - start).min(WINDOW) } else { 0 };
            decompress(block, opened, window, header.max_block, limit)?;
        }
    }
    let content = &opened[start..];
    if header.content_size.is_some_and(|size| size != content.len() as u64) {
        return Err(damaged(format!("it has {} bytes, and its header states another number", content.len())));
    }
    if header.has_checksum {
        input.check(content, "of the content")?;
    }
    Ok(input.rest)
}

/// Opens a block at the end of `opened`, whose last `window` bytes it may refer to.
fn decompress(
    block: &[u8],
    opened: &mut Vec<u8>,
    window: usize,
    max_block: usize,
    limit: usize,
) -> Result<(), Failure> {
    let start = opened.len();
    let possible = block.len().saturating_mul(MAX_GROWTH).min(max_block);
    let space = possible.min(limit - start);
    growth::reserve(opened, space, limit);
    opened.resize(start + space, 0);
    let (before, output) = opened.split_at_mut(start);
    match decompress_into_with_dict(block, output, &before[start - window..]) {
        Ok(size) => {
            opened.truncate(start + size);
            Ok(())
        }
        Err(DecompressError::OutputTooSmall { .. }) if space < possible => Err(Failure::TooLarge),
        Err(error) => Err(damaged(error.to_string())),
    }
}

struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn header(&mut self) -> Result<Header, Failure> {
        if !self.rest.starts_with(MAGIC) {
            return Err(damaged(format!("{} bytes follow its end", self.rest.len())));
        }
        self.take(MAGIC.len())?;
        let descriptor = self.rest;
        let [flags, sizes] = *self.array()?;
        let has = |bit: u8| flags & 1 << bit != 0;
        if flags >> 6 != 1 || has(1) || sizes & 0x8f != 0 {
            return Err(damaged("its header has another version, or bits that are reserved".to_owned()));
        }
        let max_block = match sizes >> 4 {
            size @ 4..=7 => 1 << (8 + 2 * size),
            size => return Err(damaged(format!("its header has the unknown block size {size}"))),
        };
        let content_size = if has(3) { Some(u64::from_le_bytes(*self.array()?)) } else { None };
        if has(0) {
            return Err(damaged("it needs a dictionary".to_owned()));
        }
        let descriptor = &descriptor[..descriptor.len() - self.rest.len()];
        let [checksum] = *self.array()?;
        if checksum != (XxHash32::oneshot(0, descriptor) >> 8) as u8 {
            return Err(wrong_checksum("of the header"));
        }
        Ok(Header { max_block, are_linked: !has(5), has_block_checksums: has(4), has_checksum: has(2), content_size })
    }

    fn number(&mut self) -> Result<u32, Failure> {
        self.array().map(|bytes| u32::from_le_bytes(*bytes))
    }

    fn check(&mut self, bytes: &[u8], what: &str) -> Result<(), Failure> {
        if self.number()? == XxHash32::oneshot(0, bytes) { Ok(()) } else { Err(wrong_checksum(what)) }
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<&'a [u8; LENGTH], Failure> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(|| self.cut_off())?;
        self.rest = rest;
        Ok(bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Failure> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.cut_off())?;
        self.rest = rest;
        Ok(bytes)
    }

    fn cut_off(&self) -> Failure {
        damaged(format!("it is cut off {} bytes before the end of the value", self.rest.len()))
    }
}

fn wrong_checksum(what: &str) -> Failure {
    damaged(format!("the checksum {what} is wrong"))
}

fn damaged(reason: String) -> Failure {
    Failure::Damaged(reason)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
    use proptest::prelude::*;

    use super::frame;

    fn compressed(value: &[u8], info: FrameInfo) -> Vec<u8> {
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(value).expect("lz4");
        encoder.finish().expect("lz4")
    }

    #[test]
    fn small_frame_with_large_blocks_takes_little_memory() {
        let info = FrameInfo::new().block_size(BlockSize::Max4MB).block_mode(BlockMode::Linked);
        let bytes = compressed(b"value", info);
        let mut opened = Vec::new();
        assert!(frame(&bytes, &mut opened, 1 << 23).is_ok_and(<[u8]>::is_empty));
        assert_eq!(opened, b"value");
        assert!(opened.capacity() <= 255 * bytes.len(), "{}", opened.capacity());
    }

    proptest! {
        #[test]
        fn frames_of_every_kind_are_opened(
            parts in proptest::collection::vec((any::<u8>(), 1_usize..60_000), 1..12),
            linked: bool,
            block_checksums: bool,
            content_checksum: bool,
            has_size: bool,
        ) {
            let mut value = Vec::new();
            for (byte, count) in parts {
                value.extend((0..count).map(|i| byte ^ (i / 7 % 5) as u8));
            }
            let mode = if linked { BlockMode::Linked } else { BlockMode::Independent };
            let info = FrameInfo::new()
                .block_size(BlockSize::Max64KB)
                .block_mode(mode)
                .block_checksums(block_checksums)
                .content_checksum(content_checksum)
                .content_size(has_size.then_some(value.len() as u64));
            let bytes = compressed(&value, info);
            let mut opened = b"before".to_vec();
            let limit = opened.len() + value.len();
            prop_assert!(frame(&bytes, &mut opened, limit).is_ok_and(<[u8]>::is_empty));
            prop_assert_eq!(&opened[6..], &value);
            prop_assert!(frame(&bytes, &mut Vec::new(), value.len() - 1).is_err());
        }
    }
}
