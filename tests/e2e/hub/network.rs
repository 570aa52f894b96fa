//! Two machines and a link between them that is cut, slowed and mended, or late.

use std::time::Duration;

use podfleet_hub::client::ClientError;
use podfleet_hub::fault::Code;
use podfleet_hub::op::AgentRef;
use podfleet_protocol::method::AttachRole;
use podfleet_tests::require;

use super::Machine;
use super::follower::{Follower, each_byte_once};
use super::link::{FAR, LateWay, Link, NEAR};
use super::seen::{Seen, params};
use crate::world::until;

/// A terminal that writes on and on.
pub(super) const SPAWN: [&str; 9] = [
    "pty",
    "spawn",
    "far",
    "--name",
    "sh",
    "--",
    "/bin/sh",
    "-c",
    "i=0; while :; do i=$((i+1)); echo \"<$i>\"; sleep 0.02; done",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_cut_slowed_and_mended_gives_each_byte_once_or_a_repaint() {
    let Some(link) = Link::new() else { return };
    let mut home = Link::machine(&link.near, "lead", NEAR);
    let mut spoke = Link::machine(&link.far, "coder", FAR);
    home.add("box", &spoke);
    home.world.fleet(&SPAWN).exits(0);
    // Beside the pod, on its own machine: what it shows.
    let direct = Follower::of(spoke.client(), "sh");
    let through = Follower::of(home.client(), "sh@box");
    through.until("it begins", |own| own.end() > 0).await;

    link.cut();
    tokio::time::sleep(Duration::from_secs(2)).await;
    link.mend();
    through
        .catches_up_with(&direct, "after a cut of two seconds")
        .await;

    if link.slow() {
        through.catches_up_with(&direct, "on a slow link").await;
        let address = home.address();
        home.end_hub();
        home.start_hub(&address);
        through
            .catches_up_with(&direct, "after home's restart on a slow link")
            .await;
    } else {
        require::cannot_show("a slow link", "the kernel has no netem");
    }
    link.quicken();

    let breaks = through.breaks();
    link.cut();
    through
        .until("the cut is seen", |own| own.breaks() > breaks)
        .await;
    // What cannot be handed on is refused, and not kept for later.
    let agent: AgentRef = "sh@box".parse().unwrap();
    let controller = params(AttachRole::Controller, None);
    let refused = home.client().attach(&agent, &controller).await;
    let Err(ClientError::Answer(fault)) = refused else {
        panic!("control over a link that is cut")
    };
    assert_eq!(fault.code, Code::EndpointOffline, "{fault}");
    link.mend();
    through.catches_up_with(&direct, "after a long cut").await;

    // The spoke's restart breaks the follower beside the pod, too; only the pod goes on.
    let address = spoke.address();
    spoke.end_hub();
    spoke.start_hub(&address);
    direct.goes_on_after_a_break().await;
    through
        .catches_up_with(&direct, "after the spoke's restart")
        .await;

    each_byte_once(&direct, &through);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_in_a_cut_is_not_delivered_once_the_hub_is_stopped() {
    let Some(link) = Link::new() else { return };
    let home = Link::machine(&link.near, "lead", NEAR);
    let spoke = Link::machine(&link.far, "coder", FAR);
    home.add("box", &spoke);
    home.world.fleet(&SPAWN).exits(0);
    let (client, controller) = (home.client(), params(AttachRole::Controller, None));
    let mut terminal = Seen::attach(&client, "sh@box", controller).await;
    terminal.until("<1>").await.unwrap();
    link.cut();
    terminal.type_in("typed in the cut\n").await;
    until(|| match link.is_delivering() {
        true => Ok(()),
        false => Err("it is not on its way".to_owned()),
    });
    home.end_hub();
    assert!(!link.is_delivering());
    link.mend();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_on_which_everything_is_late_gives_each_byte_once_whichever_hub_restarts() {
    let (mut home, mut spoke) = (Machine::new("lead"), Machine::new("coder"));
    let own = spoke.address();
    let way = LateWay::to(own.clone()).await;
    spoke.standing["listen"][0][0] = way.address.clone().into();
    home.add("box", &spoke);
    home.world.fleet(&SPAWN).exits(0);
    let direct = Follower::of(spoke.client(), "sh");
    let through = Follower::of(home.client(), "sh@box");
    through.until("it begins", |own| own.end() > 0).await;
    let begun = direct.end();
    direct
        .until("it writes", |own| own.end() > begun + 1000)
        .await;
    through.catches_up_with(&direct, "on a late link").await;
    let address = home.address();
    home.end_hub();
    home.start_hub(&address);
    through
        .catches_up_with(&direct, "after home's restart")
        .await;
    spoke.end_hub();
    spoke.start_hub(&own);
    direct.goes_on_after_a_break().await;
    through
        .catches_up_with(&direct, "after the spoke's restart")
        .await;
    each_byte_once(&direct, &through);
}
