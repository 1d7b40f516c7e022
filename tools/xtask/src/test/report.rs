//! Parses the output of test programs line by line: the number of passed tests, and the panics of failed ones.

/// Limits of a reported panic message, which may be a page of JSON.
const MAX_REASON_LINES: usize = 12;
const MAX_LINE_CHARS: usize = 400;

#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) count: Count,
    /// The panic messages of failed tests, repeated at the end because in the output they are surrounded by long logs.
    reasons: Vec<String>,
    reason_lines_left: usize,
    is_listing_failures: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Report {
    pub(super) fn read(&mut self, line: &str) {
        if let Some(program) = Count::parse(line) {
            self.count.add(program);
            self.is_listing_failures = false;
        }
        match line {
            // Before this line, panics may be expected ones of passing tests.
            "failures:" => self.is_listing_failures = true,
            _ if !self.is_listing_failures => {}
            _ if line.starts_with("thread '") && line.contains(" panicked at ") => {
                self.reason_lines_left = MAX_REASON_LINES;
            }
            _ if line.starts_with("note: ") || line.starts_with("stack backtrace:") || line.starts_with("---") => {
                self.reason_lines_left = 0;
            }
            _ => {}
        }
        if self.reason_lines_left > 0 {
            self.reason_lines_left -= 1;
            self.reasons.push(line.chars().take(MAX_LINE_CHARS).collect());
        }
    }

    pub(super) fn reasons(&self) -> &[String] {
        &self.reasons
    }
}

impl Count {
    /// Parses the summary line of one test program: `test result: ok. 2 passed; 0 failed; 1 ignored; …`.
    fn parse(line: &str) -> Option<Self> {
        let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let number_of = |what: &str| -> Option<usize> {
            let part = numbers.split(';').find_map(|part| part.trim().strip_suffix(what))?;
            part.trim().parse().ok()
        };
        Some(Self { passed: number_of("passed")?, failed: number_of("failed")?, skipped: number_of("ignored")? })
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_line_of_a_test_program_is_parsed() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(Count::parse(line), Some(Count { passed: 12, failed: 3, skipped: 1 }));
        assert_eq!(Count::parse("test result_is_printed ... ok"), None);
    }

    #[test]
    fn panics_of_failed_tests_are_kept_without_the_logs() {
        let printed = "test a ... FAILED\n\
                       thread 'passes' (1) panicked at src/passes.rs:1:1:\n\
                       expected\n\
                       \n\
                       failures:\n\
                       \n\
                       ---- a stdout ----\n\
                       \n\
                       thread 'a' (2) panicked at src/a.rs:3:5:\n\
                       assertion `left == right` failed\n\
                       note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\
                       --- bridge --listen 127.0.0.1:0\n\
                       a line of its log\n\
                       \n\
                       failures:\n    a\n\
                       \n\
                       test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let mut report = Report::default();
        printed.lines().for_each(|line| report.read(line));
        assert_eq!(report.reasons(), ["thread 'a' (2) panicked at src/a.rs:3:5:", "assertion `left == right` failed"]);
        assert_eq!(report.count, Count { passed: 1, failed: 1, skipped: 0 });
    }
}
