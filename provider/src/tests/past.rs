//! Data sources that look back, compare, and say where a value comes from.

use std::sync::atomic::Ordering;

use kontraktor_model::value::ValueType;
use kontraktor_proto::v1::{self, AuditOperation};
use tfplugin_proto::value::Value;

use super::{Harness, fields, text};
use crate::framework::Fields;

const ENVIRONMENT: &str = "kontraktor_environment";
const DIFF: &str = "kontraktor_environment_diff";
const HISTORY: &str = "kontraktor_variable_history";

fn dev<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut config = fields([("project", text("demo")), ("env", text("dev"))]);
    config.extend(fields(attributes));
    config
}

fn map<const N: usize>(entries: [(&str, &str); N]) -> Value {
    Value::object(entries.map(|(key, value)| (key, text(value))))
}

fn side(env: Option<&str>, at: Option<&str>) -> Value {
    let or_null = |given: Option<&str>| given.map_or(Value::Null, text);
    let project = or_null(env.map(|_| "demo"));
    Value::object([("project", project), ("env", or_null(env)), ("at", or_null(at))])
}

/// `dev` at revision 2, and another since.
async fn two_points_in_time() -> Harness {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/GONE", ValueType::String, "1");
    harness.daemon.write("demo/dev/MOVED", ValueType::String, "2");
    harness.daemon.keep("demo/dev");
    harness.daemon.delete("demo/dev/GONE");
    harness.daemon.write("demo/dev/MOVED", ValueType::Number, "3");
    harness.daemon.write("demo/dev/NEW", ValueType::String, "");
    harness
}

/// Infisical #7264: the import that a value came from was not shown.
#[tokio::test]
async fn each_value_says_where_it_comes_from() {
    let harness = Harness::new().await;
    harness.daemon.write("shared/base/A", ValueType::String, "base");
    harness.daemon.write("shared/base/B", ValueType::String, "base");
    harness.daemon.write("demo/dev/B", ValueType::String, "own");
    let base = v1::EnvironmentName { project: "shared".to_owned(), env: "base".to_owned() };
    let imports = Some(v1::ImportList { environments: vec![base] });
    harness
        .daemon
        .change_environment("demo/dev", v1::UpdateEnvironmentRequest { imports, ..Default::default() });

    let state = harness.data(ENVIRONMENT, &dev([])).await.success().unwrap();
    assert_eq!(state["variables"], map([("A", "base"), ("B", "own")]));
    assert_eq!(state["origins"], map([("A", "shared/base"), ("B", "demo/dev")]));
    assert_eq!(state["imports"], [text("shared/base")].into_iter().collect());

    let state = harness.data(ENVIRONMENT, &dev([("own_only", Value::Bool(true))])).await.success().unwrap();
    assert_eq!((&state["variables"], &state["origins"]), (&map([("B", "own")]), &map([("B", "demo/dev")])));

    let state = harness.data("kontraktor_variable", &dev([("key", text("A"))])).await.success().unwrap();
    assert_eq!((&state["value"], &state["origin"]), (&text("base"), &text("shared/base")));
}

#[tokio::test]
async fn an_environment_is_read_as_it_was() {
    let harness = two_points_in_time().await;
    let state = harness.data(ENVIRONMENT, &dev([("at", text("2"))])).await.success().unwrap();
    assert_eq!(state["variables"], map([("GONE", "1"), ("MOVED", "2")]));
    assert_eq!(state["revision"], Value::from(2_u64));
    let config = dev([("at", text("2")), ("key", text("GONE"))]);
    let state = harness.data("kontraktor_variable", &config).await.success().unwrap();
    assert_eq!(state["value"], text("1"));
    let outcome = harness.data("kontraktor_variable", &dev([("at", text("2")), ("key", text("NEW"))])).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error at key: Variable not found
    The environment demo/dev exists but had, at 2, no key NEW. Check the spelling; keys are case-sensitive.
    ");
}

#[tokio::test]
async fn an_impossible_point_in_time_is_reported_at_its_attribute() {
    let harness = two_points_in_time().await;
    let outcome = harness.data(ENVIRONMENT, &dev([("at", text("99"))])).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error at at: Failed to read environment demo/dev
    The environment has no such revision.
    ");
    let config = fields([("from", side(Some("dev"), None)), ("to", side(None, Some("99")))]);
    let outcome = harness.data(DIFF, &config).await;
    assert!(
        outcome.message().starts_with("Error at to.at: Failed to read environment demo/dev"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_past_revision_is_requested_once_and_the_current_state_each_time() {
    let harness = two_points_in_time().await;
    let request = harness.daemon.request();
    for _ in 0..5 {
        harness.data(ENVIRONMENT, &dev([("at", text("2"))])).await.success().unwrap();
        harness
            .data("kontraktor_variable", &dev([("at", text("2")), ("key", text("GONE"))]))
            .await
            .success()
            .unwrap();
    }
    assert_eq!(harness.daemon.request() - request, 1);
    for _ in 0..5 {
        harness.data(ENVIRONMENT, &dev([])).await.success().unwrap();
    }
    assert_eq!(harness.daemon.request() - request, 6);
    assert_eq!(harness.daemon.not_modified.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn the_way_from_one_revision_leads_to_now() {
    let harness = two_points_in_time().await;
    let state =
        harness.data(DIFF, &fields([("from", side(Some("dev"), Some("2")))])).await.success().unwrap();
    assert_eq!((&state["added"], &state["removed"]), (&map([("NEW", "")]), &map([("GONE", "1")])));
    let moved = state["changed"].get("MOVED").expect("it changed");
    let expected = Value::object([
        ("from", text("2")),
        ("to", text("3")),
        ("from_type", text("string")),
        ("to_type", text("number")),
        ("what", ["value", "type"].into_iter().map(text).collect()),
    ]);
    assert_eq!((moved, &state["identical"]), (&expected, &Value::Bool(false)));

    // The other way round, what was added was removed.
    let config = fields([("from", side(Some("dev"), None)), ("to", side(None, Some("2")))]);
    let state = harness.data(DIFF, &config).await.success().unwrap();
    assert_eq!((&state["added"], &state["removed"]), (&map([("GONE", "1")]), &map([("NEW", "")])));
}

#[tokio::test]
async fn an_environment_and_its_copy_are_identical() {
    let harness = Harness::new().await;
    for env in ["dev", "copy"] {
        harness.daemon.write(&format!("demo/{env}/A"), ValueType::Number, "1.50");
    }
    let config = fields([("from", side(Some("dev"), None)), ("to", side(Some("copy"), None))]);
    let state = harness.data(DIFF, &config).await.success().unwrap();
    assert_eq!((&state["identical"], &state["changed"]), (&Value::Bool(true), &map([])));
    let config = fields([("from", side(Some("dev"), None)), ("to", side(Some("missing"), None))]);
    let outcome = harness.data(DIFF, &config).await;
    assert!(
        outcome.message().starts_with(
            "Error at to.env: Environment not found\nThe project demo has no environment missing."
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn comparing_an_environment_with_itself_is_refused_before_anything_is_asked() {
    let harness = Harness::new().await;
    let same = || side(Some("dev"), None);
    for config in [
        fields([("from", same())]),
        fields([("from", same()), ("to", same())]),
        fields([("from", same()), ("to", side(None, None))]),
    ] {
        let diagnostics = harness.validate_data(DIFF, &config).await;
        assert!(
            diagnostics.len() == 1 && diagnostics[0].contains("Environment compared with itself"),
            "{diagnostics:?}"
        );
    }
    for (config, expected) in [
        (fields([]), "Error at from: Missing from"),
        (fields([("from", side(Some("dev"), Some("x")))]), "Error at from.at: Invalid from.at"),
    ] {
        let diagnostics = harness.validate_data(DIFF, &config).await;
        assert!(diagnostics.len() == 1 && diagnostics[0].starts_with(expected), "{diagnostics:?}");
    }
    for good in [
        fields([("from", side(Some("dev"), Some("2")))]),
        fields([("from", same()), ("to", side(Some("prod"), None))]),
        fields([("from", Value::Unknown)]),
        fields([("from", same()), ("to", Value::Unknown)]),
    ] {
        assert_eq!(harness.validate_data(DIFF, &good).await, Vec::<String>::new(), "{good:?}");
    }
    assert_eq!(harness.daemon.request(), 0);
}

#[tokio::test]
async fn the_history_continues_after_a_deletion() {
    let harness = Harness::new().await;
    harness.daemon.log("demo/dev/A", AuditOperation::VariableCreated, Some("one"));
    harness.daemon.log("demo/dev/A", AuditOperation::VariableUpdated, Some(""));
    harness.daemon.log("demo/dev/B", AuditOperation::VariableCreated, Some("other"));
    harness.daemon.log("demo/dev/A", AuditOperation::VariableDeleted, None);

    let history = |more: &[(&str, Value)]| {
        let mut config = dev([("key", text("A"))]);
        config.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        config
    };
    let state = harness.data(HISTORY, &history(&[])).await.success().unwrap();
    assert_eq!((&state["exists"], &state["value"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(state["revision"], Value::from(4_u64));
    let entries = state["entries"].as_list().unwrap();
    let operations: Vec<_> = entries.iter().map(|entry| entry.get("operation").unwrap().clone()).collect();
    assert_eq!(operations, ["deleted", "updated", "created"].map(text));
    assert_eq!(
        entries[0],
        Value::object([
            ("revision", Value::from(4_u64)),
            ("operation", text("deleted")),
            ("reference", Value::Null),
            ("value", Value::Null),
            ("type", Value::Null),
            ("description", Value::Null),
            ("actor", text("unix:ada")),
            ("via", text("ktr")),
            ("time", text("2023-11-14T22:13:20Z")),
        ])
    );

    // An empty value is a value.
    let state = harness.data(HISTORY, &history(&[("at", text("3"))])).await.success().unwrap();
    assert_eq!((&state["exists"], &state["value"]), (&Value::Bool(true), &text("")));
    assert_eq!((&state["type"], &state["revision"]), (&text("string"), &Value::from(2_u64)));

    let state = harness.data(HISTORY, &history(&[("limit", Value::from(1_u64))])).await.success().unwrap();
    assert_eq!(state["entries"].as_list().unwrap().len(), 1);

    let never = harness.data(HISTORY, &dev([("key", text("NEVER"))])).await.success().unwrap();
    assert_eq!((&never["exists"], &never["revision"]), (&Value::Bool(false), &Value::Null));
}

#[tokio::test]
async fn limits_and_points_in_time_are_checked_without_the_daemon() {
    let harness = Harness::new().await;
    for (name, value, expected) in [
        ("limit", Value::from(0_u64), "limit must be a whole number between 1 and 1000."),
        ("limit", Value::from(1001_u64), "limit must be a whole number between 1 and 1000."),
        ("at", text("0"), "at must be a revision between"),
        ("at", text("yesterday"), "at must be a revision, such as"),
    ] {
        let config = dev([("key", text("A")), (name, value)]);
        let diagnostics = harness.validate_data(HISTORY, &config).await;
        assert!(diagnostics.len() == 1 && diagnostics[0].contains(expected), "{diagnostics:?}");
        assert!(diagnostics[0].starts_with(&format!("Error at {name}: ")), "{diagnostics:?}");
    }
}
