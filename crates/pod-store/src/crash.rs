//! Places at which a test has the process killed.
//!
//! A build with the feature `crash-points` can be told to `arm` one of them; when it is reached
//! for the n-th time, the process leaves its name in a file and aborts. Without the feature
//! reaching a point is nothing at all. They are one list, of this crate and of those above it, so
//! that one test can walk them all.

#[cfg(feature = "crash-points")]
pub use armed::{NotArmed, arm};

macro_rules! crash_points {
    ($($(#[$doc:meta])* $point:ident,)*) => {
        /// A step between two writes that belong together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CrashPoint {
            $($(#[$doc])* $point,)*
        }

        impl CrashPoint {
            /// All of them, in the order of a pod's life.
            pub const ALL: &'static [Self] = &[$(Self::$point,)*];

            /// Returns its name, as it is written in [`CrashPoint`].
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => stringify!($point),)*
                }
            }
        }
    };
}

crash_points! {
    /// A step of a migration is done, within its transaction.
    MigrationStep,
    /// A migration is about to commit.
    MigrationWritten,
    /// A migration is committed.
    MigrationCommitted,

    /// The transaction of a registration has begun.
    RegisterBegun,
    /// The row of a peer relation is written.
    RegisterRow,
    /// A registration is about to commit.
    RegisterWritten,
    /// A registration is committed, and nobody knows it.
    RegisterCommitted,
    /// The row of a peer relation is deleted.
    UnregisterRow,
    /// The end of a relation is committed, and nobody knows it.
    UnregisterCommitted,

    /// The records of a pod that is to be spawned are written, and not committed.
    SpawnWritten,
    /// A pod that is to be spawned is reserved, and nothing of it runs.
    SpawnReserved,
    /// The agent of a spawned pod is ready, and has no task.
    SpawnReady,
    /// The task of a spawned pod is submitted, and its spawning is not confirmed.
    SpawnTasked,
    /// A spawning is confirmed, and nobody knows it.
    SpawnConfirmed,
    /// The pod of a spawning that failed is ended, and its records are there.
    SpawnEnded,
    /// The records of a spawning that failed are removed, and nobody knows it.
    SpawnWithdrawn,

    /// It is recorded that a pod is wanted, and it is not started.
    StartWanted,
    /// A pod was started and answers; whoever started it has not seen its agent.
    StartAnswering,
    /// A restored pod's agent is ready, and nobody knows it.
    RestoreReady,

    /// A long body is in its file, and no record names it.
    BodyWritten,
    /// Messages are about to be accepted.
    AcceptWritten,
    /// Messages are accepted, and nobody knows it.
    AcceptCommitted,
    /// The pod's log has the messages that the store has accepted; no sender knows it.
    AcceptLogged,

    /// What a pod has sent is about to be told in its outbox.
    SentWritten,
    /// What a pod has sent is told in its outbox, and nobody knows it.
    SentTold,
    /// What happened by other hands is in the log, not flushed.
    OutboxWritten,
    /// It is flushed in the log, and still in the outbox.
    OutboxLogged,
    /// It has left the outbox, and nobody knows it.
    OutboxCleared,

    /// A new process holds the pod's lock.
    GenerationLocked,
    /// What the former generation left is ended.
    GenerationCleared,
    /// The socket is bound.
    GenerationListening,
    /// The store has counted the new generation.
    GenerationCounted,
    /// The credential is written.
    GenerationCredential,
    /// The new session's log is there, and the former one's was not looked at.
    RecoveryBegun,
    /// The verdict on an interrupted message is in the log.
    RecoveryLogged,
    /// The verdict on an interrupted message is in the store.
    RecoveryStored,
    /// All that was interrupted has its verdict, and the store does not know the new session.
    RecoveryDone,
    /// The store knows the new session.
    GenerationOpened,
    /// The pod is about to say that it is ready.
    GenerationReady,

    /// The launch is in the log.
    LaunchLogged,
    /// The agent is about to be started.
    LaunchStarting,
    /// The agent's guard is started.
    LaunchStarted,

    /// The text of a delivery is in the log.
    DeliverLogged,
    /// The store says `delivering`.
    DeliverStored,
    /// The text is about to be written to the terminal.
    DeliverTyping,
    /// The text is written to the terminal.
    DeliverTyped,
    /// The submit key is about to be written to the terminal.
    DeliverSubmitting,
    /// Something was found out about a delivery.
    DeliverFound,
    /// A receipt is in the log.
    ReceiptLogged,
    /// A receipt is in the store, and nobody knows it.
    ReceiptStored,

    /// Half of a record is written.
    LogTorn,
    /// A record is written and not flushed.
    LogAppended,
    /// A record is flushed.
    LogFlushed,
    /// A full segment is flushed, and has no successor.
    SegmentFlushed,
    /// A new segment is there and empty.
    SegmentCreated,
    /// A new segment has its first record, not flushed.
    SegmentWritten,
    /// A new segment has its first record, and its directory may not know it.
    SegmentBegun,
}

impl CrashPoint {
    /// Kills the process if this point is armed and its time has come.
    #[inline]
    pub fn reach(self) {
        self.reach_with(|| {});
    }

    /// As [`reach`](Self::reach), and does something last.
    #[cfg(not(feature = "crash-points"))]
    #[inline]
    pub fn reach_with(self, _last: impl FnOnce()) {}
}

#[cfg(feature = "crash-points")]
mod armed {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::CrashPoint;

    static ARMED: OnceLock<Armed> = OnceLock::new();

    struct Armed {
        point: CrashPoint,
        /// How often it may still be reached, the last time included.
        left: AtomicU32,
        witness: PathBuf,
    }

    /// What was asked for is no crash point.
    #[derive(Debug, thiserror::Error)]
    #[error("no crash point `NAME:TIMES:WITNESS`, or a second one: {0}")]
    pub struct NotArmed(String);

    /// Arms a point for the rest of this process: `NAME:TIMES:WITNESS`, where the process dies the
    /// `TIMES`-th time (from 1) and leaves the name in the file `WITNESS`.
    ///
    /// # Errors
    /// Fails when the text is none of that, or a point is armed already.
    pub fn arm(text: &str) -> Result<(), NotArmed> {
        let armed = parse(text).and_then(|armed| ARMED.set(armed).ok());
        armed.ok_or_else(|| NotArmed(text.to_owned()))
    }

    fn parse(text: &str) -> Option<Armed> {
        let (name, rest) = text.split_once(':')?;
        let (times, witness) = rest.split_once(':')?;
        Some(Armed {
            point: *CrashPoint::ALL.iter().find(|point| point.name() == name)?,
            left: AtomicU32::new(times.parse().ok().filter(|times| *times > 0)?),
            witness: witness.into(),
        })
    }

    impl CrashPoint {
        /// As [`reach`](Self::reach), and does something last.
        pub fn reach_with(self, last: impl FnOnce()) {
            let Some(armed) = ARMED.get().filter(|armed| armed.point == self) else {
                return;
            };
            if armed.left.fetch_sub(1, Ordering::SeqCst) == 1 {
                last();
                // A test that finds no witness fails.
                let _ = std::fs::write(&armed.witness, self.name());
                std::process::abort();
            }
        }
    }
}
