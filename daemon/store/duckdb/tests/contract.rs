//! The contract of every store, on DuckDB.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use kontraktor_store::{
    Store as _,
    contract::{Fixture, filled},
    contract_tests,
};
use kontraktor_store_duckdb::{DataDir, DuckDbOptions, DuckDbStore};
use tempfile::TempDir;

fn duckdb() -> Fixture {
    let dir = TempDir::new().unwrap();
    let locked = DataDir::lock(dir.path()).unwrap();
    Fixture::new(DuckDbStore::open(locked, DuckDbOptions::default()).unwrap(), dir)
}

contract_tests!(duckdb);

#[test]
fn a_database_opened_again_holds_the_same() {
    let dir = TempDir::new().unwrap();
    let open = || DuckDbStore::open(DataDir::lock(dir.path()).unwrap(), DuckDbOptions::default()).unwrap();
    let store = open();
    let (world, _) = filled(&store);
    // Not closed, as after kill -9: the rows are in the write-ahead log only.
    drop(store);
    let store = open();
    assert_eq!(store.load(world.now).unwrap(), world.state);
    store.close().unwrap();
    drop(store);
    assert_eq!(open().load(world.now).unwrap(), world.state);
}
