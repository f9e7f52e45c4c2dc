//! The OpenAPI document: what the handlers say of themselves, and what holds for all of them.

use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;

use super::{deprecation::Deprecations, examples::EXAMPLES, problem::ProblemBody};

/// What every handler may answer with; other statuses are `default`.
const ERRORS: [(&str, &str); 4] = [
    ("400", "The request is malformed; `field` names the parameter or member"),
    ("401", "No or bad credentials"),
    ("403", "The caller may not do this; `detail` names the missing scope or role"),
    ("404", "It does not exist, or the caller may not see it"),
];

const TAGS: [(&str, &str); 8] = [
    ("projects", "Projects group environments and schemas"),
    ("environments", "Environments hold variables, import others, and keep every revision"),
    ("variables", "The own variables and secret references of an environment"),
    ("schemas", "JSON Schemas that the values of a project conform to"),
    ("secrets", "Secrets, read from vaults; no answer may be cached"),
    ("access", "Who may do what: role bindings and service accounts"),
    ("audit", "The log of every write and of every access to a secret"),
    ("system", "The daemon itself"),
];

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ProblemBody)))]
struct Shared;

/// Returns the document (OpenAPI 3.1).
pub(crate) fn document() -> Value {
    let (_, mut described) = super::described().split_for_parts();
    described.merge(Shared::openapi());
    // The document is made of our own types: it can always be written.
    let mut document = serde_json::to_value(&described).unwrap_or_default();
    document["info"] = json!({
        "title": "Kontraktor",
        "version": "1",
        "summary": "Environments of variables and secret references, with history",
        "description": "The REST API of `kontraktord`. It has everything that the gRPC API `kontraktor.v1` has, with the same \
            names, limits and codes. It only grows: what a version has, later ones have too.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["servers"] = json!([{"url": "/", "description": "This daemon"}]);
    document["tags"] = TAGS.iter().map(|(name, about)| json!({"name": name, "description": about})).collect();
    document["security"] = json!([{"bearer": []}, {"oauth2": []}, {"mutual_tls": []}]);
    complete_components(&mut document["components"]);
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                complete(operation);
                let is_deprecated = |it: &super::deprecation::Deprecated| {
                    it.path == path && it.method.as_str().eq_ignore_ascii_case(method)
                };
                if Deprecations::of_this_version().iter().any(is_deprecated) {
                    operation["deprecated"] = Value::Bool(true);
                }
            }
        }
    }
    document
}

fn complete_components(components: &mut Value) {
    components["securitySchemes"] = json!({
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "An access token of a configured issuer or of this daemon",
        },
        "oauth2": {
            "type": "oauth2",
            "description": "Tokens of service accounts",
            "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {
                "env.read": "Read environments, their variables, history and audit entries",
                "env.write": "Write environments and variables",
                "secret.read": "Receive secrets",
                "admin": "Grant roles and manage service accounts",
            }}},
        },
        "mutual_tls": {"type": "mutualTLS", "description": "A client certificate"},
    });
    components["headers"] = json!({
        "ETag": {"description": "The version of what is answered", "schema": {"type": "string"}},
        "Link": {"description": "The next page (RFC 8288, `rel=\"next\"`)", "schema": {"type": "string"}},
        "Location": {"description": "The path of what was created", "schema": {"type": "string"}},
        "PreferenceApplied": {"description": "What of Prefer was done (RFC 7240)", "schema": {"type": "string"}},
    });
    components["responses"] = json!({
        "Problem": problem("Another failure"),
        "PreconditionFailed": problem("It is not at the version that If-Match names; `current_revision` is the current one"),
        "NotModified": {"description": "The client has this version"},
    });
    for (status, about) in ERRORS {
        components["responses"][format!("Problem{status}")] = problem(about);
    }
    if let Some(schemas) = components["schemas"].as_object_mut() {
        for (name, example) in EXAMPLES {
            let example = serde_json::from_str::<Value>(example).unwrap_or_default();
            if let Some(schema) = schemas.get_mut(*name) {
                schema["examples"] = json!([example]);
            }
        }
        for schema in schemas.values_mut() {
            modernize(schema);
        }
    }
}

/// JSON Schema has `examples`; `example` is what OpenAPI 3.0 had.
fn modernize(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(example) = schema.remove("example") {
        schema.insert("examples".to_owned(), json!([example]));
    }
    for schema in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        modernize(schema.1);
    }
}

fn problem(about: &str) -> Value {
    json!({
        "description": about,
        "content": {super::problem::MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
    })
}

/// Adds what follows from an operation's parameters, and what holds for every one.
fn complete(operation: &mut Value) {
    let has = |name: &str| {
        operation["parameters"]
            .as_array()
            .is_some_and(|all| all.iter().any(|parameter| parameter["name"] == name))
    };
    let (conditional_read, conditional_write, listed, prefers) =
        (has("If-None-Match"), has("If-Match"), has("cursor"), has("Prefer"));
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    if prefers && !listed && !conditional_read && !responses.contains_key("204") {
        responses.insert("204".to_owned(), json!({"description": "Done, and the client prefers no body"}));
    }
    let creates = responses.contains_key("201");
    for (status, response) in &mut *responses {
        let mut headers = Map::new();
        let mut header = |name: &str, component: &str| {
            headers.insert(name.to_owned(), json!({"$ref": format!("#/components/headers/{component}")}));
        };
        let succeeds = status == "200" || status == "201";
        if succeeds && (conditional_read || conditional_write) {
            header("ETag", "ETag");
        }
        if succeeds && listed {
            header("Link", "Link");
        }
        if status == "201" || (status == "204" && creates) {
            header("Location", "Location");
        }
        if status.starts_with('2') && prefers {
            header("Preference-Applied", "PreferenceApplied");
        }
        if !headers.is_empty() {
            response["headers"] = Value::Object(headers);
        }
    }
    let mut add = |status: &str, component: &str| {
        responses.insert(status.to_owned(), json!({"$ref": format!("#/components/responses/{component}")}));
    };
    if conditional_read {
        add("304", "NotModified");
    }
    if conditional_write {
        add("412", "PreconditionFailed");
    }
    for (status, _) in ERRORS {
        add(status, &format!("Problem{status}"));
    }
    add("default", "Problem");
}
