//! Secrets engines: KV in both versions, and databases.

use serde_json::{Value, json};

use super::Vault;
use crate::{eventually_some, servers::Postgres};

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

    /// Waits until a new mount has prepared itself. Until then it responds with 400 and asks to come back.
    pub(super) fn wait_for_kv2(&self, mount: &str) {
        let ready = eventually_some("a new mount becomes ready", || {
            let answer = self.send("GET", &format!("{mount}/config"), &Value::Null);
            (answer.status != 400 || !answer.text.contains("Upgrading")).then_some(answer)
        });
        ready.ok();
    }

    /// Configures the database engine, at `database/`, to create users in this PostgreSQL: `database/creds/ROLE` issues one
    /// with a lease of `default_ttl`, such as `30s`, that can be renewed up to `max_ttl`.
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
        // One connection for each server, so that roles on several servers are separate.
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
