//! Signing in, and what happens to tokens while the daemon runs.

use kontraktor_vault::VaultErrorKind;
use serde_json::{Value, json};
use testkit::servers::{Kubernetes, Vault};

use super::{Client, Files, SECRET, described, eventually};

const APP: &str = "vault://team/secret/app#password";
const LOGIN: &str = "auth/approle/login";

/// A Vault with a secret that the policy `app` lets read.
fn server() -> Vault {
    let server = Vault::start();
    server.put("secret/data/app", &json!({ "data": { "password": "a" } }));
    server.write_policy("app", r#"path "secret/data/app" { capabilities = ["read"] }"#);
    server
}

/// A client that signs in with an AppRole of these settings.
fn approle(server: &Vault, files: &Files, settings: &Value) -> Client {
    let role = server.configure_approle("app", settings);
    let auth = json!({
        "method": "approle",
        "role_id_file": files.put("role-id", &role.role_id),
        "secret_id_file": files.put("secret-id", &format!("{}\n", role.secret_id)),
    });
    Client::new(json!({ "address": server.address(), "auth": auth }))
}

#[test]
fn an_approle_signs_in_once_and_a_wrong_secret_id_is_reported() {
    let (server, files) = (server(), Files::new());
    let client = approle(&server, &files, &json!({ "token_policies": ["app"] }));
    server.record();
    for _ in 0..3 {
        assert_eq!(client.read(APP), "a");
    }
    assert_eq!(server.requests(LOGIN), 1);

    let client = approle(&server, &files, &json!({ "token_policies": ["app"] }));
    files.put("secret-id", SECRET);
    let error = client.fails(APP);
    insta::assert_snapshot!(described(&error), @r#"
    SignIn: vault "team" rejects the sign-in by approle at auth/approle (400)
    check that the role id is right, that the secret id has neither expired nor been used up, and that AppRole is enabled at this mount (and in this namespace)
    "#);
}

#[test]
fn a_token_is_prolonged_and_replaced_before_it_can_no_longer_be() {
    let (server, files) = (server(), Files::new());
    let settings = json!({ "token_policies": ["app"], "token_ttl": "4s", "token_max_ttl": "8s" });
    let client = approle(&server, &files, &settings);
    server.record();
    assert_eq!(client.read(APP), "a");
    eventually("it is never prolonged", || server.requests("auth/token/renew-self") >= 1);
    assert_eq!(server.requests(LOGIN), 1);
    eventually("there is never another one", || server.requests(LOGIN) >= 2);
    assert_eq!(client.read(APP), "a");
}

#[test]
fn a_token_that_was_revoked_is_replaced_by_signing_in_again() {
    let (server, files) = (server(), Files::new());
    let client = approle(&server, &files, &json!({ "token_policies": ["app"], "token_ttl": "1h" }));
    server.record();
    assert_eq!(client.read(APP), "a");
    server.put("sys/leases/revoke-prefix/auth/approle/login", &json!({ "sync": true }));
    assert_eq!(client.read(APP), "a");
    assert_eq!(server.requests(LOGIN), 2);
    // What the path refuses is no reason to do so.
    assert_eq!(client.fails("vault://team/secret/other#password").kind, VaultErrorKind::Denied);
    assert_eq!(server.requests(LOGIN), 2);
}

#[test]
fn a_supplied_token_that_was_revoked_or_has_expired_is_reported_until_there_is_another() {
    let (server, files) = (server(), Files::new());
    let token = server.create_token(&["app"], "1h", true);
    let client = Client::with_token(&server, &files, &token);
    assert_eq!(client.read(APP), "a");
    server.revoke_token(&token);
    let error = client.fails(APP);
    assert!(error.is_outage());
    insta::assert_snapshot!(described(&error), @r#"
    SignIn: vault "team" rejects the daemon's token (403)
    replace the token in `auth`, which has expired or was revoked
    "#);
    files.put("token", &server.create_token(&["app"], "3s", false));
    assert_eq!(client.read(APP), "a");
    eventually("it lives for ever", || client.fetch(APP).is_err());
    assert_eq!(client.fails(APP).kind, VaultErrorKind::SignIn);
    files.put("token", &server.create_token(&["app"], "1h", false));
    assert_eq!(client.read(APP), "a");
}

#[test]
fn a_given_token_is_prolonged_where_it_can_be() {
    let (server, files) = (server(), Files::new());
    let client = Client::with_token(&server, &files, &server.create_token(&["app"], "4s", true));
    server.record();
    assert_eq!(client.read(APP), "a");
    eventually("it is never prolonged", || server.requests("auth/token/renew-self") >= 2);
    assert_eq!(client.read(APP), "a");
    client.close();
    assert_eq!(server.requests("auth/token/revoke-self"), 0, "it is not ours");
}

#[test]
fn a_service_account_signs_in_with_the_token_that_its_file_holds_then() {
    let (server, files, cluster) = (server(), Files::new(), Kubernetes::start());
    server.configure_kubernetes(
        &cluster,
        "app",
        "apps",
        "kontraktord",
        &json!({ "token_policies": ["app"] }),
    );
    let first = cluster.create_token("apps", "kontraktord");
    let jwt_file = files.put("jwt", &first);
    let auth = json!({ "method": "kubernetes", "role": "app", "jwt_file": jwt_file });
    let client = Client::new(json!({ "address": server.address(), "auth": auth }));
    assert_eq!(client.read(APP), "a");
    // The pod's token was replaced, and the old one is nobody's any more.
    cluster.delete_account(&first);
    files.put("jwt", &cluster.create_token("apps", "kontraktord"));
    server.put("sys/leases/revoke-prefix/auth/kubernetes/login", &json!({ "sync": true }));
    assert_eq!(client.read(APP), "a");

    files.put("jwt", &cluster.create_token("apps", "stranger"));
    server.put("sys/leases/revoke-prefix/auth/kubernetes/login", &json!({ "sync": true }));
    insta::assert_snapshot!(described(&client.fails(APP)), @r#"
    SignIn: vault "team" rejects the sign-in by kubernetes at auth/kubernetes (403)
    check that the role in Vault names the daemon's service account and namespace, that Vault reaches the cluster's API, and that the method is enabled at this mount
    "#);
}

#[test]
fn a_check_says_what_a_token_is_and_what_it_lacks() {
    let (server, files) = (server(), Files::new());
    let tidy = |client: &Client| client.check().unwrap().replace(server.address(), "ADDRESS");
    insta::assert_snapshot!(tidy(&Client::root(&server, &files)), @r#"
    ADDRESS is Vault 1.21.0 and serves
    the daemon signs in by token
    the token has the policy root
    the token does not expire
    "#);
    let client = approle(&server, &files, &json!({ "token_policies": ["app"], "token_ttl": "2h" }));
    // How long it lives is a matter of seconds.
    let findings = tidy(&client);
    let (before, rest) =
        findings.split_once("expires in 1h 59m ").or(findings.split_once("expires in 2h")).unwrap();
    let findings = format!("{before}expires in TIME, and{}", rest.split_once(", and").unwrap().1);
    insta::assert_snapshot!(findings, @r#"
    ADDRESS is Vault 1.21.0 and serves
    the daemon signs in by approle at auth/approle
    the token has the policies app, default
    the token expires in TIME, and is renewed before that
    the token may not update sys/leases/revoke: dynamic secrets last until their lease expires, even when nobody needs them
    "#);
    let bare =
        approle(&server, &files, &json!({ "token_policies": ["app"], "token_no_default_policy": true }));
    insta::assert_snapshot!(tidy(&bare), @r#"
    ADDRESS is Vault 1.21.0 and serves
    the daemon signs in by approle at auth/approle
    the token may not look itself up: its policies and its time to live are unknown
    the token may not look up its capabilities (sys/capabilities-self)
    "#);
    assert_eq!(bare.read(APP), "a");
    assert_eq!(bare.fails("vault://team/secret/other#x").kind, VaultErrorKind::Denied);

    server.seal();
    insta::assert_snapshot!(described(&client.check().unwrap_err()), @r#"
    Unavailable: vault "team" is sealed (503)
    unseal it
    "#);
}
