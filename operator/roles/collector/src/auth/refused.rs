//! Why a sender may not send, and what it or the administrator can do about it.

use hyper::StatusCode;

/// Why a sender may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unauthorized {
    /// No `Authorization: Bearer …`.
    NoToken,
    /// A token that is none of the source's.
    WrongToken,
    /// No signature of the scheme.
    NoSignature,
    /// A signature that none of the source's keys made over this body.
    WrongSignature,
    /// A signature's time is off by more than five minutes, or an SNS message is older than a day.
    Stale,
    /// From a network that is not the source's.
    WrongNetwork,
    /// No certificate, or one without any of the source's names.
    WrongCertificate,
    /// No envelope of SNS with a signature.
    NoSnsSignature,
    /// From an SNS topic that is not the source's.
    WrongTopic,
    /// SNS's certificate cannot be fetched, or a subscription not be confirmed, now.
    SnsUnreachable,
    /// From another machine, to a source that asks for nothing.
    NotLoopback,
    /// From a web page: a browser lets any page send to this machine, and says so by `Origin`.
    FromWebPage,
}

impl Unauthorized {
    /// One word; a metric's label.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NoToken | Self::NotLoopback => "Unauthorized",
            Self::WrongToken => "WrongToken",
            Self::NoSignature | Self::NoSnsSignature => "NoSignature",
            Self::WrongSignature => "WrongSignature",
            Self::Stale => "StaleSignature",
            Self::WrongNetwork => "WrongNetwork",
            Self::WrongCertificate => "WrongCertificate",
            Self::WrongTopic => "WrongTopic",
            Self::SnsUnreachable => "SnsUnreachable",
            Self::FromWebPage => "CrossOrigin",
        }
    }

    /// The answer's status. 5xx only where the same request can succeed later.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::WrongNetwork | Self::FromWebPage | Self::WrongTopic => StatusCode::FORBIDDEN,
            Self::SnsUnreachable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// What is wrong.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::NoToken => "this source wants a bearer token",
            Self::WrongToken => "the bearer token is none of this source's",
            Self::NoSignature => "this source wants a signature of its scheme in the request's headers",
            Self::WrongSignature => "none of this source's keys made the signature over this body",
            Self::Stale => "the signature is older or newer than allowed",
            Self::WrongNetwork => "this source takes no requests from this network",
            Self::WrongCertificate => "this source wants a client certificate with one of its names",
            Self::NoSnsSignature => "this source wants messages that Amazon SNS has signed",
            Self::WrongTopic => "this source takes nothing from this SNS topic",
            Self::SnsUnreachable => "SNS's certificate or confirmation cannot be fetched now",
            Self::NotLoopback => {
                "this source asks for no credential, so it takes events from its own machine only"
            }
            Self::FromWebPage => "this source asks for no credential, so it takes nothing from web pages",
        }
    }

    /// What to do.
    pub(crate) const fn fix(self) -> &'static str {
        match self {
            Self::NoToken | Self::WrongToken => {
                "send `Authorization: Bearer <token>` with a token of this source"
            }
            Self::NoSignature => {
                "sign as auth.hmac.scheme says, or change the scheme to what the sender does"
            }
            Self::WrongSignature => {
                "give sender and source the same secret, and let no proxy change the body on its way"
            }
            Self::Stale => "set the sender's clock; five minutes are allowed, and a day for SNS",
            Self::WrongNetwork => {
                "add the sender's network to auth.cidrs, or the proxy in front to ingest.trustedProxies"
            }
            Self::WrongCertificate => {
                "send a certificate with a name of auth.clientNames, or add its name there"
            }
            Self::NoSnsSignature => {
                "switch off raw message delivery, or let the source ask for a bearer token in place of auth.sns"
            }
            Self::WrongTopic => "add the topic to auth.sns.topicArns, or end its subscription",
            Self::SnsUnreachable => {
                "let the collector reach sns.<region>.amazonaws.com by https; SNS sends again"
            }
            Self::NotLoopback => "give the source auth.bearerTokenFile",
            Self::FromWebPage => "send without the header Origin, or give the source auth.bearerTokenFile",
        }
    }
}
