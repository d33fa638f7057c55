//! Whether a rule can match anything as things are. Says only what is certain: a rule that a cleverer proof would
//! find shadowed is called effective here.

use std::cmp::Ordering;

use api::conditions::{ConditionType, Reason, Statement, Truth};
use api::{Match, TriggerRuleSpec};
use domain::rule::glob::Globs;

/// Another rule of the namespace.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its spec.
    pub spec: &'a TriggerRuleSpec,
}

/// The sources that collectors have named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources<'a> {
    /// Whether any collector has named any source, of whatever namespace.
    pub any_known: Knowledge,
    /// The names of those that can send into the rule's namespace.
    pub names: Vec<&'a str>,
}

/// Whether something is known at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Knowledge {
    /// Nothing has been said.
    #[default]
    Nothing,
    /// Something has.
    Something,
}

/// The condition `Ineffective` of the rule `name`.
pub fn statement(name: &str, spec: &TriggerRuleSpec, peers: &[Peer<'_>], sources: &Sources<'_>) -> Statement {
    let say = |truth, reason: Reason, message: String| {
        Statement::new(ConditionType::Ineffective, truth, reason.as_str(), message)
    };
    if spec.suspend {
        let message = "spec.suspend is true: the rule takes nothing new".to_owned();
        return say(Truth::True, Reason::Suspended, message);
    }
    let globs = &spec.matches.sources;
    let accepted = Globs::new(globs);
    if sources.any_known == Knowledge::Something
        && !sources.names.iter().any(|source| accepted.accept(source))
    {
        let message = if globs.is_empty() {
            "no configured source sends into this namespace".to_owned()
        } else {
            format!("no configured source of this namespace matches spec.match.sources {globs:?}")
        };
        return say(Truth::True, Reason::NoSuchSource, message);
    }
    if let Some(first) = peers.iter().find(|peer| shadows(**peer, name, spec)) {
        let message = format!(
            "rule {} (priority {}) is asked first and takes all that this one could; raise spec.priority above it",
            first.name, first.spec.priority
        );
        return say(Truth::True, Reason::Shadowed, message);
    }
    if sources.any_known == Knowledge::Nothing && !globs.is_empty() {
        let message = "no collector has said yet which sources there are".to_owned();
        return say(Truth::Unknown, Reason::SourcesUnknown, message);
    }
    say(
        Truth::False,
        Reason::Effective,
        "nothing stands against it".to_owned(),
    )
}

/// Whether `peer` is asked before and owns every event that the rule could take.
fn shadows(peer: Peer<'_>, name: &str, spec: &TriggerRuleSpec) -> bool {
    let asked_before = match peer.spec.priority.cmp(&spec.priority) {
        Ordering::Greater => true,
        Ordering::Equal => peer.name < name,
        Ordering::Less => false,
    };
    asked_before && !peer.spec.continues && !peer.spec.suspend && covers(&peer.spec.matches, &spec.matches)
}

/// Whether `wide` takes all that `narrow` does. All parts of a match must agree, so it suffices that each part of
/// `wide` asks nothing, or nothing that `narrow` does not ask too.
fn covers(wide: &Match, narrow: &Match) -> bool {
    let globs = |wide: &[String], narrow: &[String]| {
        wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(|glob| wide.contains(glob)))
    };
    globs(&wide.sources, &narrow.sources)
        && globs(&wide.reported_sources, &narrow.reported_sources)
        && globs(&wide.types, &narrow.types)
        && wide.min_severity <= narrow.min_severity
        && wide
            .labels
            .iter()
            .all(|requirement| narrow.labels.contains(requirement))
        && (wide.condition.trim().is_empty() || wide.condition.trim() == narrow.condition.trim())
}

#[cfg(test)]
mod tests {
    use domain::severity::Severity;

    use super::*;

    fn rule(edit: impl FnOnce(&mut TriggerRuleSpec)) -> TriggerRuleSpec {
        let mut spec = TriggerRuleSpec::default();
        spec.matches.types = vec!["threshold_breach".to_owned()];
        edit(&mut spec);
        spec
    }

    fn known(names: &[&'static str]) -> Sources<'static> {
        Sources {
            any_known: Knowledge::Something,
            names: names.to_vec(),
        }
    }

    fn outcome(spec: &TriggerRuleSpec, peers: &[Peer<'_>], sources: &Sources<'_>) -> (Truth, String) {
        let statement = statement("high-cpu", spec, peers, sources);
        (statement.truth, statement.reason)
    }

    fn beside(peer: &TriggerRuleSpec) -> (Truth, String) {
        outcome(
            &rule(|_| ()),
            &[Peer {
                name: "all",
                spec: peer,
            }],
            &known(&["webhook"]),
        )
    }

    #[test]
    fn a_suspended_rule_is_ineffective() {
        let spec = rule(|spec| spec.suspend = true);
        assert_eq!(
            outcome(&spec, &[], &known(&["webhook"])),
            (Truth::True, "Suspended".to_owned())
        );
    }

    #[test]
    fn globs_that_match_no_known_source_are_ineffective() {
        let spec = rule(|spec| spec.matches.sources = vec!["prometheus-*".to_owned()]);
        assert_eq!(
            outcome(&spec, &[], &known(&["webhook"])),
            (Truth::True, "NoSuchSource".to_owned())
        );
        assert_eq!(
            outcome(&spec, &[], &known(&["prometheus-eu"])),
            (Truth::False, "Effective".to_owned())
        );
    }

    #[test]
    fn while_no_collector_has_spoken_named_sources_are_unknown() {
        let spec = rule(|spec| spec.matches.sources = vec!["prometheus-*".to_owned()]);
        let unknown = Sources::default();
        assert_eq!(
            outcome(&spec, &[], &unknown),
            (Truth::Unknown, "SourcesUnknown".to_owned())
        );
        assert_eq!(
            outcome(&rule(|_| ()), &[], &unknown),
            (Truth::False, "Effective".to_owned())
        );
    }

    #[test]
    fn an_earlier_rule_that_takes_as_much_or_more_shadows() {
        let shadowed = (Truth::True, "Shadowed".to_owned());
        assert_eq!(beside(&rule(|_| ())), shadowed, "the same match, an earlier name");
        assert_eq!(beside(&rule(|spec| spec.matches.types = Vec::new())), shadowed);
        assert_eq!(beside(&rule(|spec| spec.priority = 1)), shadowed);
    }

    #[test]
    fn a_rule_that_is_later_narrower_or_lets_events_pass_does_not_shadow() {
        let effective = (Truth::False, "Effective".to_owned());
        assert_eq!(beside(&rule(|spec| spec.priority = -1)), effective);
        assert_eq!(beside(&rule(|spec| spec.continues = true)), effective);
        assert_eq!(beside(&rule(|spec| spec.suspend = true)), effective);
        assert_eq!(
            beside(&rule(|spec| spec.matches.min_severity = Severity::High)),
            effective
        );
        assert_eq!(
            beside(&rule(
                |spec| spec.matches.condition = "event.host == 'a'".to_owned()
            )),
            effective
        );
        let other = rule(|spec| spec.matches.types = vec!["other".to_owned()]);
        assert_eq!(beside(&other), effective);
    }
}
