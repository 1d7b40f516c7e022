//! The macros `all`, `exists`, `exists_one`, `filter` and `map`.

use super::evaluation::{Evaluated, Evaluation};
use super::fault::{Fault, Reason};
use super::items::Items;
use super::node::{Macro, MacroNode, Node};
use super::value::{Type, Value};

impl<'a> Evaluation<'a, '_> {
    pub(super) fn evaluate_macro(&mut self, node: &'a Node, kind: Macro, parts: &'a MacroNode) -> Evaluated<'a> {
        // A list may be allocated.
        self.spend(4)?;
        let over = self.evaluate(&parts.over)?;
        let Some(mut items) = Items::of(self, &over)? else {
            return Err(match over.kind() {
                Type::Null => Fault::Missing,
                found => Fault::Failed { at: node.at, reason: Reason::Operand { name: kind.name(), found } },
            });
        };
        let outer = self.locals.len();
        self.locals.push(Value::Null);
        let result = match kind {
            Macro::All => self.finds(&mut items, parts, outer, false).map(|found| Value::Bool(!found)),
            Macro::Exists => self.finds(&mut items, parts, outer, true).map(Value::Bool),
            Macro::ExistsOne => self.counts_one(&mut items, parts, outer),
            Macro::Filter | Macro::Map => self.collects(&mut items, parts, outer),
        };
        self.locals.truncate(outer);
        result
    }

    fn condition(&mut self, parts: &'a MacroNode) -> Result<bool, Fault> {
        parts.condition.as_ref().map_or(Ok(true), |condition| self.bool(condition))
    }

    /// Whether the condition has this result for an item. A failure for an item counts only if no item has this result, as with `&&` and `||`.
    fn finds(
        &mut self,
        items: &mut Items<'a>,
        parts: &'a MacroNode,
        local: usize,
        wanted: bool,
    ) -> Result<bool, Fault> {
        let mut failed = None;
        while let Some(item) = items.next(self)? {
            self.locals[local] = item;
            match self.condition(parts) {
                Ok(value) if value == wanted => return Ok(true),
                Ok(_) => {}
                Err(fault) if fault.is_final() => return Err(fault),
                Err(fault) => failed = failed.or(Some(fault)),
            }
        }
        failed.map_or(Ok(false), Err)
    }

    fn counts_one(&mut self, items: &mut Items<'a>, parts: &'a MacroNode, local: usize) -> Evaluated<'a> {
        let mut count = 0;
        while let Some(item) = items.next(self)? {
            self.locals[local] = item;
            count += usize::from(self.condition(parts)?);
        }
        Ok(Value::Bool(count == 1))
    }

    fn collects(&mut self, items: &mut Items<'a>, parts: &'a MacroNode, local: usize) -> Evaluated<'a> {
        let mut list = Vec::new();
        while let Some(item) = items.next(self)? {
            self.locals[local] = item;
            if self.condition(parts)? {
                list.push(match &parts.result {
                    Some(result) => self.evaluate(result)?,
                    None => self.locals[local].clone(),
                });
            }
        }
        Ok(Value::List(list.into()))
    }
}
