//! Several who look at one terminal, and one of them who does not read.

use podfleet_protocol::method::AttachRole;

use super::follower::{Follower, each_byte_once};
use super::network::SPAWN;
use super::pair;
use super::seen::{Seen, params};
use crate::world::until;

#[tokio::test(flavor = "multi_thread")]
async fn many_who_look_get_each_byte_once_though_the_pod_sends_it_once() {
    let (home, spoke) = pair();
    home.world.fleet(&SPAWN).exits(0);
    let direct = Follower::of(spoke.client(), "sh");
    direct.until("it begins", |own| own.end() > 0).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        // They come one by one, some before and some after the others share a way.
        for _ in 0..2 {
            all.push(Follower::of(home.client(), "sh@box"));
        }
        let before = direct.end();
        direct
            .until("it writes", |own| own.end() > before + 300)
            .await;
    }
    until(|| {
        let status = spoke.world.fleet(&["status", "sh", "--json"]).json();
        match status[0]["pod"]["viewers"].as_u64() {
            Some(1) => Ok(()),
            other => Err(format!("{other:?} ways to the pod: {status:#}")),
        }
    });
    let before = direct.end();
    direct
        .until("it goes on", |own| own.end() > before + 300)
        .await;
    for one in &all {
        one.catches_up_with(&direct, "one of many").await;
        assert_eq!(one.breaks(), 0);
        each_byte_once(&direct, one);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_does_not_read_holds_up_nobody_and_gets_a_repaint() {
    let (home, _spoke) = pair();
    home.open_shell();
    let looks = || params(AttachRole::Viewer, None);
    let client = home.client();
    let mut slow = Seen::attach(&client, "sh@box", looks()).await;
    let mut other = Seen::attach(&client, "sh@box", looks()).await;
    let mut controller = Seen::shell_of(&home, None).await;
    let many = "yes some words in a line | head -n 150000; echo fin-$((1+1))\n";
    controller.type_in(many).await;
    let (typed, looked) = tokio::join!(controller.until("fin-2"), other.until("fin-2"));
    typed.unwrap();
    looked.unwrap();
    slow.until("fin-2").await.unwrap();
    assert!(
        slow.resets > 1,
        "it was to be skipped to a repaint: {}",
        slow.resets
    );
}
