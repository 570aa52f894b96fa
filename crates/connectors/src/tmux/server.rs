//! The socket at which people sit: it shows them the history and takes what they say.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::BufReader;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Shared;
use super::entry::{ChatFile, Draft, Side};
use super::wire::{self, MAX_TEXT, Reply, Request, Say};

/// How many people may sit at the chat at once.
const MAX_CLIENTS: usize = 32;
/// How many entries are in memory at once.
const PAGE: usize = 200;
/// Characters of a name, at most.
const MAX_NAME: usize = 64;
/// The pause after a connection that could not be taken up.
const PAUSE: Duration = Duration::from_millis(200);

/// The listening socket. Dropping it ends every connection and removes the socket's file.
pub(super) struct Server {
    /// Aborted when it is dropped.
    _accepting: JoinSet<()>,
    path: PathBuf,
}

/// Listens.
///
/// # Errors
/// Fails when the socket cannot be made. What a process that is gone left in its place is removed:
/// the history's lock says that no other one lives.
pub(super) fn open(shared: Arc<Shared>) -> io::Result<Server> {
    let path = shared.place.socket.clone();
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
    let mut accepting = JoinSet::new();
    accepting.spawn(accept(listener, shared));
    Ok(Server {
        _accepting: accepting,
        path,
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that is gone already does no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                clients.spawn(async move {
                    // A client that goes away in mid-word is nobody's fault.
                    let _ = attend(stream, &shared).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn attend(stream: UnixStream, shared: &Arc<Shared>) -> io::Result<()> {
    let (from, mut to) = stream.into_split();
    let mut from = BufReader::new(from);
    let Some(Request::Hello { last, sender }) = wire::read(&mut from).await? else {
        return Ok(());
    };
    let sender: String = sender.chars().filter(|c| !c.is_control()).collect();
    let sender: String = sender.chars().take(MAX_NAME).collect();
    let (read, end) = shared
        .with(|history| Ok((history.read_up_to(), history.last())))
        .await?;
    wire::write(&mut to, &Reply::Welcome(read)).await?;
    let begin = read.min(end.saturating_sub(last));
    let (replies, answers) = tokio::sync::mpsc::channel(16);
    tokio::select! {
        listened = listen(from, shared, &sender, &replies) => listened,
        shown = show(to, shared, begin, answers) => shown,
    }
}

/// Takes what the person says.
async fn listen(
    mut from: BufReader<OwnedReadHalf>,
    shared: &Arc<Shared>,
    sender: &str,
    replies: &tokio::sync::mpsc::Sender<Reply>,
) -> io::Result<()> {
    while let Some(request) = wire::read(&mut from).await? {
        let reply = match request {
            Request::Hello { .. } => continue,
            Request::Read(seq) => {
                shared.with(move |history| history.mark_read(seq)).await?;
                continue;
            }
            Request::Prune(old) => match shared.with(move |history| history.prune(old)).await {
                Ok(entries) => Reply::Pruned(entries),
                Err(error) => Reply::NotPruned(error.to_string()),
            },
            Request::Say(say) => {
                let id = say.id.clone();
                match take(shared, say, sender).await {
                    Ok(()) => Reply::Taken(id),
                    Err(error) => refusal(id, &error),
                }
            }
        };
        if replies.send(reply).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Tells why something is not in the history. What the chat does not take is an invalid input.
fn refusal(id: String, error: &io::Error) -> Reply {
    Reply::Refused {
        id,
        why: error.to_string(),
        failed: error.kind() != io::ErrorKind::InvalidInput,
    }
}

async fn take(shared: &Arc<Shared>, say: Say, sender: &str) -> io::Result<()> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if say.text.len() > MAX_TEXT {
        return refuse("it is longer than 1 MiB");
    }
    if say.text.trim().is_empty() && say.files.is_empty() {
        return refuse("it is empty");
    }
    let mut files = Vec::new();
    for path in say.files {
        let named = |why: &str| {
            let text = format!("{}: {why}", path.display());
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let found = tokio::fs::metadata(&path).await;
        let found = found.map_err(|error| named(&error.to_string()))?;
        if !path.is_absolute() || !found.is_file() {
            return Err(named("it is no file"));
        }
        files.push(ChatFile {
            name: path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            media_type: crate::media_type::of(&path).to_owned(),
            path,
        });
    }
    let draft = Draft {
        id: say.id,
        from: Side::Human,
        sender: sender.to_owned(),
        text: say.text,
        thread: say.thread,
        reply_to: say.reply_to,
        files,
        at: SystemTime::now(),
    };
    shared.with(move |history| history.append(draft)).await?;
    Ok(())
}

/// Shows the history after a place, what comes, and what became of what was said.
async fn show(
    mut to: OwnedWriteHalf,
    shared: &Arc<Shared>,
    mut position: u64,
    mut answers: tokio::sync::mpsc::Receiver<Reply>,
) -> io::Result<()> {
    let mut last = shared.last.subscribe();
    loop {
        last.borrow_and_update();
        let entries = shared
            .with(move |history| history.after(position, PAGE))
            .await?;
        for entry in entries {
            position = entry.seq;
            wire::write(&mut to, &Reply::Entry(entry)).await?;
        }
        if *last.borrow() > position {
            continue;
        }
        tokio::select! {
            changed = last.changed() => if changed.is_err() { return Ok(()) },
            Some(answer) = answers.recv() => wire::write(&mut to, &answer).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_kept_is_told_apart_from_what_is_not_taken() {
        let failed = |kind: io::ErrorKind| match refusal("a".into(), &kind.into()) {
            Reply::Refused { failed, .. } => failed,
            other => panic!("{other:?}"),
        };
        assert!(failed(io::ErrorKind::StorageFull));
        assert!(failed(io::ErrorKind::PermissionDenied));
        assert!(!failed(io::ErrorKind::InvalidInput));
    }
}
