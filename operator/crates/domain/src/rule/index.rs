//! Which rules of a namespace could take an event, found without asking each: for every value of source,
//! reported source and type the set of rules whose globs accept it is remembered as bits. An event then costs
//! three look-ups and an AND, however many rules there are.

use std::collections::HashMap;

use super::Rule;
use super::glob::Globs;
use crate::event::Event;
use crate::severity::Severity;

/// Values remembered per dimension; beyond, the memory starts anew (hostile senders may invent values).
const REMEMBERED_VALUES: usize = 4096;
/// Bits of one word of a set.
const WORD_BITS: usize = 64;

type Bits = Box<[u64]>;

/// The index over an ordered list of rules.
#[derive(Debug, Default)]
pub struct RuleIndex {
    sources: Dimension,
    reported_sources: Dimension,
    types: Dimension,
    /// By severity, lowest first: rules that are not suspended and take at least that.
    by_severity: [Bits; Severity::ALL.len()],
    found: Vec<u64>,
}

#[derive(Debug, Default)]
struct Dimension {
    globs: Vec<Globs>,
    remembered: HashMap<String, Bits>,
}

impl Dimension {
    fn narrow(&mut self, value: &str, found: &mut [u64]) {
        if !self.remembered.contains_key(value) {
            if self.remembered.len() >= REMEMBERED_VALUES {
                self.remembered.clear();
            }
            let bits = bits(self.globs.iter().map(|globs| globs.accept(value)));
            self.remembered.insert(value.to_owned(), bits);
        }
        if let Some(bits) = self.remembered.get(value) {
            for (word, accepted) in found.iter_mut().zip(bits) {
                *word &= accepted;
            }
        }
    }
}

fn bits(accepted: impl Iterator<Item = bool>) -> Bits {
    let mut words = Vec::new();
    for (at, accepts) in accepted.enumerate() {
        if at % WORD_BITS == 0 {
            words.push(0);
        }
        if let Some(word) = words.last_mut() {
            *word |= u64::from(accepts) << (at % WORD_BITS);
        }
    }
    words.into()
}

impl RuleIndex {
    /// Indexes `rules` in the order in which they are asked; `None` is a place that takes nothing.
    pub fn new(rules: &[Option<&Rule>]) -> Self {
        let dimension = |globs: fn(&Rule) -> &Globs| Dimension {
            globs: rules
                .iter()
                .map(|rule| rule.map_or_else(|| Globs::new(&[]), |rule| globs(rule).clone()))
                .collect(),
            remembered: HashMap::new(),
        };
        let takes = |severity: Severity| {
            let takes = |rule: &Rule| !rule.spec.suspend && severity >= rule.spec.matches.min_severity;
            bits(rules.iter().map(|rule| rule.is_some_and(takes)))
        };
        Self {
            sources: dimension(|rule| &rule.sources),
            reported_sources: dimension(|rule| &rule.reported_sources),
            types: dimension(|rule| &rule.types),
            by_severity: Severity::ALL.map(takes),
            found: Vec::new(),
        }
    }

    /// Writes the places of the rules that could take `event` to `places`, in their order.
    pub fn candidates(&mut self, event: &Event<'_>, places: &mut Vec<usize>) {
        places.clear();
        let Some(by_severity) = self.by_severity.get(event.severity as usize) else {
            return;
        };
        self.found.clear();
        self.found.extend_from_slice(by_severity);
        self.sources.narrow(&event.source.name, &mut self.found);
        self.reported_sources
            .narrow(&event.source.reported, &mut self.found);
        self.types.narrow(&event.kind, &mut self.found);
        for (at, word) in self.found.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                places.push(at * WORD_BITS + rest.trailing_zeros() as usize);
                rest &= rest - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Match, RuleIdentity, RuleSpec};
    use super::*;

    fn rule(types: &[&str], min_severity: Severity) -> Rule {
        let types = types.iter().map(|&glob| glob.to_owned()).collect();
        let spec = RuleSpec {
            matches: Match {
                types,
                min_severity,
                ..Match::default()
            },
            ..RuleSpec::default()
        };
        Rule::compile(
            RuleIdentity {
                uid: "u".into(),
                name: "r".into(),
                generation: 1,
            },
            spec,
        )
        .unwrap()
    }

    #[test]
    fn only_rules_whose_globs_and_severity_fit_are_candidates() {
        let rules: Vec<_> = (0..130)
            .map(|n| rule(&[&format!("type-{n}")], Severity::Info))
            .collect();
        let any_high = rule(&[], Severity::High);
        let mut all: Vec<_> = rules.iter().map(Some).collect();
        all.push(Some(&any_high));
        all.push(None);
        let mut index = RuleIndex::new(&all);
        let mut places = Vec::new();
        let event = Event {
            kind: "type-129".into(),
            severity: Severity::High,
            ..Event::default()
        };
        index.candidates(&event, &mut places);
        assert_eq!(places, [129, 130]);
        index.candidates(
            &Event {
                severity: Severity::Medium,
                ..event
            },
            &mut places,
        );
        assert_eq!(places, [129]);
    }
}
