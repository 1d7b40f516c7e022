//! Topic ids, which distinguish a recreated topic from the earlier one of the same name, and how a group's commits
//! record them.

use std::fmt;

/// A topic's id. Zero if the broker has no topic ids (before Kafka 2.8) or did not report it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicId(pub u128);

/// URL-safe base64 without padding, as Kafka's tools print topic ids.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// 21 characters of six bits each, and one for the last two bits.
const CHARS: usize = 22;

/// The prefix of our commit metadata: Kafka keeps a string of the client's choice with each committed offset, and ours
/// has the topic's id.
const METADATA_PREFIX: &str = "ponte topic_id=";

impl TopicId {
    pub fn of_halves(most_significant: i64, least_significant: i64) -> Self {
        Self((u128::from(most_significant.cast_unsigned()) << 64) | u128::from(least_significant.cast_unsigned()))
    }

    pub fn is_known(self) -> bool {
        self != Self::default()
    }

    /// Whether both are known and not the same.
    pub fn differs_from(self, other: Self) -> bool {
        self.is_known() && other.is_known() && self != other
    }

    /// The metadata to commit with an offset in this topic, which lets every reader of it detect a recreated topic.
    pub fn commit_note(self) -> Option<String> {
        self.is_known().then(|| format!("{METADATA_PREFIX}{self}"))
    }

    /// The id in such metadata. `None` for metadata of other clients.
    pub fn from_commit_note(note: &[u8]) -> Option<Self> {
        let text = note.strip_prefix(METADATA_PREFIX.as_bytes())?;
        if text.len() != CHARS {
            return None;
        }
        let bits = |character: &u8| ALPHABET.iter().position(|known| known == character);
        let (last, first) = text.split_last()?;
        let mut id = 0_u128;
        for character in first {
            id = (id << 6) | u128::try_from(bits(character)?).ok()?;
        }
        let id = (id << 2) | u128::try_from(bits(last)? >> 4).ok()?;
        Some(Self(id)).filter(|id| id.is_known())
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for index in 1..=CHARS {
            let shift = 128_i32 - 6 * i32::try_from(index).unwrap_or(0);
            let bits = if shift >= 0 { self.0 >> shift } else { self.0 << -shift };
            let character = ALPHABET[usize::try_from(bits & 63).unwrap_or(0)];
            write!(f, "{}", char::from(character))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_id_is_printed_like_kafkas_tools_and_read_from_commit_metadata() {
        // The same 16 bytes as any base64 encoder for URLs writes them.
        let id = TopicId::of_halves(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210_u64.cast_signed());
        assert_eq!(id.to_string(), "ASNFZ4mrze_-3LqYdlQyEA");
        let note = id.commit_note().expect("a known id");
        assert_eq!(TopicId::from_commit_note(note.as_bytes()), Some(id));
        for other in [
            "",
            "ponte",
            "ponte topic_id=",
            "ponte topic_id=ASNFZ4mrze_-3LqYdlQyE",
            "ponte topic_id=ASNFZ4mrze?-3LqYdlQyEA",
        ] {
            assert_eq!(TopicId::from_commit_note(other.as_bytes()), None, "{other}");
        }
        assert_eq!(TopicId::default().commit_note(), None);
    }

    #[test]
    fn topic_id_is_read_from_its_own_metadata_whatever_its_bits() {
        for bits in (0..128).map(|bit| 1_u128 << bit).chain([u128::MAX]) {
            let id = TopicId(bits);
            let note = id.commit_note().expect("a known id");
            assert_eq!(TopicId::from_commit_note(note.as_bytes()), Some(id), "{note}");
            let halves = ((bits >> 64) as u64, bits as u64);
            assert_eq!(TopicId::of_halves(halves.0.cast_signed(), halves.1.cast_signed()), id, "{note}");
        }
        assert_eq!(TopicId::from_commit_note(b"ponte topic_id=AAAAAAAAAAAAAAAAAAAAAA"), None, "an unknown id");
    }

    #[test]
    fn unknown_topic_id_differs_from_no_other() {
        let (unknown, one, two) = (TopicId::default(), TopicId(1), TopicId(2));
        for (first, second, differs) in [
            (one, two, true),
            (one, one, false),
            (unknown, one, false),
            (one, unknown, false),
            (unknown, unknown, false),
        ] {
            assert_eq!(first.differs_from(second), differs, "{first:?}, {second:?}");
        }
        assert!(one.is_known() && !unknown.is_known());
    }
}
