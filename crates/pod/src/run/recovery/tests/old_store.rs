//! A store in whose place an old copy was put: what later sessions did is in their logs alone.

use podfleet_pod_store::session_log::SessionReader;

use super::*;

impl Former {
    /// Lets a generation live that the store knows nothing of.
    fn lived(&self, generation: u64) -> LogWriter {
        let mut log = self.log_of(SessionId::generate(), Generation(generation));
        let launch = Entry::Launch {
            run: podfleet_protocol::Run(1),
            argv: Vec::new(),
            env_names: Vec::new(),
            told: String::new(),
        };
        log.append(clock::wall(), launch).unwrap();
        log
    }

    async fn waits(&self) -> MessageId {
        self.accepted(OnCrash::default(), "hello".into()).await
    }

    async fn state_of(&self, id: MessageId) -> (DeliveryState, Receipt) {
        let entry = self.store.message(self.record.identity.id, id).await;
        let entry = entry.unwrap().unwrap();
        (entry.state, entry.receipt)
    }

    /// Returns what the log of the generation that recovered tells of faults.
    fn faults(&self) -> Vec<String> {
        let pod = self.record.identity.id;
        let files = SessionFiles::new(self.state.path(), pod, self.next);
        let records = SessionReader::open(files).unwrap();
        let faults = records.filter_map(|record| match record.unwrap().record.entry {
            Entry::Error { text, .. } => Some(text),
            _ => None,
        });
        faults.collect()
    }
}

#[tokio::test]
async fn what_only_later_sessions_know_as_delivered_is_not_typed_again() {
    let past = Former::new().await;
    drop(past.log(past.session));
    let [answered, interrupted, put_back, untouched] = [
        past.waits().await,
        past.waits().await,
        past.waits().await,
        past.waits().await,
    ];
    let mut log = past.lived(2);
    log_delivering(&mut log, answered);
    let receipt = log_receipt(&mut log, Outcome::Answered, true, answered);
    drop(log);
    let mut log = past.lived(3);
    log_delivering(&mut log, interrupted);
    log_delivering(&mut log, put_back);
    log_receipt(&mut log, Outcome::Held, false, put_back);
    drop(log);
    // What was withdrawn meanwhile does not hide what was delivered before it.
    let withdrawn = past.waits().await;
    let pod = past.record.identity.id;
    past.store
        .cancel(pod, withdrawn, clock::wall())
        .await
        .unwrap();
    log_receipt(&mut past.lived(4), Outcome::Answered, true, withdrawn);

    past.recover(None).await;
    assert_eq!(
        past.state_of(answered).await,
        (DeliveryState::Settled, receipt)
    );
    let (state, receipt) = past.state_of(interrupted).await;
    assert_eq!(state, DeliveryState::Settled);
    assert_eq!((receipt.outcome, receipt.settled), (Outcome::Unknown, true));
    for id in [put_back, untouched] {
        assert_eq!(past.state_of(id).await.0, DeliveryState::Accepted);
    }
    let [fault] = &past.faults()[..] else {
        panic!("{:?}", past.faults());
    };
    assert!(fault.contains("generations 2 to 4"), "{fault}");
    assert!(fault.contains("by these logs 2 of the messages"), "{fault}");
}

#[tokio::test]
async fn what_later_logs_that_are_damaged_may_have_said_is_not_typed_again() {
    let past = Former::new().await;
    drop(past.log(past.session));
    let before = past.waits().await;
    let log = past.lived(2);
    let mut damaged = std::fs::read(log.path()).unwrap();
    damaged.extend_from_slice(b"{\"type\":\"message_delivering\",\n");
    std::fs::write(log.path(), damaged).unwrap();
    let later = clock::wall().0 + 60_000;
    let since = past.accepted_at(UnixMillis(later)).await;
    past.recover(None).await;
    let (state, receipt) = past.state_of(before).await;
    assert_eq!(state, DeliveryState::Settled);
    let why = receipt.reason.unwrap_or_default();
    assert!(why.contains("the store is an old copy"), "{why}");
    assert_eq!(past.state_of(since).await.0, DeliveryState::Accepted);
}

#[tokio::test]
async fn a_change_of_relations_that_got_an_old_number_again_is_copied() {
    let past = Former::new().await;
    past.befriend("tester").await;
    let [copied] = &past.outbox().await[..] else {
        panic!("one event");
    };
    let mut log = past.lived(2);
    let mut entry = Entry::from(copied);
    if let Entry::Peer(event) = &mut entry {
        // The last that was copied, in a time of which the store knows nothing.
        event.outbox = event.outbox.map(|place| place + 10);
    }
    log.append(clock::wall(), entry).unwrap();
    let at = UnixMillis(clock::wall().0 + 60_000);
    past.befriend_at("late", at).await;
    past.recover(None).await;
    let left = past.outbox().await;
    assert_eq!(left.iter().map(|event| event.at).collect::<Vec<_>>(), [at]);
}
