//! What the channels of an incident's rule are to have of it. Pure; what is told when is `domain::notify`'s, this is where the
//! incident becomes what people are shown.

use api::{Outcome, answer_command};
use domain::incident::{IncidentRecord, object_name};
use domain::notify::card::{Asked, Card, Counts, Decided, Ended, LINKS, RESOURCES, Standing};
use domain::notify::next::next;
use domain::notify::{Notice, Terms};
use domain::task::Place;
use domain::triage::Verdict;
use tokio::time::Instant;

use super::seen::{Presence, Seen};
use super::story;
use crate::clock::Now;

/// A channel that is to have something new of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Which.
    pub place: Place,
    /// The version of the task that this was decided from; 0 where there was none.
    pub before: u64,
    /// What it is to have.
    pub notice: Notice,
}

/// What is wanted of all channels, and when to look again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notices {
    /// What is wanted now.
    pub wanted: Vec<Wanted>,
    /// When to look again although nothing is seen to change.
    pub look_again: Option<Instant>,
    /// Whether that must be wanted before the object shows the end: an end that is shown counts as known.
    pub come_first: bool,
}

/// What the channels of the rule are to have; `channels` is `None` where the rule is gone or cannot be read: then those that
/// were told before learn the rest.
pub fn wanted(seen: &Seen<'_>, channels: Option<&[Terms]>, now: Now) -> Notices {
    let mut notices = Notices::default();
    let Some(record) = seen.record else {
        return notices;
    };
    if is_over_for_good(seen, record, now) {
        return notices;
    }
    let left: Vec<Terms>;
    let named = channels;
    let channels = if let Some(channels) = channels {
        channels
    } else {
        let left_over = seen.notifications.iter().filter(|task| !task.input.dropped);
        left = left_over.map(|task| last_terms(task)).collect();
        &left
    };
    if let Some(named) = named {
        notices.wanted.extend(dropped(seen, named));
    }
    if channels.is_empty() {
        return notices;
    }
    let card = card(seen, record);
    let shown = seen.object.and_then(|object| object.status.as_ref());
    let is_known = shown.is_some_and(|status| status.ended_at.is_some());
    for terms in channels {
        let before = seen
            .notifications
            .iter()
            .find(|task| task.place.slot == terms.name);
        let next = next(&card, terms, before.copied(), is_known, now.time);
        if let Some(at) = next.look_again {
            let at = now.instant + at.since(now.time);
            notices.look_again = notices.look_again.map_or(Some(at), |known| Some(known.min(at)));
        }
        if let Some(notice) = next.notice {
            notices.come_first |= before.is_none() && record.end.is_some();
            let place = Place {
                namespace: record.namespace.clone(),
                incident: record.id.clone(),
                slot: terms.name.clone(),
            };
            notices.wanted.push(Wanted {
                place,
                before: before.map_or(0, |task| task.revision),
                notice,
            });
        }
    }
    notices
}

/// Whether its object has gone with its time, or by a person's hand after the end: what was said then stands.
fn is_over_for_good(seen: &Seen<'_>, record: &IncidentRecord, now: Now) -> bool {
    let Some(end) = record.end.as_ref().filter(|_| seen.object.is_none()) else {
        return false;
    };
    seen.presence == Presence::Gone || now.time >= end.at.plus(record.ttl)
}

/// A last version for channels that the rule names no more: nothing is to be told there.
fn dropped<'s>(seen: &'s Seen<'_>, named: &'s [Terms]) -> impl Iterator<Item = Wanted> + use<'s> {
    let is_named = |slot: &str| named.iter().any(|terms| terms.name == slot);
    let gone = seen
        .notifications
        .iter()
        .filter(move |task| !task.input.dropped && !is_named(&task.place.slot));
    gone.map(|task| Wanted {
        place: task.place.clone(),
        before: task.revision,
        notice: Notice {
            dropped: true,
            words: Vec::new(),
            ..task.input.clone()
        },
    })
}

/// The terms of a channel whose rule is gone.
fn last_terms(task: &domain::notify::Notification) -> Terms {
    Terms {
        name: task.place.slot.clone(),
        target: task.input.target.clone(),
        on: task.input.on.clone(),
        repeat: None,
    }
}

/// The incident as people are shown it.
pub fn card(seen: &Seen<'_>, record: &IncidentRecord) -> Card {
    let status = seen.object.and_then(|object| object.status.as_ref());
    let decided = story::for_good(&seen.questions, status).and_then(|decision| {
        let verdict = story::verdict(&decision)?;
        Some((decision, verdict))
    });
    let name = object_name(&record.rule.name, &record.id);
    let asked = asked(seen, record).filter(|_| decided.is_none());
    let standing = match (&record.end, &decided, &asked) {
        (Some(_), Some((decision, _)), _) if decision.outcome == Outcome::Discharged => Standing::Discharged,
        (Some(_), ..) => Standing::Resolved,
        (None, Some((_, Verdict::Accept)), _) => Standing::Acknowledged,
        (None, _, Some(_)) => Standing::AwaitingDecision,
        (None, _, None) => Standing::Open,
    };
    let event = record.event.as_deref();
    let links = event
        .map(|event| event.links.iter().take(LINKS))
        .into_iter()
        .flatten();
    let named = record.resources.iter().take(RESOURCES);
    let more = i64::try_from(record.resources.len().saturating_sub(RESOURCES)).unwrap_or(i64::MAX);
    Card {
        namespace: record.namespace.clone(),
        rule: record.rule.name.clone(),
        correlation_id: record.correlation_id.clone(),
        source: event.map(|event| event.source.name.clone()).unwrap_or_default(),
        title: record.title.clone(),
        description: event.map(|event| event.description.clone()).unwrap_or_default(),
        group: record.group_text.clone(),
        severity: record.severity,
        standing,
        resources: named.cloned().collect(),
        more_resources: record.resources_omitted.saturating_add(more),
        links: links.map(|(name, link)| (name.clone(), link.clone())).collect(),
        opened_at: record.opened_at,
        ended: record.end.as_ref().map(|end| Ended {
            at: end.at,
            reason: end.reason,
        }),
        reopened: record.reopened,
        asked,
        decided: decided.map(|(decision, verdict)| Decided {
            verdict,
            by: decision.by.unwrap_or_default(),
            why: decision.reason.unwrap_or_default(),
            at: decision.at.unwrap_or(record.opened_at),
        }),
        counts: Counts {
            count: record.occurrences.count,
            problems: record.occurrences.members,
            last_seen: record.occurrences.last_seen,
        },
        name,
    }
}

/// The question that a person may answer now.
fn asked(seen: &Seen<'_>, record: &IncidentRecord) -> Option<Asked> {
    let question = seen.questions.standing().filter(|_| record.end.is_none())?;
    let name = question.object.metadata.name.clone()?;
    let spec = &question.object.spec;
    (spec.decision.is_none() && seen.is_checked(question) == Some(true)).then(|| Asked {
        number: question.ask.number,
        approvers: spec.approvers.to_string(),
        until: spec.expires_at,
        command: answer_command(&name, &record.namespace, Verdict::Accept),
        name,
    })
}

#[cfg(test)]
mod tests {
    use domain::incident::{End, EndReason};
    use domain::notify::{News, Notification, On, Target};
    use domain::task::Task;

    use super::*;
    use crate::clock::now;
    use crate::samples::{at, record, seen, shown};

    fn channel(name: &str) -> Terms {
        Terms {
            name: name.to_owned(),
            target: Target::Webhook {
                url: Some("https://example.com".to_owned()),
                secret: None,
            },
            on: On::ALL.to_vec(),
            repeat: None,
        }
    }

    fn told(wanted: &Wanted) -> Notification {
        let mut task = Task::new(wanted.place.clone(), wanted.notice.clone(), at(60));
        task.output.told = wanted.notice.said.last;
        task
    }

    #[test]
    fn each_channel_of_the_rule_is_told_that_it_opened_before_there_is_an_object() {
        let record = record();
        let seen = seen(Some(&record), None);
        let notices = wanted(&seen, Some(&[channel("a"), channel("b")]), now(at(61)));
        let slots: Vec<&str> = notices.wanted.iter().map(|wanted| &*wanted.place.slot).collect();
        assert_eq!(slots, ["a", "b"]);
        let first = &notices.wanted[0];
        assert_eq!((first.before, &first.notice.words[0].news), (0, &News::Opened));
        let card = &first.notice.card;
        assert_eq!(
            (&*card.name, &*card.source, card.standing),
            ("high-cpu-k3v9q2mzra-1z4", "prometheus", Standing::Open)
        );
        assert_eq!(card.counts.count, 412);
    }

    #[test]
    fn nothing_is_wanted_twice_and_an_end_follows_an_opening() {
        let mut record = record();
        let channels = [channel("a")];
        let first = wanted(&seen(Some(&record), None), Some(&channels), now(at(61)));
        let task = told(&first.wanted[0]);
        let object = shown(&record);
        let look = |record: &IncidentRecord, channels: Option<&[Terms]>| {
            let seen = Seen {
                notifications: vec![&task],
                ..seen(Some(record), Some(&object))
            };
            wanted(&seen, channels, now(at(62)))
        };
        assert_eq!(look(&record, Some(&channels)), Notices::default());
        record.end = Some(End {
            at: at(62),
            reason: EndReason::Cleared,
        });
        for channels in [Some(&channels[..]), None] {
            let ended = look(&record, channels);
            assert_eq!(ended.wanted[0].before, 1);
            assert_eq!(ended.wanted[0].notice.words[0].number, 2);
            assert_eq!(ended.wanted[0].notice.card.standing, Standing::Resolved);
        }
        // Its author wants it silent: the rule's end does not bring it back to life.
        let last = &look(&record, Some(&[])).wanted[0].notice;
        assert!(last.dropped && last.words.is_empty());
        let dropped = told(&Wanted {
            notice: last.clone(),
            ..first.wanted[0].clone()
        });
        let seen = Seen {
            notifications: vec![&dropped],
            ..seen(Some(&record), Some(&object))
        };
        assert_eq!(wanted(&seen, Some(&[]), now(at(63))), Notices::default());
        assert_eq!(wanted(&seen, None, now(at(63))), Notices::default());
    }

    #[test]
    fn what_came_and_went_is_told_before_its_end_is_shown_and_never_after_its_time() {
        let end = End {
            at: at(62),
            reason: EndReason::Cleared,
        };
        let record = IncidentRecord {
            end: Some(end),
            ..record()
        };
        let channels = [channel("a")];
        let look = |seen: &Seen<'_>, seconds| wanted(seen, Some(&channels), now(at(seconds)));
        let unseen = seen(Some(&record), None);
        let notices = look(&unseen, 63);
        assert!(notices.come_first && notices.wanted[0].notice.words.len() == 2);
        assert_eq!(
            look(&unseen, 62 + 3600),
            Notices::default(),
            "its object would be gone by now"
        );
        let object = shown(&record);
        assert_eq!(
            look(&seen(Some(&record), Some(&object)), 63),
            Notices::default(),
            "known"
        );
    }
}
