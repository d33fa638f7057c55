//! The folder of one rig: data, logs, certificates. Removed at the end; what a killed rig left is swept by the
//! next one. Knows nothing of what lies in it.
//!
//! `OPSWARD_RIG_KEEP=1` keeps the folder, for reading logs after a failure.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Held (flock) by the living owner; a folder whose lock is free has none.
const LOCK: &str = "lock";
/// A folder with this file is never swept.
const KEEP: &str = "keep";

/// A folder of our own, removed when dropped.
#[derive(Debug)]
pub struct Workdir {
    path: PathBuf,
    keep: bool,
    _lock: File,
}

impl Workdir {
    /// Sweeps away the folders of dead rigs and makes a new one.
    pub fn create() -> Result<Self> {
        let base = std::env::temp_dir().join("opsward-rig");
        std::fs::create_dir_all(&base).with_context(|| format!("cannot create {}", base.display()))?;
        // While we hold this, no folder exists that is made but not yet locked.
        let gate = File::create(base.join(".gate"))?;
        gate.lock()?;
        sweep(&base);
        let path = tempfile::Builder::new().prefix("rig-").tempdir_in(&base)?.keep();
        let lock = File::create(path.join(LOCK))?;
        lock.lock()?;
        let keep = std::env::var_os("OPSWARD_RIG_KEEP").is_some();
        if keep {
            File::create(path.join(KEEP))?;
        }
        Ok(Self {
            path,
            keep,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log file of the process `name`.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join("logs").join(format!("{name}.log"))
    }

    /// Makes a folder in it.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// Writes a file in it, making folders as needed, and returns its path.
    pub fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Removes it now, unless it is to be kept.
    pub(crate) fn remove(&self) {
        if !self.keep {
            // What cannot be removed is swept by the next rig.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        self.remove();
    }
}

fn sweep(base: &Path) {
    let Ok(entries) = std::fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if !path.is_dir() || path.join(KEEP).exists() {
            continue;
        }
        let dead = match File::open(path.join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            // Its owner died while making or removing it.
            Err(_) => true,
        };
        if dead {
            // Another user's folder cannot be removed by us, and is not ours to remove.
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_folder_survives_the_sweep_and_a_dropped_one_is_gone() {
        let living = Workdir::create().expect("first");
        let other = Workdir::create().expect("second");
        assert!(living.path().exists());
        let gone = other.path().to_owned();
        drop(other);
        assert!(!gone.exists());
    }

    #[test]
    fn the_folder_of_a_dead_owner_is_swept() {
        let dead = std::env::temp_dir().join("opsward-rig").join("rig-dead-owner");
        std::fs::create_dir_all(&dead).expect("made");
        std::fs::write(dead.join(LOCK), "").expect("written");
        let _mine = Workdir::create().expect("create sweeps");
        assert!(!dead.exists());
    }
}
