//! What Discord's failures mean.

use std::time::Duration;

use reqwest::StatusCode;

use super::wire::Fault;
use crate::{ConnectorError, ConnectorErrorKind as Kind};

/// How large a file may be in a server that nobody pays for, in bytes.
pub(super) const FILE_LIMIT: u64 = 10 << 20;
/// Discord's code for a body that is too large.
const TOO_LARGE: u64 = 40_005;
/// Characters of Discord's own words that are passed on, at most.
const LONGEST: usize = 200;

/// Turns an answer that is no success into an error.
pub(super) fn of_answer(
    doing: &str,
    status: StatusCode,
    fault: &Fault,
    retry_after: Option<Duration>,
) -> ConnectorError {
    let kind = match status {
        _ if fault.code == TOO_LARGE => Kind::TooLarge { limit: FILE_LIMIT },
        StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge { limit: FILE_LIMIT },
        StatusCode::UNAUTHORIZED => Kind::Unauthenticated,
        StatusCode::FORBIDDEN => Kind::Forbidden,
        StatusCode::NOT_FOUND => Kind::NotFound,
        StatusCode::TOO_MANY_REQUESTS => Kind::RateLimited { retry_after },
        status if status.is_server_error() => Kind::Unreachable,
        _ => Kind::Protocol,
    };
    let words: String = fault.message.chars().take(LONGEST).collect();
    let cause = match (kind, words.as_str()) {
        (Kind::Unauthenticated, _) => format!("`{}` is wrong, or was reset", super::TOKEN),
        (_, "") => format!("status {}", status.as_u16()),
        _ if fault.code == 0 => format!("Discord says: {words}"),
        _ => format!("Discord says: {words} ({})", fault.code),
    };
    ConnectorError::new(kind, doing).because(cause)
}

/// Turns a request that got no answer into an error. The address is left out: it is known, and an
/// attachment's is a key to it.
pub(super) fn of_request(doing: &str, error: reqwest::Error) -> ConnectorError {
    ConnectorError::new(Kind::Unreachable, doing).because(error.without_url())
}

/// Says that the content of messages was not asked for in the portal.
pub(super) fn no_content_intent(doing: &str) -> ConnectorError {
    ConnectorError::new(Kind::Forbidden, doing).because(
        "the bot may not read messages: turn the \"Message Content Intent\" on, in the Developer \
         Portal under Bot",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_one_line;

    #[test]
    fn an_answer_that_is_no_success_says_why_and_whether_to_try_again() {
        let fault = |code, message: &str| Fault {
            code,
            message: message.to_owned(),
            retry_after: None,
        };
        let cases = [
            (401, fault(0, "401: Unauthorized")),
            (403, fault(50_013, "Missing Permissions")),
            (404, fault(10_003, "Unknown Channel")),
            (413, fault(TOO_LARGE, "Request entity too large")),
            (429, fault(0, "You are being rate limited.")),
            (502, Fault::default()),
            (400, fault(50_035, "Invalid Form Body")),
        ];
        let lines = cases.map(|(status, fault)| {
            let status = StatusCode::from_u16(status).unwrap();
            let retry_after = Some(Duration::from_secs(2));
            in_one_line(&of_answer("send", status, &fault, retry_after))
        });
        insta::assert_snapshot!(lines.join("\n"), @"
        send: not authenticated: `DISCORD_BOT_TOKEN` is wrong, or was reset
        send: not allowed: Discord says: Missing Permissions (50013)
        send: not found: Discord says: Unknown Channel (10003)
        send: larger than the limit of 10485760 bytes: Discord says: Request entity too large (40005)
        send: too many requests, to be tried again in 2s: Discord says: You are being rate limited.
        send: the service cannot be reached: status 502
        send: an answer that cannot be used: Discord says: Invalid Form Body (50035)
        ");
    }
}
