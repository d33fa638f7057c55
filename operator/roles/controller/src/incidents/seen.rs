//! What is seen of one incident.

use api::OpsEvent;
use domain::incident::IncidentRecord;
use domain::incident::step::CloseWish;
use domain::notify::Notification;

use super::question::{Question, Questions};

/// Whether an object was ever seen of this incident, by this leader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Not yet.
    #[default]
    NeverSeen,
    /// It is there, or was when last looked.
    Seen,
    /// It was there and has been deleted.
    Gone,
}

/// Whether a namespace takes new objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceState {
    /// It does.
    Active,
    /// It is being deleted, or is not there; its incidents wait.
    Closed,
}

/// Whether the API server says who it is that decides or closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity<'a> {
    /// It does.
    Enforced {
        /// Which policies these are: what was asked under others may have been answered by anybody.
        stamp: &'a str,
    },
    /// It does not, for this reason: nobody is asked, no answer counts, no close is passed on.
    Missing(&'a str),
}

impl Seen<'_> {
    /// Whether the API server has said, or will say, who it is that answers a question; `None` while that is not known.
    pub fn is_checked(&self, question: Question<'_>) -> Option<bool> {
        match self.identity {
            Identity::Missing(_) => None,
            Identity::Enforced { stamp } => Some(question.object.spec.policies == stamp),
        }
    }
}

impl Identity<'_> {
    /// Whether it does.
    pub const fn is_enforced(&self) -> bool {
        matches!(self, Self::Enforced { .. })
    }
}

/// What is seen of one incident.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The newest record.
    pub record: Option<&'a IncidentRecord>,
    /// The newest object.
    pub object: Option<&'a OpsEvent>,
    /// Whether there was one.
    pub presence: Presence,
    /// Its namespace.
    pub namespace: NamespaceState,
    /// How far a wish to close has come.
    pub close: CloseWish,
    /// What was asked about the object.
    pub questions: Questions<'a>,
    /// How far the channels of its rule are with it.
    pub notifications: Vec<&'a Notification>,
    /// Whether the cluster's definition of OpsEvents can show that; an older one drops it, and it would be written for ever.
    pub shows_notifications: bool,
    /// Whether the time of what [`super::deadline`] finds due has passed, by a clock that nobody sets.
    pub time_passed: bool,
    /// Why the API server did not take what was last written of its questions, if it did not.
    pub refused: Option<&'a str>,
    /// Whether they are left alone for a while because of that.
    pub is_paused: bool,
    /// Whether the name of whoever decides can be believed.
    pub identity: Identity<'a>,
}
