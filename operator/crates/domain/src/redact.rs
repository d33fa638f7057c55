//! Takes secrets out of what senders sent, before anything is appended: events, and the bytes of dead letters.
//! It knows shapes of tokens (an AWS key, a JWT …) and names that say secret (`password`, `api_key` …).
//!
//! It is a net under senders who did not mean to send a secret, not a guard against one who hides it. What it
//! cannot know stays: a bare random text under an innocent name, a secret cut in two by an event's bounds, names
//! of JSON members. One pass over the request's body ([`Redactor::may_contain_secret`]) says whether any of this
//! has work at all; for most requests it has none.

mod named;
mod names;
mod prefilter;
mod shapes;

use std::borrow::Cow;

use serde_json::Value;

use crate::event::Event;
use crate::json::RawJson;
use names::Named;
use prefilter::Prefilter;
use shapes::Shapes;

/// What stands for the value of a name that says secret. Shapes say their kind: `[redacted:jwt]`.
const REDACTED: &str = "[redacted]";
/// How every replacement begins; what begins so is left alone, so that redaction is idempotent.
const REDACTED_START: &str = "[redacted";
/// What stands for JSON that cannot be read and so cannot be searched, though something in its request was
/// suspect: a number beyond all range, half of a surrogate pair.
const UNREADABLE: &str = "[redacted:unreadable]";

/// A pattern of this module does not compile: a defect of the build, found by its first test.
#[derive(Debug, thiserror::Error)]
pub enum RedactorError {
    /// A regular expression.
    #[error("pattern of a secret: {0}")]
    Pattern(#[from] regex::Error),
    /// The automaton of the first pass.
    #[error("literals of secrets: {0}")]
    Literals(#[from] aho_corasick::BuildError),
}

/// The compiled patterns; build one and share it.
#[derive(Debug)]
pub struct Redactor {
    prefilter: Prefilter,
    shapes: Shapes,
}

impl Redactor {
    /// Compiles all patterns, which takes milliseconds.
    ///
    /// # Errors
    /// A pattern does not compile.
    pub fn new() -> Result<Self, RedactorError> {
        Ok(Self {
            prefilter: Prefilter::new()?,
            shapes: Shapes::new()?,
        })
    }

    /// Whether a request's body has anything that the other functions might replace. One fast pass; `false` is
    /// certain, `true` is not.
    pub fn may_contain_secret(&self, body: &[u8]) -> bool {
        self.prefilter.finds(body)
    }

    /// Redacts every text, label, link and datum of an event; how many replacements that took. `id`,
    /// `deliveryKey`, `namespace` and the configured source are Opsward's own and left alone.
    pub fn event(&self, event: &mut Event<'_>) -> usize {
        let texts = [
            &mut event.source.reported,
            &mut event.kind,
            &mut event.title,
            &mut event.description,
            &mut event.resource,
            &mut event.service,
            &mut event.host,
            &mut event.team,
            &mut event.environment,
            &mut event.account,
            &mut event.region,
        ];
        let lists = event.resources.0.iter_mut().chain(event.tags.0.iter_mut());
        let mut count: usize = texts.into_iter().chain(lists).map(|text| self.field(text)).sum();
        for (name, value) in event.labels.values_mut().chain(event.links.values_mut()) {
            count += match names::of(name) {
                Some(named) if named.hides(value) => replace(value),
                _ => self.field(value),
            };
        }
        if let Some((data, replaced)) = event.data.as_ref().and_then(|data| self.data(data)) {
            event.data = data;
            count += replaced;
        }
        count
    }

    /// Redacts a text for people; borrowed when there is nothing to hide.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.shapes.hide(text).0
    }

    /// Redacts a JSON value: members by their names, and the shapes in every text. `None` when there is nothing
    /// to hide. Members come out in the order of their names.
    pub fn json(&self, json: &RawJson<'_>) -> Option<RawJson<'static>> {
        self.data(json).and_then(|(json, _)| json)
    }

    /// Redacts a dead letter's bytes, whatever they are: JSON as JSON, anything else as text. Bytes that are not
    /// UTF-8 become U+FFFD. Without a secret the text is exactly what came.
    pub fn bytes_as_text(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(mut value) = serde_json::from_str::<Value>(&text) {
            let count = self.value(&mut value);
            return if count == 0 {
                text.into_owned()
            } else {
                value.to_string()
            };
        }
        let (hidden, count) = self.shapes.hide(&text);
        // Escapes are undone only where one hid something.
        if let Cow::Owned(decoded) = shapes::without_needless_escapes(&text) {
            let (decoded_hidden, decoded_count) = self.shapes.hide(&decoded);
            if decoded_count > count {
                return decoded_hidden.into_owned();
            }
        }
        hidden.into_owned()
    }

    fn field(&self, field: &mut Cow<'_, str>) -> usize {
        match self.shapes.hide(field) {
            (Cow::Owned(hidden), count) => {
                *field = Cow::Owned(hidden);
                count
            }
            (Cow::Borrowed(_), count) => count,
        }
    }

    /// The redacted value and how many replacements it took; `None` when there were none.
    fn data(&self, json: &RawJson<'_>) -> Option<(Option<RawJson<'static>>, usize)> {
        let (value, count) = match serde_json::from_str::<Value>(json.get()) {
            Ok(mut value) => {
                let count = self.value(&mut value);
                (value, count)
            }
            Err(_) => (Value::from(UNREADABLE), 1),
        };
        (count > 0).then(|| (RawJson::of(&value), count))
    }

    /// Recurses as deep as `serde_json` reads, which is 128 levels.
    fn value(&self, value: &mut Value) -> usize {
        match value {
            Value::String(text) => match self.shapes.hide(text) {
                (Cow::Owned(hidden), count) => {
                    *text = hidden;
                    count
                }
                (Cow::Borrowed(_), count) => count,
            },
            Value::Array(values) => values.iter_mut().map(|value| self.value(value)).sum(),
            Value::Object(members) => members
                .iter_mut()
                .map(|(name, value)| match names::of(name) {
                    Some(named) => self.member(named, value),
                    None => self.value(value),
                })
                .sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }

    /// The value of a member whose name says secret.
    fn member(&self, named: Named, value: &mut Value) -> usize {
        match value {
            Value::String(text) if named.hides(text) => {
                REDACTED.clone_into(text);
                1
            }
            Value::Number(number) if named.hides(&number.to_string()) => {
                *value = Value::from(REDACTED);
                1
            }
            Value::Array(values) => values.iter_mut().map(|value| self.member(named, value)).sum(),
            // An object under such a name describes a secret (`secret: {name, namespace}`) as often as it holds one.
            other => self.value(other),
        }
    }
}

fn replace(value: &mut Cow<'_, str>) -> usize {
    *value = Cow::Borrowed(REDACTED);
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Labels;

    fn redactor() -> Redactor {
        Redactor::new().unwrap()
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
}
