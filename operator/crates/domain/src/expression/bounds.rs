//! The static bounds of an expression, and what it mentions, found by one walk over it.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use super::pattern::{self, Pattern};
use super::{BRACKET_DEPTH, COMPREHENSION_DEPTH, EXPRESSION_DEPTH, ExpressionError, Mention, PATTERNS};

/// Refuses nesting before the parser recurses into it.
pub(super) fn check_brackets(text: &str) -> Result<(), ExpressionError> {
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > BRACKET_DEPTH {
            return Err(ExpressionError::TooDeep("brackets are", BRACKET_DEPTH));
        }
    }
    Ok(())
}

/// Whether an expression is a name with fields and literal indexes behind it.
pub(super) fn is_path(node: &IdedExpr) -> bool {
    match &node.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => !select.test && is_path(&select.operand),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [operand, index] => matches!(index.expr, Expr::Literal(_)) && is_path(operand),
            _ => false,
        },
        _ => false,
    }
}

/// What a walk over the expression finds.
pub(super) struct Seen {
    names: &'static [&'static str],
    /// The names that it uses, with the fields selected of them.
    pub(super) mentions: Vec<Mention>,
    /// The patterns of `matches`.
    pub(super) patterns: Vec<Pattern>,
    /// Names that comprehensions bind.
    pub(super) bound: Vec<String>,
}

impl Seen {
    /// Nothing yet, of an expression that may use `names`.
    pub(super) const fn of(names: &'static [&'static str]) -> Self {
        Self {
            names,
            mentions: Vec::new(),
            patterns: Vec::new(),
            bound: Vec::new(),
        }
    }

    pub(super) fn walk(
        &mut self,
        node: &IdedExpr,
        depth: usize,
        loops: usize,
    ) -> Result<(), ExpressionError> {
        if depth > EXPRESSION_DEPTH {
            return Err(ExpressionError::TooDeep("expressions are", EXPRESSION_DEPTH));
        }
        let deeper = depth + 1;
        match &node.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => {
                self.mention(name, None);
                Ok(())
            }
            Expr::Select(select) => {
                if let Expr::Ident(name) = &select.operand.expr {
                    self.mention(name, Some(&select.field));
                    return Ok(());
                }
                self.walk(&select.operand, deeper, loops)
            }
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
                    return Err(ExpressionError::TooDeep(
                        "comprehensions are",
                        COMPREHENSION_DEPTH,
                    ));
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

    fn entry(&mut self, entry: &EntryExpr, depth: usize, loops: usize) -> Result<(), ExpressionError> {
        match entry {
            EntryExpr::StructField(field) => self.walk(&field.value, depth, loops),
            EntryExpr::MapEntry(entry) => {
                self.walk(&entry.key, depth, loops)?;
                self.walk(&entry.value, depth, loops)
            }
        }
    }

    fn keep(&mut self, pattern: Pattern) -> Result<(), ExpressionError> {
        self.patterns.push(pattern);
        if self.patterns.len() > PATTERNS {
            return Err(ExpressionError::TooManyPatterns);
        }
        Ok(())
    }

    fn mention(&mut self, name: &str, field: Option<&str>) {
        let Some(name) = self.names.iter().find(|known| **known == name) else {
            return;
        };
        let field = field.map(ToOwned::to_owned);
        let mention = Mention { name, field };
        if !self.mentions.contains(&mention) {
            self.mentions.push(mention);
        }
    }
}

/// A pattern has to be there to be checked.
fn literal_pattern(node: Option<&IdedExpr>) -> Result<Pattern, ExpressionError> {
    match node.map(|node| &node.expr) {
        Some(Expr::Literal(LiteralValue::String(text))) => Pattern::compile(text.inner()),
        _ => Err(ExpressionError::Pattern(
            "it has to be a text in quotes, not computed".to_owned(),
        )),
    }
}
