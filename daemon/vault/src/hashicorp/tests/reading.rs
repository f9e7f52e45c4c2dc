//! Requests for secrets: which, how many, and in which words.

use std::time::Duration;

use serde_json::json;

use super::{double::Shared, *};
use crate::{LeaseId, VaultErrorKind};

#[tokio::test]
async fn every_request_names_the_namespace_and_holds_the_token() {
    let double = Double::start(|seen| match seen.path() {
        "secret/data/app" => version_1("a"),
        _ => usual(seen).unwrap(),
    })
    .await;
    let mut settings = approle(&double);
    settings.namespace = Some("eu/team".into());
    let vault = vault(settings);
    vault.fetch(&secret("vault://team/secret/app?version=3#field")).await.unwrap();

    let seen = double.seen();
    assert_eq!(
        double.paths(),
        [
            "POST /v1/auth/approle/login",
            "GET /v1/sys/internal/ui/mounts/secret/app",
            "GET /v1/secret/data/app?version=3"
        ]
    );
    assert_eq!(seen[0].body, r#"{"role_id":"role"}"#);
    assert_eq!(
        seen.iter().map(Seen::token).collect::<Vec<_>>(),
        [None, Some("hvs.first"), Some("hvs.first")]
    );
    for request in seen {
        assert_eq!(request.header("x-vault-namespace"), Some("eu/team"));
        assert_eq!(request.header("x-vault-request"), Some("true"));
    }
}

#[tokio::test]
async fn names_keep_their_meaning_in_the_url() {
    let (double, vault) = world(|seen| seen.path().starts_with("secret/data/").then(|| version_1("a"))).await;
    vault.fetch(&secret("vault://team/secret/a%20b/%3Fc%23d%25/é;=&+@:#field")).await.unwrap();
    assert_eq!(double.paths()[2], "GET /v1/secret/data/a%20b/%3Fc%23d%25/%C3%A9%3B%3D%26%2B%40%3A");
}

#[tokio::test]
async fn texts_come_as_they_are_and_everything_else_as_its_json() {
    let (_double, vault) = world(|seen| {
        let body = r#"{"data": {"data": {
            "text": "a\"b\\c\n\u00e9\ud83d\ude00", "plain": "x y", "empty": "", "number": 1e400, "whole": 12345678901234567890,
            "bool": true, "none": null, "map": {"b": [1,  2]}, "": "no name"
        }, "metadata": {"version": 7}}}"#;
        let json = vec![("content-type", "application/json".to_owned())];
        (seen.path() == "secret/data/app").then(|| Reply::Whole(200, json, body.into()))
    })
    .await;
    let fetched = vault.fetch(&secret("vault://team/secret/app#text")).await.unwrap();
    let field =
        |name| String::from_utf8(fetched.content.select(Some(name)).unwrap().expose().to_vec()).unwrap();
    let names = ["text", "plain", "empty", "number", "whole", "bool", "map", ""];
    assert_eq!(
        names.map(field),
        ["a\"b\\c\né😀", "x y", "", "1e400", "12345678901234567890", "true", r#"{"b": [1,  2]}"#, "no name"]
    );
    let null = fetched.content.select(Some("none")).unwrap_err();
    assert_eq!(null.message, "the field \"none\" of the secret has no value (null)");
    assert_eq!((fetched.version.as_deref(), fetched.lease), (Some("7"), None));
}

#[tokio::test]
async fn a_secret_that_is_null_has_no_value() {
    let (_double, vault) = world(|seen| match seen.path() {
        "secret/data/app" => {
            Some(Reply::json(200, json!({ "data": { "data": null, "metadata": { "version": 7 } } })))
        }
        _ => None,
    })
    .await;
    let error = fails(&vault, "vault://team/secret/app#text").await;
    assert_eq!(error.kind, VaultErrorKind::NotFound);
    assert_eq!(error.message, "the secret in vault \"team\" has no value (null)");
}

#[tokio::test]
async fn the_engine_is_asked_for_once_and_again_when_it_may_have_changed() {
    let versioned = Shared::new(false);
    let (double, vault) = world({
        let versioned = versioned.clone();
        move |seen| {
            let options = if versioned.get() { json!({ "version": "2" }) } else { json!({}) };
            let data =
                json!({ "data": { "path": "kv/", "type": "kv", "options": options, "accessor": "kv_1" } });
            match seen.path() {
                "sys/internal/ui/mounts/kv/app" | "sys/internal/ui/mounts/kv/other" => {
                    Some(Reply::json(200, data))
                }
                "kv/app" if !versioned.get() => Some(Reply::json(200, json!({ "data": { "field": "old" } }))),
                "kv/data/app" if versioned.get() => Some(version_1("new")),
                _ => None,
            }
        }
    })
    .await;
    let app = secret("vault://team/kv/app#field");
    for _ in 0..2 {
        let fetched = vault.fetch(&app).await.unwrap();
        assert_eq!((field(&fetched), fetched.version, fetched.lease), ("old".into(), None, None));
    }
    assert_eq!(vault.version(&app).await, Ok(None));
    assert_eq!(double.count("sys/internal/ui/mounts/kv/app"), 1);
    let pinned = fails(&vault, "vault://team/kv/app?version=1#field").await;
    assert_eq!(pinned.kind, VaultErrorKind::VersionGone);
    assert_eq!(double.count("sys/internal/ui/mounts/kv/app"), 2);

    versioned.set(true);
    let fetched = vault.fetch(&app).await.unwrap();
    assert_eq!((field(&fetched), fetched.version.as_deref()), ("new".into(), Some("1")));
    assert_eq!(double.count("sys/internal/ui/mounts/kv/app"), 3);
    assert_eq!(fails(&vault, "vault://team/kv/other#field").await.kind, VaultErrorKind::NotFound);
    assert_eq!(double.count("sys/internal/ui/mounts/kv/other"), 1);
    versioned.set(false);
    assert_eq!(field(&vault.fetch(&app).await.unwrap()), "old");
}

#[tokio::test]
async fn what_is_no_secrets_engine_is_not_read() {
    let (double, vault) = world(|seen| match seen.path() {
        // In the namespace `ns` there is the token store too.
        "sys/internal/ui/mounts/ns/auth/token/lookup-self" => Some(Reply::json(
            200,
            json!({ "data": { "path": "ns/auth/token/", "type": "token", "accessor": "auth_token_1" } }),
        )),
        "sys/internal/ui/mounts/a/b/c" => {
            Some(Reply::json(200, json!({ "data": { "path": "a/b/", "type": "kv", "accessor": "kv_1" } })))
        }
        "sys/internal/ui/mounts/kv/app" => {
            Some(Reply::json(200, json!({ "data": { "path": "ns/kv/", "type": "kv", "accessor": "kv_1" } })))
        }
        "auth/token/lookup-self" | "ns/auth/token/lookup-self" | "sys/config/state/sanitized" => {
            Some(Reply::json(200, json!({ "data": { "id": SECRET } })))
        }
        "kv/app" => Some(Reply::json(200, json!({ "data": { "field": "a" } }))),
        _ => None,
    })
    .await;
    for reference in [
        "vault://team/auth/token/lookup-self#id",
        "vault://team/auth%2Ftoken/lookup-self#id",
        "vault://team/sys/config/state/sanitized#id",
        "vault://team/ns%2Fauth%2Ftoken/lookup-self#id",
        // The mount is longer than this.
        "vault://team/a/b/c#field",
    ] {
        let error = fails(&vault, reference).await;
        assert_eq!(error.kind, VaultErrorKind::NotFound, "{reference}");
        assert_eq!(error.message, "vault \"team\" has no secrets engine at this mount");
    }
    let paths = double.paths();
    assert!(paths.iter().all(|path| path.contains("/login") || path.contains("/ui/mounts/")), "{paths:?}");
    // A namespace precedes the mount where the daemon is in another one.
    assert_eq!(field(&vault.fetch(&secret("vault://team/kv/app#field")).await.unwrap()), "a");

    let error = fails(&vault, "aws-sm://team/app").await;
    assert_eq!(error.kind, VaultErrorKind::UnknownVault);
    assert_eq!(error.message, "vault \"team\" is of kind vault, but the reference is for kind aws-sm");
}

#[tokio::test]
async fn a_version_is_looked_up_without_the_value_where_vault_lets_the_daemon() {
    let open = Shared::new(true);
    let (double, vault) = world({
        let open = open.clone();
        move |seen| match seen.path() {
            "secret/metadata/app" if !open.get() => Some(Reply::error(403, "permission denied")),
            "secret/metadata/app" => Some(Reply::json(
                200,
                json!({ "data": { "current_version": 4, "versions": {
                    "1": { "deletion_time": "2020-01-01T00:00:00Z", "destroyed": true },
                    "2": { "deletion_time": "2020-01-01T00:00:00Z", "destroyed": false },
                    "4": { "deletion_time": "", "destroyed": false },
                } } }),
            )),
            "secret/metadata/empty" => {
                Some(Reply::json(200, json!({ "data": { "current_version": 0, "versions": {} } })))
            }
            "secret/data/app" if seen.target.ends_with("?version=2") => Some(Reply::json(
                404,
                json!({ "data": { "data": null, "metadata": { "version": 2, "deletion_time": "2020-01-01T00:00:00Z" } } }),
            )),
            "secret/data/app" if seen.target.ends_with("?version=3") => None,
            "secret/data/app" => Some(version_1("a")),
            _ => None,
        }
    })
    .await;
    let version = async |reference| vault.version(&secret(reference)).await.map_err(|error| error.kind);
    assert_eq!(version("vault://team/secret/app#field").await, Ok(Some("4".into())));
    assert_eq!(version("vault://team/secret/app?version=4#field").await, Ok(Some("4".into())));
    assert_eq!(version("vault://team/secret/app?version=1#field").await, Err(VaultErrorKind::VersionGone));
    assert_eq!(version("vault://team/secret/app?version=3#field").await, Err(VaultErrorKind::VersionGone));
    assert_eq!(version("vault://team/secret/empty#field").await, Err(VaultErrorKind::NotFound));
    assert_eq!(version("vault://team/secret/missing#field").await, Err(VaultErrorKind::NotFound));
    assert_eq!(double.count("secret/data/app"), 0);
    // Whether that time has come, Vault knows best.
    assert_eq!(version("vault://team/secret/app?version=2#field").await, Err(VaultErrorKind::VersionGone));
    assert_eq!(double.count("secret/data/app"), 1);

    // A version that is not there, of a secret that is or is not.
    assert_eq!(
        fails(&vault, "vault://team/secret/app?version=3#field").await.kind,
        VaultErrorKind::VersionGone
    );
    assert_eq!(
        fails(&vault, "vault://team/secret/missing?version=3#field").await.kind,
        VaultErrorKind::NotFound
    );
    open.set(false);
    assert_eq!(
        fails(&vault, "vault://team/secret/app?version=3#field").await.kind,
        VaultErrorKind::VersionGone
    );
    let asked = double.count("secret/metadata/app");
    assert_eq!(version("vault://team/secret/app#field").await, Ok(Some("1".into())));
    assert_eq!(double.count("secret/metadata/app"), asked, "it was refused before");
}

#[tokio::test]
async fn a_lease_lasts_no_longer_than_its_token() {
    let (_double, vault) = world(|seen| match seen.path() {
        "db/creds/short" => Some(lease("db/creds/short/1", 60)),
        "db/creds/long" | "sys/leases/renew" => Some(lease("db/creds/long/1", 100_000)),
        _ => None,
    })
    .await;
    let lease_of = async |reference| vault.fetch(&secret(reference)).await.unwrap().lease.unwrap();
    let short = lease_of("vault://team/db/creds/short#field").await;
    assert_eq!((short.duration, short.renewable), (Duration::from_mins(1), true));
    let long = lease_of("vault://team/db/creds/long#field").await;
    assert!(long.duration <= Duration::from_hours(1) && long.renewable, "{long:?}");
    let renewed = vault.renew(&long.id, Duration::from_hours(2)).await.unwrap();
    assert!(renewed.duration <= Duration::from_hours(1) && renewed.renewable, "{renewed:?}");
    let stranger = vault.renew(&LeaseId("db/creds/other".into()), Duration::from_hours(2)).await.unwrap();
    assert_eq!(stranger.duration, Duration::from_secs(100_000));
}

fn lease(id: &str, seconds: u64) -> Reply {
    Reply::json(
        200,
        json!({ "lease_id": id, "lease_duration": seconds, "renewable": true, "data": { "field": "a" } }),
    )
}

#[tokio::test]
async fn a_lease_is_looked_up_where_the_status_is_ambiguous() {
    let looked = Shared::new(Reply::nothing());
    let (double, vault) = world({
        let looked = looked.clone();
        move |seen| match seen.path() {
            "sys/leases/renew" | "sys/leases/revoke" => Some(Reply::error(400, "database hunter2 is gone")),
            "sys/leases/lookup" => Some(looked.get()),
            _ => None,
        }
    })
    .await;
    let id = LeaseId("db/creds/app/1".into());
    let there = |renewable: bool, ttl: i64| {
        Reply::json(200, json!({ "data": { "renewable": renewable, "ttl": ttl } }))
    };
    for (reply, renewed, revoked) in [
        (there(true, 10), VaultErrorKind::Unavailable, Some(VaultErrorKind::Unavailable)),
        (there(false, 10), VaultErrorKind::LeaseGone, Some(VaultErrorKind::Unavailable)),
        (there(true, 0), VaultErrorKind::LeaseGone, Some(VaultErrorKind::Unavailable)),
        (Reply::error(400, "invalid lease"), VaultErrorKind::LeaseGone, None),
        (Reply::error(403, "permission denied"), VaultErrorKind::Unavailable, Some(VaultErrorKind::Denied)),
        (
            Reply::error(503, "Vault is sealed"),
            VaultErrorKind::Unavailable,
            Some(VaultErrorKind::Unavailable),
        ),
    ] {
        looked.set(reply);
        let error = keeps_quiet(vault.renew(&id, Duration::from_secs(30)).await.unwrap_err());
        assert_eq!(error.kind, renewed);
        assert_eq!(vault.revoke(&id).await.err().map(|error| keeps_quiet(error).kind), revoked);
    }
    let seen = double.seen();
    let renewal = seen.iter().find(|seen| seen.path() == "sys/leases/renew").unwrap();
    assert_eq!(renewal.body, r#"{"lease_id":"db/creds/app/1","increment":30}"#);
}
