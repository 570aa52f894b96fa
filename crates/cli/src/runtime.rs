//! Running what waits: one thread, until it is done or the user interrupts it.

use std::future::Future;

use crate::error::Error;
use crate::exit::Exit;

/// Runs `work` to its end. An interrupt (`ctrl-c`) ends it with [`Exit::Interrupted`]; what other
/// processes do for it goes on.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    block_on_to_the_end(async {
        tokio::select! {
            done = work => done,
            interrupt = tokio::signal::ctrl_c() => {
                interrupt?;
                Err(Error::message(Exit::Interrupted, "interrupted"))
            }
        }
    })
}

/// Runs `work`, which itself sees to interrupts, to its end.
pub(crate) fn block_on_to_the_end<T>(
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    // A blocking read that nobody waits for any more must not keep us.
    runtime.shutdown_background();
    done
}
