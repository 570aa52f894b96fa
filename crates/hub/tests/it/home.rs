//! A home and its spokes.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;
use podfleet_hub::address::Reach;
use podfleet_hub::client::{ClientError, HubClient, Way};
use podfleet_hub::contained::Precondition;
use podfleet_hub::endpoint::Status;
use podfleet_hub::fault::{Code, Fault, Origin};
use podfleet_hub::host::Protection;
use podfleet_hub::op::{
    EndpointAdd, EndpointAddParams, EndpointList, EndpointParams, EndpointRemove,
    EndpointRemoveParams, EndpointRename, EndpointRenameParams, EndpointRetry, EndpointUpdate,
    EndpointUpdateParams, EndpointView, FleetPs, FsList, FsStat, ListParams, MountAdd,
    MountAddParams, MountList, MountListParams, PathParams, Place, PsParams,
};
use podfleet_hub::path::MountPath;
use podfleet_hub::secret::Secret;
use podfleet_hub::token::Scope;
use podfleet_protocol::method::Nothing;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::files::assert_parts_are_right;
use crate::world::{PATIENCE, TestHub, until};

const RIGHTS: [Scope; 5] = [
    Scope::Observe,
    Scope::FilesRead,
    Scope::FilesWrite,
    Scope::Pty,
    Scope::Message,
];

pub(crate) fn name(text: &str) -> podfleet_protocol::EndpointName {
    podfleet_protocol::EndpointName::new(text).unwrap()
}

pub(crate) fn reach(hub: &TestHub) -> Reach {
    match hub.way() {
        Way::Plain(address) => Reach::Plain { address },
        Way::Tls(address, pin) => Reach::Tls { address, pin },
        Way::Socket(path) => panic!("{}", path.display()),
    }
}

async fn add(home: &TestHub, endpoint: &str, reach: Reach, token: Secret) -> EndpointView {
    let params = EndpointAddParams {
        name: name(endpoint),
        reach,
        token: Some(token.into()),
    };
    home.owner().call::<EndpointAdd>(params).await.unwrap()
}

async fn view(home: &TestHub, endpoint: &str) -> EndpointView {
    let all = home
        .owner()
        .call::<EndpointList>(Nothing {})
        .await
        .unwrap()
        .endpoints;
    all.into_iter()
        .find(|view| view.name.as_str() == endpoint)
        .unwrap()
}

async fn until_state(home: &TestHub, endpoint: &str, state: &str) -> Status {
    until(async || {
        let status = view(home, endpoint).await.status;
        (status.as_str() == state).then_some(status)
    })
    .await
}

/// A home that knows a spoke as `box`, with the spoke's files mounted as `m`.
pub(crate) async fn pair() -> (TestHub, TestHub) {
    let (home, spoke) = (TestHub::new().await, TestHub::new().await);
    add(&home, "box", reach(&spoke), spoke.token("home", &RIGHTS)).await;
    until_state(&home, "box", "connected").await;
    mount(&home, &spoke).await;
    (home, spoke)
}

async fn mount(home: &TestHub, spoke: &TestHub) {
    let params = MountAddParams {
        mount: "m".parse().unwrap(),
        endpoint: "box".parse().unwrap(),
        root: spoke.files().to_str().unwrap().to_owned(),
        unchecked: false,
    };
    home.owner().call::<MountAdd>(params).await.unwrap();
}

fn stat(path: &str) -> PathParams {
    PathParams {
        place: Place::Mount("m".parse().unwrap()),
        path: path.into(),
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Fault {
    match result {
        Err(ClientError::Answer(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_endpoint_whose_token_has_one_right_is_connected_and_used_for_that() {
    let (home, spoke) = (TestHub::new().await, TestHub::new().await);
    let token = spoke.token("home", &[Scope::FilesRead]);
    add(&home, "box", reach(&spoke), token).await;
    until_state(&home, "box", "connected").await;
    mount(&home, &spoke).await;
    std::fs::write(spoke.files().join("there"), "there").unwrap();
    let owner = home.owner();
    assert_eq!(owner.call::<FsStat>(stat("there")).await.unwrap().size, 5);
    let agents = owner.call::<FleetPs>(PsParams::default()).await.unwrap();
    let named = agents
        .missing
        .iter()
        .find(|it| it.endpoint.as_deref() == Some("box"));
    assert_eq!(named.unwrap().code, Code::EndpointAuth);
}

#[tokio::test]
async fn files_of_a_spoke_are_reached_through_home_and_never_looked_for_at_home() {
    let (home, spoke) = pair().await;
    std::fs::write(spoke.files().join("there"), "there").unwrap();
    std::fs::write(home.files().join("here"), "here").unwrap();
    let owner = home.owner();
    assert_eq!(owner.call::<FsStat>(stat("there")).await.unwrap().size, 5);
    let fault = refused(owner.call::<FsStat>(stat("here")).await);
    assert_eq!(
        (fault.code, fault.origin),
        (Code::FsNotFound, Origin::Endpoint)
    );
    assert_eq!(fault.endpoint.as_deref(), Some("box"));
    let list = ListParams {
        place: Place::Mount("m".parse().unwrap()),
        path: String::new(),
        after: None,
        limit: 0,
    };
    let page = owner.call::<FsList>(list).await.unwrap();
    assert_eq!(page.entries.len(), 1);
}

#[tokio::test]
async fn bytes_go_through_home_as_they_are() {
    let (home, spoke) = pair().await;
    let (owner, place) = (home.owner(), Place::Mount("m".parse().unwrap()));
    let path = MountPath::plain("a b/ü").unwrap();
    std::fs::create_dir(spoke.files().join("a b")).unwrap();
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| (n ^ (n >> 9)) as u8).collect();
    let written = owner.write_file(
        &place,
        &path,
        &Precondition::Absent,
        Body::from(bytes.clone()),
    );
    written.await.unwrap();
    assert_eq!(std::fs::read(spoke.files().join("a b/ü")).unwrap(), bytes);
    let (head, mut body) = owner
        .read_file(&place, &path, Some("bytes=1000-"))
        .await
        .unwrap();
    let mut read = Vec::new();
    while let Some(part) = body.next().await {
        read.extend_from_slice(&part.unwrap());
    }
    assert_eq!(head.status, 206);
    assert_eq!(read, bytes[1000..]);
}

#[tokio::test]
async fn a_part_is_asked_for_by_a_tag_and_refused_with_the_length_through_home_too() {
    let (home, spoke) = pair().await;
    assert_parts_are_right(&home, &spoke).await;
}

#[tokio::test]
async fn a_spoke_that_restarts_is_connected_again_by_itself() {
    let (home, mut spoke) = pair().await;
    spoke.stop().await;
    let status = until_state(&home, "box", "offline").await;
    assert_eq!(status.to_string(), "offline (refused)");
    assert!(
        view(&home, "box")
            .await
            .action
            .unwrap()
            .contains("fleet hub run")
    );
    let fault = refused(home.owner().call::<FsStat>(stat("")).await);
    assert_eq!(fault.code, Code::EndpointOffline);
    assert!(fault.hint.is_some());
    spoke.start().await;
    until_state(&home, "box", "connected").await;
    home.owner().call::<FsStat>(stat("")).await.unwrap();
}

#[tokio::test]
async fn a_home_that_restarts_knows_everything_before_its_first_call() {
    let (mut home, _spoke) = pair().await;
    home.stop().await;
    home.start().await;
    // The first call, on a cold connection, before the supervisor said anything.
    home.owner().call::<FsStat>(stat("")).await.unwrap();
    let mounts = home
        .owner()
        .call::<MountList>(MountListParams::default())
        .await
        .unwrap();
    assert_eq!(mounts.mounts.len(), 1);
}

#[tokio::test]
async fn a_wrong_token_waits_for_a_person_and_is_not_the_clients_fault() {
    let (home, spoke) = (TestHub::new().await, TestHub::new().await);
    let wrong = Secret::new("flt_0123456789abcdef0123456789abcdef_wrong");
    add(&home, "box", reach(&spoke), wrong).await;
    until_state(&home, "box", "auth_failed").await;
    let params = MountAddParams {
        mount: "m".parse().unwrap(),
        endpoint: "box".parse().unwrap(),
        root: spoke.files().to_str().unwrap().to_owned(),
        unchecked: true,
    };
    let mount = home.owner().call::<MountAdd>(params).await.unwrap();
    assert!(!mount.mount.checked);
    let fault = refused(home.owner().call::<FsStat>(stat("")).await);
    assert_eq!(fault.code, Code::EndpointAuth);
    assert_ne!(fault.code.http_status(), 401);
}

#[tokio::test]
async fn a_mount_that_was_taken_unchecked_is_checked_before_it_is_used() {
    let (home, mut spoke) = (TestHub::new().await, TestHub::new().await);
    let files = spoke.files();
    add(&home, "box", reach(&spoke), spoke.token("home", &RIGHTS)).await;
    until_state(&home, "box", "connected").await;
    spoke.stop().await;
    until_state(&home, "box", "offline").await;
    let params = |unchecked| MountAddParams {
        mount: "m".parse().unwrap(),
        endpoint: "box".parse().unwrap(),
        root: format!("{}/../files", files.display()),
        unchecked,
    };
    let fault = refused(home.owner().call::<MountAdd>(params(false)).await);
    assert_eq!(fault.code, Code::EndpointOffline);
    home.owner().call::<MountAdd>(params(true)).await.unwrap();
    spoke.start().await;
    until_state(&home, "box", "connected").await;
    home.owner().call::<FsStat>(stat("")).await.unwrap();
    let mounts = home
        .owner()
        .call::<MountList>(MountListParams::default())
        .await
        .unwrap();
    let mount = &mounts.mounts[0].mount;
    assert!(mount.checked);
    assert_eq!(mount.root, files.to_str().unwrap());
    // One that turns out to be the same directory as another stays unchecked, and says so.
    spoke.stop().await;
    until_state(&home, "box", "offline").await;
    let twin = MountAddParams {
        mount: "twin".parse().unwrap(),
        root: format!("{}/.", files.display()),
        ..params(true)
    };
    home.owner().call::<MountAdd>(twin).await.unwrap();
    spoke.start().await;
    until_state(&home, "box", "connected").await;
    let of_twin = PathParams {
        place: Place::Mount("twin".parse().unwrap()),
        ..stat("")
    };
    let fault = refused(home.owner().call::<FsStat>(of_twin).await);
    assert_eq!(fault.code, Code::MountExists, "{fault}");
}

#[tokio::test]
async fn another_hub_in_the_same_place_is_not_spoken_to() {
    let (home, mut spoke) = pair().await;
    spoke.stop().await;
    until_state(&home, "box", "offline").await;
    // The machine was set up anew: it has another identity, and knows the old token all the same.
    let database = spoke.directory.path().join("hub/hub.db");
    let connection = rusqlite::Connection::open(database).unwrap();
    let other = uuid::Uuid::now_v7().to_string();
    connection
        .execute("UPDATE hub SET id = ?1", [other])
        .unwrap();
    drop(connection);
    spoke.start().await;
    let status = until_state(&home, "box", "auth_failed").await;
    assert!(
        status.detail().unwrap().contains("another hub"),
        "{status:?}"
    );
    let owner = home.owner();
    let listed = owner.call::<EndpointList>(Nothing {}).await.unwrap();
    let action = listed.endpoints[1].action.clone().unwrap();
    assert!(action.contains("update box --accept-hub"), "{action}");
    // To try again changes nothing of it; to accept the other one does.
    let again = EndpointParams { name: name("box") };
    let again = owner.call::<EndpointRetry>(again).await.unwrap();
    assert_eq!(again.status, Status::Connecting);
    until_state(&home, "box", "auth_failed").await;
    let accepted = EndpointUpdateParams {
        name: name("box"),
        pin: None,
        token: None,
    };
    let accepted = owner.call::<EndpointUpdate>(accepted).await.unwrap();
    assert_eq!(accepted.status, Status::Connecting);
    until_state(&home, "box", "connected").await;
}

#[tokio::test]
async fn removal_with_a_live_endpoint_ends_what_waits_for_it() {
    let (home, _spoke) = pair().await;
    // A machine that accepts and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string().parse().unwrap();
    add(&home, "mute", Reach::Plain { address }, Secret::new("x")).await;
    let owner = home.owner();
    let waiting = tokio::spawn(async move {
        let params = PsParams {
            endpoint: Some("mute".parse().unwrap()),
            fleet: None,
            all_fleets: false,
        };
        owner.call::<FleetPs>(params).await
    });
    let _held = silent.accept().await.unwrap();
    let params = EndpointRemoveParams {
        name: name("mute"),
        cascade: false,
        expect: None,
    };
    home.owner().call::<EndpointRemove>(params).await.unwrap();
    let fault = refused(
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .unwrap()
            .unwrap(),
    );
    assert!(
        matches!(fault.code, Code::EndpointNotFound | Code::EndpointOffline),
        "{fault:?}"
    );
}

/// A machine that says who it is, and answers nothing else.
async fn hanging() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let info = r#"{"ok":true,"value":{"hub_id":"0198c1d2-7a3b-7c4d-8e5f-001122334455","host":"x","build":"1","version":1,"min_version":1}}"#;
    let info = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{info}",
        info.len()
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let info = info.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut request).await {
                    let asked = String::from_utf8_lossy(&request[..length]).into_owned();
                    if asked.contains("hub.info") {
                        stream.write_all(info.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_machine_that_hangs_is_named_and_keeps_nobody_from_the_others() {
    let home = TestHub::new().await;
    let address = hanging().await.to_string().parse().unwrap();
    add(&home, "mute", Reach::Plain { address }, Secret::new("x")).await;
    until_state(&home, "mute", "connected").await;
    let deadline = Duration::from_secs(3);
    let owner = home.owner();
    let asked = owner.call_within::<FleetPs>(PsParams::default(), deadline, None);
    let missing = asked.await.unwrap().missing;
    let mute = missing
        .iter()
        .find(|fault| fault.endpoint.as_deref() == Some("mute"));
    assert_eq!(mute.unwrap().code, Code::EndpointOffline);
}

#[tokio::test]
async fn a_machine_that_is_no_hub_is_told_apart() {
    async fn answering(text: &'static str) -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(text.as_bytes()).await;
                });
            }
        });
        address
    }
    let html =
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>";
    let torn = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"ok\": true,";
    let newer = r#"{"ok":true,"value":{"hub_id":"0198c1d2-7a3b-7c4d-8e5f-001122334455","host":"x","build":"9","version":9,"min_version":9}}"#;
    let newer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{newer}",
        newer.len()
    );
    let home = TestHub::new().await;
    for (endpoint, text, state, detail) in [
        ("html", html, "incompatible", "text/html"),
        ("ssh", "SSH-2.0-OpenSSH_9.2\r\n", "incompatible", "HTTP"),
        ("torn", torn, "offline", ""),
        (
            "newer",
            Box::leak(newer.into_boxed_str()),
            "incompatible",
            "versions 9 to 9",
        ),
    ] {
        let address = answering(text).await.to_string().parse().unwrap();
        add(&home, endpoint, Reach::Plain { address }, Secret::new("x")).await;
        let status = until_state(&home, endpoint, state).await;
        assert!(
            status.detail().unwrap().contains(detail),
            "{endpoint}: {status:?}"
        );
    }
    let nowhere = "no-such-host.invalid:1".parse().unwrap();
    add(
        &home,
        "nowhere",
        Reach::Plain { address: nowhere },
        Secret::new("x"),
    )
    .await;
    assert_eq!(
        until_state(&home, "nowhere", "offline").await.to_string(),
        "offline (dns)"
    );
}

#[tokio::test]
async fn an_endpoint_by_tls_is_spoken_to_only_with_its_pinned_key() {
    let home = TestHub::new().await;
    let mut spoke = TestHub::listening(&[("127.0.0.1:0", Protection::Tls)]).await;
    add(&home, "box", reach(&spoke), spoke.token("home", &RIGHTS)).await;
    until_state(&home, "box", "connected").await;
    spoke.stop().await;
    std::fs::remove_file(spoke.directory.path().join("hub/tls.key")).unwrap();
    spoke.start().await;
    until(async || {
        let status = view(&home, "box").await.status.to_string();
        (status == "offline (tls)").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_gets_another_token_or_key_and_keeps_its_mounts() {
    let home = TestHub::new().await;
    let mut spoke = TestHub::listening(&[("127.0.0.1:0", Protection::Tls)]).await;
    add(&home, "box", reach(&spoke), spoke.token("home", &RIGHTS)).await;
    until_state(&home, "box", "connected").await;
    mount(&home, &spoke).await;
    spoke
        .running()
        .hub()
        .topology()
        .revoke_token("home")
        .unwrap();
    spoke.stop().await;
    std::fs::remove_file(spoke.directory.path().join("hub/tls.key")).unwrap();
    spoke.start().await;
    let Way::Tls(_, pin) = spoke.way() else {
        panic!()
    };
    let update = async |pin, token: Option<Secret>| {
        let name = name("box");
        let params = EndpointUpdateParams {
            name,
            pin,
            token: token.map(Into::into),
        };
        home.owner().call::<EndpointUpdate>(params).await.unwrap()
    };
    update(Some(pin), None).await;
    until_state(&home, "box", "auth_failed").await;
    let view = update(None, Some(spoke.token("again", &RIGHTS))).await;
    until_state(&home, "box", "connected").await;
    assert_eq!(view.endpoint.unwrap().revision, 3);
    assert_eq!(view.dependents.mounts, 1);
    std::fs::write(spoke.files().join("a"), "a").unwrap();
    home.owner().call::<FsStat>(stat("a")).await.unwrap();
}

#[tokio::test]
async fn an_endpoint_whose_token_may_not_be_read_says_so_and_is_tried_again_when_it_may() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut home = TestHub::new().await;
    let spoke = TestHub::listening(&[("127.0.0.1:0", Protection::Tls)]).await;
    let Way::Tls(_, pin) = spoke.way() else {
        panic!()
    };
    let added = add(&home, "box", reach(&spoke), spoke.token("home", &RIGHTS)).await;
    until_state(&home, "box", "connected").await;
    let id = added.endpoint.unwrap().endpoint_id.simple().to_string();
    let secret = home.directory.path().join("hub/secrets").join(id);
    let open = |mode| {
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let retry = async |home: &TestHub| {
        let params = EndpointParams { name: name("box") };
        home.owner().call::<EndpointRetry>(params).await.unwrap();
    };
    open(0o644);
    let params = EndpointUpdateParams {
        name: name("box"),
        pin: Some(pin),
        token: None,
    };
    home.owner().call::<EndpointUpdate>(params).await.unwrap();
    let status = until_state(&home, "box", "auth_failed").await;
    let detail = status.detail().unwrap();
    assert!(detail.contains("its mode is 0644"), "{detail}");
    let action = view(&home, "box").await.action.unwrap();
    assert!(action.contains("--retry"), "{action}");
    open(0o600);
    retry(&home).await;
    until_state(&home, "box", "connected").await;

    // One such file keeps no hub from starting.
    home.stop().await;
    open(0o644);
    home.start().await;
    until_state(&home, "box", "auth_failed").await;
    open(0o600);
    retry(&home).await;
    until_state(&home, "box", "connected").await;
}

#[tokio::test]
async fn a_machine_that_shows_another_key_than_was_given_is_not_added() {
    let home = TestHub::new().await;
    let spoke = TestHub::listening(&[("127.0.0.1:0", Protection::Tls)]).await;
    let other = TestHub::listening(&[("127.0.0.1:0", Protection::Tls)]).await;
    let (Way::Tls(address, shown), Way::Tls(_, pin)) = (spoke.way(), other.way()) else {
        panic!()
    };
    let params = EndpointAddParams {
        name: name("box"),
        reach: Reach::Tls {
            address: address.clone(),
            pin,
        },
        token: Some(spoke.token("home", &RIGHTS).into()),
    };
    let fault = refused(home.owner().call::<EndpointAdd>(params).await);
    assert_eq!(fault.code, Code::EndpointKey);
    let message = format!("{address} shows the key {shown}, and not {pin}");
    assert_eq!(fault.message, message);
    let listed = home.owner().call::<EndpointList>(Nothing {}).await.unwrap();
    assert_eq!(listed.endpoints.len(), 1, "there is `local` alone");
    add(&home, "box", reach(&spoke), spoke.token("again", &RIGHTS)).await;
    until_state(&home, "box", "connected").await;
}

#[tokio::test]
async fn a_hub_does_not_become_its_own_endpoint() {
    let home = TestHub::new().await;
    add(&home, "me", reach(&home), home.token("me", &RIGHTS)).await;
    let status = until_state(&home, "me", "incompatible").await;
    assert!(status.detail().unwrap().contains("this hub itself"));
}

#[tokio::test]
async fn a_rename_changes_the_name_and_nothing_else() {
    let (home, spoke) = pair().await;
    std::fs::write(spoke.files().join("a"), "a").unwrap();
    let params = EndpointRenameParams {
        name: name("box"),
        new: name("crate"),
    };
    home.owner().call::<EndpointRename>(params).await.unwrap();
    assert_eq!(view(&home, "crate").await.status.as_str(), "connected");
    home.owner().call::<FsStat>(stat("a")).await.unwrap();
    let fault = refused(home.owner().call::<FsStat>(stat("b")).await);
    assert_eq!(fault.endpoint.as_deref(), Some("crate"));
}

#[tokio::test]
async fn a_machine_that_does_not_answer_keeps_nobody_from_the_others_agents() {
    let (home, mut spoke) = pair().await;
    spoke.stop().await;
    until_state(&home, "box", "offline").await;
    let found = home
        .owner()
        .call::<FleetPs>(PsParams::default())
        .await
        .unwrap();
    let missing: Vec<_> = found
        .missing
        .iter()
        .map(|fault| fault.endpoint.clone().unwrap())
        .collect();
    // The test's own machine has no fleets, which is told in the same way.
    assert_eq!(missing, ["local", "box"]);
}

#[tokio::test]
async fn a_retry_tries_at_once_what_waits_for_a_person() {
    let (home, spoke) = (TestHub::new().await, TestHub::new().await);
    let token = spoke.token("home", &RIGHTS);
    let topology = spoke.running().hub().topology().clone();
    topology.revoke_token("home").unwrap();
    add(&home, "box", reach(&spoke), token).await;
    until_state(&home, "box", "auth_failed").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let params = EndpointParams { name: name("box") };
    home.owner().call::<EndpointRetry>(params).await.unwrap();
    until_state(&home, "box", "auth_failed").await;
}

#[tokio::test]
async fn a_retry_of_what_is_offline_is_told_by_what_comes_of_it() {
    let (home, mut spoke) = pair().await;
    spoke.stop().await;
    until_state(&home, "box", "offline").await;
    let params = EndpointParams { name: name("box") };
    let again = home.owner().call::<EndpointRetry>(params).await.unwrap();
    assert_eq!(again.status, Status::Connecting);
    until_state(&home, "box", "offline").await;
}

#[tokio::test]
async fn a_retry_of_what_is_connected_is_told_by_what_comes_of_it() {
    let (home, mut spoke) = pair().await;
    until_state(&home, "box", "connected").await;
    let retry = async || {
        let params = EndpointParams { name: name("box") };
        home.owner().call::<EndpointRetry>(params).await.unwrap()
    };
    assert_eq!(retry().await.status, Status::Connecting);
    until_state(&home, "box", "connected").await;
    spoke.stop().await;
    assert_eq!(retry().await.status, Status::Connecting);
    until_state(&home, "box", "offline").await;
}

#[tokio::test]
async fn an_empty_token_is_refused_and_accepts_no_other_hub() {
    let (home, _spoke) = pair().await;
    let before = view(&home, "box").await.endpoint.unwrap();
    let update = EndpointUpdateParams {
        name: name("box"),
        pin: None,
        token: Some(Secret::new(" \n").into()),
    };
    let fault = refused(home.owner().call::<EndpointUpdate>(update).await);
    assert_eq!(fault.code, Code::RequestInvalid);
    assert_eq!(fault.message, "the token is empty");
    assert_eq!(view(&home, "box").await.endpoint.unwrap(), before);
    let by_ssh = EndpointAddParams {
        name: name("far"),
        reach: Reach::Ssh {
            destination: "far".parse().unwrap(),
        },
        token: Some(Secret::new("").into()),
    };
    let fault = refused(home.owner().call::<EndpointAdd>(by_ssh).await);
    assert_eq!(fault.message, "the token is empty");
}

#[tokio::test]
async fn no_token_is_in_anything_that_is_emitted() {
    let (home, spoke) = (TestHub::new().await, TestHub::new().await);
    let secret = spoke.token("home", &RIGHTS);
    let text = secret.clone().reveal_once();
    let mut emitted = String::new();
    let params = EndpointAddParams {
        name: name("box"),
        reach: reach(&spoke),
        token: Some(secret.clone().into()),
    };
    emitted.push_str(&format!("{params:?}"));
    let mut events = home.running().hub().events();
    let added = home.owner().call::<EndpointAdd>(params).await.unwrap();
    emitted.push_str(&format!(
        "{added:?}{}",
        serde_json::to_string(&added).unwrap()
    ));
    until_state(&home, "box", "connected").await;
    spoke
        .running()
        .hub()
        .topology()
        .revoke_token("home")
        .unwrap();
    let again = EndpointAddParams {
        name: name("box"),
        reach: reach(&spoke),
        token: Some(secret.clone().into()),
    };
    emitted.push_str(&format!(
        "{:?}",
        home.owner().call::<EndpointAdd>(again).await.unwrap_err()
    ));
    emitted.push_str(&format!("{:?}", HubClient::new(spoke.way(), Some(secret))));
    home.owner()
        .call::<EndpointRetry>(EndpointParams { name: name("box") })
        .await
        .unwrap();
    until_state(&home, "box", "auth_failed").await;
    emitted.push_str(&format!("{:?}", view(&home, "box").await));
    emitted.push_str(&format!("{:?}", home.running()));
    while let Ok(event) = events.try_recv() {
        emitted.push_str(&format!(
            "{event:?}{}",
            serde_json::to_string(&event).unwrap()
        ));
    }
    assert!(!emitted.contains(&text[37..]), "{emitted}");
    // Home keeps it in one file, for itself alone.
    let mut files = Vec::new();
    let mut directories = vec![home.directory.path().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.is_file()
                && std::fs::read(&path)
                    .unwrap()
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
            {
                files.push(path);
            }
        }
    }
    assert_eq!(files.len(), 1, "{files:?}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&files[0]).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let _ = stat("");
}
