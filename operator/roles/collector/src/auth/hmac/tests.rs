//! Signatures as the vendors publish them, and what becomes of forged, altered, stale and repeated ones.

use hyper::header::HeaderValue;

use super::*;

struct Case {
    yaml: &'static str,
    secret: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    now: u64,
}

/// docs.slack.dev, "Verifying requests from Slack": signing secret, time, body and signature.
const SLACK_CASE: Case = Case {
    yaml: "scheme: slack",
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    headers: &[
        ("x-slack-request-timestamp", "1531420618"),
        (
            "x-slack-signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
    ],
    body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
           channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
           response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
           trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    now: 1_531_420_650,
};

/// github.com/standard-webhooks/standard-webhooks (MIT), its libraries' test vector.
const STANDARD_CASE: Case = Case {
    yaml: "scheme: standard-webhooks",
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    headers: &[
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        (
            "webhook-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ],
    body: r#"{"test": 2432232314}"#,
    now: 1_614_265_330,
};

async fn hmac(yaml: &str, secrets: &[&str]) -> (tempfile::TempDir, Result<Hmac, SecretError>) {
    let folder = tempfile::tempdir().unwrap();
    let mut config: HmacConfig = serde_yaml::from_str(yaml).unwrap();
    for (index, secret) in secrets.iter().enumerate() {
        let path = folder.path().join(index.to_string());
        std::fs::write(&path, secret).unwrap();
        config.secret_files.push(path);
    }
    let loaded = Hmac::load(&config).await;
    (folder, loaded)
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect()
}

fn signed(prefix: &str, secret: &str, text: &str) -> String {
    let tag = ring::hmac::sign(&Key::new(HMAC_SHA256, secret.as_bytes()), text.as_bytes());
    let hex: Vec<_> = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    format!("{prefix}{hex}")
}

#[tokio::test]
async fn published_signatures_are_taken_and_altered_bodies_are_not() {
    for case in [SLACK_CASE, STANDARD_CASE] {
        let (_folder, hmac) = hmac(case.yaml, &[case.secret]).await;
        let (hmac, headers) = (hmac.unwrap(), headers(case.headers));
        assert_eq!(hmac.check_head(&headers, case.now), Ok(()), "{}", case.yaml);
        let check = |body: &str, now| hmac.check_body(&headers, body.as_bytes(), now);
        assert!(check(case.body, case.now).unwrap().is_some(), "{}", case.yaml);
        for altered in [
            format!("{} ", case.body),
            case.body.replace('t', "T"),
            String::new(),
        ] {
            assert_eq!(
                check(&altered, case.now),
                Err(Unauthorized::WrongSignature),
                "{}",
                case.yaml
            );
        }
        for stale in [case.now - 3600, case.now + 3600] {
            assert_eq!(
                hmac.check_head(&headers, stale),
                Err(Unauthorized::Stale),
                "{}",
                case.yaml
            );
            assert_eq!(check(case.body, stale), Err(Unauthorized::Stale), "{}", case.yaml);
        }
    }
}

#[tokio::test]
async fn every_scheme_takes_both_secrets_while_they_change() {
    const OLD: &str = "0123456789abcdef";
    const NEW: &str = "fedcba9876543210";
    let body = r#"{"a":1}"#;
    for (yaml, header, prefix, before) in [
        ("scheme: github", "x-hub-signature-256", "sha256=", ""),
        ("scheme: pagerduty", "x-pagerduty-signature", "v1=", ""),
        (
            "{scheme: hex, header: Sentry-Hook-Signature}",
            "sentry-hook-signature",
            "",
            "",
        ),
        (
            "{scheme: hex, header: X-Sum, timestampHeader: X-Time}",
            "x-sum",
            "",
            "1000:",
        ),
    ] {
        let (_folder, hmac) = hmac(yaml, &[OLD, NEW]).await;
        let hmac = hmac.unwrap();
        for secret in [OLD, NEW] {
            let signature = signed(prefix, secret, &format!("{before}{body}"));
            let headers = headers(&[(header, &signature), ("x-time", "1000")]);
            assert!(hmac.check_body(&headers, body.as_bytes(), 1010).is_ok(), "{yaml}");
        }
        let forged = headers(&[
            (header, &signed(prefix, "another-0123456789", body)),
            ("x-time", "1000"),
        ]);
        assert_eq!(
            hmac.check_body(&forged, body.as_bytes(), 1010),
            Err(Unauthorized::WrongSignature),
            "{yaml}"
        );
        assert_eq!(
            hmac.check_head(&headers(&[("x-time", "1000")]), 1010),
            Err(Unauthorized::NoSignature),
            "{yaml}"
        );
    }
}

#[tokio::test]
async fn one_of_several_signatures_suffices() {
    let (_folder, hmac) = hmac("scheme: pagerduty", &["0123456789abcdef"]).await;
    let good = signed("v1=", "0123456789abcdef", "{}");
    let both = format!("{},{good}", signed("v1=", "fedcba9876543210", "{}"));
    let headers = headers(&[("x-pagerduty-signature", &both)]);
    assert!(hmac.unwrap().check_body(&headers, b"{}", 0).is_ok());
}

#[tokio::test]
async fn what_is_sent_again_bears_the_same_name_whatever_else_its_head_says() {
    let secret = "0123456789abcdef";
    let (_folder, hmac) = hmac("scheme: pagerduty", &[secret]).await;
    let hmac = hmac.unwrap();
    let good = signed("v1=", secret, "{}");
    let padded = format!("{good},v1={}", "0".repeat(64));
    let name = |signature: &str| {
        hmac.check_body(&headers(&[("x-pagerduty-signature", signature)]), b"{}", 0)
            .unwrap()
    };
    assert_eq!(name(&good), name(&padded));
    // Whoever reads it in an event cannot sign with it.
    assert_eq!(name(&good).unwrap().len(), 32);
    let case = STANDARD_CASE;
    let (_folder, standard) = self::hmac(case.yaml, &[case.secret]).await;
    let named = standard
        .unwrap()
        .check_body(&headers(case.headers), case.body.as_bytes(), case.now);
    assert_eq!(named.unwrap(), Some(super::name(b"msg_p5jXN8AQM9LWM0D4loKWxJek")));
}

#[tokio::test]
async fn a_secret_that_is_no_key_of_the_scheme_is_refused_by_file() {
    let (_folder, loaded) = hmac("scheme: standard-webhooks", &["0123456789abcdef!!"]).await;
    let error = loaded.unwrap_err().to_string();
    assert!(
        error.contains("holds no key of the scheme: Standard Webhooks writes one as whsec_"),
        "{error}"
    );
}
