//! A Vault that does not serve.

use std::time::Duration;

use kontraktor_vault::{Vault as _, VaultErrorKind};
use serde_json::json;
use testkit::servers::Vault;

use super::{Client, Files, described, secret};

const APP: &str = "vault://team/secret/app#password";

fn server() -> Vault {
    let server = Vault::start();
    server.put("secret/data/app", &json!({ "data": { "password": "a" } }));
    server
}

#[test]
fn a_sealed_vault_is_reported() {
    let (server, files) = (server(), Files::new());
    let client = Client::root(&server, &files);
    assert_eq!(client.read(APP), "a");
    server.seal();
    insta::assert_snapshot!(described(&client.fails(APP)), @r#"
    Unavailable: vault "team" is sealed (503)
    unseal it
    "#);
    // Likewise before anybody is signed in.
    assert_eq!(client.fails(APP), Client::root(&server, &files).fails(APP));
    server.unseal();
    assert_eq!(client.read(APP), "a");
}

#[test]
fn a_vault_that_hangs_is_given_up_and_serves_again_when_it_continues() {
    let (server, files) = (server(), Files::new());
    let client = Client::root(&server, &files);
    assert_eq!(client.read(APP), "a");
    server.pause();
    let reading = client.runtime.block_on(async {
        tokio::time::timeout(Duration::from_millis(300), client.vault.fetch(&secret(APP))).await
    });
    assert!(reading.is_err(), "nobody answered");
    server.resume();
    assert_eq!(client.read(APP), "a");
}

#[test]
fn a_vault_that_limits_the_rate_says_when_to_come_again() {
    let (server, files) = (server(), Files::new());
    let client = Client::root(&server, &files);
    assert_eq!(client.read(APP), "a");
    server.put("sys/quotas/config", &json!({ "enable_rate_limit_response_headers": true }));
    server.put("sys/quotas/rate-limit/secrets", &json!({ "path": "secret/", "rate": 1, "interval": "60s" }));
    let error = loop {
        match client.fetch(APP) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, VaultErrorKind::Unavailable);
    assert!(error.retry_after.is_some_and(|wait| wait <= Duration::from_mins(1)), "{error:?}");
    insta::assert_snapshot!(described(&error), @r#"
    Unavailable: vault "team" throttles requests (429)
    raise its rate limit for the daemon, or raise `cache.ttl`
    "#);
}

#[test]
fn a_vault_that_is_gone_cannot_be_reached() {
    let (server, files) = (server(), Files::new());
    let client = Client::root(&server, &files);
    assert_eq!(client.read(APP), "a");
    drop(server);
    let error = client.fails(APP);
    assert_eq!(error.kind, VaultErrorKind::Unavailable);
    insta::assert_snapshot!(described(&client.fails(APP)), @r#"
    Unavailable: vault "team" cannot be reached: the connection was refused
    check that it runs, and `address` in its [[vault]] table
    "#);
}
