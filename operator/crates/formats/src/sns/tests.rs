//! Messages of SNS, enveloped and raw, with what they carry.

use domain::time::Time;
use serde_json::{Value, json};

use super::*;
use crate::Settings;

const RECEIVED_AT: Time = Time::from_millis(1_734_690_605_000);

fn results_as(format: Format, body: &str, headers: &[(&str, &str)]) -> Vec<Result<Event<'static>, Refusal>> {
    let settings = Settings {
        message: Some(format),
        ..Settings::default()
    };
    let reader = Reader::new(Format::Sns, &settings).unwrap();
    let input = Input {
        body: body.as_bytes(),
        headers,
        received_at: RECEIVED_AT,
        source: "s",
    };
    match reader.parse(input) {
        Ok(items) => {
            assert_eq!(reader.texts(input).len(), items.len());
            items.map(|item| item.result.map(Event::into_owned)).collect()
        }
        Err(refusal) => vec![Err(refusal)],
    }
}

fn results(body: &Value, headers: &[(&str, &str)]) -> Vec<Result<Event<'static>, Refusal>> {
    results_as(Format::EventBridge, &body.to_string(), headers)
}

fn only(body: &Value, headers: &[(&str, &str)]) -> Event<'static> {
    let mut results = results(body, headers);
    assert_eq!(results.len(), 1);
    results.remove(0).unwrap()
}

fn enveloped(message: &Value) -> Value {
    let message = message
        .as_str()
        .map_or_else(|| message.to_string(), ToOwned::to_owned);
    json!({"Type": "Notification", "MessageId": "m1", "TopicArn": "arn:aws:sns:eu-west-1:1:ops", "Message": message,
        "Timestamp": "2024-12-20T10:15:41.120Z"})
}

fn alarm() -> Value {
    json!({"AlarmName": "cpu", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:1:alarm:cpu", "NewStateValue": "ALARM",
        "StateChangeTime": "2024-12-20T10:00:00.000+0000"})
}

const RAW: [(&str, &str); 2] = [("x-amz-sns-rawdelivery", "true"), ("x-amz-sns-message-id", "m1")];

#[test]
fn a_message_is_the_same_in_its_envelope_and_raw() {
    let (enveloped, raw) = (only(&enveloped(&alarm()), &[]), only(&alarm(), &RAW));
    assert_eq!(enveloped, raw);
    assert_eq!(enveloped.delivery_key, "sns:m1");
    assert_eq!(only(&alarm(), &[]).delivery_key, "");
    let long = "x".repeat(300);
    let key = only(&alarm(), &[RAW[0], ("x-amz-sns-message-id", &long)]).delivery_key;
    assert_eq!(key.len(), "sns:".len() + 32);
}

#[test]
fn the_messages_own_delivery_key_goes_before_that_of_sns() {
    let event = json!({"id": "e1", "source": "a", "detail-type": "b", "detail": {}});
    assert_eq!(only(&enveloped(&event), &[]).delivery_key, "eventbridge:e1");
    let two = json!([alarm(), alarm()]);
    let keys = results(&enveloped(&two), &[])
        .into_iter()
        .map(|result| result.unwrap().delivery_key);
    assert_eq!(keys.collect::<Vec<_>>(), ["sns:m1#0", "sns:m1#1"]);
}

#[test]
fn a_subscriptions_own_messages_are_no_items() {
    for kind in ["SubscriptionConfirmation", "UnsubscribeConfirmation"] {
        let body = json!({"Type": kind, "TopicArn": "t", "Message": "You have chosen …", "Token": "x"});
        assert_eq!(results(&body, &[]), []);
    }
}

#[test]
fn a_text_is_told_by_the_default_format_and_refused_by_another() {
    let mut body = enveloped(&json!("Budget\n80 % used"));
    let event = only(&body, &[]);
    assert_eq!(
        (&*event.title, &*event.description),
        ("Budget", "Budget\n80 % used")
    );
    assert_eq!(event.source.reported, "arn:aws:sns:eu-west-1:1:ops");
    assert_eq!((&*event.account, &*event.region), ("1", "eu-west-1"));
    body["Subject"] = "Shop".into();
    assert_eq!(only(&body, &[]).title, "Shop");
    assert_ne!(only(&body, &[]).fingerprint, event.fingerprint);
    let refusal = results_as(Format::Webhook, &body.to_string(), &[])
        .remove(0)
        .unwrap_err();
    assert!(refusal.message.starts_with("Message: not JSON: "), "{refusal}");
}

#[test]
fn a_text_that_nothing_says_is_from_sns_is_no_notice() {
    let refusal = results_as(Format::EventBridge, "hello", &[])
        .remove(0)
        .unwrap_err();
    assert!(refusal.message.starts_with("not JSON: "), "{refusal}");
    assert!(results_as(Format::EventBridge, "hello", &RAW).remove(0).is_ok());
}

#[test]
fn a_text_that_begins_with_a_bracket_is_a_text() {
    for (text, template) in [
        ("[ALARM] disk full on db-1", "[ALARM] disk full on db-<num>"),
        ("{cut", "{cut"),
    ] {
        let event = only(&enveloped(&json!(text)), &[]);
        assert_eq!((&*event.title, &*event.template), (text, template));
        let raw = results_as(Format::EventBridge, text, &RAW).remove(0).unwrap();
        assert_eq!(raw.title, text);
    }
}

#[test]
fn a_list_is_known_by_an_element_only() {
    let stranger = json!([{"anomalyId": "a1"}, 1]);
    let event = only(&enveloped(&stranger), &[]);
    assert_eq!(event.title, "SNS notification");
    let data = event.data.unwrap();
    assert_eq!(data.get(), r#"{"Message":[{"anomalyId":"a1"},1]}"#);
    assert_eq!(results(&enveloped(&json!([])), &[]).len(), 1);
    let deep = format!("[{}{}]", "[".repeat(64), "]".repeat(64));
    assert!(results(&enveloped(&json!(deep)), &[]).remove(0).is_err());
    let known = results(&enveloped(&json!([{"anomalyId": "a1"}, alarm()])), &[]);
    assert_eq!(
        (known.len(), known[1].as_ref().unwrap().source.format.as_ref()),
        (2, "eventbridge")
    );
}

#[test]
fn a_strangers_json_is_a_notice_and_keeps_all_it_says() {
    let mut body = enveloped(&json!({"anomalyId": "a1", "impact": {"total": 7}}));
    body["MessageAttributes"] = json!({"team": {"Type": "String", "Value": "shop"}});
    let event = only(&body, &[]);
    assert_eq!(event.title, "SNS notification");
    assert_eq!(
        event.data.unwrap().get(),
        r#"{"Message":{"anomalyId":"a1","impact":{"total":7}},"MessageAttributes":{"team":{"Type":"String","Value":"shop"}}}"#
    );
}

#[test]
fn a_refusal_says_that_it_is_about_the_message() {
    let message = json!({"source": "a", "detail-type": "b", "time": "noon"});
    let refusal = results(&enveloped(&message), &[]).remove(0).unwrap_err();
    assert!(
        refusal.message.starts_with("Message: time: \"noon\""),
        "{refusal}"
    );
    let mut body = enveloped(&message);
    body["Type"] = "Other".into();
    assert_eq!(
        results(&body, &[]).remove(0).unwrap_err().message,
        "Type: \"Other\" is none of Notification, SubscriptionConfirmation, UnsubscribeConfirmation"
    );
    body["Type"] = "Notification".into();
    body["Message"] = " ".into();
    assert_eq!(
        results(&body, &[]).remove(0).unwrap_err().message,
        "Message: missing or empty; a notification has a message"
    );
}
