//! Expressions in CEL (Common Expression Language), as far as filters of records need it.
//!
//! The parser and the evaluation are our own, for these reasons. The evaluation of the crate `cel` has no limit of time or memory: nested macros
//! take quadratic time, texts and lists grow without bound, and regular expressions are compiled for each record. It takes its variables as trees
//! of owned values, so each record would be parsed and copied as a whole. Its parser turns macros into loops with accumulators and operators into calls
//! by name, which would have to be recognized again, and its messages list the tokens of a grammar. The tests compare both.
//!
//! What an evaluation costs is bounded by its fuel ([`evaluation::FUEL`]), whatever the record and the expression are. Only the scan of a key or value
//! that checks whether it is JSON, once for a record, is not counted: it takes time in proportion to what was read from Kafka.
//!
//! Differences from CEL, because records are not typed: a field of what is not a map is missing, and so is everything that is computed from null, except
//! for equality. Arithmetic may mix integers and doubles, since JSON does not tell them apart. `\b` of regular expressions looks at ASCII.

mod arithmetic;
mod conversion;
mod evaluation;
mod fault;
mod items;
mod lexer;
mod literal;
mod macros;
mod node;
mod number;
mod parser;
mod path;
mod suggestion;
#[cfg(test)]
mod tests;
mod time;
mod value;

pub(crate) use evaluation::{Evaluation, Facts, FieldValue, HeaderSource, Scratch};
pub(crate) use fault::Fault;
pub(crate) use node::{Node, Tables};
pub(crate) use parser::parse;
pub(crate) use path::{field_value, parse_path};
