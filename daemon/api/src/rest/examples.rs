//! Examples of what is answered, by the name of the schema.

/// The name of a schema of the document, and an example as JSON.
pub(super) const EXAMPLES: &[(&str, &str)] = &[
    ("Authorship", r#"{"actor": "unix:ada", "via": "ktr", "time": "2026-05-01T12:00:00.000000Z"}"#),
    (
        "Project",
        r#"{
        "project": "infra-demo", "description": "The demonstration", "implicit": false, "environment_count": 2,
        "schema_count": 1, "deletion_protection": false,
        "created": {"actor": "unix:ada", "via": "ktr", "time": "2026-05-01T12:00:00.000000Z"},
        "changed": {"actor": "unix:ada", "via": "ktr", "time": "2026-05-01T12:00:00.000000Z"}
    }"#,
    ),
    (
        "Environment",
        r#"{
        "project": "infra-demo", "env": "dev", "description": "Where developers try things", "implicit": false,
        "revision": 7, "variable_count": 3, "secret_reference_count": 1, "imports": ["shared/base"],
        "deletion_protection": false,
        "created": {"actor": "unix:ada", "via": "terraform", "time": "2026-05-01T12:00:00.000000Z"},
        "changed": {"actor": "unix:ada", "via": "terraform", "time": "2026-05-01T12:00:00.000000Z"}
    }"#,
    ),
    (
        "Variable",
        r#"{
        "key": "LOG_LEVEL", "type": "string", "value": "info", "description": "How much is logged", "revision": 7,
        "deletion_protection": false,
        "written": {"actor": "unix:ada", "via": "terraform", "time": "2026-05-01T12:00:00.000000Z"},
        "origin": {"project": "infra-demo", "env": "dev", "revision": 7}
    }"#,
    ),
    (
        "SecretReference",
        r#"{
        "key": "DB_PASSWORD", "reference": "vault://team/secret/app/db#password", "vault": "team", "version": "3",
        "version_seen_time": "2026-05-01T12:00:00.000000Z", "description": "", "revision": 5, "deletion_protection": true,
        "written": {"actor": "unix:ada", "via": "terraform", "time": "2026-05-01T12:00:00.000000Z"},
        "origin": {"project": "infra-demo", "env": "dev", "revision": 5}
    }"#,
    ),
    (
        "Schema",
        r#"{
        "project": "infra-demo", "name": "ports", "key_pattern": ".*_PORT", "schema": "{\"type\": \"integer\"}",
        "changed": {"actor": "unix:ada", "via": "ktr", "time": "2026-05-01T12:00:00.000000Z"}
    }"#,
    ),
    ("WriteResult", r#"{"status": "written", "revision": 7, "environment_revision": 7, "problem": null}"#),
    (
        "AuditEntry",
        r#"{
        "sequence": 42, "written": {"actor": "unix:ada", "via": "ktr", "time": "2026-05-01T12:00:00.000000Z"},
        "actor_display_name": null,
        "operation": "variable_updated", "project": "infra-demo", "env": "dev", "key": "LOG_LEVEL", "revision": 7,
        "type": "string", "old_value": "debug", "new_value": "info", "description": "How much is logged", "schema": null,
        "deletion_protection": false, "imports": null, "batch_id": "0198c1de-8a5c-7b6e-9b1f-2d3c4b5a6978", "access": null,
        "role_binding": null, "service_account": null,
        "hash": "6d1f0a9be1a54f4de3d1a2f3b6a1c6f0a0b8a4d7c5e2f1908172635445362718"
    }"#,
    ),
    (
        "RoleBinding",
        r#"{
        "role": "editor", "subject": "service-account:ci", "pattern": "infra-demo/*",
        "created": {"actor": "unix:ada", "via": "ktr", "time": "2026-05-01T12:00:00.000000Z"}
    }"#,
    ),
    (
        "ServiceAccount",
        r#"{
        "name": "ci", "client_id": "sa-0f1e2d3c4b5a69788796a5b4c3d2e1f0", "description": "The pipelines",
        "scopes": ["env.read", "env.write"], "secrets": [
            {"hint": "kontraktor_Vx", "create_time": "2026-05-01T12:00:00.000000Z", "expire_time": null}
        ], "public_key": null, "created": {"actor": "unix:ada", "via": "ktr", "time": "2026-05-01T12:00:00.000000Z"},
        "last_used_time": null
    }"#,
    ),
    (
        "Hold",
        r#"{
        "id": "3f0c8f6e-52a1-4b7e-8a50-0f6f6a2f8a11", "expire_time": "2026-05-01T12:15:00.000000Z",
        "renew_time": "2026-05-01T12:10:00.000000Z"
    }"#,
    ),
    (
        "Vault",
        r#"{
        "name": "team", "kind": "vault", "address": "https://vault.example.com:8200", "available": true, "error": null,
        "cached_secret_count": 4, "cached_bytes": 512, "lease_count": 0
    }"#,
    ),
    (
        "Status",
        r#"{
        "host": "kontraktor.example.com:8743", "version": "0.1.0", "start_time": "2026-05-01T12:00:00.000000Z",
        "data_dir": "/var/lib/kontraktor", "store_version": "v1.5.6", "schema_version": 5, "project_count": 2,
        "environment_count": 5, "variable_count": 117, "secret_reference_count": 3, "head_sequence": 480,
        "head_hash": "6d1f0a9be1a54f4de3d1a2f3b6a1c6f0a0b8a4d7c5e2f1908172635445362718", "actor": "service-account:ci",
        "display_name": null, "writable": true, "write_error": null
    }"#,
    ),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::rest::document::document;

    #[test]
    fn each_example_is_of_a_schema_of_the_document_and_has_its_members() {
        let document = document();
        for (name, example) in EXAMPLES {
            let schema = &document["components"]["schemas"][name];
            let example: Value = serde_json::from_str(example).unwrap();
            let members: Vec<_> = example.as_object().unwrap().keys().collect();
            let known: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
            // Only where it was asked for.
            let absent: Vec<_> = known.iter().filter(|name| !members.contains(*name)).collect();
            assert!(absent.iter().all(|name| name.as_str() == "secret"), "{name}: {absent:?}");
            assert!(members.iter().all(|member| known.contains(member)), "{name}: {known:?} {members:?}");
        }
    }
}
