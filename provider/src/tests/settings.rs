//! `imports` of an environment through the calls of a host.

use kontraktor_model::value::ValueType;
use kontraktor_proto::v1;
use tfplugin_proto::value::Value;

use super::{Harness, fields, text};
use crate::framework::Fields;

const ENVIRONMENT: &str = "kontraktor_environment";

fn list<const N: usize>(items: [&str; N]) -> Value {
    Value::List(items.into_iter().map(Value::from).collect())
}

fn environment(env: &str, imports: Value) -> Fields {
    fields([("project", text("demo")), ("env", text(env)), ("imports", imports)])
}

async fn with_bases() -> Harness {
    let harness = Harness::new().await;
    for base in ["base", "more"] {
        harness.put(ENVIRONMENT, None, &environment(base, Value::Null)).await.success();
    }
    harness
}

#[tokio::test]
async fn imports_are_kept_in_order_and_their_drift_shows() {
    let harness = with_bases().await;
    let config = environment("dev", list(["demo/more", "demo/base"]));
    let created = harness.put(ENVIRONMENT, None, &config).await.success().unwrap();
    assert_eq!(harness.read(ENVIRONMENT, &created).await.success(), Some(created.clone()));
    let stored = harness.daemon.environment("demo/dev").unwrap().imports;
    assert_eq!(stored.iter().map(|name| name.env.as_str()).collect::<Vec<_>>(), ["more", "base"]);

    // The order is part of it.
    let turned = environment("dev", list(["demo/base", "demo/more"]));
    let (planned, _) = harness.plan(ENVIRONMENT, Some(&created), Some(&turned)).await;
    assert_eq!(planned["imports"], turned["imports"]);
    let changed = harness.put(ENVIRONMENT, Some(&created), &turned).await.success().unwrap();

    let theirs =
        v1::UpdateEnvironmentRequest { imports: Some(v1::ImportList::default()), ..Default::default() };
    harness.daemon.change_environment("demo/dev", theirs);
    let outcome = harness.put(ENVIRONMENT, Some(&changed), &config).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Environment was changed outside of this plan
    demo/dev was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      changed: imports

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    let read = harness.read(ENVIRONMENT, &changed).await.success().unwrap();
    assert_eq!(read["imports"], list([]));
    let imported = harness.import(ENVIRONMENT, "demo/dev").await.success().unwrap();
    assert_eq!(imported["imports"], Value::Null);
}

#[tokio::test]
async fn no_imports_and_an_empty_list_are_the_same() {
    let harness = Harness::new().await;
    for (one, other) in [(Value::Null, list([])), (list([]), Value::Null)] {
        let created = harness.put(ENVIRONMENT, None, &environment("dev", one)).await.success().unwrap();
        assert_eq!(harness.read(ENVIRONMENT, &created).await.success(), Some(created.clone()));
        let before = harness.daemon.environment("demo/dev").unwrap().revision;
        harness.put(ENVIRONMENT, Some(&created), &environment("dev", other)).await.success();
        assert_eq!(harness.daemon.environment("demo/dev").unwrap().revision, before, "nothing was written");
        harness.delete(ENVIRONMENT, &created).await.success();
    }
}

#[tokio::test]
async fn imports_that_cannot_be_are_found_without_the_daemon() {
    let harness = Harness::new().await;
    let many: Vec<Value> = (0..65).map(|n| Value::from(format!("demo/e{n}"))).collect();
    for (imports, expected) in [
        (list(["demo/base"]), vec![]),
        (Value::Unknown, vec![]),
        (Value::List(vec![Value::Unknown, text("demo/base"), Value::Unknown]), vec![]),
        (
            list(["demo/base", "base", "demo/Base"]),
            vec![
                "Error at imports[1]: Invalid imports\nenvironment is not of the form PROJECT/ENV; write the project's \
                 name, one slash and the environment's name, as in infra-demo/dev.",
                "Error at imports[2]: Invalid imports\nenv has 'B' at character 1; use 1 to 63 characters of a-z, 0-9 \
                 and \"-\", with a letter or a digit at the beginning and at the end.",
            ],
        ),
        (
            list(["demo/base", "demo/base"]),
            vec![
                "Error at imports[1]: Invalid imports\ndemo/base is imported twice, as element 0 and as element 1. \
                 Remove one of them; later imports take precedence over earlier ones.",
            ],
        ),
        (
            list(["demo/dev"]),
            vec!["Error at imports[0]: Invalid imports\ndemo/dev cannot import itself. Remove this element."],
        ),
        (
            Value::List(vec![Value::Null]),
            vec![
                "Error at imports[0]: Invalid imports\nAn element is null. Set it to project/env, or remove it.",
            ],
        ),
        (
            Value::List(many),
            vec![
                "Error at imports: Invalid imports\nimports has 65 elements, and at most 64 are allowed. Move some of them to \
                 another environment, and import that one.",
            ],
        ),
    ] {
        let diagnostics = harness.validate(ENVIRONMENT, &environment("dev", imports)).await;
        assert_eq!(diagnostics, expected);
    }
}

#[tokio::test]
async fn an_import_that_does_not_exist_is_no_environment_that_is_gone() {
    let harness = with_bases().await;
    let outcome = harness.put(ENVIRONMENT, None, &environment("dev", list(["demo/none"]))).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error at imports: Failed to create environment demo/dev
    There is no environment demo/none.
    ");
    assert_eq!(outcome.state, None);
    let created =
        harness.put(ENVIRONMENT, None, &environment("dev", list(["demo/base"]))).await.success().unwrap();
    let outcome = harness.put(ENVIRONMENT, Some(&created), &environment("dev", list(["demo/none"]))).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error at imports: Failed to update environment demo/dev
    There is no environment demo/none.
    ");
    // Also where an existing environment is taken over.
    let mut overwrite = environment("dev", list(["demo/none"]));
    overwrite.insert("on_conflict".to_owned(), text("overwrite"));
    let outcome = harness.put(ENVIRONMENT, None, &overwrite).await;
    assert!(
        outcome.message().starts_with("Error at imports: Failed to create environment demo/dev\n"),
        "{:?}",
        outcome.diagnostics
    );
}

#[tokio::test]
async fn an_implicit_successor_is_another_object() {
    let harness = Harness::new().await;
    let project = fields([("name", text("demo"))]);
    let created = harness.put("kontraktor_project", None, &project).await.success().unwrap();
    assert_eq!(harness.delete("kontraktor_project", &created).await.success(), None);
    harness.daemon.write("demo/dev/A", ValueType::String, "a");
    assert_eq!(harness.read("kontraktor_project", &created).await.success(), None);
    let environment = fields([("project", text("demo")), ("env", text("dev"))]);
    let mut held = environment.clone();
    held.extend(fields([("id", text("demo/dev")), ("deletion_protection", false.into())]));
    assert_eq!(harness.read(ENVIRONMENT, &held).await.success(), None);
    // It is adopted.
    let adopted = harness.put(ENVIRONMENT, None, &environment).await.success().unwrap();
    assert!(harness.read(ENVIRONMENT, &adopted).await.success().is_some());
    // An imported one may be implicit.
    assert!(harness.import("kontraktor_project", "demo").await.success().is_some());
}

#[tokio::test]
async fn an_explicit_successor_is_the_same_object_with_other_settings() {
    let harness = Harness::new().await;
    let project = fields([("name", text("demo")), ("description", text("mine"))]);
    let created = harness.put("kontraktor_project", None, &project).await.success().unwrap();
    assert_eq!(harness.delete("kontraktor_project", &created).await.success(), None);
    let theirs = fields([("name", text("demo")), ("description", text("theirs"))]);
    harness.put("kontraktor_project", None, &theirs).await.success().unwrap();
    let read = harness.read("kontraktor_project", &created).await.success().unwrap();
    assert_eq!((read.get("id"), read.get("description")), (Some(&text("demo")), Some(&text("theirs"))));
}
