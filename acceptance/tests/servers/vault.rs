//! HashiCorp Vault: secrets, seal, tokens, TLS.

use serde_json::{Value, json};
use testkit::servers::{Authority, Http, Vault};

#[test]
fn a_written_secret_is_read_and_a_stopped_vault_refuses_connections() {
    let vault = Vault::start();
    let written = vault.put("secret/data/app/db", &json!({ "data": { "password": "first" } }));
    assert_eq!(written["data"]["version"], 1);
    vault.put("secret/data/app/db", &json!({ "data": { "password": "second" } }));

    let read = vault.get("secret/data/app/db?version=1");
    assert_eq!(read["data"]["data"]["password"], "first");
    assert_eq!(vault.get("secret/data/app/db")["data"]["metadata"]["version"], 2);
    assert_eq!(vault.list("secret/metadata/app"), ["db"]);

    vault.delete("secret/metadata/app/db");
    assert_eq!(vault.send("GET", "secret/data/app/db", &Value::Null).status, 404);
    assert_eq!(vault.list("secret/metadata/app"), Vec::<String>::new());

    let client = vault.with_token(vault.root_token());
    drop(vault);
    let refused = client.try_send("GET", "sys/health", &Value::Null).expect_err("nothing listens");
    assert!(refused.is_connect(), "{refused:?}");
}

#[test]
fn kv_is_mounted_with_and_without_versions() {
    let vault = Vault::start();
    vault.enable_kv1("plain");
    vault.put("plain/app", &json!({ "password": "one" }));
    assert_eq!(vault.get("plain/app")["data"], json!({ "password": "one" }));

    vault.enable_kv2("team/kept");
    vault.put("team/kept/data/app", &json!({ "data": { "password": "two" } }));
    assert_eq!(vault.get("team/kept/data/app")["data"]["data"], json!({ "password": "two" }));
}

#[test]
fn two_vaults_run_beside_each_other() {
    let (one, other) = (Vault::start(), Vault::start());
    one.put("secret/data/mine", &json!({ "data": { "password": "one" } }));
    assert_eq!(other.send("GET", "secret/data/mine", &Value::Null).status, 404);
    let strange = other.with_token(one.root_token()).send("GET", "secret/data/mine", &Value::Null);
    assert_eq!(strange.status, 403);
}

#[test]
fn a_sealed_vault_refuses_until_it_is_unsealed() {
    let vault = Vault::start();
    vault.put("secret/data/app", &json!({ "data": { "password": "kept" } }));
    vault.seal();

    let refused = vault.send("GET", "secret/data/app", &Value::Null);
    assert_eq!((refused.status, &refused.body), (503, &json!({ "errors": ["Vault is sealed"] })));
    assert_eq!(vault.send("GET", "sys/health", &Value::Null).status, 503);

    vault.unseal();
    assert_eq!(vault.get("secret/data/app")["data"]["data"]["password"], "kept");
}

#[test]
fn a_token_does_what_its_policy_says_until_it_is_revoked() {
    let vault = Vault::start();
    vault.put("secret/data/app", &json!({ "data": { "password": "kept" } }));
    vault.write_policy("reader", r#"path "secret/data/app" { capabilities = ["read"] }"#);
    let token = vault.create_token(&["reader"], "60s", true);
    let reader = vault.with_token(&token);

    assert_eq!(reader.send("GET", "secret/data/app", &Value::Null).status, 200);
    assert_eq!(reader.send("GET", "secret/data/other", &Value::Null).status, 403);
    let renewed = reader.send("PUT", "auth/token/renew-self", &json!({})).ok();
    assert_eq!(renewed["auth"]["renewable"], true);

    vault.revoke_token(&token);
    assert_eq!(reader.send("GET", "secret/data/app", &Value::Null).status, 403);
}

#[test]
fn a_token_that_is_not_renewable_is_marked_so() {
    let vault = Vault::start();
    let token = vault.create_token(&["default"], "60s", false);
    let about = vault.with_token(&token).send("GET", "auth/token/lookup-self", &Value::Null).ok();
    assert_eq!(about["data"]["renewable"], false);
    assert_eq!(about["data"]["creation_ttl"], 60);
}

#[test]
fn recorded_requests_are_counted() {
    let vault = Vault::start();
    vault.put("secret/data/app", &json!({ "data": { "password": "kept" } }));
    vault.record();
    for _ in 0..3 {
        vault.get("secret/data/app");
    }
    assert_eq!(vault.send("GET", "secret/data/other", &Value::Null).status, 404);
    assert_eq!((vault.requests("secret/data/app"), vault.requests("secret/data/other")), (3, 1));
}

#[test]
fn a_paused_vault_responds_when_it_continues() {
    let vault = Vault::start();
    vault.pause();
    let client = vault.with_token(vault.root_token());
    let asked = std::thread::spawn(move || client.send("GET", "sys/health", &Value::Null).status);
    // The system accepts the connection, and there can be no response before the process continues.
    let listening = std::net::TcpStream::connect(vault.address().trim_start_matches("http://"));
    assert!(listening.is_ok());
    assert!(!asked.is_finished());
    vault.resume();
    assert_eq!(asked.join().expect("an answer"), 200);
}

#[test]
fn only_clients_that_trust_its_authority_trust_its_tls_certificate() {
    let authority = Authority::new();
    let vault = Vault::start_with_tls(&authority.server(), &authority);
    let trusting = vault.over_tls(authority.client_config(None));
    assert_eq!(trusting.send("GET", "sys/health", &Value::Null).status, 200);

    let strange = vault.over_tls(Authority::new().client_config(None));
    let refused = strange.try_send("GET", "sys/health", &Value::Null).expect_err("an unknown authority");
    assert!(format!("{refused:?}").contains("UnknownIssuer"), "{refused:?}");
}

#[test]
fn an_expired_tls_certificate_is_refused_as_expired() {
    let authority = Authority::new();
    let vault = Vault::start_with_tls(&authority.expired_server(), &authority);
    let client: Http = vault.over_tls(authority.client_config(None));
    let refused = client.try_send("GET", "sys/health", &Value::Null).expect_err("an expired certificate");
    assert!(format!("{refused:?}").contains("Expired"), "{refused:?}");
}
