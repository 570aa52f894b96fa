use super::*;
use std::ffi::OsStr;

use podfleet_tmux::{PaneId, SessionId, WindowId};

fn views() -> Views {
    Views {
        tmux: Tmux::new("tmux", Socket::from_name("podfleet")),
        socket: "podfleet".into(),
        holder: SessionName::new("_holder").unwrap(),
        exe: "/bin/fleet".into(),
        fleet: FleetName::new("alpha").unwrap(),
        env: vec![("FLEET_HOME".into(), "/c".into())],
    }
}

fn view(name: &str) -> View {
    View {
        pod: PodId::generate(),
        name: PodName::new(name).unwrap(),
        size: Size::DEFAULT,
    }
}

fn pane(session: &str, tag: Option<&str>) -> Pane {
    Pane {
        id: PaneId::new(1),
        window: WindowId::new(1),
        session: SessionId::new(1),
        session_name: session.into(),
        attached: 0,
        tag: tag.map(str::to_owned),
        pid: 1,
        dead: false,
        active: true,
        columns: 80,
        rows: 24,
        window_activity: 0,
        command: "x".into(),
    }
}

#[test]
fn one_call_makes_the_holder_and_every_missing_view() {
    let (a, b) = (view("coder"), view("re.viewer"));
    let commands = views().commands(&[&a, &b], &[]);
    assert_eq!(commands.len(), 1);
    let line = commands[0]
        .args()
        .join(OsStr::new(" "))
        .into_string()
        .unwrap()
        .replace(a.pod.short().as_str(), "[POD]")
        .replace(b.pod.short().as_str(), "[POD]")
        .replace(UNSEEN, "[UNSEEN]")
        .replace(" ; ", "\n; ");
    insta::assert_snapshot!(line, @r"
    new-session -d -s _holder -- tail -f /dev/null
    ; set-option -t =_holder: destroy-unattached off
    ; set-option -t =_holder: @podfleet holder
    ; set-environment -g FLEET_HOME /c
    ; set-option -g @podfleet-unseen [UNSEEN]
    ; set-hook -g client-detached[417] run-shell -b '#{@podfleet-unseen}'
    ; set-hook -g client-session-changed[417] run-shell -b '#{@podfleet-unseen}'
    ; new-session -d -s coder -x 120 -y 40 -e FLEET_HOME=/c -- /bin/fleet attach --view coder --fleet alpha
    ; set-option -t =coder: destroy-unattached off
    ; set-option -t =coder: @podfleet view:[POD]
    ; new-session -d -s re_viewer -x 120 -y 40 -e FLEET_HOME=/c -- /bin/fleet attach --view re.viewer --fleet alpha
    ; set-option -t =re_viewer: destroy-unattached off
    ; set-option -t =re_viewer: @podfleet view:[POD]
    ");
}

#[test]
fn the_users_own_server_is_told_nothing() {
    let own = Views {
        socket: String::new(),
        ..views()
    };
    let commands = own.commands(&[&view("coder")], &[]);
    let mut words = commands.iter().flat_map(Command::args);
    assert!(!words.any(|word| word == "set-environment" || word == "set-hook"));
}

#[test]
fn with_all_views_there_no_call_is_made() {
    let view = view("coder");
    let panes = [
        pane("_holder", Some(HOLDER)),
        pane("coder", Some(&tag_of(view.pod))),
    ];
    let wanted = [view];
    let (missing, taken) = views().missing(&wanted, &panes);
    assert!(taken.is_empty());
    assert_eq!(views().commands(&missing, &panes), []);
}

#[test]
fn a_session_of_somebody_else_is_never_taken_over() {
    let wanted = [view("coder"), view("lead")];
    let other_fleet = tag_of(PodId::generate());
    let panes = [pane("coder", None), pane("lead", Some(&other_fleet))];
    let (missing, taken) = views().missing(&wanted, &panes);
    assert!(missing.is_empty());
    let names: Vec<_> = taken.iter().map(|taken| taken.name.as_str()).collect();
    assert_eq!(names, ["coder", "lead"]);
}
