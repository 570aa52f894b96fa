use std::fmt::Write;
use std::path::PathBuf;

use podfleet_pod::clock::BootMillis;
use podfleet_pod::heartbeat::{Heartbeat, Status};
use podfleet_pod::spec::RestartPolicy;
use podfleet_pod_store::{Endpoint, PodState, PodSummary, SpecText};
use podfleet_protocol::{
    Address, FleetName, Generation, Identity, Paused, PodId, PodName, Run, TenantId,
};
use podfleet_roster::{Known, Roster};
use podfleet_tmux::{PaneId, SessionId, WindowId};

use super::*;
use crate::readiness::{IDLE_THRESHOLD, PodAnswer};

/// Seconds since boot, and the wall time that goes with it.
const NOW: u64 = 10_000;
const WALL: i64 = 1_800_000_000;

fn moment() -> Moment {
    Moment {
        boot: BootMillis(NOW * 1000),
        boot_id: "boot".into(),
        wall: UnixMillis(WALL * 1000),
    }
}

fn heartbeat() -> Heartbeat {
    Heartbeat {
        ts: String::new(),
        boottime: BootMillis((NOW - 3) * 1000),
        boot_id: "boot".into(),
        interval_s: 15,
        pid: 70,
        agent_pid: Some(90),
        guard: None,
        status: Status::Ok,
        generation: Generation(2),
        run: Run(1),
        phase: "running".into(),
        screen: "ready".into(),
        rule: "composer".into(),
        since: BootMillis((NOW - 60) * 1000),
        output: Some(BootMillis((NOW - 30) * 1000)),
        model: Some("opus".into()),
        detail: None,
        hold: None,
        build: "b1".into(),
    }
}

/// A pod that is up and in order; tests change what they are about.
fn sighting(name: &str) -> Sighting {
    let record = PodRecord {
        identity: Identity {
            id: PodId::generate(),
            name: PodName::new(name).unwrap(),
            fleet: FleetName::default(),
            tenant_id: TenantId::new("ada").unwrap(),
            host: "fern".into(),
        },
        class: "worker".into(),
        alias: None,
        runtime: "sim".into(),
        spec: SpecText::of(&serde_json::json!({
            "harness": {"name": "sim"},
            "argv": [],
            "env": {},
            "working_directory": "/work",
            "restart": RestartPolicy::default(),
        }))
        .unwrap(),
        runtime_dir: "/r".into(),
        generation: Generation(2),
        endpoint: Some(Endpoint {
            socket: PathBuf::from("/r/a.sock"),
            heartbeat: PathBuf::from("/r/a.hb"),
            pid: 70,
            build: "b1".into(),
        }),
        state: PodState::Live,
        expected: true,
        member: true,
        spawned: None,
        paused: None,
        session: None,
        created: UnixMillis(0),
        updated: UnixMillis((WALL - 500) * 1000),
        revision: 1,
    };
    Sighting {
        summary: PodSummary {
            record,
            undelivered: 0,
            oldest: None,
            hold: None,
        },
        heartbeat: Some(heartbeat()),
        answer: PodAnswer::Listening,
        head: Head::Sound,
    }
}

fn pane(session: u32, name: &str, tag: Option<String>) -> Pane {
    Pane {
        id: PaneId::new(session),
        window: WindowId::new(session),
        session: SessionId::new(session),
        session_name: name.into(),
        attached: 0,
        tag,
        pid: 1,
        dead: false,
        active: true,
        columns: 80,
        rows: 24,
        window_activity: 0,
        command: "fleet".into(),
    }
}

fn view(sighting: &Sighting) -> Pane {
    let tag = views::tag_of(sighting.record().identity.id);
    pane(100, sighting.name(), Some(tag))
}

fn rows(agents: Option<&[Agent]>, sightings: Vec<Sighting>, panes: Option<&[Pane]>) -> Vec<PsRow> {
    rows_with_units(agents, sightings, panes, None)
}

fn rows_with_units(
    agents: Option<&[Agent]>,
    sightings: Vec<Sighting>,
    panes: Option<&[Pane]>,
    units: Option<&Units>,
) -> Vec<PsRow> {
    join(&Sources {
        sightings,
        panes,
        units,
        ..sources(agents)
    })
}

fn sources(agents: Option<&[Agent]>) -> Sources<'_> {
    Sources {
        now: moment(),
        tenant: "ada",
        host: "fern",
        build: "b1",
        idle_threshold: IDLE_THRESHOLD,
        agents,
        desired: &[],
        sightings: Vec::new(),
        named: &[],
        damaged: &[],
        panes: None,
        holder: "_holder",
        units: None,
        bridge: None,
    }
}

fn one(change: impl FnOnce(&mut Sighting)) -> PsRow {
    let mut sighting = sighting("a");
    change(&mut sighting);
    let panes = [view(&sighting)];
    rows(None, vec![sighting], Some(&panes)).remove(0)
}

fn summary(rows: &[PsRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let flags: Vec<_> = row.flags.iter().map(ToString::to_string).collect();
        let PsRow { name, host, .. } = row;
        let line = format!("{name}@{host} {} {}", row.readiness, flags.join(" "));
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text
}

#[test]
fn a_row_has_every_field_of_the_published_form() {
    let row = one(|_| {});
    insta::assert_json_snapshot!(row, @r#"
    {
      "name": "a",
      "alias": null,
      "class": "worker",
      "runtime": "sim",
      "model": "opus",
      "readiness": "available",
      "since": "2027-01-15T07:59:00Z",
      "idle_seconds": 30,
      "heartbeat_age_seconds": 3,
      "agent_pid": 90,
      "pod_pid": 70,
      "generation": 2,
      "unit": null,
      "inbox": 0,
      "flags": [],
      "managed": true,
      "tenant_id": "ada",
      "host": "fern",
      "bridge": null
    }
    "#);
}

#[test]
fn rows_come_in_roster_order_then_leftovers_then_what_no_pod_hosts() {
    let text = "version: 1\ntransport: tmux\nagents:\n\
        - {name: b, runtime: sim}\n- {name: far, runtime: sim, host: oak}\n\
        - {name: a, runtime: sim}\n- {name: new, runtime: sim}\n";
    let roster = Roster::parse(text, "r", &Known::shipped()).0.unwrap();
    let removed_and_stopped = {
        let mut sighting = sighting("old");
        sighting.answer = PodAnswer::Refused;
        sighting.summary.record.expected = false;
        sighting
    };
    let sightings = vec![
        sighting("a"),
        sighting("b"),
        removed_and_stopped,
        sighting("removed"),
    ];
    let mut panes: Vec<_> = sightings.iter().map(view).collect();
    panes.push(pane(1, "_holder", None));
    panes.push(pane(2, "notes", None));
    panes.push(pane(2, "notes", None));
    panes.push(pane(3, "view of another fleet", Some("view:x".into())));
    let rows = rows(Some(&roster.agents), sightings, Some(&panes));
    insta::assert_snapshot!(summary(&rows), @r"
    b@fern available
    far@oak remote
    a@fern available
    new@fern stopped
    removed@fern available DRIFT(not in the roster)
    notes@fern unknown UNMANAGED
    ");
}

#[test]
fn a_killed_pod_is_dead_whatever_its_last_heartbeat_says() {
    let row = one(|sighting| sighting.answer = PodAnswer::Refused);
    assert_eq!(row.readiness, RowState::Judged(Readiness::Dead));
    assert_eq!((row.agent_pid, row.pod_pid), (None, None));
    assert_eq!(row.heartbeat_age_seconds, None);
    assert_eq!(row.since_seconds, None, "nobody saw it die");
}

#[test]
fn a_quarantine_shows_its_account_also_when_its_pod_is_gone() {
    let row = one(|sighting| {
        sighting.answer = PodAnswer::Refused;
        sighting.summary.record.state = PodState::Quarantined {
            account: "5 exits in 10m, last: exit 127".into(),
        };
    });
    assert_eq!(row.readiness, RowState::Judged(Readiness::Quarantined));
    assert_eq!(
        row.flags[0].to_string(),
        "QUARANTINED(5 exits in 10m, last: exit 127)"
    );
}

#[test]
fn a_program_that_is_missing_is_named_without_the_places_where_it_is_not() {
    let row = one(|sighting| {
        let heartbeat = sighting.heartbeat.as_mut().unwrap();
        heartbeat.detail = Some("command not found: x, looked in /usr/bin:/bin".into());
    });
    assert_eq!(row.detail.as_deref(), Some("command not found: x"));
}

#[test]
fn a_message_is_held_after_two_minutes_and_the_reason_is_told() {
    let waiting = |seconds: i64, hold: Option<&str>| {
        one(|sighting| {
            sighting.summary.undelivered = 1;
            sighting.summary.oldest = Some(UnixMillis((WALL - seconds) * 1000));
            let heartbeat = sighting.heartbeat.as_mut().unwrap();
            heartbeat.hold = hold.map(str::to_owned);
        })
    };
    assert!(waiting(120, Some("draft")).flags.is_empty());
    let held = waiting(121, Some("draft"));
    assert_eq!(held.flags[0].to_string(), "HELD(draft)");
    let typed = waiting(121, None).flags[0].to_string();
    assert_eq!(typed, "HELD(it is typed, and not taken yet)");
    assert_eq!(held.inbox, Some(1));
    let damaged = one(|sighting| {
        sighting.summary.oldest = Some(UnixMillis(0));
        sighting.heartbeat.as_mut().unwrap().hold = None;
        sighting.head = Head::Damaged;
    });
    assert_eq!(damaged.flags[0].to_string(), "HELD(its record is damaged)");
}

#[test]
fn a_message_that_was_being_typed_when_its_pod_ended_is_not_told_as_waiting_for_it() {
    let gone = |head| {
        one(|sighting| {
            sighting.summary.oldest = Some(UnixMillis(0));
            sighting.answer = PodAnswer::Refused;
            sighting.head = head;
        })
    };
    assert_eq!(gone(Head::Sound).flags[0].to_string(), "HELD(stopped)");
    let interrupted = gone(Head::Interrupted).flags[0].to_string();
    assert_eq!(
        interrupted,
        "HELD(its pod ended while it was typed; the next start tells what came of it)"
    );
}

#[test]
fn a_pod_whose_record_is_damaged_has_a_row_that_says_so() {
    let text = "version: 1\ntransport: tmux\nagents:\n- {name: a, runtime: sim}\n";
    let roster = Roster::parse(text, "r", &Known::shipped()).0.unwrap();
    let damaged = ["a", "gone"].map(|name| CorruptRecord {
        id: PodId::generate().to_string(),
        label: name.to_owned(),
        error: "damaged: column `spec`".to_owned(),
    });
    let rows = join(&Sources {
        damaged: &damaged,
        ..sources(Some(&roster.agents))
    });
    let told: Vec<_> = rows
        .iter()
        .map(|row| format!("{} {} {}", row.name, row.readiness, row.flags[0]))
        .collect();
    assert_eq!(
        told,
        [
            "a unknown DAMAGED(damaged: column `spec`)",
            "gone unknown DAMAGED(damaged: column `spec`)"
        ]
    );
}

#[test]
fn a_pause_is_flagged_with_who_paused_it() {
    let row = one(|sighting| {
        sighting.summary.record.paused = Some(Paused {
            by: Address::operator("fern"),
            since: UnixMillis(WALL * 1000),
            reason: String::new(),
        });
    });
    assert_eq!(row.flags[0].to_string(), "PAUSED(by operator)");
}

#[test]
fn a_missing_view_and_an_older_build_are_flagged() {
    let mut old = sighting("a");
    if let Some(endpoint) = &mut old.summary.record.endpoint {
        endpoint.build = "b0".into();
    }
    let rows = rows(None, vec![old], Some(&[]));
    assert_eq!(summary(&rows), "a@fern available VIEW OLD(b0)\n");
}

#[test]
fn without_tmux_nothing_is_said_of_views() {
    let rows = rows(None, vec![sighting("a")], None);
    assert!(rows[0].flags.is_empty());
    assert_eq!(rows[0].session, None);
}

#[test]
fn a_heartbeat_of_another_boot_is_nothing_to_judge_by() {
    let row = one(|sighting| {
        sighting.heartbeat.as_mut().unwrap().boot_id = "before".into();
    });
    assert_eq!(row.readiness, RowState::Judged(Readiness::Unknown));
    assert_eq!(row.heartbeat_age_seconds, None);
}

fn units(change: impl FnOnce(&mut Units)) -> Units {
    let unit = "fleet-pod@default.a.service".to_owned();
    let mut units = Units {
        bare: Vec::new(),
        loaded: vec![UnitState {
            id: unit.clone(),
            active: "active".into(),
            main_pid: Some(70),
            loaded: true,
            ..UnitState::default()
        }],
        enabled: vec![unit],
        target: true,
        lingers: true,
    };
    change(&mut units);
    units
}

fn kept(sighting: Sighting, units: &Units) -> PsRow {
    let panes = [view(&sighting)];
    rows_with_units(None, vec![sighting], Some(&panes), Some(units)).remove(0)
}

#[test]
fn a_kept_pod_that_comes_back_at_boot_has_a_unit_and_no_flag() {
    let row = kept(sighting("a"), &units(|_| {}));
    assert_eq!(row.unit.as_deref(), Some("fleet-pod@default.a.service"));
    assert_eq!(row.flags, []);
}

#[test]
fn what_would_not_come_back_at_boot_is_flagged_with_the_reason() {
    let flags = |change: fn(&mut Units)| {
        let row = kept(sighting("a"), &units(change));
        let flags: Vec<_> = row.flags.iter().map(ToString::to_string).collect();
        flags.join(" ")
    };
    assert_eq!(flags(|units| units.enabled.clear()), "BOOT(not enabled)");
    assert_eq!(
        flags(|units| units.target = false),
        "BOOT(fleet.target is not enabled)"
    );
    assert_eq!(flags(|units| units.lingers = false), "BOOT(no linger)");
}

#[test]
fn a_pod_that_is_no_unit_of_ours_has_none() {
    let row = kept(
        sighting("a"),
        &units(|units| units.loaded[0].main_pid = Some(71)),
    );
    assert_eq!(row.unit, None);
}

#[test]
fn a_dead_pod_is_told_how_its_unit_failed() {
    let mut gone = sighting("a");
    gone.answer = PodAnswer::Refused;
    let units = units(|units| {
        let unit = &mut units.loaded[0];
        (unit.active, unit.result) = ("failed".into(), "watchdog".into());
        unit.main_pid = None;
    });
    let row = kept(gone, &units);
    assert_eq!(row.readiness, RowState::Judged(Readiness::Dead));
    assert_eq!(row.detail.as_deref(), Some("its unit failed: watchdog"));
}

#[test]
fn the_bridge_stands_with_the_orchestrator_of_this_host_alone() {
    let bridge = BridgeGlance {
        runs: false,
        wanted: true,
        status: None,
    };
    let rows = |orchestrators: &str| {
        let text = format!("version: 1\ntransport: tmux\nagents:\n{orchestrators}");
        let roster = Roster::parse(&text, "r", &Known::shipped()).0.unwrap();
        let rows = join(&Sources {
            bridge: Some(bridge.clone()),
            ..sources(Some(&roster.agents))
        });
        let rows = rows.into_iter();
        let with = rows.filter(|row| row.bridge.as_ref() == Some(&bridge));
        with.map(|row| row.name).collect::<Vec<_>>()
    };
    let here = "- {name: a, runtime: sim}\n- {name: lead, runtime: sim, class: orchestrator}\n";
    assert_eq!(rows(here), ["lead"]);
    let far =
        "- {name: lead, runtime: sim, class: orchestrator, host: oak}\n- {name: a, runtime: sim}\n";
    assert_eq!(rows(far), [""; 0]);
}

#[test]
fn a_class_without_a_role_is_flagged_whether_or_not_the_agent_ever_ran() {
    let text = "version: 1\ntransport: tmux\nagents:\n\
        - {name: a, runtime: sim, class: codr}\n- {name: b, runtime: sim, class: codr}\n\
        - {name: c, runtime: sim, class: code}\n";
    let roster = Roster::parse(text, "r", &Known::shipped()).0.unwrap();
    let desired = |agent: &Agent| Desired {
        name: PodName::new(agent.name.as_str()).unwrap(),
        class: agent.class.clone(),
        alias: None,
        runtime: "sim".into(),
        spec: spec_of(sighting("a").record()).unwrap(),
        explicit_env: Vec::new(),
        depends_on: Vec::new(),
        persistent: false,
        has_role: agent.class == "code",
    };
    let desired: Vec<_> = roster
        .agents
        .iter()
        .map(|agent| (agent, Ok(desired(agent))))
        .collect();
    let mut running = sighting("a");
    running.summary.record.class = "codr".into();
    let rows = join(&Sources {
        desired: &desired,
        sightings: vec![running],
        ..sources(Some(&roster.agents))
    });
    insta::assert_snapshot!(summary(&rows), @r"
    a@fern available ROLE(the class `codr` has none)
    b@fern stopped ROLE(the class `codr` has none)
    c@fern stopped
    ");
}
