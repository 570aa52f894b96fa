//! Files over HTTP: their bytes, paths in addresses, what changes in a directory, and what becomes of
//! a transfer whose token is revoked.

use std::time::Duration;

use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use podfleet_hub::client::ClientError;
use podfleet_hub::contained::{Change, Contained, Kind, Precondition, Removal};
use podfleet_hub::fault::Code;
use podfleet_hub::op::{FsRemove, RemoveParams};
use podfleet_hub::path::MountPath;
use podfleet_hub::token::Scope;
use tokio_util::sync::CancellationToken;

use crate::surface::{mounted, refused};
use crate::world::{PATIENCE, TestHub, raw, until};

#[tokio::test]
async fn the_bytes_of_a_file_come_and_go_as_they_are() {
    let hub = TestHub::new().await;
    let place = mounted(&hub, "m").await;
    let client = hub.client(hub.token("rw", &[Scope::FilesRead, Scope::FilesWrite]));
    let path = MountPath::plain("dir of ä/100% bytes").unwrap();
    std::fs::create_dir(hub.files().join("dir of ä")).unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|n| (n * 7 + n / 251) as u8)
        .collect();
    let stat = client
        .write_file(
            &place,
            &path,
            &Precondition::Absent,
            Body::from(bytes.clone()),
        )
        .await
        .unwrap();
    assert_eq!(stat.size, 3_000_000);
    let read = async |range: Option<&str>| {
        let (head, mut body) = client.read_file(&place, &path, range).await.unwrap();
        let mut read = Vec::new();
        while let Some(bytes) = body.next().await {
            read.extend_from_slice(&bytes.unwrap());
        }
        (head.status, read)
    };
    assert_eq!(read(None).await, (200, bytes.clone()));
    assert_eq!(
        read(Some("bytes=10-19")).await,
        (206, bytes[10..20].to_vec())
    );
    assert_eq!(
        read(Some("bytes=-5")).await,
        (206, bytes[2_999_995..].to_vec())
    );
    let again = client
        .write_file(&place, &path, &Precondition::Absent, Body::from("x"))
        .await;
    assert_eq!(refused(again).code, Code::FsExists);
    let other = Precondition::Etag("other".into());
    let changed = client
        .write_file(&place, &path, &other, Body::from("x"))
        .await;
    assert_eq!(refused(changed).code, Code::FsConflict);
}

/// Asks `home` for parts of a file in the mount `m`, which is a directory of `holder`.
pub(crate) async fn assert_parts_are_right(home: &TestHub, holder: &TestHub) {
    std::fs::write(holder.files().join("part"), "0123456789").unwrap();
    let token = home.token("parts", &[Scope::FilesRead]).reveal_once();
    let get = async |headers: &str| {
        raw(home, &format!(
            "GET /v1/files/m/part HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n{headers}\r\n"
        )).await
    };
    let whole = get("").await;
    let etag = whole.lines().find_map(|line| line.strip_prefix("etag: "));
    let etag = etag.unwrap();
    let part = get(&format!("range: bytes=3-4\r\nif-range: {etag}\r\n")).await;
    assert!(part.starts_with("HTTP/1.1 206"), "{part}");
    assert!(part.contains("\r\ncontent-range: bytes 3-4/10\r\n"));
    assert!(part.ends_with("\r\n\r\n34"), "{part}");
    let changed = get("range: bytes=3-4\r\nif-range: \"other\"\r\n").await;
    assert!(changed.starts_with("HTTP/1.1 200"), "{changed}");
    assert!(changed.ends_with("\r\n\r\n0123456789"), "{changed}");
    let none = get("range: bytes=10-\r\n").await;
    assert!(none.starts_with("HTTP/1.1 416"), "{none}");
    assert!(none.contains("\r\ncontent-range: bytes */10\r\n"), "{none}");
    assert!(none.contains("request.invalid"), "{none}");
}

#[tokio::test]
async fn a_part_is_asked_for_by_a_tag_and_refused_with_the_length() {
    let hub = TestHub::new().await;
    mounted(&hub, "m").await;
    assert_parts_are_right(&hub, &hub).await;
}

#[tokio::test]
async fn a_part_that_is_sent_is_not_taken_for_the_whole_file() {
    let hub = TestHub::new().await;
    mounted(&hub, "m").await;
    std::fs::write(hub.files().join("a"), "as it was").unwrap();
    let token = hub.token("w", &[Scope::FilesWrite]).reveal_once();
    let answer = raw(&hub, &format!(
        "PUT /v1/files/m/a HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-range: bytes 0-3/10\r\ncontent-length: 4\r\n\r\nhalf"
    )).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(std::fs::read(hub.files().join("a")).unwrap(), b"as it was");
}

#[tokio::test]
async fn of_many_that_write_on_the_condition_of_one_tag_one_does() {
    let hub = TestHub::new().await;
    let place = mounted(&hub, "m").await;
    let client = hub.client(hub.token("rw", &[Scope::FilesRead, Scope::FilesWrite]));
    let path = MountPath::plain("a").unwrap();
    let write = async |condition: &Precondition, text: String| {
        let body = Body::from(text);
        client.write_file(&place, &path, condition, body).await
    };
    let mut tag = write(&Precondition::None, "first".into())
        .await
        .unwrap()
        .etag;
    for round in 0..30 {
        let condition = Precondition::Etag(tag);
        let writing = (0..6).map(|writer| write(&condition, format!("{round} {writer}")));
        let written = futures_util::future::join_all(writing).await;
        let mut done = written.into_iter().filter_map(Result::ok);
        tag = done.next().expect("nobody wrote").etag;
        assert_eq!(done.count(), 0, "more than one wrote in round {round}");
    }
}

#[tokio::test]
async fn an_upload_that_is_refused_is_told_why_however_much_was_on_its_way() {
    let hub = TestHub::new().await;
    let place = mounted(&hub, "m").await;
    let client = hub.client(hub.token("rw", &[Scope::FilesRead, Scope::FilesWrite]));
    for _ in 0..40 {
        let path = MountPath::plain("nodir/x").unwrap();
        let body = Body::from(vec![0; 3 << 20]);
        let written = client.write_file(&place, &path, &Precondition::None, body);
        assert_eq!(refused(written.await).code, Code::FsNotFound);
    }
}

#[test]
fn a_file_that_is_written_has_no_name_that_a_kill_would_leave() {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir_in("/tmp").unwrap();
    let real = directory.path().canonicalize().unwrap();
    let files = Contained::open(&real, std::slice::from_ref(&real)).unwrap();
    let path = MountPath::plain("a").unwrap();
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir(&real).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    };
    for (precondition, before) in [(Precondition::Absent, 0), (Precondition::None, 1)] {
        let mut written = files.write(&path, precondition).unwrap();
        written.write_all(b"whole").unwrap();
        assert_eq!(names().len(), before, "{:?}", names());
        // What ends with the process is not removed by anybody.
        std::mem::forget(files.write(&path, Precondition::None).unwrap());
        let stat = written.finish().unwrap();
        assert_eq!((stat.size, names()), (5, vec!["a".to_owned()]));
        let mode = real.join("a").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
}

#[tokio::test]
async fn a_copy_that_nobody_waits_for_is_not_made() {
    let hub = TestHub::new().await;
    let files = Contained::open(&hub.files(), &[hub.files()]).unwrap();
    std::fs::write(hub.files().join("a"), "a").unwrap();
    let path = |name: &str| MountPath::plain(name).unwrap();
    let nobody = CancellationToken::new();
    nobody.cancel();
    let copied = files.copy(&path("a"), &path("b"), false, &nobody);
    assert_eq!(copied.unwrap_err().code, Code::DeadlineExceeded);
    let names = std::fs::read_dir(hub.files()).unwrap();
    assert_eq!(names.count(), 1, "nothing of it is left");
}

#[tokio::test]
async fn a_tree_whose_removal_nobody_waits_for_is_left_where_it_is() {
    let hub = TestHub::new().await;
    let files = Contained::open(&hub.files(), &[hub.files()]).unwrap();
    std::fs::create_dir_all(hub.files().join("tree/deep")).unwrap();
    std::fs::write(hub.files().join("tree/deep/a"), "a").unwrap();
    let tree = MountPath::plain("tree").unwrap();
    let nobody = CancellationToken::new();
    nobody.cancel();
    let removed = files.remove(&tree, Removal::Tree, &nobody);
    assert_eq!(removed.unwrap_err().code, Code::DeadlineExceeded);
    assert!(hub.files().join("tree/deep/a").exists());
    let somebody = CancellationToken::new();
    files.remove(&tree, Removal::Tree, &somebody).unwrap();
    assert!(!hub.files().join("tree").exists());
}

#[tokio::test]
async fn a_listing_tells_what_a_link_leads_to_and_not_what_is_outside() {
    use std::os::unix::fs::symlink;
    let hub = TestHub::new().await;
    let files = Contained::open(&hub.files(), &[hub.files()]).unwrap();
    std::fs::create_dir_all(hub.files().join("deep/links")).unwrap();
    std::fs::write(hub.files().join("a"), "a").unwrap();
    for (name, target) in [
        ("1 file", "../../a"),
        ("2 directory", "../../deep"),
        ("3 nothing", "none"),
        ("4 outside", "/etc"),
        ("5 round", "5 round"),
    ] {
        symlink(target, hub.files().join("deep/links").join(name)).unwrap();
    }
    let path = MountPath::plain("deep/links").unwrap();
    let listed = files.list(&path, None, 0).unwrap().entries;
    assert!(listed.iter().all(|entry| entry.kind == Kind::Symlink));
    let targets: Vec<_> = listed.iter().map(|entry| entry.target).collect();
    let wanted = [Some(Kind::File), Some(Kind::Directory), None, None, None];
    assert_eq!(targets, wanted);
}

/// Makes directories one in the other; now and then something else is beside the next.
fn make_deep(directory: &std::path::Path, levels: usize) {
    use rustix::fs::{Mode, OFlags, mkdirat, open, openat, symlinkat};
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = open(directory, flags, Mode::empty()).unwrap();
    for level in 0..levels {
        mkdirat(&at, "d", Mode::RWXU).unwrap();
        if level % 50 < 2 {
            mkdirat(&at, "empty", Mode::RWXU).unwrap();
            symlinkat("../kept", &at, "link").unwrap();
        }
        at = openat(&at, "d", flags, Mode::empty()).unwrap();
    }
}

#[tokio::test]
async fn a_tree_that_is_deeper_than_any_stack_is_removed_and_the_hub_goes_on() {
    let hub = TestHub::new().await;
    let place = mounted(&hub, "m").await;
    let client = hub.client(hub.token("rw", &[Scope::FilesRead, Scope::FilesWrite]));
    std::fs::create_dir(hub.files().join("kept")).unwrap();
    std::fs::write(hub.files().join("kept/a"), "a").unwrap();
    std::fs::create_dir(hub.files().join("tree")).unwrap();
    make_deep(&hub.files().join("tree"), 5_000);
    let removed = client.call_within::<FsRemove>(
        RemoveParams {
            place,
            path: "tree".into(),
            removal: Removal::Tree,
        },
        Duration::from_secs(300),
        None,
    );
    removed.await.unwrap();
    assert!(!hub.files().join("tree").exists());
    assert!(hub.files().join("kept/a").exists());
}

#[tokio::test]
async fn an_upload_that_is_refused_is_not_begun_and_told_why_however_long_it_is() {
    let hub = TestHub::new().await;
    let place = mounted(&hub, "m").await;
    let client = hub.client(hub.token("rw", &[Scope::FilesRead, Scope::FilesWrite]));
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0; 64 << 10]));
    let path = MountPath::plain("nodir/x").unwrap();
    let body = Body::from_stream(endless);
    let written = client.write_file(&place, &path, &Precondition::None, body);
    assert_eq!(refused(written.await).code, Code::FsNotFound);
}

#[tokio::test]
async fn a_body_that_ends_too_early_leaves_the_file_as_it_was() {
    let hub = TestHub::new().await;
    mounted(&hub, "m").await;
    std::fs::write(hub.files().join("a"), "as it was").unwrap();
    let token = hub.token("w", &[Scope::FilesWrite]).reveal_once();
    {
        use tokio::io::AsyncWriteExt as _;
        let mut stream = tokio::net::TcpStream::connect(hub.address()).await.unwrap();
        let head = format!(
            "PUT /v1/files/m/a HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: 1000\r\n\r\nhalf"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    let left = until(async || {
        let names: Vec<String> = std::fs::read_dir(hub.files())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        (names == ["a"]).then_some(names)
    });
    left.await;
    assert_eq!(std::fs::read(hub.files().join("a")).unwrap(), b"as it was");
}

#[tokio::test]
async fn a_path_in_an_address_is_decoded_once_and_never_climbs() {
    let hub = TestHub::new().await;
    mounted(&hub, "m").await;
    std::fs::write(hub.directory.path().join("secret"), "secret").unwrap();
    let token = hub.token("r", &[Scope::FilesRead]).reveal_once();
    for path in [
        "..%2fsecret",
        "%2e%2e/secret",
        "../secret",
        "a%2f..%2f..%2fsecret",
        "%5c..%5csecret",
        "%zz",
        "%00",
        "%252e%252e/secret",
        "%252e%252e%252fsecret",
        "..%5csecret",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "C:%5cx",
    ] {
        let answer = raw(&hub, &format!(
            "GET /v1/files/m/{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        )).await;
        assert!(!answer.contains("\r\n\r\nsecret"), "{path}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 40"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_directory_that_is_watched_tells_the_names_that_change_and_its_own_end() {
    let hub = TestHub::new().await;
    let place = mounted(&hub, "m").await;
    let directory = hub.files().join("d");
    std::fs::create_dir(&directory).unwrap();
    let client = hub.client(hub.token("r", &[Scope::FilesRead]));
    let path = MountPath::plain("d").unwrap();
    let changes = client.watch(&place, &path).await.unwrap();
    let mut changes = std::pin::pin!(changes);
    let mut next = async || {
        let next = tokio::time::timeout(Duration::from_secs(20), changes.next()).await;
        next.expect("nothing is told").unwrap().unwrap()
    };
    let entries = |names: &[&str]| Change::Entries {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    std::fs::write(directory.join("a"), "1").unwrap();
    assert_eq!(next().await, entries(&["a"]));
    std::fs::rename(directory.join("a"), directory.join("b")).unwrap();
    assert_eq!(next().await, entries(&["a", "b"]));
    std::fs::remove_file(directory.join("b")).unwrap();
    assert_eq!(next().await, entries(&["b"]));
    std::fs::rename(&directory, hub.files().join("elsewhere")).unwrap();
    assert_eq!(next().await, Change::Gone);

    std::fs::write(hub.files().join("file"), "").unwrap();
    std::os::unix::fs::symlink("/", hub.files().join("out")).unwrap();
    for (path, code) in [
        ("file", Code::FsNotADirectory),
        ("nothing", Code::FsNotFound),
        ("out", Code::PathOutsideRoot),
    ] {
        let path = MountPath::plain(path).unwrap();
        let watched = client.watch(&place, &path).await.map(|_| ());
        assert_eq!(refused(watched).code, code, "{path}");
    }
}

/// More than anybody reads before it is noticed that a token is revoked; it has no bytes on the disk.
const ENDLESS: u64 = 1 << 40;

#[tokio::test]
async fn what_goes_on_with_a_token_ends_when_it_is_revoked() {
    let hub = TestHub::new().await;
    let place = mounted(&hub, "m").await;
    let client = hub.client(hub.token("rw", &[Scope::FilesRead, Scope::FilesWrite]));
    let large = std::fs::File::create(hub.files().join("large")).unwrap();
    large.set_len(ENDLESS).unwrap();
    std::fs::write(hub.files().join("a"), "as it was").unwrap();

    let changes = client.watch(&place, &MountPath::root()).await.unwrap();
    let mut changes = std::pin::pin!(changes);
    let path = MountPath::plain("large").unwrap();
    let (_, mut body) = client.read_file(&place, &path, None).await.unwrap();
    body.next().await.unwrap().unwrap();
    let (parts, received) = tokio::sync::mpsc::channel::<std::io::Result<_>>(1);
    let received = stream::unfold(received, async |mut received| {
        Some((received.recv().await?, received))
    });
    let writing = tokio::spawn({
        let (client, place) = (client.clone(), place.clone());
        let path = MountPath::plain("a").unwrap();
        let body = Body::from_stream(received);
        async move {
            client
                .write_file(&place, &path, &Precondition::None, body)
                .await
        }
    });
    // More than is on its way at once: the hub writes it.
    for _ in 0..512 {
        parts.send(Ok(vec![0; 64 << 10])).await.unwrap();
    }
    let names = || std::fs::read_dir(hub.files()).unwrap().count();

    hub.running().hub().topology().revoke_token("rw").unwrap();
    let reading = async {
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        loop {
            pace.tick().await;
            match body.next().await {
                Some(Ok(_)) => {}
                other => return other,
            }
        }
    };
    let watching = async { while changes.next().await.is_some() {} };
    let all = async { tokio::join!(reading, writing, watching) };
    let ended = tokio::time::timeout(PATIENCE, all).await;
    let (read, written, ()) = ended.expect("it goes on");
    assert!(
        matches!(read, Some(Err(ClientError::Unreachable(..)))),
        "{read:?}"
    );
    assert_eq!(refused(written.unwrap()).code, Code::AuthRequired);
    until(async || (names() == 2).then_some(())).await;
    assert_eq!(std::fs::read(hub.files().join("a")).unwrap(), b"as it was");
}
