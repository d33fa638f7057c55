//! An error and its causes on one line.
//!
//! Log fields take a `Display`, and most libraries leave the cause to `source()`: without this a refused
//! connection would be logged as `client error (Connect)`.

use std::error::Error;
use std::fmt;

/// Displays an error followed by its causes, as `what: why: why`.
///
/// A cause whose text its parent already ends with is not repeated.
#[derive(Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        f.write_str(&text)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                write!(f, ": {cause_text}")?;
            }
            text = cause_text;
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Sample {
        #[error("request failed")]
        Opaque(#[source] std::io::Error),
        #[error("request failed: {0}")]
        Telling(#[source] std::io::Error),
    }

    #[test]
    fn causes_follow_and_are_not_repeated() {
        let refused = || std::io::Error::other("refused");
        assert_eq!(
            Chain(&Sample::Opaque(refused())).to_string(),
            "request failed: refused"
        );
        assert_eq!(
            Chain(&Sample::Telling(refused())).to_string(),
            "request failed: refused"
        );
    }
}
