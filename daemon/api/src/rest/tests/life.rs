use http::StatusCode;
use serde_json::json;

use super::Daemon;

#[tokio::test]
async fn an_environment_lives_over_rest() {
    let daemon = Daemon::start();
    let project =
        daemon.json("POST", "/api/v1/projects", &[], json!({"project": "demo", "description": "d"})).await;
    assert_eq!((project.status, project.header("location")), (StatusCode::CREATED, "/api/v1/projects/demo"));
    assert_eq!(project.value()["project"], "demo");

    let base = json!({"project": "demo", "env": "base"});
    assert_eq!(daemon.json("POST", "/api/v1/environments", &[], base).await.status, StatusCode::CREATED);
    let dev = json!({"project": "demo", "env": "dev", "imports": ["demo/base"]});
    let dev = daemon.json("POST", "/api/v1/environments", &[], dev).await;
    assert_eq!(dev.header("location"), "/api/v1/environments/demo/dev");

    let batch = json!({"groups": [
        {"items": [{"project": "demo", "env": "base", "key": "A", "put": {"type": "number", "value": "1.0"}}]},
        {"items": [{"project": "demo", "env": "dev", "key": "B", "put": {"type": "json", "value": "{\"a\": 1}"}},
                   {"project": "demo", "env": "dev", "key": "C", "put": {"reference": "vault://team/secret/app#x"}}]},
        {"items": [{"project": "demo", "env": "dev", "key": "bad key", "put": {"type": "string", "value": "x"}}]},
    ]});
    let id = ("idempotency-key", "0198c1de-8a5c-7b6e-9b1f-2d3c4b5a6978");
    let written =
        daemon.json("POST", "/api/v1/variables", &[id, ("prefer", "return=minimal")], batch.clone()).await;
    let results = written.value();
    let statuses: Vec<_> =
        results["results"].as_array().unwrap().iter().map(|it| it["status"].clone()).collect();
    assert_eq!(statuses, ["written", "written", "written", "refused"], "{results}");
    assert_eq!(results["results"][3]["problem"]["field"], "key");
    let again = daemon.json("POST", "/api/v1/variables", &[id], batch).await.value();
    assert_eq!((&again["replayed"], &again["results"]), (&json!(true), &results["results"]));

    let snapshot = daemon.get("/api/v1/environments/demo/dev/snapshot").await.value();
    let keys: Vec<_> = snapshot["variables"].as_array().unwrap().iter().map(|it| it["key"].clone()).collect();
    assert_eq!(keys, ["A", "B"]);
    assert_eq!(snapshot["variables"][0]["value"], "1");
    assert_eq!(snapshot["secret_references"][0]["key"], "C");
    let own = daemon.get("/api/v1/environments/demo/dev/snapshot?own_only=true&prefix=B").await.value();
    assert_eq!(own["variables"].as_array().unwrap().len(), 1);

    daemon.put("dev", "B", "two").await;
    let difference = daemon.get("/api/v1/diff?from=demo/dev@2&to=demo/dev").await.value();
    assert_eq!((&difference["identical"], &difference["changed"][0]["key"]), (&json!(false), &json!("B")));

    let restored =
        daemon.json("POST", "/api/v1/environments/demo/dev/rollback", &[], json!({"to_revision": 2})).await;
    assert_eq!(restored.value()["written_variable_count"], 1, "{}", restored.value());
    let history = daemon.get("/api/v1/environments/demo/dev/history?key=B").await.value();
    assert_eq!(history["entries"].as_array().unwrap().len(), 3);
    let log = daemon.get("/api/v1/audit/entries?project=demo&env=dev&sort=sequence").await.value();
    assert_eq!(log["entries"][0]["operation"], "environment_created");
    let verified = daemon.json("POST", "/api/v1/audit:verify", &[], json!({})).await.value();
    assert_eq!(verified["intact"], true);

    let refused = daemon.send("DELETE", "/api/v1/environments/demo/dev", &[], "").await;
    assert!(refused.problem().starts_with("409 not_empty"), "{}", refused.problem());
    let deleted = daemon.send("DELETE", "/api/v1/environments/demo/dev?force=true", &[], "").await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert!(daemon.get("/api/v1/environments/demo/dev").await.problem().starts_with("404 not_found"));
    assert_eq!(
        daemon.send("DELETE", "/api/v1/projects/demo?force=true", &[], "").await.status,
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn schemas_live_in_their_project() {
    let daemon = Daemon::start();
    let ports = json!({"name": "ports", "key_pattern": ".*_PORT", "schema": "{\"type\": \"integer\"}", "create_missing": true});
    let created = daemon.json("POST", "/api/v1/projects/demo/schemas", &[], ports).await;
    assert_eq!(created.header("location"), "/api/v1/projects/demo/schemas/ports");
    let path = "/api/v1/environments/demo/dev/variables/HTTP_PORT";
    let violates = json!({"type": "string", "value": "http", "create_missing": true});
    let refused = daemon.json("PUT", path, &[], violates).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.value()["schema_violation"]["schema"]),
        (422, &json!("ports"))
    );

    let tag = created.header("etag").to_owned();
    let content = json!({"key_pattern": ".*_PORT", "schema": "{\"type\": \"string\"}"});
    let schema = "/api/v1/projects/demo/schemas/ports";
    let updated = daemon.json("PUT", schema, &[("if-match", &tag)], content.clone()).await;
    assert_eq!(updated.status, StatusCode::OK, "{}", updated.value());
    assert_eq!(daemon.json("PUT", schema, &[("if-match", &tag)], content).await.status.as_u16(), 412);
    assert_eq!(daemon.get("/api/v1/projects/demo/schemas").await.value()["schemas"][0]["name"], "ports");
    assert_eq!(daemon.send("DELETE", schema, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(daemon.get(schema).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn secrets_are_answered_one_by_one_and_never_cached() {
    let daemon = Daemon::start();
    let targets = json!({"targets": [
        {"reference": "vault://team/secret/app#x"}, {"key": "K"}, {"project": "demo", "env": "dev", "key": "K"},
    ]});
    for path in ["/api/v1/secrets:resolve", "/api/v1/secrets:check"] {
        let answer = daemon.json("POST", path, &[], targets.clone()).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
        let secrets = answer.value()["secrets"].clone();
        let codes: Vec<_> =
            secrets.as_array().unwrap().iter().map(|it| it["problem"]["code"].clone()).collect();
        assert_eq!(codes, ["unknown_vault", "invalid", "not_found"], "{secrets}");
    }
    let stream = json!({"target": {"reference": "vault://team/secret/app#x"}});
    assert!(
        daemon
            .json("POST", "/api/v1/secrets:stream", &[], stream)
            .await
            .problem()
            .starts_with("422 unknown_vault")
    );
    daemon.put("dev", "A", "1").await;
    let resolved =
        daemon.json("POST", "/api/v1/environments/demo/dev/snapshot:resolve", &[], json!({})).await;
    assert_eq!(
        (resolved.header("cache-control"), &resolved.value()["snapshot"]["env"]),
        ("no-store", &json!("dev"))
    );
    assert_eq!(daemon.get("/api/v1/vaults").await.value(), json!({"vaults": []}));
    let purged = daemon.json("POST", "/api/v1/secrets:purge", &[], json!({})).await;
    assert_eq!(purged.value(), json!({"purged_count": 0}));
    assert!(
        daemon.send("POST", "/api/v1/holds/x/renew", &[], "").await.problem().starts_with("404 hold_gone")
    );
    assert_eq!(daemon.send("DELETE", "/api/v1/holds/x", &[], "").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_status_names_the_caller() {
    let daemon = Daemon::start();
    let status = daemon.send("GET", "/api/v1/status", &[("host", "k.example")], "").await.value();
    assert_eq!((&status["actor"], &status["host"]), (&json!("unix:ada"), &json!("k.example")));
}
