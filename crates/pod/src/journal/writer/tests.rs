use std::sync::atomic::Ordering;

use podfleet_protocol::Run;

use super::*;
use crate::testing::Bench;

async fn launch(bench: &mut Bench) -> Result<(), String> {
    bench.shared.journal.launch(Entry::Launch {
        run: Run(1),
        argv: vec!["agent".into()],
        env_names: Vec::new(),
        told: "be kind".into(),
    });
    match bench.commands.recv().await {
        Some(Command::LaunchCommitted(result)) => result,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_launch_is_told_of_only_when_the_disk_has_it() {
    let mut bench = Bench::new();
    assert_eq!(launch(&mut bench).await, Ok(()));
    assert!(bench.promises.kept.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_launch_that_the_disk_does_not_keep_is_told_of_as_failed_until_it_keeps_one() {
    let mut bench = Bench::new();
    bench.promises.refused.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = launch(&mut bench).await.unwrap_err();
        assert!(error.contains("no storage space"), "{error}");
    }
    bench.promises.refused.store(false, Ordering::SeqCst);
    assert_eq!(launch(&mut bench).await, Ok(()));
    assert!(bench.promises.kept.load(Ordering::SeqCst));
}
