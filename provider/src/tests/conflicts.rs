//! `on_conflict`: changes outside of the plan.

use std::sync::atomic::Ordering;

use kontraktor_model::value::ValueType;
use kontraktor_proto::v1;
use tfplugin_proto::value::Value;

use super::{Harness, fields, text};
use crate::framework::Fields;

const PROJECT: &str = "kontraktor_project";
const ENVIRONMENT: &str = "kontraktor_environment";
const VARIABLE: &str = "kontraktor_variable";

fn variable<const N: usize>(value: &str, attributes: [(&str, Value); N]) -> Fields {
    let mut variable =
        fields([("project", text("demo")), ("env", text("dev")), ("key", text("A")), ("value", text(value))]);
    variable.extend(fields(attributes));
    variable
}

fn overwrite() -> [(&'static str, Value); 1] {
    [("on_conflict", text("overwrite"))]
}

#[tokio::test]
async fn overwrite_takes_a_key_over_changes_and_deletes_it_in_any_case() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    let created = harness.put(VARIABLE, None, &variable("ours", overwrite())).await.success().unwrap();
    assert_eq!(
        (harness.daemon.value("demo/dev/A").as_deref(), &created["revision"]),
        (Some("ours"), &2_u64.into())
    );

    harness.daemon.write("demo/dev/A", ValueType::String, "theirs again");
    let changed =
        harness.put(VARIABLE, Some(&created), &variable("ours again", overwrite())).await.success().unwrap();
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("ours again"));
    assert_eq!(changed["revision"], 4_u64.into());

    harness.daemon.delete("demo/dev/A");
    let revived =
        harness.put(VARIABLE, Some(&changed), &variable("back", overwrite())).await.success().unwrap();
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("back"));

    harness.configure([]).await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs at last");
    assert_eq!(harness.delete(VARIABLE, &revived).await.success(), None);
    assert_eq!(harness.daemon.value("demo/dev/A"), None);
}

#[tokio::test]
async fn what_a_new_object_took_over_outlives_the_old_one() {
    let harness = Harness::new().await;
    let project = fields([("name", text("demo")), ("on_conflict", text("overwrite"))]);
    let environment =
        fields([("project", text("demo")), ("env", text("dev")), ("on_conflict", text("overwrite"))]);
    let configs = [(PROJECT, project), (ENVIRONMENT, environment), (VARIABLE, variable("same", overwrite()))];
    // As with create_before_destroy, or where an address changes without `moved`.
    for (kind, config) in &configs {
        let old = harness.put(kind, None, config).await.success().unwrap();
        harness.configure([]).await;
        let new = harness.put(kind, None, config).await.success().unwrap();
        assert_eq!(harness.delete(kind, &old).await.success(), None);
        assert_eq!(harness.read(kind, &new).await.success().as_ref(), Some(&new), "{kind}");
    }
    // The next walk deletes it.
    harness.configure([]).await;
    for (kind, config) in configs.iter().rev() {
        let new = harness.put(kind, None, config).await.success().unwrap();
        harness.configure([]).await;
        assert_eq!(harness.delete(kind, &new).await.success(), None);
        assert_eq!(harness.read(kind, &new).await.success(), None, "{kind}");
    }
}

#[tokio::test]
async fn an_overwrite_that_is_refused_takes_nothing_over() {
    let harness = Harness::new().await;
    let old = harness.put(VARIABLE, None, &variable("1", [])).await.success().unwrap();
    harness.configure([]).await;
    let typed = variable("x", [("on_conflict", text("overwrite")), ("type", text("number"))]);
    let before = harness.daemon.writes.load(Ordering::SeqCst);
    harness.apply(VARIABLE, None, Some(&typed)).await.message();
    assert!(harness.daemon.writes.load(Ordering::SeqCst) > before, "the daemon refused it");
    assert_eq!(harness.delete(VARIABLE, &old).await.success(), None);
    assert_eq!(harness.daemon.value("demo/dev/A"), None);
}

#[tokio::test]
async fn the_providers_on_conflict_counts_where_the_resource_has_none() {
    let harness = Harness::with(overwrite()).await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    let refused = harness.put(VARIABLE, None, &variable("ours", [("on_conflict", text("fail"))])).await;
    assert!(refused.message().starts_with("Error: Resource already exists\n"), "{:?}", refused.diagnostics);
    assert!(refused.message().contains("To manage demo/dev/A "), "{:?}", refused.diagnostics);
    let created = harness.put(VARIABLE, None, &variable("ours", [])).await.success().unwrap();
    assert_eq!(created["on_conflict"], Value::Null);
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("ours"));
}

#[tokio::test]
async fn changing_only_on_conflict_or_force_destroy_writes_nothing() {
    let harness = Harness::new().await;
    let environment = fields([("project", text("demo")), ("env", text("dev")), ("description", text("d"))]);
    let project = fields([("name", text("demo")), ("description", text("d"))]);
    for (kind, mut config) in [(PROJECT, project), (ENVIRONMENT, environment), (VARIABLE, variable("a", []))]
    {
        let created = harness.put(kind, None, &config).await.success().unwrap();
        let requests =
            || (harness.daemon.writes.load(Ordering::SeqCst), harness.daemon.changes.load(Ordering::SeqCst));
        let before = requests();
        config.extend(fields(overwrite()));
        if kind != VARIABLE {
            config.insert("force_destroy".to_owned(), true.into());
        }
        let (planned, replaced) = harness.plan(kind, Some(&created), Some(&config)).await;
        assert!(planned.values().all(Value::is_wholly_known), "{kind}: nothing is written that could change");
        assert_eq!(replaced, [""; 0]);
        let changed = harness.put(kind, Some(&created), &config).await.success().unwrap();
        assert_eq!((requests(), &changed["on_conflict"]), (before, &text("overwrite")), "{kind}");
        assert_eq!(harness.read(kind, &changed).await.success(), Some(changed), "{kind}");
    }
}

#[tokio::test]
async fn only_fail_and_overwrite_are_known() {
    let harness = Harness::new().await;
    for (on_conflict, expected) in [
        (text("fail"), None),
        (text("overwrite"), None),
        (Value::Unknown, None),
        (
            text("Fail"),
            Some(
                "Error at on_conflict: Invalid on_conflict\non_conflict must be \"fail\" or \"overwrite\"."
                    .to_owned(),
            ),
        ),
    ] {
        let diagnostics = harness.validate(VARIABLE, &variable("a", [("on_conflict", on_conflict)])).await;
        assert_eq!(diagnostics, expected.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn settings_that_someone_else_changed_are_named() {
    let harness = Harness::new().await;
    let config = |description: &str| {
        fields([("project", text("demo")), ("env", text("dev")), ("description", text(description))])
    };
    let created = harness.put(ENVIRONMENT, None, &config("one")).await.success().unwrap();
    let theirs =
        v1::UpdateEnvironmentRequest { description: Some("theirs".to_owned()), ..Default::default() };
    harness.daemon.change_environment("demo/dev", theirs);
    let outcome = harness.put(ENVIRONMENT, Some(&created), &config("two")).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Environment was changed outside of this plan
    demo/dev was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      changed: description

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    assert_eq!(outcome.state.as_ref(), Some(&created));
    let mut forced = config("two");
    forced.extend(fields(overwrite()));
    harness.put(ENVIRONMENT, Some(&created), &forced).await.success();
    assert_eq!(harness.daemon.environment("demo/dev").unwrap().description, "two");

    let config = |description: &str| fields([("name", text("demo")), ("description", text(description))]);
    let created = harness.put(PROJECT, None, &config("one")).await.success().unwrap();
    harness.daemon.change_project(v1::UpdateProjectRequest {
        name: "demo".to_owned(),
        deletion_protection: Some(true),
        ..Default::default()
    });
    let outcome = harness.put(PROJECT, Some(&created), &config("two")).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Project was changed outside of this plan
    demo was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      changed: deletion_protection

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    assert_eq!(harness.daemon.project("demo").unwrap().description, "one");
}

#[tokio::test]
async fn overwrite_takes_projects_and_environments_over() {
    let harness = Harness::new().await;
    for (kind, mut config) in [
        (PROJECT, fields([("name", text("demo"))])),
        (ENVIRONMENT, fields([("project", text("demo")), ("env", text("dev"))])),
    ] {
        harness.put(kind, None, &config).await.success();
        config.extend(fields(overwrite()));
        config.insert("description".to_owned(), text("ours"));
        // Left out, and said.
        let (planned, _) = harness.plan(kind, None, Some(&config)).await;
        assert_eq!(planned["deletion_protection"], Value::Unknown, "it may exist, and be protected");
        let adopted = harness.put(kind, None, &config).await.success().unwrap();
        assert_eq!(adopted["deletion_protection"], false.into());
        config.insert("deletion_protection".to_owned(), true.into());
        let adopted = harness.put(kind, None, &config).await.success().unwrap();
        assert_eq!(harness.read(kind, &adopted).await.success(), Some(adopted), "{kind}");
    }
    assert_eq!(harness.daemon.project("demo").unwrap().description, "ours");
    assert!(harness.daemon.environment("demo/dev").unwrap().deletion_protection);
}
