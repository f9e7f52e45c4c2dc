//! What composition costs a reader, and what a reader of a large snapshot costs a writer.

use std::time::{Duration, Instant};

use kontraktor_proto::{
    client::{Client, ClientOptions, new_batch_id},
    endpoint::Host,
    v1,
};
use testkit::World;

use crate::report;

const LAYERS: usize = 10;
const KEYS: usize = 1_000;
const ROUNDS: usize = 50;

/// 1 GB, which takes the daemon a while to send, and is nearly its limit.
const LARGE_KEYS: usize = 17_000;
const LARGE_VALUE: usize = 60_000;

const LENGTH: Duration = Duration::from_secs(5);

pub(crate) fn run() {
    report::line(&format!("\nresolve, {LAYERS} layers of {KEYS} keys"));
    let world = World::new();
    let host = Host::parse(Some(&world.host())).expect("a host");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = Client::new(ClientOptions::new(host.clone(), "bench"));
        composed(&client).await;
        stalled(&host, &client).await;
    });
}

async fn composed(client: &Client) {
    put(client, "flat", (0..LAYERS * KEYS).map(|i| (format!("APP_KEY_{i:05}"), text(i)))).await;
    for layer in 0..LAYERS {
        let env = format!("layer-{layer}");
        let keys = (0..KEYS).map(|i| (format!("APP_KEY_{i:04}_{layer}"), text(i)));
        put(client, &env, keys).await;
        if layer > 0 {
            import(client, &env, &format!("layer-{}", layer - 1)).await;
        }
    }
    let top = format!("layer-{}", LAYERS - 1);
    let (mut flat, mut layered, mut held, mut held_layered) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        flat.push(read(client, "flat", "").await.0);
        layered.push(read(client, &top, "").await.0);
        let (_, version) = read(client, "flat", "").await;
        held.push(read(client, "flat", &version).await.0);
        let (_, version) = read(client, &top, "").await;
        held_layered.push(read(client, &top, &version).await.0);
    }
    report::row("a snapshot, composed", "ms", &layered, Some(("one environment", &flat)));
    report::row("the same, not modified", "ms", &held_layered, Some(("one environment", &held)));
}

/// Times small writes, alone and beside a reader of 1 GB.
async fn stalled(host: &Host, client: &Client) {
    let keys: Vec<usize> = (0..LARGE_KEYS).collect();
    for some in keys.chunks(800) {
        put(client, "large", some.iter().map(|i| (format!("KEY_{i:05}"), "x".repeat(LARGE_VALUE)))).await;
    }
    let alone = writes(client).await;
    let reader = tokio::spawn({
        let client = Client::new(ClientOptions::new(host.clone(), "bench"));
        async move {
            let mut times = Vec::new();
            let began = Instant::now();
            while began.elapsed() < LENGTH {
                times.push(read(&client, "large", "").await.0);
            }
            times
        }
    });
    let beside = writes(client).await;
    let reads = reader.await.expect("the reader ends");
    report::row("a snapshot of 1 GB", "ms", &reads, None);
    report::row("a write beside it", "ms", &beside, Some(("alone", &alone)));
}

async fn writes(client: &Client) -> Vec<f64> {
    let began = Instant::now();
    let mut times = Vec::new();
    while began.elapsed() < LENGTH {
        let sent = Instant::now();
        put(client, "small", [("KEY".to_owned(), text(times.len()))].into_iter()).await;
        times.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    times
}

fn text(number: usize) -> String {
    format!("https://example.org/{number}")
}

#[expect(clippy::unnecessary_wraps, reason = "messages want an Option")]
fn name(env: &str) -> Option<v1::EnvironmentName> {
    Some(v1::EnvironmentName { project: "bench".into(), env: env.into() })
}

/// Returns milliseconds and the version.
async fn read(client: &Client, env: &str, held: &str) -> (f64, String) {
    let sent = Instant::now();
    let request =
        v1::GetSnapshotRequest { name: name(env), if_version_differs: held.to_owned(), ..Default::default() };
    let answer = client.get_snapshot(request).await.expect("an answer");
    assert_eq!(answer.not_modified, !held.is_empty());
    (sent.elapsed().as_secs_f64() * 1000.0, answer.version)
}

async fn import(client: &Client, env: &str, import: &str) {
    let imports = v1::ImportList { environments: name(import).into_iter().collect() };
    let request =
        v1::UpdateEnvironmentRequest { name: name(env), imports: Some(imports), ..Default::default() };
    client.update_environment(request).await.expect("an answer");
}

async fn put(client: &Client, env: &str, values: impl Iterator<Item = (String, String)>) {
    let items = values.map(|(key, value)| v1::WriteItem {
        environment: name(env),
        key,
        operation: Some(v1::write_item::Operation::Put(v1::Put {
            r#type: v1::ValueType::String.into(),
            content: Some(v1::put::Content::Value(value)),
            create_missing: true,
            ..Default::default()
        })),
        expect: None,
    });
    let groups = vec![v1::WriteGroup { items: items.collect() }];
    let request = v1::WriteVariablesRequest { batch_id: new_batch_id(), groups };
    let answer = client.write_variables(request).await.expect("an answer");
    assert!(answer.results.iter().all(|r| r.problem.is_none()), "{answer:?}");
}
