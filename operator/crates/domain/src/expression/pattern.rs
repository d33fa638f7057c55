//! `matches` of expressions. cel's own compiles its pattern at every call and lets it grow to megabytes: a rule that
//! asks it for each item of a list would hold up everybody's events. Here a pattern is compiled once, with its
//! expression and within a bound.

use std::sync::Arc;

use cel::common::types::CelString;
use cel::common::value::Val;
use cel::objects::Value;
use cel::{Context, DeclarationError, ExecutionError, FunctionContext};
use regex::{Regex, RegexBuilder};

use super::ExpressionError;
use crate::event::clip;

/// The function's name.
pub(super) const MATCHES: &str = "matches";
/// Bytes of a compiled pattern, 1 MiB: twenty `\w`, which Unicode makes the largest class. Matching stays linear.
const COMPILED_BYTES: usize = 1024 * 1024;
/// Bytes of a pattern that a message shows.
const SHOWN_BYTES: usize = 60;

/// A pattern as written, and compiled.
pub(super) struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    pub(super) fn compile(text: &str) -> Result<Self, ExpressionError> {
        let built = RegexBuilder::new(text)
            .size_limit(COMPILED_BYTES)
            .dfa_size_limit(COMPILED_BYTES)
            .build();
        Ok(Self {
            regex: built.map_err(|error| refused(text, &error))?,
            text: text.to_owned(),
        })
    }
}

/// Teaches a context the function, as member and by itself, with the patterns of one expression; in place of those that
/// it has.
pub(super) fn add_to(
    context: &mut Context<'_, '_>,
    patterns: &Arc<[Pattern]>,
) -> Result<(), DeclarationError> {
    let patterns = Arc::clone(patterns);
    let function = move |call: &FunctionContext<'_, '_>| -> Result<Value, ExecutionError> {
        let arguments: Vec<&dyn Val> = call.this.iter().chain(&call.args).map(AsRef::as_ref).collect();
        let texts = match *arguments.as_slice() {
            [text, pattern] => text.downcast_ref::<CelString>().zip(pattern.downcast_ref()),
            _ => None,
        };
        let (text, pattern): (_, &CelString<'_>) = texts.ok_or_else(|| no_overload(call, &arguments))?;
        // All patterns are literals, so that each is among those of its expression.
        let known = patterns.iter().find(|known| known.text == pattern.inner());
        let known = known.ok_or_else(|| call.error("its pattern is not compiled"))?;
        Ok(Value::Bool(known.regex.is_match(text.inner())))
    };
    // Refused only where the name is taken, which it is not without cel's own `regex` feature.
    context.add_function(MATCHES, function)
}

/// What cel says of arguments that no function takes.
fn no_overload(call: &FunctionContext<'_, '_>, arguments: &[&dyn Val]) -> ExecutionError {
    let types = arguments
        .iter()
        .map(|argument| argument.get_type().name().to_owned())
        .collect();
    if call.this.is_some() {
        ExecutionError::no_such_member_overload(MATCHES, types)
    } else {
        ExecutionError::no_such_overload(MATCHES, types)
    }
}

/// What is wrong in one line; the library draws the place over several.
fn refused(pattern: &str, error: &regex::Error) -> ExpressionError {
    let why = match error {
        regex::Error::CompiledTooBig(_) => {
            "too large; repeat less, and write [a-z0-9] instead of \\w where that does".to_owned()
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    };
    ExpressionError::Pattern(format!("{:?}: {why}", clip(pattern, SHOWN_BYTES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_word_characters_are_within_the_bound() {
        assert!(Pattern::compile(&r"\w".repeat(20)).is_ok());
        assert!(Pattern::compile(&r"\w".repeat(60)).is_err());
    }
}
