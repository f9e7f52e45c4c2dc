//! The API on the network: what tokens and TLS cost, REST reads against Vault's over the same TLS, and many watchers.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kontraktor_proto::{
    client::{Client, ClientOptions, Credentials, new_batch_id},
    endpoint::Host,
    v1,
};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use testkit::{
    World,
    servers::{Authority, Vault},
};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_rustls::TlsConnector;

use crate::{report, watch::cpu_seconds};

const ROUNDS: usize = 3;
const CLIENTS: usize = 64;
const LENGTH: Duration = Duration::from_secs(4);
/// Reads whose processor time is compared.
const READS: u32 = 20_000;
const WATCHERS: usize = 5_000;
/// Watchers that share a connection: the daemon allows 256 calls on each.
const WATCHERS_PER_CONNECTION: usize = 250;
const PLANNED: usize = 1_000;

pub(crate) fn run() {
    report::line(&format!("\nnetwork: {ROUNDS} rounds in turn"));
    let authority = Authority::new();
    let mut world = World::without_daemon();
    let (certificate, key) = (world.path().join("server.pem"), world.path().join("server.key"));
    authority.server().write(&certificate, &key);
    world.configure(&format!(
        "listen = ['127.0.0.1:0']\n[tls]\ncert = '{}'\nkey = '{}'\n[limits]\nrequests_per_second = 0\naddress_requests_per_second = 0\n",
        certificate.display(),
        key.display()
    ));
    world.start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(write(&world, "zero"));
    let token = runtime.block_on(token(&world, &authority));

    read_costs(&runtime, &world, &token);
    rest_against_vault(&runtime, &world, &authority, &token);
    watchers(&runtime, &world);
    plans(&world, &authority);
}

/// Writes one variable.
async fn write(world: &World, value: &str) {
    let item = v1::WriteItem {
        environment: Some(v1::EnvironmentName { project: "bench".into(), env: "one".into() }),
        key: "KEY".into(),
        operation: Some(v1::write_item::Operation::Put(v1::Put {
            r#type: v1::ValueType::String.into(),
            content: Some(v1::put::Content::Value(value.into())),
            create_missing: true,
            ..v1::Put::default()
        })),
        expect: None,
    };
    let groups = vec![v1::WriteGroup { items: vec![item] }];
    let host = Host::parse(Some(&world.host())).expect("a host");
    let client = Client::new(ClientOptions::new(host, "bench"));
    let request = v1::WriteVariablesRequest { batch_id: new_batch_id(), groups };
    let answer = client.write_variables(request).await.expect("an answer");
    assert!(answer.results.iter().all(|r| r.status == i32::from(v1::WriteStatus::Written)), "{answer:?}");
}

/// Creates a service account that owns everything, and returns an access token of it.
async fn token(world: &World, authority: &Authority) -> String {
    let account = account(world);
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        account["client_id"].as_str().expect("a text"),
        account["client_secret"].as_str().expect("a text")
    );
    let request = http(authority).post(format!("{}/oauth/token", url(world))).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.send().await.expect("an answer").bytes().await.expect("a body");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    answer["access_token"].as_str().expect("a token").to_owned()
}

fn http(authority: &Authority) -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().http1_only();
    client.tls_backend_preconfigured(authority.client_config(None)).build().expect("a client")
}

fn account(world: &World) -> Value {
    let created = world.ktr(&["service-account", "create", "bench", "--output", "json"]).ok();
    world.ktr(&["role", "grant", "owner", "--to", "service-account:bench", "--on", "*"]).ok();
    serde_json::from_str(&created.stdout).expect("JSON")
}

fn url(world: &World) -> String {
    world.daemon().url()
}

/// Processor time of the daemon for each read over the socket: by its owner, whom nothing limits, against a token, which is
/// verified and whose roles are looked up.
fn read_costs(runtime: &tokio::runtime::Runtime, world: &World, token: &str) {
    let (mut owner, mut bearer) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (figures, credentials) in
            [(&mut owner, Credentials::None), (&mut bearer, Credentials::Token(token.into()))]
        {
            let before = cpu_seconds(world.daemon().pid());
            runtime.block_on(read(world, credentials));
            let spent = cpu_seconds(world.daemon().pid()) - before;
            figures.push(spent * 1e6 / f64::from(READS));
        }
    }
    report::row("a read with a token, processor", "µs", &bearer, Some(("the socket's owner", &owner)));
    let more: Vec<f64> = bearer.iter().zip(&owner).map(|(with, without)| with - without).collect();
    report::row("what token and roles add", "µs", &more, None);
}

async fn read(world: &World, credentials: Credentials) {
    let host = Host::parse(Some(&world.host())).expect("a host");
    let client = Client::new(ClientOptions { credentials, ..ClientOptions::new(host, "bench") });
    let request = v1::GetVariableRequest {
        environment: Some(v1::EnvironmentName { project: "bench".into(), env: "one".into() }),
        key: "KEY".into(),
    };
    let readers = (0..8).map(|_| {
        let (client, request) = (client.clone(), request.clone());
        tokio::spawn(async move {
            for _ in 0..READS / 8 {
                client.get_variable(request.clone()).await.expect("an answer");
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.expect("the reader ends");
    }
}

/// Reads of one variable by REST, against reads of one secret of Vault's KV v2, both over TLS with a token.
fn rest_against_vault(runtime: &tokio::runtime::Runtime, world: &World, authority: &Authority, token: &str) {
    let vault = Vault::start_with_tls(&authority.server(), authority);
    vault.put("secret/data/one", &json!({"data": {"value": "zero"}}));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let variable = format!("{}/api/v1/environments/bench/one/variables/KEY", url(world));
    let secret = format!("{}/v1/secret/data/one", vault.tls_address());
    for _ in 0..ROUNDS {
        let bearer = ("authorization", format!("Bearer {token}"));
        ours.push(runtime.block_on(rate(authority, &variable, &bearer)));
        let vaults = ("x-vault-token", vault.root_token().to_owned());
        theirs.push(runtime.block_on(rate(authority, &secret, &vaults)));
    }
    report::row("REST reads, 64 connections, TLS", "/s", &ours, Some(("Vault KV v2", &theirs)));
}

/// Returns the reads per second of all clients together, each on a connection of its own.
async fn rate(authority: &Authority, url: &str, header: &(&'static str, String)) -> f64 {
    let mut connections = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        connections.push(connect(authority, url).await);
    }
    let url: Uri = url.parse().expect("a URL");
    let began = Instant::now();
    let clients: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let (url, (name, value)) = (url.clone(), header.clone());
            tokio::spawn(async move {
                let mut reads = 0_u32;
                while began.elapsed() < LENGTH {
                    let request = Request::get(url.path()).header("host", "localhost").header(name, &value);
                    let request = request.body(Empty::<Bytes>::new()).expect("a request");
                    let answer = connection.send_request(request).await.expect("an answer");
                    assert!(answer.status().is_success(), "{}", answer.status());
                    answer.into_body().collect().await.expect("a body");
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    let mut reads = 0;
    for client in clients {
        reads += client.await.expect("the client ends");
    }
    f64::from(reads) / began.elapsed().as_secs_f64()
}

/// Opens a connection of HTTP/1.1 over TLS. A client that does more would cost both rivals the same, and hide their difference.
async fn connect(authority: &Authority, url: &str) -> http1::SendRequest<Empty<Bytes>> {
    let url: Uri = url.parse().expect("a URL");
    let address = url.authority().expect("an authority").as_str();
    let stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let connector = TlsConnector::from(Arc::new(authority.client_config(None)));
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = connector.connect(name, stream).await.expect("a handshake");
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    sender
}

/// How long a change needs to reach all watchers of one environment, and what each of them costs in memory.
fn watchers(runtime: &tokio::runtime::Runtime, world: &World) {
    let before = resident_kb(world.daemon().pid());
    let (heard, mut hears) = mpsc::unbounded_channel();
    runtime.block_on(async {
        let (ready, mut readies) = mpsc::unbounded_channel();
        let mut client = world.daemon().environments();
        for number in 0..WATCHERS {
            if number % WATCHERS_PER_CONNECTION == 0 {
                client = world.daemon().environments();
            }
            let (mut client, heard, ready) = (client.clone(), heard.clone(), ready.clone());
            tokio::spawn(async move {
                let request = v1::WatchEnvironmentRequest {
                    name: Some(v1::EnvironmentName { project: "bench".into(), env: "one".into() }),
                    ..v1::WatchEnvironmentRequest::default()
                };
                let mut changes = client.watch_environment(request).await.expect("a stream").into_inner();
                ready.send(()).expect("somebody waits");
                while let Ok(Some(_)) = changes.message().await {
                    if heard.send(()).is_err() {
                        return;
                    }
                }
            });
        }
        for _ in 0..WATCHERS {
            readies.recv().await.expect("each watcher begins");
        }
    });
    let each = (resident_kb(world.daemon().pid()) - before) / f64::from(u32::try_from(WATCHERS).unwrap_or(1));
    let mut took = Vec::new();
    for round in 0..10 {
        let began = Instant::now();
        runtime.block_on(async {
            write(world, &format!("round {round}")).await;
            for _ in 0..WATCHERS {
                hears.recv().await.expect("each watcher hears");
            }
        });
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    report::row("a change reaches 5,000 watchers", "ms", &took, None);
    report::row("resident memory for each watcher", "KB", &[each], None);
}

fn resident_kb(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0.0)
}

/// `terraform plan` over TLS with a service account, against the same over the socket.
fn plans(world: &World, authority: &Authority) {
    let workspace = world.workspace(&format!(
        "resource \"kontraktor_variable\" \"this\" {{\n  count   = {PLANNED}\n  project = \"bench\"\n  env     = \"many\"\n  \
         key     = \"KEY_${{count.index}}\"\n  value   = \"value ${{count.index}}\"\n}}\n"
    ));
    workspace.apply(&[]).ok();
    let ca = world.path().join("ca.pem");
    fs::write(&ca, authority.pem()).expect("a file");
    let account: Value = {
        let created = world.ktr(&["service-account", "rotate", "bench", "--output", "json"]).ok();
        serde_json::from_str(&created.stdout).expect("JSON")
    };
    let (mut socket, mut network) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        for (figures, over_tls) in [(&mut socket, false), (&mut network, true)] {
            let mut command = workspace.command(&["plan", "-no-color"]);
            if over_tls {
                command.env("KONTRAKTOR_HOST", url(world)).env("KONTRAKTOR_CA_CERTIFICATE", &ca);
                command.env("KONTRAKTOR_CLIENT_ID", account["client_id"].as_str().expect("a text"));
                command.env("KONTRAKTOR_CLIENT_SECRET", account["client_secret"].as_str().expect("a text"));
            }
            let began = Instant::now();
            testkit::Run::of(&mut command).ok();
            figures.push(began.elapsed().as_secs_f64());
        }
    }
    report::row("plan of 1,000 over TLS", "s", &network, Some(("the socket", &socket)));
}
