//! Which question follows which. A question has a number for good; none is put twice under the same one.

use std::time::Duration;

use super::{Approvers, Triage};

/// Doublings of a question's time: with the shortest time of a second, twenty are twelve days.
const MAX_DOUBLINGS: u32 = 20;

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The how manieth of the incident, from 1.
    pub number: u32,
    /// How far it was escalated: 0 is the rule's `approvers`, 1 these and `escalateTo`.
    pub tier: u32,
    /// How often the last tier has let one pass.
    pub unanswered: u32,
}

/// Why a question does not stand any more, and another is to be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Its time passed.
    Expired,
    /// A person passed it on.
    Escalated,
    /// It counts for nothing: it was answered while nobody checked by whom, or its object is gone.
    Void,
    /// The incident ended and came back.
    Reopened,
}

impl Ask {
    /// The first question of an incident.
    pub const FIRST: Self = Self {
        number: 1,
        tier: 0,
        unanswered: 0,
    };

    /// The question that follows.
    #[must_use]
    pub fn next(self, why: Follows, triage: &Triage) -> Self {
        let next = Self {
            number: self.number.saturating_add(1),
            ..self
        };
        match why {
            Follows::Reopened => Self {
                number: next.number,
                ..Self::FIRST
            },
            Follows::Expired | Follows::Escalated if self.tier < triage.last_tier() => Self {
                tier: self.tier + 1,
                ..next
            },
            Follows::Expired => Self {
                unanswered: self.unanswered + 1,
                ..next
            },
            Follows::Escalated | Follows::Void => next,
        }
    }

    /// Who may answer.
    pub fn approvers(self, triage: &Triage) -> Approvers {
        if self.tier == 0 {
            triage.approvers.clone()
        } else {
            triage.approvers.with(&triage.escalate_to)
        }
    }

    /// How long it stands: twice as long each time that the last tier let one pass.
    pub fn stands_for(self, triage: &Triage) -> Duration {
        let doublings = self.unanswered.min(MAX_DOUBLINGS);
        triage.expire_after.saturating_mul(1 << doublings)
    }
}

impl Triage {
    /// The tier behind which there is none.
    pub const fn last_tier(&self) -> u32 {
        if self.escalate_to.is_empty() { 0 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn triage(escalates: bool) -> Triage {
        let group = |name: &str| Approvers {
            users: Vec::new(),
            groups: vec![name.to_owned()],
        };
        Triage {
            approvers: group("sre"),
            escalate_to: if escalates {
                group("sre-leads")
            } else {
                Approvers::default()
            },
            ..Triage::default()
        }
    }

    #[test]
    fn an_expired_question_goes_to_the_next_tier_and_then_stands_twice_as_long() {
        let triage = triage(true);
        let minutes = |ask: Ask| ask.stands_for(&triage).as_secs() / 60;
        let second = Ask::FIRST.next(Follows::Expired, &triage);
        assert_eq!((second.number, second.tier, minutes(second)), (2, 1, 15));
        assert_eq!(second.approvers(&triage).groups, ["sre", "sre-leads"]);
        let third = second.next(Follows::Expired, &triage);
        assert_eq!((third.number, third.tier, minutes(third)), (3, 1, 30));
        assert_eq!(minutes(third.next(Follows::Expired, &triage)), 60);
    }

    #[test]
    fn without_a_further_tier_the_same_people_are_asked_for_longer() {
        let triage = triage(false);
        let second = Ask::FIRST.next(Follows::Expired, &triage);
        assert_eq!((second.tier, second.unanswered), (0, 1));
        assert_eq!(second.approvers(&triage).groups, ["sre"]);
    }

    #[test]
    fn what_counts_for_nothing_is_asked_again_as_it_was_and_a_reopened_incident_anew() {
        let triage = triage(true);
        let late = Ask {
            number: 4,
            tier: 1,
            unanswered: 2,
        };
        assert_eq!(late.next(Follows::Void, &triage), Ask { number: 5, ..late });
        let anew = late.next(Follows::Reopened, &triage);
        assert_eq!((anew.number, anew.tier, anew.unanswered), (5, 0, 0));
    }

    proptest! {
        #[test]
        fn numbers_never_repeat_and_times_never_overflow(
            steps in prop::collection::vec(
                prop::sample::select(vec![Follows::Expired, Follows::Escalated, Follows::Void, Follows::Reopened]), 0..100
            ),
            escalates: bool,
        ) {
            let triage = triage(escalates);
            let mut ask = Ask::FIRST;
            for why in steps {
                let next = ask.next(why, &triage);
                prop_assert_eq!(next.number, ask.number + 1);
                prop_assert!(next.tier <= triage.last_tier());
                prop_assert!(next.stands_for(&triage) >= triage.expire_after);
                ask = next;
            }
        }
    }
}
