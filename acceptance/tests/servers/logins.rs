//! Vault's login methods: AppRole, Kubernetes, client certificates.

use serde_json::{Value, json};
use testkit::servers::{Authority, Http, Kubernetes, Vault};

/// Returns a Vault with one secret and the policy `reader` for it.
fn filled(vault: Vault) -> Vault {
    vault.put("secret/data/app", &json!({ "data": { "password": "kept" } }));
    vault.write_policy("reader", r#"path "secret/data/app" { capabilities = ["read"] }"#);
    vault
}

/// Asserts that a login returned a token that reads the secret.
#[track_caller]
fn reads(vault: &Vault, login: &Value) {
    let token = login["auth"]["client_token"].as_str().expect("a token");
    let read = vault.with_token(token).send("GET", "secret/data/app", &Value::Null).ok();
    assert_eq!(read["data"]["data"]["password"], "kept");
}

fn anonymous(vault: &Vault) -> Http {
    Http::new(&format!("{}/v1", vault.address()), &[])
}

#[test]
fn an_application_logs_in_with_its_role_and_secret() {
    let vault = filled(Vault::start());
    let role = vault.configure_approle("app", &json!({ "token_policies": ["reader"], "token_ttl": "60s" }));

    let right = json!({ "role_id": role.role_id, "secret_id": role.secret_id });
    let login = anonymous(&vault).send("PUT", "auth/approle/login", &right).ok();
    assert_eq!(login["auth"]["lease_duration"], 60);
    reads(&vault, &login);

    let wrong = json!({ "role_id": role.role_id, "secret_id": "wrong" });
    assert_eq!(anonymous(&vault).send("PUT", "auth/approle/login", &wrong).status, 400);
}

#[test]
fn a_pod_logs_in_with_its_service_account() {
    let vault = filled(Vault::start());
    let cluster = Kubernetes::start();
    let settings = json!({ "token_policies": ["reader"], "token_ttl": "60s" });
    vault.configure_kubernetes(&cluster, "app", "shop", "checkout", &settings);
    let log_in = |jwt: &str| {
        anonymous(&vault).send("PUT", "auth/kubernetes/login", &json!({ "role": "app", "jwt": jwt }))
    };

    let token = cluster.create_token("shop", "checkout");
    reads(&vault, &log_in(&token).ok());

    assert_eq!(log_in(&cluster.create_token("shop", "billing")).status, 403);
    // It has the right names, but another cluster issued it.
    assert_eq!(log_in(&Kubernetes::start().create_token("shop", "checkout")).status, 403);
    cluster.delete_account(&token);
    assert_eq!(log_in(&token).status, 403);
}

#[test]
fn a_client_logs_in_with_its_certificate() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let vault = filled(Vault::start_with_tls(&servers.server(), &clients));
    let settings = json!({ "allowed_common_names": ["app"], "token_policies": ["reader"] });
    vault.configure_cert(&clients, "app", &settings);
    let log_in = |common_name: Option<&str>| {
        let identity = common_name.map(|name| clients.client(name));
        let tls = servers.client_config(identity.as_ref());
        vault.over_tls(tls).send("PUT", "auth/cert/login", &json!({ "name": "app" }))
    };

    reads(&vault, &log_in(Some("app")).ok());
    assert!(!log_in(Some("someone-else")).succeeded());
    assert!(!log_in(None).succeeded());
}
