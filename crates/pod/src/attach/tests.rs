mod control;

use super::easel::REPAINTS;
use super::*;
use podfleet_protocol::limits::MAX_FRAME;
use proptest::prelude::*;

fn params(role: AttachRole) -> AttachParams {
    AttachParams {
        role,
        take: false,
        size: None,
        from: None,
    }
}

fn clients() -> Clients {
    Clients::new(Generation(1), Size::DEFAULT)
}

fn join(clients: &mut Clients, name: &str, role: AttachRole) -> (ClientId, Outgoing) {
    let (sender, receiver) = outbox();
    let (id, _) = clients
        .attach(name.into(), &params(role), sender, Instant::now())
        .unwrap();
    (id, receiver)
}

#[test]
fn a_client_that_never_reads_costs_a_window_and_no_more() {
    let mut clients = clients();
    let (_, frames) = join(&mut clients, "slow", AttachRole::Viewer);
    clients.pump(Instant::now(), |_| Vec::new());
    for _ in 0..4000 {
        clients.output(Bytes::from(vec![b'x'; 4096]));
        clients.pump(Instant::now(), |_| Vec::new());
    }
    let mut queued = 0;
    while let Some(frame) = frames.now() {
        if let Frame::Output { bytes, .. } = frame {
            queued += bytes.len() as u64;
        }
    }
    assert!(
        (ATTACH_WINDOW..ATTACH_WINDOW + MAX_FRAME as u64).contains(&queued),
        "{queued}"
    );
}

#[test]
fn what_is_acknowledged_without_being_read_brings_nothing_more_to_wait() {
    let mut clients = clients();
    let (id, frames) = join(&mut clients, "deaf", AttachRole::Viewer);
    let frames = [frames];
    for run in 1..4 {
        clients.begin_run(Run(run));
        for _ in 0..1000 {
            clients.output(Bytes::from(vec![b'x'; 4096]));
            clients.pump(Instant::now(), |_| Vec::new());
            clients.acknowledge(id, u64::MAX);
        }
    }
    let waiting = queued(&frames);
    assert!(waiting < ATTACH_WINDOW as usize + MAX_FRAME, "{waiting}");
    // Once it reads, it goes on.
    clients.painted(id);
    clients.pump(Instant::now(), |_| b"screen".to_vec());
    assert!(queued(&frames) > 0);
}

#[test]
fn a_client_that_comes_back_gets_exactly_the_missing_bytes() {
    let mut clients = clients();
    clients.begin_run(Run(1));
    clients.output(Bytes::from_static(b"0123456789"));
    let (sender, frames) = outbox();
    let from = Position {
        offset: 4,
        ..clients.position()
    };
    let back = AttachParams {
        from: Some(from),
        ..params(AttachRole::Viewer)
    };
    clients
        .attach("back".into(), &back, sender, Instant::now())
        .unwrap();
    clients.pump(Instant::now(), |_| panic!("no repaint is needed"));
    let expected = Frame::Output {
        offset: 4,
        bytes: Bytes::from_static(b"456789"),
    };
    assert_eq!(frames.now(), Some(expected));
}

#[test]
fn nobody_resumes_across_a_new_run_or_a_new_size() {
    let mut clients = clients();
    clients.begin_run(Run(1));
    clients.output(Bytes::from_static(b"0123456789"));
    let before = Position {
        offset: 4,
        ..clients.position()
    };
    assert!(clients.can_resume(before));
    clients.geometry(Size {
        columns: 10,
        rows: 10,
    });
    assert!(!clients.can_resume(before));
    // Of who has seen all of the output nothing tells whether it has seen the new size.
    let there = clients.position();
    assert!(!clients.can_resume(there));
    clients.output(Bytes::from_static(b"x"));
    assert!(!clients.can_resume(there));
    assert!(clients.can_resume(clients.position()));
    clients.begin_run(Run(2));
    assert!(clients.can_resume(clients.position()));
    assert!(!clients.can_resume(Position {
        offset: 0,
        ..before
    }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_a_client_acknowledges_it_sees_the_stream_without_gap_or_repetition(
        steps in prop::collection::vec((0_usize..150_000, any::<bool>()), 1..20)
    ) {
        let mut clients = clients();
        let (id, frames) = join(&mut clients, "client", AttachRole::Viewer);
        let mut stream = Vec::new();
        let mut written = Vec::new();
        for (length, acknowledges) in steps {
            let piece = vec![(length % 251) as u8; length];
            written.extend_from_slice(&piece);
            clients.output(Bytes::from(piece));
            let now = written.clone();
            clients.pump(Instant::now(), |_| now.clone());
            if acknowledges {
                let position = received(&frames, &mut stream);
                clients.acknowledge(id, position);
            }
        }
        for _ in 0..written.len() / 200_000 + 4 {
            let now = written.clone();
            clients.pump(Instant::now(), |_| now.clone());
            let position = received(&frames, &mut stream);
            clients.acknowledge(id, position);
        }
        prop_assert_eq!(stream, written);
    }
}

/// Takes all frames in, as a client does that shows the bytes since the last repaint; returns how
/// far it came.
fn received(frames: &Outgoing, stream: &mut Vec<u8>) -> u64 {
    let mut position = stream.len() as u64;
    while let Some(frame) = frames.now() {
        match frame {
            Frame::Reset { offset, bytes, .. } => {
                *stream = bytes.to_vec();
                position = offset;
            }
            Frame::ResetPart { bytes, .. } => stream.extend_from_slice(&bytes),
            Frame::Output { offset, bytes } => {
                assert_eq!(offset, position, "a gap or a repetition");
                stream.extend_from_slice(&bytes);
                position = offset + bytes.len() as u64;
            }
            _ => {}
        }
    }
    position
}

#[test]
fn a_client_that_asks_for_repaints_and_does_not_read_gets_one_at_a_time() {
    let mut clients = clients();
    let (id, frames) = join(&mut clients, "watch", AttachRole::Viewer);
    let flood = |clients: &mut Clients| {
        for _ in 0..100 {
            clients.repaint(id);
            clients.pump(Instant::now(), |_| b"screen".to_vec());
        }
    };
    let resets = || std::iter::from_fn(|| frames.now()).filter(is_reset).count();
    flood(&mut clients);
    assert_eq!(resets(), 1);
    clients.painted(id);
    flood(&mut clients);
    assert_eq!(resets(), 1);
}

/// Has clients join, each at a moment and with a repaint of its own that it never takes.
fn deaf(clients: &mut Clients, count: usize, now: Instant) -> Vec<Outgoing> {
    let join_one = |_| {
        let (_, frames) = join(clients, "deaf", AttachRole::Viewer);
        clients.pump(now, |scrollback| match scrollback {
            Scrollback::Tail => vec![b'x'; 1 << 20],
            Scrollback::None => vec![b'x'; 100 << 10],
        });
        frames
    };
    (0..count).map(join_one).collect()
}

fn queued(frames: &[Outgoing]) -> usize {
    let frames = frames
        .iter()
        .flat_map(|frames| std::iter::from_fn(|| frames.now()));
    frames
        .map(|frame| match frame {
            Frame::Reset { bytes, .. } | Frame::ResetPart { bytes, .. } => bytes.len(),
            Frame::Output { bytes, .. } => bytes.len(),
            _ => 0,
        })
        .sum()
}

#[test]
fn who_takes_no_repaints_costs_all_together_a_bound_and_is_let_go_when_others_wait() {
    let mut clients = clients();
    let now = Instant::now();
    let others = deaf(&mut clients, 200, now);
    let (_, frames) = join(&mut clients, "waits", AttachRole::Viewer);
    let pump = |clients: &mut Clients, now| clients.pump(now, |_| b"screen".to_vec());
    pump(&mut clients, now);
    assert!(!std::iter::from_fn(|| frames.now()).any(|frame| is_reset(&frame)));
    assert_eq!(clients.count(), 201);

    let due = clients.next_wake().unwrap();
    assert_eq!(due, now + READ_DEADLINE);
    pump(&mut clients, due);
    assert!(std::iter::from_fn(|| frames.now()).any(|frame| is_reset(&frame)));
    assert!(clients.count() < 201, "nobody was let go");
    assert_eq!(clients.next_wake(), None);
    let waiting = queued(&others);
    assert!(waiting < REPAINTS + (1 << 20), "{waiting}");
}

#[test]
fn who_takes_its_repaint_late_while_nobody_waits_stays() {
    let mut clients = clients();
    let now = Instant::now();
    let _frames = deaf(&mut clients, 2, now);
    clients.pump(now + READ_DEADLINE * 10, |_| b"screen".to_vec());
    assert_eq!(clients.count(), 2);
}

#[test]
fn many_clients_have_smaller_windows_and_few_the_full_one() {
    let mut clients = clients();
    let frames: Vec<_> = (0..256)
        .map(|_| join(&mut clients, "slow", AttachRole::Viewer).1)
        .collect();
    for _ in 0..100 {
        clients.output(Bytes::from(vec![b'x'; 4096]));
        clients.pump(Instant::now(), |_| Vec::new());
    }
    let waiting = queued(&frames);
    assert!(waiting <= (WINDOWS as usize) + 256 * 4096, "{waiting}");
    assert!(waiting >= WINDOWS as usize / 2, "{waiting}");
}

fn is_reset(frame: &Frame) -> bool {
    matches!(frame, Frame::Reset { .. })
}
