//! An indented JSON text whose lines between two brackets can be folded, with characters in the place of needless escapes.
//! Works on the text, so that big integers, key order and duplicate keys are preserved.

use std::collections::BTreeSet;

use super::json_escapes::without_needless_escapes;
use super::json_text::indent;

#[derive(Debug)]
pub struct FoldableJson {
    text: String,
    lines: Vec<Line>,
    folded: BTreeSet<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    start: usize,
    end: usize,
    /// The line of the closing bracket, if this one opens.
    closes_at: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoldableLine<'a> {
    pub number: usize,
    pub text: &'a str,
    /// For an opening line: the closing bracket, shown when the line is folded.
    pub closing: Option<&'a str>,
    pub is_folded: bool,
}

impl FoldableJson {
    pub fn new(json: &str) -> Self {
        let text = indent(&without_needless_escapes(json));
        let mut lines: Vec<Line> = Vec::new();
        let mut open = Vec::new();
        let mut start = 0;
        for line in text.split('\n') {
            let number = lines.len();
            if line.trim_start().starts_with(['}', ']'])
                && let Some(opening) = open.pop()
            {
                let opening: &mut Line = &mut lines[opening];
                opening.closes_at = Some(number);
            }
            // A JSON string ends with a quote, so that these characters are brackets.
            if line.ends_with(['{', '[']) {
                open.push(number);
            }
            lines.push(Line { start, end: start + line.len(), closes_at: None });
            start += line.len() + 1;
        }
        Self { text, lines, folded: BTreeSet::new() }
    }

    pub fn toggle(&mut self, number: usize) {
        if !self.folded.remove(&number) {
            self.folded.insert(number);
        }
    }

    /// Folds everything below the first level, or unfolds everything.
    pub fn fold_all(&mut self, fold: bool) {
        self.folded.clear();
        if fold {
            let opening = |(number, line): (usize, &Line)| line.closes_at.map(|_| number);
            self.folded.extend(self.lines.iter().enumerate().skip(1).filter_map(opening));
        }
    }

    pub fn has_folded(&self) -> bool {
        !self.folded.is_empty()
    }

    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The lines that no folded bracket hides, from the top.
    pub fn lines(&self) -> impl Iterator<Item = FoldableLine<'_>> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (number, line) = (next, self.lines.get(next)?);
            let is_folded = self.folded.contains(&number);
            let closing = line.closes_at.map(|at| self.text_of(at).trim_start());
            next = match line.closes_at {
                Some(at) if is_folded => at + 1,
                _ => number + 1,
            };
            Some(FoldableLine { number, text: self.text_of(number), closing, is_folded })
        })
    }

    /// The texts of all lines, folded or not.
    pub(super) fn all_lines(&self) -> impl Iterator<Item = &str> {
        (0..self.lines.len()).map(|number| self.text_of(number))
    }

    fn text_of(&self, number: usize) -> &str {
        let line = self.lines[number];
        &self.text[line.start..line.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(foldable: &FoldableJson) -> Vec<String> {
        let show = |line: FoldableLine<'_>| match line.closing.filter(|_| line.is_folded) {
            Some(closing) => format!("{}…{closing}", line.text.trim()),
            None => line.text.trim().to_owned(),
        };
        foldable.lines().map(show).collect()
    }

    #[test]
    fn folded_bracket_hides_only_its_contents() {
        let mut foldable = FoldableJson::new(r#"{"a":[1,{"b":"x{"}],"c":{},"a":9007199254740993}"#);
        let all = shown(&foldable);
        assert_eq!(
            all,
            ["{", "\"a\": [", "1,", "{", "\"b\": \"x{\"", "}", "],", "\"c\": {},", "\"a\": 9007199254740993", "}"]
        );
        foldable.toggle(1);
        assert_eq!(shown(&foldable), ["{", "\"a\": […],", "\"c\": {},", "\"a\": 9007199254740993", "}"]);
        foldable.toggle(1);
        assert_eq!(shown(&foldable), all);
        foldable.fold_all(true);
        assert_eq!(shown(&foldable).len(), 5);
        foldable.fold_all(false);
        assert!(!foldable.has_folded());
    }

    #[test]
    fn single_value_is_one_line_that_does_not_fold() {
        let foldable = FoldableJson::new("\"ends with {\"");
        assert_eq!(shown(&foldable), ["\"ends with {\""]);
        assert!(foldable.lines().all(|line| line.closing.is_none()));
        assert_eq!(foldable.line_count(), 1);
    }
}
