//! What connections from the network may take: slow, silent and too many clients leave the daemon answering the others.

use std::{fs, io::ErrorKind, process::Command, time::Duration};

use kontraktor_proto::v1::GetStatusRequest;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use testkit::{BOUND, Daemon, Run, eventually_async};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{
    common::Home,
    tls::{Site, address, ask, connect},
};

/// Starts a daemon on a port without TLS, with these settings of its connections.
fn start(home: &Home, connections: &str) -> Daemon {
    let text = format!("log = 'debug'\nlisten = ['127.0.0.1:0']\n[connections]\n{connections}");
    fs::write(home.dir.path().join("kontraktord.toml"), text).unwrap();
    home.start()
}

/// Waits until the daemon closes the connection, and returns what it sent before.
async fn closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut sent = Vec::new();
    let read = timeout(BOUND, stream.read_to_end(&mut sent)).await.expect("the daemon should close it");
    match read {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => sent,
    }
}

/// Asserts that the daemon answers somebody else.
fn answers(daemon: &Daemon) {
    let run = curl(&[], &format!("{}/readyz", daemon.url()));
    assert_eq!(run.stdout, "200");
}

fn curl(arguments: &[&str], url: &str) -> Run {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--insecure",
        "--noproxy",
        "*",
        "--output",
        "/dev/null",
        "--write-out",
        "%{response_code}",
    ]);
    Run::of(command.args(arguments).arg(url))
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_ends_its_connection_alone() {
    let home = Home::new();
    let daemon = start(&home, "header_timeout = '1s'");
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(address(&daemon)).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
        slow.push(stream);
    }
    answers(&daemon);
    for stream in &mut slow {
        assert_eq!(closed(stream).await, b"");
    }
    daemon.wait_for_log("SlowHead");
    // One byte after the other is no excuse.
    let mut trickling = TcpStream::connect(address(&daemon)).await.unwrap();
    let trickled = async {
        while trickling.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(BOUND, trickled).await.is_ok());
    answers(&daemon);
    daemon.terminate().ok();
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_cut() {
    let site = Site::new();
    let daemon = site.builder("", "[connections]\nhandshake_timeout = '1s'").start();
    let mut silent = TcpStream::connect(address(&daemon)).await.unwrap();
    let mut half = TcpStream::connect(address(&daemon)).await.unwrap();
    half.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    ask(&mut connect(&daemon, &site.authority).await).await;
    assert_eq!((closed(&mut silent).await, closed(&mut half).await), (Vec::new(), Vec::new()));
    daemon.terminate().ok();
}

/// A frame of HTTP/2 (RFC 9113 §4.1) on the connection itself.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, 0][..], payload].concat()
}

/// Splits what a server sent into the kinds and flags of its frames.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u8)> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, flags, _, _, _, _, rest @ ..] = bytes {
        frames.push((*kind, *flags));
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        bytes = rest.get(length..).unwrap_or_default();
    }
    frames
}

const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;

#[tokio::test]
async fn idle_connections_are_closed_in_the_manner_of_their_protocol() {
    let home = Home::new();
    let daemon = start(&home, "idle_timeout = '1s'\nheader_timeout = '1h'");
    let mut silent = TcpStream::connect(address(&daemon)).await.unwrap();
    let mut kept = TcpStream::connect(address(&daemon)).await.unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut second = TcpStream::connect(address(&daemon)).await.unwrap();
    let ping = frame(PING, 0, b"12345678");
    let hello = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, &[]), &ping].concat();
    second.write_all(&hello).await.unwrap();

    assert_eq!(closed(&mut silent).await, b"");
    let answer = closed(&mut kept).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n") && answer.ends_with(b"ok\n"));
    let sent = frames(&closed(&mut second).await);
    assert!(sent.contains(&(PING, ACK)), "the ping is answered: {sent:?}");
    assert!(sent.iter().any(|(kind, _)| *kind == GOAWAY), "the end is announced: {sent:?}");
    // The socket is not limited.
    daemon.system().get_status(GetStatusRequest {}).await.unwrap();
    daemon.terminate().ok();
}

#[tokio::test]
async fn heads_and_bodies_have_a_limit() {
    let home = Home::new();
    let daemon = start(&home, "stall_timeout = '1s'");
    let long = format!("x-long: {}", "x".repeat(40 * 1024));
    for (version, expected) in [("--http1.1", "431"), ("--http2-prior-knowledge", "431")] {
        let run = curl(&[version, "--header", &long], &format!("{}/healthz", daemon.url()));
        assert_eq!(run.stdout, expected, "{version}: {run:?}");
    }
    let announced = ["--http1.1", "--header", "content-length: 67108865", "--data-binary", "x"];
    assert_eq!(curl(&announced, &format!("{}/oauth/token", daemon.url())).stdout, "413");
    // Chunks announce nothing; the socket's user may write.
    let zeros = home.dir.path().join("zeros");
    fs::File::create(&zeros).unwrap().set_len(65 * 1024 * 1024).unwrap();
    let (zeros, socket) = (format!("@{}", zeros.display()), daemon.socket().display().to_string());
    let chunked = [
        "--unix-socket",
        &socket,
        "--header",
        "transfer-encoding: chunked",
        "--header",
        "expect:",
        "--header",
        "content-type: application/json",
        "--data-binary",
        &zeros,
    ];
    let run = curl(&chunked, "http://localhost/api/v1/variables");
    assert!(run.stdout.starts_with('4'), "{run:?}");
    answers(&daemon);
    daemon.terminate().ok();
}

#[tokio::test]
async fn one_address_has_a_part_of_the_connections_and_the_socket_its_own() {
    let home = Home::new();
    let daemon = start(&home, "max_per_address = 3");
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address(&daemon)).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        open.push(stream);
    }
    let mut refused = TcpStream::connect(address(&daemon)).await.unwrap();
    assert_eq!(closed(&mut refused).await, b"");
    daemon.wait_for_log("too many connections");
    daemon.system().get_status(GetStatusRequest {}).await.unwrap();
    drop(open.pop());
    eventually_async("there is room again", async || {
        (curl(&[], &format!("{}/healthz", daemon.url())).stdout == "200").then_some(())
    })
    .await;
    daemon.terminate().ok();
}

/// The memory of a process that is in use, in KiB.
fn resident(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Each holds a TLS session and has made a request; the bound is several times what they take.
#[tokio::test]
async fn two_thousand_idle_connections_stay_under_a_bound_and_others_are_answered() {
    const CONNECTIONS: usize = 2_000;
    const KIB_FOR_EACH: u64 = 96;

    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    assert!(hard > 2 * CONNECTIONS as u64, "the system allows only {hard} open files");
    let site = Site::new();
    let daemon = site.builder("", "[connections]\nmax_per_address = 2500").start();
    ask(&mut connect(&daemon, &site.authority).await).await;
    let before = resident(&daemon);
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = connect(&daemon, &site.authority).await;
        ask(&mut stream).await;
        open.push(stream);
    }
    let grown = resident(&daemon).saturating_sub(before);
    assert!(grown < KIB_FOR_EACH * CONNECTIONS as u64, "{CONNECTIONS} connections take {grown} KiB");
    answers(&daemon);
    daemon.system().get_status(GetStatusRequest {}).await.unwrap();
    for stream in &mut open {
        ask(stream).await;
    }
    // They do not hold the stop either.
    daemon.terminate().ok();
}
