//! A timer that wakes the pod at its deadline and at no other time.
//!
//! The runtime's own timers come near a far deadline in several steps, and each is a wake-up. An
//! idle pod sleeps from heartbeat to heartbeat, and a machine may run a hundred of them.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// One deadline at a time (`timerfd_create(2)`).
#[derive(Debug)]
pub(crate) struct Timer {
    descriptor: AsyncFd<OwnedFd>,
    armed: Option<Instant>,
}

impl Timer {
    /// Makes a timer.
    ///
    /// # Errors
    /// Fails when the system has no descriptor to give.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let descriptor = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe; an owned descriptor keeps what that asks for"
        )]
        let descriptor = AsyncFd::new(descriptor)?;
        Ok(Self {
            descriptor,
            armed: None,
        })
    }

    /// Waits for the deadline. If it is past, whatever else is ready still goes first: a loop over
    /// deadlines must not starve the tasks beside it. Giving the wait up loses nothing.
    ///
    /// # Errors
    /// Fails when the runtime ends.
    pub(crate) async fn until(&mut self, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tokio::task::yield_now().await;
                return Ok(());
            }
            if self.armed != Some(deadline) {
                self.arm(left)?;
                self.armed = Some(deadline);
            }
            // An end of an earlier deadline may still be noted; reading tells whether it was.
            let mut ready = self.descriptor.readable().await?;
            match rustix::io::read(ready.get_inner(), &mut [0; 8]) {
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(error) => return Err(error.into()),
                Ok(_) => self.armed = None,
            }
        }
    }

    fn arm(&self, left: Duration) -> io::Result<()> {
        let timing = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(left).map_err(io::Error::other)?,
        };
        timerfd_settime(
            self.descriptor.get_ref(),
            TimerfdTimerFlags::empty(),
            &timing,
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_at_its_deadline_and_not_before() {
        let mut timer = Timer::new().unwrap();
        for millis in [30, 1, 10] {
            let deadline = Instant::now() + Duration::from_millis(millis);
            timer.until(deadline).await.unwrap();
            assert!(Instant::now() >= deadline);
        }
        timer.until(Instant::now()).await.unwrap();
    }

    #[tokio::test]
    async fn a_loop_over_deadlines_that_are_past_starves_nobody() {
        let other = tokio::spawn(async {});
        let mut timer = Timer::new().unwrap();
        while !other.is_finished() {
            timer.until(Instant::now()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn the_end_of_a_wait_that_was_given_up_does_not_end_the_next() {
        let mut timer = Timer::new().unwrap();
        let first = Instant::now() + Duration::from_millis(5);
        let second = first + Duration::from_millis(30);
        tokio::select! {
            biased;
            ended = timer.until(first) => ended.unwrap(),
            () = async { while Instant::now() < first {} } => {}
        }
        timer.until(second).await.unwrap();
        assert!(Instant::now() >= second);
    }
}
