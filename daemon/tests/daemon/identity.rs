//! Tokens of an issuer that others wrote, and the daemon's own: who is let in, as whom, and who is not.

use std::process::Command;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kontraktor_proto::v1::{
    AuditEntry, CreateServiceAccountRequest, DeleteServiceAccountRequest, EnvironmentName, GrantRoleRequest,
    ListAuditEntriesRequest, ListHistoryRequest, ListProjectsRequest, Role, VerifyAuditRequest,
    WatchEnvironmentRequest, access_client::AccessClient,
};
use rcgen::KeyPair;
use serde_json::{Value, json};
use testkit::{
    Daemon, Run,
    servers::{Authority, Oidc},
};
use tonic::{Code, Request};

use super::{
    common::{Home, batch, put},
    tls::{self, Site},
};

const AUDIENCE: &str = "urn:kontraktor";

/// Runs curl over the daemon's socket, and returns the status and the body.
#[track_caller]
fn curl(daemon: &Daemon, arguments: &[&str], path: &str) -> (u16, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--write-out", "\n%{response_code}"]);
    command.arg("--unix-socket").arg(daemon.socket()).args(arguments).arg(format!("http://localhost{path}"));
    let output = Run::of(&mut command).ok().stdout;
    let (body, status) = output.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

/// Reads a project with a token.
#[track_caller]
fn read(daemon: &Daemon, token: &str) -> (u16, String) {
    curl(daemon, &["--header", &format!("authorization: Bearer {token}")], "/api/v1/projects/demo")
}

/// Starts a daemon that accepts tokens of the provider, with a project and one viewer.
async fn start(home: &Home, oidc: &Oidc, viewer: &str) -> Daemon {
    let config = format!(
        "[[issuer]]\nurl = \"{}\"\nname = \"oidc\"\naudience = \"{AUDIENCE}\"\ngroups_claim = \"groups\"\nname_claim = \"name\"\n",
        oidc.url()
    );
    std::fs::write(home.dir.path().join("kontraktord.toml"), config).unwrap();
    let daemon = home.start();
    daemon.variables().write_variables(batch([put("KEY", "value")])).await.unwrap();
    grant(&daemon, viewer).await;
    daemon
}

async fn grant(daemon: &Daemon, viewer: &str) {
    let binding = GrantRoleRequest {
        role: Role::Viewer.into(),
        subject: viewer.to_owned(),
        pattern: "demo/*".to_owned(),
    };
    AccessClient::new(daemon.channel()).grant_role(binding).await.unwrap();
}

/// Creates a service account and returns a token for it.
async fn account_token(daemon: &Daemon, name: &str) -> String {
    let create = CreateServiceAccountRequest { name: name.to_owned(), ..Default::default() };
    let created =
        AccessClient::new(daemon.channel()).create_service_account(create).await.unwrap().into_inner();
    let user = format!("{}:{}", created.account.unwrap().client_id, created.client_secret);
    let form = ["--user", &user, "--data", "grant_type=client_credentials"];
    let (status, body) = curl(daemon, &form, "/oauth/token");
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn keys_change_in_the_middle_of_traffic_and_a_withdrawn_one_ends() {
    let (home, oidc) = (Home::new(), Oidc::start());
    let daemon = start(&home, &oidc, "oidc:pipeline").await;
    let first = oidc.token(AUDIENCE, "env.read");
    assert_eq!(read(&daemon, &first).0, 200);

    // Both are published: those who have a token of the old one are not disturbed.
    oidc.publish(&["second", "first"]);
    let second = oidc.token(AUDIENCE, "env.read");
    for token in [&second, &first] {
        assert_eq!(read(&daemon, token).0, 200);
    }
    // The old one is withdrawn. A key that the daemon does not know makes it look.
    oidc.publish(&["third"]);
    let third = oidc.token(AUDIENCE, "env.read");
    assert_eq!(read(&daemon, &third).0, 200);
    for token in [&first, &second] {
        assert_eq!(read(&daemon, token).0, 401);
    }
    let log = daemon.terminate().ok();
    for token in [first, second, third] {
        assert!(!log.contains(&token), "{log}");
    }
}

#[tokio::test]
async fn a_token_has_the_rights_of_its_subject_and_groups_and_no_more() {
    let (home, oidc) = (Home::new(), Oidc::start());
    let daemon = start(&home, &oidc, "group:oidc:builders").await;
    let reader = oidc.token(AUDIENCE, "env.read");
    let mut projects = daemon.projects();
    let with = |token: &str| {
        let mut request = Request::new(ListProjectsRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    };
    let listed = projects.list_projects(with(&reader)).await.unwrap().into_inner();
    assert_eq!(listed.projects.len(), 1);

    // Scope and role are both required: the role gives no write, and the scope of the other token no read.
    let written = curl(
        &daemon,
        &["--request", "DELETE", "--header", &format!("authorization: Bearer {reader}")],
        "/api/v1/projects/demo",
    );
    assert_eq!(written.0, 403, "{}", written.1);
    let writer = oidc.token(AUDIENCE, "env.write");
    assert_eq!(read(&daemon, &writer).0, 403);

    let refused = projects.list_projects(with("rubbish")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    daemon.terminate().ok();
}

#[tokio::test]
async fn invalid_tokens_are_refused_with_one_text_and_the_log_knows_why() {
    let (home, oidc) = (Home::new(), Oidc::start());
    let daemon = start(&home, &oidc, "oidc:pipeline").await;
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let header = |key: &str| json!({ "typ": "at+jwt", "alg": "RS256", "kid": key });
    let claims = |change: Value| {
        let mut claims = json!({
            "iss": oidc.url(), "sub": "pipeline", "aud": AUDIENCE, "iat": seconds, "exp": seconds + 300, "scope": "env.read",
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let signed = |change: Value| oidc.sign("first", &header("first"), &claims(change));
    assert_eq!(read(&daemon, &signed(json!({}))).0, 200);

    let none = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned =
        format!("{}.{}.", none(&json!({ "alg": "none", "kid": "first" })), none(&claims(json!({}))));
    let cases = [
        (oidc.token("urn:other", "env.read"), "the token has another audience"),
        (signed(json!({ "exp": seconds - 61 })), "the token has expired"),
        (signed(json!({ "exp": (seconds + 300).to_string() })), "the token's claim `exp` is invalid"),
        (signed(json!({ "nbf": seconds + 120 })), "the token is not valid yet"),
        (signed(json!({ "iss": "https://login.example.com" })), "the token's issuer is not configured"),
        (unsigned, "the token's signature algorithm is not accepted"),
        (
            oidc.sign_with_public_key(
                "first",
                &json!({ "typ": "at+jwt", "alg": "HS256", "kid": "first" }),
                &claims(json!({})),
            ),
            "the token's signature algorithm is not accepted",
        ),
        // Another issuer's key, under its own name and under a name of ours.
        (oidc.sign("other", &header("other"), &claims(json!({}))), "the issuer has no key for the token"),
        (oidc.sign("other", &header("first"), &claims(json!({}))), "the token's signature is invalid"),
        (oidc.sign("first", &header("../first"), &claims(json!({}))), "the issuer has no key for the token"),
        ("rubbish".to_owned(), "the token is malformed"),
    ];
    let mut texts = Vec::new();
    for (token, cause) in &cases {
        let (status, body) = read(&daemon, token);
        assert_eq!(status, 401, "{cause}: {body}");
        texts.push(body);
        daemon.wait_for_log(cause);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");

    // In the URL not even a good one, and nobody logs it.
    let good = signed(json!({}));
    let (status, body) = curl(&daemon, &[], &format!("/api/v1/projects/demo?access_token={good}"));
    assert_eq!((status, body.contains("credentials in URLs are refused")), (400, true), "{body}");
    let log = daemon.terminate().ok();
    for token in cases.iter().map(|(token, _)| token).chain([&good]).filter(|token| *token != "rubbish") {
        assert!(!log.contains(token.as_str()), "{log}");
    }
}

#[tokio::test]
async fn a_service_account_gets_a_token_that_ends_with_the_account() {
    let home = Home::new();
    let daemon = home.start();
    daemon.variables().write_variables(batch([put("KEY", "value")])).await.unwrap();
    let mut access = AccessClient::new(daemon.channel());
    let create = CreateServiceAccountRequest { name: "ci".to_owned(), ..Default::default() };
    let created = access.create_service_account(create).await.unwrap().into_inner();
    let client_id = created.account.unwrap().client_id;
    grant(&daemon, "service-account:ci").await;

    let user = format!("{client_id}:{}", created.client_secret);
    let form = ["--user", &user, "--data", "grant_type=client_credentials&scope=env.read"];
    let (status, body) = curl(&daemon, &form, "/oauth/token");
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!((&answer["scope"], read(&daemon, token).0), (&json!("env.read"), 200));
    let (status, _) =
        curl(&daemon, &["--user", &format!("{client_id}:wrong"), form[2], form[3]], "/oauth/token");
    assert_eq!(status, 401);

    // The log has both, and where the request came from.
    let (_, entries) = curl(&daemon, &[], "/api/v1/audit/entries");
    assert!(entries.contains("token_issued"), "{entries}");

    access.delete_service_account(DeleteServiceAccountRequest { name: "ci".to_owned() }).await.unwrap();
    assert_eq!(read(&daemon, token).0, 401);
    daemon.wait_for_log("the service account of the token does not exist");
    let log = daemon.terminate().ok();
    assert!(!log.contains(token) && !log.contains(&created.client_secret), "{log}");
}

/// Returns claims of a token that expired so many seconds ago; less than 60 are accepted.
fn expired(issuer: &str, audience: &str, seconds: u64) -> Value {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    json!({
        "iss": issuer, "sub": "pipeline", "aud": audience, "iat": now - 300, "exp": now - seconds, "scope": "env.read",
    })
}

#[tokio::test]
async fn a_token_of_an_issuer_that_cannot_be_reached_is_to_be_sent_again_later() {
    let home = Home::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let issuer = format!("http://{closed}");
    let config = format!("[[issuer]]\nurl = '{issuer}'\nname = 'gone'\naudience = '{AUDIENCE}'\n");
    std::fs::write(home.dir.path().join("kontraktord.toml"), config).unwrap();
    let daemon = home.start();
    let token = |claims: &Value| {
        let header = json!({ "typ": "at+jwt", "alg": "RS256", "kid": "first" });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(&header), part(claims), BASE64_URL_SAFE_NO_PAD.encode([7; 256]))
    };
    let good = token(&expired(&issuer, AUDIENCE, 0));
    let bearer = format!("authorization: Bearer {good}");
    let (status, answer) = curl(&daemon, &["--dump-header", "-", "--header", &bearer], "/api/v1/projects");
    assert_eq!(status, 503, "{answer}");
    assert!(answer.to_lowercase().contains("\nretry-after: "), "{answer}");
    assert!(
        answer.contains("issuer_unavailable") && answer.contains("its issuer cannot be reached"),
        "{answer}"
    );
    daemon.wait_for_log("cannot fetch the keys of an issuer");

    let mut request = Request::new(ListProjectsRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {good}").parse().unwrap());
    let refused = daemon.projects().list_projects(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");

    // No key makes these valid.
    for claims in [expired(&issuer, AUDIENCE, 90), expired(&issuer, "others", 0), json!({ "iss": issuer })] {
        assert_eq!(read(&daemon, &token(&claims)).0, 401, "{claims}");
    }
    assert_eq!(read(&daemon, "rubbish").0, 401);
    let log = daemon.terminate().ok();
    assert!(!log.contains(&good), "{log}");
}

#[tokio::test]
async fn a_watch_ends_with_its_token() {
    let (home, oidc) = (Home::new(), Oidc::start());
    let daemon = start(&home, &oidc, "oidc:pipeline").await;
    let header = json!({ "typ": "at+jwt", "alg": "RS256", "kid": "first" });
    let token = oidc.sign("first", &header, &expired(oidc.url(), AUDIENCE, 56));
    let bearer = format!("authorization: Bearer {token}");
    let (status, events) =
        curl(&daemon, &["--no-buffer", "--header", &bearer], "/api/v1/environments/demo/dev/events");
    assert_eq!(status, 200, "{events}");
    assert!(events.contains("event: problem") && events.contains("unauthenticated"), "{events}");
    assert_eq!(read(&daemon, &token).0, 401);

    let token = oidc.sign("first", &header, &expired(oidc.url(), AUDIENCE, 56));
    let name = Some(EnvironmentName { project: "demo".to_owned(), env: "dev".to_owned() });
    let mut request = Request::new(WatchEnvironmentRequest { name, ..Default::default() });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut changes = daemon.environments().watch_environment(request).await.unwrap().into_inner();
    let ended = changes.message().await.unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated, "{ended:?}");
    daemon.terminate().ok();
}

/// Writes a key as the subject of a token with this readable name.
async fn write_as(daemon: &Daemon, oidc: &Oidc, subject: &str, name: Value, value: &str) {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let claims = json!({
        "iss": oidc.url(), "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + 300, "scope": "env.write",
        "name": name,
    });
    let token = oidc.sign("first", &json!({ "typ": "at+jwt", "alg": "RS256", "kid": "first" }), &claims);
    let mut request = Request::new(batch([put("KEY", value)]));
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    daemon.variables().write_variables(request).await.unwrap();
}

/// Returns the names that gRPC and REST show beside an actor: in the log and in the history, newest first.
async fn shown_names(daemon: &Daemon, actor: &str) -> Vec<String> {
    let history = ListHistoryRequest {
        environment: Some(EnvironmentName { project: "demo".to_owned(), env: "dev".to_owned() }),
        ..Default::default()
    };
    let log = daemon.audit().list_audit_entries(ListAuditEntriesRequest::default()).await.unwrap();
    let history = daemon.audit().list_history(history).await.unwrap();
    let of_grpc: Vec<Vec<String>> = [log.into_inner().entries, history.into_inner().entries]
        .into_iter()
        .map(|entries| {
            let is_theirs = |entry: &AuditEntry| entry.written.as_ref().unwrap().actor == actor;
            entries.into_iter().filter(is_theirs).map(|entry| entry.actor_display_name).collect()
        })
        .collect();
    let of_rest = ["/api/v1/audit/entries", "/api/v1/environments/demo/dev/history"].map(|path| {
        let list: Value = serde_json::from_str(&curl(daemon, &[], path).1).unwrap();
        let theirs =
            list["entries"].as_array().unwrap().iter().filter(|entry| entry["written"]["actor"] == actor);
        theirs
            .map(|entry| entry["actor_display_name"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    });
    assert_eq!(of_grpc, of_rest);
    of_grpc.concat()
}

#[tokio::test]
async fn the_log_shows_an_actor_with_the_name_that_is_known_now() {
    let (home, oidc) = (Home::new(), Oidc::start());
    let mut daemon = start(&home, &oidc, "oidc:pipeline").await;
    for subject in ["oidc:1001", "oidc:1002"] {
        let role = GrantRoleRequest {
            role: Role::Editor.into(),
            subject: subject.to_owned(),
            pattern: "demo/*".to_owned(),
        };
        AccessClient::new(daemon.channel()).grant_role(role).await.unwrap();
    }
    write_as(&daemon, &oidc, "1001", json!("Ada Byron"), "1").await;
    // In the log the row of the name, too.
    assert_eq!(shown_names(&daemon, "oidc:1001").await, ["Ada Byron"; 2 + 1]);
    write_as(&daemon, &oidc, "1001", json!("Ada Byron"), "2").await;
    assert_eq!(shown_names(&daemon, "oidc:1001").await, ["Ada Byron"; 3 + 2]);
    write_as(&daemon, &oidc, "1001", json!("Ada Lovelace"), "3").await;
    assert_eq!(shown_names(&daemon, "oidc:1001").await, ["Ada Lovelace"; 5 + 3]);

    // What cannot be shown is no name, and leaves the one before.
    for name in ["\u{1b}[31mEve", "Eve\r\nroot", "\u{85}", "", &"x".repeat(257)] {
        for subject in ["1001", "1002"] {
            write_as(&daemon, &oidc, subject, json!(name), &format!("{subject} {}", name.len())).await;
        }
    }
    assert_eq!(shown_names(&daemon, "oidc:1001").await, ["Ada Lovelace"; 10 + 8]);
    assert_eq!(shown_names(&daemon, "oidc:1002").await, [""; 5 + 5]);
    assert_eq!(shown_names(&daemon, "unix:nobody").await, Vec::<String>::new());

    daemon.restart();
    assert_eq!(shown_names(&daemon, "oidc:1001").await, ["Ada Lovelace"; 10 + 8]);
    write_as(&daemon, &oidc, "1001", json!("Ada Lovelace"), "last").await;
    assert_eq!(shown_names(&daemon, "oidc:1001").await, ["Ada Lovelace"; 11 + 9], "it is not written again");
    let verified = daemon.audit().verify_audit(VerifyAuditRequest::default()).await.unwrap().into_inner();
    assert!(verified.intact, "{}", verified.explanation);
    daemon.terminate().ok();
    assert_eq!(home.run(&["audit", "verify"]).code, 0);

    // No row but those two has a name, and no name a control character.
    let database =
        duckdb::Connection::open(home.data().join(kontraktor_store_duckdb::DATABASE_FILE)).unwrap();
    let sql = "SELECT string_agg(actor || ' ' || display_name, ', ' ORDER BY seq) FROM actor_log";
    let rows: String = database.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, "oidc:1001 Ada Byron, oidc:1001 Ada Lovelace");

    // A name that somebody altered shows.
    database.execute_batch("UPDATE actor_log SET display_name = 'Eve'; CHECKPOINT;").unwrap();
    drop(database);
    assert_eq!(home.run(&["audit", "verify"]).code, 5);
}

#[tokio::test]
async fn tokens_name_the_port_that_the_system_chose() {
    let home = Home::new();
    let mut daemon = home.builder().args(["--listen", "127.0.0.1:0"]).start();
    for _ in 0..2 {
        let token =
            account_token(&daemon, &format!("at-{}", daemon.url().replace([':', '/', '.'], "-"))).await;
        let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["iss"], daemon.url());
        let metadata = curl(&daemon, &[], "/.well-known/oauth-authorization-server").1;
        assert!(metadata.contains(&format!("{}/oauth/token", daemon.url())), "{metadata}");
        daemon.signal(nix::sys::signal::Signal::SIGHUP);
        daemon.wait_for_log("SIGHUP: reloaded the configuration");
        assert!(!daemon.log().contains("a changed setting takes effect"), "{}", daemon.log());
        daemon.restart();
    }
    daemon.terminate().ok();
}

#[tokio::test]
async fn an_account_with_a_public_key_signs_assertions_that_are_accepted_once() {
    let home = Home::new();
    let daemon = home.start();
    daemon.variables().write_variables(batch([put("KEY", "value")])).await.unwrap();
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let create = CreateServiceAccountRequest {
        name: "ci".to_owned(),
        public_key: key.public_key_pem(),
        ..Default::default()
    };
    let created =
        AccessClient::new(daemon.channel()).create_service_account(create).await.unwrap().into_inner();
    assert_eq!(created.client_secret, "");
    let client_id = created.account.unwrap().client_id;
    grant(&daemon, "service-account:ci").await;

    let (_, metadata) = curl(&daemon, &[], "/.well-known/oauth-authorization-server");
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&json!("private_key_jwt")), "{metadata}");
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let signed = |key: &KeyPair, change: Value| {
        let mut claims = json!({
            "iss": client_id, "sub": client_id, "aud": metadata["token_endpoint"], "iat": seconds, "exp": seconds + 240,
            "jti": uuid::Uuid::new_v4().to_string(),
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let key = EncodingKey::from_ec_der(&key.serialize_der());
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap()
    };
    let ask = |assertion: &str| {
        let assertion = format!("client_assertion={assertion}");
        let kind = "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let form = ["grant_type=client_credentials", kind, &assertion];
        curl(&daemon, &form.map(|field| ["--data", field]).concat(), "/oauth/token")
    };
    let good = signed(&key, json!({}));
    let (status, body) = ask(&good);
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(read(&daemon, answer["access_token"].as_str().unwrap()).0, 200);
    // The issuer is the other audience of RFC 7523.
    assert_eq!(ask(&signed(&key, json!({ "aud": metadata["issuer"] }))).0, 200);

    let cases = [
        (good.clone(), "the assertion was used before"),
        (signed(&other, json!({})), "the token's signature is invalid"),
        (signed(&key, json!({ "aud": "https://other.example.com" })), "the token has another audience"),
        (signed(&key, json!({ "exp": seconds - 61 })), "the token has expired"),
        (signed(&key, json!({ "exp": seconds + 600 })), "the assertion expires in more than 5 minutes"),
        (signed(&key, json!({ "jti": "" })), "the token's claim `jti` is invalid"),
        (signed(&key, json!({ "iss": "sa-1" })), "the token's claim `iss` is invalid"),
        (signed(&key, json!({ "iss": "sa-1", "sub": "sa-1" })), "no client has this id"),
    ];
    for (assertion, cause) in &cases {
        let (status, body) = ask(assertion);
        assert_eq!((status, body.contains("invalid_client")), (401, true), "{cause}: {body}");
        daemon.wait_for_log(cause);
    }
    // It has no secret, not even an empty one.
    let form = ["--user", &format!("{client_id}:"), "--data", "grant_type=client_credentials"];
    assert_eq!(curl(&daemon, &form, "/oauth/token").0, 401);
    let log = daemon.terminate().ok();
    for (assertion, _) in &cases {
        assert!(!log.contains(assertion), "{log}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_an_actor_by_rules_and_a_token_decides_where_there_are_both() {
    let (site, clients) = (Site::new(), Authority::new());
    std::fs::write(site.path("clients.pem"), clients.pem()).unwrap();
    let trusted = format!("client_ca = '{}'", site.path("clients.pem").display());
    let mut daemon = site.builder(&trusted, "[[client-certificate]]\ncommon_name = 'ci'\n").start();
    daemon.variables().write_variables(batch([put("KEY", "value")])).await.unwrap();
    grant(&daemon, "cert:ci").await;
    let ask = |certificate: &[String; 4], more: &[&str]| {
        let certificate = certificate.iter().map(String::as_str);
        let arguments: Vec<_> = certificate.chain(more.iter().copied()).collect();
        let url = format!("{}/api/v1/projects/demo", daemon.url());
        tls::curl(&site.path("ca.pem"), &arguments, &url).ok().stdout
    };
    let certificate = site.client("ci", &clients.client("ci"));
    assert!(ask(&certificate, &[]).ends_with(" 200"));
    let unknown = ask(&site.client("other", &clients.client("other")), &[]);
    assert!(unknown.ends_with(" 401"), "{unknown}");
    daemon.wait_for_log("no [[client-certificate]] rule matches");

    let token = account_token(&daemon, "pipeline").await;
    grant(&daemon, "service-account:pipeline").await;
    let bearer = format!("authorization: Bearer {token}");
    let denied = ask(&certificate, &["--request", "DELETE", "--header", &bearer]);
    assert!(denied.contains("service-account:pipeline"), "{denied}");
    // Denials are counted for a while before they are written, at the latest when the daemon stops.
    daemon.restart();
    let (_, entries) = curl(&daemon, &[], "/api/v1/audit/entries");
    assert!(entries.contains("127.0.0.1 cert:ci"), "{entries}");
    daemon.terminate().ok();
}

#[tokio::test]
async fn an_address_that_sends_too_much_waits_and_the_socket_does_not() {
    let site = Site::new();
    let limits = "[limits]\naddress_requests_per_second = 1\naddress_burst = 8\nfailure_cost = 4\n";
    let daemon = site.builder("", limits).start();
    let url = format!("{}/api/v1/projects", daemon.url());
    let answers: Vec<_> =
        (0..8).map(|_| tls::curl(&site.path("ca.pem"), &["--dump-header", "-"], &url).ok().stdout).collect();
    assert!(answers[0].ends_with(" 401"), "{}", answers[0]);
    let limited = answers.last().unwrap();
    assert!(limited.ends_with(" 429"), "{limited}");
    for header in ["retry-after: ", "ratelimit: \"address\"", "ratelimit-policy: \"address\""] {
        assert!(limited.contains(header), "{limited}");
    }
    assert!((0..20).all(|_| curl(&daemon, &[], "/api/v1/projects").0 == 200));
    daemon.terminate().ok();
}
