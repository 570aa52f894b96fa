use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use podfleet_hub::address::Reach;
use podfleet_hub::fault::Code;
use podfleet_hub::secret::Secret;
use podfleet_hub::token::Scope;
use podfleet_hub::topology::{MountRef, NewMount, Topology};
use podfleet_protocol::{EndpointName, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_000);

/// A directory for its owner alone, whatever the umask.
fn private() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(directory.path(), mode).unwrap();
    directory
}

fn endpoint(name: &str) -> EndpointName {
    EndpointName::new(name).unwrap()
}

fn plain(port: u16) -> Reach {
    Reach::Plain {
        address: format!("127.0.0.1:{port}").parse().unwrap(),
    }
}

fn mount(name: &str, root: &str) -> NewMount {
    NewMount {
        mount: name.parse::<MountRef>().unwrap(),
        endpoint: None,
        root: root.into(),
        checked: true,
    }
}

#[test]
fn what_is_recorded_is_there_after_a_restart() {
    let directory = private();
    let hub = {
        let topology = Topology::open(directory.path()).unwrap();
        let token = Secret::new("the token of home");
        let added = topology.add_endpoint(endpoint("box"), plain(1), None, Some(&token), NOW);
        topology
            .add_mount(
                &NewMount {
                    endpoint: Some(added.unwrap()),
                    ..mount("src", "/srv/src")
                },
                NOW,
            )
            .unwrap();
        topology.hub_id()
    };
    let topology = Topology::open(directory.path()).unwrap();
    assert_eq!(topology.hub_id(), hub);
    assert_eq!(topology.endpoints().unwrap()[0].name.as_str(), "box");
    let mounts = topology.mounts(None).unwrap();
    assert_eq!(mounts[0].endpoint.as_str(), "box");
    assert_eq!(mounts[0].root, "/srv/src");
}

#[test]
fn a_damaged_file_is_an_error_and_not_an_empty_topology() {
    for damage in ["nonsense", "only the first page", ""] {
        let directory = private();
        drop(Topology::open(directory.path()).unwrap());
        let file = directory.path().join("hub.db");
        let whole = std::fs::read(&file).unwrap();
        let damaged = match damage {
            // It says that there are more.
            "only the first page" => whole[..4096].to_vec(),
            _ => damage.as_bytes().repeat(1000),
        };
        std::fs::write(&file, damaged).unwrap();
        let _ = std::fs::remove_file(directory.path().join("hub.db-wal"));
        let fault = Topology::open(directory.path()).unwrap_err();
        assert_eq!(fault.code, Code::TopologyFailed);
        assert!(fault.message.contains("damaged"), "{fault}");
    }
}

#[test]
fn a_new_topology_does_not_take_over_the_journal_of_another() {
    let directory = private();
    let topology = Topology::open(directory.path()).unwrap();
    topology
        .add_endpoint(endpoint("a"), plain(1), None, None, NOW)
        .unwrap();
    let [file, journal] = ["hub.db", "hub.db-wal"].map(|name| directory.path().join(name));
    let left = std::fs::read(&journal).unwrap();
    drop(topology);
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&journal, &left).unwrap();
    let fault = Topology::open(directory.path()).unwrap_err();
    assert!(fault.message.contains("hub.db-wal"), "{fault}");
    assert_eq!(std::fs::read(&journal).unwrap(), left);
    std::fs::remove_file(&journal).unwrap();
    let topology = Topology::open(directory.path()).unwrap();
    assert_eq!(topology.endpoints().unwrap(), []);
}

#[test]
fn a_failed_change_changes_nothing_and_the_next_one_works() {
    let directory = private();
    let topology = Topology::open(directory.path()).unwrap();
    topology
        .add_endpoint(endpoint("a"), plain(1), None, None, NOW)
        .unwrap();
    let taken = topology.add_endpoint(endpoint("A"), plain(2), None, None, NOW);
    assert_eq!(taken.unwrap_err().code, Code::EndpointExists);
    let same_place = topology.add_endpoint(endpoint("b"), plain(1), None, None, NOW);
    assert_eq!(same_place.unwrap_err().code, Code::EndpointExists);
    topology
        .add_endpoint(endpoint("b"), plain(2), None, None, NOW)
        .unwrap();
    assert_eq!(topology.endpoints().unwrap().len(), 2);
}

#[test]
fn a_write_that_the_disk_refuses_poisons_no_later_one() {
    let directory = private();
    let topology = Topology::open(directory.path()).unwrap();
    let other = rusqlite::Connection::open(directory.path().join("hub.db")).unwrap();
    // Another process refuses the write from within the transaction.
    other
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON mount
             BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END",
        )
        .unwrap();
    topology.add_mount(&mount("a", "/a"), NOW).unwrap_err();
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    topology.add_mount(&mount("a", "/a"), NOW).unwrap();
    assert_eq!(topology.mounts(None).unwrap().len(), 1);
}

#[test]
fn a_hundred_at_once_neither_lose_nor_double_anything() {
    let directory = private();
    let topology = Arc::new(Topology::open(directory.path()).unwrap());
    std::thread::scope(|scope| {
        for number in 0..100_u16 {
            let topology = Arc::clone(&topology);
            scope.spawn(move || {
                let name = endpoint(&format!("e{number}"));
                let added =
                    topology.add_endpoint(name.clone(), plain(1000 + number), None, None, NOW);
                let new = NewMount {
                    endpoint: Some(added.unwrap()),
                    ..mount(&format!("m{number}"), "/srv")
                };
                topology.add_mount(&new, NOW).unwrap();
                if number % 2 == 0 {
                    let (_, gone) = topology.remove_endpoint(&name, Some(1)).unwrap();
                    assert_eq!(gone.mounts, 1);
                }
            });
        }
    });
    assert_eq!(topology.endpoints().unwrap().len(), 50);
    let mounts = topology.mounts(None).unwrap();
    assert_eq!(mounts.len(), 50);
    let places: std::collections::BTreeSet<u32> =
        mounts.iter().map(|mount| mount.position).collect();
    assert_eq!(places.len(), 50, "two mounts have one place");
}

#[test]
fn an_endpoint_with_dependents_is_removed_only_when_that_is_said() {
    let directory = private();
    let topology = Topology::open(directory.path()).unwrap();
    let added = topology
        .add_endpoint(endpoint("box"), plain(1), None, None, NOW)
        .unwrap();
    let on_box = |name: &str, root: &str| NewMount {
        endpoint: Some(added.clone()),
        ..mount(name, root)
    };
    topology.add_mount(&on_box("a", "/a"), NOW).unwrap();
    topology.add_mount(&on_box("b", "/b"), NOW).unwrap();
    let fault = topology
        .remove_endpoint(&endpoint("box"), Some(0))
        .unwrap_err();
    assert_eq!(fault.code, Code::EndpointInUse);
    assert!(fault.message.contains("2 mounts"), "{fault}");
    assert_eq!(
        topology
            .remove_endpoint(&endpoint("box"), Some(1))
            .unwrap_err()
            .code,
        Code::EndpointInUse
    );
    topology.remove_endpoint(&endpoint("box"), Some(2)).unwrap();
    assert!(topology.mounts(None).unwrap().is_empty());
}

#[test]
fn the_same_directory_is_mounted_once_in_a_space() {
    let directory = private();
    let topology = Topology::open(directory.path()).unwrap();
    topology.add_mount(&mount("a", "/srv"), NOW).unwrap();
    assert_eq!(
        topology
            .add_mount(&mount("b", "/srv"), NOW)
            .unwrap_err()
            .code,
        Code::MountExists
    );
    assert_eq!(
        topology.add_mount(&mount("a", "/x"), NOW).unwrap_err().code,
        Code::MountExists
    );
    topology.add_mount(&mount("other/a", "/srv"), NOW).unwrap();
    let missing = topology.mount(&"nothing".parse().unwrap()).unwrap_err();
    assert_eq!(missing.code, Code::MountNotFound);
}

#[test]
fn mounts_are_reordered_renamed_and_removed_without_gaps() {
    let directory = private();
    let topology = Topology::open(directory.path()).unwrap();
    for name in ["a", "b", "c", "d"] {
        topology
            .add_mount(&mount(name, &format!("/{name}")), NOW)
            .unwrap();
    }
    let order = || {
        let mounts = topology.mounts(None).unwrap();
        for (place, mount) in mounts.iter().enumerate() {
            assert_eq!(mount.position as usize, place);
        }
        mounts
            .iter()
            .map(|mount| mount.name.as_str().to_owned())
            .collect::<String>()
    };
    topology
        .reorder_mount(&"d".parse().unwrap(), 0, NOW)
        .unwrap();
    assert_eq!(order(), "dabc");
    topology
        .reorder_mount(&"a".parse().unwrap(), 99, NOW)
        .unwrap();
    assert_eq!(order(), "dbca");
    topology.remove_mount(&"b".parse().unwrap()).unwrap();
    assert_eq!(order(), "dca");
    let renamed = topology.rename_mount(&"c".parse().unwrap(), &"x".parse().unwrap(), NOW);
    assert_eq!(renamed.unwrap().revision, 2);
    assert_eq!(order(), "dxa");
}

#[test]
fn files_that_others_may_read_are_refused() {
    for name in ["hub.db", "."] {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("hub");
        drop(Topology::open(&home).unwrap());
        let file = home.join(name);
        let open = if name == "." { 0o750 } else { 0o640 };
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(open)).unwrap();
        let fault = Topology::open(&home).unwrap_err();
        assert!(fault.message.contains("its mode is"), "{fault}");
    }
}

#[test]
fn a_token_is_kept_as_a_digest_and_ends_when_it_is_revoked_or_over() {
    let directory = private();
    let topology = Topology::open(directory.path()).unwrap();
    let scopes = || [Scope::Observe].into_iter().collect();
    let (secret, _) = topology.create_token("ci", scopes(), None, NOW).unwrap();
    let text = secret.reveal_once();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let tail = &text.as_bytes()[37..];
            assert!(
                !bytes.windows(tail.len()).any(|part| part == tail),
                "{}",
                path.display()
            );
        }
    }
    assert!(topology.create_token("ci", scopes(), None, NOW).is_err());
    assert!(
        topology
            .create_token("none", Default::default(), None, NOW)
            .is_err()
    );
    assert!(topology.revoke_token("ci").unwrap());
    assert!(!topology.revoke_token("ci").unwrap());
}
