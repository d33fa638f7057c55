//! The three system calls of the rig that Rust's standard library does not offer: dying with the parent, a signal to a
//! process group, and last words at exit. All unsafe code of the workspace's tests is here; it decides nothing.
#![allow(
    unsafe_code,
    reason = "prctl, kill and atexit have no safe form in std; a crate for three calls would hide the same unsafe"
)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Makes the kernel SIGKILL the child when the *thread* that spawns it ends, by whatever cause, SIGKILL included.
///
/// So the caller must spawn from a thread that lives as long as the process: see [`crate::spawn`].
pub(crate) fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; prctl, getppid and the construction
    // of an io::Error from a number are, and nothing here allocates.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before prctl: then nobody would ever signal us.
            if u32::try_from(libc::getppid()) != Ok(parent) {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
}

/// Sends `signal` to the process group that `leader` leads.
///
/// The caller holds the `Child` unreaped, so the number cannot have passed to another process.
pub(crate) fn signal_group(leader: u32, signal: i32) -> io::Result<()> {
    let group = i32::try_from(leader).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: kill takes two integers and touches no memory of ours.
    match unsafe { libc::kill(-group, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs `last_words` when the process exits in an ordinary way (not by a signal).
pub(crate) fn at_exit(last_words: extern "C" fn()) -> io::Result<()> {
    // SAFETY: the function is a plain `extern "C"` one with static lifetime and does not unwind.
    match unsafe { libc::atexit(last_words) } {
        0 => Ok(()),
        _ => Err(io::Error::other("atexit: no room for another handler")),
    }
}
