//! The data sources through the calls of a host.

use kontraktor_model::value::ValueType;
use tfplugin_proto::value::Value;

use super::{Harness, fields, text};
use crate::framework::Fields;

async fn harness() -> Harness {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/DB_HOST", ValueType::String, "db");
    harness.daemon.write("demo/dev/DB_PORT", ValueType::Number, "5432.0");
    harness.daemon.write("demo/dev/EMPTY", ValueType::String, "");
    harness
}

fn environment<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut config = fields([("project", text("demo")), ("env", text("dev"))]);
    config.extend(fields(attributes));
    config
}

fn map<const N: usize>(entries: [(&str, &str); N]) -> Value {
    Value::object(entries.map(|(key, value)| (key, text(value))))
}

#[tokio::test]
async fn an_environment_is_a_map() {
    let harness = harness().await;
    let state = harness.data("kontraktor_environment", &environment([])).await.success().unwrap();
    assert_eq!(state["variables"], map([("DB_HOST", "db"), ("DB_PORT", "5432"), ("EMPTY", "")]));
    assert_eq!(state["types"], map([("DB_HOST", "string"), ("DB_PORT", "number"), ("EMPTY", "string")]));
    assert_eq!((&state["revision"], &state["prefix"]), (&Value::from(3_u64), &Value::Null));

    let config = environment([("prefix", text("DB_"))]);
    let state = harness.data("kontraktor_environment", &config).await.success().unwrap();
    assert_eq!(state["variables"], map([("DB_HOST", "db"), ("DB_PORT", "5432")]));
}

#[tokio::test]
async fn one_variable_is_read_in_full() {
    let harness = harness().await;
    let config = environment([("key", text("DB_PORT"))]);
    let state = harness.data("kontraktor_variable", &config).await.success().unwrap();
    assert_eq!((&state["value"], &state["type"]), (&text("5432"), &text("number")));
    assert_eq!((&state["revision"], &state["id"]), (&Value::from(2_u64), &text("demo/dev/DB_PORT")));
    assert_eq!(state["description"], text(""));
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let harness = harness().await;
    let missing = fields([("project", text("demo")), ("env", text("prod"))]);
    let outcome = harness.data("kontraktor_environment", &missing).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error at env: Environment not found
    The project demo has no environment prod. Check the names, or create the environment first. If the same configuration creates it, refer to that resource or list it in `depends_on`.
    ");
    let outcome = harness.data("kontraktor_variable", &environment([("key", text("db_port"))])).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error at key: Variable not found
    The environment demo/dev exists but has no key db_port. Check the spelling; keys are case-sensitive.
    ");
    let mut missing = missing;
    missing.insert("key".to_owned(), text("A"));
    let outcome = harness.data("kontraktor_variable", &missing).await;
    assert!(
        outcome
            .message()
            .starts_with("Error at env: Environment not found\nThe project demo has no environment prod.")
    );
}

#[tokio::test]
async fn all_pages_of_projects_are_read() {
    let harness = Harness::new().await;
    for project in ["c", "a", "e", "b", "d"] {
        harness.daemon.write(&format!("{project}/dev/A"), ValueType::String, "a");
    }
    let state = harness.data("kontraktor_projects", &Fields::new()).await.success().unwrap();
    let names: Value = ["a", "b", "c", "d", "e"].into_iter().map(text).collect();
    assert_eq!(state["names"], names);
    let first = &state["projects"].as_list().unwrap()[0];
    assert_eq!((first.get("name"), first.get("implicit")), (Some(&text("a")), Some(&Value::Bool(true))));
}
