//! The tools of the agent inside a pod, over the Model Context Protocol.

mod arguments;
mod editing;
mod server;
mod tool;

use std::path::PathBuf;

use podfleet::Fleet;
use rmcp::ServiceExt;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::stdio;

use crate::error::Error;
use crate::exit::Exit;
use editing::Editing;
use server::Server;

/// The longest request in bytes. What is longer is dropped unanswered by the SDK, so it is far more than what
/// any tool takes, and the tool says so.
const MAX_LINE: usize = 64 << 20;

/// Serves the agent of the pod that we run in, on standard input and output, until it closes them.
pub(crate) async fn serve(
    fleet: Fleet,
    roster: Option<PathBuf>,
    client: String,
) -> Result<(), Error> {
    let Some(own) = fleet.own_pod().await? else {
        return Err(Error::message(
            Exit::Refused,
            "there is no pod around this process, so it has no rights to offer",
        )
        .hint("agents in pods start it; `fleet attach` and `fleet send` are for people"));
    };
    let failed = |error: &dyn std::fmt::Display| Error::message(Exit::System, error.to_string());
    let (input, output) = stdio();
    let serving = Server::new(fleet, Editing { roster, client }, own)
        .serve(AsyncRwTransport::new_server(input, output).with_max_line_length(MAX_LINE))
        .await;
    let serving = serving.map_err(|error| failed(&error).context("the client did not begin"))?;
    serving.waiting().await.map_err(|error| failed(&error))?;
    Ok(())
}
