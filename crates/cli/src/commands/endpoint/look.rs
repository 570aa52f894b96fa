//! How the machines are, and what to do about one.

use podfleet_hub::endpoint::Status;
use podfleet_hub::op::{EndpointList, EndpointParams, EndpointRetry, EndpointView};
use podfleet_hub::topology::MachineName;
use podfleet_protocol::method::Nothing;

use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::HubArgs;
use crate::output::Output;
use crate::render::style::{DIM, ERROR, GOOD, WARNING};
use crate::render::table::{Cell, Column, Table};
use crate::render::wrap::wrap;

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// The machine; `local` is the hub's own
    #[arg(value_name = "NAME")]
    name: MachineName,
    /// Try it again at once first
    #[arg(long)]
    retry: bool,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    json: JsonFlag,
}

pub(super) async fn list(args: &ListArgs, context: &mut Context) -> Outcome {
    let result = args.hub.call::<EndpointList>(context, Nothing {}).await?;
    if args.json.json {
        context.output.json(&result.endpoints)?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        Column::new("NAME"),
        Column::new("STATUS"),
        Column::new("ADDRESS").flexible(16),
        Column::new("HOST").optional(1),
        Column::new("MOUNTS").right(),
        Column::new("TERMINALS").right().optional(2),
    ]);
    for view in &result.endpoints {
        let place = view
            .endpoint
            .as_ref()
            .map(|endpoint| endpoint.reach.to_string());
        let host = match &view.status {
            Status::Connected { host, .. } => host.clone(),
            _ => "-".to_owned(),
        };
        table.row([
            view.name.as_str().into(),
            state(&view.status),
            place.unwrap_or_else(|| "-".into()).into(),
            host.into(),
            view.dependents.mounts.to_string().into(),
            view.dependents.terminals.to_string().into(),
        ]);
    }
    let width = context.output.width();
    let mut text = table.render(Some(width));
    for view in &result.endpoints {
        if let Some(detail) = view.status.detail() {
            text.push_str(&format!(
                "\n{}",
                wrap(&format!("{}: {detail}", view.name), 0, "  ")
            ));
        }
        if let Some(action) = &view.action {
            text.push_str(&format!("\n{}\n", wrap(&format!("  {action}"), 0, "  ")));
        }
    }
    context.output.data(text)?;
    Ok(Exit::Success)
}

pub(in crate::commands) fn state(status: &Status) -> Cell {
    let style = match status {
        Status::Connected { .. } => GOOD,
        Status::Connecting => DIM,
        Status::Offline { .. } | Status::TunnelFailed { .. } => WARNING,
        _ => ERROR,
    };
    Cell::styled(status.to_string(), style)
}

pub(super) async fn status(args: &StatusArgs, context: &mut Context) -> Outcome {
    let client = args.hub.client(context)?;
    if let (true, MachineName::Endpoint(name)) = (args.retry, args.name.clone()) {
        let view = client
            .call::<EndpointRetry>(EndpointParams { name })
            .await?;
        return tell(view, &args.hub, args.json, context).await;
    }
    let all = client.call::<EndpointList>(Nothing {}).await?.endpoints;
    let found = all
        .into_iter()
        .find(|view| view.name.as_str().eq_ignore_ascii_case(args.name.as_str()));
    let Some(view) = found else {
        let message = format!("there is no endpoint `{}`", args.name);
        return Err(Error::message(Exit::Usage, message).hint("`fleet endpoint list` lists them"));
    };
    tell(view, &args.hub, args.json, context).await
}

/// Waits while an endpoint is being connected, and tells how that went.
pub(super) async fn tell(
    view: EndpointView,
    hub: &HubArgs,
    json: JsonFlag,
    context: &mut Context,
) -> Outcome {
    let view = settled(view, hub, context).await?;
    if json.json {
        context.output.json(&view)?;
    } else {
        told(&view, &mut context.output)?;
    }
    Ok(Exit::answer(matches!(
        view.status,
        Status::Connected { .. }
    )))
}

fn told(view: &EndpointView, output: &mut Output) -> Result<(), Error> {
    let status = match &view.status {
        Status::Connected { host, build } => format!("connected to {host} (build {build})"),
        status => status.to_string(),
    };
    output.line(wrap(&format!("{}: {status}", view.name), 0, "  "))?;
    if let Some(endpoint) = &view.endpoint {
        output.line(wrap(
            &format!("  reach   {}", endpoint.reach),
            10,
            "          ",
        ))?;
    }
    if let Some(detail) = view.status.detail() {
        output.line(wrap(&format!("  because {detail}"), 0, "          "))?;
    }
    if let Some(action) = &view.action {
        output.line(wrap(&format!("  next    {action}"), 0, "          "))?;
    }
    Ok(())
}

/// Asks again while an endpoint is being connected, for a few seconds.
async fn settled(
    mut view: EndpointView,
    hub: &HubArgs,
    context: &Context,
) -> Result<EndpointView, Error> {
    let client = hub.client(context)?;
    for _ in 0..80 {
        if view.status != Status::Connecting {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let all = client.call::<EndpointList>(Nothing {}).await?.endpoints;
        match all.into_iter().find(|other| other.name == view.name) {
            Some(found) => view = found,
            None => break,
        }
    }
    Ok(view)
}
