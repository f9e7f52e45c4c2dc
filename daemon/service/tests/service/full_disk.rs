//! The service on a disk that is full: a small tmpfs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use kontraktor_domain::Code;
use kontraktor_service::{PageRequest, ServiceOptions};
use kontraktor_store::{AuditQuery, Store, StoreError};
use tempfile::TempDir;

use super::{
    drained, duckdb, duckdb_with, start_with,
    world::{caller, put},
    write,
};

/// A file system of 4 MiB.
struct SmallDisk {
    dir: TempDir,
}

impl SmallDisk {
    /// None: this user may not mount.
    fn mount() -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let options = ["-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(dir.path()).output().ok()?;
        mounted.status.success().then_some(Self { dir })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the test may have failed with files still open.
        let _ = Command::new("umount").arg("-l").arg(self.dir.path()).output();
    }
}

fn fill(path: &Path) {
    let free = nix::sys::statvfs::statvfs(path.parent().unwrap()).unwrap();
    let bytes = free.blocks_available() * free.fragment_size();
    fs::write(path, vec![1; usize::try_from(bytes).unwrap()]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_survived() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: this user may not mount a tmpfs");
        return;
    };
    let options = ServiceOptions { retry: Duration::from_millis(50), ..ServiceOptions::default() };
    let open = || duckdb_with(&disk.path("data"), Duration::from_millis(50));
    let service = start_with(open(), options.clone());
    write(&service, 1, vec![put("demo/dev", "KEPT", "1")]).await.unwrap();
    let ballast = disk.path("ballast");
    fill(&ballast);

    let big = "x".repeat(60_000);
    let mut kept = 0;
    let mut refused = 0;
    for i in 0..20 {
        match write(&service, 100 + i, vec![put("demo/dev", &format!("BIG{i}"), &big)]).await {
            Ok(_) => kept += 1,
            Err(refusal) => {
                assert_eq!(refusal.code, Code::StorageFull, "{refusal}");
                refused += 1;
                assert!(service.status(&caller()).unwrap().write_error.is_some());
            }
        }
        let log = service.audit(&caller(), AuditQuery::default(), &PageRequest::default()).await.unwrap();
        assert_eq!(log.items.len(), 3 + kept, "reads continue, and show what was acknowledged");
    }
    assert!(refused > 10, "{refused} refused, {kept} kept");

    fs::remove_file(&ballast).unwrap();
    let outcome = write(&service, 100 + 19, vec![put("demo/dev", "BIG19", &big)]).await.unwrap();
    assert!(!outcome.replayed);
    assert_eq!(service.status(&caller()).unwrap().write_error, None);
    assert!(service.verify(&caller(), None).await.unwrap().is_intact());

    // A checkpoint that finds no room costs DuckDB its instance.
    fill(&ballast);
    drained(&service).await;
    let state = service.state(&caller()).unwrap();
    drop(service);
    fs::remove_file(&ballast).unwrap();
    let service = start_with(open(), options);
    assert_eq!(service.state(&caller()).unwrap().head(), state.head());
    assert_eq!(service.state(&caller()).unwrap().variable_count(), kept + 2);
    assert!(service.verify(&caller(), Some(state.head())).await.unwrap().is_intact());
    drained(&service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_without_room_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: this user may not mount a tmpfs");
        return;
    };
    let store = duckdb(&disk.path("data"));
    let service = start_with(Arc::clone(&store) as _, ServiceOptions::default());
    write(&service, 1, vec![put("demo/dev", "BIG", &"x".repeat(60_000))]).await.unwrap();
    let head = service.status(&caller()).unwrap().head.unwrap();
    fill(&disk.path("ballast"));
    let error = store.checkpoint().unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    assert_eq!(store.recover().unwrap(), head, "the rows are in the write-ahead log");
    assert!(service.verify(&caller(), Some(head)).await.unwrap().is_intact());
    fs::remove_file(disk.path("ballast")).unwrap();
    write(&service, 2, vec![put("demo/dev", "NEXT", "1")]).await.unwrap();
    store.checkpoint().unwrap();
    drained(&service).await;
}
