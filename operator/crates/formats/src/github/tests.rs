//! GitHub's deliveries: which begin, end or merely tell of something, and which problem each is of.

#![allow(
    clippy::needless_pass_by_value,
    reason = "a test reads best with its JSON in the call"
)]

use serde_json::{Value, json};

use super::*;

const RECEIVED_AT: Time = Time::from_millis(1_734_690_605_000);

fn input<'a>(headers: &'a [(&'a str, &'a str)]) -> Input<'a> {
    Input {
        body: b"",
        headers,
        received_at: RECEIVED_AT,
        source: "s",
    }
}

/// The item of a delivery, to which the repository is added.
fn item(event: &str, mut body: Value) -> Option<Result<Event<'static>, Refusal>> {
    body["repository"] = json!({
        "name": "shop", "full_name": "octo-org/shop", "html_url": "https://github.com/octo-org/shop", "default_branch": "main"
    });
    let body = body.to_string();
    let headers = [("x-github-event", event)];
    let mut items = parse(&body, input(&headers)).unwrap();
    let item = items.next()?;
    assert_eq!(items.len(), 0);
    Some(item.result.map(Event::into_owned))
}

fn told(event: &str, body: Value) -> Event<'static> {
    item(event, body).unwrap().unwrap()
}

fn run(conclusion: &str, more: Value) -> Value {
    let mut body = json!({"action": "completed", "workflow_run": {
        "workflow_id": 7, "name": "CI", "conclusion": conclusion, "head_branch": "main", "head_sha": "c0ffee",
        "head_repository": {"full_name": "octo-org/shop"}, "updated_at": "2024-12-20T10:00:00Z"
    }});
    for (name, value) in more.as_object().unwrap() {
        body["workflow_run"][name] = value.clone();
    }
    body
}

fn states<'s>(
    event: &str,
    bodies: impl Iterator<Item = (&'s str, Value)>,
) -> Vec<(&'s str, Option<EventState>)> {
    bodies
        .map(|(name, body)| (name, item(event, body).map(|item| item.unwrap().state)))
        .collect()
}

#[test]
fn only_a_verdict_moves_a_branch() {
    let conclusions = [
        ("failure", Some(EventState::Firing)),
        ("timed_out", Some(EventState::Firing)),
        ("startup_failure", Some(EventState::Firing)),
        ("success", Some(EventState::Resolved)),
        ("cancelled", None),
        ("skipped", None),
        ("neutral", None),
        ("stale", None),
        ("action_required", None),
        ("", None),
        ("gave_up", Some(EventState::Info)),
    ];
    let runs = conclusions.map(|(conclusion, _)| (conclusion, run(conclusion, json!({}))));
    assert_eq!(states("workflow_run", runs.into_iter()), conclusions);
    let checks = conclusions.map(|(conclusion, _)| {
        let check = json!({"name": "lint", "conclusion": conclusion, "check_suite": {"head_branch": "main"}});
        (conclusion, json!({"action": "completed", "check_run": check}))
    });
    assert_eq!(states("check_run", checks.into_iter()), conclusions);
}

#[test]
fn a_run_that_has_not_ended_is_no_event() {
    for action in ["requested", "in_progress"] {
        let mut body = run("failure", json!({}));
        body["action"] = action.into();
        assert!(item("workflow_run", body).is_none());
    }
    let check = |action: &str| json!({"action": action, "check_run": {"name": "lint", "conclusion": "failure", "head_sha": "c"}});
    assert!(item("check_run", check("rerequested")).is_none());
    assert_eq!(told("check_run", check("created")).state, EventState::Firing);
    assert_eq!(
        told("check_run", check("requested_action")).state,
        EventState::Info
    );
}

#[test]
fn a_success_ends_the_failures_of_its_workflow_on_its_branch() {
    let key = |body: Value| {
        let event = told("workflow_run", body);
        assert!(!event.occurrence_key.is_absent());
        (event.fingerprint, event.occurrence_key)
    };
    let first = key(run("failure", json!({})));
    let later = json!({"updated_at": "2024-12-20T10:20:00Z", "head_sha": "decaf", "name": "CI (renamed)"});
    assert_eq!(first, key(run("failure", later.clone())));
    assert_eq!(first, key(run("success", later)));
    assert_ne!(first, key(run("success", json!({"head_branch": "next"}))));
    assert_ne!(first, key(run("success", json!({"workflow_id": 8}))));
    let fork = json!({"head_repository": {"full_name": "someone/shop"}});
    assert_ne!(first, key(run("success", fork)));
    assert_ne!(first, key(run("success", json!({"head_repository": null}))));
}

#[test]
fn red_on_the_default_branch_weighs_more() {
    let of = |more: Value| told("workflow_run", run("failure", more)).severity;
    assert_eq!(of(json!({})), Severity::High);
    assert_eq!(of(json!({"head_branch": "next"})), Severity::Low);
    assert_eq!(
        of(json!({"head_repository": {"full_name": "someone/shop"}})),
        Severity::Low
    );
}

#[test]
fn a_check_of_a_fork_has_its_commit_for_a_branch() {
    let check = |sha: &str, conclusion: &str| {
        told(
            "check_run",
            json!({"action": "completed", "check_run": {"name": "lint", "conclusion": conclusion, "head_sha": sha,
                "app": {"id": 3, "slug": "linter"}, "check_suite": {"head_branch": null}}}),
        )
    };
    let failed = check("c1", "failure");
    assert_eq!(failed.fingerprint, check("c1", "success").fingerprint);
    assert_ne!(failed.fingerprint, check("c2", "success").fingerprint);
    assert_eq!(failed.title, "Check lint failed on c1 in octo-org/shop");
    assert_eq!(failed.severity, Severity::Low);
}

fn deployed(state: &str, environment: &str, is_production: Value) -> Value {
    json!({"action": "created",
        "deployment_status": {"state": state, "created_at": "2024-12-20T10:00:00Z"},
        "deployment": {"environment": environment, "task": "deploy", "ref": "v1.2", "production_environment": is_production}})
}

#[test]
fn a_deployment_that_succeeds_ends_the_failure_of_its_environment() {
    let of =
        |state: &str, environment: &str| told("deployment_status", deployed(state, environment, json!(true)));
    let failed = of("failure", "production");
    let succeeded = of("success", "production");
    assert_eq!(
        (failed.state, succeeded.state),
        (EventState::Firing, EventState::Resolved)
    );
    assert_eq!(failed.fingerprint, succeeded.fingerprint);
    assert_eq!(failed.occurrence_key, succeeded.occurrence_key);
    assert_ne!(failed.fingerprint, of("success", "staging").fingerprint);
    assert_eq!(
        failed.title,
        "Deployment of v1.2 to production in octo-org/shop failed"
    );
    for state in ["in_progress", "inactive", "pending", "queued", "waiting"] {
        assert!(item("deployment_status", deployed(state, "production", json!(true))).is_none());
    }
}

#[test]
fn a_failed_deployment_weighs_what_its_environment_does() {
    let of = |is_production: Value| told("deployment_status", deployed("error", "e", is_production)).severity;
    assert_eq!(of(json!(true)), Severity::High);
    assert_eq!(of(json!(false)), Severity::Low);
    assert_eq!(of(json!(null)), Severity::Medium);
}

#[test]
fn a_deployment_is_a_change_and_no_problem() {
    let body = json!({"action": "created", "deployment": {"environment": "production", "task": "deploy", "ref": "main"}});
    let event = told("deployment", body);
    assert_eq!((event.state, event.severity), (EventState::Info, Severity::Info));
    assert!(event.occurrence_key.is_absent());
    let status = told(
        "deployment_status",
        deployed("failure", "production", json!(true)),
    );
    assert_ne!(event.fingerprint, status.fingerprint);
}

fn alert(action: &str, more: Value) -> Value {
    let mut body = json!({"action": action, "alert": {"number": 5, "state": "open", "created_at": "2024-12-01T00:00:00Z"}});
    for (name, value) in more.as_object().unwrap() {
        body["alert"][name] = value.clone();
    }
    body
}

#[test]
fn actions_open_and_close_alerts() {
    use EventState::{Firing, Info, Resolved};
    let cases: [(&str, &[(&str, EventState)]); 3] = [
        (
            "code_scanning_alert",
            &[
                ("created", Firing),
                ("reopened", Firing),
                ("reopened_by_user", Firing),
                ("appeared_in_branch", Firing),
                ("fixed", Resolved),
                ("closed_by_user", Resolved),
                ("updated_assignment", Info),
            ],
        ),
        (
            "dependabot_alert",
            &[
                ("created", Firing),
                ("reopened", Firing),
                ("auto_reopened", Firing),
                ("reintroduced", Firing),
                ("fixed", Resolved),
                ("dismissed", Resolved),
                ("auto_dismissed", Resolved),
                ("assignees_changed", Info),
            ],
        ),
        (
            "secret_scanning_alert",
            &[
                ("created", Firing),
                ("reopened", Firing),
                ("publicly_leaked", Firing),
                ("resolved", Resolved),
                ("revoked", Resolved),
                ("validated", Info),
            ],
        ),
    ];
    for (event, actions) in cases {
        for (action, state) in actions {
            assert_eq!(
                told(event, alert(action, json!({}))).state,
                *state,
                "{event} {action}"
            );
        }
    }
    let dismissed = alert("appeared_in_branch", json!({"state": "dismissed"}));
    assert_eq!(told("code_scanning_alert", dismissed).state, Info);
    let leaked = |state: Value| {
        told(
            "secret_scanning_alert",
            alert("publicly_leaked", json!({"state": state})),
        )
        .state
    };
    assert_eq!((leaked(json!("resolved")), leaked(json!(null))), (Info, Firing));
}

#[test]
fn code_scanning_moves_a_problem_on_the_default_branch_only() {
    use EventState::{Firing, Info, Resolved};
    let state = |action: &str, git_ref: Value| {
        let mut body = alert(action, json!({}));
        body["ref"] = git_ref;
        told("code_scanning_alert", body).state
    };
    for (git_ref, found, fixed) in [
        (json!("refs/heads/main"), Firing, Resolved),
        (json!(null), Firing, Resolved),
        (json!(""), Firing, Resolved),
        (json!("refs/heads/next"), Info, Info),
        (json!("refs/pull/7/merge"), Info, Info),
    ] {
        for action in ["created", "reopened", "appeared_in_branch"] {
            assert_eq!(state(action, git_ref.clone()), found, "{action} {git_ref}");
        }
        assert_eq!(state("fixed", git_ref.clone()), fixed, "{git_ref}");
    }
    let by_user = |action: &str, found_in: &str| {
        let mut body = alert(action, json!({"most_recent_instance": {"ref": found_in}}));
        body["ref"] = "".into();
        told("code_scanning_alert", body).state
    };
    assert_eq!(by_user("reopened_by_user", "refs/heads/main"), Firing);
    assert_eq!(by_user("reopened_by_user", "refs/heads/next"), Info);
    assert_eq!(by_user("closed_by_user", "refs/heads/next"), Resolved);
}

#[test]
fn an_alert_is_one_problem_and_one_occurrence_until_it_is_closed() {
    let of = |action: &str, more: Value| told("dependabot_alert", alert(action, more));
    let created = of("created", json!({}));
    let fixed = of("fixed", json!({"fixed_at": "2024-12-02T00:00:00Z"}));
    let reopened = of("reopened", json!({"updated_at": "2024-12-03T00:00:00Z"}));
    for event in [&fixed, &reopened] {
        assert_eq!(created.fingerprint, event.fingerprint);
        assert_eq!(created.occurrence_key, event.occurrence_key);
    }
    assert!(created.occurred_at < fixed.occurred_at && fixed.occurred_at < reopened.occurred_at);
    assert_ne!(
        created.fingerprint,
        of("created", json!({"number": 6})).fingerprint
    );
    // The same number is another alert of another kind.
    let other = told("secret_scanning_alert", alert("created", json!({})));
    assert_ne!(created.fingerprint, other.fingerprint);
}

#[test]
fn what_happens_to_an_old_alert_is_not_as_old_as_the_alert() {
    for action in ["reopened", "fixed"] {
        for updated_at in [json!(null), json!("2024-12-01T00:00:00Z")] {
            let body = alert(action, json!({"updated_at": updated_at}));
            assert_eq!(told("code_scanning_alert", body).occurred_at, RECEIVED_AT);
        }
    }
}

#[test]
fn severities_come_from_the_rule_the_advisory_or_the_leak() {
    let severity = |event: &str, more: Value| {
        let event = told(event, alert("created", more));
        (event.severity, event.severity_from.into_owned())
    };
    let is = |severity: Severity, from: &str| (severity, from.to_owned());
    let scanned = |level: Value, word: &str| {
        let rule = json!({"rule": {"security_severity_level": level, "severity": word}});
        severity("code_scanning_alert", rule)
    };
    let (level, word) = ("alert.rule.security_severity_level", "alert.rule.severity");
    assert_eq!(
        scanned(json!("critical"), "warning"),
        is(Severity::Critical, level)
    );
    assert_eq!(scanned(json!(null), "error"), is(Severity::High, word));
    assert_eq!(scanned(json!(null), "warning"), is(Severity::Medium, word));
    assert_eq!(scanned(json!(null), "note"), is(Severity::Low, word));
    assert_eq!(scanned(json!(null), "none"), is(Severity::Info, word));
    assert_eq!(
        severity(
            "dependabot_alert",
            json!({"security_vulnerability": {"severity": "low"}})
        ),
        is(Severity::Low, "alert.security_vulnerability.severity")
    );
    assert_eq!(
        severity("secret_scanning_alert", json!({})),
        is(Severity::High, "default")
    );
    assert_eq!(
        severity("secret_scanning_alert", json!({"publicly_leaked": true})),
        is(Severity::Critical, "alert.publicly_leaked")
    );
}

#[test]
fn an_event_that_nobody_reads_is_told_as_it_is() {
    let event = told(
        "pull_request_review",
        json!({"action": "dismissed", "sender": {"login": "octocat"}}),
    );
    assert_eq!(event.title, "Pull request review dismissed in octo-org/shop");
    assert_eq!(
        (event.state, &*event.kind),
        (EventState::Info, "pull_request_review")
    );
    assert_eq!(event.labels.get("sender"), Some("octocat"));
    let organization = json!({"action": "member_added", "organization": {"login": "octo-org"}}).to_string();
    let headers = [("x-github-event", "organization")];
    let items = parse(&organization, input(&headers)).unwrap();
    let event = items.map(|item| item.result.unwrap()).next().unwrap();
    assert_eq!(event.title, "Organization member added in octo-org");
    assert_eq!(
        event.fingerprint_fields.0,
        ["X-GitHub-Event", "organization.login", "action"]
    );
    let push = told("push", json!({"ref": "refs/heads/main"}));
    assert_eq!(push.title, "Push in octo-org/shop");
}

#[test]
fn a_ping_is_a_success_without_an_event() {
    assert!(item("ping", json!({"zen": "Design for failure.", "hook_id": 1})).is_none());
    let body = r#"{"zen":"Design for failure."}"#;
    assert_eq!(parse(body, input(&[])).unwrap().len(), 0);
    assert!(texts(body, input(&[])).unwrap().is_empty());
}

#[test]
fn an_event_without_its_header_is_known_by_its_members() {
    let body = json!({"action": "created", "deployment": {}, "workflow_run": {}}).to_string();
    let item = parse(&body, input(&[])).unwrap().next().unwrap().result.unwrap();
    assert_eq!(item.kind, "deployment");
    let alert = json!({"action": "assigned", "alert": {"secret_type": "a"}}).to_string();
    let item = parse(&alert, input(&[])).unwrap().next().unwrap().result.unwrap();
    assert_eq!(item.kind, "secret_scanning_alert");
    let unknown = parse("{}", input(&[]))
        .unwrap()
        .next()
        .unwrap()
        .result
        .unwrap_err();
    assert_eq!(
        (unknown.reason, &*unknown.message),
        (
            Reason::MissingField,
            "no header X-GitHub-Event, and no event that is known without it; send the header on"
        )
    );
}

#[test]
fn the_delivery_is_the_delivery_key() {
    let of = |id: &str| {
        let headers = [("x-github-event", "push"), ("x-github-delivery", id)];
        let key = parse("{}", input(&headers))
            .unwrap()
            .next()
            .unwrap()
            .result
            .unwrap();
        key.delivery_key.into_owned()
    };
    assert_eq!(of("72d3162e-cc78-11e3"), "github:72d3162e-cc78-11e3");
    assert_eq!(of(""), "");
    assert_eq!(of(&"x".repeat(300)).len(), "github:".len() + 32);
}

#[test]
fn refusals_say_what_is_missing() {
    let message = |event: &str, body: Value| item(event, body).unwrap().unwrap_err().message;
    assert_eq!(
        message("workflow_run", json!({"action": "completed"})),
        "workflow_run: missing or empty; X-GitHub-Event says that it is there"
    );
    assert_eq!(
        message("workflow_run", run("failure", json!({"workflow_id": null}))),
        "workflow_run.workflow_id: missing or empty; it tells one workflow of a repository from another"
    );
    assert_eq!(
        message(
            "check_run",
            json!({"action": "completed", "check_run": {"conclusion": "failure"}})
        ),
        "check_run.name: missing or empty; it tells one check of a repository from another"
    );
    assert_eq!(
        message("dependabot_alert", alert("created", json!({"number": null}))),
        "alert.number: missing or empty; it tells one alert of a repository from another"
    );
    assert!(
        message("dependabot_alert", alert("fixed", json!({"fixed_at": "soon"})))
            .starts_with("alert.fixed_at: \"soon\" is no time")
    );
    assert!(
        message("check_run", json!({"action": "completed", "check_run": "lint"}))
            .starts_with("check_run: invalid type: string")
    );
    let form = parse("payload=%7B%7D", input(&[])).err().unwrap();
    assert_eq!(
        form.message,
        "the body is a form; set the webhook's content type to application/json"
    );
}
