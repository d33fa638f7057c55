//! Kubernetes Events: news for `kubectl describe` and `kubectl events`. They are a courtesy: they have a budget of
//! their own, what exceeds it is dropped and counted, and no failure of theirs touches anything else.

use std::time::Duration;

use api::answer_command;
use domain::incident::EndReason;
use domain::triage::Verdict;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use platform::Chain;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::debug;

use crate::budget::TokenBucket;
use crate::incidents::question;
use crate::incidents::wanted::Tell;
use crate::metrics::{Dropped, Metrics};
use crate::rules::status::RuleTell;

/// Kubernetes Events a second in the long run.
const PER_SECOND: f64 = 5.0;
/// Kubernetes Events at once: an incident or a rule with its few pieces of news is told in full.
const BURST: f64 = 25.0;
/// Announcements that wait while one is being written; beyond, they are dropped.
const QUEUE: usize = 64;
/// As for every call on the API server.
const CALL_TIMEOUT: Duration = crate::error::CALL_TIMEOUT;
/// Bytes of a note that the API server takes.
const NOTE_BYTES: usize = 1024;
/// `reportingController` of every Event.
const CONTROLLER: &str = "opsward.dev/controller";

/// News about one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// The object.
    pub regarding: ObjectReference,
    /// What to say.
    pub news: News,
}

/// What is said, in the words of Kubernetes Events. Reasons are an interface: people filter by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    urgency: Urgency,
    reason: &'static str,
    action: &'static str,
    note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Urgency {
    Normal,
    Warning,
}

impl News {
    fn normal(reason: &'static str, action: &'static str, note: impl Into<String>) -> Self {
        Self {
            urgency: Urgency::Normal,
            reason,
            action,
            note: note.into(),
        }
    }

    fn warning(reason: &'static str, action: &'static str, note: impl Into<String>) -> Self {
        Self {
            urgency: Urgency::Warning,
            reason,
            action,
            note: note.into(),
        }
    }

    /// The reason, one CamelCase word.
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

impl News {
    /// What `tell` says of the OpsEvent of this name and namespace; `by` is who answered its question.
    pub fn of(tell: Tell, (namespace, name): (&str, &str), by: Option<&str>) -> Self {
        match tell {
            Tell::Opened => Self::normal("Opened", "Open", "the incident opened"),
            Tell::Reopened => Self::normal("Reopened", "Open", "a new occurrence brought the incident back"),
            Tell::Resolved(EndReason::Closed) => {
                Self::normal("Closed", "Resolve", "a person closed the incident")
            }
            Tell::Resolved(EndReason::Cleared) => {
                Self::normal("Resolved", "Resolve", "every member is clear")
            }
            Tell::Resolved(EndReason::Quiet) => Self::normal(
                "Resolved",
                "Resolve",
                "nothing was seen for the rule's resolve.after",
            ),
            Tell::Resolved(EndReason::MaxOpen) => Self::warning(
                "Resolved",
                "Resolve",
                "the incident reached the rule's resolve.maxOpen",
            ),
            Tell::BroughtBack => Self::warning(
                "ComesBack",
                "Open",
                format!(
                    "the OpsEvent was deleted while its incident is open, and is back; to end the incident, set \
                     spec.close: kubectl patch ope {name} --type=merge -p '{{\"spec\":{{\"close\":{{\"reason\":\"FalseAlarm\"}}}}}}'"
                ),
            ),
            Tell::CloseIgnored => Self::normal(
                "CloseIgnored",
                "Close",
                "the incident had ended before a person closed it",
            ),
            Tell::Asked(number) => {
                let question = question::name(name, number);
                let answer = answer_command(&question, namespace, Verdict::Accept);
                let note = format!("a person is to decide: {answer} (or Discharge; docs/deciding.md)");
                Self::normal("DecisionRequested", "Ask", note)
            }
            Tell::Unanswered(number) => {
                let question = question::name(name, number);
                let note = format!("nobody decided {question} in time; another question follows");
                Self::warning("DecisionExpired", "Ask", note)
            }
            Tell::Answered(number, verdict) => {
                let (reason, what) = match verdict {
                    Verdict::Accept => ("Accepted", "has the incident"),
                    Verdict::Discharge => ("Discharged", "says that it is no problem"),
                    Verdict::Escalate => ("Escalated", "passed it on to the next tier"),
                };
                let (by, question) = (by.unwrap_or("somebody"), question::name(name, number));
                Self::normal(reason, "Decide", format!("{by} {what} ({question})"))
            }
        }
    }
}

impl From<&RuleTell> for News {
    fn from(tell: &RuleTell) -> Self {
        match tell {
            RuleTell::InForce => Self::normal("RuleInForce", "Publish", "the rule is in force"),
            RuleTell::Refused(why) => Self::warning("RuleRefused", "Publish", why.clone()),
        }
    }
}

/// Where news is handed in; never waits.
#[derive(Clone, Debug)]
pub struct Announcer {
    queue: mpsc::Sender<Announcement>,
    metrics: Metrics,
}

/// The half that writes.
pub struct Announcements {
    queue: mpsc::Receiver<Announcement>,
    recorder: Recorder,
    budget: TokenBucket,
    metrics: Metrics,
}

/// Both halves; `identity` names this process in each Event.
pub fn channel(client: Client, identity: &str, metrics: Metrics) -> (Announcer, Announcements) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let reporter = Reporter {
        controller: CONTROLLER.to_owned(),
        instance: Some(identity.to_owned()),
    };
    let recorder = Recorder::new(client, reporter);
    let budget = TokenBucket::new(BURST, PER_SECOND, Instant::now());
    let announcements = Announcements {
        queue: receiver,
        recorder,
        budget,
        metrics: metrics.clone(),
    };
    (
        Announcer {
            queue: sender,
            metrics,
        },
        announcements,
    )
}

impl Announcer {
    /// Hands in news about `regarding`.
    pub fn tell(&self, regarding: ObjectReference, news: News) {
        if self.queue.try_send(Announcement { regarding, news }).is_err() {
            self.metrics.dropped(Dropped::QueueFull);
        }
    }
}

impl Announcements {
    /// Writes what is handed in, until every [`Announcer`] is dropped.
    pub async fn run(mut self) {
        while let Some(announcement) = self.queue.recv().await {
            // Spent budget drops instead of waiting: news that comes minutes late misleads.
            if !self.budget.take(Instant::now()) {
                self.metrics.dropped(Dropped::Budget);
                continue;
            }
            let event = event(&announcement.news);
            match timeout(
                CALL_TIMEOUT,
                self.recorder.publish(&event, &announcement.regarding),
            )
            .await
            {
                Ok(Ok(())) => self.metrics.announced(announcement.news.reason),
                Ok(Err(error)) => {
                    debug!(reason = announcement.news.reason, error = %Chain(&error), "Kubernetes Event not written");
                    self.metrics.dropped(Dropped::Failed);
                }
                Err(_elapsed) => self.metrics.dropped(Dropped::Failed),
            }
        }
    }
}

fn event(news: &News) -> Event {
    Event {
        type_: match news.urgency {
            Urgency::Normal => EventType::Normal,
            Urgency::Warning => EventType::Warning,
        },
        reason: news.reason.to_owned(),
        note: Some(domain::event::clip(&news.note, NOTE_BYTES).to_owned()),
        action: news.action.to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(tell: Tell) -> News {
        News::of(tell, ("shop", "a-1"), Some("alice"))
    }

    #[test]
    fn a_question_comes_with_the_command_that_answers_it_and_an_answer_with_who_gave_it() {
        let asked = event(&news(Tell::Asked(2))).note.unwrap();
        assert!(
            asked.contains("kubectl patch td a-1-d2 -n shop --type=merge"),
            "{asked}"
        );
        let answered = event(&news(Tell::Answered(2, Verdict::Discharge))).note.unwrap();
        assert_eq!(answered, "alice says that it is no problem (a-1-d2)");
        let expired = event(&news(Tell::Unanswered(1)));
        assert_eq!(expired.reason, "DecisionExpired");
        assert!(expired.note.unwrap().contains("a-1-d1"));
    }

    #[test]
    fn a_closed_incident_and_a_cleared_one_have_different_reasons() {
        assert_eq!(news(Tell::Resolved(EndReason::Closed)).reason(), "Closed");
        assert_eq!(news(Tell::Resolved(EndReason::Cleared)).reason(), "Resolved");
    }

    #[test]
    fn an_object_that_comes_back_says_how_an_incident_is_closed() {
        assert!(
            event(&news(Tell::BroughtBack))
                .note
                .unwrap()
                .contains("spec.close")
        );
    }

    #[test]
    fn a_long_note_is_cut_to_what_the_api_server_takes() {
        let long = RuleTell::Refused("x".repeat(5_000));
        assert!(event(&News::from(&long)).note.unwrap().len() <= NOTE_BYTES);
    }
}
