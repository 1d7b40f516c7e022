//! Goes through the elements of lists and the keys of maps, and pays for each.

use std::cmp::Ordering;
use std::rc::Rc;

use super::evaluation::Evaluation;
use super::fault::Fault;
use super::value::{Shared, Value};
use crate::json::{Elements, Members};

/// The elements of a list, or the keys of a map.
pub(super) enum Items<'a> {
    Elements(Elements<'a>),
    List(Rc<[Value<'a>]>, usize),
    Map(Rc<[(Value<'a>, Value<'a>)]>, usize),
    /// The distinct names of an object, with quotation marks, sorted.
    Names(std::vec::IntoIter<Value<'a>>),
}

impl<'a> Items<'a> {
    /// `None` if the value is neither list nor map.
    pub(super) fn of(evaluation: &mut Evaluation<'a, '_>, value: &Value<'a>) -> Result<Option<Self>, Fault> {
        Ok(Some(match value {
            Value::Array(text) => Self::Elements(Elements::of(text)),
            Value::List(list) => Self::List(Rc::clone(list), 0),
            Value::Map(map) => Self::Map(Rc::clone(map), 0),
            Value::Object(text) => {
                evaluation.spend_json(text.len())?;
                let mut names: Vec<Shared<'a, str>> = Vec::new();
                for (name, _) in Members::of(text) {
                    evaluation.spend(8)?;
                    if let Value::Text(name) = evaluation.json(name)? {
                        names.push(name);
                    }
                }
                names.sort_unstable_by(compare_texts);
                names.dedup_by(|left, right| **left == **right);
                Self::Names(names.into_iter().map(Value::Text).collect::<Vec<_>>().into_iter())
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn next(&mut self, evaluation: &mut Evaluation<'a, '_>) -> Result<Option<Value<'a>>, Fault> {
        evaluation.spend(1)?;
        Ok(match self {
            Self::Elements(elements) => match elements.next() {
                Some(text) => {
                    evaluation.spend_json(text.len())?;
                    Some(evaluation.json(text)?)
                }
                None => None,
            },
            Self::List(list, at) => {
                *at += 1;
                list.get(*at - 1).cloned()
            }
            Self::Map(map, at) => {
                *at += 1;
                map.get(*at - 1).map(|(key, _)| key.clone())
            }
            Self::Names(names) => names.next(),
        })
    }

    /// Goes past an item without reading it.
    pub(super) fn skip(&mut self, evaluation: &mut Evaluation<'a, '_>) -> Result<(), Fault> {
        match self {
            Self::Elements(elements) => {
                let Some(text) = elements.next() else { return Err(Fault::Missing) };
                evaluation.spend(1)?;
                evaluation.spend_json(text.len())
            }
            other => other.next(evaluation)?.map(drop).ok_or(Fault::Missing),
        }
    }

    /// How many items are left.
    pub(super) fn left(&self, evaluation: &mut Evaluation<'a, '_>) -> Result<usize, Fault> {
        Ok(match self {
            Self::Elements(elements) => {
                let mut count = 0;
                for text in elements.clone() {
                    evaluation.spend(1)?;
                    evaluation.spend_json(text.len())?;
                    count += 1;
                }
                count
            }
            Self::List(list, at) => list.len() - at.min(&list.len()),
            Self::Map(map, at) => map.len() - at.min(&map.len()),
            Self::Names(names) => names.len(),
        })
    }
}

fn compare_texts(left: &Shared<'_, str>, right: &Shared<'_, str>) -> Ordering {
    (**left).cmp(&**right)
}
