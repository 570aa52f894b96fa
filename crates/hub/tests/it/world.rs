//! Hubs of one test, each with directories of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use podfleet::Fleet;
use podfleet_hub::client::{HubClient, Way};
use podfleet_hub::fault::{Code, Fault};
use podfleet_hub::host::{Listen, Options, Plan, Protection, Running};
use podfleet_hub::hub::Grace;
use podfleet_hub::machine::{Fleets, Machine};
use podfleet_hub::secret::Secret;
use podfleet_hub::server::{Limits, Settings};
use podfleet_hub::token::Scope;
use podfleet_protocol::{FleetName, UnixMillis};
use tempfile::TempDir;

/// How long anything that ought to happen may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct NoFleets;

#[async_trait]
impl Fleets for NoFleets {
    async fn open(&self, _: Option<FleetName>) -> Result<Fleet, Fault> {
        Err(Fault::new(Code::AgentFailed, "this machine has no fleets"))
    }

    async fn check_operator(&self, _: Option<u32>) -> Result<(), Fault> {
        Ok(())
    }
}

/// One machine with its hub.
pub(crate) struct TestHub {
    pub(crate) directory: TempDir,
    running: Option<Running>,
    at: Vec<Listen>,
    fleets: Arc<dyn Fleets>,
}

impl TestHub {
    pub(crate) async fn new() -> Self {
        Self::listening(&[("127.0.0.1:0", Protection::Plain)]).await
    }

    pub(crate) async fn listening(at: &[(&str, Protection)]) -> Self {
        Self::of(at, Arc::new(NoFleets)).await
    }

    pub(crate) async fn with_fleets(fleets: Arc<dyn Fleets>) -> Self {
        Self::of(&[("127.0.0.1:0", Protection::Plain)], fleets).await
    }

    async fn of(at: &[(&str, Protection)], fleets: Arc<dyn Fleets>) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("ph")
            .tempdir_in("/tmp")
            .unwrap();
        std::fs::create_dir(directory.path().join("files")).unwrap();
        let at = at.iter().map(|(address, protection)| Listen {
            address: address.parse().unwrap(),
            protection: *protection,
        });
        let mut hub = Self {
            directory,
            running: None,
            at: at.collect(),
            fleets,
        };
        hub.start().await;
        hub
    }

    pub(crate) async fn start(&mut self) {
        let plan = Plan {
            directory: self.directory.path().join("hub"),
            runtime: self.directory.path().to_owned(),
            machine: Machine::new(
                vec![self.files()],
                Arc::clone(&self.fleets),
                "/bin/sh".into(),
            ),
            host: "box".into(),
            build: "test".into(),
            listen: self.at.clone(),
            settings: Settings::default(),
            limits: Limits::default(),
            grace: Grace::default(),
            options: Options::new(),
        };
        let running = Running::begin(plan).await.unwrap();
        // It keeps its ports over restarts.
        let bound = running.standing().listen.iter();
        self.at = bound
            .map(|(address, protection)| Listen {
                address: *address,
                protection: *protection,
            })
            .collect();
        self.running = Some(running);
    }

    pub(crate) async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// The directory that the hub serves.
    pub(crate) fn files(&self) -> PathBuf {
        self.directory.path().join("files").canonicalize().unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.at[0].address
    }

    pub(crate) fn token(&self, name: &str, scopes: &[Scope]) -> Secret {
        let scopes = scopes.iter().copied().collect();
        let topology = self.running().hub().topology();
        topology
            .create_token(name, scopes, None, UnixMillis(0))
            .unwrap()
            .0
    }

    /// The owner's client.
    pub(crate) fn owner(&self) -> HubClient {
        HubClient::new(Way::Socket(self.running().standing().socket.clone()), None)
    }

    /// A client on the network.
    pub(crate) fn client(&self, token: Secret) -> HubClient {
        HubClient::new(self.way(), Some(token))
    }

    pub(crate) fn way(&self) -> Way {
        let address = self.address().to_string().parse().unwrap();
        match self.at[0].protection {
            Protection::Plain => Way::Plain(address),
            Protection::Tls => Way::Tls(address, self.running().standing().pin),
        }
    }
}

/// Sends bytes as they are to a hub, and returns the answer as text.
pub(crate) async fn raw(hub: &TestHub, request: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(hub.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the hub neither answers nor closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Asks again and again until it is as wanted.
pub(crate) async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "it never became so");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
