//! Requirements on an event's labels, with the operators that Kubernetes users know, and `Regex`.

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::json::Labels;

/// How a label is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabelOperator {
    /// The value is one of `values`.
    In,
    /// The label is absent, or its value is none of `values`.
    NotIn,
    /// The label is there, whatever its value.
    Exists,
    /// The label is not there.
    DoesNotExist,
    /// The whole value matches one of the regular expressions in `values`.
    Regex,
}

/// One requirement as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelRequirement {
    /// The label's name.
    pub key: String,
    /// How it is asked.
    pub operator: LabelOperator,
    /// What it is asked for.
    pub values: Vec<String>,
}

/// Bytes of a compiled regular expression (64 KiB): bounds what one rule can make the correlator hold.
const COMPILED_BYTES: usize = 64 * 1024;

/// One requirement ready to be asked.
#[derive(Debug)]
pub struct LabelMatcher {
    key: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    Regex(Vec<Regex>),
}

impl LabelMatcher {
    /// Checks and compiles one requirement.
    ///
    /// # Errors
    /// A text that says what is wrong: values missing or not wanted, or no regular expression.
    pub fn compile(requirement: &LabelRequirement) -> Result<Self, String> {
        let values = requirement.values.clone();
        let wants_values = !matches!(
            requirement.operator,
            LabelOperator::Exists | LabelOperator::DoesNotExist
        );
        if wants_values == values.is_empty() {
            let need = if wants_values {
                "needs at least one value"
            } else {
                "takes no values"
            };
            return Err(format!("operator {:?} {need}", requirement.operator));
        }
        let test = match requirement.operator {
            LabelOperator::In => Test::In(values),
            LabelOperator::NotIn => Test::NotIn(values),
            LabelOperator::Exists => Test::Exists,
            LabelOperator::DoesNotExist => Test::DoesNotExist,
            LabelOperator::Regex => {
                Test::Regex(values.iter().map(|text| whole(text)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self {
            key: requirement.key.clone(),
            test,
        })
    }

    /// Whether `labels` meet the requirement.
    pub fn accepts(&self, labels: &Labels<'_>) -> bool {
        let value = labels.get(&self.key);
        match &self.test {
            Test::In(values) => value.is_some_and(|value| values.iter().any(|wanted| wanted == value)),
            Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|wanted| wanted != value)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
            Test::Regex(expressions) => {
                value.is_some_and(|value| expressions.iter().any(|expression| expression.is_match(value)))
            }
        }
    }
}

/// A regular expression over the whole value, as in Alertmanager's matchers.
fn whole(text: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(&format!("^(?:{text})$"))
        .size_limit(COMPILED_BYTES)
        .build()
        .map_err(|error| format!("{text:?} is no usable regular expression: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(operator: LabelOperator, values: &[&str], env: Option<&str>) -> bool {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        let matcher = LabelMatcher::compile(&LabelRequirement {
            key: "env".into(),
            operator,
            values,
        })
        .unwrap();
        matcher.accepts(&Labels::new(
            env.map(|env| ("env".into(), env.into())).into_iter().collect(),
        ))
    }

    #[test]
    fn each_operator_asks_what_its_name_says() {
        assert!(accepts(LabelOperator::In, &["prod", "dev"], Some("dev")));
        assert!(!accepts(LabelOperator::In, &["prod"], None));
        assert!(accepts(LabelOperator::NotIn, &["prod"], None));
        assert!(!accepts(LabelOperator::NotIn, &["prod"], Some("prod")));
        assert!(accepts(LabelOperator::Exists, &[], Some("")));
        assert!(accepts(LabelOperator::DoesNotExist, &[], None));
    }

    #[test]
    fn a_regular_expression_must_match_the_whole_value() {
        assert!(accepts(LabelOperator::Regex, &["prod-.*"], Some("prod-eu")));
        assert!(!accepts(LabelOperator::Regex, &["prod"], Some("prod-eu")));
    }

    #[test]
    fn an_unusable_requirement_says_why() {
        let bad = |operator, values: &[&str]| {
            let values = values.iter().map(|&value| value.to_owned()).collect();
            LabelMatcher::compile(&LabelRequirement {
                key: "env".into(),
                operator,
                values,
            })
            .unwrap_err()
        };
        assert!(bad(LabelOperator::In, &[]).contains("at least one value"));
        assert!(bad(LabelOperator::Exists, &["x"]).contains("takes no values"));
        assert!(bad(LabelOperator::Regex, &["("]).contains("regular expression"));
    }
}
