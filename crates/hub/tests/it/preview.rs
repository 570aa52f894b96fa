//! What a dry run says is what happens, and until then nothing does.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use podfleet_hub::client::ClientError;
use podfleet_hub::contained::{Contained, Precondition, Removal};
use podfleet_hub::fault::{Code, Fault};
use podfleet_hub::op::{
    EndpointAdd, EndpointAddParams, EndpointList, EndpointRemove, EndpointRemoveParams,
    EndpointRename, EndpointRenameParams, FsMkdir, FsStat, MkdirParams, MountAdd, MountAddParams,
    MountList, MountListParams, MountParams, MountRemove, MountReorder, MountReorderParams, Op,
    PathParams, Place,
};
use podfleet_hub::path::MountPath;
use podfleet_hub::preview::Preview;
use podfleet_hub::secret::Secret;
use podfleet_hub::token::Scope;
use podfleet_hub::wire::DEADLINE;
use podfleet_protocol::method::Nothing;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::home::{name, pair, reach};
use crate::surface::{mounted, refused};
use crate::world::TestHub;

/// Forms of paths, and what they are in [`tree`].
const PATHS: [&str; 12] = [
    "",
    "file",
    "dir",
    "dir/file",
    "empty",
    "inside",
    "out",
    "dangling",
    "missing",
    "missing/deep",
    "file/below",
    "dir/inner",
];

fn tree() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path().join("root");
    for directory in ["root/dir", "root/empty", "outside"] {
        fs::create_dir_all(tree.path().join(directory)).unwrap();
    }
    fs::write(root.join("file"), "bytes").unwrap();
    fs::write(root.join("dir/file"), "bytes").unwrap();
    for (link, target) in [("inside", "dir"), ("out", "../outside"), ("dangling", "no")] {
        symlink(target, root.join(link)).unwrap();
    }
    tree
}

fn files(tree: &TempDir) -> Contained {
    let base = tree.path().canonicalize().unwrap();
    Contained::open(&base.join("root"), &[base]).unwrap()
}

/// Every path below, with what is there; and when directories were last changed.
fn seen(root: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut seen = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let bytes = match metadata.is_file() {
            true => fs::read(&path).unwrap(),
            false => Vec::new(),
        };
        if metadata.is_dir() {
            seen.extend(self::seen(&path));
        }
        seen.push((path, bytes, metadata.modified().unwrap()));
    }
    seen.sort();
    seen
}

type Done<T> = Result<T, Fault>;
type Previewed<'a> = Box<dyn Fn(&Contained) -> Done<Preview> + 'a>;
type Doing<'a> = Box<dyn Fn(&Contained) -> Done<()> + 'a>;

/// Everything that can be done to files, with what says it in advance.
fn changes() -> Vec<(String, Previewed<'static>, Doing<'static>)> {
    let path = |text: &str| MountPath::plain(text).unwrap();
    let mut changes: Vec<(String, Previewed<'_>, Doing<'_>)> = Vec::new();
    for one in PATHS {
        for parents in [false, true] {
            changes.push((
                format!("mkdir {one:?} {parents}"),
                Box::new(move |files| files.preview_mkdir(&path(one), parents)),
                Box::new(move |files| files.mkdir(&path(one), parents).map(drop)),
            ));
        }
        for removal in [Removal::One, Removal::Tree] {
            let waited_for = CancellationToken::new;
            changes.push((
                format!("remove {one:?} {removal:?}"),
                Box::new(move |files| files.preview_remove(&path(one), removal, &waited_for())),
                Box::new(move |files| files.remove(&path(one), removal, &waited_for())),
            ));
        }
        for precondition in [Precondition::None, Precondition::Absent] {
            let asked = precondition.clone();
            changes.push((
                format!("write {one:?} {precondition:?}"),
                Box::new(move |files| files.preview_write(&path(one), &asked)),
                Box::new(move |files| {
                    let written = files.write(&path(one), precondition.clone())?;
                    written.finish().map(drop)
                }),
            ));
        }
        for (other, replace) in PATHS.iter().flat_map(|to| [(*to, false), (*to, true)]) {
            changes.push((
                format!("rename {one:?} {other:?} {replace}"),
                Box::new(move |files| files.preview_rename(&path(one), &path(other), replace)),
                Box::new(move |files| files.rename(&path(one), &path(other), replace)),
            ));
            let waited_for = CancellationToken::new;
            changes.push((
                format!("copy {one:?} {other:?} {replace}"),
                Box::new(move |files| files.preview_copy(&path(one), &path(other), replace)),
                Box::new(move |files| {
                    let copied = files.copy(&path(one), &path(other), replace, &waited_for());
                    copied.map(drop)
                }),
            ));
        }
    }
    changes
}

#[test]
fn a_dry_run_of_files_says_what_happens_and_is_nothing_by_itself() {
    let untouched = tree();
    let before = seen(untouched.path());
    let (mut would_change, mut wrong) = (0, Vec::new());
    for (change, preview, doing) in changes() {
        let would = preview(&files(&untouched));
        let tree = tree();
        let names = || {
            let seen = seen(tree.path()).into_iter();
            seen.map(|(path, bytes, _)| (path, bytes))
                .collect::<Vec<_>>()
        };
        let then = names();
        let did = doing(&files(&tree));
        let changes = would.as_ref().is_ok_and(|would| !would.effects.is_empty());
        let code = |fault: Fault| fault.code;
        let (would, did) = (would.map(drop).map_err(code), did.map_err(code));
        if would != did || (!changes && names() != then) {
            wrong.push(format!("{change}: it would be {would:?}, and is {did:?}"));
        }
        would_change += u32::from(changes);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(would_change > 50, "{would_change}");
    assert_eq!(seen(untouched.path()), before);
}

#[test]
fn what_would_be_replaced_and_removed_is_told() {
    let tree = tree();
    let files = files(&tree);
    let path = |text: &str| MountPath::plain(text).unwrap();
    let told = |preview: Done<Preview>| serde_json::to_value(preview.unwrap().effects).unwrap();
    assert_eq!(
        told(files.preview_rename(&path("file"), &path("dir/file"), true)),
        json!([
            { "thing": "file", "name": "dir/file", "change": "replaced", "detail": "5 bytes" },
            { "thing": "file", "name": "file", "change": "renamed", "to": "dir/file" },
        ])
    );
    let waited_for = CancellationToken::new();
    assert_eq!(
        told(files.preview_remove(&path("dir"), Removal::Tree, &waited_for)),
        json!([{
            "thing": "directory", "name": "dir", "change": "removed", "detail": "with 1 entry in it",
        }])
    );
    assert_eq!(
        told(files.preview_mkdir(&path("missing/deep"), true)),
        json!([
            { "thing": "directory", "name": "missing", "change": "made" },
            { "thing": "directory", "name": "missing/deep", "change": "made" },
        ])
    );
}

/// Everything that is recorded of a home, save how its machines are at this moment.
async fn recorded(home: &TestHub) -> (Vec<serde_json::Value>, serde_json::Value) {
    let owner = home.owner();
    let endpoints = owner.call::<EndpointList>(Nothing {}).await.unwrap();
    let endpoints = endpoints.endpoints.into_iter();
    let endpoints = endpoints.map(|view| json!([view.endpoint, view.dependents]));
    let mounts = owner.call::<MountList>(MountListParams::default()).await;
    let mounts = mounts.unwrap().mounts.into_iter();
    let mounts: Vec<_> = mounts.map(|view| json!(view.mount)).collect();
    (endpoints.collect(), json!(mounts))
}

async fn dry<O: Op>(home: &TestHub, params: O::Params) -> Result<Preview, ClientError> {
    home.owner().preview::<O>(params, DEADLINE, None).await
}

#[tokio::test]
async fn a_dry_run_of_adding_a_machine_tries_the_token_there() {
    let (home, spoke) = (TestHub::new().await, TestHub::new().await);
    let before = recorded(&home).await;
    let adding = async |token: Secret| {
        let params = EndpointAddParams {
            name: name("box"),
            reach: reach(&spoke),
            token: Some(token.into()),
        };
        let preview = dry::<EndpointAdd>(&home, params).await.unwrap();
        preview.effects[0].detail.clone().unwrap()
    };
    let taken = adding(spoke.token("home", &[Scope::FilesRead])).await;
    assert_eq!(taken, reach(&spoke).to_string());
    let refused = adding(home.token("mine", &[Scope::FilesRead])).await;
    assert!(
        refused.contains("it would be auth_failed: the token is unknown"),
        "{refused}"
    );
    assert_eq!(recorded(&home).await, before);
}

#[tokio::test]
async fn a_dry_run_of_the_topology_checks_all_and_records_nothing() {
    let (home, spoke) = pair().await;
    mounted(&home, "own").await;
    let before = recorded(&home).await;
    let removal = |cascade, expect| EndpointRemoveParams {
        name: name("box"),
        cascade,
        expect,
    };
    let removed = dry::<EndpointRemove>(&home, removal(true, None)).await;
    let root = spoke.files();
    assert_eq!(
        json!(removed.unwrap().effects),
        json!([
            { "thing": "endpoint", "name": "box", "change": "removed" },
            {
                "thing": "mount", "name": "m", "change": "removed",
                "detail": format!("{} stays", root.display()),
            },
        ])
    );
    let in_use = dry::<EndpointRemove>(&home, removal(false, None)).await;
    assert_eq!(refused(in_use).code, Code::EndpointInUse);
    let renaming = |new: &str| EndpointRenameParams {
        name: name("box"),
        new: name(new),
    };
    let renamed = dry::<EndpointRename>(&home, renaming("other")).await;
    assert_eq!(renamed.unwrap().effects[0].to.as_deref(), Some("other"));
    let mount = |name: &str, root: &Path| MountAddParams {
        mount: name.parse().unwrap(),
        endpoint: "box".parse().unwrap(),
        root: root.to_str().unwrap().to_owned(),
        unchecked: false,
    };
    let taken = dry::<MountAdd>(&home, mount("m", &root)).await;
    assert_eq!(refused(taken).code, Code::MountExists);
    // The machine itself is asked.
    let missing = dry::<MountAdd>(&home, mount("new", &root.join("no"))).await;
    assert_eq!(refused(missing).code, Code::FsNotFound);
    fs::create_dir(root.join("sub")).unwrap();
    let added = dry::<MountAdd>(&home, mount("new", &root.join("sub"))).await;
    assert_eq!(added.unwrap().effects.len(), 1);
    let moving = MountReorderParams {
        mount: "own".parse().unwrap(),
        position: 0,
    };
    let moved = dry::<MountReorder>(&home, moving).await.unwrap();
    assert_eq!(
        moved.effects[0].detail.as_deref(),
        Some("from place 1 to 0")
    );
    let gone = MountParams {
        mount: "m".parse().unwrap(),
    };
    dry::<MountRemove>(&home, gone).await.unwrap();
    assert_eq!(recorded(&home).await, before);
}

#[tokio::test]
async fn a_dry_run_is_asked_of_the_machine_that_would_do_it_and_needs_its_rights() {
    let (home, spoke) = pair().await;
    let place = || Place::Mount("m".parse().unwrap());
    let mkdir = |path: &str| MkdirParams {
        place: place(),
        path: path.into(),
        parents: false,
    };
    let made = dry::<FsMkdir>(&home, mkdir("new")).await.unwrap();
    assert_eq!(made.effects.len(), 1);
    assert!(!spoke.files().join("new").exists());
    fs::create_dir(spoke.files().join("there")).unwrap();
    let exists = refused(dry::<FsMkdir>(&home, mkdir("there")).await);
    assert_eq!(exists.code, Code::FsExists);
    assert_eq!(exists.endpoint.as_deref(), Some("box"));

    let path = MountPath::plain("file").unwrap();
    let owner = home.owner();
    let write = async |precondition| owner.preview_write(&place(), &path, &precondition).await;
    let written = write(Precondition::None).await.unwrap();
    assert_eq!(written.effects[0].change.word(), "written");
    assert!(!spoke.files().join("file").exists());
    fs::write(spoke.files().join("file"), "bytes").unwrap();
    let replaced = write(Precondition::None).await.unwrap();
    assert_eq!(replaced.effects[0].change.word(), "replaced");
    assert_eq!(
        refused(write(Precondition::Absent).await).code,
        Code::FsExists
    );

    let reads = home.client(home.token("reads", &[Scope::FilesRead]));
    let denied = reads.preview::<FsMkdir>(mkdir("new"), DEADLINE, None).await;
    assert_eq!(refused(denied).code, Code::AuthDenied);
    let place = place();
    let denied = reads.preview_write(&place, &path, &Precondition::None);
    assert_eq!(refused(denied.await).code, Code::AuthDenied);
    // What changes nothing has none.
    let stat = PathParams {
        place,
        path: "file".into(),
    };
    let none = refused(dry::<FsStat>(&home, stat).await);
    assert_eq!(none.code, Code::RequestInvalid);
}
