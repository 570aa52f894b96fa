//! Long random histories: the two stores must tell the same story, step by step.

use podfleet_pod_store::{
    DeliveryState, Fence, MemoryStore, NewChild, Offer, OutboxPlace, Page, PeerPair, PodStore,
    Report, Sender, SqliteStore, StoreErrorKind, Writer,
};
use podfleet_protocol::{
    Generation, Kind, Message, MessageId, Outcome, PodId, Receipt, UnixMillis,
};
use proptest::prelude::*;
use proptest::sample::Index;

use super::samples::{AT, message, pod_in, start};

/// How many pods a history is about; some are not there, or not any more.
const PODS: usize = 6;

#[derive(Debug, Clone)]
enum Step {
    Put(usize),
    Spawn {
        pod: usize,
        parent: usize,
    },
    Confirm(usize),
    Withdraw(usize),
    End(usize),
    Begin(usize),
    Befriend {
        by: Option<usize>,
        pair: (usize, usize),
    },
    Part {
        by: Option<usize>,
        pair: (usize, usize),
    },
    Forget(usize),
    Send {
        from: Option<usize>,
        to: usize,
        order: bool,
        again: Option<Index>,
        once: bool,
    },
    /// Many at once: what is looked up in another way when it is no longer among the last.
    Fill {
        from: Option<usize>,
        to: usize,
        count: usize,
    },
    Settle {
        pod: usize,
        which: Index,
        old_generation: bool,
    },
    Cancel {
        pod: usize,
        which: Index,
    },
    Gather(usize),
    Clear(usize),
    Report(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pod = 0..PODS;
    let pair = || (0..PODS, 0..PODS);
    let by = || prop::option::of(0..PODS);
    let step = prop_oneof![
        3 => pod.clone().prop_map(Step::Put),
        2 => pair().prop_map(|(pod, parent)| Step::Spawn { pod, parent }),
        1 => pod.clone().prop_map(Step::Confirm),
        1 => pod.clone().prop_map(Step::Withdraw),
        1 => pod.clone().prop_map(Step::End),
        2 => pod.clone().prop_map(Step::Begin),
        3 => (by(), pair()).prop_map(|(by, pair)| Step::Befriend { by, pair }),
        2 => (by(), pair()).prop_map(|(by, pair)| Step::Part { by, pair }),
        1 => pod.clone().prop_map(Step::Forget),
        4 => (
            by(), pod.clone(), any::<bool>(), prop::option::weighted(0.2, any::<Index>()),
            any::<bool>(),
        )
            .prop_map(|(from, to, order, again, once)| Step::Send { from, to, order, again, once }),
        1 => (by(), pod.clone(), 30..70_usize)
            .prop_map(|(from, to, count)| Step::Fill { from, to, count }),
        3 => (pod.clone(), any::<Index>(), any::<bool>())
            .prop_map(|(pod, which, old)| Step::Settle { pod, which, old_generation: old }),
        1 => (pod.clone(), any::<Index>()).prop_map(|(pod, which)| Step::Cancel { pod, which }),
        1 => pod.clone().prop_map(Step::Gather),
        1 => pod.clone().prop_map(Step::Clear),
        1 => pod.prop_map(Step::Report),
    ];
    prop::collection::vec(step, 1..60)
}

/// What both stores are told, and must agree upon.
struct History<'a> {
    stores: [&'a dyn PodStore; 2],
    /// The present identities behind the numbers; a forgotten pod comes back as another.
    ids: [PodId; PODS],
    sent: Vec<(PodId, Message)>,
    time: i64,
}

impl History<'_> {
    fn now(&mut self) -> UnixMillis {
        self.time += 1_500;
        UnixMillis(AT.0 + self.time)
    }

    /// Asks both the same and compares the answers as text.
    async fn both<T: std::fmt::Debug>(
        &self,
        ask: impl AsyncFn(&dyn PodStore) -> Result<T, podfleet_pod_store::StoreError>,
    ) -> Result<(), TestCaseError> {
        let mut answers = Vec::new();
        for store in self.stores {
            let answer = ask(store).await.map_err(|error| error.kind().clone());
            if let Err(
                StoreErrorKind::Storage
                | StoreErrorKind::Full
                | StoreErrorKind::Internal
                | StoreErrorKind::Busy,
            ) = answer
            {
                return Err(TestCaseError::fail(format!("{answer:?}")));
            }
            answers.push(format!("{answer:?}"));
        }
        prop_assert_eq!(&answers[0], &answers[1]);
        Ok(())
    }

    async fn writer(&self, by: Option<usize>) -> Writer {
        let Some(by) = by else {
            return Writer::Operator;
        };
        let pod = self.ids[by];
        let record = self.stores[0].pod(pod).await.unwrap();
        let generation = record.map_or(Generation(0), |record| record.generation);
        Writer::Pod(Fence { pod, generation })
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let at = self.now();
        let ids = self.ids;
        match step.clone() {
            Step::Put(pod) => {
                let mut new = pod_in("default", &format!("p{pod}"));
                new.identity.id = ids[pod];
                self.both(async |store| store.put_pod(new.clone()).await)
                    .await
            }
            Step::Spawn { pod, parent } => {
                let mut new = pod_in("default", &format!("p{pod}"));
                new.identity.id = ids[pod];
                let scope = serde_json::json!({ "depth": pod });
                let parent = (pod != parent).then(|| ids[parent]);
                let child = NewChild {
                    pod: new,
                    parent,
                    scope,
                };
                let by = Writer::Operator;
                self.both(async |store| store.reserve_child(by, child.clone()).await)
                    .await
            }
            Step::Confirm(pod) => {
                let by = Writer::Operator;
                self.both(async |store| store.confirm_child(by, ids[pod], at).await)
                    .await
            }
            Step::Withdraw(pod) => {
                let by = Writer::Operator;
                self.both(async |store| store.withdraw_child(by, ids[pod], at).await)
                    .await?;
                self.renew(pod).await;
                Ok(())
            }
            Step::End(pod) => {
                let by = self.writer(Some(pod)).await;
                self.both(async |store| store.end_child(by, ids[pod], at).await)
                    .await
            }
            Step::Begin(pod) => {
                let start = start(u32::try_from(pod).unwrap());
                self.both(async |store| store.begin_generation(ids[pod], &start).await)
                    .await
            }
            Step::Befriend {
                by,
                pair: (one, other),
            } => {
                let Some(pair) = PeerPair::new(ids[one], ids[other]) else {
                    return Ok(());
                };
                let by = self.writer(by).await;
                self.both(async |store| store.register_peer(by, pair, at).await)
                    .await
            }
            Step::Part {
                by,
                pair: (one, other),
            } => {
                let Some(pair) = PeerPair::new(ids[one], ids[other]) else {
                    return Ok(());
                };
                let by = self.writer(by).await;
                self.both(async |store| store.unregister_peer(by, pair, at).await)
                    .await
            }
            Step::Forget(pod) => {
                self.both(async |store| store.preview_forget(ids[pod]).await)
                    .await?;
                self.both(async |store| store.forget_pod(ids[pod], at).await)
                    .await?;
                self.renew(pod).await;
                Ok(())
            }
            Step::Send {
                from,
                to,
                order,
                again,
                once,
            } => {
                let kind = if order { Kind::Run } else { Kind::Notify };
                let body = if once { "the same" } else { &format!("{at:?}") };
                let fresh = Message {
                    kind,
                    accepted: at,
                    ..message(body)
                };
                let (to, sent) = match again {
                    Some(index) if !self.sent.is_empty() => index.get(&self.sent).clone(),
                    _ => (ids[to], fresh),
                };
                self.sent.push((to, sent.clone()));
                let sender = from.map_or(Sender::Operator, |from| Sender::Pod(ids[from]));
                let offer = Offer {
                    sender,
                    message: sent,
                    once,
                };
                self.both(async |store| store.accept(to, vec![offer.clone()]).await)
                    .await
            }
            Step::Fill { from, to, count } => {
                let to = ids[to];
                let sender = from.map_or(Sender::Operator, |from| Sender::Pod(ids[from]));
                let offers = (0..count).map(|number| Offer {
                    sender,
                    message: Message {
                        kind: Kind::Notify,
                        accepted: at,
                        ..message(&format!("{number} of {at:?}"))
                    },
                    once: false,
                });
                let offers: Vec<_> = offers.collect();
                let sent = offers.iter().map(|offer| (to, offer.message.clone()));
                self.sent.extend(sent);
                self.both(async |store| store.accept(to, offers.clone()).await)
                    .await
            }
            Step::Settle {
                pod,
                which,
                old_generation,
            } => {
                let Some(id) = self.some_message(&which) else {
                    return Ok(());
                };
                let Writer::Pod(mut fence) = self.writer(Some(pod)).await else {
                    return Ok(());
                };
                fence.generation.0 += u64::from(old_generation);
                let receipt = Receipt {
                    outcome: Outcome::Answered,
                    settled: true,
                    ..Receipt::accepted(id, at)
                };
                let settled = DeliveryState::Settled;
                self.both(async |store| store.set_delivery(fence, id, settled, &receipt).await)
                    .await
            }
            Step::Cancel { pod, which } => match self.some_message(&which) {
                Some(id) => {
                    self.both(async |store| store.cancel(ids[pod], id, at).await)
                        .await
                }
                None => Ok(()),
            },
            Step::Gather(pod) => {
                let Writer::Pod(fence) = self.writer(Some(pod)).await else {
                    return Ok(());
                };
                self.both(async |store| store.gather_sent(fence).await)
                    .await
            }
            Step::Clear(pod) => {
                let Writer::Pod(fence) = self.writer(Some(pod)).await else {
                    return Ok(());
                };
                let all = OutboxPlace(u64::MAX >> 1);
                self.both(async |store| store.clear_outbox(fence, all).await)
                    .await
            }
            Step::Report(pod) => {
                let Writer::Pod(fence) = self.writer(Some(pod)).await else {
                    return Ok(());
                };
                let report = Report {
                    id: MessageId::generate(),
                    event: "turn_ended".to_owned(),
                    body: "it is idle".to_owned(),
                };
                self.both(async |store| store.report(fence, report.clone(), at).await)
                    .await
            }
        }
    }

    fn some_message(&self, which: &Index) -> Option<MessageId> {
        (!self.sent.is_empty()).then(|| which.get(&self.sent).1.id)
    }

    /// Gives a number whose pod is gone a new identity.
    async fn renew(&mut self, pod: usize) {
        if self.stores[0].pod(self.ids[pod]).await.unwrap().is_none() {
            self.ids[pod] = PodId::generate();
        }
    }

    async fn compare(&self) -> Result<(), TestCaseError> {
        let tenant = super::samples::fleet("default").tenant;
        self.both(async |store| store.peers(&tenant, None, Page::all()).await)
            .await?;
        for id in self.ids {
            self.both(async |store| store.pod(id).await).await?;
            self.both(async |store| store.inbox(id, Page::all()).await)
                .await?;
            self.both(async |store| store.undelivered(id, Page::all()).await)
                .await?;
            self.both(async |store| store.children(id, Page::all()).await)
                .await?;
            self.both(async |store| store.parent(id).await).await?;
            self.both(async |store| store.visible_pods(id, Page::all()).await)
                .await?;
            // Places may differ: what they number is the order.
            self.both(async |store| {
                let listing = store.outbox(id, Page::all()).await?;
                let events = listing.items.into_iter();
                Ok(events
                    .map(|event| (event.change, event.by, event.at))
                    .collect::<Vec<_>>())
            })
            .await?;
            for other in self.ids {
                self.both(async |store| store.waiting(id, Some(other), Page::all()).await)
                    .await?;
                self.both(async |store| store.relation(id, other).await)
                    .await?;
                // What one says of the other is what the other says of it.
                let there = self.stores[1].relation(id, other).await.unwrap();
                let back = self.stores[1].relation(other, id).await.unwrap();
                prop_assert_eq!((there.peer, there.parent), (back.peer, back.child));
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_history_is_told_alike_by_both_stores(steps in steps()) {
        let directory = tempfile::tempdir().unwrap();
        let sqlite = SqliteStore::open(&directory.path().join("store.db")).unwrap();
        let memory = MemoryStore::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut history = History {
                stores: [&memory, &sqlite],
                ids: std::array::from_fn(|_| PodId::generate()),
                sent: Vec::new(),
                time: 0,
            };
            for step in &steps {
                history.take(step).await?;
            }
            history.compare().await
        })?;
        let check = runtime.block_on(sqlite.check()).unwrap();
        prop_assert_eq!(check.findings, []);
    }
}
