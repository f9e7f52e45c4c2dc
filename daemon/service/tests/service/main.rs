//! The service at work: on the memory store with faults put in, and on the real one.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

mod authorization;
mod composition;
mod faults;
mod full_disk;
mod log;
mod model;
mod points_in_time;
mod reading;
mod restart;
mod roles;
mod rollback;
mod schemas;
mod secrets;
mod table;
mod trouble;
mod two_writers;
mod visibility;
mod watching;
mod world;
mod writing;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use kontraktor_domain::{Batch, BatchOutcome, Refusal, WriteItem};
use kontraktor_service::{Service, ServiceOptions};
use kontraktor_store::Store;
use kontraktor_store_duckdb::{DataDir, DuckDbOptions, DuckDbStore};
use world::caller;

/// A clock that is set by hand.
#[derive(Clone)]
struct HandClock(Arc<AtomicI64>);

impl HandClock {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_767_323_045_678_901)))
    }

    fn advance(&self, duration: Duration) {
        self.0.fetch_add(i64::try_from(duration.as_micros()).unwrap(), Ordering::Relaxed);
    }
}

impl kontraktor_service::Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

fn start(store: Arc<dyn Store>) -> Service {
    start_with(store, ServiceOptions::default())
}

fn start_with(store: Arc<dyn Store>, options: ServiceOptions) -> Service {
    Service::start(store, Arc::new(HandClock::new()), options).unwrap()
}

fn duckdb(dir: &Path) -> Arc<DuckDbStore> {
    duckdb_with(dir, DuckDbOptions::default().idle)
}

/// The write-ahead log is moved into the database after so long without a request.
fn duckdb_with(dir: &Path, idle: Duration) -> Arc<DuckDbStore> {
    let options = DuckDbOptions { idle, ..DuckDbOptions::default() };
    Arc::new(DuckDbStore::open(DataDir::lock(dir).unwrap(), options).unwrap())
}

/// Writes a batch whose groups are single items.
async fn write(service: &Service, id: u128, items: Vec<WriteItem>) -> Result<BatchOutcome, Refusal> {
    let batch = world::batch(id, items.into_iter().map(|item| vec![item]).collect());
    submit(service, batch).await
}

async fn submit(service: &Service, batch: Batch) -> Result<BatchOutcome, Refusal> {
    let caller = caller();
    let answer = service.write_variables(&caller, batch);
    tokio::time::timeout(Duration::from_mins(2), answer).await.expect("nobody is left waiting")
}

/// Waits until something holds.
async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), waiting).await.expect("in time");
}

async fn drained(service: &Service) {
    assert!(service.drain(Duration::from_mins(2)).await, "drained in time");
}
