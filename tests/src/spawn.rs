//! Starts child processes from one thread that lives as long as the process.
//!
//! The kernel's "signal me when my parent dies" means the parent *thread*. A test's thread ends with its test, and
//! a server that several tests share would die with the first of them. Does not wait for, signal or own children.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{LazyLock, mpsc};

use crate::sys;

struct Job {
    command: Command,
    reply: mpsc::Sender<io::Result<Child>>,
}

static SPAWNER: LazyLock<mpsc::Sender<Job>> = LazyLock::new(|| {
    let (jobs, inbox) = mpsc::channel::<Job>();
    std::thread::spawn(move || {
        for mut job in inbox {
            // A caller that went away drops the receiver; the child is then dropped unreaped, which is its wish.
            let _ = job.reply.send(job.command.spawn());
        }
    });
    jobs
});

/// Starts `command` in a process group of its own, so that Ctrl-C in the terminal reaches only us and we decide the
/// order of ending; the kernel kills it when this process ends in any way.
pub(crate) fn spawn(mut command: Command) -> io::Result<Child> {
    command.process_group(0);
    sys::die_with_parent(&mut command);
    let (reply, answer) = mpsc::channel();
    SPAWNER
        .send(Job { command, reply })
        .map_err(|_| io::Error::other("the spawning thread has ended"))?;
    answer
        .recv()
        .map_err(|_| io::Error::other("the spawning thread has ended"))?
}
