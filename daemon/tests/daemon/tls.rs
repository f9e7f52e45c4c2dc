//! TLS on the daemon's ports, as curl(1) and rustls see it: certificates from files and of the daemon's own, client
//! certificates, and their replacement while connections stay open.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use rustls::pki_types::ServerName;
use testkit::{
    Daemon, DaemonBuilder, Run, eventually,
    servers::{Authority, Identity},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::common::Home;

/// A daemon's home with an authority, and a certificate of it for the daemon.
pub(super) struct Site {
    pub(super) home: Home,
    pub(super) authority: Authority,
}

impl Site {
    pub(super) fn new() -> Self {
        let site = Self { home: Home::new(), authority: Authority::new() };
        site.install(&site.authority, &site.authority.server());
        site
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.dir.path().join(name)
    }

    /// Puts a certificate in the place of the daemon's, and lets curl trust its authority.
    fn install(&self, authority: &Authority, server: &Identity) {
        server.write(&self.path("server.pem"), &self.path("server.key"));
        fs::write(self.path("ca.pem"), authority.pem()).unwrap();
    }

    /// A daemon that serves TLS with the certificate, and has these settings more.
    pub(super) fn builder(&self, tls: &str, more: &str) -> DaemonBuilder {
        let text = format!(
            "log = 'debug'\nlisten = ['127.0.0.1:0']\n[tls]\ncert = '{}'\nkey = '{}'\n{tls}\n{more}",
            self.path("server.pem").display(),
            self.path("server.key").display(),
        );
        fs::write(self.path("kontraktord.toml"), text).unwrap();
        self.home.builder()
    }

    /// Asks for the health with curl, which trusts the authority.
    fn curl(&self, daemon: &Daemon, arguments: &[&str]) -> Run {
        curl(&self.path("ca.pem"), arguments, &format!("{}/healthz", daemon.url()))
    }

    /// Writes a client's certificate, and returns curl's arguments for it.
    pub(super) fn client(&self, name: &str, identity: &Identity) -> [String; 4] {
        let (certificate, key) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        identity.write(&certificate, &key);
        ["--cert".into(), certificate.display().to_string(), "--key".into(), key.display().to_string()]
    }
}

/// Runs curl; its output ends with the protocol and the status.
pub(super) fn curl(authority: &Path, arguments: &[&str], url: &str) -> Run {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"]);
    command.args(["--write-out", "HTTP/%{http_version} %{response_code}"]).arg("--cacert").arg(authority);
    Run::of(command.args(arguments).arg(url))
}

pub(super) fn address(daemon: &Daemon) -> SocketAddr {
    daemon.url().split_once("://").unwrap().1.parse().unwrap()
}

/// Connects with TLS, trusting this authority.
pub(super) async fn connect(daemon: &Daemon, authority: &Authority) -> TlsStream<TcpStream> {
    connect_as(daemon, authority, None).await
}

async fn connect_as(
    daemon: &Daemon,
    authority: &Authority,
    client: Option<&Identity>,
) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address(daemon)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(authority.client_config(client)));
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
}

/// Asks for the health on a connection that stays open.
pub(super) async fn ask(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the connection was closed");
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn certificates_from_files_serve_both_versions_of_http_and_of_tls() {
    let site = Site::new();
    let daemon = site.builder("", "").start();
    assert!(daemon.url().starts_with("https://127.0.0.1:"), "{}", daemon.url());
    for (arguments, version) in [
        (&["--http1.1", "--tlsv1.3"][..], "1.1"),
        (&["--http2", "--tlsv1.3"], "2"),
        (&["--http1.1", "--tls-max", "1.2"], "1.1"),
        (&["--http2", "--tls-max", "1.2"], "2"),
        (&["--http2-prior-knowledge"], "2"),
    ] {
        assert_eq!(
            site.curl(&daemon, arguments).ok().stdout,
            format!("ok\nHTTP/{version} 200"),
            "{arguments:?}"
        );
    }
    site.curl(&daemon, &["--tls-max", "1.1"]).fails();
    let headers = site.curl(&daemon, &["--dump-header", "-"]).ok().stdout;
    assert!(headers.contains("strict-transport-security: max-age=31536000"), "{headers}");
    assert!(headers.contains("x-content-type-options: nosniff"), "{headers}");
    assert!(!headers.to_lowercase().contains("\nserver:"), "{headers}");
    // Without TLS nobody answers.
    let plain = daemon.url().replace("https", "http");
    curl(&site.path("ca.pem"), &[], &format!("{plain}/healthz")).fails();
    daemon.terminate().ok();
}

#[test]
fn a_request_without_credentials_is_refused_in_its_protocol() {
    let site = Site::new();
    let daemon = site.builder("", "").start();
    let ca = site.path("ca.pem");
    let rest = curl(&ca, &["--dump-header", "-"], &format!("{}/api/v1/projects", daemon.url())).ok().stdout;
    assert!(rest.contains("HTTP/2 401") && rest.contains("www-authenticate: Bearer"), "{rest}");
    assert!(rest.contains("content-type: application/problem+json"), "{rest}");
    let grpc = ["--dump-header", "-", "--header", "content-type: application/grpc", "--data-binary", ""];
    let grpc = curl(&ca, &grpc, &format!("{}/kontraktor.v1.System/GetStatus", daemon.url())).ok().stdout;
    assert!(grpc.contains("HTTP/2 200") && grpc.contains("grpc-status: "), "{grpc}");
    daemon.terminate().ok();
}

#[test]
fn an_authority_of_the_daemons_own_is_made_once_for_the_names_of_this_host_and_more() {
    let home = Home::new();
    let arguments = ["--listen", "127.0.0.1:0", "--tls", "self-signed", "--tls-name", "k.example.com"];
    let mut daemon = home.builder().args(arguments).start();
    let authority =
        daemon.printed(|line| line.strip_prefix("clients have to trust the authority ").map(PathBuf::from));
    assert_eq!(authority, home.data().join("tls/ca.pem"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.data().join("tls")), 0o700);
    for file in ["ca.pem", "ca.key", "server.pem", "server.key"] {
        assert_eq!(mode(&home.data().join("tls").join(file)), 0o600);
    }
    let first = fs::read(&authority).unwrap();
    for _ in 0..2 {
        let port = address(&daemon).port();
        let resolve = format!("k.example.com:{port}:127.0.0.1");
        for host in ["127.0.0.1", "localhost", "k.example.com"] {
            let url = format!("https://{host}:{port}/healthz");
            let run = curl(&authority, &["--ipv4", "--resolve", &resolve], &url).ok();
            assert_eq!(run.stdout, "ok\nHTTP/2 200", "{host}");
        }
        let other = format!("other.example.com:{port}:127.0.0.1");
        curl(&authority, &["--resolve", &other], &format!("https://other.example.com:{port}/healthz"))
            .fails();
        daemon.restart();
        assert_eq!(fs::read(&authority).unwrap(), first);
    }
    daemon.terminate().ok();
}

#[test]
fn client_certificates_are_verified_at_the_handshake() {
    let site = Site::new();
    let clients = Authority::new();
    let (good, revoked) = (clients.client("ci"), clients.client("stolen"));
    fs::write(site.path("clients.pem"), clients.pem()).unwrap();
    fs::write(site.path("crl.pem"), clients.revocation_list(&[&revoked])).unwrap();
    let tls = |auth: &str| {
        format!(
            "client_ca = '{}'\nclient_crl = '{}'\nclient_auth = '{auth}'",
            site.path("clients.pem").display(),
            site.path("crl.pem").display()
        )
    };
    let arguments = [
        ("good", site.client("good", &good), true),
        ("revoked", site.client("revoked", &revoked), false),
        ("expired", site.client("expired", &clients.expired_client("old")), false),
        ("foreign", site.client("foreign", &Authority::new().client("ci")), false),
        ("server", site.client("server-as-client", &clients.server()), false),
    ];
    for auth in ["required", "optional"] {
        let mut daemon = site.builder(&tls(auth), "").start();
        for version in [["--tlsv1.3", "--http1.1"], ["--tls-max", "1.2"]] {
            let anonymous = site.curl(&daemon, &version);
            assert_eq!(anonymous.code == 0, auth == "optional", "{auth}: {anonymous:?}");
            for (name, certificate, is_good) in &arguments {
                let certificate: Vec<_> = certificate.iter().map(String::as_str).collect();
                let run = site.curl(&daemon, &[&version[..], &certificate].concat());
                assert_eq!(run.code == 0, *is_good, "{auth}, {name}: {run:?}");
            }
        }
        daemon.wait_for_log("refused a client certificate");
        let Some(line) = daemon.log().lines().find(|line| line.contains("Revoked")).map(str::to_owned) else {
            panic!("the log does not know why:\n{}", daemon.log())
        };
        assert!(line.contains("127.0.0.1"), "{line}");
        daemon.signal(Signal::SIGTERM);
        daemon.wait().ok();
    }
}

#[test]
fn what_is_revoked_later_is_refused_from_then_on() {
    let site = Site::new();
    let client = site.authority.client("ci");
    fs::write(site.path("revoked.pem"), site.authority.revocation_list(&[])).unwrap();
    let tls = format!(
        "client_ca = '{}'\nclient_crl = '{}'\nclient_auth = 'required'",
        site.path("ca.pem").display(),
        site.path("revoked.pem").display()
    );
    let daemon = site.builder(&tls, "").start();
    let certificate = site.client("client", &client);
    let certificate: Vec<_> = certificate.iter().map(String::as_str).collect();
    site.curl(&daemon, &certificate).ok();
    fs::write(site.path("revoked.pem"), site.authority.revocation_list(&[&client])).unwrap();
    daemon.wait_for_log("reloaded the TLS certificates");
    site.curl(&daemon, &certificate).fails();
    daemon.terminate().ok();
}

/// Streams and idle connections would outlive their certificate otherwise.
#[tokio::test]
async fn a_connection_ends_with_its_client_certificate() {
    let site = Site::new();
    let authority = &site.authority;
    fs::write(site.path("revoked.pem"), authority.revocation_list(&[])).unwrap();
    let tls = format!(
        "client_ca = '{}'\nclient_crl = '{}'",
        site.path("ca.pem").display(),
        site.path("revoked.pem").display()
    );
    let daemon = site.builder(&tls, "").start();
    let (good, stolen) = (authority.client("good"), authority.client("stolen"));
    let revoked = authority.revocation_list(&[&stolen]);
    let short = authority.client_for("short", Duration::from_secs(4));
    let mut connections = Vec::new();
    for client in [Some(&good), None, Some(&stolen), Some(&short)] {
        let mut connection = connect_as(&daemon, authority, client).await;
        ask(&mut connection).await;
        connections.push(connection);
    }
    let [mut good, mut anonymous, mut stolen, mut short] = <[_; 4]>::try_from(connections).unwrap();

    fs::write(site.path("revoked.pem"), revoked).unwrap();
    assert_eq!(stolen.read(&mut [0; 1]).await.unwrap_or(0), 0);
    daemon.wait_for_log("Revoked");
    assert_eq!(short.read(&mut [0; 1]).await.unwrap_or(0), 0);
    daemon.wait_for_log("it has expired");
    for connection in [&mut good, &mut anonymous] {
        ask(connection).await;
    }
    daemon.terminate().ok();
}

#[tokio::test]
async fn a_certificate_is_replaced_without_dropping_a_connection() {
    let site = Site::new();
    let daemon = site.builder("", "").start();
    let mut open = connect(&daemon, &site.authority).await;
    ask(&mut open).await;
    let reloads = |daemon: &Daemon| daemon.log().matches("reloaded the TLS certificates").count();

    // The files are noticed.
    let second = Authority::new();
    site.install(&second, &second.server());
    daemon.wait_for_log("reloaded the TLS certificates");
    ask(&mut open).await;
    let mut new = connect(&daemon, &second).await;
    ask(&mut new).await;
    let old = TlsConnector::from(Arc::new(site.authority.client_config(None)));
    let stream = TcpStream::connect(address(&daemon)).await.unwrap();
    assert!(old.connect(ServerName::try_from("localhost").unwrap(), stream).await.is_err());

    // A signal does the same at once.
    let third = Authority::new();
    site.install(&third, &third.server());
    let before = reloads(&daemon);
    daemon.signal(Signal::SIGHUP);
    eventually("the certificates are reloaded", || reloads(&daemon) > before);
    ask(&mut connect(&daemon, &third).await).await;

    // What cannot be used changes nothing.
    fs::write(site.path("server.key"), second.server().key_pem()).unwrap();
    daemon.wait_for_log("the TLS certificates were not reloaded; those in use stay in use");
    ask(&mut connect(&daemon, &third).await).await;
    site.install(&third, &third.expired_server());
    let refused = |daemon: &Daemon| daemon.log().matches("expired at 2021-01-01").count();
    eventually("the expired certificate is reported", || refused(&daemon) > 0);
    ask(&mut connect(&daemon, &third).await).await;
    for stream in [&mut open, &mut new] {
        ask(stream).await;
    }
    daemon.terminate().ok();
}

#[tokio::test]
async fn other_files_are_used_after_a_signal_without_dropping_a_connection() {
    let site = Site::new();
    let daemon = site.builder("", "").start();
    let mut open = connect(&daemon, &site.authority).await;
    ask(&mut open).await;
    let reload = |certificate: &str, more: &str| {
        let text = format!(
            "log = 'debug'\nlisten = ['127.0.0.1:0']\n[tls]\ncert = '{}'\nkey = '{}'\n{more}",
            site.path(&format!("{certificate}.pem")).display(),
            site.path(&format!("{certificate}.key")).display(),
        );
        fs::write(site.path("kontraktord.toml"), text).unwrap();
        daemon.signal(Signal::SIGHUP);
    };
    let clients = Authority::new();
    fs::write(site.path("clients.pem"), clients.pem()).unwrap();
    fs::write(site.path("crl.pem"), clients.revocation_list(&[])).unwrap();
    let second = Authority::new();
    second.server().write(&site.path("second.pem"), &site.path("second.key"));

    // What cannot be used changes nothing.
    reload("missing", "");
    daemon.wait_for_log("the settings of TLS were not replaced; those in use stay in use");
    assert!(daemon.log().contains("missing.pem"), "{}", daemon.log());
    ask(&mut connect(&daemon, &site.authority).await).await;

    let path = |name: &str| site.path(name).display().to_string();
    let required = format!(
        "client_ca = '{}'\nclient_crl = '{}'\nclient_auth = 'required'",
        path("clients.pem"),
        path("crl.pem")
    );
    reload("second", &required);
    daemon.wait_for_log("SIGHUP: replaced the settings of TLS");
    ask(&mut open).await;
    fs::write(site.path("ca.pem"), second.pem()).unwrap();
    site.curl(&daemon, &[]).fails();
    let client = site.client("client", &clients.client("ci"));
    let client: Vec<_> = client.iter().map(String::as_str).collect();
    site.curl(&daemon, &client).ok();

    // From now on these files are watched.
    let third = Authority::new();
    third.server().write(&site.path("second.pem"), &site.path("second.key"));
    daemon.wait_for_log("reloaded the TLS certificates");
    fs::write(site.path("ca.pem"), third.pem()).unwrap();
    site.curl(&daemon, &client).ok();
    ask(&mut open).await;
    assert!(!daemon.log().contains("a changed setting takes effect"), "{}", daemon.log());
    daemon.terminate().ok();
}

#[test]
fn certificates_that_cannot_be_used_stop_the_start_with_the_file_and_the_reason() {
    let site = Site::new();
    let other = Authority::new();
    let good = |site: &Site| site.install(&site.authority, &site.authority.server());
    let started = |tls: &str| {
        let run = site.home.tidy(&mut site.builder(tls, "").command());
        assert_eq!(run.code, 2, "{run:?}");
        assert!(!site.home.data().exists(), "nothing is created");
        let report = run.report();
        report.lines().next().unwrap_or_default().to_owned()
    };
    let mut messages = Vec::new();
    fs::write(site.path("server.key"), other.server().key_pem()).unwrap();
    messages.push(started(""));
    site.install(&site.authority, &site.authority.expired_server());
    messages.push(started(""));
    good(&site);
    fs::set_permissions(site.path("server.key"), fs::Permissions::from_mode(0o644)).unwrap();
    messages.push(started(""));
    fs::set_permissions(site.path("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(site.path("server.pem"), fs::Permissions::from_mode(0o666)).unwrap();
    messages.push(started(""));
    good(&site);
    fs::write(
        site.path("server.key"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    messages.push(started(""));
    good(&site);
    fs::write(site.path("server.pem"), "not a certificate").unwrap();
    messages.push(started(""));
    fs::remove_file(site.path("server.pem")).unwrap();
    messages.push(started(""));
    good(&site);
    fs::write(site.path("empty.pem"), "").unwrap();
    let empty = site.path("empty.pem").display().to_string();
    messages.push(started(&format!("client_ca = '{empty}'")));
    messages
        .push(started(&format!("client_ca = '{}'\nclient_crl = '{empty}'", site.path("ca.pem").display())));
    insta::assert_snapshot!(messages.join("\n"), @"
    error: HOME/server.key does not belong to the certificate in HOME/server.pem; use the key that it was issued for
    error: HOME/server.pem expired at 2021-01-01T00:00:00Z; renew the certificate
    error: HOME/server.key has mode 0644, which lets all users read a private key. Replace the key if others may have read it, and run `chmod 600` on it
    error: HOME/server.pem has mode 0666, which lets other users change it. Check its content and run `chmod go-w` on it
    error: HOME/server.key does not contain a private key without a passphrase (`BEGIN PRIVATE KEY`) in PEM
    error: HOME/server.pem does not contain a certificate (`BEGIN CERTIFICATE`) in PEM
    error: cannot read HOME/server.pem: No such file or directory (os error 2)
    error: HOME/empty.pem does not contain a certificate (`BEGIN CERTIFICATE`) in PEM
    error: HOME/empty.pem does not contain a revocation list (`BEGIN X509 CRL`) in PEM
    ");
}

#[test]
fn without_tls_the_daemon_serves_this_machine_alone() {
    let home = Home::new();
    let daemon = home.builder().args(["--listen", "127.0.0.1:0", "--listen", "[::1]:0"]).start();
    assert!(daemon.url().starts_with("http://127.0.0.1:"), "{}", daemon.url());
    let second = daemon.printed(|line| line.strip_prefix("listening on http://[::1]:").map(str::to_owned));
    for url in [daemon.url(), format!("http://[::1]:{second}")] {
        let run = curl(Path::new("/dev/null"), &[], &format!("{url}/readyz")).ok();
        assert_eq!(run.stdout, "ready\nHTTP/1.1 200");
    }
    let taken = daemon.url().replace("http://", "");
    let other = Home::new();
    let refused = other.run(&["--listen", &taken]);
    assert_eq!(refused.code, 3);
    assert!(
        refused.stderr.contains(&format!("cannot listen on {taken}: Address already in use")),
        "{refused:?}"
    );
    assert_eq!(other.run(&["--listen", "0.0.0.0:0"]).code, 2);
    daemon.terminate().ok();
}

/// As a load balancer and a pipeline see it: each request is repeated until it is answered, and none is lost.
#[test]
fn a_restart_costs_clients_a_retry_and_no_more() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut daemon = home.builder().args(["--listen", &free, "--tls", "self-signed"]).start();
    let authority = home.data().join("tls/ca.pem");
    let url = format!("{}/readyz", daemon.url());
    let restarted = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (authority, url, restarted) = (authority.clone(), url.clone(), Arc::clone(&restarted));
            thread::spawn(move || {
                let mut answered = 0;
                while !restarted.load(Ordering::Relaxed) {
                    let retry = ["--retry", "100", "--retry-all-errors", "--retry-delay", "1", "--fail"];
                    let run = curl(&authority, &retry, &url).ok();
                    assert!(run.stdout.ends_with("200"), "{run:?}");
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    for _ in 0..2 {
        daemon.restart();
    }
    restarted.store(true, Ordering::Relaxed);
    for client in clients {
        assert!(client.join().unwrap() > 0);
    }
    daemon.terminate().ok();
}
