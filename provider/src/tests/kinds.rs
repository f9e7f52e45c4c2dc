//! A key holds a plain value or a secret reference: each resource sees only its own kind, and reports the other.

use std::sync::atomic::Ordering;

use kontraktor_model::value::ValueType;
use kontraktor_proto::v1::AuditOperation;
use tfplugin_proto::value::Value;

use super::{Harness, fields, text};
use crate::framework::Fields;

const VARIABLE: &str = "kontraktor_variable";
const VARIABLES: &str = "kontraktor_variables";
const REFERENCE: &str = "kontraktor_secret_reference";
const URL: &str = "vault://team/secret/app/db#password";

fn dev<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut config = fields([("project", text("demo")), ("env", text("dev"))]);
    config.extend(fields(attributes));
    config
}

fn variable<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut config = dev([("key", text("A")), ("value", text("a"))]);
    config.extend(fields(attributes));
    config
}

fn reference<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut config = dev([("key", text("A")), ("reference", text(URL))]);
    config.extend(fields(attributes));
    config
}

fn overwrite() -> [(&'static str, Value); 1] {
    [("on_conflict", text("overwrite"))]
}

fn map<const N: usize>(entries: [(&str, &str); N]) -> Value {
    Value::object(entries.map(|(key, value)| (key, text(value))))
}

#[tokio::test]
async fn a_variable_does_not_take_a_reference_over_nor_a_reference_a_variable() {
    let harness = Harness::new().await;
    harness.daemon.refer("demo/dev/A", URL);
    let outcome = harness.put(VARIABLE, None, &variable([])).await;
    insta::assert_snapshot!(outcome.message(), @r#"
    Error at key: Key holds a secret reference
    demo/dev/A is a secret reference. Nothing was written: a key holds either a plain value or a secret reference, and a write never turns one into the other.

    To manage the secret reference with this configuration, import it (replace NAME with the resource's name):

    import {
      to = kontraktor_secret_reference.NAME
      id = "demo/dev/A"
    }

    To store a plain variable instead, delete the secret reference first, or choose another key. If another resource deletes it in this same apply, apply once more.
    "#);
    assert_eq!(outcome.state, None);
    let forced = harness.put(VARIABLE, None, &variable(overwrite())).await;
    assert_eq!(forced.diagnostics, outcome.diagnostics, "no on_conflict turns one into the other");
    assert_eq!(harness.daemon.reference("demo/dev/A").as_deref(), Some(URL));

    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    let outcome = harness.put(REFERENCE, None, &reference([])).await;
    insta::assert_snapshot!(outcome.message(), @r#"
    Error at key: Key holds a plain variable
    demo/dev/A is a plain variable. Nothing was written: a key holds either a plain value or a secret reference, and a write never turns one into the other.

    To manage the plain variable with this configuration, import it (replace NAME with the resource's name):

    import {
      to = kontraktor_variable.NAME
      id = "demo/dev/A"
    }

    To store a secret reference instead, delete the plain variable first, or choose another key. If another resource deletes it in this same apply, apply once more.
    "#);
    for on_conflict in ["fail", "overwrite"] {
        let protecting =
            reference([("on_conflict", text(on_conflict)), ("deletion_protection", true.into())]);
        assert_eq!(harness.put(REFERENCE, None, &protecting).await.diagnostics, outcome.diagnostics);
    }
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("theirs"));
}

#[tokio::test]
async fn what_became_the_other_kind_is_gone_and_a_change_of_it_is_refused() {
    let harness = Harness::new().await;
    let held = harness.put(VARIABLE, None, &variable([])).await.success().unwrap();
    harness.daemon.delete("demo/dev/A");
    harness.daemon.refer("demo/dev/A", URL);
    let outcome = harness.put(VARIABLE, Some(&held), &variable([("value", text("b"))])).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Variable was changed outside of this plan
    demo/dev/A was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      planned from: revision 1
      current:      revision 3

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    let mut forced = variable(overwrite());
    forced.insert("value".to_owned(), text("b"));
    let outcome = harness.put(VARIABLE, Some(&held), &forced).await;
    assert!(
        outcome
            .message()
            .starts_with("Error at key: Key holds a secret reference\ndemo/dev/A is a secret reference."),
        "{outcome:?}"
    );
    harness.configure([]).await;
    assert_eq!(harness.read(VARIABLE, &held).await.success(), None);

    let harness = Harness::new().await;
    let held = harness.put(REFERENCE, None, &reference([])).await.success().unwrap();
    harness.daemon.delete("demo/dev/A");
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    harness.configure([]).await;
    assert_eq!(harness.read(REFERENCE, &held).await.success(), None);
}

#[tokio::test]
async fn an_import_of_the_other_kind_says_what_it_is() {
    let harness = Harness::new().await;
    harness.daemon.refer("demo/dev/A", URL);
    harness.daemon.write("demo/dev/B", ValueType::String, "b");
    insta::assert_snapshot!(harness.import(VARIABLE, "demo/dev/A").await.message(), @r#"
    Error: Wrong resource type for import
    demo/dev/A is a secret reference, and kontraktor_variable manages plain variables. Import it with the matching resource (replace NAME with the resource's name):

    import {
      to = kontraktor_secret_reference.NAME
      id = "demo/dev/A"
    }
    "#);
    let outcome = harness.import(REFERENCE, "demo/dev/B").await;
    assert!(
        outcome
            .message()
            .starts_with("Error: Wrong resource type for import\ndemo/dev/B is a plain variable"),
        "{outcome:?}"
    );
    let outcome = harness.import(VARIABLES, "demo/dev:A,B,C").await;
    insta::assert_snapshot!(outcome.message(), @r"
    Error: Variables to import not found
    demo/dev has no plain variable for 2 keys of the import ID: A, C. Remove them from the import ID; the next apply creates the configured variables that were not imported.

    These keys hold secret references, which kontraktor_variables does not manage: A. Import each with kontraktor_secret_reference.
    ");
}

#[tokio::test]
async fn exclusive_ownership_ignores_references() {
    let harness = Harness::new().await;
    harness.daemon.refer("demo/dev/A", URL);
    harness.daemon.protect("demo/dev/A");
    let owned = dev([("variables", map([("B", "b")])), ("ownership", text("exclusive"))]);
    // References are nobody's whom it would have to import first.
    let created = harness.put(VARIABLES, None, &owned).await.success().unwrap();
    harness.configure([]).await;
    assert_eq!(harness.read(VARIABLES, &created).await.success(), Some(created.clone()), "no drift");
    let (planned, _) = harness.plan(VARIABLES, Some(&created), Some(&owned)).await;
    assert_eq!(planned, created);
    harness.configure([]).await;
    assert_eq!(harness.delete(VARIABLES, &created).await.success(), None);
    assert_eq!(harness.daemon.reference("demo/dev/A").as_deref(), Some(URL));

    // An import of all is of all plain variables.
    harness.daemon.write("demo/dev/C", ValueType::String, "c");
    for id in ["demo/dev", "demo/dev:*"] {
        harness.configure([]).await;
        let imported = harness.import(VARIABLES, id).await.success().unwrap();
        assert_eq!(imported["variables"], map([("C", "c")]), "{id}");
    }
}

#[tokio::test]
async fn bulk_variables_do_not_take_references_over() {
    let harness = Harness::new().await;
    harness.daemon.refer("demo/dev/A", URL);
    let wanted = dev([("variables", map([("A", "a"), ("B", "b")]))]);
    let refusal = harness.refused(VARIABLES, None, Some(&wanted)).await;
    insta::assert_snapshot!(refusal, @"
    Error: Keys hold secret references
    Nothing was written: a key holds either a plain value or a secret reference, and a write never turns one into the other. In demo/dev, this concerns 1 key: A.

    Remove it from this resource, and manage it with kontraktor_secret_reference. Or delete what is stored first; if another resource deletes it in this same apply, apply once more.

    If this stops `terraform destroy`, run `terraform destroy -refresh=false`: it skips the plan that fails, and deletes only the keys in the state.
    ");
    // Nothing is asked when overwriting is planned, and the write is refused as a whole.
    let mut forced = wanted.clone();
    forced.extend(fields(overwrite()));
    let outcome = harness.put(VARIABLES, None, &forced).await;
    assert!(outcome.message().starts_with("Error: Keys hold secret references\n"), "{outcome:?}");
    assert!(outcome.message().contains("In demo/dev, this concerns 1 key: A."), "{outcome:?}");
    assert_eq!(harness.daemon.value("demo/dev/B"), None);

    // A key that became a reference is not the resource's any more.
    let harness = Harness::new().await;
    let created = harness.put(VARIABLES, None, &wanted).await.success().unwrap();
    harness.daemon.delete("demo/dev/A");
    harness.daemon.refer("demo/dev/A", URL);
    harness.configure([]).await;
    let read = harness.read(VARIABLES, &created).await.success().unwrap();
    assert_eq!(read["variables"], map([("B", "b")]));
    let refusal = harness.refused(VARIABLES, Some(&read), Some(&wanted)).await;
    assert!(refusal.contains("In demo/dev, this concerns 1 key: A."), "{refusal}");
}

#[tokio::test]
async fn data_sources_show_plain_variables_and_references_apart() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "a");
    harness.daemon.refer("demo/dev/DB_PASSWORD", URL);
    harness.daemon.refer("demo/dev/TOKEN", "azure-kv://cloud/token");
    harness.daemon.keep_value(URL, "hunter2", "7");
    let read = async || harness.data("kontraktor_environment", &dev([])).await.success().unwrap();
    let before = read().await;
    for plain in ["variables", "types", "origins"] {
        assert_eq!(before[plain].as_map().unwrap().keys().collect::<Vec<_>>(), ["A"], "{plain}");
    }
    let never = |reference: &str, vault: &str| {
        Value::object([
            ("reference", text(reference)),
            ("vault", text(vault)),
            ("version", Value::Null),
            ("version_seen_time", Value::Null),
            ("origin", text("demo/dev")),
        ])
    };
    let token = never("azure-kv://cloud/token", "cloud");
    assert_eq!(
        before["secret_references"],
        Value::object([("DB_PASSWORD", never(URL, "team")), ("TOKEN", token.clone())])
    );

    // A version that was seen is shown at the next read, though no revision was made.
    let key = dev([("key", text("DB_PASSWORD"))]);
    harness.open("kontraktor_secret", &key).await.success();
    let after = read().await;
    assert_eq!(after["revision"], before["revision"]);
    let seen = after["secret_references"].get("DB_PASSWORD").unwrap();
    assert_eq!(seen.get("version"), Some(&text("7")));
    assert_eq!(seen.get("version_seen_time"), Some(&text("2023-11-14T22:13:20Z")));
    assert_eq!(after["secret_references"].get("TOKEN"), Some(&token));
    assert_eq!(harness.daemon.secrets.request(), 1, "no data source of these reads a secret");

    let outcome = harness.data(VARIABLE, &key).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error at key: Key holds a secret reference
    demo/dev/DB_PASSWORD has no value of its own, because it refers to vault://team/secret/app/db#password

    Read the secret with the ephemeral resource kontraktor_secret, or the reference with secret_references of data.kontraktor_environment.
    ");
}

#[tokio::test]
async fn a_difference_shows_references_apart_and_reads_no_secret() {
    let harness = Harness::new().await;
    for env in ["dev", "prod"] {
        harness.daemon.write(&format!("demo/{env}/SAME"), ValueType::String, "same");
        harness.daemon.refer(&format!("demo/{env}/SHARED"), URL);
    }
    let side =
        |env: &str| Value::object([("project", text("demo")), ("env", text(env)), ("at", Value::Null)]);
    let config = fields([("from", side("dev")), ("to", side("prod"))]);
    let read = async || harness.data("kontraktor_environment_diff", &config).await.success().unwrap();
    let empty = || Value::Map(Fields::new());
    let same = read().await;
    assert_eq!((&same["identical"], &same["changed"]), (&true.into(), &empty()));
    for part in ["added", "removed", "changed", "rotated"] {
        assert_eq!(same["secret_references"].get(part), Some(&empty()), "{part}");
    }

    harness.daemon.refer("demo/dev/OLD", "azure-kv://cloud/old");
    harness.daemon.refer("demo/prod/NEW", "azure-kv://cloud/new");
    harness.daemon.refer("demo/dev/MOVED", "azure-kv://cloud/dev");
    harness.daemon.refer("demo/prod/MOVED", "azure-kv://cloud/prod");
    harness.daemon.write("demo/dev/KIND", ValueType::String, "plain");
    harness.daemon.refer("demo/prod/KIND", "azure-kv://cloud/kind");
    let diff = read().await;
    assert_eq!((&diff["added"], &diff["removed"]), (&empty(), &map([("KIND", "plain")])));
    assert_eq!((&diff["changed"], &diff["identical"]), (&empty(), &false.into()));
    let references = &diff["secret_references"];
    assert_eq!(
        references.get("added"),
        Some(&map([("KIND", "azure-kv://cloud/kind"), ("NEW", "azure-kv://cloud/new")]))
    );
    assert_eq!(references.get("removed"), Some(&map([("OLD", "azure-kv://cloud/old")])));
    let moved = Value::object([
        ("from", text("azure-kv://cloud/dev")),
        ("to", text("azure-kv://cloud/prod")),
        ("what", Value::List(vec![text("reference")])),
    ]);
    assert_eq!(references.get("changed"), Some(&Value::object([("MOVED", moved)])));
    assert_eq!((references.get("rotated"), harness.daemon.secrets.request()), (Some(&empty()), 0));
}

#[tokio::test]
async fn a_rotation_shows_between_two_points_in_time_and_is_no_difference() {
    let harness = Harness::new().await;
    harness.daemon.refer("demo/dev/DB_PASSWORD", URL);
    let key = dev([("key", text("DB_PASSWORD"))]);
    harness.daemon.keep_value(URL, "hunter2", "7");
    harness.open("kontraktor_secret", &key).await.success();
    harness.daemon.keep("demo/dev");
    harness.daemon.keep_value(URL, "hunter3", "8");
    harness.open("kontraktor_secret", &key).await.success();
    let from = Value::object([("project", text("demo")), ("env", text("dev")), ("at", text("1"))]);
    let diff =
        harness.data("kontraktor_environment_diff", &fields([("from", from)])).await.success().unwrap();
    let rotated = Value::object([("from", text("7")), ("to", text("8"))]);
    assert_eq!(diff["secret_references"].get("rotated"), Some(&Value::object([("DB_PASSWORD", rotated)])));
    assert_eq!(diff["identical"], true.into());
}

#[tokio::test]
async fn a_history_distinguishes_references_from_values_and_counts_only_writes() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "a");
    harness.daemon.log("demo/dev/A", AuditOperation::VariableCreated, Some("a"));
    harness.daemon.log("demo/dev/A", AuditOperation::VariableDeleted, None);
    harness.daemon.log_reference("demo/dev/A", AuditOperation::VariableCreated, Some(URL));
    for _ in 0..3 {
        harness.daemon.log_reference("demo/dev/A", AuditOperation::SecretVersion, None);
    }
    let read = async |limit: u64| {
        let config = dev([("key", text("A")), ("limit", limit.into())]);
        harness.data("kontraktor_variable_history", &config).await.success().unwrap()
    };
    let state = read(2).await;
    let entries = state["entries"].as_list().unwrap();
    let diagnostics: Vec<_> = entries
        .iter()
        .map(|entry| (entry.get("operation"), entry.get("value"), entry.get("reference")))
        .collect();
    assert_eq!(
        diagnostics,
        [
            (Some(&text("created")), Some(&Value::Null), Some(&text(URL))),
            (Some(&text("deleted")), Some(&Value::Null), Some(&Value::Null)),
        ]
    );
    assert_eq!((&state["exists"], &state["reference"]), (&true.into(), &text(URL)));
    assert_eq!((&state["value"], &state["type"]), (&Value::Null, &Value::Null));
    assert_eq!(read(100).await["entries"].as_list().unwrap().len(), 3);
    assert_eq!(harness.daemon.writes.load(Ordering::SeqCst), 0);
}
