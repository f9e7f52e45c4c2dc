//! The vault against a double of its server, for what a real one cannot be made to answer. What a real one does is in
//! `tests/vaults`.

mod double;
mod reading;
mod refusals;
mod sessions;

use kontraktor_model::reference::{Reference, Secret};
use serde_json::json;

use self::double::{Double, Reply, Seen};
use super::{HashicorpSettings, HashicorpVault};
use crate::{Fetched, Vault as _, VaultError};

/// What no error may contain.
const SECRET: &str = "hunter2";

fn secret(reference: &str) -> Secret {
    reference.parse::<Reference>().unwrap().secret().clone()
}

fn settings(json: &serde_json::Value) -> HashicorpSettings {
    serde_json::from_value(json.clone()).unwrap()
}

fn vault(settings: HashicorpSettings) -> HashicorpVault {
    HashicorpVault::new(&"team".parse().unwrap(), settings).unwrap()
}

/// A vault that signs in by AppRole, at a double that grants tokens for an hour and has KV version 2 at `secret`, KV version
/// 1 at `kv` and databases at `db`. What `answer` has a reply to comes from there.
async fn world(answer: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> (Double, HashicorpVault) {
    let double =
        Double::start(move |seen| answer(seen).unwrap_or_else(|| usual(seen).unwrap_or_else(Reply::nothing)))
            .await;
    let vault = vault(approle(&double));
    (double, vault)
}

fn approle(double: &Double) -> HashicorpSettings {
    settings(&json!({ "address": double.address(), "auth": { "method": "approle", "role_id": "role" } }))
}

fn usual(seen: &Seen) -> Option<Reply> {
    let mount = |path: &str, kind: &str, options: serde_json::Value| {
        let accessor = format!("{kind}_1");
        Reply::json(
            200,
            json!({ "data": { "path": path, "type": kind, "options": options, "accessor": accessor } }),
        )
    };
    let path = seen.path();
    if let Some(path) = path.strip_prefix("sys/internal/ui/mounts/") {
        return match path.split('/').next() {
            Some("secret") => Some(mount("secret/", "kv", json!({ "version": "2" }))),
            Some("kv") => Some(mount("kv/", "kv", json!({ "version": "1" }))),
            Some("db") => Some(mount("db/", "database", json!(null))),
            _ => None,
        };
    }
    match path {
        "auth/approle/login" => Some(granted("hvs.first", 3600)),
        "auth/token/lookup-self" => {
            Some(Reply::json(200, json!({ "data": { "ttl": 3600, "renewable": true } })))
        }
        "auth/token/revoke-self" => Some(Reply::empty(204)),
        _ => None,
    }
}

/// What a sign-in, or the renewal of a token, is answered with.
fn granted(token: &str, seconds: u64) -> Reply {
    Reply::json(
        200,
        json!({ "auth": { "client_token": token, "lease_duration": seconds, "renewable": true } }),
    )
}

/// The first version of a secret in KV version 2.
fn version_1(field: &str) -> Reply {
    Reply::json(
        200,
        json!({ "data": { "data": { "field": field }, "metadata": { "version": 1, "deletion_time": "", "destroyed": false } } }),
    )
}

fn field(fetched: &Fetched) -> String {
    let bytes = fetched.content.select(Some("field")).unwrap();
    String::from_utf8(bytes.expose().to_vec()).unwrap()
}

async fn fails(vault: &HashicorpVault, reference: &str) -> VaultError {
    keeps_quiet(vault.fetch(&secret(reference)).await.unwrap_err())
}

/// The error, when it holds nothing of what the double said.
fn keeps_quiet(error: VaultError) -> VaultError {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    error
}
