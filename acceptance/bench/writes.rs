//! Acknowledged writes per second, against the floor of every durable store: an fsync.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use kontraktor_proto::{
    client::{Client, ClientOptions, new_batch_id},
    endpoint::Host,
    v1,
};
use testkit::World;

use crate::report;

const LENGTH: Duration = Duration::from_secs(5);

pub(crate) fn run() {
    report::line(&format!("\nwrites, {} s each", LENGTH.as_secs()));
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for clients in [1, 64] {
        let syncs = fsyncs(world.path());
        let latencies = runtime.block_on(write(&world.host(), clients));
        #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
        let rate = latencies.len() as f64 / LENGTH.as_secs_f64();
        report::row(&format!("{clients} client(s), writes/s"), "/s", &[rate], Some(("fsync", &[syncs])));
        report::row(&format!("{clients} client(s), latency"), "ms", &latencies, None);
    }
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

/// Returns the latency of each write, in milliseconds.
async fn write(host: &str, clients: usize) -> Vec<f64> {
    let host = Host::parse(Some(host)).expect("a host");
    let tasks: Vec<_> = (0..clients).map(|number| tokio::spawn(one_client(host.clone(), number))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("the client ends"));
    }
    latencies
}

async fn one_client(host: Host, number: usize) -> Vec<f64> {
    let client = Client::new(ClientOptions::new(host, "bench"));
    let began = Instant::now();
    let mut latencies = Vec::new();
    while began.elapsed() < LENGTH {
        let sent = Instant::now();
        let request = v1::WriteVariablesRequest {
            batch_id: new_batch_id(),
            groups: vec![v1::WriteGroup {
                items: vec![v1::WriteItem {
                    environment: Some(v1::EnvironmentName {
                        project: "bench".into(),
                        env: format!("client-{number}"),
                    }),
                    key: format!("KEY_{}", latencies.len() % 100),
                    operation: Some(v1::write_item::Operation::Put(v1::Put {
                        r#type: v1::ValueType::String.into(),
                        content: Some(v1::put::Content::Value(format!("value {}", latencies.len()))),
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
        latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    latencies
}
