//! `matches` of conditions. cel's own compiles its pattern at every call and lets it grow to megabytes: a rule that
//! asks it for each item of a list would hold up everybody's events. Here a pattern is compiled once, within a bound.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use cel::common::types::{CelBool, CelString};
use cel::{DeclarationError, Env, ExecutionError};
use regex::{Regex, RegexBuilder};

use super::ConditionError;

/// The function's name.
pub(super) const MATCHES: &str = "matches";
/// Bytes of a compiled pattern: a hundred alternatives of ten letters, or a few classes repeated.
const COMPILED_BYTES: usize = 64 * 1024;
/// Patterns kept; beyond, all are compiled anew. A namespace's rules have a few each.
const KEPT: usize = 4096;

static PATTERNS: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

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

/// The pattern, compiled the first time that it is asked for.
pub(super) fn compiled(pattern: &str) -> Result<Regex, ConditionError> {
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = patterns.get(pattern) {
        return Ok(known.clone());
    }
    let compiled = RegexBuilder::new(pattern)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(COMPILED_BYTES)
        .build()
        .map_err(|error| ConditionError::Pattern(error.to_string()))?;
    if patterns.len() >= KEPT {
        patterns.clear();
    }
    patterns.insert(pattern.to_owned(), compiled.clone());
    Ok(compiled)
}
