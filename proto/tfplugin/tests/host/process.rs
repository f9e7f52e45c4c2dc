//! A provider from its handshake to its end.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{COOKIE, DEADLINE, Identity, Plugin, channel, example, files, output, shutdown};
use nix::sys::signal::Signal;
use tfplugin_proto::{
    goplugin::{
        ConnInfo, conn_info::Knock, grpc_broker_client::GrpcBrokerClient, grpc_stdio_client::GrpcStdioClient,
    },
    value::{Type, Value},
    wire::{call_function, provider_client::ProviderClient},
};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

fn call(argument: Value, ty: &Type) -> call_function::Request {
    call_function::Request { name: "any".to_owned(), arguments: vec![argument.to_dynamic(ty).unwrap()] }
}

async fn greet(channel: Channel, name: &str) -> Value {
    let call = call(name.into(), &Type::String);
    let mut provider = ProviderClient::new(channel).max_decoding_message_size(usize::MAX);
    let response = provider.call_function(call).await.unwrap().into_inner();
    Value::from_dynamic(response.result.as_ref(), &Type::String).unwrap()
}

fn signal(plugin: &Plugin, signal: Signal) {
    let pid = i32::try_from(plugin.child.id().unwrap()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
}

#[tokio::test]
async fn the_handshake_is_one_line() {
    let identity = Identity::new();
    let plugin = Plugin::start("minimal", Some(&identity), &[]).await;
    assert_eq!(plugin.fields.len(), 6);
    assert_eq!(plugin.fields[..3], ["1", "6", "unix"]);
    let socket = files(plugin.dir.path());
    assert_eq!(socket.len(), 1);
    assert_eq!(plugin.fields[3], socket[0].to_str().unwrap());
    assert_eq!(socket[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(plugin.fields[4], "grpc");
    assert!(!plugin.fields[5].contains('='));
    let channel = plugin.channel(Some(plugin.tls(&identity))).await.unwrap();
    assert_eq!(greet(channel.clone(), "Welt").await, "Hello, Welt!".into());
    shutdown(channel).await;
    plugin.end().await.assert_clean();
}

#[tokio::test]
async fn without_a_certificate_there_is_no_tls_and_multiplexing_is_declined() {
    let plugin = Plugin::start("minimal", None, &[("PLUGIN_MULTIPLEX_GRPC", "true")]).await;
    assert_eq!(plugin.fields[4..], ["grpc", "", "false"]);
    let channel = plugin.channel(None).await.unwrap();
    assert_eq!(greet(channel, "Welt").await, "Hello, Welt!".into());
}

#[tokio::test]
async fn the_socket_can_be_shared_with_a_group() {
    let group = nix::unistd::getgid().to_string();
    let plugin = Plugin::start("minimal", None, &[("PLUGIN_UNIX_SOCKET_GROUP", &group)]).await;
    let mode = files(plugin.dir.path())[0].metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

#[tokio::test]
async fn large_messages_are_received() {
    let plugin = Plugin::start("minimal", None, &[]).await;
    let name = "x".repeat(20 << 20);
    let greeting = greet(plugin.channel(None).await.unwrap(), &name).await;
    assert_eq!(greeting.as_str().map(str::len), Some(name.len() + "Hello, !".len()));
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let plugin = Plugin::start("minimal", None, &[]).await;
    let channel = plugin.channel(None).await.unwrap();
    let request = HealthCheckRequest { service: "plugin".to_owned() };
    let health = HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner();
    assert_eq!(health.status(), ServingStatus::Serving);

    let ask = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let asked = tokio_stream::iter([ask]);
    let mut answers =
        ServerReflectionClient::new(channel).server_reflection_info(asked).await.unwrap().into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) =
        answers.next().await.unwrap().unwrap().message_response
    else {
        panic!("no list of services");
    };
    let mut names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    names.retain(|name| !name.starts_with("grpc.reflection."));
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "plugin.GRPCBroker",
            "plugin.GRPCController",
            "plugin.GRPCStdio",
            "tfplugin6.Provider"
        ]
    );
}

#[tokio::test]
async fn shutdown_ends_open_streams_and_bounds_calls() {
    let identity = Identity::new();
    let plugin = Plugin::start("slow", Some(&identity), &[]).await;
    assert_eq!(plugin.fields[2], "tcp");
    let channel = plugin.channel(Some(plugin.tls(&identity))).await.unwrap();
    let mut stdio = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap().into_inner();
    let (knocks, asked) = tokio::sync::mpsc::channel(1);
    let asked = tokio_stream::wrappers::ReceiverStream::new(asked);
    let mut broker = GrpcBrokerClient::new(channel.clone()).start_stream(asked).await.unwrap().into_inner();
    let knock = Some(Knock { knock: true, ..Knock::default() });
    knocks.send(ConnInfo { service_id: 7, knock, ..ConnInfo::default() }).await.unwrap();
    let answer = broker.next().await.unwrap().unwrap();
    assert_eq!((answer.service_id, answer.knock.map(|knock| knock.ack)), (7, Some(false)));
    let health = HealthCheckRequest { service: "plugin".to_owned() };
    let watch = HealthClient::new(channel.clone()).watch(health).await.unwrap();
    let mut provider = ProviderClient::new(channel.clone());
    let long =
        tokio::spawn(async move { provider.call_function(call(3_600_000_i64.into(), &Type::Number)).await });
    // Calls on one connection start in order, so the long call has arrived when this one is answered.
    let mut provider = ProviderClient::new(channel.clone());
    tokio::task::yield_now().await;
    provider.call_function(call(1_i64.into(), &Type::Number)).await.unwrap();

    shutdown(channel).await;
    assert!(stdio.next().await.is_none_or(|item| item.is_err()));
    assert!(broker.next().await.is_none_or(|item| item.is_err()));
    plugin.end().await.assert_clean();
    assert!(long.await.unwrap().is_err(), "the call would have taken an hour");
    drop(watch);
}

#[tokio::test]
async fn a_call_that_ends_in_time_is_answered() {
    let plugin = Plugin::start("slow", None, &[]).await;
    let channel = plugin.channel(None).await.unwrap();
    let mut provider = ProviderClient::new(channel.clone());
    let short =
        tokio::spawn(async move { provider.call_function(call(100_i64.into(), &Type::Number)).await });
    let mut provider = ProviderClient::new(channel.clone());
    tokio::task::yield_now().await;
    provider.call_function(call(1_i64.into(), &Type::Number)).await.unwrap();
    shutdown(channel).await;
    assert!(short.await.unwrap().is_ok());
    plugin.end().await.assert_clean();
}

#[tokio::test]
async fn an_interrupt_is_ignored_and_termination_is_not() {
    let plugin = Plugin::start("minimal", None, &[]).await;
    let channel = plugin.channel(None).await.unwrap();
    signal(&plugin, Signal::SIGINT);
    signal(&plugin, Signal::SIGINT);
    assert_eq!(greet(channel.clone(), "still here").await, "Hello, still here!".into());
    drop(channel);
    signal(&plugin, Signal::SIGTERM);
    plugin.end().await.assert_clean();
}

#[tokio::test]
async fn tcp_ports_are_kept_to() {
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = occupied.local_addr().unwrap().port();
    let (min, max) = (port.to_string(), port.saturating_add(20).to_string());
    let plugin = Plugin::start("slow", None, &[("PLUGIN_MIN_PORT", &min), ("PLUGIN_MAX_PORT", &max)]).await;
    let bound: u16 = plugin.fields[3].strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
    assert!(bound > port && bound <= port + 20, "{bound}");

    for (min, max, says) in [
        (min.as_str(), min.as_str(), "free a port in that range"),
        ("2", "1", "invalid PLUGIN_MAX_PORT 1, below 2"),
        ("x", "9", "invalid PLUGIN_MIN_PORT x"),
        ("1", "70000", "invalid PLUGIN_MAX_PORT 70000"),
    ] {
        let mut command = example("slow");
        command.envs([COOKIE, ("PLUGIN_MIN_PORT", min), ("PLUGIN_MAX_PORT", max)]);
        let output = output(command).await;
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(says) && stderr.lines().count() == 1, "{stderr}");
    }
}

#[tokio::test]
async fn debugging_prints_how_to_attach_and_serves_several_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = example("minimal");
    command.arg("--debug").env("PLUGIN_UNIX_SOCKET_DIR", dir.path());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    tokio::time::timeout(DEADLINE, stdout.read_line(&mut line)).await.unwrap().unwrap();
    let json = line.strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix("'\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let socket = files(dir.path())[0].to_str().unwrap().to_owned();
    assert_eq!(
        json,
        serde_json::json!({ "registry.terraform.io/example/minimal": {
            "Protocol": "grpc", "ProtocolVersion": 6, "Pid": child.id().unwrap(), "Test": true,
            "Addr": { "Network": "unix", "String": socket },
        }})
    );
    for host in ["one", "two"] {
        let channel = channel("unix", &socket, None).await.unwrap();
        assert_eq!(greet(channel, host).await, format!("Hello, {host}!").into());
    }
    let plugin = Plugin { child, stdout, dir, fields: Vec::new() };
    signal(&plugin, Signal::SIGINT);
    plugin.end().await.assert_clean();
}
