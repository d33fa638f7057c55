//! Waiting for a fact with a deadline. Tests never sleep to let something happen: they ask until it is so.
//!
//! Knows nothing of servers; what is asked comes from the caller.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

/// First pause between two questions; a server that is ready at once costs no more than this.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Longest pause: a tenth of a second late is not noticed, and ten questions a second do not disturb two cores.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The answer to one question of [`until`].
#[derive(Debug)]
pub enum Answer<T> {
    /// It is so.
    Yes(T),
    /// Not yet; why, for the error at the deadline.
    NotYet(String),
    /// It will never be so; waiting ends at once.
    Never(String),
}

impl<T, E: Display> From<std::result::Result<T, E>> for Answer<T> {
    fn from(result: std::result::Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Yes(value),
            Err(error) => Self::NotYet(error.to_string()),
        }
    }
}

/// Asks `question` until it says yes, with growing pauses, for at most `within`.
///
/// A `Result` is an answer too: `Err` is "not yet". The error names `what`, the time and the last answer. A single
/// question that hangs is cut off at the deadline.
pub async fn until<T, A, F, Q>(what: &str, within: Duration, mut question: Q) -> Result<T>
where
    A: Into<Answer<T>>,
    F: Future<Output = A>,
    Q: FnMut() -> F,
{
    let deadline = Instant::now() + within;
    let mut pause = FIRST_PAUSE;
    let mut last = String::from("no answer at all");
    loop {
        match tokio::time::timeout_at(deadline, question())
            .await
            .map(Into::into)
        {
            Ok(Answer::Yes(value)) => return Ok(value),
            Ok(Answer::NotYet(reason)) => last = reason,
            Ok(Answer::Never(reason)) => bail!("waiting for {what}: {reason}"),
            Err(_) => bail!("waiting for {what}: not within {within:?}; last answer: {last}"),
        }
        if Instant::now() + pause >= deadline {
            bail!("waiting for {what}: not within {within:?}; last answer: {last}");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn deadline_error_names_the_wait_and_the_last_answer() {
        let error = until("a miracle", Duration::from_millis(20), || async {
            Err::<(), _>("still no")
        })
        .await
        .expect_err("never true");
        assert!(
            error.to_string().contains("a miracle") && error.to_string().contains("still no"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn never_ends_the_wait_before_the_deadline() {
        let begun = Instant::now();
        let error = until("it", Duration::from_mins(1), || async {
            Answer::<()>::Never("dead".into())
        })
        .await
        .expect_err("never");
        assert!(
            error.to_string().contains("dead") && begun.elapsed() < Duration::from_secs(5),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_hanging_question_is_cut_off() {
        let within = Duration::from_millis(20);
        let hang = || async { futures::future::pending::<std::result::Result<(), String>>().await };
        assert!(until("it", within, hang).await.is_err());
    }
}
