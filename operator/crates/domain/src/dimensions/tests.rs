//! Texts in our own words, of the shapes that come from AWS (Health, Security Hub, cost anomalies, alarms) and from
//! Prometheus, and what must hold of every text.

use proptest::prelude::*;

use super::*;
use crate::json::Strings;

fn event<'a>(title: &'a str, description: &'a str) -> Event<'a> {
    Event {
        title: title.into(),
        description: description.into(),
        ..Event::default()
    }
}

/// The dimensions of a title and a description as JSON.
fn json(title: &str, description: &str) -> serde_json::Value {
    serde_json::to_value(Dimensions::of(&event(title, description))).unwrap()
}

#[test]
fn a_retirement_of_aws_health_says_when_and_how_soon() {
    let found = json(
        "EC2 instance retirement scheduled, eu-west-1",
        "One or more of your instances in account 123456789012 run on hardware that is degraded. On 2024-12-20 10:00 \
         UTC (12:00 AM PST is too late) instance i-0123456789abcdef0 will be stopped. Action required: please stop \
         and start it no later than Fri, 20 Dec 2024 09:00:00 GMT. Questions: https://support.example.com/x",
    );
    assert_eq!(
        found,
        serde_json::json!({
            "urgency": "Soon",
            "dates": ["2024-12-20T10:00:00.000Z", "2024-12-20T09:00:00.000Z"],
            "accounts": ["123456789012"],
            "hosts": ["support.example.com"],
        })
    );
}

#[test]
fn a_maintenance_that_needs_nothing_is_routine() {
    let found = json(
        "RDS: scheduled maintenance",
        "Your database orders will be patched in its maintenance window between December 20, 2024 10:00 PM and \
         11:30 PM PST. No action is required from you; the database is down for less than 30 seconds.",
    );
    assert_eq!(
        found,
        serde_json::json!({
            "urgency": "Routine",
            "dates": ["2024-12-21T06:00:00.000Z"],
            "amounts": [{"value": 30, "unit": "s"}],
        })
    );
}

#[test]
fn a_finding_of_security_hub_names_accounts_and_addresses() {
    let found = json(
        "EC2 instance i-0123456789abcdef0 is talking to a known bad address",
        "The principal arn:aws:iam::210987654321:role/ci in account 123456789012 opened 14 connections to \
         198.51.100.7:443 and [2001:DB8::7]:443 within 1 hour. Isolate the instance immediately.",
    );
    assert_eq!(
        found,
        serde_json::json!({
            "urgency": "Immediate",
            "accounts": ["210987654321", "123456789012"],
            "hosts": ["198.51.100.7", "2001:db8::7"],
            "amounts": [{"value": 1, "unit": "h"}],
        })
    );
}

#[test]
fn an_anomaly_of_costs_names_money() {
    let found = json(
        "Cost anomaly in Amazon EC2: $1,234.50 above what was expected",
        "From 2024-12-18 to 2024-12-20 the cost was USD 2,340 in account 123456789012 (+111.5%); the threshold is $100.",
    );
    assert_eq!(
        found,
        serde_json::json!({
            "dates": ["2024-12-18T00:00:00.000Z", "2024-12-20T00:00:00.000Z"],
            "accounts": ["123456789012"],
            "amounts": [
                {"value": 1234.5, "unit": "USD"},
                {"value": 2340, "unit": "USD"},
                {"value": 111.5, "unit": "%"},
                {"value": 100, "unit": "USD"},
            ],
        })
    );
}

#[test]
fn alarms_of_cloudwatch_and_prometheus_name_hosts_and_quantities() {
    let cloudwatch = json(
        "ALARM: \"orders-cpu\" in EU (Ireland)",
        "Threshold Crossed: 1 out of the last 1 datapoints [97.5 (20/12/24 10:00:00)] was greater than the threshold \
         (90.0). The instance is ip-10-0-1-23.eu-west-1.compute.internal.",
    );
    assert_eq!(
        cloudwatch,
        serde_json::json!({"hosts": ["ip-10-0-1-23.eu-west-1.compute.internal"]})
    );
    let prometheus = json(
        "Instance web-1.example.com:9100 down",
        "web-1.example.com:9100 of job node has been down for more than 5m. /var has 1.5Gi (4.2%) left; p99 is 250ms.",
    );
    assert_eq!(
        prometheus,
        serde_json::json!({
            "hosts": ["web-1.example.com"],
            "amounts": [
                {"value": 5, "unit": "min"},
                {"value": 1.5, "unit": "GiB"},
                {"value": 4.2, "unit": "%"},
                {"value": 250, "unit": "ms"},
            ],
        })
    );
}

#[test]
fn an_ordinary_alert_states_nothing() {
    let found = Dimensions::of(&event(
        "Pod shop/checkout-7d9f8b6c5-x2x7q is crash looping",
        "Container checkout (app.kubernetes.io/name=checkout, image v1.2.3) restarted 17 times, exit code 137; see main.rs:42.",
    ));
    assert_eq!(found, None);
}

#[test]
fn accounts_are_also_those_of_the_events_account_and_resources() {
    let event = Event {
        account: "123456789012".into(),
        resource: "arn:aws:iam::210987654321:role/ci".into(),
        resources: Strings::from_iter([
            "arn:aws:s3:::bucket",
            "arn:aws:sns:eu-west-1:123456789012:alerts",
            "web-1",
        ]),
        ..event("333333333333 failed", "")
    };
    let found = Dimensions::of(&event).unwrap();
    assert_eq!(found.accounts, ["333333333333", "123456789012", "210987654321"]);
}

#[test]
fn sixteen_facts_of_a_kind_are_kept_the_first() {
    let texts = (10..60).map(|number| format!("{number}% 10.0.0.{number} "));
    let text = texts.collect::<Vec<_>>().concat();
    let found = Dimensions::of(&event("", &text)).unwrap();
    assert_eq!((found.amounts.len(), found.hosts.len()), (FACTS, FACTS));
    assert_eq!(found.hosts.last().unwrap(), "10.0.0.25");
}

#[test]
fn a_text_that_was_cut_loses_the_word_at_the_cut() {
    let padding = "x ".repeat(bounds::DESCRIPTION_BYTES / 2 - 7);
    for (cut, found) in [
        (format!("{padding}123456789012 "), true),
        (format!("{padding} 12345678901234"), false),
        (format!("{padding}  123456789012"), false),
    ] {
        let found_there = Dimensions::of(&event("", &cut)).is_some();
        assert_eq!(found_there, found, "{}", cut.len());
    }
    let endless = "1".repeat(2 * bounds::DESCRIPTION_BYTES);
    assert_eq!(Dimensions::of(&event(&endless, &endless)), None);
}

/// Texts made of what facts are made of, so that many of them nearly are one.
fn shards() -> impl Strategy<Value = String> {
    let shard = prop_oneof![
        prop::sample::select(vec![
            "2024-12-20",
            "20",
            " Dec",
            "December ",
            "2024",
            "T10:00",
            "10:00:00",
            " AM",
            "Z",
            "+01:00",
            " PST",
            "UTC",
            "123456789012",
            "arn:aws:iam::",
            ":role",
            "subscriptions/",
            "550e8400-e29b-41d4-a716-446655440000",
            "web-1",
            ".example",
            ".com",
            "10.0.0.1",
            "2001:db8::1",
            ":9100",
            "//",
            "/",
            "@",
            "ip-10-0-0-1",
            "$",
            "US$",
            "1,234",
            ".50",
            "%",
            " GB",
            "ms",
            "m",
            " minutes",
            "USD ",
            "\u{20ac}",
            "\u{b5}s",
            "-",
            "+",
            "urgent",
            "no ",
            "action ",
            "required",
            "within ",
            "24 hours",
            "by ",
            "immediately",
            ": no",
            "if ",
            " ",
            "  ",
            ", ",
            ". ",
            "\n",
            "(",
            ")",
            ":",
            ".",
            "_",
            "\u{e9}",
            "\u{2013}",
        ])
        .prop_map(str::to_owned),
        "[ -~]{1,12}",
        any::<String>(),
    ];
    prop::collection::vec(shard, 0..40).prop_map(|shards| shards.concat())
}

fn is_ordered<T: PartialEq>(facts: &[T]) -> bool {
    let repeats = facts
        .iter()
        .enumerate()
        .any(|(at, fact)| facts[..at].contains(fact));
    facts.len() <= FACTS && !repeats
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_the_text_facts_are_few_and_differ_and_survive_json(title in shards(), text in shards()) {
        let Some(found) = Dimensions::of(&event(&title, &text)) else {
            return Ok(());
        };
        prop_assert!(!found.is_empty());
        prop_assert!(is_ordered(&found.dates) && is_ordered(&found.accounts));
        prop_assert!(is_ordered(&found.hosts) && is_ordered(&found.amounts));
        prop_assert!(found.hosts.iter().all(|host| *host == host.to_ascii_lowercase()));
        let json = serde_json::to_string(&found).unwrap();
        prop_assert_eq!(serde_json::from_str::<Dimensions>(&json).unwrap(), *found);
    }

    #[test]
    fn facts_come_in_the_order_of_the_text_and_once(numbers in prop::collection::vec(10_u8..40, 0..40)) {
        let texts = numbers.iter().map(|number| {
            format!("{number}% 10.0.0.{number}, 1234567890{number}; 20{number}-01-01")
        });
        let text = texts.collect::<Vec<_>>().join(" and ");
        let mut expected: Vec<u8> = Vec::new();
        for number in numbers {
            if !expected.contains(&number) && expected.len() < FACTS {
                expected.push(number);
            }
        }
        let found = Dimensions::of(&event("", &text)).map(|found| *found).unwrap_or_default();
        let of = |fact: fn(u8) -> String| expected.iter().map(|number| fact(*number)).collect::<Vec<_>>();
        prop_assert_eq!(&found.hosts, &of(|number| format!("10.0.0.{number}")));
        prop_assert_eq!(&found.accounts, &of(|number| format!("1234567890{number}")));
        let dates: Vec<_> = found.dates.iter().map(ToString::to_string).collect();
        prop_assert_eq!(dates, of(|number| format!("20{number}-01-01T00:00:00.000Z")));
        let amounts: Vec<_> = found.amounts.iter().map(|amount| amount.value.to_string()).collect();
        prop_assert_eq!(amounts, of(|number| number.to_string()));
    }
}
