//! Falco's alerts as Falco and Falcosidekick send them.

use domain::event::EventState;
use domain::time::Time;

use super::*;

fn input(body: &str) -> Input<'_> {
    Input {
        body: body.as_bytes(),
        headers: &[],
        received_at: Time::from_millis(1_734_690_605_000),
        source: "s",
    }
}

fn event(members: &str) -> Event<'static> {
    let body = format!("{{{members}}}");
    let item = parse(&body, input(&body)).unwrap().next().unwrap();
    item.result.unwrap().into_owned()
}

fn of_fields(fields: &str) -> Event<'static> {
    event(&format!(
        r#""rule":"R","hostname":"node-1","output_fields":{{{fields}}}"#
    ))
}

#[test]
fn priorities_follow_the_table_and_an_unknown_one_is_kept_as_a_label() {
    let of = |priority: &str| {
        let event = event(&format!(r#""rule":"R","priority":"{priority}""#));
        (event.severity, event.severity_from.into_owned())
    };
    for (priority, severity) in [
        ("Emergency", Severity::Critical),
        ("ALERT", Severity::Critical),
        ("Critical", Severity::Critical),
        ("Error", Severity::High),
        ("Warning", Severity::Medium),
        ("Notice", Severity::Low),
        ("Informational", Severity::Info),
        ("Debug", Severity::Info),
    ] {
        assert_eq!(of(priority), (severity, "priority".to_owned()), "{priority}");
    }
    assert_eq!(of(""), (Severity::Medium, "default".to_owned()));
    let odd = event(r#""rule":"R","priority":"Grave""#);
    assert_eq!(
        (&*odd.severity_from, odd.labels.get("priority")),
        ("default", Some("Grave"))
    );
}

#[test]
fn the_output_does_not_make_another_problem_and_the_pod_does() {
    let of = |output: &str, pod: &str| {
        event(&format!(
            r#""rule":"R","output":"{output}","output_fields":{{"k8s.ns.name":"shop","k8s.pod.name":"{pod}","proc.pid":{}}}"#,
            output.len()
        ))
    };
    let first = of("10:00: one", "web-1");
    assert_eq!(first.fingerprint, of("10:01: another", "web-1").fingerprint);
    assert_ne!(first.fingerprint, of("10:00: one", "web-2").fingerprint);
    assert_eq!(
        (first.state, first.occurrence_key.is_absent()),
        (EventState::Firing, true)
    );
}

#[test]
fn the_place_of_a_problem_is_the_pod_else_the_audited_object_else_the_host() {
    let names = |fields: &str| of_fields(fields).fingerprint_fields.0.join(" ");
    assert_eq!(
        names(r#""k8s.ns.name":"shop","k8s.pod.name":"web-1","container.image.repository":"nginx""#),
        "source.name rule output_fields.k8s.ns.name output_fields.k8s.pod.name output_fields.container.image.repository"
    );
    assert_eq!(
        names(r#""ka.target.resource":"secrets","ka.target.name":"db""#),
        "source.name rule output_fields.ka.target.resource output_fields.ka.target.name"
    );
    assert_eq!(
        names(r#""k8s.ns.name":null,"k8s.pod.name":"<NA>","container.image.repository":"nginx""#),
        "source.name rule hostname output_fields.container.image.repository"
    );
    assert_eq!(names(""), "source.name rule hostname");
    let resource = |fields: &str| of_fields(fields).resource.into_owned();
    assert_eq!(resource(r#""ka.target.name":"db""#), "db");
    assert_eq!(resource(r#""container.name":"web""#), "web");
    assert_eq!(resource(r#""container.name":"host""#), "node-1");
}

#[test]
fn the_pod_is_the_same_by_either_of_its_names() {
    let plain = of_fields(r#""k8s.ns.name":"shop","k8s.pod.name":"web-1""#);
    let plugin = of_fields(r#""k8smeta.pod.name":"web-1","k8smeta.ns.name":"shop","k8s.pod.name":null"#);
    assert_eq!(plain.fingerprint, plugin.fingerprint);
}

#[test]
fn custom_fields_become_labels_and_what_they_commonly_mean() {
    let event =
        of_fields(r#""team":"payments","env":"prod","replicas":3,"k8s.ns.name":"shop","namespace":"mine""#);
    assert_eq!((&*event.team, &*event.environment), ("payments", "prod"));
    let labels: Vec<_> = event.labels.iter().collect();
    assert_eq!(
        labels,
        [
            ("env", "prod"),
            ("namespace", "shop"),
            ("replicas", "3"),
            ("team", "payments")
        ]
    );
}

#[test]
fn times_in_nanoseconds_and_as_text_are_one_moment() {
    let of = |time: &str| event(&format!(r#""rule":"R","time":{time}"#)).occurred_at;
    assert_eq!(
        of("1734690601123456789"),
        of(r#""2024-12-20T10:30:01.123456789Z""#)
    );
}

#[test]
fn an_id_is_the_delivery_key() {
    let of = |uuid: &str| {
        event(&format!(r#""rule":"R","uuid":"{uuid}""#))
            .delivery_key
            .into_owned()
    };
    assert_eq!(of("0190-a"), "falco:0190-a");
    assert_eq!(of(""), "");
    assert_eq!(of(&"x".repeat(300)).len(), "falco:".len() + 32);
}

#[test]
fn tags_beyond_the_bound_stay_in_data() {
    let many: Vec<_> = (0..60).map(|n| format!("\"t{n}\"")).collect();
    let of = |tags: &str| event(&format!(r#""rule":"R","tags":{tags}"#));
    let event = of(&format!("[{}]", many.join(",")));
    assert_eq!(event.tags.0.len(), TAGS);
    assert!(event.data.unwrap().get().contains("\"t59\""));
    assert_eq!(
        of(r#""container""#).data.unwrap().get(),
        r#"{"tags":"container"}"#
    );
    assert!(of("null").data.is_none() && of("[]").data.is_none());
}

#[test]
fn an_alert_without_a_rule_is_refused_alone() {
    let body = r#"[{"rule":"A"},{"output":"x"},{"rule":"B"}]"#;
    let items: Vec<_> = parse(body, input(body))
        .unwrap()
        .map(|item| item.result)
        .collect();
    assert!(items[0].is_ok() && items[2].is_ok());
    assert_eq!(
        items[1].as_ref().unwrap_err().message,
        "[1].rule: missing or empty; send Falco's JSON (json_output: true), which names its rule"
    );
    assert_eq!(
        texts(body).unwrap(),
        [r#"{"rule":"A"}"#, r#"{"output":"x"}"#, r#"{"rule":"B"}"#]
    );
}
