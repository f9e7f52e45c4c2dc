use std::sync::Arc;

use http::StatusCode;
use kontraktor_access::{Authority, Caller, Scope, Scopes};
use serde_json::{Value, json};

use super::Daemon;

const BINDINGS: &str = "/api/v1/role-bindings";
const ACCOUNTS: &str = "/api/v1/service-accounts";

fn role(role: &str, subject: &str, pattern: &str) -> Value {
    json!({"role": role, "subject": subject, "pattern": pattern})
}

/// The same daemon, with a caller whose roles count.
fn as_bob(daemon: &Daemon, scopes: Scopes) -> Daemon {
    let bob = Caller { authority: Authority::Roles, ..Caller::new("idp:bob", "test", scopes) };
    Daemon { caller: Some(Arc::new(bob)), service: daemon.service.clone(), router: daemon.router.clone() }
}

#[tokio::test]
async fn roles_are_granted_found_and_revoked() {
    let daemon = Daemon::start();
    let role = json!({"role": "editor", "subject": "service-account:ci", "pattern": "demo/*"});
    let granted = daemon.json("POST", BINDINGS, &[], role.clone()).await;
    let place = granted.header("location").to_owned();
    assert_eq!(
        (granted.status, &*place),
        (StatusCode::CREATED, "/api/v1/role-bindings/editor/service-account%3Aci/demo%2F%2A")
    );
    assert_eq!(granted.value()["warnings"].as_array().unwrap().len(), 2, "{}", granted.value());
    let again = daemon.json("POST", BINDINGS, &[], role).await;
    assert_eq!((again.status, &again.value()["created"]), (StatusCode::OK, &json!(false)));
    assert_eq!(daemon.get(&place).await.value()["pattern"], "demo/*");
    let list = daemon.get("/api/v1/role-bindings?pattern=demo/*&subject=service-account:ci").await.value();
    assert_eq!(list["role_bindings"][0]["role"], "editor");
    assert_eq!(daemon.send("DELETE", &place, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(daemon.send("DELETE", &place, &[], "").await.status, StatusCode::NOT_FOUND);
    let unknown = json!({"role": "admin", "subject": "service-account:ci", "pattern": "demo/*"});
    assert!(daemon.json("POST", BINDINGS, &[], unknown).await.problem().starts_with("400 invalid role"));
}

#[tokio::test]
async fn the_secret_of_a_service_account_is_shown_once_and_never_cached() {
    let daemon = Daemon::start();
    let created = daemon.json("POST", ACCOUNTS, &[], json!({"name": "ci"})).await;
    assert_eq!((created.status, created.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let place = created.header("location").to_owned();
    let secret = created.value()["client_secret"].as_str().unwrap().to_owned();
    let rotated = daemon.json("POST", &format!("{place}:rotate"), &[], json!({"overlap_ms": 60_000})).await;
    assert_eq!(rotated.header("cache-control"), "no-store");
    assert_ne!(rotated.value()["client_secret"], secret);
    // Without the verb, or with another, there is no such method.
    for path in [place.clone(), format!("{place}:delete"), format!("{place}rotate")] {
        let refused = daemon.json("POST", &path, &[], json!({"overlap_ms": "soon"})).await;
        assert_eq!(
            (refused.status, refused.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD,DELETE")
        );
    }
    let nobody = daemon.json("POST", &format!("{ACCOUNTS}/:rotate"), &[], json!({})).await;
    assert!(nobody.problem().starts_with("400 invalid account"), "{}", nobody.problem());
    let read = daemon.get(&place).await;
    assert_eq!(read.value()["secrets"].as_array().unwrap().len(), 2);
    assert!(!String::from_utf8_lossy(&read.body).contains(&secret));
    assert_eq!(daemon.get("/api/v1/service-accounts").await.value()["service_accounts"][0]["name"], "ci");
    assert_eq!(daemon.send("DELETE", &place, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(daemon.get(&place).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_owner_of_a_project_manages_its_roles_and_sees_no_others() {
    let daemon = Daemon::start();
    for (name, subject, pattern) in [
        ("owner", "idp:bob", "demo/*"),
        ("viewer", "group:idp:developers", "demo/dev"),
        ("viewer", "idp:carol", "other/*"),
    ] {
        let granted = daemon.json("POST", BINDINGS, &[], role(name, subject, pattern)).await;
        assert_eq!(granted.status, StatusCode::CREATED, "{}", granted.value());
    }
    let bob = as_bob(&daemon, Scopes::ALL);
    let list = bob.get(BINDINGS).await.value();
    let patterns: Vec<_> =
        list["role_bindings"].as_array().unwrap().iter().map(|it| it["pattern"].clone()).collect();
    assert_eq!(patterns, ["demo/*", "demo/dev"]);

    // What is not theirs is answered as if it did not exist.
    let (hidden, missing) = ("viewer/idp%3Acarol/other%2F%2A", "viewer/idp%3Adan/other%2F%2A");
    for method in ["GET", "DELETE"] {
        let [hidden, missing] = [hidden, missing].map(|place| format!("{BINDINGS}/{place}"));
        let hidden = bob.send(method, &hidden, &[], "").await.problem();
        let missing = bob.send(method, &missing, &[], "").await.problem();
        assert!(hidden.starts_with("404 not_found"), "{hidden}");
        assert_eq!(hidden.replace("carol", "dan"), missing);
    }
    let denied = bob.json("POST", BINDINGS, &[], role("viewer", "idp:dan", "*")).await.problem();
    assert!(denied.starts_with("403 denied") && denied.contains("owner"), "{denied}");
    let granted = bob.json("POST", BINDINGS, &[], role("editor", "idp:dan", "demo/prod")).await;
    assert_eq!(granted.status, StatusCode::CREATED, "{}", granted.value());

    // Service accounts are of those who own everything.
    assert_eq!(bob.get(ACCOUNTS).await.value()["service_accounts"], json!([]));
    daemon.json("POST", ACCOUNTS, &[], json!({"name": "ci"})).await;
    assert!(bob.get("/api/v1/service-accounts/ci").await.problem().starts_with("404 not_found"));
    let denied = bob.json("POST", ACCOUNTS, &[], json!({"name": "mine"})).await.problem();
    assert!(denied.starts_with("403 denied"), "{denied}");
    let reader = as_bob(&daemon, Scopes::of(&[Scope::EnvRead]));
    let denied = reader.get(BINDINGS).await.problem();
    assert!(denied.contains("role.list requires the scope admin"), "{denied}");
}

#[tokio::test]
async fn nobody_gives_an_account_more_scopes_than_they_have() {
    let daemon = Daemon::start();
    let create = json!({"name": "ci", "scopes": ["env.read", "secret.read"]});
    daemon.json("POST", ACCOUNTS, &[], create.clone()).await;
    let admin = Scopes::of(&[Scope::Admin, Scope::EnvRead]);
    let few = Daemon { caller: Some(Arc::new(Caller::new("unix:ada", "test", admin))), ..daemon };
    let create = few.json("POST", ACCOUNTS, &[], json!({"name": "more", "scopes": create["scopes"]})).await;
    assert!(create.problem().starts_with("403 denied scopes"), "{}", create.problem());
    let rotate = few.json("POST", &format!("{ACCOUNTS}/ci:rotate"), &[], json!({})).await;
    assert!(rotate.problem().starts_with("403 denied") && rotate.problem().contains("secret.read"));
}

/// What an environment imports is a setting of it, which who may write it may read; what the imports hold is not.
#[tokio::test]
async fn who_may_only_write_an_environment_sees_the_names_of_its_imports_and_not_what_they_hold() {
    let daemon = Daemon::start();
    daemon.put("base", "HIDDEN", "hunter2").await;
    daemon.put("dev", "OWN", "1").await;
    let place = "/api/v1/environments/demo/dev";
    daemon.json("PATCH", place, &[], json!({"imports": ["demo/base"]})).await;
    daemon.json("POST", BINDINGS, &[], role("editor", "idp:bob", "demo/dev")).await;
    let bob = as_bob(&daemon, Scopes::of(&[Scope::EnvWrite]));

    let own = bob.get(&format!("{place}/snapshot?own_only=true")).await;
    assert_eq!(own.value()["imports"], json!(["demo/base"]), "{}", own.value());
    let keys: Vec<_> =
        own.value()["variables"].as_array().unwrap().iter().map(|it| it["key"].clone()).collect();
    assert_eq!(keys, ["OWN"]);
    let written = bob.json("PATCH", place, &[], json!({"description": "written"})).await;
    assert_eq!(
        (&written.value()["description"], &written.value()["imports"]),
        (&json!("written"), &json!(["demo/base"]))
    );
    for answer in [own, written] {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!text.contains("hunter2") && !text.contains("HIDDEN"), "{text}");
    }
    let effective = bob.get(&format!("{place}/snapshot")).await.problem();
    assert!(effective.contains("snapshot.read requires the scope env.read"), "{effective}");
    // Not even as a reader of their environment do they see the import itself.
    let reader = as_bob(&daemon, Scopes::of(&[Scope::EnvRead, Scope::EnvWrite]));
    let import = reader.get("/api/v1/environments/demo/base/snapshot?own_only=true").await.problem();
    assert!(import.starts_with("404 not_found"), "{import}");
}

#[tokio::test]
async fn entries_of_the_log_have_the_readable_name_of_their_actor() {
    let daemon = Daemon::start();
    daemon.put("dev", "A", "1").await;
    let caller = Caller::clone(daemon.caller.as_ref().unwrap());
    let history = "/api/v1/environments/demo/dev/history";
    let names = |list: &Value| -> Vec<Value> {
        list["entries"].as_array().unwrap().iter().map(|it| it["actor_display_name"].clone()).collect()
    };
    let nameless = daemon.get(history).await;
    assert_eq!(names(&nameless.value()), [Value::Null, Value::Null]);

    let ada = Caller { display_name: Some("Ada Lovelace".into()), ..caller };
    let daemon = Daemon { caller: Some(Arc::new(ada)), ..daemon };
    daemon.put("dev", "A", "2").await;
    let tag = nameless.header("etag").to_owned();
    let named = daemon.send("GET", history, &[("if-none-match", &tag)], "").await;
    assert_eq!(named.status, StatusCode::OK, "the name is a part of what is answered");
    assert_eq!(names(&named.value()), ["Ada Lovelace"; 3]);
    let log = daemon.get("/api/v1/audit/entries").await.value();
    assert_eq!(names(&log), ["Ada Lovelace"; 5]);
    let entry = &log["entries"][1];
    assert_eq!(
        (&entry["operation"], &entry["new_value"], &entry["written"]["actor"], &entry["batch_id"]),
        (&json!("actor_named"), &json!("Ada Lovelace"), &json!("unix:ada"), &Value::Null)
    );
    assert_eq!(daemon.json("POST", "/api/v1/audit:verify", &[], json!({})).await.value()["row_count"], 5);
}

#[tokio::test]
async fn access_comes_in_pages_and_is_not_repeated() {
    let daemon = Daemon::start();
    for name in ["a", "b", "c"] {
        daemon.json("POST", ACCOUNTS, &[], json!({ "name": name })).await;
        daemon
            .json("POST", BINDINGS, &[], role("viewer", &format!("service-account:{name}"), "demo/*"))
            .await;
    }
    for (path, items) in [(ACCOUNTS, "service_accounts"), (BINDINGS, "role_bindings")] {
        let first = daemon.get(&format!("{path}?page_size=2")).await;
        assert_eq!(first.value()[items].as_array().unwrap().len(), 2, "{}", first.value());
        let cursor = first.value()["next_cursor"].as_str().unwrap().to_owned();
        assert!(first.header("link").contains(&cursor));
        let second = daemon.get(&format!("{path}?page_size=2&cursor={cursor}")).await;
        assert_eq!(
            (second.value()[items].as_array().unwrap().len(), &second.value()["next_cursor"]),
            (1, &Value::Null)
        );
        let foreign = daemon.get(&format!("/api/v1/projects?cursor={cursor}")).await;
        assert!(foreign.problem().starts_with("400 invalid cursor"), "{}", foreign.problem());
        let tag = first.header("etag").to_owned();
        let again = daemon.send("GET", &format!("{path}?page_size=2"), &[("if-none-match", &tag)], "").await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn malformed_requests_about_access_name_what_is_wrong() {
    let daemon = Daemon::start();
    for (body, expected) in [
        (role("viewer", "bob", "*"), "400 invalid subject"),
        (role("viewer", "idp:bob", "demo"), "400 invalid pattern"),
        (json!({"role": "viewer", "subject": "idp:bob"}), "400 invalid"),
    ] {
        let refused = daemon.json("POST", BINDINGS, &[], body).await.problem();
        assert!(refused.starts_with(expected), "{refused}");
    }
    for (body, expected) in [
        (json!({"name": "CI"}), "400 invalid name"),
        (json!({"name": "ci", "scopes": ["env.delete"]}), "400 invalid scopes"),
        (json!({"name": "ci", "public_key": "hunter2"}), "400 invalid public_key"),
        (json!({"name": "ci", "client_secret": "hunter2"}), "400 invalid"),
    ] {
        let refused = daemon.json("POST", ACCOUNTS, &[], body).await.problem();
        assert!(refused.starts_with(expected) && !refused.contains("hunter2"), "{refused}");
    }
    let listed = daemon.get(&format!("{BINDINGS}?subject=bob")).await.problem();
    assert!(listed.starts_with("400 invalid subject"), "{listed}");
    let twice = json!({"name": "ci"});
    daemon.json("POST", ACCOUNTS, &[], twice.clone()).await;
    assert_eq!(daemon.json("POST", ACCOUNTS, &[], twice).await.status, StatusCode::CONFLICT);
}
