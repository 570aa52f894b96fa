//! A pod of an older build: it does what it can, and what it cannot is told.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use podfleet_protocol::rpc::{Request, Response, RpcError};
use podfleet_sim_agent::Kind;

use crate::acting::Actors;
use crate::world::{World, until};

/// What the older build does not have.
const UNKNOWN: [&str; 3] = ["drain", "interrupt", "scrollback"];

/// Has the store say that a pod is reached at a socket of ours, behind which that pod is, and where
/// what an older build would not know is answered as by that. The pod keeps its own socket as it is.
fn make_older(world: &World, name: &str) {
    let record = Actors::of(world).record(name);
    let behind = record.endpoint.unwrap().socket;
    let before = world.path("older.sock");
    let listener = UnixListener::bind(&before).unwrap();
    let store = rusqlite::Connection::open(world.path("state/store.db")).unwrap();
    store
        .execute(
            "UPDATE pod SET socket = ?2 WHERE id = ?1",
            rusqlite::params![
                record.identity.id.to_string(),
                before.as_os_str().as_bytes()
            ],
        )
        .unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, pod) = (client.unwrap(), UnixStream::connect(&behind));
            // The pod may be gone.
            let Ok(pod) = pod else { return };
            thread::spawn(move || {
                let mut answers = (pod.try_clone().unwrap(), client.try_clone().unwrap());
                let back = thread::spawn(move || io::copy(&mut answers.0, &mut answers.1));
                // Whoever is gone is told nothing.
                let _ = pass(&client, &pod);
                let _ = pod.shutdown(std::net::Shutdown::Both);
                let _ = back.join();
                let _ = client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
}

fn pass(client: &UnixStream, pod: &UnixStream) -> io::Result<()> {
    let (mut to_client, mut to_pod) = (client, pod);
    for line in BufReader::new(client).lines() {
        let line = line?;
        let request = Request::parse(line.as_bytes()).ok();
        match request.filter(|request| UNKNOWN.contains(&request.method.as_str())) {
            None => writeln!(to_pod, "{line}")?,
            Some(request) => {
                let error = RpcError::no_such_method(&request.method);
                let answer = Response::failure(Some(request.id), error);
                writeln!(to_client, "{}", serde_json::to_string(&answer)?)?;
            }
        }
    }
    Ok(())
}

#[test]
fn an_older_pod_takes_messages_and_what_it_cannot_do_is_told_with_the_remedy() {
    let world = World::with_agents(&[("a", r#"{"turn_ms": 30}"#)]);
    world.fleet(&["up"]).exits(0);
    make_older(&world, "a");
    let send = ["send", "a", "-m", "to an older pod", "--wait", "submitted"];
    world.fleet(&send).exits(0);
    let typed = world.received("a", Kind::Submit);
    assert!(typed[0].ends_with("to an older pod"), "{typed:?}");
    assert_eq!(world.row("a")["name"], "a");
    for command in [&["interrupt", "a"][..], &["tail", "a"]] {
        let told = world.fleet(command).exits(5).stderr;
        let told = told.replace("\n  ", " ");
        assert!(
            told.contains("the pod of `a` runs another build of fleet, which cannot do this"),
            "{told}"
        );
        assert!(told.contains("hint: `fleet restart a`"), "{told}");
    }
    world.fleet(&["restart", "a"]).exits(0);
    world.fleet(&["tail", "a"]).exits(0);
    until(|| match world.fleet(&["interrupt", "a"]).code {
        0 | 1 => Ok(()),
        code => Err(format!("exit {code}")),
    });
}
