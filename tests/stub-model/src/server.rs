//! The server: HTTP around script and dialects.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::dialect::{Dialect, StreamEvent};
use crate::request::Record;
use crate::script::{Decision, Failure, Rule, Script};

/// The largest request that is read, in bytes: a long conversation with all its tools.
const MAX_REQUEST: usize = 32 << 20;
/// How often it is looked whether a held answer may go.
const HOLD_LOOK: Duration = Duration::from_millis(10);

/// What a server is given.
#[derive(Debug, Clone)]
pub struct Options {
    /// The script: a file with a JSON array of rules.
    pub script: PathBuf,
    /// The file to which each request is appended.
    pub record: PathBuf,
}

struct Model {
    script: Script,
    record: Mutex<File>,
}

/// Runs the server for `SCRIPT RECORD` in the arguments of this process: it binds a free port of
/// loopback, prints `http://127.0.0.1:PORT`, and ends with its standard input.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(script), Some(record)) = (arguments.next(), arguments.next()) else {
        return fail("usage: stub-model SCRIPT RECORD");
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = runtime.and_then(|runtime| runtime.block_on(run(&Options { script, record })));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(why: &str) -> ExitCode {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "stub-model: {why}");
    ExitCode::FAILURE
}

async fn run(options: &Options) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    writeln!(io::stdout(), "http://{}", listener.local_addr()?)?;
    tokio::select! {
        served = serve(options, listener) => served,
        _ = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())) => Ok(()),
    }
}

/// Serves on a listener until it is dropped.
///
/// # Errors
/// Fails when the script cannot be read or the record cannot be opened.
pub async fn serve(options: &Options, listener: TcpListener) -> io::Result<()> {
    let rules: Vec<Rule> = serde_json::from_slice(&std::fs::read(&options.script)?)?;
    let record = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&options.record)?;
    let model = Arc::new(Model {
        script: Script::new(rules),
        record: Mutex::new(record),
    });
    let router = Router::new()
        .fallback(any(answer))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(model);
    axum::serve(listener, router).await
}

async fn answer(
    State(model): State<Arc<Model>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(dialect) = Dialect::of_path(uri.path()) else {
        return other(uri.path());
    };
    let parsed = match headers.get(header::CONTENT_ENCODING) {
        None => serde_json::from_slice::<Value>(&body).map_err(|error| error.to_string()),
        Some(encoding) => Err(format!("cannot read the encoding {encoding:?}")),
    };
    let body = match parsed {
        Ok(body) => body,
        Err(why) => return (StatusCode::BAD_REQUEST, Json(json!({"error": why}))).into_response(),
    };
    let mut asked = Record::read(dialect, &body);
    let decision = model.script.decide(&asked);
    asked.rule.clone_from(&decision.rule);
    model.write(&asked);
    give(&asked, decision).await
}

impl Model {
    fn write(&self, asked: &Record) {
        let line = serde_json::to_vec(asked).map(|line| [line, vec![b'\n']].concat());
        let mut file = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let written = line
            .map_err(io::Error::other)
            .and_then(|line| file.write_all(&line));
        if let Err(error) = written {
            // The test that reads it will miss it.
            let _ = writeln!(io::stderr(), "stub-model: cannot record: {error}");
        }
    }
}

async fn give(asked: &Record, decision: Decision) -> Response {
    if let Some(file) = &decision.hold {
        appears(file).await;
    }
    let reply = match decision.outcome {
        Ok(reply) => reply,
        Err(failure) => return failed(&failure),
    };
    if !asked.stream {
        return Json(asked.dialect.whole(&reply, &asked.model)).into_response();
    }
    let events = asked.dialect.stream(&reply, &asked.model).into_iter();
    let pace = decision.pace;
    let events = stream::unfold(events, move |mut events| async move {
        let event = events.next()?;
        if event.is_word && !pace.is_zero() {
            tokio::time::sleep(pace).await;
        }
        Some((Ok::<_, Infallible>(sent(&event)), events))
    });
    Sse::new(events).into_response()
}

fn sent(event: &StreamEvent) -> Event {
    let data = Event::default().data(&event.data);
    match &event.name {
        Some(name) => data.event(name),
        None => data,
    }
}

async fn appears(file: &Path) {
    while !file.exists() {
        tokio::time::sleep(HOLD_LOOK).await;
    }
}

/// The error body is read by clients of all dialects.
fn failed(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let error = json!({"type": "api_error", "message": failure.message});
    let body = Json(json!({"type": "error", "error": error}));
    match failure.retry_after {
        Some(seconds) => {
            (status, [(header::RETRY_AFTER, seconds.to_string())], body).into_response()
        }
        None => (status, body).into_response(),
    }
}

/// What agents ask besides: which models there are, how long a text is, whether anybody is there.
fn other(path: &str) -> Response {
    let models = json!({
        "object": "list",
        "data": [{"id": "stub-model", "object": "model", "owned_by": "stub", "type": "model"}],
        "models": [],
    });
    match path {
        "/" => Json(json!({})).into_response(),
        path if path.ends_with("/models") => Json(models).into_response(),
        path if path.ends_with("/count_tokens") => Json(json!({"input_tokens": 1})).into_response(),
        _ => {
            let error = json!({"type": "not_found_error", "message": "the stub has no such path"});
            (StatusCode::NOT_FOUND, Json(json!({"error": error}))).into_response()
        }
    }
}
