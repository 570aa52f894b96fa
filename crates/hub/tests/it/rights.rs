//! What each right is needed for.

use axum::body::Body;
use podfleet_hub::client::HubClient;
use podfleet_hub::contained::Precondition;
use podfleet_hub::fault::Code;
use podfleet_hub::op::{FsRoot, FsStat, PathParams, Place, PtyOpen, PtyOpenParams, RootParams};
use podfleet_hub::path::MountPath;
use podfleet_hub::token::Scope;
use podfleet_protocol::{PodId, Size};

use crate::surface::refused;
use crate::world::TestHub;

/// What is done with a directory that is named by its path; the codes of what is refused come back.
async fn by_path(client: &HubClient, root: &str) -> Vec<(&'static str, Code)> {
    let (place, path) = (Place::Root(root.to_owned()), MountPath::plain("a").unwrap());
    let stat = PathParams {
        place: place.clone(),
        path: "a".into(),
    };
    let open = PtyOpenParams {
        session: PodId::generate(),
        name: "sh".parse().unwrap(),
        root: root.to_owned(),
        cwd: String::new(),
        // A right is looked at before a command is.
        command: vec![String::new()],
        size: Size::DEFAULT,
    };
    let of_root = RootParams {
        root: root.to_owned(),
    };
    let body = Body::from("written");
    let written = client.write_file(&place, &path, &Precondition::None, body);
    let done = [
        ("fs.root", client.call::<FsRoot>(of_root).await.map(drop)),
        ("fs.stat", client.call::<FsStat>(stat).await.map(drop)),
        ("get", client.read_file(&place, &path, None).await.map(drop)),
        ("watch", client.watch(&place, &path).await.map(drop)),
        ("put", written.await.map(drop)),
        ("pty.open", client.call::<PtyOpen>(open).await.map(drop)),
    ];
    let refusal =
        |(what, done): (_, Result<(), _>)| Some((what, refused(Err::<(), _>(done.err()?)).code));
    done.into_iter().filter_map(refusal).collect()
}

#[tokio::test]
async fn a_directory_that_is_named_by_its_path_needs_the_right_that_a_mount_does() {
    let hub = TestHub::new().await;
    std::fs::create_dir(hub.files().join("a")).unwrap();
    let root = hub.files().to_str().unwrap().to_owned();
    let denied = async |scopes: &[Scope]| {
        let name = format!("{scopes:?}");
        let found = by_path(&hub.client(hub.token(&name, scopes)), &root).await;
        let denied = found
            .into_iter()
            .filter(|(_, code)| *code == Code::AuthDenied);
        denied.map(|(what, _)| what).collect::<Vec<_>>()
    };
    let all = ["fs.root", "fs.stat", "get", "watch", "put", "pty.open"];
    assert_eq!(denied(&[Scope::Observe, Scope::Message]).await, all);
    assert_eq!(denied(&[Scope::FilesRead]).await, ["put", "pty.open"]);
    let writes = denied(&[Scope::FilesWrite]).await;
    assert_eq!(writes, ["fs.root", "fs.stat", "get", "watch", "pty.open"]);
    assert_eq!(denied(&[Scope::Pty]).await, all[..5]);
    let outside = by_path(&hub.owner(), "/etc").await;
    assert_eq!(outside.len(), all.len());
    let codes = outside.into_iter().map(|(_, code)| code);
    let codes = codes.filter(|code| *code != Code::PathOutsideRoot);
    // A program that is none is refused first.
    assert_eq!(codes.collect::<Vec<_>>(), [Code::RequestInvalid]);
}
