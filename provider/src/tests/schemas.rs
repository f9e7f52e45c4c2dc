//! `kontraktor_variable_schema` through the calls of a host.

use std::sync::atomic::Ordering;

use tfplugin_proto::value::Value;

use super::{Harness, fields, text};
use crate::framework::Fields;

const KIND: &str = "kontraktor_variable_schema";
const PORT: &str = r#"{"type":"integer","minimum":1}"#;

fn schema<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut config = fields([
        ("project", text("demo")),
        ("name", text("ports")),
        ("key_pattern", text(".*PORT")),
        ("schema", text(PORT)),
    ]);
    config.extend(fields(attributes));
    config
}

async fn applied(harness: &Harness) -> Fields {
    harness.put(KIND, None, &schema([])).await.success().expect("it was created")
}

#[tokio::test]
async fn a_schema_lives_and_dies() {
    let harness = Harness::new().await;
    let state = applied(&harness).await;
    assert_eq!(state["id"], text("demo/ports"));
    assert_eq!(harness.read(KIND, &state).await.success(), Some(state.clone()));
    let state =
        harness.put(KIND, Some(&state), &schema([("key_pattern", text("P"))])).await.success().unwrap();
    assert_eq!(harness.daemon.schema("demo/ports").expect("it exists").key_pattern, "P");
    harness.delete(KIND, &state).await.success();
    assert_eq!(harness.daemon.schema("demo/ports"), None);
    harness.delete(KIND, &state).await.success();
    assert_eq!(harness.read(KIND, &state).await.success(), None);
}

#[tokio::test]
async fn another_spelling_of_the_same_json_writes_nothing() {
    let harness = Harness::new().await;
    let state = applied(&harness).await;
    let changes = harness.daemon.changes.load(Ordering::SeqCst);
    let spelled = schema([("schema", text("{ \"minimum\": 1.0,\n  \"type\": \"integer\" }"))]);
    let (planned, replaced) = harness.plan(KIND, Some(&state), Some(&spelled)).await;
    assert_eq!((&planned, replaced.len()), (&state, 0));
    // `on_conflict` says how is written; alone it writes nothing.
    let careless = schema([("on_conflict", text("overwrite"))]);
    harness.put(KIND, Some(&state), &careless).await.success().unwrap();
    assert_eq!(harness.daemon.changes.load(Ordering::SeqCst), changes);

    // Spelled otherwise by someone else, it is still no change, and the next update expects what is stored.
    harness.daemon.set_schema("demo/ports", ".*PORT", "{ \"minimum\": 1, \"type\": \"integer\" }");
    let state = harness.read(KIND, &state).await.success().unwrap();
    let (planned, _) = harness.plan(KIND, Some(&state), Some(&schema([]))).await;
    assert_eq!(planned, state);
    harness.put(KIND, Some(&state), &schema([("key_pattern", text("P"))])).await.success().unwrap();
}

#[tokio::test]
async fn another_project_or_name_is_another_schema() {
    let harness = Harness::new().await;
    let state = applied(&harness).await;
    for name in ["project", "name"] {
        let (planned, replaced) =
            harness.plan(KIND, Some(&state), Some(&schema([(name, text("other"))]))).await;
        assert_eq!(replaced, [name]);
        assert_ne!(planned["id"], state["id"]);
    }
}

#[tokio::test]
async fn changed_since_the_plan_stops_the_apply() {
    let harness = Harness::new().await;
    let state = applied(&harness).await;
    harness.daemon.set_schema("demo/ports", "PORT", PORT);
    let config = schema([("schema", text("true"))]);
    let outcome = harness.put(KIND, Some(&state), &config).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Variable schema was changed outside of this plan
    demo/ports was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      changed: key_pattern

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    assert_eq!(harness.daemon.schema("demo/ports").expect("it exists").schema, PORT);

    let careless = schema([("schema", text("true")), ("on_conflict", text("overwrite"))]);
    harness.put(KIND, Some(&state), &careless).await.success().unwrap();
    assert_eq!(harness.daemon.schema("demo/ports").expect("it exists").schema, "true");

    harness.daemon.drop_schema("demo/ports");
    let outcome = harness.put(KIND, Some(&state), &config).await;
    assert!(outcome.message().contains("Run `terraform plan` again"), "{outcome:?}");
}

#[tokio::test]
async fn what_exists_is_imported_or_taken_over() {
    let harness = Harness::new().await;
    harness.daemon.set_schema("demo/ports", "PORT", "true");
    let outcome = harness.put(KIND, None, &schema([])).await;
    assert!(outcome.message().contains("id = \"demo/ports\""), "{outcome:?}");
    let imported = harness.import(KIND, "demo/ports").await.success().unwrap();
    assert_eq!((&imported["key_pattern"], &imported["schema"]), (&text("PORT"), &text("true")));
    harness.put(KIND, None, &schema([("on_conflict", text("overwrite"))])).await.success().unwrap();
    assert_eq!(harness.daemon.schema("demo/ports").expect("it exists").schema, PORT);
    for bad in ["demo", "demo/ports/x", "demo/Ports"] {
        assert!(harness.import(KIND, bad).await.message().contains("import ID"), "{bad}");
    }
}

#[tokio::test]
async fn what_needs_no_validator_is_checked_without_the_daemon() {
    let harness = Harness::new().await;
    let render = async |name: &'static str, value: &str| {
        let diagnostics = harness.validate(KIND, &schema([(name, text(value))])).await;
        assert_eq!(diagnostics.len(), 1, "{name} = {value:?}: {diagnostics:?}");
        diagnostics[0].clone()
    };
    insta::assert_snapshot!(render("schema", "{").await, @r"
    Error at schema: Invalid schema
    schema is not valid JSON: EOF while parsing an object at line 1 column 1.
    ");
    insta::assert_snapshot!(render("schema", "[1]").await, @r#"
    Error at schema: Invalid schema
    schema must be a JSON object or a bool. Set it to a JSON Schema, such as jsonencode({ type = "string" }).
    "#);
    insta::assert_snapshot!(render("schema", &format!("\"{}\"", "x".repeat(70_000))).await, @"
    Error at schema: Invalid schema
    schema is 70002 bytes long, and at most 65536 bytes of UTF-8 are allowed.
    ");
    insta::assert_snapshot!(render("key_pattern", "(PORT").await, @"
    Error at key_pattern: Invalid key_pattern
    key_pattern is not a valid regular expression of Rust's regex crate: unclosed group at character 1.
    ");
    insta::assert_snapshot!(render("key_pattern", "(?=PORT)").await, @"
    Error at key_pattern: Invalid key_pattern
    key_pattern is not a valid regular expression of Rust's regex crate: look-around, including look-ahead and look-behind, is not supported at character 1.
    ");
    insta::assert_snapshot!(render("key_pattern", "").await, @"
    Error at key_pattern: Invalid key_pattern
    key_pattern is empty and would match no key. Set it to .* to match every key.
    ");
    insta::assert_snapshot!(render("key_pattern", &"x".repeat(1025)).await, @"
    Error at key_pattern: Invalid key_pattern
    key_pattern is 1025 bytes long, and at most 1024 bytes of UTF-8 are allowed.
    ");
    insta::assert_snapshot!(render("name", "Ports").await, @r#"
    Error at name: Invalid name
    name has 'P' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end.
    "#);
    assert_eq!(harness.validate(KIND, &schema([("schema", text("false"))])).await, Vec::<String>::new());
    assert_eq!(harness.validate(KIND, &schema([("schema", Value::Unknown)])).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_schema_that_a_new_object_took_over_outlives_the_old_one() {
    let overwrite = schema([("on_conflict", text("overwrite"))]);
    let harness = Harness::new().await;
    let old = harness.put(KIND, None, &overwrite).await.success().unwrap();
    // As with create_before_destroy, or where an address changes without `moved`.
    harness.configure([]).await;
    let new = harness.put(KIND, None, &overwrite).await.success().unwrap();
    assert_eq!(harness.delete(KIND, &old).await.success(), None);
    assert_eq!(harness.read(KIND, &new).await.success().as_ref(), Some(&new));

    // A new object that was refused took nothing over.
    harness.configure([]).await;
    harness.put(KIND, None, &schema([])).await.message();
    assert_eq!(harness.delete(KIND, &new).await.success(), None);
    assert_eq!(harness.daemon.schema("demo/ports"), None);
}
