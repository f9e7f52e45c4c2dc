//! What every double can do: injected faults, and counts of requests.

use std::{io, net::TcpStream, path::Path, sync::Arc, thread, time::Duration};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use testkit::doubles::{Answer, Authority, AzureKeyVault, AzureOptions, FaultServer, HttpFault, Validity};

/// Longer than any request here takes.
const READ_TIMEOUT: Duration = testkit::BOUND;

/// A response: the head, and the part of the body that was received before the connection ended.
struct Reply {
    head: String,
    body: String,
    /// Whether the connection ended in good order.
    clean: bool,
}

impl Reply {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .map(|(_, v)| v)
    }

    fn is_whole(&self) -> bool {
        let length = self.header("content-length").and_then(|text| text.parse::<usize>().ok());
        self.clean && length == Some(self.body.len())
    }
}

/// Sends a GET over a plain socket, because HTTP clients hide broken responses. `authority` is for HTTPS.
fn get(url: &str, path: &str, authority: Option<&Path>) -> io::Result<Reply> {
    get_with(url, path, "", authority)
}

/// Sends a GET with another header, given as a line.
fn get_with(url: &str, path: &str, header: &str, authority: Option<&Path>) -> io::Result<Reply> {
    let (_, host) = url.split_once("://").expect("a URL");
    let stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n");
    match authority {
        None => exchange(stream, &request),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(pem).expect("a certificate")).expect("an authority");
            let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = ServerName::try_from("127.0.0.1").expect("a name");
            let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
            exchange(StreamOwned::new(connection, stream), &request)
        }
    }
}

fn exchange(mut stream: impl io::Read + io::Write, request: &str) -> io::Result<Reply> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut all = Vec::new();
    let clean = stream.read_to_end(&mut all).is_ok();
    let all = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
    Ok(Reply { head: head.to_owned(), body: body.to_owned(), clean })
}

/// Starts a server over plain HTTP that responds with `all is well`.
fn plain() -> FaultServer {
    FaultServer::http(|_| Answer::new(200, "text/plain", "all is well"))
}

fn ask(server: &FaultServer) -> Reply {
    get(server.url(), "/", None).expect("a server that answers")
}

#[test]
fn a_fault_server_responds_when_no_fault_is_pending() {
    let server = plain();
    let reply = ask(&server);
    assert_eq!((reply.status(), &*reply.body, reply.is_whole()), ("200", "all is well", true));
}

#[test]
fn exactly_this_many_requests_are_throttled() {
    let server = plain();
    server.faults().next(2, HttpFault::throttled(5));
    let replies = [ask(&server), ask(&server), ask(&server)];
    assert_eq!(replies.each_ref().map(Reply::status), ["429", "429", "200"]);
    assert_eq!(replies.each_ref().map(|reply| reply.header("retry-after")), [Some("5"), Some("5"), None]);
    assert_eq!(server.faults().left(), 0);
}

#[test]
fn faults_are_injected_in_order() {
    let server = plain();
    server.faults().next(1, HttpFault::unavailable());
    server.faults().next(1, HttpFault::internal_error());
    assert_eq!(
        [ask(&server), ask(&server), ask(&server)].map(|reply| reply.status().to_owned()),
        ["503", "500", "200"]
    );
}

#[test]
fn a_fault_applies_only_to_matching_requests() {
    let server = plain();
    server.faults().always_where(|request| request.path() == "/broken", HttpFault::unavailable());
    let status = |path| get(server.url(), path, None).expect("an answer").status().to_owned();
    assert_eq!([status("/"), status("/broken"), status("/broken")], ["200", "503", "503"]);
    server.faults().clear();
    assert_eq!(status("/broken"), "200");
}

#[test]
fn a_hanging_request_gets_its_response_when_it_is_released() {
    let server = plain();
    server.faults().next(1, HttpFault::Hang);
    let url = server.url().to_owned();
    let waiting = thread::spawn(move || get(&url, "/slow", None).expect("an answer in the end"));
    assert!(server.traffic().wait_for(1, READ_TIMEOUT, |seen| seen.path == "/slow"));
    // Others are served meanwhile.
    assert_eq!(ask(&server).status(), "200");
    assert!(!waiting.is_finished());
    assert_eq!(server.traffic().seen()[0].status, None);
    // The request may be counted before it hangs: a release that comes too early is repeated.
    while !waiting.is_finished() {
        server.faults().release();
        thread::yield_now();
    }
    assert_eq!(waiting.join().expect("no panic").status(), "200");
    assert_eq!(server.traffic().most_at_once(), 2);
}

#[test]
fn a_dropped_server_ends_requests_that_hang() {
    let server = plain();
    server.faults().always(HttpFault::Hang);
    let url = server.url().to_owned();
    let waiting = thread::spawn(move || get(&url, "/", None));
    assert!(server.traffic().wait_for(1, READ_TIMEOUT, |_| true));
    drop(server);
    let reply = waiting.join().expect("no panic");
    assert!(reply.is_err() || reply.is_ok_and(|reply| reply.head.is_empty()));
}

#[test]
fn half_of_a_truncated_body_arrives() {
    for authority in [None, Some(Authority::new())] {
        let answer = |_: &_| Answer::new(200, "text/plain", "0123456789");
        let server = match authority {
            None => FaultServer::http(answer),
            Some(_) => FaultServer::https(Validity::Current, answer),
        };
        let ca = authority.map(|_| server.ca_pem_path());
        server.faults().next(1, HttpFault::Truncate);
        let reply = get(server.url(), "/", ca).expect("a connection");
        assert_eq!(
            (reply.status(), &*reply.body, reply.header("content-length")),
            ("200", "01234", Some("10"))
        );
        assert!(!reply.is_whole());
        assert!(get(server.url(), "/", ca).expect("an answer").is_whole());
    }
}

#[test]
fn a_broken_connection_has_no_response() {
    let server = plain();
    server.faults().next(1, HttpFault::Disconnect);
    assert_eq!(ask(&server).head, "");
    assert_eq!(server.traffic().seen()[0].status, None);
}

#[test]
fn a_web_page_comes_with_status_200() {
    let server = plain();
    server.faults().next(1, HttpFault::WebPage);
    let reply = ask(&server);
    assert_eq!((reply.status(), reply.header("content-type")), ("200", Some("text/html")));
}

#[test]
fn a_redirect_names_another_host() {
    let (server, other) = (plain(), plain());
    server.faults().next(1, HttpFault::Redirect(format!("{}/there", other.url())));
    let reply = ask(&server);
    assert_eq!((reply.status(), reply.header("location")), ("302", Some(&*format!("{}/there", other.url()))));
    assert_eq!(other.traffic().seen(), []);
}

#[test]
fn any_response_can_be_substituted() {
    let server = plain();
    server.faults().next(1, HttpFault::Instead(Answer::new(200, "application/json", "{")));
    assert_eq!(ask(&server).body, "{");
}

#[test]
fn an_expired_certificate_is_rejected_as_expired() {
    let server = FaultServer::https(Validity::Expired, |_| Answer::empty(204));
    let error = get(server.url(), "/", Some(server.ca_pem_path())).err().expect("no connection");
    assert!(error.to_string().contains("certificate expired"), "{error}");
}

#[test]
fn a_delay_lets_requests_overlap() {
    let server = plain();
    server.traffic().set_delay(Duration::from_secs(1));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| ask(&server));
        }
    });
    assert!(server.traffic().most_at_once() > 1);
    assert_eq!(server.traffic().count(|seen| seen.status == Some(200)), 8);
    server.traffic().reset();
    assert_eq!((server.traffic().most_at_once(), server.traffic().seen().len()), (0, 0));
}

#[test]
fn waiting_for_a_request_that_never_comes_ends() {
    assert!(!plain().traffic().wait_for(1, Duration::from_millis(1), |_| true));
}

#[test]
fn failures_have_the_format_of_key_vault() {
    let double = AzureKeyVault::start();
    let mut failures = Vec::new();
    for fault in [HttpFault::throttled(1), HttpFault::unavailable(), HttpFault::internal_error()] {
        double.vault().faults().next(1, fault);
        let reply = get(double.url(), "/secrets/any", Some(double.ca_pem_path())).expect("an answer");
        let body: serde_json::Value = serde_json::from_str(&reply.body).expect("JSON");
        failures.push(format!("{} {}", reply.status(), body["error"]["code"].as_str().unwrap_or_default()));
    }
    assert_eq!(failures, ["429 Throttled", "503 ServiceUnavailable", "500 InternalServerError"]);
}

const METADATA: &str = "Metadata: true\r\n";

/// A token from the machine's own endpoint, for this resource.
fn token(double: &AzureKeyVault, resource: &str) -> String {
    let path = format!("/metadata/identity/oauth2/token?api-version=2019-08-01&resource={resource}");
    let reply = get_with(double.metadata_url(), &path, METADATA, None).expect("an answer");
    let body: serde_json::Value = serde_json::from_str(&reply.body).expect("JSON");
    body["access_token"].as_str().expect("a token").to_owned()
}

/// The status of a read with this token.
fn read(double: &AzureKeyVault, name: &str, token: &str) -> String {
    let path = format!("/secrets/{name}?api-version=7.4");
    let header = format!("Authorization: Bearer {token}\r\n");
    let reply = get_with(double.url(), &path, &header, Some(double.ca_pem_path())).expect("an answer");
    reply.status().to_owned()
}

const VAULTS: &str = "https://vault.azure.net";

#[test]
fn a_secret_can_be_deleted_between_two_reads() {
    let double = AzureKeyVault::start();
    double.secrets().set("greeting", "hello");
    double.secrets().delete_after_reads("greeting", 2);
    let token = token(&double, VAULTS);
    let read = || read(&double, "greeting", &token);
    assert_eq!([read(), read(), read()], ["200", "200", "404"]);
    double.secrets().recover("greeting");
    assert_eq!([read(), read(), read()], ["200"; 3]);
    assert_eq!((double.fetches("greeting"), double.fetches("greet")), (6, 0));
}

#[test]
fn a_revoked_token_is_rejected_and_a_new_one_accepted() {
    let double = AzureKeyVault::start();
    double.secrets().set("greeting", "hello");
    let old = token(&double, VAULTS);
    assert_eq!(read(&double, "greeting", &old), "200");
    double.revoke_tokens();
    assert_eq!(read(&double, "greeting", &old), "401");
    assert_eq!(read(&double, "greeting", &token(&double, VAULTS)), "200");
    assert_eq!(double.token_requests(), 2);
}

#[test]
fn a_token_expires() {
    let double = AzureKeyVault::start();
    double.secrets().set("greeting", "hello");
    double.set_token_lifetime(Duration::ZERO);
    assert_eq!(read(&double, "greeting", &token(&double, VAULTS)), "401");
}

#[test]
fn a_token_is_for_one_resource() {
    let double = AzureKeyVault::start();
    double.secrets().set("greeting", "hello");
    assert_eq!(read(&double, "greeting", &token(&double, "https://vault.azure.cn")), "401");
    let chinese = AzureKeyVault::start_with(AzureOptions {
        resource: "https://vault.azure.cn".to_owned(),
        ..AzureOptions::default()
    });
    chinese.secrets().set("greeting", "hello");
    assert_eq!(read(&chinese, "greeting", &token(&chinese, "https://vault.azure.cn")), "200");
}

#[test]
fn only_the_machine_itself_gets_a_token_from_its_metadata() {
    let double = AzureKeyVault::start();
    let path = "/metadata/identity/oauth2/token?api-version=2019-08-01&resource=https://vault.azure.net";
    let status = |path: &str, header: &str| {
        get_with(double.metadata_url(), path, header, None).expect("an answer").status().to_owned()
    };
    assert_eq!(status(path, METADATA), "200");
    assert_eq!(status(path, ""), "400");
    assert_eq!(status(path, &format!("{METADATA}X-Forwarded-For: 10.0.0.1\r\n")), "400");
    assert_eq!(status("/metadata/identity/oauth2/token?resource=any", METADATA), "400");
    assert_eq!(status("/msi/token?api-version=2019-08-01&resource=any", METADATA), "401");
}

#[test]
fn debug_output_contains_neither_values_nor_tokens() {
    let double = AzureKeyVault::start();
    double.secrets().set("greeting", "must-not-appear");
    let shown = format!("{double:?} {:?} {:?}", double.secrets(), double.vault());
    assert!(shown.contains("greeting") && !shown.contains("must-not-appear"), "{shown}");
}
