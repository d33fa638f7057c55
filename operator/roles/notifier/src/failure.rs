//! Why something was not told, in words that say what to do, and when to try again.

use std::time::Duration;

use bus::tasks::Failure;
use domain::notify::text::line;
use domain::task::{Problem, Retry};
use platform::Chain;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

/// Characters of an answer that are shown.
const ANSWER: usize = 200;

/// A failure of this category that may pass by itself or be mended.
pub(crate) fn later(category: &str, message: &str) -> Failure {
    Failure {
        problem: Problem::new(category, message),
        retry: Retry::Later,
    }
}

/// A failure that another attempt would meet again.
pub(crate) fn never(category: &str, message: &str) -> Failure {
    Failure {
        problem: Problem::new(category, message),
        retry: Retry::Never,
    }
}

/// No answer came. Whether the request was taken nobody knows, unless no connection was made.
pub(crate) fn unanswered(whom: &str, error: &reqwest::Error) -> Failure {
    // The address may hold a secret.
    let category = if error.is_timeout() {
        "Timeout"
    } else {
        "Unreachable"
    };
    later(category, &format!("{whom}: {}", reasons(error)))
}

/// Why, without the address, which reqwest puts into the outermost of its errors.
fn reasons(error: &reqwest::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => Chain(cause).to_string(),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None => "no answer".to_owned(),
    }
}

/// An answer's text, up to so many bytes; the rest is not read.
pub(crate) async fn text(mut response: Response, most: usize) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    while bytes.len() < most
        && let Some(chunk) = response.chunk().await?
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(most);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An answer that is no success.
pub(crate) fn refused(whom: &str, status: StatusCode, headers: &HeaderMap, body: &str) -> Failure {
    let answer: String = line(body).chars().take(ANSWER).collect();
    let colon = if answer.is_empty() { "" } else { ": " };
    let message = format!("{whom} answered {status}{colon}{answer}");
    let category = match status.as_u16() {
        401 | 403 => "Unauthorized",
        404 | 410 => "NotFound",
        429 => "RateLimited",
        500..=599 => "Unavailable",
        _ => "Refused",
    };
    let retry = match retry_after(headers) {
        Some(asked) if matches!(status.as_u16(), 429 | 503) => Retry::After(asked),
        _ => Retry::Later,
    };
    Failure {
        problem: Problem::new(category, &message),
        retry,
    }
}

/// `Retry-After` in seconds; a date there is not heeded, nobody we talk to sends one.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
