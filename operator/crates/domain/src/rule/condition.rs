//! Conditions: CEL over `event`, compiled once, bounded statically, evaluated without a clock.
//!
//! cel has no cost budget and recurses on the machine's stack, so the bounds are checked before: length, and
//! comprehensions within comprehensions. `step` runs on a thread with a deep stack.

use std::sync::{Arc, LazyLock};

use cel::common::ast::{Expr, IdedExpr};
use cel::objects::{Key, Value};
use cel::{Context, Env, Program};
use serde_json::Value as Json;

use crate::event::Event;

/// Bytes of a condition.
pub const CONDITION_BYTES: usize = 1024;
/// How deep comprehensions (`all`, `exists`, `map`, `filter`) may nest: one runs over at most
/// [`LIST_ITEMS`] items, two would run over a million.
pub const COMPREHENSION_DEPTH: usize = 1;
/// How deep an expression may nest: what the parser and evaluator have been seen to take on 32 MiB of stack,
/// with a wide margin. 1,024 bytes cannot hold much more.
pub const EXPRESSION_DEPTH: usize = 512;
/// Items of a list that a condition sees; the rest is cut.
pub const LIST_ITEMS: usize = 1000;

/// All evaluations share one environment: the standard functions, no clock.
static ENVIRONMENT: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(true)));

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// Longer than [`CONDITION_BYTES`].
    #[error(
        "the condition has {0} bytes; at most {CONDITION_BYTES} are allowed: split the rule, or match on fields"
    )]
    TooLong(usize),
    /// Not CEL.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// From 1.
        line: isize,
        /// From 1.
        column: isize,
        /// The parser's words.
        message: String,
    },
    /// Comprehensions in comprehensions, or nesting beyond the bound.
    #[error("{0} nested deeper than {1}: flatten the condition")]
    TooDeep(&'static str, usize),
    /// Names something that is not there.
    #[error("unknown name {0:?}: a condition sees `event` (such as event.data.cpu_usage, event.labels.env)")]
    UnknownName(String),
}

/// A compiled condition.
pub struct Condition {
    program: Program,
    fields: Fields,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Condition")
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

/// Which fields of the event a condition names; only these are bound.
#[derive(Debug)]
enum Fields {
    /// `event` appears by itself: everything.
    All,
    Named(Vec<&'static str>),
}

const EVENT_FIELDS: [&str; 21] = [
    "type",
    "severity",
    "state",
    "title",
    "description",
    "resource",
    "resources",
    "service",
    "host",
    "team",
    "environment",
    "account",
    "region",
    "labels",
    "tags",
    "data",
    "source",
    "namespace",
    "fingerprint",
    "occurredAt",
    "receivedAt",
];

impl Condition {
    /// Checks the static bounds and compiles.
    ///
    /// # Errors
    /// The first bound passed, or the parser's complaint with its place.
    pub fn compile(text: &str) -> Result<Self, ConditionError> {
        if text.len() > CONDITION_BYTES {
            return Err(ConditionError::TooLong(text.len()));
        }
        check_brackets(text)?;
        let program = ENVIRONMENT.compile(text).map_err(|errors| {
            let first = errors.errors.into_iter().next();
            let (line, column) = first.as_ref().map_or((1, 1), |error| error.pos);
            ConditionError::Syntax {
                line,
                column,
                message: first.map_or_else(String::new, |error| error.msg),
            }
        })?;
        let mut seen = Seen::default();
        seen.walk(program.expression(), 0, 0)?;
        let known = ["event"];
        let references = program.references();
        let mut unknown = references.variables();
        unknown.retain(|name| !known.contains(name) && !seen.bound.iter().any(|bound| bound == name));
        unknown.retain(|name| !name.starts_with('@') && ENVIRONMENT.types().find_type(name).is_none());
        unknown.sort_unstable();
        if let Some(name) = unknown.first() {
            return Err(ConditionError::UnknownName((*name).to_owned()));
        }
        let fields = if seen.whole_event {
            Fields::All
        } else {
            Fields::Named(seen.fields)
        };
        Ok(Self { program, fields })
    }

    /// Evaluates over `event`.
    ///
    /// # Errors
    /// A text that says why there is no answer: a missing key, a wrong type, a result that is not a bool.
    pub fn holds(&self, event: &Event<'_>) -> Result<bool, String> {
        let mut fields: std::collections::HashMap<Key, Value> = std::collections::HashMap::new();
        let names: &[&'static str] = match &self.fields {
            Fields::All => &EVENT_FIELDS,
            Fields::Named(names) => names,
        };
        for name in names {
            if let Some(value) = field(event, name) {
                fields.insert(Key::String(Arc::new((*name).to_owned())), value);
            }
        }
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.add_variable_from_value(
            "event",
            Value::Map(cel::objects::Map {
                map: Arc::new(fields),
            }),
        );
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!(
                "the condition gave {:?}, not true or false",
                other.type_of()
            )),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Refuses nesting before the parser recurses into it.
fn check_brackets(text: &str) -> Result<(), ConditionError> {
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

/// How deep brackets may nest; the parser refuses 96 by itself.
const BRACKET_DEPTH: usize = 32;

/// What a walk over the expression finds.
#[derive(Default)]
struct Seen {
    whole_event: bool,
    fields: Vec<&'static str>,
    bound: Vec<String>,
}

impl Seen {
    fn walk(&mut self, node: &IdedExpr, depth: usize, loops: usize) -> Result<(), ConditionError> {
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

    fn entry(
        &mut self,
        entry: &cel::common::ast::EntryExpr,
        depth: usize,
        loops: usize,
    ) -> Result<(), ConditionError> {
        match entry {
            cel::common::ast::EntryExpr::StructField(field) => self.walk(&field.value, depth, loops),
            cel::common::ast::EntryExpr::MapEntry(entry) => {
                self.walk(&entry.key, depth, loops)?;
                self.walk(&entry.value, depth, loops)
            }
        }
    }

    fn name_field(&mut self, name: &str) {
        if let Some(known) = EVENT_FIELDS.iter().find(|known| **known == name)
            && !self.fields.contains(known)
        {
            self.fields.push(known);
        }
    }
}

/// One field of the event as a CEL value; `None` when the event lacks it, so that `has()` is false.
fn field(event: &Event<'_>, name: &str) -> Option<Value> {
    let text = |text: &str| (!text.is_empty()).then(|| string(text));
    let list = |texts: &crate::json::Strings<'_>| {
        let items = texts
            .0
            .iter()
            .take(LIST_ITEMS)
            .map(|text| string(text))
            .collect::<Vec<_>>();
        (!items.is_empty()).then(|| Value::List(Arc::new(items)))
    };
    match name {
        "labels" => Some(map(event
            .labels
            .iter()
            .map(|(name, value)| (name, string(value))))),
        "resources" => list(&event.resources),
        "tags" => list(&event.tags),
        "data" => event
            .data
            .as_ref()
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .map(value),
        "source" => Some(map([
            ("name", string(&event.source.name)),
            ("format", string(&event.source.format)),
            ("reported", string(&event.source.reported)),
        ])),
        "state" => Some(string(match event.state {
            crate::event::EventState::Firing => "Firing",
            crate::event::EventState::Resolved => "Resolved",
            crate::event::EventState::Info => "Info",
        })),
        "description" => text(&event.description),
        "namespace" => text(&event.namespace),
        "fingerprint" => text(&event.fingerprint.to_string()),
        "occurredAt" => text(&event.occurred_at.to_string()),
        "receivedAt" => text(&event.received_at.to_string()),
        _ => event.field(name).and_then(text),
    }
}

fn string(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let entries = entries
        .into_iter()
        .map(|(name, value)| (Key::String(Arc::new(name.to_owned())), value));
    Value::Map(cel::objects::Map {
        map: Arc::new(entries.collect()),
    })
}

/// JSON as CEL. Whole numbers become `int`, so that `event.data.n + 1` works: cel's own conversion makes
/// `uint` of them, which does not add to a literal.
fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(yes),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(Arc::new(text)),
        Json::Array(items) => Value::List(Arc::new(items.into_iter().take(LIST_ITEMS).map(value).collect())),
        Json::Object(entries) => Value::Map(cel::objects::Map {
            map: Arc::new(
                entries
                    .into_iter()
                    .map(|(name, json)| (Key::String(Arc::new(name)), value(json)))
                    .collect(),
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, data: &str) -> Result<bool, String> {
        let raw: Box<serde_json::value::RawValue> = serde_json::from_str(data).unwrap();
        let event = Event {
            kind: "cpu".into(),
            data: Some(crate::json::RawJson::borrowed(&raw)),
            ..Event::default()
        };
        Condition::compile(text).unwrap().holds(&event)
    }

    #[test]
    fn a_condition_sees_fields_and_data() {
        assert_eq!(
            holds(
                "event.type == 'cpu' && event.data.cpu_usage > 90",
                r#"{"cpu_usage":97.5}"#
            ),
            Ok(true)
        );
        assert_eq!(holds("event.data.n + 1 == 5", r#"{"n":4}"#), Ok(true));
        assert_eq!(holds("has(event.data.absent)", "{}"), Ok(false));
        assert_eq!(holds("has(event.service)", "{}"), Ok(false));
        assert_eq!(
            holds("event.data.xs.exists(x, x == 3)", r#"{"xs":[1,3]}"#),
            Ok(true)
        );
    }

    #[test]
    fn a_missing_key_and_a_number_as_result_are_errors() {
        assert!(
            holds("event.data.absent > 1", "{}")
                .unwrap_err()
                .contains("absent")
        );
        assert!(holds("1 + 1", "{}").unwrap_err().contains("not true or false"));
    }

    #[test]
    fn bounds_are_checked_before_anything_runs() {
        assert!(matches!(
            Condition::compile(&"1+".repeat(600)),
            Err(ConditionError::TooLong(_))
        ));
        assert!(matches!(
            Condition::compile(&"(".repeat(100)),
            Err(ConditionError::TooDeep(..))
        ));
        let nested = "[1].all(a, [1].all(b, a == b))";
        assert!(matches!(
            Condition::compile(nested),
            Err(ConditionError::TooDeep(..))
        ));
        assert!(
            matches!(Condition::compile("evnt.type == 'x'"), Err(ConditionError::UnknownName(name)) if name == "evnt")
        );
        assert!(matches!(
            Condition::compile("event.type =="),
            Err(ConditionError::Syntax { .. })
        ));
    }
}
