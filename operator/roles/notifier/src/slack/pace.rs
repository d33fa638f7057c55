//! Slack takes about one message a second in a channel, and short bursts: <https://docs.slack.dev/apis/web-api/rate-limits>.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bus::tasks::Undone;
use tokio::time::{Instant, sleep};

/// The time that one message costs.
const EACH: Duration = Duration::from_secs(1);
/// Messages in a burst.
const BURST: u32 = 5;
/// The longest wait while a task is held; beyond, it is put back.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Channels that are remembered; beyond, those are forgotten that may write at once.
const REMEMBERED: usize = 1000;

/// When each channel is free again.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the last message that was let through is paid for.
    paid_at: Mutex<HashMap<String, Instant>>,
}

impl Pace {
    /// Waits for the channel's turn; where that takes long, the task is put back.
    pub(super) async fn wait(&self, channel: &str) -> Result<(), Undone> {
        let pause = self.take(channel, Instant::now()).map_err(Undone::PutBack)?;
        sleep(pause).await;
        Ok(())
    }

    /// The pause before the turn that is taken; or, where that is too long, the pause after which to ask again.
    fn take(&self, channel: &str, now: Instant) -> Result<Duration, Duration> {
        let mut all = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.retain(|_, paid_at| *paid_at > now);
        }
        let paid_at = all.entry(channel.to_owned()).or_insert(now);
        let owed = paid_at.max(&mut now.clone()).saturating_duration_since(now);
        let pause = owed.saturating_sub(EACH * (BURST - 1));
        if pause > LONGEST_WAIT {
            return Err(pause);
        }
        *paid_at = now + owed + EACH;
        Ok(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_go_at_once_then_one_a_second() {
        let (pace, now) = (Pace::default(), Instant::now());
        let pauses: Vec<_> = (0..12)
            .map(|_| pace.take("C1", now).map(|pause| pause.as_secs()))
            .collect();
        let expected = [0, 0, 0, 0, 0, 1, 2, 3, 4, 5].map(Ok);
        assert_eq!(pauses[..10], expected);
        assert!(pauses[10].is_err());
        assert_eq!(pace.take("C2", now), Ok(Duration::ZERO));
        assert_eq!(pace.take("C1", now + Duration::from_secs(60)), Ok(Duration::ZERO));
    }
}
