use podfleet::Fleet;
use podfleet_protocol::method::AttachParams;

use crate::attach::{Attached, End, Look, PrefixArgs, PrefixKey, Purpose, ScreenUse, Signals, Tty};
use crate::commands::far::{self, Far};
use crate::commands::scope::{Scope, ThroughHub};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::roster_file::RosterNeed;
use crate::runtime::block_on;

const KEYS: &str = "\
Keys: tab shows the next agent, arrows move a part of a larger terminal,
`ctrl-\\ :` opens a line for commands that change nothing, `q` or `ctrl-\\ d`
leaves.";

/// Look at agents' terminals, without a way to type
#[derive(Debug, clap::Args)]
#[command(after_help = KEYS)]
pub(crate) struct Args {
    /// The agents, shown one at a time
    #[arg(value_name = "AGENT", required = true, add = crate::completion::agents())]
    names: Vec<String>,
    #[command(flatten)]
    prefix: PrefixArgs,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    through: ThroughHub,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Outcome {
    let prefix = args.prefix.key(context)?;
    block_on(async {
        #[cfg(feature = "hub")]
        if let Some(hub) = &args.through.hub {
            let client = crate::hub::connect::client(hub, context)?;
            // A name that is wrong is told before the screen is taken.
            let mut terminals = std::collections::BTreeMap::new();
            for name in &args.names {
                let meant = crate::hub::meant::terminal(hub, name, &args.scope, context).await?;
                terminals.insert(name.as_str(), meant);
            }
            crate::hub::agents::check(&client, terminals.values()).await?;
            return look(
                None,
                args,
                prefix,
                async |name: &str, params: AttachParams| {
                    // Each time the one that has the name by then.
                    let mut terminal = terminals[name].clone();
                    Ok::<_, Error>(client.attach_to(&mut terminal, &params).await?)
                },
            )
            .await;
        }
        let fleet = context.fleet(&args.scope, RosterNeed::Helpful).await?;
        if let [one] = args.names.as_slice()
            && let Some(ended) = far::run(&fleet, one, Far::Watch { prefix })
        {
            return ended;
        }
        // A name that is wrong is told before the screen is taken.
        fleet.ps(&args.names).await?;
        look(
            Some(&fleet),
            args,
            prefix,
            async |name: &str, params: AttachParams| {
                Ok::<_, Error>(fleet.attach(name, params).await?)
            },
        )
        .await
    })
}

/// Shows one terminal after the other, until the user leaves.
async fn look(
    fleet: Option<&Fleet>,
    args: &Args,
    prefix: PrefixKey,
    mut connect: impl AsyncFnMut(&str, AttachParams) -> Result<Attached, Error>,
) -> Outcome {
    let tty = Tty::open(ScreenUse::Alternate)?;
    let mut signals = Signals::listen()?;
    let mut look = Look {
        fleet,
        tty: &tty,
        signals: &mut signals,
        purpose: Purpose::Watch,
        screen: ScreenUse::Alternate,
        prefix,
        through_hub: fleet.is_none(),
        caption: None,
    };
    let count = args.names.len();
    for (place, name) in args.names.iter().enumerate().cycle() {
        let caption = || format!(" {name} ({} of {count}); tab: next, q: leave", place + 1);
        look.caption = (count > 1).then(caption);
        match look.at(name, &mut connect).await? {
            End::Next => {}
            End::Interrupted => return Ok(Exit::Interrupted),
            _ => break,
        }
    }
    Ok(Exit::Success)
}
