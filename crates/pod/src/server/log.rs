//! `log`: pages of the session log.

use std::path::PathBuf;

use podfleet_pod_store::session_log::{
    LogError, LogErrorKind, LogPosition, Record, SessionFiles, SessionReader,
};
use podfleet_protocol::LogCursor;
use podfleet_protocol::limits::PAGE_BYTES;
use podfleet_protocol::method::{LogParams, LogResult};
use podfleet_protocol::rpc::{ErrorCode, RpcError};
use serde_json::{Map, Value};

use super::inbox::page_size;
use crate::shared::Shared;

/// Reads a page.
pub(super) async fn read(shared: &Shared, params: LogParams) -> Result<LogResult, RpcError> {
    if params.from.is_some() && params.last.is_some() {
        return Err(RpcError::new(
            ErrorCode::InvalidParams,
            "the parameters do not fit `log`: `from` and `last` exclude each other",
        ));
    }
    let session = params.from.map_or(shared.session, |from| from.session);
    let files = SessionFiles::new(&shared.state_dir, shared.identity.id, session);
    let page = tokio::task::spawn_blocking(move || page(&files, &params));
    page.await
        .map_err(|error| RpcError::new(ErrorCode::Internal, error.to_string()))?
}

fn page(files: &SessionFiles, params: &LogParams) -> Result<LogResult, RpcError> {
    let fault = |error: LogError| match error.kind() {
        LogErrorKind::Shrunk => no_such_place(files),
        _ => RpcError::new(ErrorCode::Storage, error.to_string()),
    };
    let mut reader = open(files, params)?.skip_corrupt(true);
    let limit = page_size(params.limit) as usize;
    let (mut records, mut bytes, mut overlong) = (Vec::new(), 0, 0);
    let mut next = reader.position();
    let end = loop {
        if records.len() >= limit {
            break false;
        }
        let Some(found) = reader.next().transpose().map_err(fault)? else {
            break true;
        };
        let after = reader.position();
        let length = usize::try_from(after.offset.saturating_sub(found.position.offset))
            .unwrap_or(usize::MAX);
        if bytes > 0 && bytes + length > PAGE_BYTES {
            break false;
        }
        match fields(&found.record) {
            // One line of the protocol has to hold the page.
            Some(fields) if length <= 3 * PAGE_BYTES => {
                records.push(fields);
                bytes += length;
            }
            _ => overlong += 1,
        }
        next = after;
    };
    if end {
        next = reader.position();
    }
    Ok(LogResult {
        session: files.session(),
        records,
        skipped: reader.skipped() + overlong,
        next: LogCursor {
            session: files.session(),
            segment: next.segment,
            offset: next.offset,
        },
        end,
    })
}

fn open(files: &SessionFiles, params: &LogParams) -> Result<SessionReader, RpcError> {
    let opened = match (params.from, params.last) {
        (Some(from), _) => {
            let there: PathBuf = files.segment(from.segment);
            if !there.is_file() {
                return Err(no_such_place(files));
            }
            let position = LogPosition {
                segment: from.segment,
                offset: from.offset,
            };
            SessionReader::from_position(files.clone(), position)
        }
        (None, Some(last)) => SessionReader::tail(files.clone(), last.into()),
        (None, None) => SessionReader::open(files.clone()),
    };
    opened.map_err(|error| RpcError::new(ErrorCode::Storage, error.to_string()))
}

fn no_such_place(files: &SessionFiles) -> RpcError {
    RpcError::new(
        ErrorCode::NoSuchCursor,
        format!(
            "this pod has no such place in a log of the session {}",
            files.session()
        ),
    )
}

fn fields(record: &Record) -> Option<Map<String, Value>> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}
