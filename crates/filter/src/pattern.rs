//! Regular expressions whose time per byte is bounded.
//!
//! The crate `regex` falls back to engines that take time proportional to the size of the expression for each byte, up to
//! microseconds. Here a search uses only the lazy automaton of `regex-automata`, and gives up on a record if it must build new states all the
//! time. The automaton has no Unicode word boundaries, so `\b` looks at ASCII letters, digits and `_`.

use std::fmt;

use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::prefilter::Prefilter;
use regex_automata::{Input, MatchKind};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};

/// Bytes of the automaton with which an expression is searched; it bounds the time that one new state takes.
const MAX_AUTOMATON_BYTES: usize = 256 * 1024;
/// Bytes of the states that are kept.
const CACHE_BYTES: usize = 4 * 1024 * 1024;
/// A search gives up if it has filled the cache, and needs a new state more often than once in so many bytes.
const MIN_BYTES_PER_STATE: usize = 256;

/// A compiled regular expression.
pub(crate) struct Pattern {
    dfa: DFA,
}

/// The states that the searches of one thread have needed so far; made by the first search.
#[derive(Debug, Default)]
pub(crate) struct PatternCache(Option<Box<Cache>>);

/// The search would take too long for this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooComplex;

/// Why an expression is invalid, and at which byte.
#[derive(Debug)]
pub(crate) struct InvalidPattern {
    pub(crate) message: String,
    pub(crate) offset: usize,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pattern")
    }
}

impl Pattern {
    pub(crate) fn compile(pattern: &str) -> Result<Self, InvalidPattern> {
        Self::with_case(pattern, false)
    }

    /// Searches a text in which letters match in either case.
    pub(crate) fn caseless(text: &str) -> Result<Self, InvalidPattern> {
        Self::with_case(&regex_syntax::escape(text), true)
    }

    fn with_case(pattern: &str, ignores_case: bool) -> Result<Self, InvalidPattern> {
        // Records are bytes, and need not be UTF-8.
        let parsed = ParserBuilder::new().utf8(false).case_insensitive(ignores_case).build().parse(pattern);
        let hir = with_ascii_boundaries(parsed.map_err(|error| describe(&error))?);
        let too_large = || {
            InvalidPattern {
            message: "the regular expression is too large; use shorter repetitions or smaller classes, such as [0-9] instead of \\d"
                .to_owned(),
            offset: 0,
        }
        };
        let config = thompson::Config::new()
            .utf8(false)
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(MAX_AUTOMATON_BYTES));
        let nfa = thompson::Compiler::new().configure(config).build_from_hir(&hir).map_err(|_| too_large())?;
        let config = Config::new()
            .prefilter(Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, &hir))
            .cache_capacity(CACHE_BYTES)
            .minimum_cache_clear_count(Some(1))
            .minimum_bytes_per_state(Some(MIN_BYTES_PER_STATE));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).map_err(|_| too_large())?;
        Ok(Self { dfa })
    }

    /// Whether the expression matches somewhere in the bytes.
    pub(crate) fn is_match(&self, cache: &mut PatternCache, bytes: &[u8]) -> Result<bool, TooComplex> {
        let cache = cache.0.get_or_insert_with(|| Box::new(self.dfa.create_cache()));
        match self.dfa.try_search_fwd(cache, &Input::new(bytes).earliest(true)) {
            Ok(found) => Ok(found.is_some()),
            Err(_) => {
                // Else the next record would be refused because of this one.
                cache.reset(&self.dfa);
                Err(TooComplex)
            }
        }
    }
}

fn describe(error: &regex_syntax::Error) -> InvalidPattern {
    match error {
        regex_syntax::Error::Parse(error) => {
            InvalidPattern { message: error.kind().to_string(), offset: error.span().start.offset }
        }
        regex_syntax::Error::Translate(error) => {
            InvalidPattern { message: error.kind().to_string(), offset: error.span().start.offset }
        }
        other => InvalidPattern { message: other.to_string(), offset: 0 },
    }
}

/// The parser limits the depth, and so that of the recursion.
fn with_ascii_boundaries(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
            Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
            other => other,
        }),
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(with_ascii_boundaries(*repetition.sub));
            Hir::repetition(repetition)
        }
        // Nothing asks for the groups, and without them the automaton is smaller.
        HirKind::Capture(capture) => with_ascii_boundaries(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(with_ascii_boundaries).collect()),
        HirKind::Alternation(choices) => Hir::alternation(choices.into_iter().map(with_ascii_boundaries).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_match(pattern: &str, text: &str) -> bool {
        let pattern = Pattern::compile(pattern).expect("a valid expression");
        pattern.is_match(&mut PatternCache::default(), text.as_bytes()).expect("a simple expression")
    }

    #[test]
    fn expression_matches_anywhere() {
        assert!(is_match("b+", "abbc"));
        assert!(!is_match("^b", "abbc"));
        assert!(is_match("", ""));
        assert!(is_match("(?i)straße", "STRAßE"));
        assert!(is_match(r"order-\d{3}", "x order-123 y"));
    }

    #[test]
    fn word_boundaries_are_those_of_ascii_even_in_other_text() {
        assert!(is_match(r"\bid\b", "é id é"));
        assert!(!is_match(r"\bid\b", "paid é"));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_searched() {
        let pattern = Pattern::compile(r"a.*c").expect("a valid expression");
        assert_eq!(pattern.is_match(&mut PatternCache::default(), b"\xff\xfeabc"), Ok(true));
    }

    #[test]
    fn error_has_the_position_in_the_expression() {
        let error = Pattern::compile("ab(c").expect_err("an open group");
        assert_eq!((error.offset, error.message.as_str()), (2, "unclosed group"));
        assert!(Pattern::compile(r"(\pL{50}){50}").expect_err("a large expression").message.contains("too large"));
    }

    #[test]
    fn search_that_needs_new_states_all_the_time_gives_up() {
        // Remembers for each of the last 300 characters whether it was an `a`, so almost every byte needs a new state.
        let pattern = Pattern::compile("a[ab]{300}c").expect("a valid expression");
        let mut random = 1_u32;
        let text: Vec<u8> = (0..1_000_000)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if random & 0x1_0000 == 0 { b'a' } else { b'b' }
            })
            .collect();
        let mut cache = PatternCache::default();
        assert_eq!(pattern.is_match(&mut cache, &text), Err(TooComplex));
        assert_eq!(pattern.is_match(&mut cache, b"ab"), Ok(false), "the next record is searched");
    }
}
