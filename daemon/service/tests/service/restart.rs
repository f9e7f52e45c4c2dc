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

/// However much was written, a start reads little: stopping leaves everything in the database, and a kill little in the journal.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_in_the_database_when_the_daemon_has_stopped() {
    let dir = TempDir::new().unwrap();
    let bytes = |part: &str| -> u64 {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap());
        let named = files.filter(|file| file.file_name().to_string_lossy().contains(part));
        named.map(|file| file.metadata().unwrap().len()).sum()
    };
    let service = start(duckdb_with(dir.path(), Duration::from_mins(10)));
    let big = "x".repeat(60_000);
    for id in 1..=3 {
        let key = |i: u32| format!("KEY{i}");
        write(&service, id, (0..600).map(|i| put("demo/dev", &key(i), &format!("{id}{big}"))).collect())
            .await
            .unwrap();
    }
    // 36 MB of values each time.
    until(|| bytes(".journal.") < 100 * 1024 * 1024 && bytes(".wal") < 64 * 1024 * 1024).await;
    let head = service.status(&caller()).unwrap().head.unwrap();
    drained(&service).await;
    drop(service);
    assert_eq!(bytes(".wal"), 0);

    let service = start(duckdb_with(dir.path(), Duration::from_millis(50)));
    assert_eq!(service.status(&caller()).unwrap().head.unwrap(), head);
    assert!(service.verify(&caller(), Some(head)).await.unwrap().is_intact());
    drained(&service).await;
}
