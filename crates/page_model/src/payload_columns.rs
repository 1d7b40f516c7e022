//! The fields of values that are columns of a topic's found records, as this browser keeps them.

use super::field_path::FieldPath;

/// More columns of one topic than a screen shows.
pub const MAX_PAYLOAD_COLUMNS: usize = 8;
/// The columns of all topics; the earliest are forgotten.
const MAX_KEPT: usize = 300;

/// One line for each column: the cluster, the topic and the path, with tabs between them. None of them contains a tab or a line break.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayloadColumns(Vec<(String, String, FieldPath)>);

impl PayloadColumns {
    pub fn parse(stored: &str) -> Self {
        let read = |line: &str| {
            let mut parts = line.split('\t');
            let (cluster, topic, path) = (parts.next()?, parts.next()?, parts.next()?);
            Some((cluster.to_owned(), topic.to_owned(), FieldPath::parse(path)?))
        };
        Self(stored.lines().filter_map(read).collect())
    }

    pub fn to_text(&self) -> String {
        self.0.iter().map(|(cluster, topic, path)| format!("{cluster}\t{topic}\t{path}\n")).collect()
    }

    /// The columns of a topic, from left to right.
    pub fn of(&self, cluster: &str, topic: &str) -> Vec<FieldPath> {
        let own = self.0.iter().filter(|(of, name, _)| of == cluster && name == topic);
        own.map(|(.., path)| path.clone()).collect()
    }

    /// Adds the column as the last one, or removes it. A further column than the maximum replaces the first one.
    pub fn toggle(&mut self, cluster: &str, topic: &str, path: &FieldPath) {
        let is_own = |(of, name, _): &(String, String, FieldPath)| of == cluster && name == topic;
        let before = self.0.len();
        self.0.retain(|column| !(is_own(column) && column.2 == *path));
        if self.0.len() < before {
            return;
        }
        if self.0.iter().filter(|column| is_own(column)).count() >= MAX_PAYLOAD_COLUMNS
            && let Some(first) = self.0.iter().position(is_own)
        {
            self.0.remove(first);
        }
        if self.0.len() >= MAX_KEPT {
            self.0.remove(0);
        }
        self.0.push((cluster.to_owned(), topic.to_owned(), path.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(columns: &PayloadColumns, topic: &str) -> Vec<String> {
        columns.of("", topic).iter().map(FieldPath::to_string).collect()
    }

    #[test]
    fn columns_are_kept_for_each_topic() {
        let mut columns = PayloadColumns::default();
        let path = |text: &str| FieldPath::parse(text).expect("a path");
        for text in ["amount", "customer[\"a\\tb\"].tier", "id"] {
            columns.toggle("", "orders", &path(text));
        }
        columns.toggle("prod", "orders", &path("id"));
        columns.toggle("", "orders", &path("id"));
        assert_eq!(names(&columns, "orders"), ["amount", "customer[\"a\\tb\"].tier"]);
        assert_eq!(names(&columns, "payments"), [""; 0]);
        assert_eq!(PayloadColumns::parse(&columns.to_text()), columns);
        assert_eq!(PayloadColumns::parse("a\tb\nx\ty\t..\n"), PayloadColumns::default());
        for n in 0..20 {
            columns.toggle("", "orders", &path(&format!("f{n}")));
        }
        assert_eq!(names(&columns, "orders").len(), MAX_PAYLOAD_COLUMNS);
        for n in 0..2 * MAX_KEPT {
            columns.toggle("", &format!("t{n}"), &path("id"));
        }
        assert_eq!(columns.0.len(), MAX_KEPT);
    }
}
