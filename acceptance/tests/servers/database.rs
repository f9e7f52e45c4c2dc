//! Vault's database engine on a real PostgreSQL.

use serde_json::{Value, json};
use testkit::{
    eventually,
    servers::{Postgres, Vault},
};

fn field<'a>(credentials: &'a Value, name: &str) -> &'a str {
    credentials["data"][name].as_str().expect("credentials are text")
}

fn roles(database: &Postgres, user: &str) -> String {
    database.sql(&format!("SELECT count(*) FROM pg_roles WHERE rolname = '{user}'")).trim().to_owned()
}

#[test]
fn issued_credentials_log_in_until_their_lease_is_revoked() {
    let (vault, database) = (Vault::start(), Postgres::start());
    vault.configure_database(&database, "app", "60s", "120s");

    let credentials = vault.get("database/creds/app");
    assert_eq!(
        (&credentials["renewable"], &credentials["lease_duration"]),
        (&json!(true), &json!(60)),
        "the lease is the role's"
    );
    let (user, password) = (field(&credentials, "username"), field(&credentials, "password"));
    assert_eq!(database.psql(user, password, "SELECT current_user").ok().stdout.trim(), user);
    database.psql(user, "wrong", "SELECT 1").fails().says(&["password authentication failed"]);

    let lease = credentials["lease_id"].as_str().expect("credentials have a lease");
    let renewed = vault.put("sys/leases/renew", &json!({ "lease_id": lease, "increment": 90 }));
    assert_eq!(renewed["lease_duration"], 90);
    let leases = vault.list("sys/leases/lookup/database/creds/app");
    assert_eq!(leases.iter().map(|id| format!("database/creds/app/{id}")).collect::<Vec<_>>(), [lease]);

    vault.put("sys/leases/revoke", &json!({ "lease_id": lease, "sync": true }));
    assert_eq!(roles(&database, user), "0");
    database.psql(user, password, "SELECT 1").fails().says(&["password authentication failed"]);
    assert_eq!(vault.list("sys/leases/lookup/database/creds/app"), Vec::<String>::new());
}

#[test]
fn revoking_a_token_deletes_its_database_users() {
    let (vault, database) = (Vault::start(), Postgres::start());
    vault.configure_database(&database, "app", "60s", "120s");
    vault.write_policy("app", r#"path "database/creds/app" { capabilities = ["read"] }"#);
    let token = vault.create_token(&["app"], "60s", true);

    let credentials = vault.with_token(&token).send("GET", "database/creds/app", &Value::Null).ok();
    let user = field(&credentials, "username");
    assert_eq!(roles(&database, user), "1");
    vault.revoke_token(&token);
    // Vault revokes a token's leases in a queue and does not report when it is done.
    eventually("the user is deleted", || roles(&database, user) == "0");
}

#[test]
fn leases_are_renewed_only_while_postgresql_runs() {
    let (vault, mut database) = (Vault::start(), Postgres::start());
    vault.configure_database(&database, "app", "60s", "3600s");
    let credentials = vault.get("database/creds/app");
    let renewal = json!({ "lease_id": credentials["lease_id"] });

    database.stop();
    let refused = vault.send("PUT", "sys/leases/renew", &renewal);
    assert!(refused.status >= 400, "{refused:?}");
    let refused = vault.send("GET", "database/creds/app", &Value::Null);
    assert!(refused.status >= 500, "{refused:?}");

    database.start_again();
    assert_eq!(vault.put("sys/leases/renew", &renewal)["lease_duration"], 60);
    let (user, password) = (field(&credentials, "username"), field(&credentials, "password"));
    assert_eq!(database.psql(user, password, "SELECT 1").ok().stdout.trim(), "1");
}
