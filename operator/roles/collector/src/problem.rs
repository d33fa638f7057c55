//! Requests that are answered before their items are looked at: with what, and what the sender can do about it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::auth::Unauthorized;
use crate::body::{BODY_TIME, BodyError, MAX_BODY_BYTES};
use crate::prepare::TooMuch;
use crate::route::{KNOWN_PATHS, NoRoute};

/// When to come back while the log cannot be written: it is looked at four times a second then, and a server that
/// restarts is back in a second or two.
const RETRY_LOG: Duration = Duration::from_secs(2);
/// When to come back while the log is full: the correlator trims it after a checkpoint, every 30 s.
const RETRY_FULL: Duration = Duration::from_secs(30);
/// When to come back while too much is under way: that takes a few commits.
const RETRY_OVERLOADED: Duration = Duration::from_secs(1);

/// Why a request's items are not looked at, or not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The path is none of ours.
    NotFound,
    /// No source of that name has this path.
    NoSuchSource,
    /// Not POST.
    MethodNotAllowed,
    /// The sender may not send here.
    Unauthorized(Unauthorized),
    /// More requests than the source is allowed.
    RateLimited {
        /// When the next is taken.
        wait: Duration,
    },
    /// The same, to a sender that sends again only what is answered 5xx.
    Throttled {
        /// When the next is taken.
        wait: Duration,
    },
    /// A body beyond the bound, packed or unpacked.
    TooLarge,
    /// More events in it than one request may make.
    TooMuch,
    /// A body that did not arrive in time.
    BodyTimeout,
    /// A body that broke off.
    BrokenBody,
    /// A packing other than gzip.
    UnsupportedEncoding,
    /// A header that is not what it should be.
    InvalidIdempotencyKey,
    /// Too many bodies under way.
    Overloaded,
    /// The log cannot be written now.
    LogUnavailable,
    /// The log, or the place for dead letters, did not confirm.
    NotConfirmed,
    /// The log has no room.
    LogFull,
}

impl From<NoRoute> for Problem {
    fn from(no_route: NoRoute) -> Self {
        match no_route {
            NoRoute::Path => Self::NotFound,
            NoRoute::Method => Self::MethodNotAllowed,
        }
    }
}

impl From<Unauthorized> for Problem {
    fn from(why: Unauthorized) -> Self {
        Self::Unauthorized(why)
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::TooSlow => Self::BodyTimeout,
            BodyError::NoRoom(_) => Self::Overloaded,
            BodyError::Broken(_) => Self::BrokenBody,
        }
    }
}

impl From<TooMuch> for Problem {
    fn from(_: TooMuch) -> Self {
        Self::TooMuch
    }
}

#[derive(Serialize)]
struct Page {
    error: Text,
}

#[derive(Serialize)]
struct Text {
    reason: &'static str,
    message: String,
    fix: String,
}

impl Problem {
    /// The HTTP status. 5xx only where the same request can succeed later: Alertmanager drops what is answered 4xx.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NotFound | Self::NoSuchSource => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized(why) => why.status(),
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge | Self::TooMuch => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenBody | Self::InvalidIdempotencyKey => StatusCode::BAD_REQUEST,
            Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Throttled { .. }
            | Self::Overloaded
            | Self::LogUnavailable
            | Self::NotConfirmed
            | Self::LogFull => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The reason: in the answer, and as a metric's label.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "NotFound",
            Self::NoSuchSource => "NoSuchSource",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::Unauthorized(why) => why.reason(),
            Self::RateLimited { .. } | Self::Throttled { .. } => "RateLimited",
            Self::TooLarge => "TooLarge",
            Self::TooMuch => "TooMuch",
            Self::BodyTimeout => "BodyTimeout",
            Self::BrokenBody => "BrokenBody",
            Self::UnsupportedEncoding => "UnsupportedEncoding",
            Self::InvalidIdempotencyKey => "InvalidIdempotencyKey",
            Self::Overloaded => "Overloaded",
            Self::LogUnavailable => "LogUnavailable",
            Self::NotConfirmed => "NotConfirmed",
            Self::LogFull => "LogFull",
        }
    }

    fn message(self) -> String {
        match self {
            Self::NotFound => "there is nothing at this path".to_owned(),
            Self::NoSuchSource => "no configured source has this path".to_owned(),
            Self::MethodNotAllowed => "events are posted".to_owned(),
            Self::Unauthorized(why) => why.message().to_owned(),
            Self::RateLimited { .. } | Self::Throttled { .. } => {
                "this source sends more requests than it is allowed".to_owned()
            }
            Self::TooLarge => format!("the body has more than {MAX_BODY_BYTES} bytes, packed or unpacked"),
            Self::TooMuch => {
                "the events of this body, in all namespaces of the source, are more than one request may make"
                    .to_owned()
            }
            Self::BodyTimeout => format!("the body did not arrive within {} s", BODY_TIME.as_secs()),
            Self::BrokenBody => "the body broke off".to_owned(),
            Self::UnsupportedEncoding => "the body is packed in a way other than gzip".to_owned(),
            Self::InvalidIdempotencyKey => "Idempotency-Key is no key".to_owned(),
            Self::Overloaded => "too many requests are under way".to_owned(),
            Self::LogUnavailable => "the log cannot be written now".to_owned(),
            Self::NotConfirmed => "the log did not confirm; items may be in it all the same".to_owned(),
            Self::LogFull => "the log is full".to_owned(),
        }
    }

    fn fix(self) -> String {
        match self {
            Self::NotFound => format!("post to one of: {KNOWN_PATHS}"),
            Self::NoSuchSource => {
                "configure a source of that name under `sources`, or correct the path; /api/v2/alerts needs format \
                 alertmanager"
                    .to_owned()
            }
            Self::MethodNotAllowed => "use POST".to_owned(),
            Self::Unauthorized(why) => why.fix().to_owned(),
            Self::RateLimited { .. } | Self::Throttled { .. } => {
                "send several items in one request, wait as Retry-After says, or raise the source's rateLimit".to_owned()
            }
            Self::TooLarge | Self::TooMuch => "send fewer items in one request".to_owned(),
            Self::BodyTimeout | Self::BrokenBody => "send the request again".to_owned(),
            Self::UnsupportedEncoding => "send Content-Encoding: gzip, or none".to_owned(),
            Self::InvalidIdempotencyKey => "send 1 to 255 visible ASCII characters, a new key for each message".to_owned(),
            Self::Overloaded | Self::LogUnavailable | Self::NotConfirmed | Self::LogFull => {
                "send the same request again after Retry-After, with the same Idempotency-Key if it has one; \
                 /readyz of the collector says what is missing"
                    .to_owned()
            }
        }
    }

    /// When to send again; `None` where sending the same again is of no use.
    const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait } | Self::Throttled { wait } => Some(wait),
            Self::Overloaded => Some(RETRY_OVERLOADED),
            Self::LogUnavailable | Self::NotConfirmed | Self::Unauthorized(Unauthorized::SnsUnreachable) => {
                Some(RETRY_LOG)
            }
            Self::LogFull => Some(RETRY_FULL),
            _ => None,
        }
    }

    /// The answer.
    pub(crate) fn response(self) -> Response<Full<Bytes>> {
        let text = Text {
            reason: self.reason(),
            message: self.message(),
            fix: self.fix(),
        };
        // Plain texts always encode.
        let body = serde_json::to_vec(&Page { error: text }).unwrap_or_default();
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = self.status();
        self.headers(response.headers_mut());
        response
    }

    fn headers(self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(wait) = self.retry_after() {
            // Whole seconds (RFC 9110, section 10.2.3), rounded up; 0 would mean "at once".
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        match self {
            Self::MethodNotAllowed => drop(headers.insert(ALLOW, HeaderValue::from_static("POST, PUT"))),
            Self::Unauthorized(why) => {
                if matches!(why, Unauthorized::NoToken | Unauthorized::WrongToken) {
                    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                    // SNS tells the password of its endpoint only to who asks for it so.
                    headers.append(
                        WWW_AUTHENTICATE,
                        HeaderValue::from_static(r#"Basic realm="opsward""#),
                    );
                }
                // Whoever guesses pays for a connection each time, and keeps no place among those of known senders.
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
    }
}
