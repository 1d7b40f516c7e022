//! What a run sends: the pattern of its records, their number and their rate.

use std::sync::Arc;

use protocol::{HeaderView, ProduceView};
use serde::{Deserialize, Serialize};

use super::draft::{Draft, DraftKind};
use super::field::Field;
use formats::{Moment, Template};

/// The highest rate that is accepted; a higher one is probably a typing error.
pub const MAX_PER_SECOND: f64 = 1_000_000.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunPlan {
    pub draft: Draft,
    /// `None`: until the user stops the run.
    pub count: Option<u64>,
    /// `None`: as fast as possible.
    pub per_second: Option<f64>,
}

impl Default for RunPlan {
    fn default() -> Self {
        Self::seed()
    }
}

impl RunPlan {
    /// The run of `producer.py`, from which this project started: ten messages, half a second apart, with the same bytes as
    /// its `json.dumps` produces.
    pub fn seed() -> Self {
        let value = Field::json(r#"{"id": {{i}}, "text": "messaggio {{i}}"}"#);
        Self { draft: Draft { value, ..Draft::default() }, count: Some(10), per_second: Some(2.0) }
    }

    pub fn is_valid(&self) -> bool {
        let rate_is_valid = self.per_second.is_none_or(|rate| rate > 0.0 && rate <= MAX_PER_SECOND);
        rate_is_valid && self.count != Some(0) && self.draft.is_valid(DraftKind::Pattern)
    }

    /// Keys and values of the first records, each truncated to `chars` characters. Empty while the plan is invalid.
    pub fn preview(&self, count: u64, now_ms: i64, chars: usize) -> Vec<(Option<String>, Option<String>)> {
        let Some(mut pattern) = self.is_valid().then(|| self.pattern()).flatten() else { return Vec::new() };
        let text = |bytes: Option<&[u8]>| {
            bytes.map(|bytes| String::from_utf8_lossy(bytes).chars().take(chars).collect::<String>())
        };
        let mut rng = fastrand::Rng::with_seed(now_ms as u64);
        let record = |i| {
            pattern.fill(Moment { i, now_ms }, &mut rng);
            let record = pattern.view();
            (text(record.key), text(record.value))
        };
        (0..count).map(record).collect()
    }

    /// The compiled pattern; `None` while the plan has an error.
    pub fn pattern(&self) -> Option<Pattern> {
        let filled = |field: &Field| Some(Filled { template: field.template().ok()?, bytes: Vec::new() });
        let headers = self.draft.named_headers();
        let headers =
            headers.map(|row| Some((row.name.as_str().into(), filled(&row.value)?))).collect::<Option<_>>()?;
        Some(Pattern {
            partition: self.draft.partition(),
            timestamp: self.draft.timestamp_ms(),
            key: filled(&self.draft.key)?,
            value: filled(&self.draft.value)?,
            headers,
        })
    }
}

/// A field with its bytes in the current record; the buffer is reused.
#[derive(Debug)]
struct Filled {
    template: Template,
    bytes: Vec<u8>,
}

impl Filled {
    fn fill(&mut self, moment: Moment, rng: &mut fastrand::Rng) {
        self.template.fill(moment, rng, &mut self.bytes);
    }

    fn kafka(&self) -> Option<&[u8]> {
        (!self.template.is_null()).then_some(&self.bytes)
    }
}

#[derive(Debug)]
pub struct Pattern {
    partition: Option<i32>,
    timestamp: Option<i64>,
    key: Filled,
    value: Filled,
    headers: Vec<(Arc<str>, Filled)>,
}

impl Pattern {
    pub fn fill(&mut self, moment: Moment, rng: &mut fastrand::Rng) {
        self.key.fill(moment, rng);
        self.value.fill(moment, rng);
        self.headers.iter_mut().for_each(|(_, value)| value.fill(moment, rng));
    }

    /// The current record.
    pub fn view(&self) -> ProduceView<'_, impl Iterator<Item = HeaderView<'_>> + Clone> {
        ProduceView {
            partition: self.partition,
            timestamp: self.timestamp,
            key: self.key.kafka(),
            value: self.value.kafka(),
            headers: self.headers.iter().map(|(name, value)| (&**name, value.kafka())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::HeaderRow;

    #[test]
    fn placeholders_are_filled_in_every_field() {
        let draft = Draft {
            key: Field::text("k-{{i}}"),
            value: Field::default(),
            headers: vec![HeaderRow { name: "n".into(), value: Field::text("{{i 10}}") }],
            ..Draft::default()
        };
        let mut pattern = RunPlan { draft, ..RunPlan::seed() }.pattern().expect("valid");
        let mut rng = fastrand::Rng::with_seed(0);
        for i in 0..3 {
            let number = (10 + i).to_string();
            pattern.fill(Moment { i, now_ms: 0 }, &mut rng);
            let record = pattern.view();
            assert_eq!(record.key, Some(format!("k-{i}").as_bytes()));
            assert_eq!(record.value, None);
            assert!(record.headers.eq([("n", Some(number.as_bytes()))]));
        }
    }

    #[test]
    fn invalid_plan_has_no_pattern() {
        let mut plan = RunPlan::seed();
        assert!(plan.is_valid());
        plan.per_second = Some(0.0);
        assert!(!plan.is_valid());
        plan = RunPlan { draft: Draft { key: Field::text("{{nope}}"), ..Draft::default() }, ..RunPlan::seed() };
        assert!(!plan.is_valid() && plan.pattern().is_none());
    }
}
