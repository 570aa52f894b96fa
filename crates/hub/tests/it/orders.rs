//! How long an order is worked on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use podfleet::Fleet;
use podfleet_hub::fault::{Code, Fault};
use podfleet_hub::machine::Fleets;
use podfleet_hub::op::{FleetPs, PsParams};
use podfleet_hub::token::Scope;
use podfleet_protocol::FleetName;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::surface::refused;
use crate::world::{PATIENCE, TestHub};

/// Fleets that never open, and tell when somebody begins and ceases to wait.
#[derive(Debug, Default)]
struct Hanging {
    begun: Notify,
    ended: Notify,
}

struct Waiting<'a>(&'a Notify);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl Fleets for Hanging {
    async fn open(&self, _: Option<FleetName>) -> Result<Fleet, Fault> {
        let _waiting = Waiting(&self.ended);
        self.begun.notify_one();
        std::future::pending().await
    }

    async fn check_operator(&self, _: Option<u32>) -> Result<(), Fault> {
        Ok(())
    }
}

fn agents() -> PsParams {
    PsParams {
        endpoint: Some("local".parse().unwrap()),
        fleet: None,
        all_fleets: false,
    }
}

#[tokio::test]
async fn a_client_that_is_gone_ends_what_it_ordered() {
    let hanging = Arc::new(Hanging::default());
    let hub = TestHub::with_fleets(hanging.clone()).await;
    let token = hub.token("o", &[Scope::Observe]).reveal_once();
    let mut stream = tokio::net::TcpStream::connect(hub.address()).await.unwrap();
    let body = serde_json::json!({ "op": "fleet.ps", "params": agents() }).to_string();
    let head = format!(
        "POST /v1/invoke HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let begun = timeout(PATIENCE, hanging.begun.notified()).await;
    begun.expect("it is not begun");
    drop(stream);
    let ended = timeout(PATIENCE, hanging.ended.notified()).await;
    ended.expect("it goes on for nobody");
}

#[tokio::test]
async fn an_order_is_given_up_at_its_deadline() {
    let hanging = Arc::new(Hanging::default());
    let hub = TestHub::with_fleets(hanging.clone()).await;
    let soon = Duration::from_millis(50);
    let owner = hub.owner();
    let asked = owner.call_within::<FleetPs>(agents(), soon, None).await;
    assert_eq!(refused(asked).code, Code::DeadlineExceeded);
    let ended = timeout(PATIENCE, hanging.ended.notified()).await;
    ended.expect("it goes on after its deadline");
}
