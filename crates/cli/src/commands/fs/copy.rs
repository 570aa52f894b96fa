//! Bytes of files: to standard output, from standard input, from mount to mount.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use podfleet_hub::client::{Body, ClientError};
use podfleet_hub::contained::Precondition;
use podfleet_hub::preview::{Change, Effect, Thing};
use tokio::io::AsyncRead;
use tokio::time::interval_at;
use tokio_util::io::ReaderStream;

use super::{MountedPath, OneArgs, TwoArgs, tell};
use crate::commands::json_flag::JsonFlag;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::exit::Exit;
use crate::hub::{ChangeArgs, HubArgs};
use crate::output::Own;
use crate::render::bytes::size;

/// A copy that is done sooner shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often progress is shown.
const EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(crate) struct PutArgs {
    /// The file to write
    #[arg(value_name = "MOUNT:PATH")]
    path: MountedPath,
    /// Where the bytes are from [default: standard input]
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Fail if it is there already
    #[arg(long, conflicts_with = "if_match")]
    new: bool,
    /// Fail unless it still has this tag, as `fleet fs stat` shows it
    #[arg(long, value_name = "TAG")]
    if_match: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn cat(args: &OneArgs, context: &Context) -> Outcome {
    let client = args.hub.client(context)?;
    let path = args.path.checked(&client).await?;
    let (head, mut body) = client.read_file(&args.path.place(), &path, None).await?;
    // The output of a command is text; these are bytes, and go out as they are.
    let stdout = std::io::stdout();
    let mut progress = Progress::new(head.length, stdout.is_terminal());
    let mut output = Own(stdout.lock());
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(torn)?;
        output.write_all(&bytes)?;
        progress.add(bytes.len());
    }
    output.flush()?;
    progress.end();
    Ok(Exit::Success)
}

pub(super) async fn put(args: &PutArgs, context: &mut Context) -> Outcome {
    let precondition = match (&args.if_match, args.new) {
        (Some(tag), _) => Precondition::Etag(tag.clone()),
        (None, true) => Precondition::Absent,
        (None, false) => Precondition::None,
    };
    let named = args.file.as_deref().filter(|file| *file != Path::new("-"));
    let (source, length): (Box<dyn AsyncRead + Send + Unpin>, _) = match named {
        Some(file) => {
            let fault = |error| {
                Error::new(Exit::Usage, anyhow::Error::from(error))
                    .context(format!("{} cannot be read", file.display()))
            };
            let opened: std::fs::File = std::fs::File::open(file).map_err(fault)?;
            let found = opened.metadata().map_err(fault)?;
            let length = found.is_file().then_some(found.len());
            (Box::new(tokio::fs::File::from_std(opened)), length)
        }
        None => (Box::new(tokio::io::stdin()), None),
    };
    if args.change.is_dry() {
        let client = args.change.hub.client(context)?;
        let (place, path) = (args.path.place(), args.path.checked(&client).await?);
        let looked = client.preview_write(&place, &path, &precondition);
        return tell(looked.await?, &args.path, context);
    }
    let bytes = ReaderStream::with_capacity(source, 256 << 10);
    let body = with_progress(bytes, length);
    write(&args.change.hub, context, &args.path, &precondition, body).await
}

/// Shows how long a copy lasts of which no more can be told, since the machine makes it by itself.
pub(super) async fn timed<T>(copying: impl Future<Output = T>) -> T {
    let begun = tokio::time::Instant::now();
    let mut ticks = interval_at(begun + PATIENCE, Duration::from_secs(1));
    tokio::pin!(copying);
    let mut progress = Progress::new(None, false);
    loop {
        tokio::select! {
            done = &mut copying => return done,
            _ = ticks.tick(), if !progress.silent => {
                let seconds = begun.elapsed().as_secs();
                progress.show(&format!("copied there, {seconds} s"));
            }
        }
    }
}

/// Copies a file from mount to mount, through here.
pub(super) async fn between(args: &TwoArgs, context: &mut Context) -> Outcome {
    let client = args.change.hub.client(context)?;
    let path = args.from.checked(&client).await?;
    let (head, body) = client.read_file(&args.from.place(), &path, None).await?;
    let precondition = match args.force {
        true => Precondition::None,
        false => Precondition::Absent,
    };
    if args.change.is_dry() {
        let (place, path) = (args.to.place(), args.to.checked(&client).await?);
        let looked = client.preview_write(&place, &path, &precondition);
        let mut preview = looked
            .await?
            .named(|path| format!("{}:{path}", args.to.mount));
        preview
            .effects
            .retain(|effect| effect.change == Change::Replaced);
        let copied = Effect::new(Thing::File, &args.from, Change::Copied);
        preview.effects.push(copied.to(&args.to));
        return crate::hub::change::tell(&preview, JsonFlag { json: false }, context);
    }
    let body = with_progress(body, head.length);
    write(&args.change.hub, context, &args.to, &precondition, body).await
}

async fn write(
    hub: &HubArgs,
    context: &Context,
    to: &MountedPath,
    precondition: &Precondition,
    body: Body,
) -> Outcome {
    let client = hub.client(context)?;
    let path = to.checked(&client).await?;
    client
        .write_file(&to.place(), &path, precondition, body)
        .await?;
    Ok(Exit::Success)
}

fn torn(error: ClientError) -> Error {
    const PART: &str = "only a part of the file came";
    match error {
        // Its end does not tell whether the hub broke off or the machine behind it.
        ClientError::Unreachable(_, detail) => {
            Error::message(Exit::System, format!("{PART}: {detail}"))
                .hint("`fleet endpoint list` says whether the machine is there; then copy it again")
        }
        error => Error::from(error).context(PART),
    }
}

fn with_progress<E>(
    bytes: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    length: Option<u64>,
) -> Body
where
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let mut progress = Progress::new(length, false);
    Body::from_stream(bytes.inspect(move |bytes| {
        if let Ok(bytes) = bytes {
            progress.add(bytes.len());
        }
    }))
}

/// A line on the terminal that says how far a long copy is.
struct Progress {
    begun: Instant,
    shown: Option<Instant>,
    done: u64,
    length: Option<u64>,
    silent: bool,
}

impl Progress {
    /// `crowded`: the bytes themselves go to the terminal.
    fn new(length: Option<u64>, crowded: bool) -> Self {
        Self {
            begun: Instant::now(),
            shown: None,
            done: 0,
            length,
            silent: crowded || !std::io::stderr().is_terminal(),
        }
    }

    fn add(&mut self, count: usize) {
        self.done += count as u64;
        let now = Instant::now();
        let due = match self.shown {
            None => now - self.begun >= PATIENCE,
            Some(last) => now - last >= EVERY,
        };
        if due && !self.silent {
            self.show(&self.so_far());
        }
    }

    /// Puts a line in the place of the one before.
    fn show(&mut self, line: &str) {
        self.shown = Some(Instant::now());
        // Nobody has to see it.
        let _ = std::io::stderr().write_all(format!("\r{line}\x1b[K").as_bytes());
    }

    fn so_far(&self) -> String {
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people"
        )]
        let rate = size((self.done as f64 / seconds) as u64);
        let whole = match self.length {
            Some(length) if length > 0 => {
                format!(" of {} ({} %)", size(length), self.done * 100 / length)
            }
            _ => String::new(),
        };
        format!("{}{whole}, {rate}/s", size(self.done))
    }

    fn end(&mut self) {
        if self.shown.take().is_some() {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
