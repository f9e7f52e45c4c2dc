//! `kontraktor_project` and `kontraktor_environment` through the calls of a host.

use kontraktor_model::value::ValueType;
use tfplugin_proto::value::{Type, Value};

use super::{Harness, fields, text};
use crate::{
    Kontraktor, Settings, data_sources,
    framework::{DataSource, Fields, Model as _, Provider as _, Resource},
    resources,
    session::Session,
};

const PROJECT: &str = "kontraktor_project";
const ENVIRONMENT: &str = "kontraktor_environment";

/// Kind, configuration, id, and an attribute that identifies.
fn kinds() -> [(&'static str, Fields, &'static str, &'static str); 2] {
    [
        (PROJECT, fields([("name", text("demo"))]), "demo", "name"),
        (ENVIRONMENT, fields([("project", text("demo")), ("env", text("dev"))]), "demo/dev", "env"),
    ]
}

#[tokio::test]
async fn they_live_and_die() {
    for (kind, mut config, id, identity) in kinds() {
        let harness = Harness::new().await;
        let created = harness.put(kind, None, &config).await.success().unwrap();
        assert_eq!((&created["id"], &created["description"]), (&text(id), &Value::Null));
        assert_eq!(harness.read(kind, &created).await.success(), Some(created.clone()));

        config.insert("description".to_owned(), text("for tests"));
        let changed = harness.put(kind, Some(&created), &config).await.success().unwrap();
        assert_eq!(harness.read(kind, &changed).await.success(), Some(changed.clone()));
        let imported = harness.import(kind, id).await.success().unwrap();
        assert_eq!(imported, changed);

        config.insert(identity.to_owned(), text("other"));
        let (_, replaced) = harness.plan(kind, Some(&changed), Some(&config)).await;
        assert_eq!(replaced, [identity]);

        assert_eq!(harness.delete(kind, &changed).await.success(), None);
        assert_eq!(harness.read(kind, &changed).await.success(), None);
        assert_eq!(harness.delete(kind, &changed).await.success(), None, "gone already");
    }
}

#[tokio::test]
async fn what_was_deleted_after_the_plan_is_to_be_planned_again() {
    for (kind, mut config, ..) in kinds() {
        let harness = Harness::new().await;
        let created = harness.put(kind, None, &config).await.success().unwrap();
        harness.delete(kind, &created).await.success();
        config.insert("description".to_owned(), text("new"));
        let outcome = harness.put(kind, Some(&created), &config).await;
        assert!(
            outcome.message().ends_with("Run `terraform plan` again to plan what is missing."),
            "{:?}",
            outcome.diagnostics
        );
        assert_eq!(outcome.state, Some(created));
    }
}

#[tokio::test]
async fn no_description_and_an_empty_one_are_the_same() {
    for (kind, mut config, ..) in kinds() {
        let harness = Harness::new().await;
        config.insert("description".to_owned(), text(""));
        let created = harness.put(kind, None, &config).await.success().unwrap();
        assert_eq!(created["description"], text(""));
        assert_eq!(harness.read(kind, &created).await.success(), Some(created.clone()));
        config.remove("description");
        let updated = harness.put(kind, Some(&created), &config).await.success().unwrap();
        assert_eq!(updated["description"], Value::Null);
    }
}

#[tokio::test]
async fn what_writing_made_is_taken_over() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "a");
    for (kind, config, ..) in kinds() {
        harness.put(kind, None, &config).await.success();
        let outcome = harness.put(kind, None, &config).await;
        assert_eq!(outcome.state, None);
        if kind == ENVIRONMENT {
            insta::assert_snapshot!(outcome.message(), @r#"
            Error: Resource already exists
            The environment exists already.

            To manage demo/dev with this configuration, import it (replace NAME with the resource's name):

            import {
              to = kontraktor_environment.NAME
              id = "demo/dev"
            }

            To take it over as it is configured here, set on_conflict = "overwrite". After an apply that was interrupted, many objects can exist that the state does not hold: set on_conflict = "overwrite" in the provider block for one apply to take over all of them. If this resource itself is being replaced, remove create_before_destroy: its name is unique, so the old object must be destroyed first.
            "#);
        } else {
            assert!(outcome.message().contains("to = kontraktor_project.NAME\n  id = \"demo\""));
        }
    }
}

#[tokio::test]
async fn what_holds_something_is_not_destroyed() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "a");
    for (kind, config, id, _) in kinds() {
        harness.put(kind, None, &config).await.success();
        let state = harness.import(kind, id).await.success().unwrap();
        let outcome = harness.delete(kind, &state).await;
        assert!(outcome.message().contains("holds"), "{:?}", outcome.diagnostics);
        assert_eq!(outcome.state, Some(state));
    }
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_keeps_the_object() {
    for (kind, config, id, _) in kinds() {
        let harness = Harness::new().await;
        harness.daemon.set_mute(true);
        let outcome = harness.put(kind, None, &config).await;
        assert!(
            outcome.message().starts_with("Error: Outcome of the write is unknown\n"),
            "{:?}",
            outcome.diagnostics
        );
        let kept = outcome.state.expect("it may exist");
        assert_eq!(kept["id"], text(id));
        assert_eq!(harness.read(kind, &kept).await.success(), Some(kept));
        harness.daemon.set_mute(false);
    }
}

#[tokio::test]
async fn ids_and_names_are_checked() {
    let harness = Harness::new().await;
    for (kind, id) in [
        (PROJECT, "a/b"),
        (PROJECT, "Demo"),
        (ENVIRONMENT, "demo"),
        (ENVIRONMENT, "demo/Dev"),
        (ENVIRONMENT, "a/b/c"),
    ] {
        let outcome = harness.import(kind, id).await;
        assert!(
            outcome.message().starts_with("Error: Invalid import ID\n"),
            "{id}: {:?}",
            outcome.diagnostics
        );
    }
    let diagnostics = harness.validate(PROJECT, &fields([("name", text("Demo"))])).await;
    assert!(diagnostics[0].starts_with("Error at name: Invalid name\n"), "{diagnostics:?}");
    let config = fields([("project", Value::Unknown), ("env", Value::Unknown)]);
    assert!(harness.validate(ENVIRONMENT, &config).await.is_empty());
    let (planned, _) = harness.plan(ENVIRONMENT, None, Some(&config)).await;
    assert_eq!(planned["id"], Value::Unknown);
}

/// A model whose attributes are not the schema's could be neither read nor written.
#[test]
fn models_and_schemas_agree() {
    fn resource<R: Resource<Session>>(resource: R) {
        let model = Type::object(R::State::attribute_types());
        assert_eq!(model, resource.schema().object_type(), "{}", resource.type_name());
    }
    fn data<D: DataSource<Session>>(source: D) {
        let model = Type::object(D::Model::attribute_types());
        assert_eq!(model, source.schema().object_type(), "{}", source.type_name());
    }
    resource(resources::Project);
    resource(resources::Environment);
    resource(resources::Variable);
    data(data_sources::Environment);
    data(data_sources::Variable);
    data(data_sources::Projects);
    let provider = Kontraktor::new(Settings::default());
    let model = Type::object(<Kontraktor as crate::framework::Provider>::Config::attribute_types());
    assert_eq!(model, provider.schema().object_type());
}
