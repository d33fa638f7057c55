//! What Linux says of a process in `/proc`: CPU time and memory. Reads only.

use anyhow::{Context, Result};

/// The unit of the times in `/proc/PID/stat`; Linux shows 100 a second to user space on every architecture we build
/// for (proc(5), `sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: f64 = 100.0;
/// `/proc/PID/status` says "kB" and means 1024 bytes (proc(5)).
const BYTES_PER_KB: u64 = 1024;

/// User and system time of `pid`, all its threads, in seconds.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| format!("no {path}"))?;
    parse_cpu(&stat).with_context(|| format!("{path} is not as proc(5) says: {stat}"))
}

/// Resident memory of `pid` in bytes.
pub fn rss_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| format!("no {path}"))?;
    parse_rss(&status).with_context(|| format!("{path} has no VmRSS: the process has ended"))
}

fn parse_cpu(stat: &str) -> Option<f64> {
    // The command name in brackets may hold spaces and brackets; the last ')' ends it. Field 3 follows.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let user: u32 = fields.get(11)?.parse().ok()?; // field 14, utime
    let system: u32 = fields.get(12)?.parse().ok()?; // field 15, stime
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

fn parse_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * BYTES_PER_KB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_with_brackets_in_the_name_is_read() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 4 0 1 1 1";
        assert_eq!(parse_cpu(stat), Some(2.0));
    }

    #[test]
    fn rss_of_ourselves_is_more_than_a_page() {
        assert!(rss_bytes(std::process::id()).expect("we run") > 4096);
        assert!(cpu_seconds(std::process::id()).expect("we run") >= 0.0);
    }
}
