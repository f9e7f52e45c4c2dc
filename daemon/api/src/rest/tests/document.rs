use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::Value;

use super::Daemon;

#[tokio::test]
async fn the_document_has_every_operation_with_a_name_a_tag_and_errors() {
    let daemon = Daemon::start();
    let document = daemon.get("/openapi.json").await.value();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    let mut lines = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} occurs twice");
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
            for status in ["400", "401", "403", "404", "default"] {
                assert!(operation["responses"][status]["$ref"].is_string(), "{name} {status}");
            }
            assert!(operation["summary"].as_str().is_some_and(|summary| summary.ends_with('.')), "{name}");
            lines.push(format!("{} {path} {name}", method.to_uppercase()));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
        GET /api/v1/audit/entries list_audit_entries
        POST /api/v1/audit:verify verify_audit
        GET /api/v1/diff diff_environments
        GET /api/v1/environments list_environments
        POST /api/v1/environments create_environment
        DELETE /api/v1/environments/{project}/{env} delete_environment
        GET /api/v1/environments/{project}/{env} get_environment
        PATCH /api/v1/environments/{project}/{env} update_environment
        GET /api/v1/environments/{project}/{env}/events watch_environment
        GET /api/v1/environments/{project}/{env}/history list_history
        POST /api/v1/environments/{project}/{env}/rollback rollback_environment
        GET /api/v1/environments/{project}/{env}/snapshot get_snapshot
        POST /api/v1/environments/{project}/{env}/snapshot:resolve resolve_environment
        GET /api/v1/environments/{project}/{env}/variables list_variables
        DELETE /api/v1/environments/{project}/{env}/variables/{key} delete_variable
        GET /api/v1/environments/{project}/{env}/variables/{key} get_variable
        PUT /api/v1/environments/{project}/{env}/variables/{key} put_variable
        DELETE /api/v1/holds/{hold} release_hold
        POST /api/v1/holds/{hold}/renew renew_hold
        GET /api/v1/projects list_projects
        POST /api/v1/projects create_project
        DELETE /api/v1/projects/{project} delete_project
        GET /api/v1/projects/{project} get_project
        PATCH /api/v1/projects/{project} update_project
        GET /api/v1/projects/{project}/schemas list_schemas
        POST /api/v1/projects/{project}/schemas create_schema
        DELETE /api/v1/projects/{project}/schemas/{schema} delete_schema
        GET /api/v1/projects/{project}/schemas/{schema} get_schema
        PUT /api/v1/projects/{project}/schemas/{schema} update_schema
        GET /api/v1/role-bindings list_role_bindings
        POST /api/v1/role-bindings grant_role
        DELETE /api/v1/role-bindings/{role}/{subject}/{pattern} revoke_role
        GET /api/v1/role-bindings/{role}/{subject}/{pattern} get_role_binding
        POST /api/v1/secrets:check check_secrets
        POST /api/v1/secrets:purge purge_secrets
        POST /api/v1/secrets:resolve resolve_secrets
        POST /api/v1/secrets:stream stream_secret
        GET /api/v1/service-accounts list_service_accounts
        POST /api/v1/service-accounts create_service_account
        DELETE /api/v1/service-accounts/{account} delete_service_account
        GET /api/v1/service-accounts/{account} get_service_account
        POST /api/v1/service-accounts/{account}:rotate rotate_service_account
        GET /api/v1/status get_status
        POST /api/v1/variables write_variables
        GET /api/v1/vaults list_vaults
        "#);
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str() {
                        Some(target) if name == "$ref" => found.push(target.to_owned()),
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = Daemon::start().get("/openapi.json").await.value();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for target in found {
        assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let daemon = Daemon::start();
    assert_eq!(daemon.get("/docs").await.header("location"), "/docs/");
    for (path, media_type) in [
        ("/docs/", "text/html; charset=utf-8"),
        ("/docs/docs.js", "text/javascript; charset=utf-8"),
        ("/docs/docs.css", "text/css; charset=utf-8"),
    ] {
        let file = daemon.get(path).await;
        assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, media_type));
        assert!(file.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
        let text = String::from_utf8(file.body.to_vec()).unwrap();
        assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("innerHTML"), "{path}");
        assert!(!text.contains("<script>") && !text.contains("style="), "{path}");
    }
}
