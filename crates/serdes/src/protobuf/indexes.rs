//! The message indexes of Confluent's wire format, which say which message type of the schema a record has.

use std::ops::Deref;

use super::wire::Cursor;
use crate::error::DecodeError;

/// How many indexes a record may have: no schema nests message types deeper.
const MAX_INDEXES: usize = protocol::MAX_JSON_DEPTH;

/// So many indexes need no allocation.
const INLINE: usize = 6;

/// Message indexes; a few of them are stored without an allocation.
#[derive(Clone, Debug)]
pub struct SmallIndexes(Stored);

#[derive(Clone, Debug)]
enum Stored {
    Inline([i32; INLINE], usize),
    Heap(Vec<i32>),
}

impl Deref for SmallIndexes {
    type Target = [i32];

    fn deref(&self) -> &[i32] {
        match &self.0 {
            Stored::Inline(indexes, count) => &indexes[..*count],
            Stored::Heap(indexes) => indexes,
        }
    }
}

/// Reads the indexes after the magic byte and the schema's id: their count and the indexes as zigzag varints; a single 0 stands
/// for `[0]`. Returns the indexes and the bytes of the message.
pub fn read_message_indexes(bytes: &[u8]) -> Result<(SmallIndexes, &[u8]), DecodeError> {
    // The usual case: the first message of the schema.
    if let [0, rest @ ..] = bytes {
        return Ok((SmallIndexes(Stored::Inline([0; INLINE], 1)), rest));
    }
    let mut cursor = Cursor::new(bytes, 0..bytes.len());
    let count = read(&mut cursor, "the number of message indexes")?;
    let count = match usize::try_from(count) {
        Ok(0) => return Ok((SmallIndexes(Stored::Inline([0; INLINE], 1)), &bytes[cursor.at..])),
        Ok(count) if count <= MAX_INDEXES => count,
        _ => {
            let message =
                format!("{count} message indexes before the message; between 0 and {MAX_INDEXES} are possible");
            return Err(DecodeError::malformed(message));
        }
    };
    let mut inline = [0; INLINE];
    let stored = if let Some(places) = inline.get_mut(..count) {
        for index in places {
            *index = read(&mut cursor, "a message index")?;
        }
        Stored::Inline(inline, count)
    } else {
        Stored::Heap((0..count).map(|_| read(&mut cursor, "a message index")).collect::<Result<_, _>>()?)
    };
    Ok((SmallIndexes(stored), &bytes[cursor.at..]))
}

fn read(cursor: &mut Cursor<'_>, what: &str) -> Result<i32, DecodeError> {
    let at = cursor.at;
    let Ok(zigzag) = cursor.varint() else {
        return Err(DecodeError::malformed(format!("{what} expected at byte {at} after the schema's id")));
    };
    let Ok(zigzag) = u32::try_from(zigzag) else {
        return Err(DecodeError::malformed(format!("{what} at byte {at} after the schema's id has more than 32 bits")));
    };
    Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
}

/// Writes indexes as [`read_message_indexes`] reads them.
pub fn write_message_indexes(indexes: &[i32], out: &mut Vec<u8>) {
    if indexes == [0] {
        out.push(0);
        return;
    }
    let count = i32::try_from(indexes.len()).unwrap_or(i32::MAX);
    for number in std::iter::once(count).chain(indexes.iter().copied()) {
        let mut zigzag = ((number << 1) ^ (number >> 31)).cast_unsigned();
        while zigzag >= 0x80 {
            out.push(zigzag.to_le_bytes()[0] | 0x80);
            zigzag >>= 7;
        }
        out.push(zigzag.to_le_bytes()[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::{read_message_indexes, write_message_indexes};

    #[test]
    fn indexes_are_read_as_they_were_written() {
        let many: Vec<i32> = (0..100).collect();
        for indexes in [&[0][..], &[1], &[1, 0], &[2, 3, 400_000], &[i32::MAX, i32::MIN], &[0, 0, 0, 0, 0, 0, 0], &many]
        {
            let mut bytes = Vec::new();
            write_message_indexes(indexes, &mut bytes);
            bytes.extend(b"rest");
            let (read, rest) = read_message_indexes(&bytes).expect("valid indexes");
            assert_eq!((&*read, rest), (indexes, &b"rest"[..]), "{bytes:?}");
        }
    }

    #[test]
    fn first_message_is_a_single_zero_byte() {
        let mut bytes = Vec::new();
        write_message_indexes(&[0], &mut bytes);
        assert_eq!(bytes, [0]);
        write_message_indexes(&[1, 0], &mut bytes);
        assert_eq!(bytes[1..], [4, 2, 0]);
        // Some clients write the long form also for the first message.
        assert_eq!(&*read_message_indexes(&[2, 0, 7]).expect("the long form").0, &[0]);
    }

    #[test]
    fn missing_or_too_many_indexes_are_refused() {
        for (bytes, message) in [
            (&[][..], "the number of message indexes expected at byte 0"),
            (&[4, 0], "a message index expected at byte 2"),
            (&[1], "-1 message indexes"),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], "message indexes"),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], "more than 32 bits"),
        ] {
            let error = read_message_indexes(bytes).expect_err("invalid indexes");
            assert!(error.message.contains(message), "{bytes:?}: {error}");
        }
    }
}
