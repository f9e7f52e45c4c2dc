//! Secrets through the daemon, against the Vault that stores them.

use std::{
    fs,
    io::Read as _,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use kontraktor_proto::{
    client::{Client, ClientOptions, new_batch_id},
    endpoint::Host,
    v1,
};
use serde_json::json;
use testkit::{World, binary, servers::Vault};

use crate::report;

const LENGTH: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;
const CLIENTS: usize = 64;
const REFERENCES: usize = 200;
/// Concurrent requests to one vault, by default.
const AT_ONCE: usize = 16;
const RUNS: usize = 40;

pub(crate) fn run() {
    report::line(&format!(
        "\nsecrets: {CLIENTS} clients for {} s, {ROUNDS} rounds in turn; then an environment of {REFERENCES}; then `ktr run`",
        LENGTH.as_secs()
    ));
    let vault = Vault::start();
    for number in 0..REFERENCES {
        vault.put(&format!("secret/data/s{number}"), &json!({"data": {"value": format!("value {number}")}}));
    }
    let mut world = World::without_daemon();
    let token = world.path().join("token");
    fs::write(&token, vault.root_token()).expect("a file");
    world.configure(&format!(
        "[[vault]]\nname = \"team\"\nkind = \"vault\"\naddress = \"{}\"\n\
         auth = {{ method = \"token\", token_file = \"{}\" }}\n",
        vault.address(),
        token.display()
    ));
    world.start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let host = Host::parse(Some(&world.host())).expect("a host");
    runtime.block_on(refer(&Client::new(ClientOptions::new(host.clone(), "bench"))));

    let vaults = || straight(vault.address().to_owned(), vault.root_token().to_owned());
    let (mut ours, mut direct, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(runtime.block_on(rate(|| cached(host.clone()))));
        direct.push(runtime.block_on(rate(vaults)));
        empty.push(runtime.block_on(rate(|| idle(host.clone()))));
    }
    report::row("cached secret, reads/s", "/s", &ours, Some(("Vault itself", &direct)));
    // The cost of gRPC alone on this machine, client and daemon: no read can be faster.
    report::row("a call that reads nothing, calls/s", "/s", &empty, Some(("Vault itself", &direct)));

    let (mut whole, mut bound, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..10 {
        let (took, slowest) = runtime.block_on(cold(&host, vault.address(), vault.root_token()));
        whole.push(took);
        #[expect(clippy::cast_precision_loss, reason = "thirteen")]
        bound.push(slowest * REFERENCES.div_ceil(AT_ONCE) as f64);
        bare.push(runtime.block_on(all_straight(vault.address(), vault.root_token())));
    }
    report::row("200 references, cold", "ms", &whole, Some(("⌈200/16⌉ × the slowest of 200 reads", &bound)));
    report::row("200 references, cold", "ms", &whole, Some(("200 reads from Vault, 16 at once", &bare)));

    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        with.push(first_byte(
            Command::new(binary("ktr")).args(["run", "bench/few", "--", "/bin/echo", "x"]),
            &world,
        ));
        without.push(first_byte(Command::new("/bin/echo").arg("x"), &world));
    }
    let more: Vec<f64> = with.iter().zip(&without).map(|(with, without)| with - without).collect();
    report::row("ktr run, until the command speaks", "ms", &with, Some(("the command alone", &without)));
    report::row("what ktr run adds", "ms", &more, None);

    // The daemon audits each access. Vault does so when configured to, and does not wait for the disk.
    vault.record();
    let (mut ours, mut audited) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(runtime.block_on(rate(|| cached(host.clone()))));
        audited.push(runtime.block_on(rate(vaults)));
    }
    report::row("cached secret, reads/s", "/s", &ours, Some(("Vault with an audit file", &audited)));
}

async fn refer(client: &Client) {
    let item = |env: &str, number: usize| v1::WriteItem {
        environment: Some(v1::EnvironmentName { project: "bench".into(), env: env.into() }),
        key: format!("KEY_{number}"),
        operation: Some(v1::write_item::Operation::Put(v1::Put {
            content: Some(v1::put::Content::Reference(format!("vault://team/secret/s{number}#value"))),
            create_missing: true,
            ..v1::Put::default()
        })),
        expect: None,
    };
    let items =
        (0..REFERENCES).map(|number| item("many", number)).chain((0..10).map(|number| item("few", number)));
    let groups = items.map(|item| v1::WriteGroup { items: vec![item] }).collect();
    let request = v1::WriteVariablesRequest { batch_id: new_batch_id(), groups };
    let answer = client.write_variables(request).await.expect("an answer");
    assert!(answer.results.iter().all(|r| r.status == i32::from(v1::WriteStatus::Written)), "{answer:?}");
}

/// Returns the reads per second of all clients together.
async fn rate<F: Future<Output = u32> + Send + 'static>(client: impl Fn() -> F) -> f64 {
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(client())).collect();
    let mut reads = 0;
    for client in clients {
        reads += client.await.expect("the client ends");
    }
    f64::from(reads) / began.elapsed().as_secs_f64()
}

/// One client of the daemon that reads the same key for a while.
async fn cached(host: Host) -> u32 {
    let client = Client::new(ClientOptions::new(host, "bench"));
    let request = v1::ReadSecretsRequest {
        targets: vec![v1::SecretTarget {
            target: Some(v1::secret_target::Target::Key(v1::EnvironmentKey {
                environment: Some(v1::EnvironmentName { project: "bench".into(), env: "few".into() }),
                key: "KEY_1".into(),
            })),
        }],
        hold: false,
    };
    let began = Instant::now();
    let mut reads = 0;
    while began.elapsed() < LENGTH {
        let answer = client.read_secrets(request.clone()).await.expect("an answer");
        assert!(answer.secrets.iter().all(|secret| secret.problem.is_none()), "{answer:?}");
        reads += 1;
    }
    reads
}

/// One client of the daemon whose calls read and audit nothing.
async fn idle(host: Host) -> u32 {
    let client = Client::new(ClientOptions::new(host, "bench"));
    let began = Instant::now();
    let mut calls = 0;
    while began.elapsed() < LENGTH {
        client.list_vaults(v1::ListVaultsRequest {}).await.expect("an answer");
        calls += 1;
    }
    calls
}

/// One client of Vault, on a connection of its own.
async fn straight(address: String, token: String) -> u32 {
    let client = http();
    let began = Instant::now();
    let mut reads = 0;
    while began.elapsed() < LENGTH {
        fetch(&client, &address, &token, 1).await;
        reads += 1;
    }
    reads
}

fn http() -> reqwest::Client {
    // The HTTP library needs one even for plain HTTP; it may be installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

async fn fetch(client: &reqwest::Client, address: &str, token: &str, number: usize) {
    let request = client.get(format!("{address}/v1/secret/data/s{number}")).header("X-Vault-Token", token);
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.bytes().await.expect("a body");
}

/// Returns milliseconds for all secrets directly from Vault, with as many concurrent requests as the daemon makes.
async fn all_straight(address: &str, token: &str) -> f64 {
    let (client, next) = (http(), Arc::new(AtomicUsize::new(0)));
    // Connects first, because the daemon is connected already.
    fetch(&client, address, token, 0).await;
    let began = Instant::now();
    let clients = (0..AT_ONCE).map(|_| {
        let (client, next) = (client.clone(), Arc::clone(&next));
        let (address, token) = (address.to_owned(), token.to_owned());
        tokio::spawn(async move {
            while let number @ 0..REFERENCES = next.fetch_add(1, Ordering::Relaxed) {
                fetch(&client, &address, &token, number).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("the client ends");
    }
    began.elapsed().as_secs_f64() * 1000.0
}

/// Returns milliseconds for a whole environment with nothing cached, and for the slowest single read from Vault.
async fn cold(host: &Host, address: &str, token: &str) -> (f64, f64) {
    let direct = http();
    let mut slowest = Duration::ZERO;
    for number in 0..REFERENCES {
        let began = Instant::now();
        fetch(&direct, address, token, number).await;
        // The first one also connects.
        if number > 0 {
            slowest = slowest.max(began.elapsed());
        }
    }
    let client = Client::new(ClientOptions::new(host.clone(), "bench"));
    client.purge_secrets(v1::PurgeSecretsRequest::default()).await.expect("an answer");
    let request = v1::ReadEnvironmentRequest {
        environment: Some(v1::EnvironmentName { project: "bench".into(), env: "many".into() }),
        ..v1::ReadEnvironmentRequest::default()
    };
    let began = Instant::now();
    let answer = client.read_environment(request).await.expect("an answer");
    let took = began.elapsed();
    assert_eq!(answer.secrets.iter().filter(|secret| !secret.value.is_empty()).count(), REFERENCES);
    (took.as_secs_f64() * 1000.0, slowest.as_secs_f64() * 1000.0)
}

/// Returns milliseconds until a command's first byte of output.
fn first_byte(command: &mut Command, world: &World) -> f64 {
    command.env("KONTRAKTOR_HOST", world.host()).stdin(Stdio::null()).stdout(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().expect("it can be started");
    let mut byte = [0];
    let read = child.stdout.take().expect("stdout is piped").read(&mut byte).expect("its output can be read");
    let took = began.elapsed();
    assert_eq!((read, child.wait().expect("it ends").success()), (1, true));
    took.as_secs_f64() * 1000.0
}
