//! Bounds of what a user may write, with their reasons. The schemas state them to the API server, the
//! conversions check them for rules that come from elsewhere (files, older objects).

use std::ops::RangeInclusive;
use std::time::Duration;

use kube::core::{Message, Rule};

/// Characters of a rule's name: it is also the value of a label.
pub const RULE_NAME_CHARS: u32 = 63;
/// Characters of a glob: a source's name or an event's type has at most 256 bytes.
pub const GLOB_CHARS: u32 = 256;
/// Items of any list in a rule.
pub const LIST_ITEMS: u32 = 64;
/// Characters of a label's name, as events have them.
pub const LABEL_NAME_CHARS: u32 = 63;
/// Characters of one value or regular expression of a label requirement.
pub const LABEL_VALUE_CHARS: u32 = 512;
/// Characters of a condition.
pub const CONDITION_CHARS: u32 = 1024;
/// Priorities, either side of 0: room for a thousand rules in steps of a thousand.
pub const PRIORITY: i32 = 1_000_000;
/// Occurrences that a trigger may ask for: each is remembered until the window has passed it.
pub const TRIGGER_COUNT: RangeInclusive<i64> = 1..=10_000;
/// Seconds that a finished OpsEvent may stay: 90 days. The long past belongs into the lake.
pub const TTL_SECONDS: RangeInclusive<i64> = 0..=90 * 24 * 60 * 60;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// `trigger.within`: a window's occurrences are held in memory, so a day at most.
pub const WITHIN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(DAY);
/// `resolve.after`.
pub const AFTER: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * DAY);
/// `resolve.reopenWithin`; 0 means that an incident that ended never comes back.
pub const REOPEN_WITHIN: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(7 * DAY);
/// `resolve.maxOpen`: a year, for findings that take a budget to fix.
pub const MAX_OPEN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(365 * DAY);

/// Channels of a rule.
pub const CHANNELS: u32 = 8;
/// Channels that an OpsEvent names: a rule's, and those that it had before.
pub const NOTIFICATIONS: u32 = 32;
/// Characters of a channel's name.
pub const CHANNEL_NAME_CHARS: u32 = 63;
/// A channel's name, as the names of containers are.
pub const CHANNEL_NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// Characters of a Slack channel's id or name: Slack allows names of 80, and `#`.
pub const SLACK_CHANNEL_CHARS: u32 = 81;
/// A Slack channel's id or name.
pub const SLACK_CHANNEL: &str = "^#?[^\\s#<>@|]+$";
/// A webhook's address.
pub const WEBHOOK_URL: &str = "^https?://[^\\s]+$";
/// `notify[].repeatInterval`: a minute is for trying out.
pub const REPEAT_INTERVAL: RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(7 * DAY);

/// `triage.expireAfter`: a second is for trying out; a week is longer than any question should stand.
pub const EXPIRE_AFTER: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * DAY);

/// Characters of an object's name.
pub const NAME_CHARS: u32 = 253;
/// Characters of a user's name: certificates and OIDC claims are longer than object names.
pub const USER_CHARS: u32 = 1024;
/// Characters of an OpsEvent's title.
pub const TITLE_CHARS: u32 = 500;
/// Characters of one value of a group: a title is the longest field that can be grouped by.
pub const GROUP_VALUE_CHARS: u32 = 512;
/// Characters of the group as one line.
pub const GROUP_TEXT_CHARS: u32 = 1024;
/// Characters of a uid or an event's id.
pub const ID_CHARS: u32 = 64;
/// Characters of a text of the event that opened an incident: its record cuts them to as many bytes.
pub const EVENT_TEXT_CHARS: u32 = 512;
/// Characters of that event's description; the same.
pub const DESCRIPTION_CHARS: u32 = 1024;
/// Labels of an event.
pub const EVENT_LABELS: u32 = 64;
/// Links of an event: formats know a handful each.
pub const EVENT_LINKS: u32 = 64;
/// Characters of a link, as events have them.
pub const LINK_CHARS: u32 = 2048;
/// Tags of an event.
pub const EVENT_TAGS: u32 = 50;
/// Facts of one kind that an event's texts state.
pub const FACTS: u32 = 16;
/// Resources that an OpsEvent names: as many as one event may.
pub const RESOURCES: u32 = 200;
/// Characters of a resource's name, as events have them.
pub const RESOURCE_CHARS: u32 = 256;
/// Conditions of one object.
pub const CONDITIONS: u32 = 16;
/// Users, and groups, that one question names: they travel with each record and question of their rule.
pub const APPROVERS: u32 = 32;
/// Characters of such a name.
pub const APPROVER_CHARS: u32 = 256;
/// Tiers beyond the first; there is one, and room for more.
pub const TIERS: i64 = 100;
/// Questions that may expire in a row.
pub const UNANSWERED: i64 = 1_000_000;
/// Characters of what a person says of a decision.
pub const REASON_CHARS: u32 = 1024;
/// Characters of a message in a status.
pub const MESSAGE_CHARS: u32 = 1024;
/// Characters of a word for what happened.
pub const WORD_CHARS: u32 = 32;
/// Moments in the timeline of an OpsEvent: a status stays small, and the whole story is in the log.
pub const TIMELINE: u32 = 32;
/// Bytes of a condition's message.
pub const MESSAGE_BYTES: usize = 1024;

/// Fields that a rule may group by, as a pattern; `domain::event::Event::field` knows the same ones.
pub const GROUP_FIELD: &str = "^(type|title|resource|service|host|team|environment|account|region|source|reportedSource|severity|labels\\..+)$";
/// Characters of a group field: `labels.` and a label's name.
pub const GROUP_FIELD_CHARS: u32 = 7 + LABEL_NAME_CHARS;

/// CEL for the seconds of a duration; the units are those of [`crate::duration::PATTERN`]. Kubernetes' own
/// `duration()` knows no days.
fn seconds(duration: &str) -> String {
    format!(
        "{duration}.findAll('[0-9]+[dhms]').map(p, int(p.find('[0-9]+')) * \
         (p.endsWith('d') ? 86400 : p.endsWith('h') ? 3600 : p.endsWith('m') ? 60 : 1)).sum()"
    )
}

/// The schema's rule that the duration `field` lies in `bounds`.
pub(crate) fn rule_between(field: &str, bounds: &RangeInclusive<Duration>) -> Rule {
    let (length, low, high) = (seconds("self"), bounds.start().as_secs(), bounds.end().as_secs());
    let rule = format!("[{length}].all(s, {low} <= s && s <= {high})");
    Rule::new(rule).message(not_between(field, bounds).as_str())
}

/// The schema's rule that the duration `field` is not longer than `maxOpen`.
pub(crate) fn rule_at_most_max_open(field: &str) -> Rule {
    let (length, most) = (seconds(&format!("self.{field}")), seconds("self.maxOpen"));
    let said = not_at_most_max_open(field, &format!("' + self.{field} + '"), "' + self.maxOpen + '");
    Rule::new(format!("{length} <= {most}")).message(Message::Expression(format!("'{said}'")))
}

/// The schema's rule that a rule which asks nobody names nobody.
pub(crate) fn rule_names_who_is_asked() -> Rule {
    let named = |kind| format!("{} == 0", people(kind));
    let rule = format!(
        "self.mode != 'Never' || ({} && {})",
        named("users"),
        named("groups")
    );
    Rule::new(rule).message(NOBODY_IS_ASKED)
}

/// The schema's rule that the people of both tiers together fit into one question.
pub(crate) fn rule_fits_one_question(kind: &str) -> Rule {
    Rule::new(format!("{} <= {APPROVERS}", people(kind))).message(too_many_people(kind).as_str())
}

/// How many users or groups both tiers name.
fn people(kind: &str) -> String {
    let size = |field: &str| format!("(has(self.{field}) ? size(self.{field}.{kind}) : 0)");
    format!("{} + {}", size("approvers"), size("escalateTo"))
}

/// What is said where people are named and nobody is asked.
pub(crate) const NOBODY_IS_ASKED: &str =
    "approvers and escalateTo: nobody is asked with mode Never; set mode: Always, or leave them out";

/// What is said where both tiers together are more than one question can name.
pub(crate) fn too_many_people(kind: &str) -> String {
    format!("approvers and escalateTo: at most {APPROVERS} {kind} together")
}

/// What is said of a duration out of bounds.
pub(crate) fn not_between(field: &str, bounds: &RangeInclusive<Duration>) -> String {
    format!(
        "{field}: from {} to {}",
        crate::Duration::from(*bounds.start()),
        crate::Duration::from(*bounds.end())
    )
}

/// What is said of a duration longer than the one that ends everything. `field` may never have been written, so
/// the text says both values.
pub(crate) fn not_at_most_max_open(field: &str, length: &str, most: &str) -> String {
    format!(
        "{field} is {length}, but maxOpen, {most}, ends the incident in any case: set {field} to at most {most}"
    )
}
