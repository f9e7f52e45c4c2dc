//! The client over TCP: TLS, certificates, restarts, cut connections, and what the errors say.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    time::Duration,
};

use kontraktor_proto::{
    client::{Client, ClientError, ClientOptions, Level, Setting, TlsOptions},
    endpoint::Host,
};
use rustls::ServerConfig;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener as TokioListener, TcpStream},
    task::JoinSet,
};

use super::{
    batch,
    certificates::{Authority, Identity, Server},
    common::{Act, Daemon, received},
    create, get,
};

/// Long enough for a machine that is busy; what fails in these tests fails at once.
const TIMEOUT: Duration = Duration::from_secs(30);

#[expect(clippy::unnecessary_wraps, reason = "settings are optional")]
fn setting(name: &'static str, text: &str) -> Option<Setting> {
    Some(Setting::new(name, Level::Configuration, text))
}

pub(crate) fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions { ca_certificate: setting("ca_certificate", &authority.pem()), ..TlsOptions::default() }
}

fn with_identity(authority: &Authority, identity: &Identity) -> TlsOptions {
    TlsOptions {
        client_certificate: setting("client_certificate", &identity.certificate),
        client_key: setting("client_key", &identity.key),
        ..trusting(authority)
    }
}

pub(crate) fn options(host: &str, tls: TlsOptions) -> ClientOptions {
    let host = Host::parse(Some(host)).expect("a good host");
    ClientOptions { timeout: TIMEOUT, tls, ..ClientOptions::new(host, "ktr") }
}

fn client(port: u16, tls: TlsOptions) -> Client {
    Client::new(options(&format!("https://127.0.0.1:{port}"), tls))
}

fn serve(tls: Arc<ServerConfig>, script: impl IntoIterator<Item = Act>) -> Daemon {
    Daemon::start_on_port(Some(tls), script)
}

/// Returns the error of a call, which must say that nothing was sent, and what to do.
async fn unreachable(host: &str, tls: TlsOptions) -> String {
    let error = Client::new(options(host, tls)).create_project(create()).await.expect_err(host);
    let ClientError::NotReachable { reason, remedy, .. } = error else { panic!("{host}: {error:?}") };
    format!("{reason}; {remedy}")
}

#[tokio::test]
async fn requests_travel_over_tls_and_over_plain_text_on_loopback() {
    let authority = Authority::new("ours");
    let daemon = serve(authority.server(Server::Good, None), []);
    client(daemon.port(), trusting(&authority)).get_project(get()).await.expect("answered");
    let by_name = format!("https://localhost:{}", daemon.port());
    Client::new(options(&by_name, trusting(&authority))).get_project(get()).await.expect("answered");
    assert_eq!(daemon.calls(), 2);

    let daemon = Daemon::start_on_port(None, []);
    let plain = format!("http://127.0.0.1:{}", daemon.port());
    Client::new(options(&plain, TlsOptions::default())).get_project(get()).await.expect("answered");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named_with_the_remedy() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    // The same name, and another key: an authority that was made again.
    let renewed = Authority::new("ours");
    let url = |daemon: &Daemon| format!("https://127.0.0.1:{}", daemon.port());
    let good = serve(ours.server(Server::Good, None), []);
    insta::assert_snapshot!(unreachable(&url(&good), trusting(&theirs)).await, @"its certificate is signed by an unknown authority; set ca_certificate or KONTRAKTOR_CA_CERTIFICATE to the certificate of the authority that signed the daemon's; a daemon that was started with `--tls self-signed` prints where it is, by default DATA_DIR/tls/ca.pem");
    assert!(
        unreachable(&url(&good), trusting(&renewed))
            .await
            .starts_with("its certificate is signed by an unknown")
    );
    let expired = serve(ours.server(Server::Expired, None), []);
    insta::assert_snapshot!(unreachable(&url(&expired), trusting(&ours)).await, @"its certificate expired on 2021-01-01T00:00:00Z; renew the daemon's certificate, and check this machine's clock");
    let other = serve(ours.server(Server::OtherName, None), []);
    insta::assert_snapshot!(unreachable(&url(&other), trusting(&ours)).await, @"its certificate is for config.example.com, and not for 127.0.0.1; set host to a name in the certificate, or start the daemon with `kontraktord --tls-name NAME`");
    assert_eq!(good.calls() + expired.calls() + other.calls(), 0);
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_its_rejection_explained() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let daemon = serve(ours.server(Server::Good, Some(&ours)), []);
    let identity = ours.client(false);
    client(daemon.port(), with_identity(&ours, &identity)).get_project(get()).await.expect("answered");
    assert_eq!(daemon.calls(), 1);

    let url = format!("https://127.0.0.1:{}", daemon.port());
    insta::assert_snapshot!(unreachable(&url, trusting(&ours)).await, @"it requires a client certificate; set client_certificate and client_key, or KONTRAKTOR_CLIENT_CERTIFICATE and KONTRAKTOR_CLIENT_KEY");
    insta::assert_snapshot!(unreachable(&url, with_identity(&ours, &theirs.client(false))).await, @"it does not trust the authority of the client certificate; use a client certificate that is current and signed by an authority that the daemon trusts (`client_ca` in its configuration)");
    insta::assert_snapshot!(unreachable(&url, with_identity(&ours, &ours.client(true))).await, @"the client certificate has expired; use a client certificate that is current and signed by an authority that the daemon trusts (`client_ca` in its configuration)");
    assert_eq!(daemon.calls(), 1);
}

/// A certificate in a file may have been renewed. The daemon knows the one of a connection, so that it takes a new connection.
#[tokio::test]
async fn a_certificate_that_is_refused_is_read_again_and_shown_on_a_new_connection() {
    let ours = Authority::new("ours");
    let refuse = || Act::Plain(tonic::Code::Unauthenticated);
    let identity = ours.client(false);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, pem: &str| {
        fs::write(folder.path().join(name), pem).expect("a file");
        folder.path().join(name).display().to_string()
    };
    let in_files = || TlsOptions {
        client_certificate: setting("client_certificate", &file("client.pem", &identity.certificate)),
        client_key: setting("client_key", &file("client.key", &identity.key)),
        ..trusting(&ours)
    };
    let daemon = serve(ours.server(Server::Good, Some(&ours)), [Act::Answer, refuse(), Act::Answer]);
    let client_of = |daemon: &Daemon, tls| client(daemon.port(), tls);
    let renewing = client_of(&daemon, in_files());
    for _ in 0..2 {
        // A write, too: nothing was done.
        renewing.create_project(create()).await.expect("answered");
    }
    assert_eq!((daemon.calls(), daemon.log().connections), (3, 2));

    // Refused again, there is nothing more to try, and what cannot have changed is not sent again.
    for (tls, calls) in [(in_files(), 2), (with_identity(&ours, &identity), 1)] {
        let daemon = serve(ours.server(Server::Good, Some(&ours)), [refuse(), refuse(), refuse()]);
        let error = client_of(&daemon, tls).get_project(get()).await.expect_err("refused");
        assert!(matches!(error, ClientError::Unauthenticated { .. }), "{error:?}");
        assert_eq!((daemon.calls(), daemon.log().connections), (calls, calls));
    }
}

/// Answers each connection with these bytes.
fn answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 16]);
            let _ = stream.write_all(bytes);
        }
    });
    port
}

#[tokio::test]
async fn what_is_no_daemon_is_recognised() {
    let none = TlsOptions::default;
    let authority = Authority::new("ours");
    let http1 = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    insta::assert_snapshot!(unreachable(&format!("https://127.0.0.1:{http1}"), trusting(&authority)).await, @"the server does not speak TLS; check the port in host, and that kontraktord listens there with TLS");
    insta::assert_snapshot!(unreachable(&format!("http://127.0.0.1:{http1}"), none()).await, @"the server does not speak HTTP/2, which gRPC requires; check host and port; a load balancer before the daemon must pass HTTP/2 or TCP on");
    let tls = serve(authority.server(Server::Good, None), []);
    insta::assert_snapshot!(unreachable(&format!("http://127.0.0.1:{}", tls.port()), none()).await, @"the server expects TLS; use https:// in host");
    let silent = answering(b"");
    insta::assert_snapshot!(unreachable(&format!("https://127.0.0.1:{silent}"), trusting(&authority)).await, @"the connection was closed before the daemon answered; check the daemon's log, and that kontraktord, and nothing else, listens at host");
    let mut old = ServerConfig::clone(&authority.server(Server::Good, None));
    old.alpn_protocols = vec![b"http/1.1".to_vec()];
    let old = serve(Arc::new(old), []);
    insta::assert_snapshot!(unreachable(&format!("https://127.0.0.1:{}", old.port()), trusting(&authority)).await, @"the server does not speak HTTP/2, which gRPC requires; check host and port; a load balancer before the daemon must pass HTTP/2 or TCP on");
}

#[tokio::test]
async fn nothing_there_is_an_error_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let authority = Authority::new("ours");
    insta::assert_snapshot!(unreachable(&format!("https://{free}"), trusting(&authority)).await, @"the connection was refused: nothing listens there; start the daemon with `kontraktord --listen ADDRESS:PORT`, or check host and port");
    let unknown = unreachable("https://kontraktor.invalid", trusting(&authority)).await;
    assert!(unknown.starts_with("the name kontraktor.invalid cannot be resolved: "), "{unknown}");
    assert!(unknown.ends_with("; check the name in host, and this machine's DNS"), "{unknown}");
}

#[tokio::test]
async fn a_batch_survives_a_restart_and_a_write_says_that_it_was_lost() {
    let authority = Authority::new("ours");
    let daemon = serve(authority.server(Server::Good, None), [Act::Die]);
    let client = client(daemon.port(), trusting(&authority));
    let request = batch();
    let write = tokio::spawn({
        let (client, request) = (client.clone(), request.clone());
        async move { client.write_variables(request).await }
    });
    received(&daemon, 1).await;
    // Connections are refused in between.
    tokio::time::sleep(Duration::from_millis(100)).await;
    daemon.listen();
    write.await.expect("no panic").expect("answered after the restart");
    assert_eq!(daemon.log().batches, vec![request.batch_id.clone(), request.batch_id]);

    daemon.log().script.push_back(Act::Die);
    let error = client.create_project(create()).await.expect_err("lost");
    assert!(matches!(error, ClientError::OutcomeUnknown { .. }), "{error:?}");
}

#[tokio::test]
async fn a_write_whose_connection_was_cut_while_idle_is_sent_on_a_new_one() {
    let authority = Authority::new("ours");
    let daemon = serve(authority.server(Server::Good, None), []);
    // A load balancer before it, which cuts what it forwards.
    let balancer = TokioListener::bind("127.0.0.1:0").await.expect("a free port");
    let (port, target) = (balancer.local_addr().expect("bound").port(), daemon.port());
    let client = client(port, trusting(&authority));
    let mut forwarded = JoinSet::new();
    for round in 1..=3 {
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.create_project(create()).await }
        });
        let (mut near, _) = balancer.accept().await.expect("a new connection");
        let mut far = TcpStream::connect(("127.0.0.1", target)).await.expect("the daemon listens");
        forwarded.spawn(async move { copy_bidirectional(&mut near, &mut far).await });
        call.await.expect("no panic").expect("answered");
        assert_eq!(daemon.calls(), round);
        forwarded.shutdown().await;
        super::common::let_tasks_notice().await;
    }
}

#[tokio::test]
async fn certificates_that_are_renewed_on_disk_are_used_for_the_next_connection() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("ca.pem");
    fs::write(&path, ours.pem()).expect("written");
    let tls = TlsOptions {
        ca_certificate: setting("ca_certificate", path.to_str().expect("text")),
        ..TlsOptions::default()
    };
    let mut daemon = serve(ours.server(Server::Good, None), []);
    let client = client(daemon.port(), tls);
    client.get_project(get()).await.expect("answered");
    daemon.stop().await;
    daemon.set_tls(theirs.server(Server::Good, None));
    daemon.listen();
    fs::write(&path, theirs.pem()).expect("written");
    client.get_project(get()).await.expect("answered by the daemon with the new certificate");
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_named_and_no_key_is_repeated() {
    let authority = Authority::new("ours");
    let (identity, other) = (authority.client(false), authority.client(false));
    let secret = identity.key.lines().nth(1).expect("base64").to_owned();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("key.pem");
    let path = file.to_str().expect("text");
    let check = |tls: TlsOptions| {
        let message = tls.check().expect_err("it cannot be used").to_string();
        assert!(!message.contains(&secret), "{message}");
        message.replace(path, "FILE")
    };
    let ca =
        |text: &str| TlsOptions { ca_certificate: setting("ca_certificate", text), ..TlsOptions::default() };
    let pair = |certificate: &str, key: &str| TlsOptions {
        client_certificate: setting("client_certificate", certificate),
        client_key: setting("KONTRAKTOR_CLIENT_KEY", key),
        ..trusting(&authority)
    };
    let good = &identity.certificate;
    let mut messages = vec![
        check(ca("")),
        check(ca(path)),
        check(ca("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")),
        check(ca(&identity.key)),
        check(pair(good, &secret)),
        check(pair(good, &identity.key.lines().skip(1).collect::<Vec<_>>().join("\n"))),
        check(pair(good, &other.key)),
        check(pair(good, good)),
        check(pair(good, &identity.key.replace("PRIVATE", "ENCRYPTED PRIVATE"))),
        check(TlsOptions { client_key: None, ..pair(good, &other.key) }),
        check(TlsOptions { client_certificate: None, ..pair(good, &other.key) }),
    ];
    fs::write(&file, &identity.key).expect("written");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o646)).expect("changed");
    messages.push(check(pair(good, path)));
    insta::assert_snapshot!(messages.join("\n"), @"
    invalid ca_certificate: expected PEM (-----BEGIN …) or the path of a file in PEM
    invalid ca_certificate: the file FILE cannot be read: No such file or directory (os error 2)
    invalid ca_certificate: it contains an invalid certificate
    invalid ca_certificate: it contains no certificate in PEM (-----BEGIN CERTIFICATE-----)
    invalid KONTRAKTOR_CLIENT_KEY: expected PEM (-----BEGIN …) or the path of a file in PEM; a file of this name cannot be read: No such file or directory (os error 2)
    invalid KONTRAKTOR_CLIENT_KEY: expected PEM (-----BEGIN …) or the path of a file in PEM
    invalid KONTRAKTOR_CLIENT_KEY: the key does not belong to the certificate in client_certificate
    invalid KONTRAKTOR_CLIENT_KEY: it contains no private key in PEM (-----BEGIN PRIVATE KEY-----)
    invalid KONTRAKTOR_CLIENT_KEY: the key is encrypted; decrypt it with `openssl pkey`
    invalid client_certificate: the setting client_key is missing; set both, or neither
    invalid KONTRAKTOR_CLIENT_KEY: the setting client_certificate is missing; set both, or neither
    invalid KONTRAKTOR_CLIENT_KEY: the file FILE has mode 0646, which lets other users change it. Check its content and run `chmod go-w` on it
    ");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("changed");
    pair(good, path).check().expect("a good pair");
}

#[tokio::test]
async fn a_server_that_does_not_speak_grpc_is_no_daemon() {
    // HTTP/2 without TLS: SETTINGS, and for the first stream a redirect (status 302 is literal, RFC 7541 §6.2.2).
    const REDIRECT: &[u8] = &[
        0, 0, 0, 4, 0, 0, 0, 0, 0, // SETTINGS
        0, 0, 5, 1, 5, 0, 0, 0, 1, // HEADERS, which end the stream
        0x08, 3, b'3', b'0', b'2',
    ];
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let host = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut buffer = [0; 4096];
        stream.write_all(&REDIRECT[..9]).expect("sent");
        let mut received = Vec::new();
        // Until the request's HEADERS have come: a frame of type 1 on stream 1.
        while !received.windows(6).any(|window| window[0] == 1 && window[2..] == [0, 0, 0, 1]) {
            let count = stream.read(&mut buffer).expect("received");
            received.extend_from_slice(&buffer[..count]);
        }
        stream.write_all(&REDIRECT[9..]).expect("sent");
        let _ = stream.read(&mut buffer);
        std::thread::sleep(Duration::from_secs(1));
    });
    let error = Client::new(options(&host, TlsOptions::default())).create_project(create()).await;
    let error = error.expect_err("no daemon").to_string().replace(&host, "HOST");
    insta::assert_snapshot!(error, @"cannot reach kontraktord at HOST: it responded with HTTP status 302, a redirect, which is not followed");
}
