//! Conditions: CEL over `event`, compiled once, bounded statically, evaluated without a clock.
//!
//! cel has no cost budget and recurses on the machine's stack, so the bounds are checked before: length, and
//! comprehensions within comprehensions. `step` runs on a thread with a deep stack.

mod bounds;
mod pattern;
mod values;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use cel::objects::{Key, Map, Value};
use cel::{Context, Env, Program};
use regex::Regex;

use crate::event::Event;
use bounds::{Seen, check_brackets};

/// Bytes of a condition.
pub const CONDITION_BYTES: usize = 1024;
/// How deep comprehensions (`all`, `exists`, `map`, `filter`) may nest: one runs over at most
/// [`LIST_ITEMS`] items, two would run over a million.
pub const COMPREHENSION_DEPTH: usize = 1;
/// How deep an expression may nest: what the parser and evaluator have been seen to take on 32 MiB of stack,
/// with a wide margin. 1,024 bytes cannot hold much more.
pub const EXPRESSION_DEPTH: usize = 512;
/// How deep brackets may nest; the parser refuses 96 by itself.
const BRACKET_DEPTH: usize = 32;
/// Items of a list, and members of an object, that a condition sees; the rest is cut.
pub const LIST_ITEMS: usize = 1000;

/// All evaluations share one environment: the standard functions, no clock.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib().with_optional_support(true);
    // The names are free, as a test holds.
    let added = pattern::add_to(&mut environment);
    debug_assert_eq!(added, Ok(()));
    Arc::new(environment)
});

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
    /// A pattern of `matches` that is no literal, no regular expression, or too large.
    #[error("the pattern of matches(): {0}")]
    Pattern(String),
    /// Names something that is not there.
    #[error("unknown name {0:?}: a condition sees `event` (such as event.data.cpu_usage, event.labels.env)")]
    UnknownName(String),
}

/// A compiled condition.
pub struct Condition {
    program: Program,
    fields: Fields,
    /// Kept so that `matches` finds them.
    _patterns: Vec<Arc<Regex>>,
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
        Ok(Self {
            program,
            fields,
            _patterns: seen.patterns,
        })
    }

    /// Evaluates over `event`.
    ///
    /// # Errors
    /// A text that says why there is no answer: a missing key, a wrong type, a result that is not a bool.
    pub fn holds(&self, event: &Event<'_>) -> Result<bool, String> {
        let mut fields: HashMap<Key, Value> = HashMap::new();
        let names: &[&'static str] = match &self.fields {
            Fields::All => &EVENT_FIELDS,
            Fields::Named(names) => names,
        };
        for name in names {
            if let Some(value) = values::field(event, name) {
                fields.insert(Key::String(Arc::new((*name).to_owned())), value);
            }
        }
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.add_variable_from_value(
            "event",
            Value::Map(Map {
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

    #[test]
    fn a_pattern_is_a_literal_within_bounds() {
        assert_eq!(holds("event.type.matches('^c.u$')", "{}"), Ok(true));
        assert_eq!(holds("matches(event.type, '^d')", "{}"), Ok(false));
        let names = r#"{"xs":["web-1","db-1"]}"#;
        assert_eq!(
            holds("event.data.xs.exists(x, x.matches('^db-[0-9]+$'))", names),
            Ok(true)
        );
        assert_eq!(holds(r"event.type.matches(r'^\w+-\w+-\d+$')", "{}"), Ok(false));
        let many = ["event.type.matches('a')"; pattern::PATTERNS + 1].join("||");
        assert!(matches!(
            Condition::compile(&many),
            Err(ConditionError::Pattern(_))
        ));
        for (condition, said) in [
            ("event.type.matches('(')", "\"(\": unclosed group"),
            ("event.type.matches('(a{500}){500}')", "too large; repeat less"),
            ("event.type.matches(event.service)", "in quotes"),
            ("event.type.matches('a' + 'b')", "in quotes"),
        ] {
            let error = Condition::compile(condition).unwrap_err().to_string();
            assert!(
                error.starts_with("the pattern of matches(): ") && error.contains(said),
                "{error}"
            );
        }
    }
}
