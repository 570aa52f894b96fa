//! Requests to a homeserver.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Url, redirect};
use ruma::api::auth_scheme::{AuthScheme, SendAccessToken};
use ruma::api::client::account::whoami;
use ruma::api::client::discovery::get_supported_versions;
use ruma::api::error::{Error as RumaError, IntoHttpError};
use ruma::api::path_builder::PathBuilder;
use ruma::api::{
    IncomingResponseExt as _, MatrixVersion, OutgoingRequest, OutgoingRequestExt as _,
    SupportedVersions,
};
use ruma::{OwnedUserId, UserId};
use serde::Deserialize;

use super::{TOKEN, failure};
use crate::in_the_clear::may_be_told;
use crate::{ConnectorError, ConnectorErrorKind as Kind, Secret};

/// How long anything but a poll or a file may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer in bytes.
const MAX_ANSWER: usize = 32 << 20;

/// The base address of a homeserver: without a password, a query or a fragment, and nothing that is
/// sent there can be read on the way.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Base {
    url: Url,
    /// Whether it is on this host.
    here: bool,
}

impl TryFrom<String> for Base {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // What is wrong is told without the text: there may be a password in it.
        let url = Url::parse(&text).map_err(|error| format!("homeserver_url: {error}"))?;
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if !web {
            return Err("homeserver_url is no address of http:// or https://".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("homeserver_url has a name or password in it".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("homeserver_url has a query or fragment".to_owned());
        }
        let here = may_be_told(&text, "https", "http");
        let here = here.map_err(|error| format!("homeserver_url: {error}"))?;
        Ok(Self { url, here })
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

/// A request of the client-server API that names its path by what the server supports.
pub(super) trait Endpoint: OutgoingRequest<EndpointError = RumaError> {
    fn into_http(
        self,
        base: &str,
        token: SendAccessToken<'_>,
        supported: &SupportedVersions,
    ) -> Result<http::Request<Vec<u8>>, IntoHttpError>;
}

impl<R> Endpoint for R
where
    R: OutgoingRequest<EndpointError = RumaError>,
    for<'a> R::Authentication: AuthScheme<Input<'a> = SendAccessToken<'a>>,
    for<'a> R::PathBuilder: PathBuilder<Input<'a> = Cow<'a, SupportedVersions>>,
{
    fn into_http(
        self,
        base: &str,
        token: SendAccessToken<'_>,
        supported: &SupportedVersions,
    ) -> Result<http::Request<Vec<u8>>, IntoHttpError> {
        self.try_into_http_request(base, token, Cow::Borrowed(supported))
    }
}

/// A homeserver, with the token of one user.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: Secret,
    /// What every homeserver of the last years supports.
    supported: SupportedVersions,
}

impl Client {
    /// # Errors
    /// Fails for a text that is no token, and where no TLS can be had.
    pub(super) fn new(base: &Base, token: Secret) -> Result<Self, Box<dyn Error + Send + Sync>> {
        // It goes into a header.
        if HeaderValue::from_str(token.expose()).is_err() {
            return Err(format!("`{TOKEN}` has characters that no token has").into());
        }
        let mut http = reqwest::Client::builder()
            .user_agent("podfleet")
            .connect_timeout(Duration::from_secs(10))
            .pool_max_idle_per_host(1)
            // A redirect would carry the token elsewhere.
            .redirect(redirect::Policy::none());
        if base.here {
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build()?,
            base: base.to_string(),
            token,
            supported: SupportedVersions {
                versions: [MatrixVersion::V1_11].into(),
                features: [].into(),
            },
        })
    }

    /// Asks for nothing but an answer.
    pub(super) async fn greet(&self) -> Result<(), ConnectorError> {
        const DOING: &str = "ask the homeserver for its versions";
        let request = get_supported_versions::Request::new();
        let request = request
            .try_into_http_request(&self.base, SendAccessToken::None, ())
            .map_err(|error| ConnectorError::new(Kind::Protocol, DOING).because(error))?;
        self.exchange::<get_supported_versions::Request>(request, DOING, PATIENCE)
            .await
            .map(drop)
    }

    /// Fails unless the token is that of a user.
    pub(super) async fn prove(&self, user: &UserId) -> Result<(), ConnectorError> {
        const DOING: &str = "ask who we are";
        let asked = self.call(whoami::v3::Request::new(), DOING).await?;
        let own: OwnedUserId = asked.user_id;
        if own == user {
            return Ok(());
        }
        let cause = format!("the token is {own}'s, and {user} is configured");
        Err(ConnectorError::new(Kind::Unauthenticated, DOING).because(cause))
    }

    /// Makes a request.
    pub(super) async fn call<R: Endpoint>(
        &self,
        request: R,
        doing: &'static str,
    ) -> Result<R::IncomingResponse, ConnectorError> {
        self.call_within(PATIENCE, request, doing).await
    }

    /// Makes a request that may take its own time.
    pub(super) async fn call_within<R: Endpoint>(
        &self,
        patience: Duration,
        request: R,
        doing: &'static str,
    ) -> Result<R::IncomingResponse, ConnectorError> {
        let token = SendAccessToken::IfRequired(self.token.expose());
        let request = request
            .into_http(&self.base, token, &self.supported)
            .map_err(|error| ConnectorError::new(Kind::Protocol, doing).because(error))?;
        self.exchange::<R>(request, doing, patience).await
    }

    async fn exchange<R: OutgoingRequest<EndpointError = RumaError>>(
        &self,
        request: http::Request<Vec<u8>>,
        doing: &'static str,
        patience: Duration,
    ) -> Result<R::IncomingResponse, ConnectorError> {
        let answer = self.send(request, patience).await;
        let answer = answer.map_err(|broken| match broken {
            Broken::Connection(error) => failure::broken(doing, error),
            Broken::Length => {
                let limit = MAX_ANSWER as u64;
                ConnectorError::new(Kind::TooLarge { limit }, doing)
            }
        })?;
        let (parts, body) = answer.into_parts();
        let response = http::Response::from_parts(parts, body.as_slice());
        R::IncomingResponse::try_from_http_response(response)
            .map_err(|error| failure::refused(doing, error, &self.token))
    }

    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        patience: Duration,
    ) -> Result<http::Response<Vec<u8>>, Broken> {
        let mut request = reqwest::Request::try_from(request)?;
        *request.timeout_mut() = Some(patience);
        if let Some(token) = request.headers_mut().get_mut(AUTHORIZATION) {
            token.set_sensitive(true);
        }
        let mut response = self.http.execute(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Broken::Length);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// Why there is no answer.
enum Broken {
    Connection(reqwest::Error),
    Length,
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Self::Connection(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_no_header_can_hold_is_named_by_its_variable() {
        let base = Base::try_from("https://example.org".to_owned()).unwrap();
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let file = path.path().to_str().unwrap();
        let env: crate::Environment = [("T_FILE", file)].into_iter().collect();
        let refused = Client::new(&base, env.secret("T").unwrap()).err().unwrap();
        insta::assert_snapshot!(refused, @"`MATRIX_ACCESS_TOKEN` has characters that no token has");
    }

    #[test]
    fn an_address_is_one_of_the_web_and_holds_no_password() {
        let refused = |text: &str| Base::try_from(text.to_owned()).unwrap_err();
        insta::assert_snapshot!(refused("localhost:8008"), @"homeserver_url is no address of http:// or https://");
        insta::assert_snapshot!(refused("https://ada:hush@example.org"), @"homeserver_url has a name or password in it");
        insta::assert_snapshot!(refused("https://example.org/?token=hush"), @"homeserver_url has a query or fragment");
        insta::assert_snapshot!(refused("http://192.0.2.2:8008"), @"homeserver_url: 192.0.2.2 is not this host, and is not reached by https");
        let loopback = |text: &str| Base::try_from(text.to_owned()).unwrap().here;
        assert!(
            loopback("http://127.0.0.1:8008")
                && loopback("http://[::1]:1/")
                && loopback("http://localhost")
        );
        assert!(!loopback("https://example.org/matrix"));
    }
}
