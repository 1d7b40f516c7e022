//! The subjects of the schema registry, and which of them are shown: matching the search, sorted.

use protocol::SubjectName;

use super::sort::{Sort, stable_sort};

#[derive(Debug, Default)]
pub struct SubjectList {
    /// By name.
    subjects: Vec<SubjectName>,
    /// Indices of the shown subjects, in the order of the table.
    shown: Vec<u32>,
}

/// The search and the order that the user has chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectQuery {
    /// Words that a name must contain; case is ignored.
    pub find: String,
    pub sort: Sort,
}

impl SubjectList {
    /// The columns by which it can be sorted.
    pub const COLUMNS: [&'static str; 2] = ["name", "state"];

    pub fn set(&mut self, mut subjects: Vec<SubjectName>) {
        stable_sort(&mut subjects, |a, b| a.name.cmp(&b.name));
        self.subjects = subjects;
    }

    /// Selects and sorts the subjects that are shown.
    pub fn sort_rows(&mut self, query: &SubjectQuery) {
        let words: Vec<String> = query.find.split_whitespace().map(str::to_lowercase).collect();
        let is_found = |subject: &SubjectName| {
            words.is_empty() || {
                let name = subject.name.to_lowercase();
                words.iter().all(|word| name.contains(word.as_str()))
            }
        };
        let shown = self.subjects.iter().zip(0..).filter(|(subject, _)| is_found(subject)).map(|(_, index)| index);
        self.shown = shown.collect();
        let (subjects, sort) = (&self.subjects, query.sort);
        let is_deleted = |index: u32| subjects.get(index as usize).is_some_and(|subject| subject.deleted);
        match sort.column {
            "state" => {
                stable_sort(&mut self.shown, |&a, &b| sort.order(is_deleted(a).cmp(&is_deleted(b)), a.cmp(&b)));
            }
            // `subjects` is sorted by name already.
            _ if sort.is_descending => self.shown.reverse(),
            _ => {}
        }
    }

    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    pub fn get(&self, row: usize) -> Option<&SubjectName> {
        self.subjects.get(*self.shown.get(row)? as usize)
    }

    /// How many subjects there are, and how many of them are deleted.
    pub fn totals(&self) -> (usize, usize) {
        (self.subjects.len(), self.subjects.iter().filter(|subject| subject.deleted).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> SubjectList {
        let subject = |name: &&str| match name.strip_prefix('!') {
            Some(name) => SubjectName { name: name.to_owned(), deleted: true },
            None => SubjectName { name: (*name).to_owned(), deleted: false },
        };
        let mut list = SubjectList::default();
        list.set(names.iter().map(subject).collect());
        list
    }

    fn names(list: &mut SubjectList, find: &str, sort: Sort) -> Vec<String> {
        list.sort_rows(&SubjectQuery { find: find.to_owned(), sort });
        (0..list.shown()).filter_map(|row| Some(list.get(row)?.name.clone())).collect()
    }

    #[test]
    fn subjects_are_found_by_words_in_any_case_and_sorted_by_name() {
        let mut list = list(&["payments-value", "!Orders-key", "orders-value"]);
        assert_eq!(names(&mut list, "", Sort::by("name")), ["Orders-key", "orders-value", "payments-value"]);
        assert_eq!(names(&mut list, "VALUE ord", Sort::by("name")), ["orders-value"]);
        let descending = Sort { column: "name", is_descending: true };
        assert_eq!(names(&mut list, "value", descending), ["payments-value", "orders-value"]);
        let deleted_first = Sort { column: "state", is_descending: true };
        assert_eq!(names(&mut list, "", deleted_first), ["Orders-key", "orders-value", "payments-value"]);
        assert_eq!(list.totals(), (3, 1));
    }

    #[test]
    fn ten_thousand_subjects_are_filtered_within_a_second() {
        let names_of: Vec<String> = (0..10_000).map(|n| format!("subject-{n:05}-value")).collect();
        let mut list = list(&names_of.iter().map(String::as_str).collect::<Vec<_>>());
        let began = std::time::Instant::now();
        let found = names(&mut list, "99", Sort { column: "name", is_descending: true });
        assert!(found.len() > 100 && found[0].starts_with("subject-09999"), "{found:?}");
        // A hundred times the usual duration, for a busy machine.
        assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
    }
}
