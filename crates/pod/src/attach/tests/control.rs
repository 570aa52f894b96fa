//! Who may type, and whose size the terminal has.

use std::time::Duration;

use super::super::control::{CONTROL_IDLE, SIZE_OWED};
use super::*;

#[test]
fn a_viewer_that_types_is_sent_off_and_nobody_else() {
    let mut clients = clients();
    let (viewer, frames) = join(&mut clients, "watch", AttachRole::Viewer);
    join(&mut clients, "other", AttachRole::Viewer);
    assert_eq!(
        clients.input(viewer, Source::Person, Instant::now()),
        Input::Violation
    );
    assert!(matches!(frames.now(), Some(Frame::Error(_))));
    assert_eq!(clients.count(), 1);
}

#[test]
fn a_view_that_has_not_typed_for_a_while_gives_way_to_who_wants_control() {
    let mut clients = clients();
    let (view, _frames) = join(&mut clients, "the tmux view", AttachRole::View);
    let typed = Instant::now();
    clients.input(view, Source::Person, typed);
    let mut attach = |after: Duration| {
        let (sender, _) = outbox();
        let wanted = params(AttachRole::Controller);
        clients.attach("who".into(), &wanted, sender, typed + after)
    };
    assert!(attach(CONTROL_IDLE).is_err());
    assert!(attach(CONTROL_IDLE + Duration::from_millis(1)).is_ok());
    // Whoever asked for control by name keeps it.
    assert!(attach(CONTROL_IDLE * 9).is_err());
}

#[test]
fn a_view_that_gave_control_back_tells_one_size_more_and_who_only_looks_none() {
    let size = |columns| Size { columns, rows: 30 };
    let mut clients = clients();
    let now = Instant::now();
    let (view, _frames) = join(&mut clients, "the tmux view", AttachRole::View);
    assert!(!clients.resize(view, size(40), now), "it never had control");
    clients.input(view, Source::Person, now);
    assert_eq!(clients.wanted_size(), Some(size(40)));
    clients.release(view, now);
    assert_eq!(clients.wanted_size(), Some(size(40)), "the last size stays");
    assert!(
        clients.resize(view, size(120), now),
        "it is back at its own"
    );
    assert!(!clients.resize(view, size(50), now), "somebody looks");
    assert_eq!(clients.wanted_size(), Some(size(120)));

    clients.input(view, Source::Person, now);
    clients.release(view, now);
    assert!(
        !clients.resize(view, size(60), now + SIZE_OWED),
        "much later"
    );
    clients.input(view, Source::Person, now);
    clients.release(view, now);
    let (attached, _frames) = join(&mut clients, "attach", AttachRole::Controller);
    assert!(!clients.resize(view, size(40), now));
    clients.detach(attached);
    assert!(
        !clients.resize(view, size(50), now),
        "another had control since"
    );
    assert_eq!(clients.wanted_size(), None);
}

#[test]
fn control_is_taken_only_by_saying_so_and_the_loser_is_told() {
    let mut clients = clients();
    let (first, frames) = join(&mut clients, "first", AttachRole::Controller);
    let (sender, _second_frames) = outbox();
    let refused = clients.attach(
        "second".into(),
        &params(AttachRole::Controller),
        outbox().0,
        Instant::now(),
    );
    insta::assert_snapshot!(
        refused.unwrap_err(),
        @"first has control; watch instead, or take control (`--take`)"
    );
    let take = AttachParams {
        take: true,
        ..params(AttachRole::Controller)
    };
    clients
        .attach("second".into(), &take, sender, Instant::now())
        .unwrap();
    assert_eq!(clients.controller(), Some("second"));
    assert_eq!(
        clients.input(first, Source::Person, Instant::now()),
        Input::Discarded
    );
    let mut told = Vec::new();
    while let Some(frame) = frames.now() {
        told.push(frame);
    }
    assert!(told.contains(&Frame::ControllerChanged {
        epoch: 2,
        you: false,
        name: "second".into()
    }));
    assert!(told.contains(&Frame::NotController { epoch: 2 }));
}

#[test]
fn who_types_without_control_and_never_reads_is_told_once() {
    let mut clients = clients();
    join(&mut clients, "first", AttachRole::Controller);
    let (view, frames) = join(&mut clients, "view", AttachRole::View);
    let now = Instant::now();
    // The one in control types too.
    clients.input(ClientId(0), Source::Person, now);
    for _ in 0..1000 {
        let input = clients.input(view, Source::Person, now);
        assert_eq!(input, Input::Discarded);
    }
    let told = std::iter::from_fn(|| frames.now());
    let told = told.filter(|frame| matches!(frame, Frame::NotController { .. }));
    assert_eq!(told.count(), 1);
}

#[test]
fn a_view_takes_control_at_its_first_key_unless_somebody_types() {
    let mut clients = clients();
    let now = Instant::now();
    let (view, _a) = join(&mut clients, "view", AttachRole::View);
    assert_eq!(clients.input(view, Source::Person, now), Input::TookControl);
    assert_eq!(clients.input(view, Source::Person, now), Input::Allowed);
    let (other, _b) = join(&mut clients, "other view", AttachRole::View);
    assert_eq!(
        clients.input(other, Source::Person, now + Duration::from_secs(10)),
        Input::Discarded
    );
    assert_eq!(
        clients.input(other, Source::Person, now + Duration::from_secs(11)),
        Input::TookControl
    );
}

#[test]
fn what_a_terminal_reports_by_itself_neither_takes_control_nor_keeps_it() {
    let mut clients = clients();
    let now = Instant::now();
    let (view, _a) = join(&mut clients, "view", AttachRole::View);
    let report = |clients: &mut Clients, id, now| clients.input(id, Source::Terminal, now);
    assert_eq!(report(&mut clients, view, now), Input::Discarded);
    assert_eq!(clients.controller(), None);
    assert_eq!(clients.input(view, Source::Person, now), Input::TookControl);
    let later = now + Duration::from_secs(11);
    assert_eq!(report(&mut clients, view, later), Input::Allowed);
    let (other, _b) = join(&mut clients, "other view", AttachRole::View);
    assert_eq!(
        clients.input(other, Source::Person, later),
        Input::TookControl
    );
}

#[test]
fn a_tiny_terminal_does_not_make_the_agents_too_small_to_work_in() {
    let mut clients = clients();
    let (id, _frames) = join(&mut clients, "a", AttachRole::Controller);
    clients.resize(
        id,
        Size {
            columns: 2,
            rows: 1,
        },
        Instant::now(),
    );
    let size = Size {
        columns: 20,
        rows: 6,
    };
    assert_eq!(clients.wanted_size(), Some(size));
}

#[test]
fn control_is_free_again_when_its_holder_is_gone() {
    let mut clients = clients();
    let (id, _frames) = join(&mut clients, "a", AttachRole::Controller);
    assert!(clients.detach(id));
    assert_eq!(clients.controller(), None);
    join(&mut clients, "b", AttachRole::Controller);
    assert_eq!(clients.controller(), Some("b"));
}

#[test]
fn a_controller_that_has_not_typed_since_it_took_control_is_idle_after_a_while() {
    let mut clients = clients();
    let attached = Instant::now();
    let (sender, _frames) = outbox();
    let controller = params(AttachRole::Controller);
    clients
        .attach("attach".into(), &controller, sender, attached)
        .unwrap();
    let (view, _frames) = join(&mut clients, "view", AttachRole::View);
    let mut key = |after| clients.input(view, Source::Person, attached + after);
    assert_eq!(key(CONTROL_IDLE), Input::Discarded);
    assert_eq!(
        key(CONTROL_IDLE + Duration::from_millis(1)),
        Input::TookControl
    );
}
