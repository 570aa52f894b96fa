//! What a request that failed means.

use std::time::{Duration, SystemTime};

use ruma::api::error::{
    Error, ErrorBody, ErrorKind, FromHttpResponseError, LimitExceededErrorData, RetryAfter,
};

use crate::{ConnectorError, ConnectorErrorKind as Kind, Secret};

/// The largest event of the protocol in bytes.
const MAX_EVENT: u64 = 65_536;
/// Characters of what a server says that are passed on.
const MAX_SAID: usize = 300;

/// There was no answer, or not all of one.
pub(super) fn broken(doing: &'static str, error: reqwest::Error) -> ConnectorError {
    ConnectorError::new(Kind::Unreachable, doing).because(error.without_url())
}

/// There was an answer, and it is an error or cannot be read.
pub(super) fn refused(
    doing: &'static str,
    error: FromHttpResponseError<Error>,
    token: &Secret,
) -> ConnectorError {
    match error {
        FromHttpResponseError::Server(error) => {
            ConnectorError::new(kind(&error), doing).because(said(&error, token))
        }
        // Something between us and the server may have spoilt it: the same request is worth a try.
        other => ConnectorError::new(Kind::Unreachable, doing).because(other),
    }
}

fn kind(error: &Error) -> Kind {
    let code = error.error_kind().map(ErrorKind::errcode);
    let code: Option<&str> = code.as_ref().map(AsRef::as_ref);
    match (error.status_code.as_u16(), code) {
        (401, _) | (_, Some("M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" | "M_USER_DEACTIVATED")) => {
            Kind::Unauthenticated
        }
        (429, _) | (_, Some("M_LIMIT_EXCEEDED")) => Kind::RateLimited {
            retry_after: pause(error),
        },
        (413, _) | (_, Some("M_TOO_LARGE")) => Kind::TooLarge { limit: MAX_EVENT },
        (403, _) => Kind::Forbidden,
        (404, _) | (_, Some("M_UNRECOGNIZED")) => Kind::NotFound,
        (408 | 500.., _) => Kind::Unreachable,
        // No word of the protocol, but of something between us and the server.
        (_, None) => Kind::Unreachable,
        _ => Kind::Protocol,
    }
}

fn pause(error: &Error) -> Option<Duration> {
    match error.error_kind()? {
        ErrorKind::LimitExceeded(LimitExceededErrorData {
            retry_after: Some(after),
            ..
        }) => match after {
            RetryAfter::Delay(pause) => Some(*pause),
            RetryAfter::DateTime(at) => {
                Some(at.duration_since(SystemTime::now()).unwrap_or_default())
            }
        },
        _ => None,
    }
}

/// Returns what the server says, without what it may have repeated of the request.
fn said(error: &Error, token: &Secret) -> String {
    match &error.body {
        ErrorBody::Standard(body) => {
            let said = body.message.replace(token.expose(), "…");
            let said: String = said.chars().take(MAX_SAID).collect();
            match said.trim() {
                "" => body.kind.errcode().to_string(),
                said => format!("{said} ({})", body.kind.errcode()),
            }
        }
        ErrorBody::Json(_) | ErrorBody::NotJson { .. } => {
            format!("the homeserver answered {}", error.status_code)
        }
    }
}
