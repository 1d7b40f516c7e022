//! The list of topics of a live view, and which of them are shown: matching the search, with or without internal topics,
//! sorted.

use std::cmp::Ordering;

use protocol::{TopicSummary, TopicsChanged};

use super::sort::{Sort, by_number, stable_sort};

#[derive(Debug, Default)]
pub struct TopicList {
    /// By name.
    topics: Vec<TopicSummary>,
    /// The next push contains all topics.
    next_push_is_complete: bool,
    is_known: bool,
    /// Indices of the shown topics, in the order of the table.
    shown: Vec<u32>,
}

/// The search, the filter and the order that the user has chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicQuery {
    /// Words that a name must contain; case is ignored.
    pub find: String,
    pub internal: bool,
    pub sort: Sort,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicTotals {
    /// Without internal topics, unless they are shown.
    pub topics: u64,
    pub partitions: u64,
    /// Internal topics that are not shown.
    pub hidden: u64,
    pub under_replicated: u64,
    pub offline: u64,
}

impl TopicList {
    /// The columns by which it can be sorted.
    pub const COLUMNS: [&'static str; 6] = ["name", "partitions", "replication", "records", "rate", "state"];

    /// The live view begins again: the current data stays until the next push, which is complete.
    pub fn begin(&mut self) {
        self.next_push_is_complete = true;
    }

    /// Whether a push was applied.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    pub fn apply(&mut self, changed: TopicsChanged) {
        self.is_known = true;
        if std::mem::take(&mut self.next_push_is_complete) {
            self.topics = changed.topics;
            stable_sort(&mut self.topics, |a, b| a.name.cmp(&b.name));
            return;
        }
        for name in changed.removed {
            if let Ok(index) = self.index_of(&name) {
                self.topics.remove(index);
            }
        }
        for topic in changed.topics {
            match self.index_of(&topic.name) {
                Ok(index) => self.topics[index] = topic,
                Err(index) => self.topics.insert(index, topic),
            }
        }
    }

    fn index_of(&self, name: &str) -> Result<usize, usize> {
        self.topics.binary_search_by(|topic| topic.name.as_str().cmp(name))
    }

    /// Selects and sorts the topics that are shown.
    pub fn sort_rows(&mut self, query: &TopicQuery) {
        let words: Vec<String> = query.find.split_whitespace().map(str::to_lowercase).collect();
        let is_found = |topic: &TopicSummary| {
            words.is_empty() || {
                let name = topic.name.to_lowercase();
                words.iter().all(|word| name.contains(word.as_str()))
            }
        };
        let is_shown = |topic: &TopicSummary| (query.internal || !topic.internal) && is_found(topic);
        let shown = self.topics.iter().zip(0..).filter(|(topic, _)| is_shown(topic)).map(|(_, index)| index);
        self.shown = shown.collect();
        let (topics, sort) = (&self.topics, query.sort);
        // `topics` is sorted by name already.
        if sort != Sort::by("name") {
            stable_sort(&mut self.shown, |&a, &b| sort.order(compare(topics, a, b, sort.column), a.cmp(&b)));
        }
    }

    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    pub fn get(&self, row: usize) -> Option<&TopicSummary> {
        self.topics.get(*self.shown.get(row)? as usize)
    }

    pub fn totals(&self, with_internal: bool) -> TopicTotals {
        let mut totals = TopicTotals::default();
        for topic in &self.topics {
            totals.under_replicated += u64::from(topic.under_replicated);
            totals.offline += u64::from(topic.offline);
            if topic.internal && !with_internal {
                totals.hidden += 1;
            } else {
                totals.topics += 1;
                totals.partitions += u64::from(topic.partitions);
            }
        }
        totals
    }
}

fn compare(topics: &[TopicSummary], a: u32, b: u32, column: &str) -> Ordering {
    let (Some(a), Some(b)) = (topics.get(a as usize), topics.get(b as usize)) else { return Ordering::Equal };
    match column {
        "partitions" => a.partitions.cmp(&b.partitions),
        "replication" => a.replication.cmp(&b.replication),
        "records" => by_number(a.records, b.records),
        "rate" => by_number(a.rate, b.rate),
        "state" => (a.offline, a.under_replicated).cmp(&(b.offline, b.under_replicated)),
        _ => a.name.cmp(&b.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, records: u64) -> TopicSummary {
        TopicSummary {
            name: name.to_owned(),
            partitions: 3,
            replication: 1,
            internal: name.starts_with("__"),
            records: Some(records),
            rate: None,
            under_replicated: 0,
            offline: 0,
        }
    }

    fn push(topics: Vec<TopicSummary>, removed: &[&str]) -> TopicsChanged {
        TopicsChanged { watch: 1, at: 1, topics, removed: removed.iter().map(|&name| name.to_owned()).collect() }
    }

    fn query(find: &str, sort: Sort) -> TopicQuery {
        TopicQuery { find: find.to_owned(), internal: false, sort }
    }

    fn names(list: &mut TopicList, query: &TopicQuery) -> Vec<String> {
        list.sort_rows(query);
        (0..list.shown()).filter_map(|row| Some(list.get(row)?.name.clone())).collect()
    }

    fn listed() -> TopicList {
        let mut list = TopicList::default();
        list.begin();
        let topics =
            vec![topic("payments", 5), topic("Orders.eu", 9), topic("__consumer_offsets", 99), topic("orders.us", 7)];
        list.apply(push(topics, &[]));
        list
    }

    #[test]
    fn internal_topics_are_hidden_by_default() {
        let mut list = listed();
        let mut by_name = query("", Sort::by("name"));
        assert_eq!(names(&mut list, &by_name), ["Orders.eu", "orders.us", "payments"]);
        assert_eq!((list.totals(false).topics, list.totals(false).hidden), (3, 1));
        by_name.internal = true;
        assert_eq!(names(&mut list, &by_name).len(), 4);
    }

    #[test]
    fn name_must_contain_every_word_in_any_case() {
        let mut list = listed();
        assert_eq!(names(&mut list, &query("ORD eu", Sort::by("name"))), ["Orders.eu"]);
        assert!(names(&mut list, &query("refunds", Sort::by("name"))).is_empty());
    }

    #[test]
    fn descending_order_lists_the_largest_topics_first() {
        let mut list = listed();
        let largest = Sort { column: "records", is_descending: true };
        assert_eq!(names(&mut list, &query("", largest)), ["Orders.eu", "orders.us", "payments"]);
        list.apply(push(vec![topic("payments", 50)], &[]));
        assert_eq!(names(&mut list, &query("", largest))[0], "payments");
    }

    #[test]
    fn numbers_of_records_beyond_53_bits_are_sorted_exactly() {
        let mut list = TopicList::default();
        let counts = [9_007_199_254_740_992, 9_007_199_254_740_993, u64::MAX, 0];
        list.begin();
        list.apply(push(counts.iter().zip(["b", "a", "c", "d"]).map(|(n, name)| topic(name, *n)).collect(), &[]));
        let largest = Sort { column: "records", is_descending: true };
        assert_eq!(names(&mut list, &query("", largest)), ["c", "a", "b", "d"]);
    }

    #[test]
    fn push_updates_named_topics_and_reopened_view_replaces_all() {
        let mut list = listed();
        list.apply(push(vec![topic("new", 0)], &["payments"]));
        assert_eq!(names(&mut list, &query("", Sort::by("name"))), ["Orders.eu", "new", "orders.us"]);
        list.begin();
        assert_eq!(names(&mut list, &query("", Sort::by("name"))).len(), 3, "the topics stay until the next push");
        list.apply(push(vec![topic("only", 0)], &[]));
        assert_eq!(names(&mut list, &query("", Sort::by("name"))), ["only"]);
    }

    #[test]
    fn ten_thousand_topics_are_sorted_within_a_second() {
        let mut list = TopicList::default();
        list.begin();
        list.apply(push((0..10_000).map(|n| topic(&format!("topic-{n:05}"), n)).collect(), &[]));
        let began = std::time::Instant::now();
        let found = names(&mut list, &query("99", Sort { column: "records", is_descending: true }));
        assert!(found.len() > 100 && found[0] == "topic-09999", "{found:?}");
        // A hundred times the usual duration, for a busy machine.
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
    }
}
