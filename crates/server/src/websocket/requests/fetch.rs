//! `fetch`: reads a range of records once.

use protocol::limits::TEXT_FRAME_BYTES;
use protocol::{ErrorBody, ErrorCode, Fetch, Fetched, Record};

use super::super::gate::Work;
use super::{Context, Handler, topic};
use crate::json_size::json_bytes;
use crate::permissions::require_maskable;

impl Handler for Fetch {
    const WORK: Work = Work::Fetch;

    fn apply(self, context: &Context<'_>) -> Result<Fetched, ErrorBody> {
        let name = topic(&self.topic)?;
        if self.from > self.to || self.from.0 < 0 || self.partition < 0 {
            let message = format!(
                "partition {}, offsets {} to {}: a range goes forward, and partitions and offsets count from 0",
                self.partition, self.from, self.to
            );
            return Err(ErrorBody::new(ErrorCode::BadRequest, message));
        }
        let masks = context.permissions.masks([name.as_str()]);
        if masks.is_some() {
            require_maskable(self.decode)?;
        }
        let mut fetched = context.admin.fetch(&name, &self)?;
        // Masks apply to the decoded form.
        context.decoder.decode_records(name.as_str(), self.decode, &mut fetched.records);
        if let Some(masks) = masks {
            masks.apply_to_records(name.as_str(), &mut fetched.records);
            fetched.masked = masks.fields();
        }
        fit_into_frame(&mut fetched);
        Ok(fetched)
    }
}

/// Leaves records that do not fit into one text frame to the next request. The first record always stays.
fn fit_into_frame(fetched: &mut Fetched) {
    /// More than the type, the id, the offsets and the names of the fields take.
    const ENVELOPE_BYTES: usize = 512;
    let masked: usize = fetched.masked.iter().map(json_bytes).sum();
    let mut left = TEXT_FRAME_BYTES.saturating_sub(ENVELOPE_BYTES + masked);
    let does_not_fit = |record: &Record| {
        let size = json_bytes(record);
        let fits = size <= left;
        left = left.saturating_sub(size);
        !fits
    };
    if let Some(index) = fetched.records.iter().position(does_not_fit).map(|index| index.max(1))
        && index < fetched.records.len()
    {
        fetched.next = fetched.records[index].offset;
        fetched.records.truncate(index);
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Offset, ServerMessage, TimestampType, WireBytes};

    use super::*;

    fn record(offset: i64, value: String) -> Record {
        Record {
            offset: Offset(offset),
            timestamp: None,
            timestamp_type: TimestampType::Create,
            key: WireBytes::Null,
            value: WireBytes::text(value),
            headers: Vec::new(),
            key_note: None,
            value_note: None,
        }
    }

    fn fitted(values: Vec<String>) -> Fetched {
        let next = Offset(i64::try_from(values.len()).expect("few"));
        let records = (0..).zip(values).map(|(offset, value)| record(offset, value)).collect();
        let mut fetched = Fetched { records, next, waits_from: None, masked: vec!["value.email".to_owned()] };
        fit_into_frame(&mut fetched);
        fetched
    }

    #[test]
    fn reply_ends_before_the_first_record_that_does_not_fit() {
        // JSON writes each of these characters as six.
        let fetched = fitted(vec!["\u{1}".repeat(10_000); 100]);
        assert_eq!((fetched.records.len(), fetched.next), (17, Offset(17)));
        let frame = ServerMessage::from(fetched).to_json_with_id(Some(u64::MAX));
        assert!(frame.len() <= TEXT_FRAME_BYTES && frame.len() > TEXT_FRAME_BYTES - 100_000, "{}", frame.len());

        let small = fitted(vec!["a".to_owned(); 256]);
        assert_eq!((small.records.len(), small.next), (256, Offset(256)), "all of it fits");
    }

    #[test]
    fn record_larger_than_a_frame_is_the_only_one_of_its_reply() {
        let large = || "a".repeat(2 * TEXT_FRAME_BYTES);
        let fetched = fitted(vec![large(), large()]);
        assert_eq!((fetched.records.len(), fetched.next), (1, Offset(1)));
        let fetched = fitted(vec!["a".to_owned(), large()]);
        assert_eq!((fetched.records.len(), fetched.next), (1, Offset(1)), "the large one needs a reply of its own");
        assert_eq!(fitted(vec![large()]).next, Offset(1));
    }
}
