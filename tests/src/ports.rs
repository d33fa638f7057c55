//! Free TCP ports that stay ours: over a server's restart, and against other rigs on the machine.
//!
//! "Bind port 0 and close" is not enough: while a killed server is down, the kernel may hand its port to any
//! outgoing connection. So ports come from below the range of outgoing connections, and a locked file per port
//! (released by the kernel when we die) keeps other rigs away. A stranger's server can still take one between our
//! look and the server's bind; [`crate::Rig::start`] then begins again with others.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// First port given out; below are the well-known servers of a developer's machine.
const LOWEST: u16 = 17_000;
/// One past the last; Linux hands out 32768 and above to outgoing connections (`ip_local_port_range`).
const END: u16 = 32_000;

/// One port, ours until dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Takes a free port, beginning at a random place.
    pub fn take() -> Result<Self> {
        let folder = locks();
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let range = END - LOWEST;
        let begin = random_u16()? % range;
        for step in 0..range {
            let number = LOWEST + (begin + step) % range;
            if let Some(port) = Self::try_take(number) {
                return Ok(port);
            }
        }
        bail!("no free port between {LOWEST} and {END}; are old rigs still running?")
    }

    /// The port number.
    pub fn number(&self) -> u16 {
        self.number
    }

    fn try_take(number: u16) -> Option<Self> {
        let path = locks().join(number.to_string());
        let mut options = OpenOptions::new();
        let file = options.create(true).write(true).truncate(false).open(&path);
        // Another user's lock file cannot be opened: that user's port.
        let lock = file.ok()?;
        if lock.try_lock().is_err() || TcpListener::bind(("127.0.0.1", number)).is_err() {
            return None;
        }
        Some(Self { number, _lock: lock })
    }
}

fn locks() -> PathBuf {
    std::env::temp_dir().join("opsward-rig-ports")
}

fn random_u16() -> Result<u16> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(u16::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_not_given_twice_and_returns_when_dropped() {
        let port = Port::take().expect("a port");
        let number = port.number();
        assert!(Port::try_take(number).is_none());
        drop(port);
        assert!(Port::try_take(number).is_some());
    }
}
