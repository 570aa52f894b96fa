//! The options of a hub by their names, and whether one that runs has those that are wanted.

use std::net::SocketAddr;

use podfleet_hub::host::{Options, Standing};
use podfleet_roster::Timespan;

use crate::error::Error;
use crate::exit::Exit;

/// Writes options as a command line has them.
pub(super) fn words(options: &Options) -> Vec<String> {
    let mut words = Vec::new();
    for (name, values) in options {
        if values.is_empty() {
            words.push(format!("--{name}"));
        }
        for value in values {
            words.extend([format!("--{name}"), value.clone()]);
        }
    }
    words
}

/// Refuses a hub that runs with other options than are wanted; of what is not wanted it may have any.
pub(super) fn refuse_others(wanted: &Options, standing: &Standing) -> Result<(), Error> {
    let other = |(name, values): &(&String, &Vec<String>)| !has(standing, name, values);
    let others: Options = { wanted.iter().filter(other) }
        .map(|(name, values)| (name.clone(), values.clone()))
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let pid = standing.pid;
    let message = match &standing.options {
        Some(own) => format!(
            "a hub (pid {pid}) runs already with `{}`, and not with `{}`",
            words(own).join(" "),
            words(&others).join(" ")
        ),
        None => format!("a hub of another build (pid {pid}) runs already, and does not tell how"),
    };
    Err(Error::message(Exit::Refused, message).hint(
        "`fleet hub stop` ends it, and agents and terminals go on; then the same command runs it so",
    ))
}

fn has(standing: &Standing, name: &str, wanted: &[String]) -> bool {
    let Some(own) = &standing.options else {
        return false;
    };
    let Some(own) = own.get(name) else {
        return false;
    };
    match name {
        "grace" | "keep-ended" => lengths(own) == lengths(wanted),
        "listen" => {
            // Where port 0 was asked for, the one that it is now may be meant.
            let listens = |value: &String| {
                let at: Option<SocketAddr> = value.parse().ok();
                own.contains(value) || standing.listen.iter().any(|(bound, _)| Some(*bound) == at)
            };
            own.len() == wanted.len() && wanted.iter().all(listens)
        }
        _ => sorted(own) == sorted(wanted),
    }
}

fn lengths(values: &[String]) -> Vec<Option<std::time::Duration>> {
    let length = |value: &String| Some(value.parse::<Timespan>().ok()?.duration());
    values.iter().map(length).collect()
}

fn sorted(values: &[String]) -> Vec<&String> {
    let mut values: Vec<_> = values.iter().collect();
    values.sort();
    values
}
