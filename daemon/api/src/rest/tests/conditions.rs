use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::json;

use super::Daemon;

const KEY: &str = "/api/v1/environments/demo/dev/variables/A";

#[tokio::test]
async fn a_read_is_not_repeated_where_the_client_has_the_version() {
    let daemon = Daemon::start();
    daemon.put("dev", "A", "1").await;
    for path in [
        KEY,
        "/api/v1/environments/demo/dev",
        "/api/v1/environments/demo/dev/snapshot",
        "/api/v1/projects/demo",
        "/api/v1/environments",
        "/api/v1/projects",
        "/api/v1/environments/demo/dev/variables",
        "/openapi.json",
    ] {
        let first = daemon.get(path).await;
        let tag = first.header("etag").to_owned();
        let again = daemon.send("GET", path, &[("if-none-match", &format!("\"x\", W/{tag}"))], "").await;
        assert_eq!(
            (again.status, again.body.len(), again.header("etag")),
            (StatusCode::NOT_MODIFIED, 0, &*tag),
            "{path}"
        );
        assert_eq!(daemon.send("HEAD", path, &[], "").await.header("etag"), tag);
    }
    let tag = daemon.get(KEY).await.header("etag").to_owned();
    daemon.put("dev", "A", "2").await;
    assert_eq!(daemon.send("GET", KEY, &[("if-none-match", &tag)], "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_write_of_another_version_is_refused_with_the_current_revision() {
    let daemon = Daemon::start();
    let tag = daemon.put("dev", "A", "1").await.header("etag").to_owned();
    daemon.put("dev", "A", "2").await;
    let content = json!({"type": "string", "value": "3"});
    for (name, value) in [("if-match", &*tag), ("if-none-match", "*"), ("if-match", "\"7\", \"9\"")] {
        let refused = daemon.json("PUT", KEY, &[(name, value)], content.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.value()["current_revision"]),
            (412, &json!(2)),
            "{name}: {}",
            refused.value()
        );
    }
    let deleted = daemon.send("DELETE", KEY, &[("if-match", &tag)], "").await;
    assert_eq!(deleted.status, StatusCode::PRECONDITION_FAILED);
    let absent = "/api/v1/environments/demo/dev/variables/NONE";
    assert_eq!(daemon.json("PUT", absent, &[("if-match", "*")], content.clone()).await.status.as_u16(), 412);
    assert_eq!(
        daemon.json("PUT", absent, &[("if-none-match", "*")], content.clone()).await.status,
        StatusCode::CREATED
    );
    for value in ["*", "\"2\"", "\"7\", \"2\""] {
        let current = daemon.get(KEY).await.header("etag").to_owned();
        let value = value.replace("\"2\"", &current);
        let written =
            daemon.json("PUT", KEY, &[("if-match", &value)], json!({"type": "string", "value": value})).await;
        assert_eq!(written.status, StatusCode::OK, "{value}: {}", written.value());
    }
}

#[tokio::test]
async fn settings_are_changed_only_at_the_version_that_was_read() {
    let daemon = Daemon::start();
    daemon.put("dev", "A", "1").await;
    for path in ["/api/v1/environments/demo/dev", "/api/v1/projects/demo"] {
        let tag = daemon.get(path).await.header("etag").to_owned();
        let changed = daemon.json("PATCH", path, &[("if-match", &tag)], json!({"description": "new"})).await;
        assert_eq!((changed.status, &changed.value()["description"]), (StatusCode::OK, &json!("new")));
        let refused =
            daemon.json("PATCH", path, &[("if-match", &tag)], json!({"description": "newer"})).await;
        assert!(refused.problem().starts_with("412 conflict if-match"), "{}", refused.problem());
        assert_eq!(daemon.send("DELETE", path, &[("if-match", &tag)], "").await.status.as_u16(), 412);
    }
    let refused = daemon.json("PATCH", "/api/v1/projects/demo", &[("if-match", "7")], json!({})).await;
    assert!(refused.problem().starts_with("400 invalid if-match"), "{}", refused.problem());
}

/// Both read the same version, and both are checked before either is written: the writer lets one pass.
#[tokio::test]
async fn of_two_writes_to_one_version_one_is_refused() {
    let daemon = Daemon::start();
    let schema = json!({"name": "ports", "key_pattern": "PORT", "schema": "{}"});
    for round in 0..20 {
        daemon.put("dev", "A", "1").await;
        daemon.json("POST", "/api/v1/projects/demo/schemas", &[], schema.clone()).await;
        for (path, method, change) in [
            ("/api/v1/projects/demo/schemas/ports", "PUT", json!({"key_pattern": "P", "schema": "{}"})),
            ("/api/v1/environments/demo/dev", "PATCH", json!({"description": "new"})),
            ("/api/v1/projects/demo", "PATCH", json!({"description": "new"})),
        ] {
            let tag = daemon.get(path).await.header("etag").to_owned();
            let condition = [("if-match", &*tag)];
            let (force, delete) = (format!("{path}?force=true"), path.to_owned());
            let delete = if path.ends_with("ports") { delete } else { force };
            let answers = tokio::join!(
                daemon.json(method, path, &condition, change),
                daemon.send("DELETE", &delete, &condition, "")
            );
            let statuses = (answers.0.status.as_u16(), answers.1.status.as_u16());
            assert_eq!(statuses, (200, 412), "{round} {path}: {}", answers.1.value());
            assert!(answers.1.problem().starts_with("412 conflict if-match"), "{}", answers.1.problem());
            if path.ends_with("/dev") {
                assert_eq!(answers.1.value()["current_revision"], answers.0.value()["revision"]);
            }
        }
        daemon.send("DELETE", "/api/v1/projects/demo?force=true", &[("if-match", "*")], "").await;
    }
    let gone = daemon.send("DELETE", "/api/v1/projects/demo", &[("if-match", "*")], "").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_preferred_is_done_and_named() {
    let daemon = Daemon::start();
    let content = json!({"type": "string", "value": "1", "create_missing": true});
    let minimal = daemon.json("PUT", KEY, &[("prefer", "return=minimal")], content.clone()).await;
    assert_eq!((minimal.status, minimal.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!((minimal.header("preference-applied"), minimal.header("vary")), ("return=minimal", "prefer"));
    let again = daemon.json("PUT", KEY, &[("prefer", "return=minimal")], content.clone()).await;
    assert_eq!((again.status, again.header("etag")), (StatusCode::NO_CONTENT, "\"1\""));
    let whole = daemon.json("PUT", KEY, &[("prefer", "return=representation")], content.clone()).await;
    assert_eq!(
        (whole.header("preference-applied"), &whole.value()["value"]),
        ("return=representation", &json!("1"))
    );
    let ignored = daemon.json("PUT", KEY, &[("prefer", "return=nothing")], content.clone()).await;
    assert!(ignored.status.is_success() && !ignored.headers.contains_key("preference-applied"));
    let strict = daemon.json("PUT", KEY, &[("prefer", "handling=strict, return=nothing")], content).await;
    assert!(strict.problem().starts_with("400 invalid prefer"), "{}", strict.problem());
}

#[tokio::test]
async fn a_read_waits_until_the_environment_moves() {
    let daemon = Daemon::start();
    daemon.put("dev", "A", "1").await;
    let path = "/api/v1/environments/demo/dev/snapshot";
    let tag = daemon.get(path).await.header("etag").to_owned();

    let begun = Instant::now();
    let silent = daemon.send("GET", path, &[("if-none-match", &tag), ("prefer", "wait=1")], "").await;
    assert_eq!((silent.status, silent.header("preference-applied")), (StatusCode::NOT_MODIFIED, "wait=1"));
    assert!(begun.elapsed() >= Duration::from_secs(1));

    let headers = [("if-none-match", &*tag), ("prefer", "wait=60")];
    let (moved, ()) = tokio::join!(daemon.send("GET", path, &headers, ""), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        daemon.put("dev", "A", "2").await;
    });
    assert_eq!((moved.status, &moved.value()["variables"][0]["value"]), (StatusCode::OK, &json!("2")));
}
