//! The clocks of a pod: wall time for people, boot time for ages.

use podfleet_protocol::UnixMillis;
use rustix::time::{ClockId, clock_gettime};

/// Milliseconds since the machine booted, its suspended time included.
///
/// A step of the wall clock does not change it, so ages are taken from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootMillis(pub u64);

impl BootMillis {
    /// Returns the present moment.
    #[must_use]
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        let millis = time.tv_sec.saturating_mul(1000) + time.tv_nsec / 1_000_000;
        Self(u64::try_from(millis).unwrap_or(0))
    }

    /// Returns the milliseconds from `earlier` to this moment; nothing if it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }
}

/// One moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) boot: BootMillis,
    pub(crate) wall: UnixMillis,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            boot: BootMillis::now(),
            wall: wall(),
        }
    }
}

/// Returns the wall clock's time.
#[must_use]
pub fn wall() -> UnixMillis {
    UnixMillis(jiff::Timestamp::now().as_millisecond())
}

/// Returns the identity of this boot of the machine; empty where the system does not tell.
#[must_use]
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}
