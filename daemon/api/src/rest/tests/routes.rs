//! The table of routes: it has each one, and each asks for the action that it names. What is sent to a route is made of its
//! description in the document.

use std::{collections::BTreeSet, sync::Arc};

use axum::body::Body;
use kontraktor_access::{Action, Caller, ROUTES, Scopes};
use serde_json::{Value, json};

use super::Daemon;
use crate::rest::document::document;

/// Every operation of the document with its description, as `METHOD PATH`.
fn described(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    operations.collect()
}

#[test]
fn the_table_has_every_route_of_the_document_and_no_other() {
    let listed: BTreeSet<_> = ROUTES.iter().map(|(route, _)| (*route).to_owned()).collect();
    let document = document();
    let described: BTreeSet<_> = described(&document).into_iter().map(|(route, _)| route).collect();
    assert_eq!(listed, described);
    assert_eq!(listed.len(), ROUTES.len(), "a route is listed twice");
}

/// Returns the path of a request, with what the document gives as examples of its parameters.
fn target(path: &str, operation: &Value) -> String {
    let mut path = path.to_owned();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        match (parameter["in"].as_str().unwrap(), parameter["example"].as_str()) {
            ("path", example) => {
                let example = example.unwrap_or("00000000-0000-0000-0000-000000000001");
                path = path.replace(&format!("{{{name}}}"), &example.replace('/', "%2F"));
            }
            ("query", example) if parameter["required"] == true => {
                query.append_pair(name, example.expect("an example of each required parameter"));
            }
            _ => {}
        }
    }
    format!("{path}?{}", query.finish())
}

/// Returns the example of a request's body.
fn body(document: &Value, operation: &Value) -> Option<Value> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let schema = document.pointer(schema.as_str()?.trim_start_matches('#')).unwrap();
    let example = &schema["examples"][0];
    if !example.is_null() {
        return Some(example.clone());
    }
    let secret = json!({"project": "demo", "env": "dev", "key": "KEY"});
    let members = schema["properties"].as_object().unwrap();
    Some(if members.contains_key("targets") {
        json!({ "targets": [secret] })
    } else {
        json!({ "target": secret })
    })
}

#[tokio::test]
async fn every_route_asks_for_the_action_that_the_table_names() {
    let nobody = Arc::new(Caller::new("unix:eve", "test", Scopes::NONE));
    let daemon = Daemon { caller: Some(nobody), ..Daemon::start() };
    let document = document();
    for (route, operation) in described(&document) {
        let (_, actions) = ROUTES.iter().find(|(listed, _)| *listed == route).unwrap();
        let (method, path) = route.split_once(' ').unwrap();
        let target = target(path, operation);
        let answer = match body(&document, operation) {
            Some(body) => daemon.json(method, &target, &[], body).await,
            None => daemon.send(method, &target, &[], Body::empty()).await,
        };
        if actions[0] == Action::DaemonStatus {
            assert_eq!(answer.status, 200);
            continue;
        }
        let expected = format!("403 denied : permission denied: {} requires the scope", actions[0]);
        assert!(answer.problem().starts_with(&expected), "{route}: {}", answer.problem());
    }
}
