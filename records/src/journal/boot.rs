//! The host's boot clock, a witness for the wall clock. Only the wiring of a program hands it to a journal.

use rustix::time::{ClockId, clock_gettime};

use crate::chain::BootTime;

/// The kernel's boot id and the time since boot; none where either cannot be read.
pub fn machine_boot_time() -> Option<BootTime> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    let since = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(since.tv_sec).ok()?;
    let millis = u64::try_from(since.tv_nsec).ok()? / 1_000_000;
    Some(BootTime { boot, since_ms: seconds.checked_mul(1000)?.checked_add(millis)? })
}
