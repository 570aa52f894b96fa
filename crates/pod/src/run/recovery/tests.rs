use podfleet_pod_store::session_log::LogOptions;
use podfleet_pod_store::{
    Endpoint, GenerationStart, MemoryStore, NewPod, Offer, OutboxEvent, PeerPair, SpecText,
    SqliteStore, Writer,
};
use podfleet_protocol::{
    Address, Class, FleetName, Generation, Identity, Kind, Message, MessageId, PodName, TenantId,
    Typing, UnixMillis,
};

use super::*;

mod old_store;

/// A pod whose first generation is over.
struct Former {
    state: tempfile::TempDir,
    store: Box<dyn PodStore>,
    record: PodRecord,
    session: SessionId,
    /// That of the generation that recovers.
    next: SessionId,
}

impl Former {
    async fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        Self::over(Box::new(MemoryStore::default()), state).await
    }

    /// Has its messages in a database, and long bodies in files beside it.
    async fn on_disk() -> Self {
        let state = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&state.path().join("store.db")).unwrap();
        Self::over(Box::new(store), state).await
    }

    async fn over(store: Box<dyn PodStore>, state: tempfile::TempDir) -> Self {
        let id = store.put_pod(pod("coder")).await.unwrap().identity.id;
        Self {
            record: store.begin_generation(id, &start()).await.unwrap(),
            state,
            store,
            session: SessionId::generate(),
            next: SessionId::generate(),
        }
    }

    fn log(&self, session: SessionId) -> LogWriter {
        self.log_of(session, self.record.generation)
    }

    fn log_of(&self, session: SessionId, generation: Generation) -> LogWriter {
        let identity = &self.record.identity;
        let files = SessionFiles::new(self.state.path(), identity.id, session);
        let options = LogOptions::new(identity.clone(), generation);
        LogWriter::open(files, options, clock::wall()).unwrap()
    }

    /// Accepts a message, and has the store say that it is being delivered.
    async fn delivering(&self, on_crash: OnCrash) -> MessageId {
        self.delivering_body(on_crash, "hello".into()).await
    }

    async fn delivering_body(&self, on_crash: OnCrash, body: String) -> MessageId {
        let id = self.accepted(on_crash, body).await;
        let receipt = Receipt::accepted(id, clock::wall());
        self.set(DeliveryState::Delivering, &receipt).await;
        id
    }

    async fn accepted(&self, on_crash: OnCrash, body: String) -> MessageId {
        self.take(on_crash, body, clock::wall()).await
    }

    async fn accepted_at(&self, at: UnixMillis) -> MessageId {
        self.take(OnCrash::default(), "hello".into(), at).await
    }

    async fn take(&self, on_crash: OnCrash, body: String, accepted: UnixMillis) -> MessageId {
        let message = Message {
            id: MessageId::generate(),
            from: Address::operator("fern"),
            to: Address::new("fern", "coder"),
            kind: Kind::Run,
            class: Class::Actionable,
            thread: None,
            body,
            typing: Typing {
                on_crash,
                ..Typing::default()
            },
            accepted,
        };
        let id = message.id;
        let offer = Offer::from(message);
        let pod = self.record.identity.id;
        self.store.accept(pod, vec![offer]).await.unwrap()[0]
            .as_ref()
            .unwrap();
        id
    }

    async fn set(&self, state: DeliveryState, receipt: &Receipt) {
        let fence = self.record.fence();
        let set = self.store.set_delivery(fence, receipt.id, state, receipt);
        set.await.unwrap();
    }

    /// Lets the next generation find out; returns what the store says of a message then.
    async fn recovered(&self, id: MessageId) -> (DeliveryState, Receipt) {
        self.recovered_with(id, None).await
    }

    async fn recover(&self, transcripts: Option<PastTranscripts>) {
        let (state_dir, session) = (self.state.path(), Some(self.session));
        let Identity { id, .. } = self.record.identity;
        let later = LaterSessions::find(state_dir, id, session).unwrap();
        let generation = self.record.generation.max(later.last);
        let mut log = self.log_of(self.next, generation);
        let past = Past {
            state_dir,
            session,
            later,
            transcripts,
        };
        recover(&*self.store, &self.record, &past, &mut log)
            .await
            .unwrap();
    }

    /// Loses the long bodies of its messages.
    fn lose_bodies(&self) {
        std::fs::remove_dir_all(self.state.path().join("bodies")).unwrap();
    }

    /// Returns what the store says of a message that cannot be read.
    async fn unreadable(&self, id: MessageId) -> Receipt {
        let pod = self.record.identity.id;
        let error = self.store.message(pod, id).await.unwrap_err();
        assert!(
            matches!(error.kind(), StoreErrorKind::Corrupt(_)),
            "{error}"
        );
        // What is settled is only told.
        self.store.cancel(pod, id, clock::wall()).await.unwrap()
    }

    /// Gives it another peer, of which its outbox tells.
    async fn befriend(&self, name: &str) {
        self.befriend_at(name, clock::wall()).await;
    }

    async fn befriend_at(&self, name: &str, at: UnixMillis) {
        let peer = self.store.put_pod(pod(name)).await.unwrap().identity.id;
        let pair = PeerPair::new(self.record.identity.id, peer).unwrap();
        let registered = self.store.register_peer(Writer::Operator, pair, at);
        registered.await.unwrap();
    }

    async fn outbox(&self) -> Vec<OutboxEvent> {
        let pod = self.record.identity.id;
        self.store.outbox(pod, Page::all()).await.unwrap().items
    }

    async fn recovered_with(
        &self,
        id: MessageId,
        transcripts: Option<PastTranscripts>,
    ) -> (DeliveryState, Receipt) {
        self.recover(transcripts).await;
        let pod = self.record.identity.id;
        let entry = self.store.message(pod, id).await.unwrap().unwrap();
        (entry.state, entry.receipt)
    }
}

fn pod(name: &str) -> NewPod {
    NewPod {
        identity: Identity {
            id: PodId::generate(),
            name: PodName::new(name).unwrap(),
            fleet: FleetName::default(),
            tenant_id: TenantId::new("ada").unwrap(),
            host: "fern".into(),
        },
        class: "member".into(),
        alias: None,
        runtime: "sim".into(),
        spec: SpecText::of(&()).unwrap(),
        runtime_dir: "/run/fleet".into(),
        at: clock::wall(),
    }
}

fn start() -> GenerationStart {
    GenerationStart {
        endpoint: Endpoint {
            socket: "/run/fleet/a.sock".into(),
            heartbeat: "/run/fleet/a.hb".into(),
            pid: 1,
            build: "test".into(),
        },
        at: clock::wall(),
        above: Generation(0),
    }
}

fn log_delivering(log: &mut LogWriter, id: MessageId) {
    let (text, attempt) = ("hello".into(), 1);
    log.append(
        clock::wall(),
        Entry::MessageDelivering { id, text, attempt },
    )
    .unwrap();
}

fn log_receipt(log: &mut LogWriter, outcome: Outcome, settled: bool, id: MessageId) -> Receipt {
    let receipt = Receipt {
        outcome,
        settled,
        ..Receipt::accepted(id, clock::wall())
    };
    let entry = Entry::MessageReceipt {
        receipt: receipt.clone(),
    };
    log.append(clock::wall(), entry).unwrap();
    receipt
}

#[tokio::test]
async fn a_change_of_relations_that_the_log_has_is_not_copied_again() {
    let past = Former::new().await;
    past.befriend("tester").await;
    let copied = past.outbox().await;
    past.befriend("late").await;
    let mut log = past.log(past.session);
    log.append(clock::wall(), Entry::from(&copied[0])).unwrap();
    past.recover(None).await;
    let left = past.outbox().await;
    assert_eq!((copied.len(), left.len()), (1, 1));
    assert!(left[0].place > copied[0].place);
}

#[tokio::test]
async fn a_message_whose_last_receipt_only_the_log_has_is_not_typed_again() {
    let past = Former::new().await;
    let id = past.delivering(OnCrash::default()).await;
    let mut log = past.log(past.session);
    log_delivering(&mut log, id);
    let receipt = log_receipt(&mut log, Outcome::QueuedByAgent, true, id);
    assert_eq!(past.recovered(id).await, (DeliveryState::Settled, receipt));
}

#[tokio::test]
async fn a_delivery_without_a_receipt_is_unknown_and_not_typed_again() {
    let past = Former::new().await;
    let id = past.delivering(OnCrash::default()).await;
    log_delivering(&mut past.log(past.session), id);
    let (state, receipt) = past.recovered(id).await;
    assert_eq!(state, DeliveryState::Settled);
    assert_eq!((receipt.outcome, receipt.settled), (Outcome::Unknown, true));
}

#[tokio::test]
async fn what_stood_in_the_agents_own_queue_is_unknown() {
    let past = Former::new().await;
    let id = past.delivering(OnCrash::default()).await;
    let mut log = past.log(past.session);
    log_delivering(&mut log, id);
    log_receipt(&mut log, Outcome::QueuedByAgent, false, id);
    let (state, receipt) = past.recovered(id).await;
    assert_eq!(state, DeliveryState::Settled);
    assert_eq!((receipt.outcome, receipt.settled), (Outcome::Unknown, true));
    let why = receipt.reason.unwrap_or_default();
    assert!(why.contains("the agent's own queue"), "{why}");
}

#[tokio::test]
async fn who_asked_for_at_least_once_gets_it() {
    let past = Former::new().await;
    let id = past.delivering(OnCrash::Retry).await;
    log_delivering(&mut past.log(past.session), id);
    assert_eq!(past.recovered(id).await.0, DeliveryState::Accepted);
}

#[tokio::test]
async fn what_the_store_alone_knows_to_be_submitted_stays_so() {
    let past = Former::new().await;
    let id = past.delivering(OnCrash::Retry).await;
    log_delivering(&mut past.log(past.session), id);
    let submitted = Receipt {
        outcome: Outcome::Submitted,
        ..Receipt::accepted(id, clock::wall())
    };
    past.set(DeliveryState::Settled, &submitted).await;
    let (state, receipt) = past.recovered(id).await;
    assert_eq!(state, DeliveryState::Settled);
    assert_eq!(
        (receipt.outcome, receipt.settled),
        (Outcome::Submitted, true)
    );
}

#[tokio::test]
async fn a_message_that_no_whole_log_has_was_not_typed() {
    let past = Former::new().await;
    let id = past.delivering(OnCrash::default()).await;
    drop(past.log(past.session));
    assert_eq!(past.recovered(id).await.0, DeliveryState::Accepted);
}

#[tokio::test]
async fn where_the_log_is_gone_nothing_is_typed_again() {
    let past = Former::new().await;
    let id = past.delivering(OnCrash::default()).await;
    let (state, receipt) = past.recovered(id).await;
    assert_eq!(state, DeliveryState::Settled);
    assert_eq!(receipt.outcome, Outcome::Unknown);
}

/// The transcript of pi in which a user said this just now.
fn transcript(home: &Path, said: &str) -> Option<PastTranscripts> {
    let now = jiff::Timestamp::now().to_string();
    let content = serde_json::json!([{"type": "text", "text": said}]);
    let records = [
        serde_json::json!({"type": "session", "id": "S"}),
        serde_json::json!({"type": "message", "timestamp": now,
            "message": {"role": "user", "content": content}}),
    ];
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    std::fs::write(home.join("s.jsonl"), lines).unwrap();
    let harness = podfleet_harness::Harness::shipped("pi").unwrap();
    let rules = harness.transcript().unwrap();
    PastTranscripts::new(rules, home.to_owned())
}

#[tokio::test]
async fn a_text_that_the_agent_wrote_down_is_started_and_not_typed_again() {
    let past = Former::new().await;
    let id = past.delivering(OnCrash::Retry).await;
    log_delivering(&mut past.log(past.session), id);
    let home = tempfile::tempdir().unwrap();
    let (state, receipt) = past
        .recovered_with(id, transcript(home.path(), "hello"))
        .await;
    assert_eq!(state, DeliveryState::Settled);
    assert_eq!((receipt.outcome, receipt.settled), (Outcome::Started, true));
    let evidence = receipt.evidence.unwrap();
    assert_eq!(evidence.source, Source::Transcript);
}

/// More than stands in the database itself.
fn long() -> String {
    "x".repeat(100_000)
}

#[tokio::test]
async fn a_settled_message_that_cannot_be_read_keeps_no_pod_from_starting() {
    let past = Former::on_disk().await;
    let id = past.delivering_body(OnCrash::default(), long()).await;
    let mut log = past.log(past.session);
    log_delivering(&mut log, id);
    let receipt = log_receipt(&mut log, Outcome::Answered, true, id);
    past.lose_bodies();
    past.recover(None).await;
    assert_eq!(past.unreadable(id).await, receipt);
    past.recover(None).await;
}

#[tokio::test]
async fn an_interrupted_message_that_cannot_be_read_is_unknown_even_at_least_once() {
    let past = Former::on_disk().await;
    let id = past.delivering_body(OnCrash::Retry, long()).await;
    log_delivering(&mut past.log(past.session), id);
    past.lose_bodies();
    past.recover(None).await;
    let receipt = past.unreadable(id).await;
    assert_eq!((receipt.outcome, receipt.settled), (Outcome::Unknown, true));
    let why = receipt.reason.unwrap_or_default();
    assert!(why.contains("the pod crashed"), "{why}");
}

#[tokio::test]
async fn a_text_that_the_agent_has_not_written_down_stays_unknown() {
    let past = Former::new().await;
    let id = past.delivering(OnCrash::default()).await;
    log_delivering(&mut past.log(past.session), id);
    let home = tempfile::tempdir().unwrap();
    let (state, receipt) = past
        .recovered_with(id, transcript(home.path(), "another"))
        .await;
    assert_eq!(state, DeliveryState::Settled);
    assert_eq!(receipt.outcome, Outcome::Unknown);
}
