//! Restarts on a log of some size: it is read in portions, none of which may be lost.

use std::time::Duration;

use kontraktor_store::Store as _;
use tempfile::TempDir;

use super::{
    drained, duckdb, duckdb_with, start, until,
    world::{caller, delete, expecting_absence, put},
    write,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_read_back_whole() {
    let dir = TempDir::new().unwrap();
    let service = start(duckdb(dir.path()));
    let key = |i: u32| format!("KEY{i}");
    for (id, keys) in [(1, 0..10_000), (2, 5_000..12_000)] {
        write(&service, id, keys.map(|i| put("demo/dev", &key(i), &format!("{id} {i}"))).collect())
            .await
            .unwrap();
    }
    let mixed = |i: u32| match i % 3 {
        0 => delete("demo/dev", &key(i)),
        1 => put("demo/other", &key(i), "3"),
        _ => expecting_absence(put("demo/dev", &key(i), "3")),
    };
    let third: Vec<_> = (0..3_000).map(mixed).collect();
    let first_answer = write(&service, 3, third.clone()).await.unwrap();
    drained(&service).await;
    let state = service.state(&caller()).unwrap();
    drop(service);

    let store = duckdb(dir.path());
    assert!(store.head().unwrap().seq > 18_000);
    let service = start(store);
    assert!(*service.state(&caller()).unwrap() == *state, "the state is the same as before");
    let replayed = write(&service, 3, third).await.unwrap();
    assert!(replayed.replayed);
    assert_eq!(replayed.results, first_answer.results);
    drained(&service).await;
}

/// Stopping has seconds, and a checkpoint of a large write-ahead log takes longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_write_ahead_log_is_moved_after_the_next_start() {
    let dir = TempDir::new().unwrap();
    let wal = dir.path().join("kontraktor.duckdb.wal");
    let size = || std::fs::metadata(&wal).map_or(0, |metadata| metadata.len());
    let service = start(duckdb_with(dir.path(), Duration::from_mins(10)));
    let big = "x".repeat(60_000);
    for id in 1..=2 {
        let key = |i: u32| format!("KEY{i}");
        write(&service, id, (0..600).map(|i| put("demo/dev", &key(i), &format!("{id}{big}"))).collect())
            .await
            .unwrap();
    }
    let head = service.status(&caller()).unwrap().head.unwrap();
    drained(&service).await;
    drop(service);
    assert!(size() > 64 * 1024 * 1024, "{}", size());

    let service = start(duckdb_with(dir.path(), Duration::from_millis(50)));
    until(|| size() == 0).await;
    assert_eq!(service.status(&caller()).unwrap().head.unwrap(), head);
    assert!(service.verify(&caller(), Some(head)).await.unwrap().is_intact());
    drained(&service).await;
}
