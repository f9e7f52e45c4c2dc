//! Writes and reads of single variables beside etcd on the same disk, and the floor of every durable store: an fsync.

use std::{
    fs::File,
    future::Future,
    io::Write as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use kontraktor_proto::{
    client::{Client, ClientOptions, new_batch_id},
    endpoint::Host,
    v1,
};
use testkit::World;

use crate::{
    etcd::{Etcd, EtcdClient},
    report,
};

const LENGTH: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;
const MANY: usize = 64;

pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(timed());
}

async fn timed() {
    report::line(&format!("\nwrites and reads, {ROUNDS} rounds of {} s each, in turn", LENGTH.as_secs()));
    let world = World::new();
    let etcd = Etcd::start(world.path()).await;
    if etcd.is_none() {
        report::line("etcd is not installed (Debian's etcd-server): no figures of it");
    }
    let host = Host::parse(Some(&world.host())).expect("a host");
    for clients in [1, MANY] {
        let mut syncs = Vec::new();
        let (mut ours, mut theirs) = (Figures::default(), Figures::default());
        for _ in 0..ROUNDS {
            syncs.push(fsyncs(world.path()));
            ours.add(all(clients, |number| write(host.clone(), number)).await);
            if let Some(etcd) = &etcd {
                let connected = connections(etcd, clients).await;
                theirs.add(all(clients, |number| write_etcd(connected[number].clone(), number)).await);
            }
        }
        let what = format!("{clients} client(s), writes");
        report::row(&format!("{what}/s"), "/s", &ours.rates, Some(("fsync", &syncs)));
        compare(&what, &ours, &theirs);
    }
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..ROUNDS {
        ours.add(all(MANY, |number| read(host.clone(), number)).await);
        if let Some(etcd) = &etcd {
            let connected = connections(etcd, MANY).await;
            theirs.add(all(MANY, |number| read_etcd(connected[number].clone(), number)).await);
        }
    }
    compare(&format!("{MANY} clients, reads"), &ours, &theirs);
}

/// Rates and latencies of each round.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    medians: Vec<f64>,
    p99s: Vec<f64>,
}

impl Figures {
    fn add(&mut self, mut latencies: Vec<f64>) {
        latencies.sort_by(f64::total_cmp);
        let at = |place: usize| latencies.get(place).copied().unwrap_or(f64::NAN);
        #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
        self.rates.push(latencies.len() as f64 / LENGTH.as_secs_f64());
        self.medians.push(at(latencies.len() / 2));
        self.p99s.push(at(latencies.len() * 99 / 100));
    }
}

fn compare(what: &str, ours: &Figures, theirs: &Figures) {
    let rival = |figures| Some(("etcd", figures)).filter(|_| !theirs.rates.is_empty());
    report::row(&format!("{what}/s"), "/s", &ours.rates, rival(theirs.rates.as_slice()));
    report::row(&format!("{what}, median"), "ms", &ours.medians, rival(theirs.medians.as_slice()));
    report::row(&format!("{what}, p99"), "ms", &ours.p99s, rival(theirs.p99s.as_slice()));
}

/// Returns fsyncs per second of a file that grows by 4 KiB each time.
fn fsyncs(folder: &Path) -> f64 {
    let mut file = File::create(folder.join("fsync")).expect("a file");
    let block = [0_u8; 4096];
    let began = Instant::now();
    let mut count = 0_u32;
    while began.elapsed() < Duration::from_secs(1) {
        file.write_all(&block).expect("room");
        file.sync_data().expect("a disk");
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// Runs all clients, and returns the latency of each request in milliseconds.
async fn all<F>(clients: usize, client: impl Fn(usize) -> F) -> Vec<f64>
where
    F: Future<Output = Vec<f64>> + Send + 'static,
{
    let tasks: Vec<_> = (0..clients).map(|number| tokio::spawn(client(number))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("the client ends"));
    }
    latencies
}

/// Repeats a request until the time is over.
async fn repeat<F: Future<Output = ()>>(mut request: impl FnMut(usize) -> F) -> Vec<f64> {
    let began = Instant::now();
    let mut latencies = Vec::new();
    while began.elapsed() < LENGTH {
        let sent = Instant::now();
        request(latencies.len()).await;
        latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    latencies
}

async fn connections(etcd: &Etcd, clients: usize) -> Vec<EtcdClient> {
    let mut connected = Vec::new();
    for _ in 0..clients {
        connected.push(etcd.client().await.expect("a connection"));
    }
    connected
}

fn environment(number: usize) -> v1::EnvironmentName {
    v1::EnvironmentName { project: "bench".into(), env: format!("client-{number}") }
}

fn key(number: usize) -> String {
    format!("KEY_{}", number % 100)
}

/// Another one each time: a write of what is there already takes no sync.
fn value() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("value {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

async fn write(host: Host, number: usize) -> Vec<f64> {
    let client = Client::new(ClientOptions::new(host, "bench"));
    let client = &client;
    repeat(|count| async move {
        let request = v1::WriteVariablesRequest {
            batch_id: new_batch_id(),
            groups: vec![v1::WriteGroup {
                items: vec![v1::WriteItem {
                    environment: Some(environment(number)),
                    key: key(count),
                    operation: Some(v1::write_item::Operation::Put(v1::Put {
                        r#type: v1::ValueType::String.into(),
                        content: Some(v1::put::Content::Value(value())),
                        description: String::new(),
                        create_missing: true,
                        deletion_protection: None,
                    })),
                    expect: None,
                }],
            }],
        };
        let answer = client.write_variables(request).await.expect("an answer");
        assert!(answer.results.iter().all(|r| r.status == i32::from(v1::WriteStatus::Written)), "{answer:?}");
    })
    .await
}

async fn read(host: Host, number: usize) -> Vec<f64> {
    let client = Client::new(ClientOptions::new(host, "bench"));
    let client = &client;
    repeat(|_| async move {
        let request = v1::GetVariableRequest { environment: Some(environment(number)), key: key(0) };
        client.get_variable(request).await.expect("an answer");
    })
    .await
}

async fn write_etcd(client: EtcdClient, number: usize) -> Vec<f64> {
    repeat(|count| {
        let mut client = client.clone();
        async move {
            let key = format!("bench/client-{number}/{}", key(count));
            client.put(&key, &value()).await.expect("an answer");
        }
    })
    .await
}

async fn read_etcd(client: EtcdClient, number: usize) -> Vec<f64> {
    repeat(|_| {
        let mut client = client.clone();
        async move {
            client.get(&format!("bench/client-{number}/{}", key(0))).await.expect("an answer");
        }
    })
    .await
}
