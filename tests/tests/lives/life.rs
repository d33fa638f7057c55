//! One life of an incident: it opens, a person is asked, decides, the incident ends, its object goes. People and alerts are
//! played; everything else is real.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use api::{OpsEvent, TriageDecision};
use domain::triage::Verdict;
use futures::StreamExt;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use rig::{Opsward, Rig, until};
use serde_json::{Value, json};

/// Longest that all lives of a batch may take.
const LIVED_WITHIN: std::time::Duration = std::time::Duration::from_secs(120);

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plot {
    /// Nobody answers the first question; alice accepts the second; then the alert clears.
    Accepted,
    /// alice discharges at once.
    Discharged,
}

impl Plot {
    pub(crate) const ALL: [Self; 2] = [Self::Accepted, Self::Discharged];

    /// The rule's name and part of its spec.
    pub(crate) fn rule(self) -> (&'static str, Value) {
        let expire_after = match self {
            // Long enough for alice on a busy machine, who answers the second one at once.
            Self::Accepted => "5s",
            Self::Discharged => "1h",
        };
        let spec = json!({
            "match": {"types": [self.event_type()]}, "groupBy": ["host"], "ttlSecondsAfterFinished": 2,
            "triage": {"mode": "Always", "approvers": {"groups": ["sre"]}, "expireAfter": expire_after,
                       "escalateTo": {"groups": ["sre-leads"]}},
        });
        (self.event_type(), spec)
    }

    const fn event_type(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Discharged => "discharged",
        }
    }

    /// What alice says to a question, and which she answers.
    const fn answer(self) -> (Verdict, &'static str) {
        match self {
            Self::Accepted => (Verdict::Accept, "-d2"),
            Self::Discharged => (Verdict::Discharge, "-d1"),
        }
    }

    pub(crate) fn alert(self, host: &str, status: &str) -> String {
        json!({"source": "lives", "event_type": self.event_type(), "severity": "high", "host": host,
               "service": "nginx", "message": "it broke", "status": status})
        .to_string()
    }
}

/// What is seen of all incidents, by host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<BTreeMap<String, Life>>>);

/// Whether an object is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    There,
    Gone,
}

/// What is seen of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    /// As it was last.
    pub object: Option<OpsEvent>,
    /// Whether it has been deleted.
    pub is_gone: bool,
    /// By name.
    pub questions: BTreeMap<String, TriageDecision>,
    /// The names of what was created, with the uids: twice under one name is seen, too.
    pub created: BTreeSet<(String, String)>,
}

impl Seen {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<String, Life>) -> T) -> T {
        look(&mut self.0.lock().expect("nobody panicked"))
    }

    pub(crate) fn of(&self, host: &str) -> Life {
        self.with(|lives| lives.get(host).cloned().unwrap_or_default())
    }

    /// Watches both kinds, and answers as alice does. Never returns.
    pub(crate) async fn watch(&self, client: Client, alice: Client, namespace: &str) {
        let events: Api<OpsEvent> = Api::namespaced(client.clone(), namespace);
        let questions: Api<TriageDecision> = Api::namespaced(client, namespace);
        let answers: Api<TriageDecision> = Api::namespaced(alice, namespace);
        let events = watcher(events, watcher::Config::default()).for_each(|event| async {
            match event {
                Ok(Event::Apply(object) | Event::InitApply(object)) => self.object(object, Fate::There),
                Ok(Event::Delete(object)) => self.object(object, Fate::Gone),
                Ok(Event::Init | Event::InitDone) => {}
                Err(error) => panic!("the test's own watch: {error}"),
            }
        });
        let questions = watcher(questions, watcher::Config::default()).for_each(|event| async {
            match event {
                Ok(Event::Apply(question) | Event::InitApply(question)) => {
                    answer(&answers, &question).await;
                    self.question(&question);
                }
                Ok(_) => {}
                Err(error) => panic!("the test's own watch: {error}"),
            }
        });
        tokio::join!(events, questions);
    }

    fn object(&self, object: OpsEvent, fate: Fate) {
        let host = object.spec.group.get("host").cloned().unwrap_or_default();
        self.with(|lives| {
            let life = lives.entry(host).or_default();
            life.created
                .insert((object.name_any(), object.uid().unwrap_or_default()));
            // A deletion shows the object as it was.
            life.object = Some(object);
            life.is_gone = fate == Fate::Gone;
        });
    }

    fn question(&self, question: &TriageDecision) {
        self.with(|lives| {
            let named = |life: &&mut Life| {
                let name = life.object.as_ref().map(ResourceExt::name_any);
                name.as_ref() == Some(&question.spec.ops_event)
            };
            if let Some(life) = lives.values_mut().find(named) {
                life.created
                    .insert((question.name_any(), question.uid().unwrap_or_default()));
                life.questions.insert(question.name_any(), question.clone());
            }
        });
    }
}

/// Answers a question as its plot says, by the one field that a person types.
async fn answer(questions: &Api<TriageDecision>, question: &TriageDecision) {
    let plot = Plot::ALL
        .into_iter()
        .find(|plot| question.spec.ops_event.starts_with(plot.event_type()));
    let Some((verdict, which)) = plot.map(Plot::answer) else {
        return;
    };
    let name = question.name_any();
    if question.spec.decision.is_none() && name.ends_with(which) {
        let patch = json!({"spec": {"decision": verdict.as_str()}});
        let patched = questions
            .patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
            .await;
        patched.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Lives of these hosts, from the alert to the object's deletion.
pub(crate) async fn live(opsward: &Opsward<'_>, rig: &Rig, plot: Plot, hosts: &[String]) -> Seen {
    let (admin, alice) = (
        rig.client("admin").await.expect("admin"),
        rig.client("alice").await.expect("alice"),
    );
    let seen = Seen::default();
    let play = async {
        for host in hosts {
            let posted = opsward
                .post("/api/v1/sources/webhook", plot.alert(host, "firing"))
                .await;
            assert_eq!(posted.expect("posted").0, 202);
        }
        if plot == Plot::Accepted {
            for host in hosts {
                until("the incident to have an owner", LIVED_WITHIN, || async {
                    let phase = seen
                        .of(host)
                        .object
                        .and_then(|object| object.status)
                        .map(|status| status.phase);
                    if phase == Some(api::Phase::Acknowledged) {
                        Ok(())
                    } else {
                        Err(format!("{host}: {phase:?}"))
                    }
                })
                .await
                .expect("accepted");
                let posted = opsward
                    .post("/api/v1/sources/webhook", plot.alert(host, "resolved"))
                    .await;
                assert_eq!(posted.expect("posted").0, 202);
            }
        }
        for host in hosts {
            until("the object to go", LIVED_WITHIN, || async {
                let life = seen.of(host);
                let phase = life
                    .object
                    .and_then(|object| object.status)
                    .map(|status| status.phase);
                if life.is_gone {
                    Ok(())
                } else {
                    Err(format!("{host}: {phase:?}"))
                }
            })
            .await
            .expect("gone");
        }
    };
    tokio::select! {
        () = play => {}
        () = seen.watch(admin, alice, opsward.namespace()) => {}
    }
    seen
}

/// What must be the same in every life.
pub(crate) fn end(life: &Life) -> Value {
    let object = life.object.as_ref().expect("an object");
    let status = object.status.as_ref().expect("a status");
    let decision = status.decision.as_ref().expect("a decision");
    let suffix = |name: &str| name.strip_prefix(&object.name_any()).unwrap_or(name).to_owned();
    let conditions: BTreeMap<&str, (&str, &str)> = status
        .conditions
        .iter()
        .map(|condition| {
            (
                condition.type_.as_str(),
                (condition.status.as_str(), condition.reason.as_str()),
            )
        })
        .collect();
    let timeline: Vec<_> = status
        .timeline
        .iter()
        .map(|moment| (moment.what.as_str(), moment.by.as_deref()))
        .collect();
    let questions: BTreeMap<String, Value> = life
        .questions
        .iter()
        .map(|(name, question)| {
            let state = question.status.as_ref().map(|status| status.state.as_str());
            (
                suffix(name),
                json!({"state": state, "by": question.spec.decided_by, "tier": question.spec.tier}),
            )
        })
        .collect();
    json!({
        "phase": status.phase, "endReason": status.end_reason, "waitingOn": status.waiting_on,
        "decision": {"outcome": decision.outcome, "by": decision.by, "name": decision.name.as_deref().map(suffix)},
        "conditions": conditions, "timeline": timeline, "questions": questions,
        "count": status.occurrences.count,
        "created": life.created.iter().map(|(name, _)| suffix(name)).collect::<Vec<_>>(),
    })
}
