//! Conditions: expressions over `event`, with its fields as their names.

mod values;

use cel::objects::Value as Answer;

use crate::event::Event;
use crate::expression::{EXPRESSION_BYTES, Expression, ExpressionError, Functions, PATTERNS, Scope, Value};

/// Bytes of a condition.
pub const CONDITION_BYTES: usize = EXPRESSION_BYTES;

/// The one name that a condition sees.
const NAMES: &[&str] = &["event"];

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

impl From<ExpressionError> for ConditionError {
    fn from(error: ExpressionError) -> Self {
        match error {
            ExpressionError::TooLong(bytes) => Self::TooLong(bytes),
            ExpressionError::Syntax {
                line,
                column,
                message,
            } => Self::Syntax {
                line,
                column,
                message,
            },
            ExpressionError::TooDeep(what, depth) => Self::TooDeep(what, depth),
            ExpressionError::Pattern(problem) => Self::Pattern(problem),
            ExpressionError::TooManyPatterns => {
                Self::Pattern(format!("more than {PATTERNS} in one condition; join them by |"))
            }
            ExpressionError::UnknownName(name) => Self::UnknownName(name),
        }
    }
}

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    expression: Expression,
    fields: Fields,
}

/// Which fields of the event a condition names; only these are bound.
#[derive(Debug)]
enum Fields {
    /// `event` appears by itself: everything.
    All,
    Named(Vec<&'static str>),
}

impl Fields {
    fn of(expression: &Expression) -> Self {
        let known = |name: &str| EVENT_FIELDS.iter().copied().find(|known| *known == name);
        let mentions = expression.mentions().iter();
        let fields: Option<Vec<&str>> = mentions
            .map(|mention| mention.fields.first().map(String::as_str))
            .collect();
        fields.map_or(Self::All, |fields| {
            let mut named: Vec<_> = fields.into_iter().filter_map(known).collect();
            named.sort_unstable();
            named.dedup();
            Self::Named(named)
        })
    }
}

const EVENT_FIELDS: [&str; 22] = [
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
    "dimensions",
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
        let expression = Expression::compile(text, NAMES, Functions::Standard)?;
        let fields = Fields::of(&expression);
        Ok(Self { expression, fields })
    }

    /// Evaluates over `event`.
    ///
    /// # Errors
    /// A text that says why there is no answer: a missing key, a wrong type, a result that is not a bool.
    pub fn holds(&self, event: &Event<'_>) -> Result<bool, String> {
        let names: &[&'static str] = match &self.fields {
            Fields::All => &EVENT_FIELDS,
            Fields::Named(names) => names,
        };
        let fields = names
            .iter()
            .filter_map(|name| Some((*name, values::field(event, name)?)));
        let mut scope = Scope::new(Functions::Standard);
        scope.bind("event", Value::object(fields));
        match self.expression.answer(&mut scope)? {
            Answer::Bool(holds) => Ok(holds),
            other => Err(format!(
                "the condition gave {:?}, not true or false",
                other.type_of()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dimensions::Dimensions;

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
    fn a_condition_sees_dimensions() {
        let event = |title: &'static str| {
            let mut event = Event {
                title: title.into(),
                ..Event::default()
            };
            event.dimensions = Dimensions::of(&event);
            event
        };
        let stated = event("Act immediately: $120 for db-1.example.com in 123456789012 by 2024-12-20, 97.5%");
        for condition in [
            "event.dimensions.urgency == 'Immediate'",
            "has(event.dimensions.urgency) && event.dimensions.urgency in ['Soon', 'Immediate']",
            "event.dimensions.accounts.exists(a, a == '123456789012')",
            "event.dimensions.hosts.exists(h, h.endsWith('.example.com'))",
            "event.dimensions.amounts.exists(a, a.unit == 'USD' && a.value > 100)",
            "event.dimensions.amounts.exists(a, a.unit == 'USD' && a.value > 100.0)",
            "event.dimensions.amounts.exists(a, a.unit == 'USD' && a.value == 120)",
            "event.dimensions.amounts.exists(a, a.unit == '%' && a.value > 97)",
            "event.dimensions.amounts.exists(a, a.value + 1.0 == 121.0)",
            "has(event.dimensions.urgency) && event.dimensions.urgency == 'Immediate' \
             || event.dimensions.amounts.exists(a, a.unit == 'USD' && a.value > 1000)",
            "event.dimensions.dates.exists(d, d < '2025-01-01')",
            "size(event.dimensions.dates) == 1",
            "event.dimensions.?urgency.orValue('') == 'Immediate'",
        ] {
            assert_eq!(
                Condition::compile(condition).unwrap().holds(&stated),
                Ok(true),
                "{condition}"
            );
        }
        let silent = event("Something happened");
        assert_eq!(silent.dimensions, None);
        for condition in [
            "has(event.dimensions.urgency)",
            "event.dimensions.accounts.exists(a, a == '123456789012')",
            "event.dimensions.amounts.exists(a, a.value > 0)",
            "event.dimensions.hosts.size() > 0 || event.dimensions.dates.size() > 0",
        ] {
            assert_eq!(
                Condition::compile(condition).unwrap().holds(&silent),
                Ok(false),
                "{condition}"
            );
        }
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
        let many = ["event.type.matches('a')"; PATTERNS + 1].join("||");
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
