//! What is seen becomes what is decided: the mirrors together.

use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use serde_json::json;

use super::*;
use crate::clock::now;
use crate::incidents::project;
use crate::key::WrittenQuestion;
use crate::observe::Feed;
use crate::samples::{at, record, rule_record, shown};

fn world() -> World {
    World::new(Policies::new("opsward-system").unwrap())
}

impl World {
    fn see(&mut self, observation: Observation) -> Touched {
        self.observe(observation, now(at(9_000)))
    }
}

fn key() -> Key {
    Key {
        kind: Kind::Incident,
        namespace: "shop".to_owned(),
        id: "k3v9q2mzra-1z4".to_owned(),
    }
}

fn object(version: &str) -> Box<OpsEvent> {
    let mut object = project::object(&record());
    object.metadata.resource_version = Some(version.to_owned());
    Box::new(object)
}

fn rule(name: &str, generation: i64) -> Box<WrittenRule> {
    let rule = json!({
        "metadata": {"name": name, "namespace": "shop", "uid": name, "generation": generation},
        "spec": {"match": {}},
    });
    Box::new(serde_json::from_value(rule).unwrap())
}

fn namespace(name: &str) -> Box<PartialObjectMeta<Namespace>> {
    Box::new(serde_json::from_value(json!({"metadata": {"name": name}})).unwrap())
}

fn version(world: &World) -> Option<String> {
    world.incident(&key()).1?.metadata.resource_version.clone()
}

#[test]
fn nothing_is_whole_before_every_watch_is() {
    let mut world = world();
    for last in [
        Observation::Incident(Feed::Whole),
        Observation::RuleRecord(Feed::Whole),
        Observation::Source(Feed::Whole),
        Observation::Notification(Box::new(Feed::Whole)),
        Observation::OpsEvent(Feed::Whole),
        Observation::Rule(Feed::Whole),
        Observation::Question(Feed::Whole),
        Observation::Policy(Feed::Whole),
        Observation::Binding(Feed::Whole),
        Observation::Namespace(Feed::Whole),
    ] {
        assert!(!world.is_whole());
        world.see(last);
    }
    assert!(world.is_whole());
}

#[test]
fn a_watch_that_is_behind_does_not_undo_what_a_write_answered() {
    let mut world = world();
    world.see(Observation::OpsEvent(Feed::There(object("9"))));
    world.ops_event_written(&key(), *object("10"));
    world.see(Observation::OpsEvent(Feed::There(object("9"))));
    assert_eq!(version(&world).as_deref(), Some("10"), "numbers, not text");
    world.see(Observation::OpsEvent(Feed::Gone(object("9"))));
    assert_eq!(version(&world).as_deref(), Some("10"), "created again since");
    world.see(Observation::OpsEvent(Feed::Gone(object("11"))));
    assert_eq!(version(&world), None);
}

#[test]
fn a_full_list_drops_what_went_meanwhile_and_looks_at_everything() {
    let mut world = world();
    world.see(Observation::OpsEvent(Feed::There(object("9"))));
    let bucket_key = "shop.k3v9q2mzra-1z4".to_owned();
    world.see(Observation::Incident(Feed::There((bucket_key, record()))));
    world.see(Observation::OpsEvent(Feed::Begin));
    assert_eq!(
        world.see(Observation::OpsEvent(Feed::Whole)),
        Touched::Caught(vec![key()])
    );
    assert_eq!(version(&world), None);
    assert!(world.incident(&key()).0.is_some());
}

#[test]
fn an_edited_rule_touches_its_neighbours_and_a_written_status_only_itself() {
    let mut world = world();
    let touched = world.see(Observation::Rule(Feed::There(rule("a", 1))));
    assert_eq!(touched, Touched::Rules(Some("shop".to_owned())));
    let touched = world.see(Observation::Rule(Feed::There(rule("a", 1))));
    assert!(matches!(touched, Touched::Keys(keys) if keys.len() == 1));
}

#[test]
fn a_rule_created_again_under_its_name_is_another_rule() {
    let mut world = world();
    world.see(Observation::Rule(Feed::There(rule("a", 1))));
    let key = Key {
        kind: Kind::Rule,
        namespace: "shop".to_owned(),
        id: "a".to_owned(),
    };
    let mut other = *rule("a", 1);
    other.metadata.uid = Some("b".to_owned());
    world.rule_written(&key, other);
    let (known, _) = world.rule_of(&key);
    assert_eq!(known.unwrap().object.metadata.uid.as_deref(), Some("a"));
}

#[test]
fn a_refused_rule_is_nobodys_peer() {
    let mut world = world();
    for name in ["a", "b", "c"] {
        world.see(Observation::Rule(Feed::There(rule(name, 1))));
    }
    let trouble = domain::rule::record::RuleTrouble {
        reason: "InvalidExpression".into(),
        message: String::new(),
    };
    let refused = RuleRecord {
        uid: "a".to_owned(),
        refused: Some(trouble),
        ..rule_record()
    };
    let touched = world.see(Observation::RuleRecord(Feed::There((
        "shop.a".to_owned(),
        refused,
    ))));
    assert_eq!(touched, Touched::Rules(Some("shop".to_owned())));
    let key = Key {
        kind: Kind::Rule,
        namespace: "shop".to_owned(),
        id: "c".to_owned(),
    };
    assert_eq!(
        world.peers(&key).iter().map(|peer| peer.name).collect::<Vec<_>>(),
        ["b"]
    );
}

#[test]
fn a_namespace_takes_objects_from_its_creation_to_its_deletion() {
    let mut world = world();
    assert_eq!(world.namespace_state("shop"), NamespaceState::Closed);
    let touched = world.see(Observation::Namespace(Feed::There(namespace("shop"))));
    assert_eq!(touched, Touched::IncidentsOf("shop".to_owned()));
    assert_eq!(world.namespace_state("shop"), NamespaceState::Active);
    let mut terminating = namespace("shop");
    terminating.metadata.deletion_timestamp = Some(api::conditions::kube_time(at(1)));
    world.see(Observation::Namespace(Feed::There(terminating)));
    assert_eq!(world.namespace_state("shop"), NamespaceState::Closed);
}

#[test]
fn sources_of_other_namespaces_are_known_but_not_ours() {
    let mut world = world();
    assert_eq!(world.sources("shop").any_known, Knowledge::Nothing);
    let source = SourceRecord {
        name: "webhook".into(),
        namespaces: vec!["bank".into()],
        format: "webhook".into(),
    };
    world.see(Observation::Source(Feed::There(("webhook".to_owned(), source))));
    let sources = world.sources("shop");
    assert_eq!(
        (sources.any_known, sources.names.len()),
        (Knowledge::Something, 0)
    );
}

#[test]
fn a_watch_that_stays_blind_is_news_once_and_is_forgotten_when_it_sees() {
    let mut world = world();
    let blind = |watch: &'static str, why: &str| Observation::Blind(watch, why.to_owned());
    assert_eq!(world.see(blind("incidents", "no bucket")), Touched::Blind);
    assert_eq!(world.see(blind("rules", "no bucket either")), Touched::Blind);
    world.see(Observation::Incident(Feed::Begin));
    assert_eq!(world.see(blind("incidents", "no bucket")), Touched::Nothing);
    assert_eq!(world.blind(), "no bucket; no bucket either");
    world.see(Observation::Incident(Feed::Whole));
    assert_eq!(world.blind(), "no bucket either");
}

fn question(number: u32, version: &str) -> Box<WrittenQuestion> {
    let question = json!({
            "apiVersion": "opsward.dev/v1alpha1", "kind": "TriageDecision",
            "metadata": {
                "name": format!("high-cpu-k3v9q2mzra-1z4-d{number}"), "namespace": "shop", "resourceVersion": version,
    },
            "spec": {"opsEvent": "high-cpu-k3v9q2mzra-1z4", "opsEventUid": "1", "policies": "p", "asks": "CPU", "approvers": {}, "escalatesTo": {}, "tier": 0,
                     "unanswered": 0, "expiresAt": "2026-11-21T10:45:00.000Z"},
        });
    Box::new(serde_json::from_value(question).unwrap())
}

fn typed(number: u32, version: &str) -> TriageDecision {
    serde_json::from_value(serde_json::to_value(question(number, version)).unwrap()).unwrap()
}

fn numbers(world: &World) -> Vec<u32> {
    world
        .questions(&key())
        .all()
        .map(|question| question.ask.number)
        .collect()
}

#[test]
fn questions_are_those_of_their_incident_and_go_with_what_a_list_does_not_name() {
    let mut world = world();
    world.ops_event_written(&key(), shown(&record()));
    world.see(Observation::Question(Feed::Begin));
    for number in [2, 1, 3] {
        let touched = world.see(Observation::Question(Feed::There(question(number, "5"))));
        assert_eq!(touched, Touched::Keys(vec![key()]));
    }
    world.see(Observation::Question(Feed::Whole));
    assert_eq!(numbers(&world), [1, 2, 3]);
    // What a deletion that is older than the object says is not so.
    world.see(Observation::Question(Feed::Gone(question(3, "4"))));
    assert_eq!(numbers(&world), [1, 2, 3]);
    world.see(Observation::Question(Feed::Gone(question(3, "6"))));
    assert_eq!(numbers(&world), [1, 2]);
    world.see(Observation::Question(Feed::Begin));
    world.see(Observation::Question(Feed::There(question(2, "5"))));
    let touched = world.see(Observation::Question(Feed::Whole));
    assert_eq!((touched, numbers(&world)), (Touched::Keys(vec![key()]), vec![2]));
    world.question_gone(&typed(2, "5"));
    assert!(world.numbers.is_empty(), "nothing is left to remember");
}

#[test]
fn an_older_view_of_a_question_does_not_undo_what_a_write_answered() {
    let mut world = world();
    world.ops_event_written(&key(), shown(&record()));
    let mut settled = typed(1, "9");
    settled.spec.decided_by = Some("alice".to_owned());
    world.question_written(settled);
    world.see(Observation::Question(Feed::There(question(1, "8"))));
    let by = world
        .questions(&key())
        .last()
        .unwrap()
        .object
        .spec
        .decided_by
        .clone();
    assert_eq!(by.as_deref(), Some("alice"));
}

#[test]
fn a_policy_of_somebody_elses_is_not_kept_and_a_binding_that_is_re_bound_goes() {
    let mut world = world();
    let policy = json!({"metadata": {"name": "another"}, "spec": {}});
    let policy = Box::new(serde_json::from_value(policy).unwrap());
    world.see(Observation::Policy(Feed::There(policy)));
    assert_eq!(world.policies.seen.keys().count(), 0);
    for (bound, kept) in [("opsward-decision-check", 1), ("another", 0)] {
        let binding = json!({"metadata": {"name": "ours"}, "spec": {"policyName": bound}});
        let binding = Box::new(serde_json::from_value(binding).unwrap());
        world.see(Observation::Binding(Feed::There(binding)));
        assert_eq!(world.policies.bindings.keys().count(), kept, "{bound}");
    }
}

#[test]
fn a_question_that_cannot_be_read_is_skipped_and_the_others_are_seen() {
    let mut world = world();
    world.ops_event_written(&key(), shown(&record()));
    let mut newer = question(1, "5");
    newer.spec["decision"] = json!("Approve");
    assert_eq!(
        world.see(Observation::Question(Feed::There(newer))),
        Touched::Nothing
    );
    world.see(Observation::Question(Feed::There(question(2, "6"))));
    assert_eq!(numbers(&world), [2]);
    let mut newer = question(7, "8");
    newer.spec["decision"] = json!("Approve");
    world.see(Observation::Question(Feed::There(newer)));
    assert_eq!(
        world.questions(&key()).next(&record()).number,
        8,
        "its name is taken"
    );
}
