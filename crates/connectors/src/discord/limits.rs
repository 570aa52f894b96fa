//! Discord's limits on how often requests may be made, as its answers tell them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

const REMAINING: &str = "x-ratelimit-remaining";
const RESET_AFTER: &str = "x-ratelimit-reset-after";
/// How many routes are remembered.
const MOST: usize = 1_000;

/// Lets requests wait as long as the answers to earlier ones say. Those of one route are made one
/// after the other, so that each knows what the one before was told.
#[derive(Debug, Default)]
pub(super) struct Limits {
    routes: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Limit>>>>,
}

/// What is known of a route: until when no more may be asked.
#[derive(Debug, Default)]
struct Limit {
    spent_until: Option<Instant>,
}

/// The right to make one request.
#[derive(Debug)]
pub(super) struct Permit(OwnedMutexGuard<Limit>);

impl Limits {
    /// Waits until a request may be made.
    pub(super) async fn permit(&self, method: &Method, path: &str) -> Permit {
        let path = path.split('?').next().unwrap_or(path);
        let route = self.route(format!("{method} {path}"));
        let mut limit = route.lock_owned().await;
        if let Some(moment) = limit.spent_until.take() {
            tokio::time::sleep_until(moment).await;
        }
        Permit(limit)
    }

    fn route(&self, name: String) -> Arc<tokio::sync::Mutex<Limit>> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.len() == MOST && !routes.contains_key(&name) {
            routes.clear();
        }
        Arc::clone(routes.entry(name).or_default())
    }
}

impl Permit {
    /// Takes note of what the answer says of the next request.
    pub(super) fn answered(mut self, headers: &HeaderMap) {
        self.0.spent_until = spent_for(headers).map(|time| Instant::now() + time);
    }
}

/// Reads for how long no more may be asked.
fn spent_for(headers: &HeaderMap) -> Option<Duration> {
    let remaining = headers.get(REMAINING)?;
    if remaining != "0" {
        return None;
    }
    seconds(headers, RESET_AFTER)
}

/// Reads how long the server wants to be left alone.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    seconds(headers, RETRY_AFTER.as_str())
}

fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    let seconds = headers.get(name)?.to_str().ok()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_its_limit_or_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(spent_for(&headers), None);
        headers.insert(REMAINING, "1".parse().unwrap());
        headers.insert(RESET_AFTER, "1.25".parse().unwrap());
        assert_eq!(spent_for(&headers), None);
        headers.insert(REMAINING, "0".parse().unwrap());
        assert_eq!(spent_for(&headers), Some(Duration::from_millis(1250)));
        headers.insert(RETRY_AFTER, "2".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(2)));
        for nonsense in ["-1", "soon", "1e300"] {
            headers.insert(RETRY_AFTER, nonsense.parse().unwrap());
            assert_eq!(retry_after(&headers), None);
        }
    }
}
