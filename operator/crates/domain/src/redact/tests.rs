//! What is hidden, what stays, and that hiding twice is hiding once.

use super::*;
use crate::dimensions::Dimensions;
use crate::json::Labels;

fn redactor() -> Redactor {
    Redactor::new().unwrap()
}

#[test]
fn every_name_that_says_secret_does_so_in_text_that_is_no_json() {
    for ending in names::endings() {
        let text = format!(r#"{{"x_{ending}":"Ab3dEf6hIj9lMn2pQr5t","summary":"a "b""}}"#);
        assert!(!redactor().text(&text).contains("Ab3dEf6h"), "{ending}");
    }
}

/// Put together at run time, so that no scanner of this repository takes them for real ones.
fn examples() -> Vec<(&'static str, String)> {
    let letters = "Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7j";
    vec![
        ("aws-access-key", format!("AKIA{}", "ABCDEFGH23456789")),
        ("aws-access-key", format!("ASIA{}", "ABCDEFGH23456789")),
        ("github-token", format!("ghp_{letters}")),
        ("github-token", format!("ghs_{letters}")),
        ("github-token", format!("github_pat_{letters}_{letters}")),
        ("gitlab-token", format!("glpat-{}", "Ab3dEf6hIj9lMn2pQr5t")),
        ("slack-token", format!("xoxb-{}-{letters}", "123456789012")),
        ("slack-token", format!("xapp-1-A0123-{letters}")),
        ("jwt", format!("eyJhbGciOiJIUzI1NiJ9.{letters}.{letters}")),
        ("anthropic-key", format!("sk-ant-api03-{letters}")),
        ("openai-key", format!("sk-proj-{letters}")),
        ("stripe-key", format!("sk_live_{letters}")),
        ("google-key", format!("AIza{}", &letters[..35])),
        ("npm-token", format!("npm_{letters}")),
        ("vault-token", format!("hvs.{letters}")),
        (
            "private-key",
            format!(
                "-----BEGIN RSA {0} KEY-----\nMIIE\nabc=\n-----END RSA {0} KEY-----",
                "PRIVATE"
            ),
        ),
    ]
}

#[test]
fn every_shape_is_found_first_and_then_replaced_by_its_kind() {
    let redactor = redactor();
    for (kind, secret) in examples() {
        let text = format!("before {secret} after");
        assert!(redactor.may_contain_secret(text.as_bytes()), "{kind}");
        assert_eq!(redactor.text(&text), format!("before [redacted:{kind}] after"));
    }
}

#[test]
fn secrets_in_context_lose_only_the_secret() {
    let redactor = redactor();
    for (text, expected) in [
        (
            "Authorization: Bearer abc123def456ghi7",
            "Authorization: Bearer [redacted:authorization]",
        ),
        (
            "-H 'authorization: Basic dXNlcjpwYXNz' -v",
            "-H 'authorization: Basic [redacted:authorization]' -v",
        ),
        (
            "sent bearer abcdef0123456789 twice",
            "sent bearer [redacted:bearer-token] twice",
        ),
        (
            "postgres://app:hunter2@db:5432/x",
            "postgres://app:[redacted:url-password]@db:5432/x",
        ),
        (r"http:\/\/u:p1@h\/", r"http:\/\/u:[redacted:url-password]@h\/"),
        ("DB_PASSWORD=hunter2 LOG=1", "DB_PASSWORD=[redacted] LOG=1"),
        ("?api_key=abc&x=1", "?api_key=[redacted]&x=1"),
        ("Server=db;Pwd=abc;Db=x", "Server=db;Pwd=[redacted];Db=x"),
        (
            r#"{"password": "a \" b", "n": 1"#,
            r#"{"password": "[redacted]", "n": 1"#,
        ),
        (
            r#"body {\"apiKey\":\"x y\"}"#,
            r#"body {\"apiKey\":\"[redacted]\"}"#,
        ),
        ("password: Sommer", "password: [redacted]"),
        (r#"{\"Pwd\" : 'abc'}"#, r#"{\"Pwd\" : '[redacted]'}"#),
        ("bad token: password=x", "bad token: password=[redacted]"),
        ("Cookie: sid=abc; b=c", "Cookie: [redacted:cookie]"),
        (
            "https://hooks.slack.com/services/T000/B000/XXXX1111 gone",
            "https://hooks.slack.com/services[redacted:slack-webhook] gone",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut", "[redacted:private-key]"),
    ] {
        assert_eq!(redactor.text(text), expected);
        assert!(redactor.may_contain_secret(text.as_bytes()), "{text}");
    }
}

#[test]
fn ordinary_alerts_stay_as_they_are() {
    let redactor = redactor();
    for text in [
        "Instance 10.0.0.1:9100 of job node has been down for more than 5 minutes.",
        "token: expired, secret: not found, credentials: missing",
        "Token bucket token_bucket_size=5 tokens=500 max_tokens: 4096",
        "Secret shop/tls-cert expires in 3 d (secret=tls-cert, secretName: web)",
        r#"rate(logins{secret="shop-tls",job="token-service"}[5m]) > 0"#,
        "the bearer of bad news; Bearer authentication required",
        "Authorization: failed for user ops@example.com",
        "password for ops was changed; password policy: 12 letters",
        "https://grafana.example.com/d/a?orgId=1&var-pod=web-1@prod",
        "see https://example.com/a:b and mail ops@example.com",
        "asia-east1, AKIA, eyJhbGciOiJIUzI1NiJ9, ghp_short",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "a keyboard=broken, monkey: 17, primary key: 1234567",
        "password=${DB_PASSWORD} token=<token> secret=***",
    ] {
        assert!(
            matches!(redactor.text(text), Cow::Borrowed(_)),
            "{text} -> {}",
            redactor.text(text)
        );
    }
}

#[test]
fn most_alerts_are_done_with_the_first_pass() {
    let body = br#"[{"labels":{"alertname":"HighLatency","instance":"10.0.3.17:8080","region":"asia-east1"},
        "annotations":{"summary":"slow","runbook_url":"https://runbooks.example.com/x","owner":"ops@example.com"},
        "generatorURL":"http://prom:9090/graph?g0.expr=a+%3E+0.5\u0026g0.tab=1"}]"#;
    assert!(!redactor().may_contain_secret(body));
}

#[test]
fn json_is_redacted_by_names_and_by_shapes() {
    let redactor = redactor();
    let (_, token) = examples().remove(2);
    let json = serde_json::json!({
        "password": "x", "pin": 5, "db": {"Api-Key": "abc", "port": 5432, "passcode": 1234},
        "tokens": [token], "token": ["a", "b"], "token_ttl": 60, "retries_token": 3,
        "secret": {"name": "tls", "namespace": "shop"}, "secretName": "tls", "tlsSecret": "shop/tls",
    });
    let redacted = redactor.json(&RawJson::of(&json).unwrap()).unwrap();
    let expected = serde_json::json!({
        "password": "[redacted]", "pin": 5, "db": {"Api-Key": "[redacted]", "port": 5432, "passcode": "[redacted]"},
        "tokens": ["[redacted:github-token]"], "token": ["[redacted]", "[redacted]"], "token_ttl": 60,
        "retries_token": 3,
        "secret": {"name": "tls", "namespace": "shop"}, "secretName": "tls", "tlsSecret": "shop/tls",
    });
    assert_eq!(serde_json::from_str::<Value>(redacted.get()).unwrap(), expected);
    assert_eq!(redactor.json(&redacted), None);
}

#[test]
fn suspect_json_that_cannot_be_read_does_not_pass() {
    let raw: &serde_json::value::RawValue = serde_json::from_str(r#"{"password":1e999}"#).unwrap();
    assert_eq!(
        redactor().json(&RawJson::borrowed(raw)).unwrap().get(),
        format!("{UNREADABLE:?}")
    );
}

#[test]
fn an_event_is_redacted_everywhere_and_counted() {
    let redactor = redactor();
    let (_, key) = examples().remove(0);
    let mut event = Event {
        title: format!("leaked {key}").into(),
        description: "password=hunter2".into(),
        labels: Labels::new(vec![
            ("api_key".into(), "abc".into()),
            ("instance".into(), "web-1".into()),
            ("secret".into(), "shop/tls".into()),
        ]),
        links: Labels::new(vec![("runbook".into(), "https://u:p@h/".into())]),
        data: RawJson::of(&serde_json::json!({"client_secret": "s3"})),
        ..Event::default()
    };
    assert_eq!(redactor.event(&mut event), 5);
    assert_eq!(event.title, "leaked [redacted:aws-access-key]");
    assert_eq!(event.description, "password=[redacted]");
    assert_eq!(event.labels.get("api_key"), Some("[redacted]"));
    assert_eq!(event.labels.get("secret"), Some("shop/tls"));
    assert_eq!(
        event.links.get("runbook"),
        Some("https://u:[redacted:url-password]@h/")
    );
    assert_eq!(
        event.data.as_ref().unwrap().get(),
        r#"{"client_secret":"[redacted]"}"#
    );
    assert_eq!(redactor.event(&mut event), 0, "redaction is idempotent");
}

#[test]
fn neither_a_masked_template_nor_a_fact_keeps_a_secret() {
    let redactor = redactor();
    let secret = |index: usize| examples().remove(index).1;
    let token = secret(8);
    let mut event = Event {
        template: format!(
            "login with password=hunter<num> and {} failed <num> times",
            secret(2)
        )
        .into(),
        dimensions: Some(Box::new(Dimensions {
            hosts: vec!["web-1.example.com".to_owned(), token.clone()],
            accounts: vec!["123456789012".to_owned(), secret(0)],
            ..Dimensions::default()
        })),
        ..Event::default()
    };
    assert_eq!(redactor.event(&mut event), 4);
    assert_eq!(
        event.template,
        "login with password=[redacted]<num> and [redacted:github-token] failed <num> times"
    );
    let facts = event.dimensions.as_ref().unwrap();
    assert_eq!(facts.hosts, ["web-1.example.com", "[redacted:jwt]"]);
    assert_eq!(facts.accounts, ["123456789012", "[redacted:aws-access-key]"]);
    assert_eq!(redactor.event(&mut event), 0, "redaction is idempotent");
}

#[test]
fn a_dead_letter_is_redacted_whether_it_is_json_or_not() {
    let redactor = redactor();
    for (bytes, expected) in [
        (
            &b"{\"a\": 1, \"password\": [\"x\"]}"[..],
            r#"{"a":1,"password":["[redacted]"]}"#,
        ),
        (b"{\"a\":  1}", r#"{"a":  1}"#),
        (
            b"{\"password\": \"x\", \"b\":",
            r#"{"password": "[redacted]", "b":"#,
        ),
        (br#"{"p\u0061ssword": "x", "#, r#"{"password": "[redacted]", "#),
        (br#"{"p\u00fcssword": "x", "#, r#"{"p\u00fcssword": "x", "#),
        (b"\xff token=abcdefgh", "\u{fffd} token=[redacted]"),
        (b"\\u00", "\\u00"),
    ] {
        assert_eq!(redactor.bytes_as_text(bytes), expected);
    }
}

#[test]
fn what_was_redacted_is_never_redacted_again() {
    let redactor = redactor();
    for (_, secret) in examples() {
        for text in [
            format!("token={secret}"),
            format!("Authorization: Bearer {secret}"),
            format!("x:{secret}@"),
        ] {
            let once = redactor.text(&text).into_owned();
            assert!(!once.contains(&secret), "{once}");
            assert_eq!(redactor.text(&once), once);
        }
    }
}

/// Texts made of what secrets are made of, so that many of them nearly match.
fn shards() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let shard = prop_oneof![
        prop::sample::select(vec![
            "password",
            "Pwd",
            "token",
            "secret",
            "api-key",
            "x_key",
            "AKIA",
            "ghp_",
            "eyJ",
            "eyJhbGci",
            "Bearer ",
            "authorization",
            "Basic ",
            "cookie",
            "://",
            ":\\/\\/",
            "@",
            "=",
            ":",
            " ",
            "\"",
            "\\\"",
            "'",
            "\\",
            "\n",
            ";",
            ".",
            "-----BEGIN PRIVATE KEY-----",
            "[redacted",
            "]",
            "é",
            "\\u0061",
            "xoxb-",
            "ABCDEFGH23456789",
        ])
        .prop_map(str::to_owned),
        "[A-Za-z0-9]{1,20}",
    ];
    prop::collection::vec(shard, 0..12).prop_map(|shards| shards.concat())
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    #[test]
    fn the_first_pass_misses_nothing_and_a_second_redaction_changes_nothing(text in shards()) {
        thread_local!(static REDACTOR: Redactor = redactor());
        REDACTOR.with(|redactor| {
            let once = redactor.text(&text).into_owned();
            assert!(once == text || redactor.may_contain_secret(text.as_bytes()), "{once}");
            assert_eq!(redactor.text(&once), once);
            let letter = redactor.bytes_as_text(text.as_bytes());
            assert_eq!(redactor.bytes_as_text(letter.as_bytes()), letter);
        });
    }
}
