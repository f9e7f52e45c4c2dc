//! Secrets engines: KV in both versions, and databases.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Vault;
use crate::servers::Postgres;

impl Vault {
    /// Mounts KV without versions.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn enable_kv1(&self, mount: &str) {
        self.put(&format!("sys/mounts/{mount}"), &json!({ "type": "kv", "options": { "version": "1" } }));
    }

    /// Mounts KV with versions.
    ///
    /// # Panics
    /// When Vault refuses.
    pub fn enable_kv2(&self, mount: &str) {
        self.put(&format!("sys/mounts/{mount}"), &json!({ "type": "kv", "options": { "version": "2" } }));
        self.wait_for_kv2(mount);
    }

    /// A new mount first prepares itself, and until then answers 400 with a request to come again. There is no event to
    /// wait for.
    pub(super) fn wait_for_kv2(&self, mount: &str) {
        let began = Instant::now();
        loop {
            let answer = self.send("GET", &format!("{mount}/config"), &Value::Null);
            if answer.status != 400 || !answer.text.contains("Upgrading") {
                answer.ok();
                return;
            }
            assert!(
                began.elapsed() < Duration::from_mins(1),
                "{mount} does not become ready: {}",
                answer.text
            );
            std::thread::yield_now();
        }
    }

    /// Lets the database engine, at `database/`, make users of this PostgreSQL: `database/creds/ROLE` issues one that lives
    /// for `default_ttl`, such as `30s`, and can be renewed up to `max_ttl`.
    ///
    /// # Panics
    /// When Vault refuses, or does not reach PostgreSQL.
    pub fn configure_database(&self, database: &Postgres, role: &str, default_ttl: &str, max_ttl: &str) {
        if self.get("sys/mounts")["data"]["database/"].is_null() {
            self.put("sys/mounts/database", &json!({ "type": "database" }));
        }
        let port = database.port();
        let connection = json!({
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": "*",
            "connection_url": format!("postgresql://{{{{username}}}}:{{{{password}}}}@127.0.0.1:{port}/postgres?sslmode=disable"),
            "username": database.user(),
            "password": database.password(),
        });
        // One connection for each server, so that roles on several do not meet.
        let name = format!("postgres-{port}");
        self.put(&format!("database/config/{name}"), &connection);
        let settings = json!({
            "db_name": name,
            "default_ttl": default_ttl,
            "max_ttl": max_ttl,
            "creation_statements": [
                "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'",
            ],
            "renew_statements": ["ALTER ROLE \"{{name}}\" VALID UNTIL '{{expiration}}'"],
            "revocation_statements": ["DROP ROLE IF EXISTS \"{{name}}\""],
        });
        self.put(&format!("database/roles/{role}"), &settings);
    }
}
