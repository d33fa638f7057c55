//! What Opsward's controller asks of the API server, by the server's own record, and that it falls silent.

use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::Timestamp;

use crate::audit::AuditRequest;
use crate::rig::Rig;
use crate::wait::until;

/// How long it has to be silent, in seconds.
const SILENCE: i64 = 60;
/// The last counters are on their way for up to 30 s, and a watch is opened anew every five minutes.
const SILENT_WITHIN: Duration = Duration::from_secs(200);

impl Rig {
    /// The controller's requests, but for those of its lease.
    pub fn controllers_requests(&self) -> Result<Vec<AuditRequest>> {
        let mut all = self.audit_requests()?;
        all.retain(|request| request.user.ends_with("opsward-controller") && request.resource != "leases");
        Ok(all)
    }

    /// Waits for a minute in which the controller asks nothing, watches it opens included; its lease aside.
    pub async fn quiet_minute(&self) -> Result<()> {
        until("a quiet minute", SILENT_WITHIN, || async {
            let since = Timestamp::now().as_second() - SILENCE;
            let mut recent = self.controllers_requests()?;
            recent.retain(|request| request.received.as_second() >= since);
            ensure!(
                recent.is_empty(),
                "{} requests, the last {:?}",
                recent.len(),
                recent.last()
            );
            Ok(())
        })
        .await
    }
}
