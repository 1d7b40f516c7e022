//! Compares two texts line by line, with Myers' algorithm in linear space ("An O(ND) Difference Algorithm and Its Variations", 1986).

use std::collections::HashMap;

/// What happened to a line from the old text to the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineChange {
    Same,
    Removed,
    Added,
}

/// A line of one or both texts, with its numbers from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffLine<'a> {
    pub change: LineChange,
    pub text: &'a str,
    pub old_number: Option<usize>,
    pub new_number: Option<usize>,
}

/// The time is proportional to the lines times the differences. Beyond this many differences a part counts as replaced, so that two
/// large and unrelated texts cannot freeze the page.
const MAX_DIFFERENCES: usize = 2_000;

/// The lines of both texts in order; in a changed place, the removed lines come before the added ones.
pub fn diff_lines<'a>(old: &'a str, new: &'a str) -> Vec<DiffLine<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // Numbers are compared faster than texts.
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut number = |line: &&'a str| {
        let next = numbers.len() as u32;
        *numbers.entry(line).or_insert(next)
    };
    let (old_lines, new_lines): (Vec<u32>, Vec<u32>) =
        (old.iter().map(&mut number).collect(), new.iter().map(&mut number).collect());
    let mut removed = vec![false; old.len()];
    let mut added = vec![false; new.len()];
    compare(&old_lines, &new_lines, &mut removed, &mut added);

    let mut lines = Vec::with_capacity(old.len().max(new.len()));
    let (mut o, mut n) = (0, 0);
    while o < old.len() || n < new.len() {
        if removed.get(o) == Some(&true) {
            let (change, old_number) = (LineChange::Removed, Some(o + 1));
            lines.push(DiffLine { change, text: old[o], old_number, new_number: None });
            o += 1;
        } else if added.get(n) == Some(&true) {
            let (change, new_number) = (LineChange::Added, Some(n + 1));
            lines.push(DiffLine { change, text: new[n], old_number: None, new_number });
            n += 1;
        } else {
            let (old_number, new_number) = (Some(o + 1), Some(n + 1));
            lines.push(DiffLine { change: LineChange::Same, text: new[n], old_number, new_number });
            o += 1;
            n += 1;
        }
    }
    lines
}

/// Marks the lines that are only in the one or the other text.
fn compare(old: &[u32], new: &[u32], removed: &mut [bool], added: &mut [bool]) {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[start..], &new[start..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    let (removed, added) = (&mut removed[start..][..old.len()], &mut added[start..][..new.len()]);
    let split = if old.is_empty() || new.is_empty() { None } else { middle(old, new) };
    match split {
        // A part of the same size as the whole would be compared for ever.
        Some((o, n)) if (o, n) != (0, 0) && (o, n) != (old.len(), new.len()) => {
            compare(&old[..o], &new[..n], &mut removed[..o], &mut added[..n]);
            compare(&old[o..], &new[n..], &mut removed[o..], &mut added[n..]);
        }
        _ => {
            removed.fill(true);
            added.fill(true);
        }
    }
}

/// A point on a shortest path from the old to the new text: searched from both ends at once. `None` if there are too many differences.
fn middle(old: &[u32], new: &[u32]) -> Option<(usize, usize)> {
    let (old_len, new_len) = (old.len() as isize, new.len() as isize);
    let delta = old_len - new_len;
    let limit = ((old.len() + new.len()).div_ceil(2)).min(MAX_DIFFERENCES) as isize;
    let offset = limit + 1;
    let size = (2 * offset + 1) as usize;
    // The furthest index in the old text on each diagonal, from the start and from the end.
    let (mut forward, mut backward) = (vec![0_isize; size], vec![0_isize; size]);
    let at = |diagonal: isize| (diagonal + offset) as usize;
    for steps in 0..=limit {
        for diagonal in (-steps..=steps).step_by(2) {
            let goes_down =
                diagonal == -steps || (diagonal != steps && forward[at(diagonal - 1)] < forward[at(diagonal + 1)]);
            let mut x = if goes_down { forward[at(diagonal + 1)] } else { forward[at(diagonal - 1)] + 1 };
            let mut y = x - diagonal;
            while x < old_len && y < new_len && y >= 0 && old[x as usize] == new[y as usize] {
                x += 1;
                y += 1;
            }
            forward[at(diagonal)] = x;
            let opposite = delta - diagonal;
            if delta % 2 != 0 && opposite.abs() < steps && x + backward[at(opposite)] >= old_len {
                return within(x, y, old_len, new_len);
            }
        }
        for diagonal in (-steps..=steps).step_by(2) {
            let goes_up =
                diagonal == -steps || (diagonal != steps && backward[at(diagonal - 1)] < backward[at(diagonal + 1)]);
            let mut x = if goes_up { backward[at(diagonal + 1)] } else { backward[at(diagonal - 1)] + 1 };
            let mut y = x - diagonal;
            while x < old_len
                && y < new_len
                && y >= 0
                && old[(old_len - x - 1) as usize] == new[(new_len - y - 1) as usize]
            {
                x += 1;
                y += 1;
            }
            backward[at(diagonal)] = x;
            let opposite = delta - diagonal;
            if delta % 2 == 0 && opposite.abs() <= steps && x + forward[at(opposite)] >= old_len {
                return within(old_len - x, new_len - y, old_len, new_len);
            }
        }
    }
    None
}

fn within(x: isize, y: isize, old_len: isize, new_len: isize) -> Option<(usize, usize)> {
    ((0..=old_len).contains(&x) && (0..=new_len).contains(&y)).then_some((x as usize, y as usize))
}

/// A part of a diff, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiffPart<'a> {
    Same(Vec<DiffLine<'a>>),
    /// Equal lines far from a change, which are folded.
    Folded(Vec<DiffLine<'a>>),
    Changed {
        removed: Vec<DiffLine<'a>>,
        added: Vec<DiffLine<'a>>,
    },
}

/// Equal lines that stay visible before and after a change.
const CONTEXT_LINES: usize = 3;
/// Fewer folded lines than this would take as much room as the button that unfolds them.
const MIN_FOLDED: usize = 4;

pub fn diff_parts<'a>(lines: &[DiffLine<'a>]) -> Vec<DiffPart<'a>> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let is_same = lines[at].change == LineChange::Same;
        let length = lines[at..].iter().take_while(|line| (line.change == LineChange::Same) == is_same).count();
        let run = &lines[at..at + length];
        at += length;
        if !is_same {
            let of = |change| run.iter().copied().filter(|line| line.change == change).collect();
            parts.push(DiffPart::Changed { removed: of(LineChange::Removed), added: of(LineChange::Added) });
            continue;
        }
        let before = if parts.is_empty() { 0 } else { CONTEXT_LINES };
        let after = if at == lines.len() { 0 } else { CONTEXT_LINES };
        if length < before + after + MIN_FOLDED {
            parts.push(DiffPart::Same(run.to_vec()));
            continue;
        }
        let (first, rest) = run.split_at(before);
        let (folded, last) = rest.split_at(rest.len() - after);
        if !first.is_empty() {
            parts.push(DiffPart::Same(first.to_vec()));
        }
        parts.push(DiffPart::Folded(folded.to_vec()));
        if !last.is_empty() {
            parts.push(DiffPart::Same(last.to_vec()));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(old: &str, new: &str) -> Vec<String> {
        let sign = |change| match change {
            LineChange::Same => ' ',
            LineChange::Removed => '-',
            LineChange::Added => '+',
        };
        diff_lines(old, new).into_iter().map(|line| format!("{}{}", sign(line.change), line.text)).collect()
    }

    /// The length of the longest common subsequence, by the textbook's table.
    fn longest_common(old: &[&str], new: &[&str]) -> usize {
        let mut row = vec![0; new.len() + 1];
        for a in old {
            let mut diagonal = 0;
            for (at, b) in new.iter().enumerate() {
                let above = row[at + 1];
                row[at + 1] = if a == b { diagonal + 1 } else { above.max(row[at]) };
                diagonal = above;
            }
        }
        row[new.len()]
    }

    #[test]
    fn added_and_removed_lines_are_found_between_equal_ones() {
        assert_eq!(shown("a\nb\nc", "a\nx\nc\nd"), [" a", "-b", "+x", " c", "+d"]);
        assert_eq!(shown("", "a\nb"), ["+a", "+b"]);
        assert_eq!(shown("a\nb", ""), ["-a", "-b"]);
        assert_eq!(shown("a\nb", "a\nb"), [" a", " b"]);
        assert!(shown("", "").is_empty());
        assert_eq!(shown("a", "b"), ["-a", "+b"]);
    }

    #[test]
    fn lines_have_their_numbers_in_each_text() {
        let lines = diff_lines("a\nb\nc", "a\nc");
        let numbers: Vec<_> = lines.iter().map(|line| (line.old_number, line.new_number)).collect();
        assert_eq!(numbers, [(Some(1), Some(1)), (Some(2), None), (Some(3), Some(2))]);
    }

    #[test]
    fn random_texts_have_a_shortest_diff_that_contains_both_texts() {
        let mut random = fastrand::Rng::with_seed(7);
        let names = ["a", "b", "c", "d"];
        for _ in 0..4_000 {
            let mut text = || {
                let count = random.usize(0..14);
                (0..count).map(|_| names[random.usize(0..names.len())]).collect::<Vec<_>>()
            };
            let (old, new) = (text(), text());
            let (old_text, new_text) = (old.join("\n"), new.join("\n"));
            let lines = diff_lines(&old_text, &new_text);
            let of = |without| -> Vec<&str> {
                lines.iter().filter(|line| line.change != without).map(|line| line.text).collect()
            };
            assert_eq!((of(LineChange::Added), of(LineChange::Removed)), (old.clone(), new.clone()));
            let same = lines.iter().filter(|line| line.change == LineChange::Same).count();
            assert_eq!(same, longest_common(&old, &new), "{old:?} {new:?}");
        }
    }

    #[test]
    fn large_unrelated_texts_are_compared_within_a_second() {
        let text = |name: &str| (0..20_000).map(|n| format!("{name} {n}")).collect::<Vec<_>>().join("\n");
        let (old, new) = (text("old"), text("new"));
        let began = std::time::Instant::now();
        let lines = diff_lines(&old, &new);
        assert_eq!(lines.len(), 40_000);
        // Ten times the usual duration, for a busy machine and a build without optimization.
        assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    }

    #[test]
    fn equal_lines_far_from_a_change_are_folded() {
        let text = |changed: &str| {
            (1..=20).map(|n| if n == 10 { changed.to_owned() } else { n.to_string() }).collect::<Vec<_>>().join("\n")
        };
        let (old, new) = (text("old"), text("new"));
        let lines = diff_lines(&old, &new);
        let shown = |part: &DiffPart<'_>| match part {
            DiffPart::Same(lines) => format!("{} same", lines.len()),
            DiffPart::Folded(lines) => format!("{} folded", lines.len()),
            DiffPart::Changed { removed, added } => format!("{} removed, {} added", removed.len(), added.len()),
        };
        let parts: Vec<_> = diff_parts(&lines).iter().map(shown).collect();
        assert_eq!(parts, ["6 folded", "3 same", "1 removed, 1 added", "3 same", "7 folded"]);
        let lines = diff_lines("a\nb\nc", "a\nc");
        let parts: Vec<_> = diff_parts(&lines).iter().map(shown).collect();
        assert_eq!(parts, ["1 same", "1 removed, 0 added", "1 same"]);
    }
}
