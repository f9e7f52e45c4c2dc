//! `kontraktor_variable` through the calls of a host.

use kontraktor_model::value::ValueType;
use tfplugin_proto::value::Value;

use super::{Harness, fields, text};
use crate::framework::Fields;

const VARIABLE: &str = "kontraktor_variable";

fn variable<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut variable = fields([("project", text("demo")), ("env", text("dev")), ("key", text("A"))]);
    variable.extend(fields(attributes));
    variable
}

fn number(value: &str) -> Fields {
    variable([("value", text(value)), ("type", text("number"))])
}

#[tokio::test]
async fn a_variable_keeps_its_authors_spelling_from_create_to_delete() {
    let harness = Harness::new().await;
    let created = harness.put(VARIABLE, None, &number("1.50")).await.success().unwrap();
    assert_eq!((&created["value"], &created["id"]), (&text("1.50"), &text("demo/dev/A")));
    assert_eq!((&created["revision"], &created["description"]), (&Value::from(1_u64), &Value::Null));
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("1.5"));

    assert_eq!(harness.read(VARIABLE, &created).await.success(), Some(created.clone()));
    for same in ["1.50", "1.5", "15e-1"] {
        let (planned, replaced) = harness.plan(VARIABLE, Some(&created), Some(&number(same))).await;
        assert_eq!((planned, replaced.len()), (created.clone(), 0), "{same}");
    }

    let (planned, replaced) = harness.plan(VARIABLE, Some(&created), Some(&number("2"))).await;
    assert_eq!((&planned["revision"], replaced.len()), (&Value::Unknown, 0));
    let changed = harness.apply(VARIABLE, Some(&created), Some(&planned)).await.success().unwrap();
    assert_eq!((&changed["revision"], &changed["value"]), (&Value::from(2_u64), &text("2")));

    assert_eq!(harness.delete(VARIABLE, &changed).await.success(), None);
    assert_eq!(harness.daemon.value("demo/dev/A"), None);
}

#[tokio::test]
async fn drift_is_what_means_something_else() {
    let harness = Harness::new().await;
    let created = harness.put(VARIABLE, None, &number("1.50")).await.success().unwrap();
    let read = async || {
        // A walk of its own.
        harness.configure([]).await;
        harness.read(VARIABLE, &created).await.success()
    };
    // Another key's write is no drift, nor is the same value written again in another spelling.
    harness.daemon.write("demo/dev/B", ValueType::String, "b");
    assert_eq!(read().await, Some(created.clone()));
    harness.daemon.write("demo/dev/A", ValueType::Number, "15e-1");
    let rewritten = read().await.unwrap();
    assert_eq!((&rewritten["value"], &rewritten["revision"]), (&text("1.50"), &Value::from(3_u64)));

    harness.daemon.write("demo/dev/A", ValueType::String, "1.5");
    let retyped = read().await.unwrap();
    assert_eq!((&retyped["value"], &retyped["type"]), (&text("1.5"), &text("string")));
    harness.daemon.delete("demo/dev/A");
    assert_eq!(read().await, None);
}

#[tokio::test]
async fn a_plan_is_unknown_only_where_it_must_be() {
    let harness = Harness::new().await;
    let created = harness.put(VARIABLE, None, &number("1")).await.success().unwrap();
    for (config, revision, replaced) in [
        (variable([("value", text("1"))]), Value::Unknown, vec![]),
        (variable([("value", Value::Unknown), ("type", text("number"))]), Value::Unknown, vec![]),
        (
            variable([("value", text("1")), ("type", text("number")), ("description", text(""))]),
            Value::from(1_u64),
            vec![],
        ),
        (
            variable([("value", text("1")), ("type", text("number")), ("description", text("x"))]),
            Value::Unknown,
            vec![],
        ),
        (
            variable([("value", text("1")), ("type", text("number")), ("key", text("B"))]),
            Value::Unknown,
            vec!["key"],
        ),
        (
            variable([("value", text("1")), ("type", text("number")), ("project", Value::Unknown)]),
            Value::Unknown,
            vec!["project"],
        ),
    ] {
        let (planned, paths) = harness.plan(VARIABLE, Some(&created), Some(&config)).await;
        assert_eq!(
            (&planned["revision"], paths),
            (&revision, replaced.iter().map(ToString::to_string).collect())
        );
    }
    let config = variable([("value", text("1")), ("env", Value::Unknown)]);
    let (planned, _) = harness.plan(VARIABLE, None, Some(&config)).await;
    assert_eq!((&planned["id"], &planned["type"]), (&Value::Unknown, &text("string")));
}

#[tokio::test]
async fn an_update_of_the_spelling_of_nothing_writes_nothing() {
    let harness = Harness::new().await;
    let created = harness.put(VARIABLE, None, &number("1")).await.success().unwrap();
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    let config = variable([("value", text("1")), ("type", text("number")), ("description", text(""))]);
    let updated = harness.put(VARIABLE, Some(&created), &config).await.success().unwrap();
    assert_eq!((&updated["description"], &updated["revision"]), (&text(""), &Value::from(1_u64)));
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("theirs"));
}

#[tokio::test]
async fn a_key_that_exists_is_to_be_imported() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    let outcome = harness.put(VARIABLE, None, &number("1")).await;
    insta::assert_snapshot!(outcome.message(), @r#"
    Error: Resource already exists
    The key exists already.

    To manage demo/dev/A with this configuration, import it (replace NAME with the resource's name):

    import {
      to = kontraktor_variable.NAME
      id = "demo/dev/A"
    }

    To take it over as it is configured here, set on_conflict = "overwrite". After an apply that was interrupted, many objects can exist that the state does not hold: set on_conflict = "overwrite" in the provider block for one apply to take over all of them. If this resource itself is being replaced, remove create_before_destroy: its name is unique, so the old object must be destroyed first.
    "#);
    assert_eq!(outcome.state, None);
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("theirs"));
}

#[tokio::test]
async fn someone_elses_change_is_not_overwritten() {
    let harness = Harness::new().await;
    let created = harness.put(VARIABLE, None, &number("1")).await.success().unwrap();
    harness.daemon.write("demo/dev/A", ValueType::String, &"theirs ".repeat(100));
    let outcome = harness.put(VARIABLE, Some(&created), &number("2")).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Variable was changed outside of this plan
    demo/dev/A was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      planned from: revision 1
      current:      revision 2

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    assert_eq!(outcome.state.as_ref(), Some(&created));
    let outcome = harness.delete(VARIABLE, &created).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Variable was changed outside of this plan
    demo/dev/A was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      planned from: revision 1
      current:      revision 2

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    assert_eq!(outcome.state.as_ref(), Some(&created));

    harness.daemon.delete("demo/dev/A");
    let config = variable([("value", text("2")), ("type", text("number")), ("description", text("two"))]);
    let outcome = harness.put(VARIABLE, Some(&created), &config).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Variable was deleted outside of this plan
    demo/dev/A was deleted after the plan was made. Nothing was written.

      planned from: revision 1

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    // What is gone need not be deleted.
    assert_eq!(harness.delete(VARIABLE, &created).await.success(), None);
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_keeps_the_object() {
    let harness = Harness::new().await;
    harness.daemon.set_mute(true);
    let outcome = harness.put(VARIABLE, None, &number("1.50")).await;
    let message = outcome.message().replace(&harness.host(), "HOST");
    insta::assert_snapshot!(message, @"
    Error: Outcome of the write is unknown
    The provider tried to create variable demo/dev/A. The outcome of WriteVariables is unknown: it was sent to kontraktord at HOST, and no response came back (deadline exceeded).

    The state keeps the object as it was planned, marked as tainted. Run `terraform plan` again: if the write did not happen, it plans to create the object; if it did, it plans to replace the object. Run `terraform untaint ADDRESS` to keep the object as it is.
    ");
    let kept = outcome.state.expect("it may exist");
    assert_eq!((&kept["value"], &kept["revision"]), (&text("1.50"), &Value::Null));

    // A read tells what became of it.
    harness.daemon.set_mute(false);
    let read = harness.read(VARIABLE, &kept).await.success().unwrap();
    assert_eq!((&read["value"], &read["revision"]), (&text("1.50"), &Value::from(1_u64)));
    // Without one, the state promises nothing, so the tainted object can still be replaced.
    assert_eq!(harness.delete(VARIABLE, &kept).await.success(), None);
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_keeps_the_state() {
    let harness = Harness::new().await;
    let created = harness.put(VARIABLE, None, &number("1")).await.success().unwrap();
    harness.daemon.set_mute(true);
    let outcome = harness.put(VARIABLE, Some(&created), &number("2")).await;
    assert!(
        outcome.message().starts_with("Error: Outcome of the write is unknown\n"),
        "{:?}",
        outcome.diagnostics
    );
    assert_eq!(outcome.state.as_ref(), Some(&created));
    let outcome = harness.delete(VARIABLE, &created).await;
    assert!(
        outcome.message().starts_with("Error: Outcome of the write is unknown\n"),
        "{:?}",
        outcome.diagnostics
    );
    assert_eq!(outcome.state, Some(created));
}

#[tokio::test]
async fn create_missing_can_be_switched_off() {
    let harness = Harness::with([("create_missing", Value::from(false))]).await;
    let outcome = harness.put(VARIABLE, None, &number("1")).await;
    insta::assert_snapshot!(outcome.message(), @r#"
    Error: Failed to create variable demo/dev/A
    There is no project "demo".

    Create the project and environment first with kontraktor_project and kontraktor_environment, or set create_missing = true in the provider block.
    "#);
    assert_eq!(outcome.state, None);
}

#[tokio::test]
async fn an_imported_variable_needs_no_change() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::Json, r#"{"b": 1.0, "a": [2]}"#);
    let imported = harness.import(VARIABLE, "demo/dev/A").await.success().unwrap();
    assert_eq!((&imported["value"], &imported["type"]), (&text(r#"{"a":[2],"b":1}"#), &text("json")));
    let config = variable([("value", text(r#"{"b":1,"a":[2.0]}"#)), ("type", text("json"))]);
    let (planned, replaced) = harness.plan(VARIABLE, Some(&imported), Some(&config)).await;
    assert_eq!((planned, replaced.len()), (imported, 0));

    assert_eq!(harness.import(VARIABLE, "demo/dev/Z").await.success(), None);
    for (id, expected) in [
        ("demo/dev", "The import ID"),
        ("demo/dev/A/B", "The import ID"),
        ("Demo/dev/A", "In the import ID"),
        ("demo/dev/9", "In the import ID"),
    ] {
        let outcome = harness.import(VARIABLE, id).await;
        let expected = format!("Error: Invalid import ID\n{expected} ");
        assert!(outcome.message().starts_with(&expected), "{id}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_found_without_the_daemon() {
    let harness = Harness::new().await;
    let long = "x".repeat(65_537);
    for (config, expected) in [
        (variable([("value", text("x"))]), None),
        (variable([("value", text(""))]), None),
        (variable([("value", Value::Unknown), ("type", text("number"))]), None),
        (variable([("value", text("ten")), ("type", Value::Unknown)]), None),
        (variable([("value", text("ten")), ("type", text("number"))]), Some("Error at value: Invalid value")),
        (variable([("value", text("True")), ("type", text("bool"))]), Some("Error at value: Invalid value")),
        (variable([("value", text("{")), ("type", text("json"))]), Some("Error at value: Invalid value")),
        (variable([("value", text(&long))]), Some("Error at value: Invalid value")),
        (variable([("value", text(&long)), ("type", Value::Unknown)]), Some("Error at value: Invalid value")),
        (variable([("value", text("a\0b"))]), Some("Error at value: Invalid value")),
        (variable([("value", text("x")), ("type", text("text"))]), Some("Error at type: Invalid type")),
        (variable([("value", text("x")), ("key", text("9"))]), Some("Error at key: Invalid key")),
        (variable([("value", text("x")), ("env", text("Dev"))]), Some("Error at env: Invalid env")),
        (variable([("value", text("x")), ("project", text(""))]), Some("Error at project: Invalid project")),
        (
            variable([("value", text("x")), ("description", text(&"d".repeat(1_025)))]),
            Some("Error at description: Invalid description"),
        ),
    ] {
        let diagnostics = harness.validate(VARIABLE, &config).await;
        let first: Vec<_> = diagnostics.iter().filter_map(|message| message.lines().next()).collect();
        assert_eq!(first, expected.into_iter().collect::<Vec<_>>(), "{:?}", config.keys());
    }
    assert_eq!(harness.daemon.request(), 0);
}
