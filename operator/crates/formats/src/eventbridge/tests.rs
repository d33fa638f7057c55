//! What AWS delivers, and what becomes of it: states, identities, life cycles, and what is refused with a reason.

use domain::event::EventState;
use domain::severity::Severity;
use domain::time::Time;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::MAX_ITEMS;

/// 2024-12-20T10:30:05Z.
const RECEIVED_AT: Time = Time::from_millis(1_734_690_605_000);

fn results(body: &Value, insufficient_data: InsufficientData) -> Vec<Result<Event<'static>, Refusal>> {
    let body = body.to_string();
    let input = Input {
        body: body.as_bytes(),
        headers: &[],
        received_at: RECEIVED_AT,
        source: "s",
    };
    let items: Vec<_> = parse(&body, input, insufficient_data).unwrap().collect();
    let texts = texts(&body, insufficient_data).unwrap();
    assert_eq!(texts.len(), items.len());
    items
        .into_iter()
        .map(|item| item.result.map(Event::into_owned))
        .collect()
}

fn events(body: &Value) -> Vec<Event<'static>> {
    let results = results(body, InsufficientData::Ignore);
    results.into_iter().map(Result::unwrap).collect()
}

fn only(body: &Value) -> Event<'static> {
    let mut events = events(body);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn refusal(body: &Value) -> String {
    let mut results = results(body, InsufficientData::Ignore);
    results.remove(0).unwrap_err().message
}

fn with(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    value
}

fn delivered(source: &str, detail_type: &str, detail: &Value) -> Value {
    json!({"id": "e1", "source": source, "detail-type": detail_type, "account": "1", "region": "eu-west-1",
        "time": "2024-12-20T10:20:00Z", "detail": detail})
}

fn health(changes: &Value) -> Value {
    let detail = json!({"eventArn": "arn:aws:health:eu-west-1::event/E/1", "eventTypeCode": "AWS_E_LOST", "service": "E",
        "eventTypeCategory": "issue", "communicationId": "c0ffee-1", "page": "1", "statusCode": "open",
        "startTime": "Fri, 20 Dec 2024 10:00:00 GMT", "lastUpdatedTime": "Fri, 20 Dec 2024 10:10:00 GMT",
        "affectedAccount": "7"});
    delivered("aws.health", "AWS Health Event", &with(detail, changes))
}

/// The first was found by a fuzzer.
#[test]
fn a_health_event_always_has_a_title() {
    for (code, title) in [
        ("AWS_", "AWS_ (eu-west-1)"),
        ("AWS____", "AWS____ (eu-west-1)"),
        ("AWS_E_", "E (eu-west-1)"),
        ("AWS_E_LOST", "E lost (eu-west-1)"),
    ] {
        let event = events(&health(&json!({"eventTypeCode": code}))).remove(0);
        assert_eq!(event.title, title);
    }
}

#[test]
fn a_health_event_is_one_occurrence_from_its_announcement_to_its_end() {
    let messages = [
        json!({"statusCode": "upcoming", "lastUpdatedTime": "Fri, 20 Dec 2024 09:50:00 GMT"}),
        json!({}),
        json!({"statusCode": "closed", "lastUpdatedTime": "Fri, 20 Dec 2024 10:25:00 GMT"}),
    ];
    let events: Vec<_> = messages.iter().map(|message| only(&health(message))).collect();
    let states: Vec<_> = events.iter().map(|event| event.state).collect();
    assert_eq!(
        states,
        [EventState::Firing, EventState::Firing, EventState::Resolved]
    );
    for pair in events.windows(2) {
        assert_eq!(
            (pair[0].fingerprint, pair[0].occurrence_key),
            (pair[1].fingerprint, pair[1].occurrence_key)
        );
        assert!(pair[0].occurred_at < pair[1].occurred_at);
        assert_ne!(
            pair[0].delivery_key, pair[1].delivery_key,
            "though the message's id is the same"
        );
    }
}

#[test]
fn pages_are_deliveries_of_their_own_and_the_copy_of_the_backup_region_is_not() {
    let page = |id: &str, page: &str| only(&health(&json!({"communicationId": id, "page": page})));
    let (first, second) = (page("c0ffee-1", "1"), page("c0ffee-2", "2"));
    assert_ne!(first.delivery_key, second.delivery_key);
    assert_eq!(first.occurrence_key, second.occurrence_key);
    let mut copy = health(&json!({"backupEvent": "true"}));
    copy["id"] = "e2".into();
    copy["region"] = "us-east-1".into();
    assert_eq!(only(&copy).delivery_key, first.delivery_key);
    // As in AWS's mock events: no page in the id.
    assert_eq!(page("c0ffee", "1").delivery_key, first.delivery_key);
}

#[test]
fn members_of_an_organisation_do_not_swallow_each_other() {
    let (one, other) = (
        only(&health(&json!({}))),
        only(&health(&json!({"affectedAccount": "8"}))),
    );
    assert_ne!(one.fingerprint, other.fingerprint);
    assert_ne!(one.delivery_key, other.delivery_key);
    assert_eq!(
        (&*one.account, one.labels.get("deliveredToAccount")),
        ("7", Some("1"))
    );
}

#[test]
fn a_change_is_high_from_three_days_before_it_starts() {
    let severity = |start: &str| {
        only(&health(
            &json!({"eventTypeCategory": "scheduledChange", "startTime": start}),
        ))
        .severity
    };
    assert_eq!(severity("Mon, 23 Dec 2024 10:30:06 GMT"), Severity::Medium);
    assert_eq!(severity("Mon, 23 Dec 2024 10:30:05 GMT"), Severity::High);
    assert_eq!(severity("Sun, 1 Dec 2024 00:00:00 GMT"), Severity::High);
}

#[test]
fn a_detail_that_is_text_means_what_it_says() {
    let event = health(&json!({}));
    let mut packed = event.clone();
    packed["detail"] = event["detail"].to_string().into();
    let unpacked = |body| Event {
        data: None,
        ..only(body)
    };
    assert_eq!(unpacked(&packed), unpacked(&event));
    packed["detail"] = r#"{"eventTypeCode":"x"}"#.into();
    assert_eq!(
        refusal(&json!([packed])),
        "[0].detail.eventArn: missing or empty; an event of AWS Health has an ARN"
    );
    packed["detail"] = "\"{}\"".into();
    assert_eq!(
        refusal(&packed),
        "detail: a text that is not the JSON of an object"
    );
    packed["detail"] = format!("{}1{}", "{\"a\":".repeat(MAX_DEPTH), "}".repeat(MAX_DEPTH)).into();
    assert_eq!(
        refusal(&json!([packed, event])),
        "[0].detail: nested deeper than 64 levels; send less of it"
    );
    assert_eq!(
        refusal(&packed),
        "detail: nested deeper than 64 levels; send less of it"
    );
}

fn finding(changes: &Value) -> Value {
    let finding = json!({"Id": "f1", "ProductArn": "p1", "Title": "Open bucket", "CreatedAt": "2024-12-19T00:00:00Z",
        "UpdatedAt": "2024-12-20T10:00:00Z", "Severity": {"Label": "HIGH"}, "Compliance": {"Status": "FAILED"},
        "Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE"});
    let findings = json!({"findings": [with(finding, changes)]});
    delivered("aws.securityhub", "Security Hub Findings - Imported", &findings)
}

#[test]
fn an_import_again_is_a_repeat_and_each_way_to_be_done_is_the_end() {
    let first = only(&finding(&json!({})));
    let again = only(&finding(
        &json!({"UpdatedAt": "2024-12-20T10:20:00Z", "LastObservedAt": "2024-12-20T10:20:00Z"}),
    ));
    assert_eq!(
        (first.fingerprint, first.occurrence_key, first.state),
        (again.fingerprint, again.occurrence_key, again.state)
    );
    for end in [
        json!({"Workflow": {"Status": "RESOLVED"}}),
        json!({"Workflow": {"Status": "SUPPRESSED"}}),
        json!({"RecordState": "ARCHIVED"}),
        json!({"Compliance": {"Status": "PASSED"}}),
    ] {
        let event = only(&finding(&end));
        assert_eq!(
            (event.state, event.occurrence_key),
            (EventState::Resolved, first.occurrence_key),
            "{end}"
        );
    }
    assert_eq!(
        only(&finding(&json!({"Workflow": {"Status": "NOTIFIED"}}))).state,
        EventState::Firing
    );
}

#[test]
fn what_a_person_does_to_a_finding_is_later_than_its_last_import() {
    let imported = only(&with(
        finding(&json!({})),
        &json!({"time": "2024-12-20T10:00:03Z"}),
    ));
    let resolved = only(&finding(&json!({"Workflow": {"Status": "RESOLVED"}})));
    assert!(
        imported.occurred_at < resolved.occurred_at,
        "though UpdatedAt is the same"
    );
    let late = json!({"UpdatedAt": "2024-12-20T10:25:00Z"});
    assert_eq!(
        only(&finding(&late)).occurred_at.to_string(),
        "2024-12-20T10:25:00.000Z"
    );
}

#[test]
fn a_finding_is_refused_alone_and_its_neighbours_have_keys_of_their_own() {
    let mut body = finding(&json!({}));
    let one = body["detail"]["findings"][0].clone();
    body["detail"]["findings"] = json!([one, {"Title": "no id"}, with(one.clone(), &json!({"Id": "f2"}))]);
    let results = results(&json!([body]), InsufficientData::Ignore);
    assert_eq!(results[0].as_ref().unwrap().delivery_key, "eventbridge:e1#0");
    assert_eq!(
        results[1].as_ref().unwrap_err().message,
        "[0].detail.findings[1].Id: missing or empty; a finding has an id"
    );
    assert_eq!(results[2].as_ref().unwrap().delivery_key, "eventbridge:e1#2");
}

#[test]
fn a_delivery_key_is_bounded() {
    let long = "x".repeat(300);
    let key = |event: &Value| events(event).remove(0).delivery_key.into_owned();
    let mut findings = finding(&json!({}));
    findings["id"] = long.clone().into();
    findings["detail"]["findings"] = vec![findings["detail"]["findings"][0].clone(); 2].into();
    let mut other = delivered("a", "b", &json!({}));
    other["id"] = long.clone().into();
    let hashed = "eventbridge:".len() + 32;
    assert_eq!(key(&findings).len(), hashed + "#0".len());
    for event in [other, health(&json!({"communicationId": long}))] {
        assert_eq!(key(&event).len(), hashed);
    }
}

#[test]
fn findings_of_several_events_count_together() {
    let mut event = finding(&json!({}));
    event["detail"]["findings"] = vec![json!({}); MAX_ITEMS].into();
    let body = json!([event, event]).to_string();
    let refusal = split(&body).err().unwrap();
    assert_eq!(refusal.reason, Reason::TooManyItems);
}

#[test]
fn findings_in_texts_count_together() {
    let mut event = finding(&json!({}));
    let parsed = |events: &Value| {
        let body = events.to_string();
        let input = Input {
            body: body.as_bytes(),
            headers: &[],
            received_at: RECEIVED_AT,
            source: "s",
        };
        let items = parse(&body, input, InsufficientData::Ignore).map(|items| items.len());
        let texts = texts(&body, InsufficientData::Ignore).map(|texts| texts.len());
        (items, texts)
    };
    let mut of = |count: usize| {
        event["detail"] = json!({"findings": vec![json!({}); count]}).to_string().into();
        event.clone()
    };
    let (half, too_many) = (of(MAX_ITEMS / 2), of(MAX_ITEMS + 1));
    assert_eq!(parsed(&json!([half, half])), (Ok(MAX_ITEMS), Ok(MAX_ITEMS)));
    for body in [json!([half, half, half]), json!([too_many]), too_many] {
        let (items, texts) = parsed(&body);
        assert_eq!(items.unwrap_err().reason, Reason::TooManyItems);
        assert_eq!(texts.unwrap_err().reason, Reason::TooManyItems);
    }
}

const SINCE: &str = "2024-12-20T10:00:00.000+0000";
const LATER: &str = "2024-12-20T10:10:00.000+0000";
const ARN: &str = "arn:aws:cloudwatch:eu-west-1:1:alarm:cpu";

fn alarm(state: &str, at: &str, before: &str, since: &str) -> Value {
    let detail = json!({"alarmName": "cpu", "state": {"value": state, "timestamp": at},
        "previousState": {"value": before, "timestamp": since}});
    let mut event = delivered("aws.cloudwatch", "CloudWatch Alarm State Change", &detail);
    event["resources"] = json!([ARN]);
    event
}

fn notification(state: &str, at: &str, before: &str) -> Value {
    json!({"AlarmName": "cpu", "AlarmArn": ARN, "NewStateValue": state, "OldStateValue": before,
        "StateChangeTime": at, "Region": "EU (Ireland)"})
}

#[test]
fn an_alarm_is_the_same_by_both_ways_and_an_ok_ends_it() {
    let fires = only(&alarm("ALARM", SINCE, "OK", "2024-12-20T09:00:00.000+0000"));
    let notified = only(&notification("ALARM", SINCE, "OK"));
    assert_eq!(
        (fires.fingerprint, fires.occurrence_key, fires.occurred_at),
        (
            notified.fingerprint,
            notified.occurrence_key,
            notified.occurred_at
        )
    );
    assert_eq!(notified.region, "eu-west-1");
    let ends = only(&alarm("OK", LATER, "ALARM", SINCE));
    assert_eq!(
        (ends.state, ends.fingerprint, ends.occurrence_key),
        (EventState::Resolved, fires.fingerprint, fires.occurrence_key)
    );
    let ends = only(&notification("OK", LATER, "ALARM"));
    assert_eq!(
        (ends.state, ends.fingerprint),
        (EventState::Resolved, fires.fingerprint)
    );
    assert!(ends.occurred_at > fires.occurred_at);
    assert_ne!(
        only(&alarm("ALARM", LATER, "OK", SINCE)).occurrence_key,
        fires.occurrence_key
    );
    // A composite alarm that is no longer suppressed.
    assert_eq!(
        only(&alarm("ALARM", LATER, "ALARM", SINCE)).occurrence_key,
        fires.occurrence_key
    );
}

#[test]
fn each_time_series_of_an_alarm_ends_by_itself_and_is_the_same_by_both_ways() {
    let told = |state: &str, id: &str| {
        let mut event = alarm(state, SINCE, "", SINCE);
        event["detail-type"] = "CloudWatch Alarm Contributor State Change".into();
        event["detail"]["alarmContributor"] = json!({"id": id, "attributes": {"TableName": id}});
        only(&event)
    };
    let notified = |state: &str, id: &str| {
        let contributor = json!({"AlarmContributorId": id, "AlarmContributorAttributes": {"TableName": id}});
        only(&with(notification(state, SINCE, "OK"), &contributor))
    };
    let (one, other) = (told("ALARM", "orders"), told("ALARM", "carts"));
    assert_ne!(one.fingerprint, other.fingerprint);
    let whole = only(&alarm("ALARM", SINCE, "OK", SINCE));
    assert_ne!(one.fingerprint, whole.fingerprint);
    assert_eq!(
        (one.labels.get("TableName"), &*one.resource),
        (Some("orders"), "orders")
    );
    let ends = told("OK", "carts");
    assert_eq!(
        (ends.state, ends.fingerprint),
        (EventState::Resolved, other.fingerprint)
    );
    let notified = notified("ALARM", "orders");
    assert_eq!(
        (notified.fingerprint, notified.labels.get("TableName")),
        (one.fingerprint, Some("orders"))
    );
    assert_eq!(notified.fingerprint_fields.0, ["AlarmArn", "AlarmContributorId"]);
}

#[test]
fn what_cloudwatch_silences_says_so() {
    let labels = |changes: &Value| {
        let mut event = alarm("ALARM", SINCE, "OK", SINCE);
        for (name, change) in changes.as_object().unwrap() {
            event["detail"][name] = change.clone();
        }
        let labels = only(&event).labels;
        ["muted", "actionsSuppressedBy"].map(|name| labels.get(name).map(ToOwned::to_owned))
    };
    assert_eq!(labels(&json!({"muteDetail": null})), [None, None]);
    let muted = json!({"muteDetail": {"mutedByArn": "arn:aws:cloudwatch:eu-west-1:1:alarm-mute-rule:night"}});
    assert_eq!(labels(&muted), [Some("true".into()), None]);
    let suppressed =
        json!({"state": {"value": "ALARM", "timestamp": SINCE, "actionsSuppressedBy": "WaitPeriod"}});
    assert_eq!(labels(&suppressed), [None, Some("WaitPeriod".into())]);
}

#[test]
fn an_alarm_without_data_is_what_the_source_says() {
    let body = json!([
        alarm("INSUFFICIENT_DATA", LATER, "ALARM", SINCE),
        notification("ALARM", SINCE, "OK")
    ]);
    assert_eq!(results(&body, InsufficientData::Ignore).len(), 1);
    for (setting, state) in [
        (InsufficientData::Firing, EventState::Firing),
        (InsufficientData::Resolved, EventState::Resolved),
    ] {
        let results = results(&body, setting);
        assert_eq!((results.len(), results[0].as_ref().unwrap().state), (2, state));
    }
}

#[test]
fn of_many_tags_and_dimensions_as_many_are_kept_as_an_event_may_have() {
    let many: serde_json::Map<_, _> = (0..20_000).map(|n| (format!("t{n}"), "v".into())).collect();
    let metric = json!({"name": "m", "dimensions": many});
    let mut event = alarm("ALARM", SINCE, "OK", SINCE);
    event["detail"]["alarmTags"] = many.clone().into();
    event["detail"]["configuration"] = json!({"metrics": [{"metricStat": {"metric": metric}}]});
    // With a search for each of them this would take half a minute.
    assert_eq!(only(&event).labels.len(), domain::event::bounds::LABELS);
}

#[test]
fn an_object_is_the_same_by_event_and_by_notification() {
    let detail = json!({"bucket": {"name": "b"}, "object": {"key": "a b+c", "sequencer": "1"}});
    let event = only(&delivered("aws.s3", "Object Created", &detail));
    let record = json!({"eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%2Bc", "sequencer": "1"}}});
    let notified = only(&json!({"Records": [record]}));
    assert_eq!(
        (event.fingerprint, &event.title),
        (notified.fingerprint, &notified.title)
    );
    assert_eq!(event.title, "Object Created: b/a b+c");
}

#[test]
fn what_is_nobodys_problem_is_no_item() {
    let change = delivered(
        "aws.cloudwatch",
        "CloudWatch Alarm Configuration Change",
        &json!({}),
    );
    let body = json!([change, {"Event": "s3:TestEvent"}, {"Records": []}]);
    assert_eq!(events(&body), []);
}

#[test]
fn an_event_of_any_other_source_is_known_again_by_its_resources_or_its_id() {
    let of = |resources: &Value, detail: &Value| {
        let mut event = delivered("my.shop", "order failed", detail);
        event["resources"] = resources.clone();
        only(&event)
    };
    let one = of(&json!(["r1"]), &json!({"id": "1"}));
    assert_eq!((one.state, &*one.title), (EventState::Info, "order failed"));
    assert_eq!(
        one.fingerprint,
        of(&json!(["r1"]), &json!({"id": "2"})).fingerprint
    );
    assert_ne!(
        one.fingerprint,
        of(&json!(["r2"]), &json!({"id": "1"})).fingerprint
    );
    assert_ne!(
        of(&json!([]), &json!({"id": "1"})).fingerprint,
        of(&json!([]), &json!({"id": "2"})).fingerprint
    );
    assert!(one.occurrence_key.is_absent());
}

proptest! {
    #[test]
    fn every_item_has_a_text(
        kinds in prop::collection::vec(0..8_usize, 0..6),
        as_text in any::<bool>(),
    ) {
        let samples = [
            health(&json!({})),
            finding(&json!({})),
            alarm("ALARM", SINCE, "OK", SINCE),
            notification("OK", SINCE, "ALARM"),
            json!({"Event": "s3:TestEvent"}),
            json!({"Records": [{}, 1]}),
            json!("none"),
            alarm("INSUFFICIENT_DATA", SINCE, "OK", SINCE),
        ];
        let body: Vec<_> = kinds.into_iter().map(|kind| {
            let mut event = samples[kind].clone();
            if as_text && event["detail"].is_object() {
                event["detail"] = event["detail"].to_string().into();
            }
            event
        }).collect();
        let body = Value::from(body).to_string();
        let input = Input { body: body.as_bytes(), headers: &[], received_at: RECEIVED_AT, source: "s" };
        for setting in [InsufficientData::Ignore, InsufficientData::Firing] {
            let items = parse(&body, input, setting).unwrap();
            prop_assert_eq!(items.len(), texts(&body, setting).unwrap().len());
        }
    }
}
