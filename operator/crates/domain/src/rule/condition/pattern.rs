//! `matches` of conditions. cel's own compiles its pattern at every call and lets it grow to megabytes: a rule that
//! asks it for each item of a list would hold up everybody's events. Here a pattern is compiled once, within a bound.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use cel::common::types::{CelBool, CelString};
use cel::{DeclarationError, Env, ExecutionError};
use regex::{Regex, RegexBuilder};

use super::ConditionError;
use crate::event::clip;

/// The function's name.
pub(super) const MATCHES: &str = "matches";
/// Bytes of a compiled pattern, 1 MiB: twenty `\w`, which Unicode makes the largest class. Matching stays linear.
const COMPILED_BYTES: usize = 1024 * 1024;
/// Patterns of one condition.
pub(super) const PATTERNS: usize = 8;
/// Bytes of a pattern that a message shows.
const SHOWN_BYTES: usize = 60;

/// The patterns of all conditions there are. A condition keeps its own, so none is ever compiled while an event waits.
static COMPILED: LazyLock<Mutex<HashMap<String, Weak<Regex>>>> = LazyLock::new(Mutex::default);

/// Teaches an environment the function, as member and by itself.
pub(super) fn add_to(environment: &mut Env) -> Result<(), DeclarationError> {
    cel::add_member_overload!(environment, fn matches: (CelString, CelString) -> Result<CelBool>)?;
    cel::add_overload!(environment, fn matches: (CelString, CelString) -> Result<CelBool>, id = "matches")
}

fn matches(text: &CelString<'_>, pattern: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    let compiled = compiled(pattern.inner())
        .map_err(|error| ExecutionError::function_error(MATCHES, error.to_string()))?;
    Ok(CelBool::from(compiled.is_match(text.inner())))
}

/// The pattern; compiled unless some condition keeps it.
pub(super) fn compiled(pattern: &str) -> Result<Arc<Regex>, ConditionError> {
    let mut known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = known.get(pattern).and_then(Weak::upgrade) {
        return Ok(kept);
    }
    let built = RegexBuilder::new(pattern)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .build();
    let built = Arc::new(built.map_err(|error| refused(pattern, &error))?);
    known.retain(|_, kept| kept.strong_count() > 0);
    known.insert(pattern.to_owned(), Arc::downgrade(&built));
    Ok(built)
}

/// What is wrong in one line; the library draws the place over several.
fn refused(pattern: &str, error: &regex::Error) -> ConditionError {
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
    ConditionError::Pattern(format!("{:?}: {why}", clip(pattern, SHOWN_BYTES)))
}
