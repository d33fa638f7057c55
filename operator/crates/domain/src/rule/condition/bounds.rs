//! The static bounds of a condition, and what it names, found by one walk over the expression.

use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use regex::Regex;

use super::{BRACKET_DEPTH, COMPREHENSION_DEPTH, ConditionError, EVENT_FIELDS, EXPRESSION_DEPTH, pattern};

/// Refuses nesting before the parser recurses into it.
pub(super) fn check_brackets(text: &str) -> Result<(), ConditionError> {
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > BRACKET_DEPTH {
            return Err(ConditionError::TooDeep("brackets are", BRACKET_DEPTH));
        }
    }
    Ok(())
}

/// What a walk over the expression finds.
#[derive(Default)]
pub(super) struct Seen {
    /// `event` stands by itself.
    pub(super) whole_event: bool,
    /// Fields of `event`.
    pub(super) fields: Vec<&'static str>,
    /// The patterns of `matches`.
    pub(super) patterns: Vec<Arc<Regex>>,
    /// Names that comprehensions bind.
    pub(super) bound: Vec<String>,
}

impl Seen {
    pub(super) fn walk(&mut self, node: &IdedExpr, depth: usize, loops: usize) -> Result<(), ConditionError> {
        if depth > EXPRESSION_DEPTH {
            return Err(ConditionError::TooDeep("expressions are", EXPRESSION_DEPTH));
        }
        let deeper = depth + 1;
        match &node.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => {
                self.whole_event |= name == "event";
                Ok(())
            }
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(name) if name == "event" => {
                    self.name_field(&select.field);
                    Ok(())
                }
                _ => self.walk(&select.operand, deeper, loops),
            },
            Expr::Call(call) => {
                if call.func_name == pattern::MATCHES {
                    self.keep(literal_pattern(call.args.last())?)?;
                }
                for child in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                    self.walk(child, deeper, loops)?;
                }
                Ok(())
            }
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|child| self.walk(child, deeper, loops)),
            Expr::Map(map) => map
                .entries
                .iter()
                .try_for_each(|entry| self.entry(&entry.expr, deeper, loops)),
            Expr::Struct(made) => made
                .entries
                .iter()
                .try_for_each(|entry| self.entry(&entry.expr, deeper, loops)),
            Expr::Comprehension(inner) => {
                if loops >= COMPREHENSION_DEPTH {
                    return Err(ConditionError::TooDeep("comprehensions are", COMPREHENSION_DEPTH));
                }
                self.bound.push(inner.iter_var.clone());
                self.bound.extend(inner.iter_var2.clone());
                self.bound.push(inner.accu_var.clone());
                self.walk(&inner.iter_range, deeper, loops)?;
                [
                    &inner.accu_init,
                    &inner.loop_cond,
                    &inner.loop_step,
                    &inner.result,
                ]
                .into_iter()
                .try_for_each(|child| self.walk(child, deeper, loops + 1))
            }
        }
    }

    fn entry(&mut self, entry: &EntryExpr, depth: usize, loops: usize) -> Result<(), ConditionError> {
        match entry {
            EntryExpr::StructField(field) => self.walk(&field.value, depth, loops),
            EntryExpr::MapEntry(entry) => {
                self.walk(&entry.key, depth, loops)?;
                self.walk(&entry.value, depth, loops)
            }
        }
    }

    fn keep(&mut self, pattern: Arc<Regex>) -> Result<(), ConditionError> {
        self.patterns.push(pattern);
        if self.patterns.len() <= pattern::PATTERNS {
            return Ok(());
        }
        let message = format!("more than {} in one condition; join them by |", pattern::PATTERNS);
        Err(ConditionError::Pattern(message))
    }

    fn name_field(&mut self, name: &str) {
        if let Some(known) = EVENT_FIELDS.iter().find(|known| **known == name)
            && !self.fields.contains(known)
        {
            self.fields.push(known);
        }
    }
}

/// A pattern has to be there to be checked.
fn literal_pattern(node: Option<&IdedExpr>) -> Result<Arc<Regex>, ConditionError> {
    match node.map(|node| &node.expr) {
        Some(Expr::Literal(LiteralValue::String(text))) => pattern::compiled(text.inner()),
        _ => Err(ConditionError::Pattern(
            "it has to be a text in quotes, not computed".to_owned(),
        )),
    }
}
