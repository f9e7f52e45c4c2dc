//! Access tokens from a token endpoint: fetched once, renewed, and what the errors say.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, atomic::AtomicUsize, atomic::Ordering},
    time::Duration,
};

use kontraktor_proto::{
    client::{Client, ClientCredentials, ClientError, ClientOptions, Credentials, TlsOptions},
    endpoint::TokenUrl,
};
use tokio::task::JoinSet;

use super::{
    batch,
    common::{Act, Daemon},
    create, get,
    network::options,
};

/// A token endpoint of a few lines: it answers as its script says, with the last line from then on.
struct Endpoint {
    url: String,
    requests: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
}

impl Endpoint {
    fn start(script: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/oauth/token", listener.local_addr().expect("bound"));
        let (requests, last) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<String>>::default());
        let endpoint = Self { url, requests: Arc::clone(&requests), last: Arc::clone(&last) };
        let script: Vec<String> = script.iter().map(|&line| line.to_owned()).collect();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let count = requests.fetch_add(1, Ordering::SeqCst);
                let response = &script[count.min(script.len() - 1)];
                *last.lock().expect("no panic") = respond(stream, response);
            }
        });
        endpoint
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn client(&self, daemon: &Daemon) -> Client {
        Client::new(self.options(daemon))
    }

    fn options(&self, daemon: &Daemon) -> ClientOptions {
        let credentials = ClientCredentials {
            id: "sa-1".to_owned(),
            secret: "hunter2".into(),
            token_url: Some(TokenUrl::parse(&self.url).expect("a good URL")),
        };
        ClientOptions {
            credentials: Credentials::Client(credentials),
            ..options(&format!("http://127.0.0.1:{}", daemon.port()), TlsOptions::default())
        }
    }
}

/// Reads a request, answers it, and returns it.
fn respond(mut stream: TcpStream, response: &str) -> String {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let _ = stream.write_all(response.as_bytes());
    head + "\n" + &String::from_utf8(body).expect("text")
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn token(text: &str, seconds: u32) -> String {
    http("200 OK", &format!(r#"{{"access_token":"{text}","token_type":"Bearer","expires_in":{seconds}}}"#))
}

fn sent_tokens(daemon: &Daemon) -> Vec<String> {
    let text = |value: &tonic::metadata::MetadataValue<_>| value.to_str().expect("text").to_owned();
    daemon
        .log()
        .calls
        .iter()
        .map(|(_, metadata)| metadata.get("authorization").map(text).unwrap_or_default())
        .collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_for_many_calls() {
    let endpoint = Endpoint::start(&[&token("t1", 900)]);
    let daemon = Daemon::start_on_port(None, []);
    let client = endpoint.client(&daemon);
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        calls.spawn(async move { client.get_project(get()).await });
    }
    for result in calls.join_all().await {
        result.expect("answered");
    }
    assert_eq!((endpoint.requests(), daemon.calls()), (1, 20));
    assert!(sent_tokens(&daemon).iter().all(|sent| sent == "Bearer t1"));
    let request = endpoint.last.lock().expect("no panic").clone();
    // `sa-1:hunter2` in base64.
    assert!(request.contains("authorization: Basic c2EtMTpodW50ZXIy\r\n"), "{request}");
    assert!(request.starts_with("POST /oauth/token HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\ngrant_type=client_credentials"), "{request}");
    assert!(!format!("{:?}", client.options()).contains("hunter2"));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let endpoint =
        Endpoint::start(&[&token("t1", 100), &http("503 Service Unavailable", ""), &token("t2", 100)]);
    let daemon = Daemon::start_on_port(None, []);
    let client = endpoint.client(&daemon);
    client.get_project(get()).await.expect("answered");
    super::skip(Duration::from_secs(85)).await;
    // It is still valid, so that an endpoint that fails does no harm.
    client.get_project(get()).await.expect("answered");
    client.get_project(get()).await.expect("answered");
    assert_eq!(sent_tokens(&daemon), ["Bearer t1", "Bearer t1", "Bearer t2"]);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_even_for_a_write() {
    let endpoint = Endpoint::start(&[&token("t1", 900), &token("t2", 900), &token("t3", 900)]);
    let daemon = Daemon::start_on_port(None, [Act::Answer]);
    let client = endpoint.client(&daemon);
    client.get_project(get()).await.expect("answered");
    daemon.log().script.extend([Act::RequireToken("t2"), Act::RequireToken("t2")]);
    client.create_project(create()).await.expect("answered");
    assert_eq!((endpoint.requests(), daemon.calls()), (2, 3));

    daemon.log().script.extend([Act::RequireToken("t9"), Act::RequireToken("t9")]);
    let error = client.write_variables(batch()).await.expect_err("refused");
    assert_eq!((endpoint.requests(), daemon.calls()), (3, 5));
    assert!(matches!(error, ClientError::Unauthenticated { .. }), "{error:?}");
    let text = format!("{error}; {}", error.remedy().expect("a remedy"));
    insta::assert_snapshot!(text.replace(&endpoint.url, "URL").replace(&daemon.port().to_string(), "PORT"), @"kontraktord at http://127.0.0.1:PORT rejected the access token from URL; check that the daemon trusts this token endpoint, and its log");
}

#[tokio::test]
async fn a_rejection_names_what_was_sent() {
    let reject = [Act::RequireToken("t"), Act::RequireToken("t")];
    let daemon = Daemon::start_on_port(None, reject);
    let host = format!("http://127.0.0.1:{}", daemon.port());
    for credentials in [Credentials::None, Credentials::Token("hunter2".into())] {
        let options = ClientOptions { credentials, ..options(&host, TlsOptions::default()) };
        let error = Client::new(options).get_project(get()).await.expect_err("rejected");
        let text = format!("{error}; {}", error.remedy().expect("a remedy")).replace(&host, "HOST");
        assert!(!text.contains("hunter2"), "{text}");
        insta::allow_duplicates! {
            if text.contains("requires") {
                insta::assert_snapshot!(text, @"kontraktord at HOST requires credentials; set oauth_token, or client_id and client_secret, or client_certificate and client_key");
            } else {
                insta::assert_snapshot!(text, @"kontraktord at HOST rejected the token; check that oauth_token or KONTRAKTOR_TOKEN is an access token for this daemon, and has not expired");
            }
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_an_error_and_nothing_is_sent_to_the_daemon() {
    let daemon = Daemon::start_on_port(None, []);
    let refuse = http("401 Unauthorized", r#"{"error":"invalid_client","error_description":"hunter2"}"#);
    let endpoint = Endpoint::start(&[&refuse]);
    let error = endpoint.client(&daemon).create_project(create()).await.expect_err("no token");
    let text = format!("{error}; {}", error.remedy().expect("a remedy")).replace(&endpoint.url, "URL");
    assert!(
        matches!(error, ClientError::NoToken { reached: true, .. }) && !text.contains("hunter2"),
        "{error:?}"
    );
    insta::assert_snapshot!(text, @"cannot get an access token from URL: it rejected client_id and client_secret; check both, and that the secret has not expired: `ktr service-account show NAME`");
    assert_eq!((endpoint.requests(), daemon.calls()), (1, 0));

    // One that is busy is asked again.
    let endpoint = Endpoint::start(&[&http("429 Too Many Requests", ""), &token("t1", 900)]);
    endpoint.client(&daemon).create_project(create()).await.expect("answered");
    assert_eq!((endpoint.requests(), daemon.calls()), (2, 1));
}
