//! What is seen becomes what is decided: the mirrors together.

use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use serde_json::json;

use super::*;
use crate::incidents::project;
use crate::observe::Feed;
use crate::samples::{record, rule_record};

fn world() -> World {
    World::new(api::admission::required("opsward-system").unwrap())
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
        Observation::OpsEvent(Feed::Whole),
        Observation::Rule(Feed::Whole),
        Observation::Question(Feed::Whole),
        Observation::Policy(Feed::Whole),
        Observation::Binding(Feed::Whole),
        Observation::Namespace(Feed::Whole),
    ] {
        assert!(!world.is_whole());
        world.observe(last);
    }
    assert!(world.is_whole());
}

#[test]
fn a_watch_that_is_behind_does_not_undo_what_a_write_answered() {
    let mut world = world();
    world.observe(Observation::OpsEvent(Feed::There(object("9"))));
    world.ops_event_written(&key(), *object("10"));
    world.observe(Observation::OpsEvent(Feed::There(object("9"))));
    assert_eq!(version(&world).as_deref(), Some("10"), "numbers, not text");
    world.observe(Observation::OpsEvent(Feed::Gone(object("9"))));
    assert_eq!(version(&world).as_deref(), Some("10"), "created again since");
    world.observe(Observation::OpsEvent(Feed::Gone(object("11"))));
    assert_eq!(version(&world), None);
}

#[test]
fn a_full_list_drops_what_went_meanwhile_and_looks_at_everything() {
    let mut world = world();
    world.observe(Observation::OpsEvent(Feed::There(object("9"))));
    let bucket_key = "shop.k3v9q2mzra-1z4".to_owned();
    world.observe(Observation::Incident(Feed::There((bucket_key, record()))));
    world.observe(Observation::OpsEvent(Feed::Begin));
    assert_eq!(
        world.observe(Observation::OpsEvent(Feed::Whole)),
        Touched::Caught(vec![key()])
    );
    assert_eq!(version(&world), None);
    assert!(world.incident(&key()).0.is_some());
}

#[test]
fn an_edited_rule_touches_its_neighbours_and_a_written_status_only_itself() {
    let mut world = world();
    let touched = world.observe(Observation::Rule(Feed::There(rule("a", 1))));
    assert_eq!(touched, Touched::Rules(Some("shop".to_owned())));
    let touched = world.observe(Observation::Rule(Feed::There(rule("a", 1))));
    assert!(matches!(touched, Touched::Keys(keys) if keys.len() == 1));
}

#[test]
fn a_rule_created_again_under_its_name_is_another_rule() {
    let mut world = world();
    world.observe(Observation::Rule(Feed::There(rule("a", 1))));
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
        world.observe(Observation::Rule(Feed::There(rule(name, 1))));
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
    let touched = world.observe(Observation::RuleRecord(Feed::There((
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
    let touched = world.observe(Observation::Namespace(Feed::There(namespace("shop"))));
    assert_eq!(touched, Touched::IncidentsOf("shop".to_owned()));
    assert_eq!(world.namespace_state("shop"), NamespaceState::Active);
    let mut terminating = namespace("shop");
    terminating.metadata.deletion_timestamp = Some(api::conditions::kube_time(crate::samples::at(1)));
    world.observe(Observation::Namespace(Feed::There(terminating)));
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
    world.observe(Observation::Source(Feed::There(("webhook".to_owned(), source))));
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
    assert_eq!(world.observe(blind("incidents", "no bucket")), Touched::Blind);
    assert_eq!(world.observe(blind("rules", "no bucket either")), Touched::Blind);
    world.observe(Observation::Incident(Feed::Begin));
    assert_eq!(world.observe(blind("incidents", "no bucket")), Touched::Nothing);
    assert_eq!(world.blind(), "no bucket; no bucket either");
    world.observe(Observation::Incident(Feed::Whole));
    assert_eq!(world.blind(), "no bucket either");
}
