//! Expressions: CEL, compiled once, bounded statically, evaluated without a clock. Rules ask them of an event
//! ([`crate::rule::condition`]), sources' mappings of a body; which names they have and what an answer means is theirs.
//!
//! cel has no cost budget and recurses on the machine's stack, so the bounds are checked before: length, nesting, and
//! comprehensions within comprehensions.

mod bounds;
mod pattern;
mod value;

use std::sync::{Arc, LazyLock};

use cel::objects::Value as Answer;
use cel::{Context, Env, Program};

use bounds::{Seen, check_brackets};
use pattern::Pattern;

pub use value::Value;

/// Bytes of an expression.
pub const EXPRESSION_BYTES: usize = 1024;
/// How deep comprehensions (`all`, `exists`, `map`, `filter`) may nest: one runs over at most
/// [`LIST_ITEMS`] items, two would run over a million.
pub const COMPREHENSION_DEPTH: usize = 1;
/// How deep an expression may nest: 1,024 bytes cannot hold much more. What they hold at worst has been seen to take
/// 0.8 MiB of stack; tests hold that 2 MiB, the least that a thread of ours has, are enough.
pub const EXPRESSION_DEPTH: usize = 512;
/// How deep brackets may nest; the parser refuses 96 by itself.
const BRACKET_DEPTH: usize = 32;
/// Items of a list, and members of an object, that an expression sees; the rest is cut.
pub const LIST_ITEMS: usize = 1000;
/// Patterns of one expression.
pub const PATTERNS: usize = 8;

/// The functions that expressions have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Functions {
    /// Those of the CEL specification, except the clock's.
    Standard,
    /// Also those of its string extension: `split`, `join`, `lowerAscii`, `replace`, `substring`, `trim` …
    Texts,
}

impl Functions {
    /// All expressions with these functions share one environment.
    fn environment(self) -> &'static Arc<Env> {
        static STANDARD: LazyLock<Arc<Env>> =
            LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(true)));
        static TEXTS: LazyLock<Arc<Env>> = LazyLock::new(|| {
            let mut environment = Env::stdlib().with_optional_support(true);
            // Refused only where a name is taken; a test calls them.
            drop(environment.add_extension(cel::extensions::strings));
            Arc::new(environment)
        });
        match self {
            Self::Standard => &STANDARD,
            Self::Texts => &TEXTS,
        }
    }
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Longer than [`EXPRESSION_BYTES`].
    #[error("the expression has {0} bytes; at most {EXPRESSION_BYTES} are allowed: shorten it")]
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
    #[error("{0} nested deeper than {1}: flatten the expression")]
    TooDeep(&'static str, usize),
    /// A pattern of `matches` that is no literal, no regular expression, or too large.
    #[error("the pattern of matches(): {0}")]
    Pattern(String),
    /// More than [`PATTERNS`].
    #[error("more than {PATTERNS} patterns of matches(): join them by |")]
    TooManyPatterns,
    /// Names something that is not there.
    #[error("unknown name {0:?}")]
    UnknownName(String),
}

/// A compiled expression.
pub struct Expression {
    program: Program,
    functions: Functions,
    mentions: Vec<Mention>,
    path: Option<Vec<Step>>,
    patterns: Arc<[Pattern]>,
}

/// What an expression mentions: a name, with the fields behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// One of the names that the expression may use.
    pub name: &'static str,
    /// The fields that dots select, outermost first; none when the name stands by itself.
    pub fields: Vec<String>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A member of an object; as the first step, a name.
    Field(String),
    /// An element of a list, from 0.
    Index(usize),
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expression")
            .field("functions", &self.functions)
            .field("mentions", &self.mentions)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Expression {
    /// Checks the static bounds and compiles. The expression may use `names`, and what it binds itself.
    ///
    /// # Errors
    /// The first bound passed, or the parser's complaint with its place.
    pub fn compile(
        text: &str,
        names: &'static [&'static str],
        functions: Functions,
    ) -> Result<Self, ExpressionError> {
        if text.len() > EXPRESSION_BYTES {
            return Err(ExpressionError::TooLong(text.len()));
        }
        check_brackets(text)?;
        let environment = functions.environment();
        let program = environment.compile(text).map_err(|errors| {
            let first = errors.errors.into_iter().next();
            let (line, column) = first.as_ref().map_or((1, 1), |error| error.pos);
            ExpressionError::Syntax {
                line,
                column,
                message: first.map_or_else(String::new, |error| error.msg),
            }
        })?;
        let mut seen = Seen::of(names);
        seen.walk(program.expression(), 0, 0)?;
        let references = program.references();
        let mut unknown = references.variables();
        unknown.retain(|name| !names.contains(name) && !seen.bound.iter().any(|bound| bound == name));
        unknown.retain(|name| !name.starts_with('@') && environment.types().find_type(name).is_none());
        unknown.sort_unstable();
        if let Some(name) = unknown.first() {
            return Err(ExpressionError::UnknownName((*name).to_owned()));
        }
        Ok(Self {
            path: bounds::path(program.expression()),
            mentions: seen.mentions,
            patterns: seen.patterns.into(),
            functions,
            program,
        })
    }

    /// What it mentions, each once.
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// Its steps, when it is a path: a name, fields behind dots, and literals in brackets, such as
    /// `body.hosts[0].name`.
    pub fn path(&self) -> Option<&[Step]> {
        self.path.as_deref()
    }

    /// Evaluates over what is bound. Null for an optional value that is not there.
    ///
    /// # Errors
    /// A text that says why there is no answer: a missing key, a wrong type, a value that JSON does not have.
    pub fn evaluate(&self, scope: &mut Scope<'_>) -> Result<serde_json::Value, String> {
        value::json(self.answer(scope)?)
    }

    /// Evaluates over what is bound, to a value of CEL.
    ///
    /// # Errors
    /// A text that says why there is no answer.
    pub(crate) fn answer(&self, scope: &mut Scope<'_>) -> Result<Answer, String> {
        self.add_matches(scope)?;
        // Not `resolve_val`, which copies nothing: it is inlined into this crate, whose frames are not optimised in
        // debug builds, and recurses.
        self.program.execute(&scope.0).map_err(|error| error.to_string())
    }

    /// Gives `matches` this expression's patterns.
    fn add_matches(&self, scope: &mut Scope<'_>) -> Result<(), String> {
        if self.patterns.is_empty() {
            return Ok(());
        }
        pattern::add_to(&mut scope.0, &self.patterns).map_err(|error| error.to_string())
    }
}

/// Names with their values, for any number of evaluations of expressions with the same functions.
pub struct Scope<'v>(Context<'v, 'v>);

impl<'v> Scope<'v> {
    /// A scope without names.
    pub fn new(functions: Functions) -> Self {
        Self(Context::with_env(Arc::clone(functions.environment())))
    }

    /// Binds a name, anew if it is bound.
    pub fn bind(&mut self, name: &'static str, value: Value<'v>) {
        self.0.add_variable_as_val(name, value.into_inner());
    }
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
