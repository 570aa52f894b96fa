//! Whose pod was killed: that it cannot tell, so its parent looks.

use podfleet_pod_store::{ChildRecord, Page, PodRecord, PodState, StoreError};

use super::Writer;
use crate::clock;
use crate::lifecycle;
use crate::lock;
use crate::paths::StatePaths;

impl Writer {
    /// Reports of each child whose pod was killed what that would tell at its next start, and takes
    /// it in.
    pub(super) async fn look_after_children(&mut self) {
        match self.report_killed().await {
            Ok(0) => {}
            Ok(_) => self.copy_outbox().await,
            Err(error) => tracing::warn!(%error, "cannot look after the children"),
        }
    }

    /// Returns how many there are.
    async fn report_killed(&self) -> Result<u32, StoreError> {
        let children = self.store.children(self.fence.pod, Page::all()).await?;
        // One that was stopped by order, or is not there yet, is somebody else's business.
        let wanted = |child: &&ChildRecord| child.spawned.confirmed && child.ended.is_none();
        let mut reported = 0;
        for child in children.items.iter().filter(wanted) {
            if let Some(dead) = self.killed(child).await? {
                self.report(child, &dead).await?;
                reported += 1;
            }
        }
        Ok(reported)
    }

    /// Returns the record of a child whose pod was killed. A pod that ends says so in its record while
    /// it holds its lock: one that said nothing, and does not hold it any more, had no time to.
    async fn killed(&self, child: &ChildRecord) -> Result<Option<PodRecord>, StoreError> {
        let lock = StatePaths::new(&self.shared.state_dir).lock(child.child.id);
        if lock::is_held(&lock) {
            return Ok(None);
        }
        let Some(before) = self.living(child).await? else {
            return Ok(None);
        };
        // This generation has held it: now it has not only not got it yet.
        if lock::is_held(&lock) {
            return Ok(None);
        }
        let now = self.living(child).await?;
        Ok(now.filter(|now| now.generation == before.generation))
    }

    /// Returns the record of a child that says that it lives.
    async fn living(&self, child: &ChildRecord) -> Result<Option<PodRecord>, StoreError> {
        let record = self.store.pod(child.child.id).await?;
        Ok(record.filter(|record| record.state == PodState::Live))
    }

    /// Reports in the place of a child, and says in its record that it does not live. Its next start
    /// says the same under the same id, if this one is the first that finds it so.
    async fn report(&self, child: &ChildRecord, dead: &PodRecord) -> Result<(), StoreError> {
        let (fence, now) = (dead.fence(), clock::wall());
        let report = lifecycle::found_killed(&child.child, dead.generation);
        self.store.report(fence, report, now).await?;
        self.store
            .set_pod_state(fence, PodState::Stopped, now)
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use podfleet_pod_store::{
        Endpoint, GenerationStart, NewChild, NewPod, RelationChange, SpecText, Writer as By,
    };
    use podfleet_protocol::{Generation, Identity, PodId, PodName};

    use super::*;
    use crate::testing::Bench;

    fn new(bench: &Bench, identity: Identity) -> NewPod {
        NewPod {
            identity,
            class: "member".into(),
            alias: None,
            runtime: "sim".into(),
            spec: SpecText::of(&()).unwrap(),
            runtime_dir: bench.directory.path().to_owned(),
            at: clock::wall(),
        }
    }

    async fn begin(bench: &Bench, pod: PodId) {
        let paths = &bench.shared.paths;
        let start = GenerationStart {
            endpoint: Endpoint {
                socket: paths.socket.clone(),
                heartbeat: paths.heartbeat.clone(),
                pid: 1,
                build: String::new(),
            },
            at: clock::wall(),
            above: Generation(0),
        };
        let begun = bench.shared.store.begin_generation(pod, &start);
        begun.await.unwrap();
    }

    /// Makes the pod of the bench the parent of one that lives, and returns that with its lock.
    async fn with_child() -> (Bench, PodId, File) {
        let bench = Bench::new();
        let store = &bench.shared.store;
        let parent = bench.shared.identity.clone();
        store.put_pod(new(&bench, parent.clone())).await.unwrap();
        begin(&bench, parent.id).await;
        let identity = Identity {
            id: PodId::generate(),
            name: PodName::new("helper").unwrap(),
            ..parent.clone()
        };
        let child = NewChild {
            pod: new(&bench, identity),
            parent: Some(parent.id),
            scope: serde_json::json!({}),
        };
        let child = store.reserve_child(By::Operator, child).await.unwrap();
        let id = child.identity.id;
        let path = StatePaths::new(&bench.shared.state_dir).lock(id);
        let lock = lock::lock(&path).unwrap().unwrap();
        begin(&bench, id).await;
        let confirmed = store.confirm_child(By::Operator, id, clock::wall());
        confirmed.await.unwrap();
        (bench, id, lock)
    }

    /// Looks, and returns what the parent has in its inbox then.
    async fn found(bench: &Bench) -> Vec<String> {
        bench.shared.journal.look_after_children();
        bench.shared.journal.flush().await;
        let pod = bench.shared.identity.id;
        let inbox = bench.shared.store.inbox(pod, Page::all()).await.unwrap();
        let bodies = inbox.items.into_iter().map(|entry| entry.message.body);
        bodies.collect()
    }

    #[tokio::test]
    async fn a_child_that_was_killed_is_reported_once() {
        let (bench, child, lock) = with_child().await;
        assert_eq!(found(&bench).await, [""; 0]);
        drop(lock);
        for _ in 0..2 {
            let told = found(&bench).await;
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(
                told[0].starts_with("errored: `helper`: its pod was killed"),
                "{told:?}"
            );
        }
        // Its next start finds that by itself, if it read its record before: it is the same message.
        let store = &bench.shared.store;
        let label = store.parent(child).await.unwrap().unwrap().child;
        let report = lifecycle::found_killed(&label, Generation(1));
        let fence = store.pod(child).await.unwrap().unwrap().fence();
        store.report(fence, report, clock::wall()).await.unwrap();
        bench.shared.journal.copy_outbox();
        assert_eq!(found(&bench).await.len(), 1);
    }

    #[tokio::test]
    async fn a_child_that_ended_or_was_stopped_is_not_taken_for_killed() {
        let (bench, child, lock) = with_child().await;
        let store = &bench.shared.store;
        let fence = store.pod(child).await.unwrap().unwrap().fence();
        drop(lock);
        let stopped = store.set_pod_state(fence, PodState::Stopped, clock::wall());
        stopped.await.unwrap();
        assert_eq!(found(&bench).await, [""; 0]);

        let (bench, child, lock) = with_child().await;
        let ended = bench
            .shared
            .store
            .end_child(By::Operator, child, clock::wall());
        assert!(ended.await.unwrap());
        drop(lock);
        assert_eq!(found(&bench).await, [""; 0]);
        let outbox = bench
            .shared
            .store
            .outbox(bench.shared.identity.id, Page::all());
        let events = outbox.await.unwrap().items;
        let reports = events
            .iter()
            .filter(|event| matches!(event.change, RelationChange::ChildReported { .. }));
        assert_eq!(reports.count(), 0);
    }
}
