//! What every store does. A further store is one more module in [`on_every_store`].

/// Runs each function as a test of each store.
macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&podfleet_pod_store::MemoryStore::new()).await;
            })+
        }

        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("store.db");
                let store = podfleet_pod_store::SqliteStore::open(&path).unwrap();
                super::$test(&store).await;
            })+
        }
    };
}

mod acceptance;
mod chat;
mod children;
mod generations;
mod messages;
mod outbox;
mod peers;
mod pods;
mod relating;
mod retention;
mod sent;
mod visibility;
