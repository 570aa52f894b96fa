//! Pods and messages to try stores with.

use std::path::Path;

use podfleet_pod_store::{
    Endpoint, FleetKey, GenerationStart, HumanTurn, NewPod, NewSaying, PodStore, SpecText,
};
use podfleet_protocol::{
    Address, Class, FleetName, Generation, Identity, Kind, Message, MessageId, PodId, PodName,
    TenantId, Typing, UnixMillis,
};

pub(super) const AT: UnixMillis = UnixMillis(1_767_225_600_000);

pub(super) fn fleet(name: &str) -> FleetKey {
    FleetKey::new(TenantId::new("me").unwrap(), FleetName::new(name).unwrap())
}

pub(super) fn name(text: &str) -> PodName {
    PodName::new(text).unwrap()
}

pub(super) fn pod_in(fleet_name: &str, pod_name: &str) -> NewPod {
    let key = fleet(fleet_name);
    NewPod {
        identity: Identity {
            id: PodId::generate(),
            name: name(pod_name),
            fleet: key.fleet,
            tenant_id: key.tenant,
            host: "fern".to_owned(),
        },
        class: "member".to_owned(),
        alias: None,
        runtime: "sim".to_owned(),
        spec: SpecText::of(&serde_json::json!({ "command": ["bash"] })).unwrap(),
        runtime_dir: "/run/fleet".into(),
        at: AT,
    }
}

pub(super) fn pod(pod_name: &str) -> NewPod {
    pod_in("default", pod_name)
}

/// Puts a pod into the store and returns its id.
pub(super) async fn add(store: &dyn PodStore, new: NewPod) -> PodId {
    store.put_pod(new).await.unwrap().identity.id
}

pub(super) fn start(number: u32) -> GenerationStart {
    let base = Path::new("/run/fleet");
    GenerationStart {
        endpoint: Endpoint {
            socket: base.join(format!("{number}.sock")),
            heartbeat: base.join(format!("{number}.hb")),
            pid: number,
            build: "test".to_owned(),
        },
        at: AT,
        above: Generation(0),
    }
}

pub(super) fn message(body: &str) -> Message {
    Message {
        id: MessageId::generate(),
        from: Address::operator("fern"),
        to: Address::new("fern", "coder"),
        kind: Kind::Run,
        class: Class::Actionable,
        thread: None,
        body: body.to_owned(),
        typing: Typing::default(),
        accepted: AT,
    }
}

pub(super) fn saying(text: &str) -> NewSaying {
    NewSaying {
        id: MessageId::generate(),
        by: None,
        text: text.to_owned(),
        thread: None,
        reply_to: None,
        attachments: Vec::new(),
        at: AT,
    }
}

pub(super) fn turn(pod: PodId) -> HumanTurn {
    let message = MessageId::generate();
    HumanTurn {
        message,
        pod,
        thread: Some("$root".to_owned()),
        event: format!("${message}"),
        at: AT,
    }
}
