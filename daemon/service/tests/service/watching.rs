//! Watching environments: each change once, in order, imports followed, and missed ones out of the log.

use std::{sync::Arc, time::Duration};

use kontraktor_access::{Caller, Scopes};
use kontraktor_domain::{Code, CreateEnvironment, DeleteEnvironment, EnvironmentSettings, UpdateEnvironment};
use kontraktor_model::names::{EnvPath, Key};
use kontraktor_service::{EnvironmentChange, Service, Watch};
use kontraktor_store::{MemoryStore, Store};
use proptest::{prelude::*, test_runner::TestRunner};
use tokio::time::timeout;

use super::{
    duckdb, start, submit,
    world::{batch, caller, put},
    write,
};

fn path(text: &str) -> EnvPath {
    text.parse().unwrap()
}

async fn watch(service: &Service, env: &str, after: Option<&str>) -> Watch {
    service.watch(&caller(), path(env), false, after).await.unwrap()
}

async fn next(watch: &mut Watch) -> Arc<EnvironmentChange> {
    timeout(Duration::from_mins(1), watch.next()).await.expect("in time").expect("a change").unwrap()
}

/// Nothing more is to be heard.
async fn silent(watch: &mut Watch) {
    assert!(timeout(Duration::from_millis(100), watch.next()).await.is_err());
}

/// Creates `demo/base` and `demo/dev`, which imports it, each with a key.
async fn composed(service: &Service) {
    write(service, 1, vec![put("demo/base", "A", "1")]).await.unwrap();
    let command = CreateEnvironment {
        path: path("demo/dev"),
        settings: EnvironmentSettings { imports: vec![path("demo/base")], ..EnvironmentSettings::default() },
        create_missing: true,
        adopt_existing: false,
    };
    service.create_environment(&caller(), command).await.unwrap();
    write(service, 2, vec![put("demo/dev", "B", "1")]).await.unwrap();
}

/// The origin, the revision, and the keys.
fn brief(change: &EnvironmentChange) -> String {
    let keys: Vec<_> = change.keys.iter().map(Key::as_str).collect();
    format!("{} {} {}", change.origin, change.revision, keys.join(","))
}

#[tokio::test]
async fn changes_of_an_environment_and_its_imports_are_heard_in_order() {
    let service = start(Arc::new(MemoryStore::new()));
    composed(&service).await;
    let mut both = watch(&service, "demo/dev", None).await;
    let mut own = service.watch(&caller(), path("demo/dev"), true, None).await.unwrap();
    write(&service, 3, vec![put("demo/dev", "B", "2"), put("demo/dev", "C", "2")]).await.unwrap();
    write(&service, 4, vec![put("demo/base", "A", "2")]).await.unwrap();
    write(&service, 5, vec![put("demo/other", "A", "2")]).await.unwrap();
    write(&service, 6, vec![put("demo/dev", "B", "3")]).await.unwrap();
    for expected in ["demo/dev 3 B,C", "demo/base 3 A", "demo/dev 4 B"] {
        assert_eq!(brief(&*next(&mut both).await), expected);
    }
    for expected in ["demo/dev 3 B,C", "demo/dev 4 B"] {
        assert_eq!(brief(&*next(&mut own).await), expected);
    }
    silent(&mut both).await;
    silent(&mut own).await;
}

/// The name of an actor is a row before the others of its command, and about no environment.
#[tokio::test]
async fn a_name_is_no_change_of_an_environment() {
    let dir = tempfile::TempDir::new().unwrap();
    for service in [start(Arc::new(MemoryStore::new())), start(duckdb(dir.path()))] {
        composed(&service).await;
        let version = service.snapshot(&caller(), &path("demo/dev"), false).unwrap().version();
        let mut live = watch(&service, "demo/dev", None).await;
        for (id, env, name) in [(3, "demo/base", "Ada"), (4, "demo/dev", "Ada"), (5, "demo/dev", "Ada B.")] {
            let ada = Caller { display_name: Some(name.into()), ..caller() };
            let write = batch(id, vec![vec![put(env, "A", &id.to_string())], vec![put(env, "C", name)]]);
            service.write_variables(&ada, write).await.unwrap();
        }
        let mut resumed = watch(&service, "demo/dev", Some(&version)).await;
        for watch in [&mut live, &mut resumed] {
            for expected in ["demo/base 2 A,C", "demo/dev 3 A,C", "demo/dev 4 A,C"] {
                assert_eq!(brief(&*next(watch).await), expected);
            }
            silent(watch).await;
        }
    }
}

#[tokio::test]
async fn an_import_that_is_added_is_followed_and_one_that_is_removed_is_not() {
    let service = start(Arc::new(MemoryStore::new()));
    composed(&service).await;
    write(&service, 3, vec![put("demo/late", "L", "1")]).await.unwrap();
    let mut watched = watch(&service, "demo/dev", None).await;
    let import = |imports: Vec<EnvPath>| UpdateEnvironment {
        path: path("demo/dev"),
        description: None,
        protected: None,
        imports: Some(imports),
        expect: None,
    };
    service.update_environment(&caller(), import(vec![path("demo/late")])).await.unwrap();
    write(&service, 4, vec![put("demo/base", "A", "2")]).await.unwrap();
    write(&service, 5, vec![put("demo/late", "L", "2")]).await.unwrap();
    assert_eq!(brief(&*next(&mut watched).await), "demo/dev 3 ");
    assert_eq!(brief(&*next(&mut watched).await), "demo/late 3 L");
    silent(&mut watched).await;
}

#[tokio::test]
async fn a_batch_over_several_environments_has_the_new_version_at_its_end_only() {
    let service = start(Arc::new(MemoryStore::new()));
    composed(&service).await;
    let before = service.snapshot(&caller(), &path("demo/dev"), false).unwrap().version();
    let mut watched = watch(&service, "demo/dev", None).await;
    submit(&service, batch(3, vec![vec![put("demo/base", "A", "2"), put("demo/dev", "B", "2")]]))
        .await
        .unwrap();
    let after = service.snapshot(&caller(), &path("demo/dev"), false).unwrap().version();
    let (first, last) = (next(&mut watched).await, next(&mut watched).await);
    assert_eq!((brief(&first), brief(&last)), ("demo/base 3 A".to_owned(), "demo/dev 3 B".to_owned()));
    assert_eq!((first.version.as_ref(), last.version.as_ref()), (Some(&before), Some(&after)));
    // Resumed after the first, both come again: none is lost.
    let mut again = watch(&service, "demo/dev", first.version.as_deref()).await;
    assert_eq!((next(&mut again).await, next(&mut again).await), (first, last));
    silent(&mut again).await;
}

#[tokio::test]
async fn what_was_missed_comes_from_the_log_exactly_as_it_would_have_been_heard() {
    let dir = tempfile::tempdir().unwrap();
    for store in [Arc::new(MemoryStore::new()) as Arc<dyn Store>, duckdb(dir.path())] {
        let service = start(store);
        composed(&service).await;
        let mut watched = watch(&service, "demo/dev", None).await;
        let mut heard = Vec::new();
        for (id, env, keys) in [
            (3, "demo/dev", &["B"][..]),
            (4, "demo/base", &["A", "Z"]),
            (5, "demo/dev", &["C"]),
            (6, "demo/base", &["A"]),
        ] {
            let value = format!("value {id}");
            write(&service, id, keys.iter().map(|key| put(env, key, &value)).collect()).await.unwrap();
            heard.push(next(&mut watched).await);
        }
        for missed in 0..=heard.len() {
            let after = match missed {
                0 => continue,
                missed => heard[missed - 1].version.as_deref(),
            };
            let mut again = watch(&service, "demo/dev", after).await;
            for change in &heard[missed..] {
                assert_eq!(next(&mut again).await, *change, "after {missed}");
            }
            silent(&mut again).await;
        }
    }
}

#[tokio::test]
async fn a_version_that_is_not_known_is_a_reset() {
    let service = start(Arc::new(MemoryStore::new()));
    composed(&service).await;
    let current = service.snapshot(&caller(), &path("demo/dev"), false).unwrap().version();
    for unknown in ["", "x", "1-", "0-00", "2-000000000000000000000000", "99-00", "18446744073709551616-00"] {
        let mut watched = watch(&service, "demo/dev", Some(unknown)).await;
        let change = next(&mut watched).await;
        assert_eq!(
            (change.reset, change.version.as_ref(), change.revision),
            (true, Some(&current), 2),
            "{unknown}"
        );
        silent(&mut watched).await;
    }
}

#[tokio::test]
async fn a_slow_watcher_is_reset_and_continues_from_the_present() {
    let service = start(Arc::new(MemoryStore::new()));
    composed(&service).await;
    let mut watched = watch(&service, "demo/dev", None).await;
    for id in 0..400 {
        write(&service, 100 + id, vec![put("demo/dev", "B", &id.to_string())]).await.unwrap();
    }
    // The thread that sends may still be at it; what it sends about older rows is not heard after the reset.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let reset = next(&mut watched).await;
    assert!(reset.reset && reset.revision == 402, "{reset:?}");
    write(&service, 3, vec![put("demo/dev", "B", "last")]).await.unwrap();
    assert_eq!(brief(&*next(&mut watched).await), "demo/dev 403 B");
}

#[tokio::test]
async fn a_watch_ends_with_its_environment_with_its_rights_and_with_the_daemon() {
    let service = start(Arc::new(MemoryStore::new()));
    composed(&service).await;
    let mut base = watch(&service, "demo/base", None).await;
    let mut watched = watch(&service, "demo/dev", None).await;
    service
        .delete_environment(&caller(), DeleteEnvironment { path: path("demo/dev"), force: true })
        .await
        .unwrap();
    let last = next(&mut watched).await;
    assert!(last.deleted && last.version.is_none() && last.revision == 3, "{last:?}");
    assert!(watched.next().await.is_none());
    service.end_watches();
    assert!(timeout(Duration::from_mins(1), base.next()).await.unwrap().is_none());
    let refused = service.watch(&caller(), path("demo/base"), false, None).await.err().unwrap();
    assert_eq!(refused.code, Code::ShuttingDown);
}

#[tokio::test]
async fn nobody_watches_what_they_may_not_read_or_what_does_not_exist() {
    let service = start(Arc::new(MemoryStore::new()));
    composed(&service).await;
    let nobody = Caller::new("unix:eve", "test", Scopes::NONE);
    let refused = service.watch(&nobody, path("demo/dev"), false, None).await.err().unwrap();
    assert_eq!(refused.code, Code::Denied);
    let missing = service.watch(&caller(), path("demo/none"), false, None).await.err().unwrap();
    assert_eq!(missing.code, Code::NotFound);
}

#[tokio::test]
async fn a_watch_ends_with_the_credentials_of_its_caller() {
    let service = start(Arc::new(MemoryStore::new()));
    composed(&service).await;
    // The writer's thread is done: nothing but timers is waited for.
    tokio::time::pause();
    for (left, expected) in [
        (Some(jiff::SignedDuration::from_secs(40)), (40, Some(Code::Unauthenticated))),
        (Some(jiff::SignedDuration::from_secs(-5)), (0, Some(Code::Unauthenticated))),
        (Some(jiff::SignedDuration::from_hours(3)), (3600, None)),
        (None, (3600, None)),
    ] {
        let expires = left.map(|left| service.now() + left);
        let caller = Caller { expires, ..caller() };
        let begun = tokio::time::Instant::now();
        let mut watched = service.watch(&caller, path("demo/dev"), false, None).await.unwrap();
        let ended = watched.next().await.map(|ended| ended.unwrap_err().code);
        assert_eq!((begun.elapsed().as_secs(), ended), expected);
        assert!(watched.next().await.is_none());
    }
}

/// However writes and watchers interleave, each watcher hears every revision once and in order.
#[test]
fn every_revision_is_heard_once_by_every_watcher_whenever_it_comes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(ProptestConfig { cases: 16, ..ProptestConfig::default() });
    let joins = prop::collection::vec(0_u64..40, 1..6);
    runner
        .run(&joins, |joins| {
            runtime.block_on(async {
                let service = start(Arc::new(MemoryStore::new()));
                composed(&service).await;
                let mut listeners = Vec::new();
                for round in 0..40_u64 {
                    for _ in joins.iter().filter(|join| **join == round) {
                        let mut watched = watch(&service, "demo/dev", None).await;
                        listeners.push(tokio::spawn(async move {
                            let mut revisions = Vec::new();
                            while revisions.last() != Some(&42) {
                                revisions.push(next(&mut watched).await.revision);
                            }
                            revisions
                        }));
                    }
                    let id = 100 + u128::from(round);
                    write(&service, id, vec![put("demo/dev", "B", &round.to_string())]).await.unwrap();
                }
                for (listener, join) in listeners.into_iter().zip({
                    let mut joins = joins.clone();
                    joins.sort_unstable();
                    joins
                }) {
                    let expected: Vec<u64> = (join + 3..=42).collect();
                    assert_eq!(listener.await.unwrap(), expected);
                }
            });
            Ok(())
        })
        .unwrap();
}
