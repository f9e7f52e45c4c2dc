//! What composing an environment costs a reader: ten layers of 1,000 keys, against one environment that holds as many.
//! `cargo bench -p kontraktor-service --bench resolve` prints microseconds.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot continue panics")]

use std::{hint::black_box, io::Write as _, sync::Arc, time::Instant};

use kontraktor_access::{Caller, Scopes};
use kontraktor_domain::{
    Batch, CreateEnvironment, EnvironmentSettings, Expect, Operate, Put, PutContent, WriteItem,
};
use kontraktor_model::{names::EnvPath, value::ValueType};
use kontraktor_service::{Clock, Service, ServiceOptions};
use kontraktor_store::MemoryStore;

const LAYERS: usize = 10;
const KEYS: usize = 1_000;
const ROUNDS: usize = 500;

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

fn caller() -> Caller {
    Caller::new("unix:bench", "bench", Scopes::ALL)
}

fn path(env: &str) -> EnvPath {
    EnvPath::new("bench", env).unwrap()
}

/// An environment of its own keys and imports.
async fn fill(service: &Service, env: &str, keys: impl Iterator<Item = String>, imports: Vec<EnvPath>) {
    let items = keys.map(|key| WriteItem {
        project: "bench".to_owned(),
        env: env.to_owned(),
        key,
        operation: Ok(Operate::Put(Put {
            content: PutContent::Value {
                value_type: ValueType::String,
                text: format!("https://{env}.example.org/a/path"),
            },
            description: String::new(),
            create_missing: true,
            protected: None,
        })),
        expect: Expect::Nothing,
    });
    let id = uuid::Uuid::new_v4();
    service.write_variables(&caller(), Batch { id, groups: vec![items.collect()] }).await.unwrap();
    let request = CreateEnvironment {
        path: path(env),
        settings: EnvironmentSettings { imports, ..EnvironmentSettings::default() },
        create_missing: true,
        adopt_existing: true,
    };
    service.create_environment(&caller(), request).await.unwrap();
}

/// Ten environments of which each imports the one before; the name of the last.
async fn chain(service: &Service, name: &str, key: impl Fn(usize, usize) -> String) -> String {
    let mut imports = Vec::new();
    for layer in 0..LAYERS {
        let env = format!("{name}-{layer}");
        fill(service, &env, (0..KEYS).map(|i| key(layer, i)), std::mem::take(&mut imports)).await;
        imports.push(path(&env));
    }
    format!("{name}-{}", LAYERS - 1)
}

/// One of which imports nine others directly.
async fn fan(service: &Service) -> String {
    let mut imports = Vec::new();
    for layer in 1..LAYERS {
        let env = format!("fan-{layer}");
        fill(service, &env, (0..KEYS).map(|i| format!("APP_{layer}_KEY_{i}")), Vec::new()).await;
        imports.push(path(&env));
    }
    fill(service, "fan", (0..KEYS).map(|i| format!("APP_0_KEY_{i}")), imports).await;
    "fan".to_owned()
}

/// Prints the median and the extremes of some rounds, in microseconds.
fn report(what: &str, mut round: impl FnMut() -> usize) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            black_box(round());
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let (low, median, high) = (times[0], times[ROUNDS / 2], times[ROUNDS - 1]);
    let line = format!("{what:<52} {median:9.1} µs ({low:.1} to {high:.1}), {} entries\n", round());
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let service = runtime.block_on(async {
        Service::start(Arc::new(MemoryStore::new()), Arc::new(Midnight), ServiceOptions::default()).unwrap()
    });
    let (flat, distinct, shadowed, interleaved, fan) = runtime.block_on(async {
        fill(&service, "flat", (0..LAYERS * KEYS).map(|i| format!("APP_KEY_{i:05}")), Vec::new()).await;
        (
            path("flat"),
            path(&chain(&service, "distinct", |layer, i| format!("APP_{layer}_KEY_{i:05}")).await),
            path(&chain(&service, "shadowed", |_, i| format!("APP_KEY_{i:05}")).await),
            path(&chain(&service, "mixed", |layer, i| format!("APP_KEY_{i:05}_{layer}")).await),
            path(&fan(&service).await),
        )
    });
    for (what, path) in [
        ("one environment of 10,000 keys", &flat),
        ("a chain of 10 x 1,000 keys, side by side", &distinct),
        ("a chain of 10 x 1,000 keys, all the same", &shadowed),
        ("a chain of 10 x 1,000 keys, interleaved", &interleaved),
        ("nine imports beside each other, side by side", &fan),
    ] {
        report(what, || service.snapshot(&caller(), path, false).unwrap().variables("").len());
        report("  its version alone", || service.snapshot(&caller(), path, false).unwrap().version().len());
    }
}
