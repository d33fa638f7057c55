//! The static bounds of an expression, and what it mentions, found by one walk over it.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use super::pattern::{self, Pattern};
use super::{BRACKET_DEPTH, COMPREHENSION_DEPTH, EXPRESSION_DEPTH, ExpressionError, Mention, PATTERNS, Step};

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

/// The steps of an expression that is a name with fields and literal indexes behind it, the name first.
pub(super) fn path(node: &IdedExpr) -> Option<Vec<Step>> {
    let (operand, step) = match &node.expr {
        Expr::Ident(name) => return Some(vec![Step::Field(name.clone())]),
        Expr::Select(select) if !select.test => (&*select.operand, Step::Field(select.field.clone())),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [operand, index] => (operand, literal_index(index)?),
            _ => return None,
        },
        _ => return None,
    };
    let mut steps = path(operand)?;
    steps.push(step);
    Some(steps)
}

fn literal_index(node: &IdedExpr) -> Option<Step> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(name)) => Some(Step::Field(name.inner().to_owned())),
        Expr::Literal(LiteralValue::Int(index)) => usize::try_from(*index.inner()).ok().map(Step::Index),
        _ => None,
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
        check_depth(depth)?;
        let deeper = depth + 1;
        let (mut operand, mut fields) = (node, Vec::new());
        while let Some((inner, field)) = selected(operand) {
            fields.push(field);
            operand = inner;
        }
        if !fields.is_empty() {
            fields.reverse();
            let below = depth + fields.len();
            return match &operand.expr {
                Expr::Ident(name) => {
                    self.mention(name, &fields);
                    check_depth(below)
                }
                _ => self.walk(operand, below, loops),
            };
        }
        match &node.expr {
            // A selection has been seen above.
            Expr::Select(_) | Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => {
                self.mention(name, &[]);
                Ok(())
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

    fn mention(&mut self, name: &str, fields: &[&str]) {
        let Some(name) = self.names.iter().find(|known| **known == name) else {
            return;
        };
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        let mention = Mention { name, fields };
        if !self.mentions.contains(&mention) {
            self.mentions.push(mention);
        }
    }
}

/// What a field is selected of, and its name: `operand.field`, `operand.?field`, or `has(operand.field)`.
fn selected(node: &IdedExpr) -> Option<(&IdedExpr, &str)> {
    match &node.expr {
        Expr::Select(select) => Some((&select.operand, &select.field)),
        Expr::Call(call) if call.func_name == operators::OPT_SELECT => match call.args.as_slice() {
            [operand, field] => match &field.expr {
                Expr::Literal(LiteralValue::String(name)) => Some((operand, name.inner())),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn check_depth(depth: usize) -> Result<(), ExpressionError> {
    if depth > EXPRESSION_DEPTH {
        return Err(ExpressionError::TooDeep("expressions are", EXPRESSION_DEPTH));
    }
    Ok(())
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
