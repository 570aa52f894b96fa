use std::time::{Duration, SystemTime};

use podfleet::wording::age;
use podfleet_connectors::{ConnectorHealth, OrchestratorConnector};
use serde_json::json;

use super::Which;
use crate::commands::scope::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::render::wrap::wrap;
use crate::runtime::block_on;

/// How long a carrier may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    json: JsonFlag,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Outcome {
    let (connector, health) = block_on(async {
        let (_, connector) = args.which.open(context).await?;
        let health = ask(&*connector).await?;
        Ok((connector, health))
    })?;
    let place = (connector.kind().to_string(), connector.channel());
    if args.json.json {
        let seen = health
            .last_seen
            .and_then(|at| jiff::Timestamp::try_from(at).ok());
        context.output.json(&json!({
            "kind": place.0,
            "channel": place.1,
            "good": health.is_good(),
            "reachable": health.reachable,
            "authenticated": health.authenticated,
            "last_seen": seen,
            "detail": health.detail,
        }))?;
    } else {
        let text = describe(&place.0, &place.1, &health, SystemTime::now());
        context.output.data(text)?;
    }
    Ok(Exit::answer(health.is_good()))
}

/// Fails for a connector that does not work.
pub(super) async fn demand(connector: &dyn OrchestratorConnector) -> Result<(), Error> {
    let health = ask(connector).await?;
    if health.is_good() {
        return Ok(());
    }
    let message = format!("the connector `{}` does not work", connector.kind());
    Err(Error::new(
        Exit::No,
        anyhow::Error::msg(fault(&health)).context(message),
    ))
}

async fn ask(connector: &dyn OrchestratorConnector) -> Result<ConnectorHealth, Error> {
    let answered = tokio::time::timeout(PATIENCE, connector.health()).await;
    answered.map_err(|_| {
        let message = format!("there was no answer within {} seconds", PATIENCE.as_secs());
        Error::message(Exit::System, message)
    })
}

fn fault(health: &ConnectorHealth) -> String {
    match &health.detail {
        Some(detail) => detail.clone(),
        None if health.reachable => "it does not know us".to_owned(),
        None => "it cannot be reached".to_owned(),
    }
}

fn describe(kind: &str, channel: &str, health: &ConnectorHealth, now: SystemTime) -> String {
    let yes = |yes| if yes { "yes" } else { "no" };
    let mut text = format!(
        "connector      {kind} {channel}\nreachable      {}\nauthenticated  {}\n",
        yes(health.reachable),
        yes(health.authenticated)
    );
    if let Some(seen) = health.last_seen {
        let ago = now.duration_since(seen).unwrap_or_default();
        text.push_str(&format!("last seen      {} ago\n", age(ago)));
    }
    if let Some(detail) = &health.detail {
        let detail = detail.replace(char::is_control, " ");
        let detail = wrap(&detail, 15, "               ");
        text.push_str(&format!("fault          {detail}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_work_is_said_with_its_reason() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let health = ConnectorHealth {
            reachable: true,
            authenticated: true,
            last_seen: Some(now - Duration::from_secs(90)),
            detail: Some("the bot is not in the channel".to_owned()),
        };
        insta::assert_snapshot!(describe("discord", "123", &health, now), @r"
        connector      discord 123
        reachable      yes
        authenticated  yes
        last seen      1m ago
        fault          the bot is not in the channel
        ");
    }
}
