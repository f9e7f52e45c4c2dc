use http::StatusCode;
use serde_json::json;

use super::Daemon;

#[tokio::test]
async fn roles_are_granted_found_and_revoked() {
    let daemon = Daemon::start();
    let role = json!({"role": "editor", "subject": "service-account:ci", "pattern": "demo/*"});
    let granted = daemon.json("POST", "/api/v1/role-bindings", &[], role.clone()).await;
    let place = granted.header("location").to_owned();
    assert_eq!(
        (granted.status, &*place),
        (StatusCode::CREATED, "/api/v1/role-bindings/editor/service-account%3Aci/demo%2F%2A")
    );
    assert_eq!(granted.value()["warnings"].as_array().unwrap().len(), 2, "{}", granted.value());
    let again = daemon.json("POST", "/api/v1/role-bindings", &[], role).await;
    assert_eq!((again.status, &again.value()["created"]), (StatusCode::OK, &json!(false)));
    assert_eq!(daemon.get(&place).await.value()["pattern"], "demo/*");
    let list = daemon.get("/api/v1/role-bindings?pattern=demo/*&subject=service-account:ci").await.value();
    assert_eq!(list["role_bindings"][0]["role"], "editor");
    assert_eq!(daemon.send("DELETE", &place, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(daemon.send("DELETE", &place, &[], "").await.status, StatusCode::NOT_FOUND);
    let unknown = json!({"role": "admin", "subject": "service-account:ci", "pattern": "demo/*"});
    assert!(
        daemon
            .json("POST", "/api/v1/role-bindings", &[], unknown)
            .await
            .problem()
            .starts_with("400 invalid role")
    );
}

#[tokio::test]
async fn the_secret_of_a_service_account_is_shown_once_and_never_cached() {
    let daemon = Daemon::start();
    let created = daemon.json("POST", "/api/v1/service-accounts", &[], json!({"name": "ci"})).await;
    assert_eq!((created.status, created.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let place = created.header("location").to_owned();
    let secret = created.value()["client_secret"].as_str().unwrap().to_owned();
    let rotated = daemon.json("POST", &format!("{place}/rotate"), &[], json!({"overlap_ms": 60_000})).await;
    assert_eq!(rotated.header("cache-control"), "no-store");
    assert_ne!(rotated.value()["client_secret"], secret);
    let read = daemon.get(&place).await;
    assert_eq!(read.value()["secrets"].as_array().unwrap().len(), 2);
    assert!(!String::from_utf8_lossy(&read.body).contains(&secret));
    assert_eq!(daemon.get("/api/v1/service-accounts").await.value()["service_accounts"][0]["name"], "ci");
    assert_eq!(daemon.send("DELETE", &place, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(daemon.get(&place).await.status, StatusCode::NOT_FOUND);
}
