//! What the OpenAPI document has.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Surface;
use crate::rest;

fn surface() -> Surface {
    let document = rest::document();
    let mut surface = Surface::default();
    let mut sent = BTreeSet::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let name = format!("{} {path}", method.to_uppercase());
            surface.promise(name.clone());
            surface.promise(format!("{name} is {}", operation["operationId"].as_str().unwrap()));
            describe_request(&mut surface, &mut sent, &name, operation);
            for (status, response) in members(&operation["responses"]) {
                let response = resolved(&document, response);
                surface.promise(format!("{name} -> {status}"));
                for (media_type, content) in members(&response["content"]) {
                    surface.promise(format!("{name} -> {status} {media_type} {}", kind(&content["schema"])));
                }
                for (header, _) in members(&response["headers"]) {
                    surface.promise(format!("{name} -> {status} header {header}"));
                }
            }
        }
    }
    let schemas = &document["components"]["schemas"];
    let sent = reachable(schemas, sent);
    for (name, schema) in members(schemas) {
        describe_schema(&mut surface, name, schema, sent.contains(name));
    }
    surface
}

/// Describes what a request has; `sent` becomes the schemas of bodies.
fn describe_request(surface: &mut Surface, sent: &mut BTreeSet<String>, name: &str, operation: &Value) {
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let text = |member: &str| parameter[member].as_str().unwrap();
        let described = format!("{} {} {}", text("in"), text("name"), kind(&parameter["schema"]));
        surface.promise(format!("{name} takes {described}"));
        if parameter["required"] == true {
            surface.demand(name, &described);
        }
    }
    for (media_type, content) in members(&operation["requestBody"]["content"]) {
        surface.promise(format!("{name} takes body {media_type} {}", kind(&content["schema"])));
        references(&content["schema"], sent);
    }
    if operation["requestBody"]["required"] == true {
        surface.demand(name, "body");
    }
}

/// What is sent must not demand more; what is answered must not promise less.
fn describe_schema(surface: &mut Surface, name: &str, schema: &Value, is_sent: bool) {
    let whole = format!("schema {name}");
    surface.promise(whole.clone());
    for value in schema["enum"].as_array().into_iter().flatten() {
        surface.promise(format!("{whole} can be {value}"));
    }
    for part in ["allOf", "oneOf", "anyOf"] {
        for one in schema[part].as_array().into_iter().flatten() {
            if one["$ref"].is_string() {
                surface.promise(format!("{whole} {part} {}", kind(one)));
            } else {
                describe_schema(surface, name, one, is_sent);
            }
        }
    }
    for (member, property) in members(&schema["properties"]) {
        surface.promise(format!("{whole}.{member} {}", kind(property)));
    }
    for member in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if is_sent {
            surface.demand(&whole, member);
        } else {
            surface.promise(format!("{whole}.{member} is always there"));
        }
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|target| document.pointer(target.trim_start_matches('#')));
    target.unwrap_or(value)
}

/// Returns a schema in a word: its type, and what it is made of.
fn kind(schema: &Value) -> String {
    let last = |target: &str| target.rsplit('/').next().unwrap_or_default().to_owned();
    if let Some(target) = schema["$ref"].as_str() {
        return last(target);
    }
    for part in ["oneOf", "allOf", "anyOf"] {
        if let Some(all) = schema[part].as_array() {
            return format!("{part}({})", all.iter().map(kind).collect::<Vec<_>>().join(", "));
        }
    }
    let types = match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|"),
        _ => "any".to_owned(),
    };
    if schema["items"].is_object() { format!("{types}[{}]", kind(&schema["items"])) } else { types }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(all) => {
            if let Some(name) =
                value["$ref"].as_str().and_then(|target| target.strip_prefix("#/components/schemas/"))
            {
                found.insert(name.to_owned());
            }
            all.values().for_each(|value| references(value, found));
        }
        Value::Array(all) => all.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Adds the schemas that these are made of.
fn reachable(schemas: &Value, mut found: BTreeSet<String>) -> BTreeSet<String> {
    loop {
        let mut more = found.clone();
        for name in &found {
            references(&schemas[name], &mut more);
        }
        if more == found {
            return found;
        }
        found = more;
    }
}

#[test]
fn the_document_only_grows() {
    surface().assert_only_grow("openapi.txt");
}
