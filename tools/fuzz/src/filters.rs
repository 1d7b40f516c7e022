//! Filters that users write, over records with any bytes.

use ::protocol::{Filter, FilterPart, HeaderView, PathFilter, RecordView, RegexFilter, TextFilter, TimestampType};
use filter::{CompiledFilter, Matcher, Record, Verdict};

/// The first byte chooses the kind of filter. A filter follows up to the first zero byte, then a record's value, which is also its key and a header.
pub fn filters(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
    let text = String::from_utf8_lossy(&rest[..end]).into_owned();
    let value = rest.get(end + 1..).unwrap_or_default();

    let mut source = Filter::default();
    match kind % 4 {
        0 => source.expression = Some(text),
        1 => source.regex = Some(RegexFilter { regex: text, part: FilterPart::Any }),
        2 => source.path = Some(PathFilter { path: text.clone(), equals: (kind & 4 != 0).then_some(text) }),
        _ => source.text = Some(TextFilter { text, case_sensitive: kind & 4 != 0, part: FilterPart::Any }),
    }
    let filter = match CompiledFilter::compile(&source) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(!error.message.is_empty() && error.spot.line >= 1 && error.spot.column >= 1, "{error}");
            return;
        }
    };
    let headers: [HeaderView<'_>; 2] = [("name", Some(value)), ("none", None)];
    let view = RecordView {
        offset: 1,
        timestamp: Some(1),
        timestamp_type: TimestampType::Create,
        key: Some(value),
        value: Some(value),
        headers: headers.iter().copied(),
    };
    let mut matcher = Matcher::new(&filter);
    let record = Record { topic: "topic", partition: 0, view };
    let verdict = matcher.matches(&record);
    assert_eq!(matcher.last_error().is_some(), verdict == Verdict::Error, "every error has a message");
    assert_eq!(matcher.matches(&record), verdict, "the verdict depends on the record alone");
}
