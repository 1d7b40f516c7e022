//! Opens values that producers compressed themselves, apart from the compression of Kafka's batches.

use std::io::{self, Read};

use super::lz4;
use crate::error::{DecodeError, DecodeErrorCode};
use crate::growth;

/// How much the value may take when it is opened, unless a setting says otherwise.
pub const DEFAULT_LIMIT: usize = 8 * 1024 * 1024;

/// How often a compressed value in a compressed value is opened.
const LEVELS: usize = 2;

/// The header of snappy-java's streams: a magic number, and two version numbers of four bytes.
const SNAPPY_JAVA_MAGIC: &[u8] = b"\x82SNAPPY\0";
const SNAPPY_JAVA_HEADER_LENGTH: usize = 16;

/// The largest window of zstd that is kept in memory: 8 MiB, which RFC 8878 asks every decoder to support.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A value that was compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The name of the format.
    pub kind: &'static str,
    /// The format inside, if the value was compressed twice.
    pub inner_kind: Option<&'static str>,
    pub bytes: Vec<u8>,
}

/// A format of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zlib,
    Zstd,
    Lz4,
    /// The framing format of Snappy.
    Snappy,
    /// The framing of snappy-java, which Java clients of Kafka use.
    SnappyJava,
}

impl Compression {
    /// Finds the format by the first bytes. Those of zlib are only two, which other values may also start with.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // The cheapest check first: JSON, text, and the prefix of a registry start with other bytes.
        match *bytes.first()? {
            0x1f if bytes.starts_with(b"\x1f\x8b\x08") => Some(Self::Gzip),
            0x28 if bytes.starts_with(b"\x28\xb5\x2f\xfd") => Some(Self::Zstd),
            0x04 if bytes.starts_with(b"\x04\x22\x4d\x18") => Some(Self::Lz4),
            0xff if bytes.starts_with(b"\xff\x06\0\0sNaPpY") => Some(Self::Snappy),
            0x82 if bytes.starts_with(SNAPPY_JAVA_MAGIC) => Some(Self::SnappyJava),
            // Deflate with a window of 32 KiB, one of four levels, and no dictionary.
            0x78 if matches!(bytes.get(1), Some(0x01 | 0x5e | 0x9c | 0xda)) => Some(Self::Zlib),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Snappy | Self::SnappyJava => "snappy",
        }
    }
}

/// Opens a value whose first bytes say that it is compressed, and a compressed value inside it. Never makes more than `limit` bytes together. `None` if the value is not compressed.
///
/// # Errors
/// If the value is damaged, or would be larger than the limit.
pub fn open(bytes: &[u8], limit: usize) -> Result<Option<Opened>, DecodeError> {
    let Some((kind, bytes)) = open_once(bytes, limit, limit)? else { return Ok(None) };
    let mut opened = Opened { kind, inner_kind: None, bytes };
    for _ in 1..LEVELS {
        // Both values are in memory.
        let Some((kind, bytes)) = open_once(&opened.bytes, limit - opened.bytes.len(), limit)? else { break };
        opened = Opened { inner_kind: Some(kind), bytes, ..opened };
    }
    Ok(Some(opened))
}

/// `left`: what remains of the limit.
fn open_once(bytes: &[u8], left: usize, limit: usize) -> Result<Option<(&'static str, Vec<u8>)>, DecodeError> {
    let Some(compression) = Compression::of(bytes) else { return Ok(None) };
    match decompress(compression, bytes, left) {
        Ok(opened) => Ok(Some((compression.name(), opened))),
        // The value only starts like zlib: `x^2` does, too.
        Err(Failure::Damaged(_)) if compression == Compression::Zlib => Ok(None),
        Err(failure) => Err(failure.describe(compression.name(), limit)),
    }
}

/// Why a value cannot be opened.
pub(super) enum Failure {
    TooLarge,
    Damaged(String),
}

impl Failure {
    #[cold]
    fn describe(self, name: &str, limit: usize) -> DecodeError {
        match self {
            Self::TooLarge => {
                let message =
                    format!("the decompressed value ({name}) is larger than {limit} bytes (--max-decoded-bytes)");
                DecodeError::new(DecodeErrorCode::TooLarge, message)
            }
            Self::Damaged(reason) => DecodeError::malformed(format!("the value starts like {name}, but: {reason}")),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<snap::Error> for Failure {
    fn from(error: snap::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

fn decompress(compression: Compression, bytes: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let mut opened = Vec::new();
    match compression {
        Compression::Gzip => drain(flate2::bufread::MultiGzDecoder::new(bytes), &mut opened, limit)?,
        Compression::Zlib => {
            let mut decoder = flate2::bufread::ZlibDecoder::new(bytes);
            drain(&mut decoder, &mut opened, limit)?;
            match decoder.into_inner() {
                [] => {}
                rest => return Err(trailing(rest)),
            }
        }
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            drain(decoder, &mut opened, limit)?;
        }
        Compression::Lz4 => {
            // Frames may follow each other.
            let mut rest = bytes;
            while !rest.is_empty() {
                rest = lz4::frame(rest, &mut opened, limit)?;
            }
        }
        Compression::Snappy => drain(snap::read::FrameDecoder::new(bytes), &mut opened, limit)?,
        Compression::SnappyJava => snappy_java(bytes, &mut opened, limit)?,
    }
    Ok(opened)
}

/// Reads to the end, in steps: `opened` grows only as far as there are bytes, and never beyond the limit.
fn drain(mut decoder: impl Read, opened: &mut Vec<u8>, limit: usize) -> Result<(), Failure> {
    let mut step = [0; 8 * 1024];
    loop {
        let read = match decoder.read(&mut step) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if read > limit - opened.len().min(limit) {
            return Err(Failure::TooLarge);
        }
        growth::reserve(opened, read, limit);
        opened.extend_from_slice(&step[..read]);
    }
}

fn trailing(rest: &[u8]) -> Failure {
    Failure::Damaged(format!("{} bytes follow its end", rest.len()))
}

/// Blocks, each with its length in four bytes. After a block, another stream with its own header may follow.
fn snappy_java(bytes: &[u8], opened: &mut Vec<u8>, limit: usize) -> Result<(), Failure> {
    let mut decoder = snap::raw::Decoder::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if rest.starts_with(SNAPPY_JAVA_MAGIC) {
            rest = rest.get(SNAPPY_JAVA_HEADER_LENGTH..).ok_or_else(|| cut_off(rest))?;
            continue;
        }
        let (length, after) = rest.split_first_chunk().ok_or_else(|| cut_off(rest))?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (block, after) = after.split_at_checked(length).ok_or_else(|| cut_off(rest))?;
        let size = snap::raw::decompress_len(block)?;
        // Three bytes make 64 at most, so a block that promises more is damaged, and gets no memory.
        if size / 32 > block.len() {
            return Err(Failure::Damaged(format!("a block of {length} bytes states a size of {size}")));
        }
        if size > limit - opened.len() {
            return Err(Failure::TooLarge);
        }
        let start = opened.len();
        growth::reserve(opened, size, limit);
        opened.resize(start + size, 0);
        decoder.decompress(block, &mut opened[start..])?;
        rest = after;
    }
    Ok(())
}

fn cut_off(rest: &[u8]) -> Failure {
    Failure::Damaged(format!("a block is cut off {} bytes before the end of the value", rest.len()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::{Compression, Opened, SNAPPY_JAVA_MAGIC, open};
    use crate::error::DecodeErrorCode;

    const ALL: [Compression; 6] = [
        Compression::Gzip,
        Compression::Zlib,
        Compression::Zstd,
        Compression::Lz4,
        Compression::Snappy,
        Compression::SnappyJava,
    ];

    fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        match compression {
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("gzip")
            }
            Compression::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("zlib")
            }
            Compression::Zstd => zstd::encode_all(bytes, 3).expect("zstd"),
            Compression::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(bytes).expect("lz4");
                encoder.finish().expect("lz4")
            }
            Compression::Snappy => {
                let mut encoder = snap::write::FrameEncoder::new(Vec::new());
                encoder.write_all(bytes).expect("snappy");
                encoder.into_inner().expect("snappy")
            }
            Compression::SnappyJava => {
                let mut stream = [SNAPPY_JAVA_MAGIC, &[0, 0, 0, 1, 0, 0, 0, 1]].concat();
                for block in bytes.chunks(32 * 1024) {
                    let block = snap::raw::Encoder::new().compress_vec(block).expect("snappy");
                    stream.extend((block.len() as u32).to_be_bytes());
                    stream.extend(block);
                }
                stream
            }
        }
    }

    #[test]
    fn every_format_is_opened() {
        let value = b"{\"a\":1}".repeat(20_000);
        for compression in ALL {
            let bytes = compressed(compression, &value);
            assert!(bytes.len() < value.len() / 2, "{compression:?}");
            let expected = Opened { kind: compression.name(), inner_kind: None, bytes: value.clone() };
            assert_eq!(open(&bytes, value.len()), Ok(Some(expected)), "{compression:?}");
        }
    }

    #[test]
    fn one_byte_over_the_limit_is_refused() {
        let value = vec![b'a'; 100_000];
        for compression in ALL {
            let error = open(&compressed(compression, &value), value.len() - 1).expect_err("too large");
            let name = compression.name();
            let message = format!("the decompressed value ({name}) is larger than 99999 bytes (--max-decoded-bytes)");
            assert_eq!((error.code, error.message), (DecodeErrorCode::TooLarge, message));
        }
    }

    #[test]
    fn bomb_is_refused() {
        let bomb = vec![0; 4 * 1024 * 1024];
        for compression in ALL {
            let bytes = compressed(compression, &bomb);
            assert_eq!(open(&bytes, 1024).expect_err("a bomb").code, DecodeErrorCode::TooLarge, "{compression:?}");
        }
    }

    #[test]
    fn streams_that_follow_each_other_are_one_value() {
        for compression in [Compression::Gzip, Compression::Zstd, Compression::Lz4, Compression::SnappyJava] {
            let bytes = [compressed(compression, b"one "), compressed(compression, b"two")].concat();
            let opened = open(&bytes, 7).expect("valid").expect("compressed");
            assert_eq!(opened.bytes, b"one two", "{compression:?}");
            assert_eq!(open(&bytes, 6).expect_err("too large").code, DecodeErrorCode::TooLarge, "{compression:?}");
        }
    }

    #[test]
    fn value_is_opened_twice_at_most() {
        let once = compressed(Compression::Gzip, b"value");
        let twice = compressed(Compression::Zstd, &once);
        let expected = |bytes: &[u8]| Opened { kind: "zstd", inner_kind: Some("gzip"), bytes: bytes.to_vec() };
        assert_eq!(open(&twice, 1000), Ok(Some(expected(b"value"))));
        let thrice = compressed(Compression::Lz4, &twice);
        let opened = open(&thrice, 1000).expect("valid").expect("compressed");
        assert_eq!((opened.kind, opened.inner_kind, opened.bytes), ("lz4", Some("zstd"), once));
    }

    #[test]
    fn other_values_are_not_opened() {
        for bytes in [b"".as_slice(), b"x", b"x^2 + y^2", b"{\"a\":1}", b"\x1f\x8b", b"\x82SNAPPY", b"x\x9c"] {
            assert_eq!(open(bytes, 1000), Ok(None), "{bytes:02x?}");
        }
    }

    #[test]
    fn damaged_values_are_errors() {
        for compression in ALL {
            let bytes = compressed(compression, &b"value ".repeat(1000));
            let cut = open(&bytes[..bytes.len() - 5], 10_000);
            if compression == Compression::Zlib {
                assert_eq!(cut, Ok(None));
                continue;
            }
            let error = cut.expect_err("cut off");
            assert_eq!(error.code, DecodeErrorCode::Malformed, "{compression:?}");
            let start = format!("the value starts like {}, but: ", compression.name());
            assert!(error.message.starts_with(&start), "{}", error.message);
        }
    }

    #[test]
    fn snappy_block_gets_no_memory_for_a_size_it_cannot_have() {
        let mut bytes = [SNAPPY_JAVA_MAGIC, &[0; 8], &[0, 0, 0, 5]].concat();
        bytes.extend([0xff, 0xff, 0xff, 0x03, 0]);
        let error = open(&bytes, 1 << 40).expect_err("8 MiB in 5 bytes");
        assert_eq!(error.message, "the value starts like snappy, but: a block of 5 bytes states a size of 8388607");
    }

    #[test]
    fn zstd_window_is_limited() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("zstd");
        encoder.window_log(27).and_then(|()| encoder.write_all(b"value")).expect("zstd");
        let bytes = encoder.finish().expect("zstd");
        let error = open(&bytes, 1000).expect_err("128 MiB of memory");
        assert!(error.message.contains("too much memory"), "{}", error.message);
    }

    proptest! {
        #[test]
        fn damaged_streams_stay_in_bounds(
            kind in 0..ALL.len(),
            // Snappy has no stream for no bytes.
            value in proptest::collection::vec(0_u8..4, 1..2000),
            flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            limit in 0_usize..3000,
        ) {
            let mut bytes = compressed(ALL[kind], &value);
            for (at, byte) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            match open(&bytes, limit) {
                Ok(Some(opened)) => {
                    prop_assert!(opened.bytes.len() <= limit);
                    prop_assert!(!flips.is_empty() || opened.bytes == value);
                }
                Ok(None) => prop_assert!(!flips.is_empty()),
                Err(_) => prop_assert!(!flips.is_empty() || limit < value.len()),
            }
        }
    }
}
