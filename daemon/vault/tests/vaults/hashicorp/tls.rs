//! TLS: whom the daemon trusts, and being known by a certificate.

use serde_json::{Value, json};
use testkit::servers::{Authority, Identity, Vault};

use super::{Client, Files, described};

const APP: &str = "vault://team/secret/app#password";

/// A Vault with this certificate, where clients with a certificate of `clients` and the name `kontraktord` may read.
fn server(identity: &Identity, clients: &Authority) -> Vault {
    let server = Vault::start_with_tls(identity, clients);
    server.put("secret/data/app", &json!({ "data": { "password": "a" } }));
    server.write_policy("app", r#"path "secret/data/app" { capabilities = ["read"] }"#);
    let role =
        json!({ "allowed_common_names": ["kontraktord"], "token_policies": ["app"], "token_ttl": "1h" });
    server.configure_cert(clients, "app", &role);
    server
}

fn by_certificate(server: &Vault, files: &Files, authority: &Authority, identity: &Identity) -> Value {
    json!({
        "address": server.tls_address(),
        "ca_file": files.put("ca.pem", &authority.pem()),
        "auth": {
            "method": "cert",
            "cert_file": files.put("cert.pem", &identity.pem()),
            "key_file": files.put("key.pem", &identity.key_pem()),
            "role": "app",
        },
    })
}

#[test]
fn a_certificate_signs_in_and_may_be_renewed() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let server = server(&authority.server(), &clients);
    let client = Client::new(by_certificate(&server, &files, &authority, &clients.client("kontraktord")));
    assert_eq!(client.read(APP), "a");

    // Another certificate with another key, and the token is gone.
    let renewed = clients.client("kontraktord");
    files.put("cert.pem", &renewed.pem());
    files.put("key.pem", &renewed.key_pem());
    server.put("sys/leases/revoke-prefix/auth/cert/login", &json!({ "sync": true }));
    assert_eq!(client.read(APP), "a");

    let stranger = clients.client("stranger");
    files.put("cert.pem", &stranger.pem());
    files.put("key.pem", &stranger.key_pem());
    server.put("sys/leases/revoke-prefix/auth/cert/login", &json!({ "sync": true }));
    insta::assert_snapshot!(described(&client.fails(APP)), @r#"
    SignIn: vault "team" rejects the sign-in by cert at auth/cert (400)
    check that a role of the method trusts the certificate in `cert_file`, that this has not expired, and that nothing between the daemon and Vault ends TLS
    "#);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_reported() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let server = server(&authority.server(), &clients);
    let client =
        Client::new(by_certificate(&server, &files, &authority, &Authority::new().client("kontraktord")));
    insta::assert_snapshot!(described(&client.fails(APP)), @r#"
    SignIn: vault "team" rejects the sign-in by cert at auth/cert (400)
    check that a role of the method trusts the certificate in `cert_file`, that this has not expired, and that nothing between the daemon and Vault ends TLS
    "#);
}

#[test]
fn a_vault_whose_certificate_is_not_trusted_gets_no_token() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let server = server(&authority.server(), &clients);
    let token = files.put("token", server.root_token());
    let settings = |ca: &str, address: &str| {
        let auth = json!({ "method": "token", "token_file": token });
        Client::new(json!({ "address": address, "ca_file": files.put("ca.pem", ca), "auth": auth }))
    };
    let good = settings(&authority.pem(), server.tls_address());
    assert_eq!(good.read(APP), "a");
    let other = settings(&Authority::new().pem(), server.tls_address());
    insta::assert_snapshot!(described(&other.fails(APP)), @r#"
    InvalidResponse: vault "team" cannot be trusted: its certificate is signed by an unknown authority
    set `ca_file` to the authority's certificate
    "#);
    // The authority's file is put right while the daemon runs.
    files.put("ca.pem", &authority.pem());
    assert_eq!(other.read(APP), "a");

    let plain_port = server.address().replace("http://", "https://");
    insta::assert_snapshot!(described(&settings(&authority.pem(), &plain_port).fails(APP)), @r#"
    Unavailable: the TLS handshake with vault "team" failed
    check that `address` names a port of Vault's that speaks TLS 1.2 or 1.3
    "#);
}

#[test]
fn an_expired_certificate_is_reported() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let server = server(&authority.expired_server(), &clients);
    let client = Client::new(by_certificate(&server, &files, &authority, &clients.client("kontraktord")));
    insta::assert_snapshot!(described(&client.fails(APP)), @r#"
    InvalidResponse: vault "team" cannot be trusted: its certificate has expired
    renew Vault's certificate, or check this machine's clock
    "#);
}
