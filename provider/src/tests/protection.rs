//! `deletion_protection` and `force_destroy`: what is kept, and the diagnostics.

use kontraktor_model::value::ValueType;
use kontraktor_proto::v1;
use tfplugin_proto::value::Value;

use super::{Harness, fields, text};
use crate::framework::Fields;

const PROJECT: &str = "kontraktor_project";
const ENVIRONMENT: &str = "kontraktor_environment";
const VARIABLE: &str = "kontraktor_variable";

/// Type, configuration, and the attribute whose change forces a new object.
fn kinds() -> [(&'static str, Fields, &'static str); 3] {
    [
        (PROJECT, fields([("name", text("demo"))]), "name"),
        (ENVIRONMENT, fields([("project", text("demo")), ("env", text("dev"))]), "env"),
        (
            VARIABLE,
            fields([
                ("project", text("demo")),
                ("env", text("dev")),
                ("key", text("A")),
                ("value", text("a")),
            ]),
            "key",
        ),
    ]
}

fn with(config: &Fields, name: &str, value: impl Into<Value>) -> Fields {
    let mut config = config.clone();
    config.insert(name.to_owned(), value.into());
    config
}

#[tokio::test]
async fn deletion_protection_is_not_lost_when_it_is_left_out() {
    for (kind, config, _) in kinds() {
        let harness = Harness::new().await;
        let (planned, _) = harness.plan(kind, None, Some(&config)).await;
        assert_eq!(planned["deletion_protection"], false.into(), "{kind}: a new object is not protected");
        let created =
            harness.put(kind, None, &with(&config, "deletion_protection", true)).await.success().unwrap();
        // The attribute is removed from the block, and something else changes.
        let changed =
            harness.put(kind, Some(&created), &with(&config, "description", "d")).await.success().unwrap();
        assert_eq!(changed["deletion_protection"], true.into());
        harness.configure([]).await;
        assert_eq!(harness.read(kind, &changed).await.success(), Some(changed.clone()), "{kind}");
        let off = with(&config, "deletion_protection", false);
        let off = harness.put(kind, Some(&changed), &off).await.success().unwrap();
        assert_eq!(harness.delete(kind, &off).await.success(), None);
    }
}

#[tokio::test]
async fn what_is_protected_is_neither_destroyed_nor_replaced_by_a_plan() {
    let mut messages = Vec::new();
    for (kind, config, identity) in kinds() {
        let harness = Harness::new().await;
        let protected = with(&config, "deletion_protection", true);
        let created = harness.put(kind, None, &protected).await.success().unwrap();
        messages.push(harness.refused(kind, Some(&created), None).await);
        // The new object's protection is another matter: only what was applied counts.
        let moved = with(&with(&config, identity, "other"), "deletion_protection", false);
        messages.push(harness.refused(kind, Some(&created), Some(&moved)).await);
    }
    insta::assert_snapshot!(messages[4], @"
    Error at deletion_protection: Deletion protection is on
    This plan would delete the variable demo/dev/A.

    To delete it, remove the protection first: set deletion_protection = false and apply that alone, or run

      ktr var unprotect demo/dev A

    Then run `terraform plan` again. Removing the protection and deleting always take two applies.
    ");
    insta::assert_snapshot!(messages[5], @"
    Error at deletion_protection: Deletion protection is on
    This change would replace the variable demo/dev/A: delete it, and create a new one.

    To delete it, remove the protection first: set deletion_protection = false and apply that alone, or run

      ktr var unprotect demo/dev A

    Then run `terraform plan` again. Removing the protection and deleting always take two applies.
    ");
    for (message, command) in [
        (&messages[0], "ktr project unprotect demo\n"),
        (&messages[1], "ktr project unprotect demo\n"),
        (&messages[2], "ktr env unprotect demo/dev\n"),
        (&messages[3], "ktr env unprotect demo/dev\n"),
    ] {
        assert!(message.contains(command), "{message}");
    }
}

#[tokio::test]
async fn the_daemon_refuses_what_the_state_does_not_know_to_be_protected() {
    for (kind, config, _) in kinds() {
        let harness = Harness::new().await;
        let created =
            harness.put(kind, None, &with(&config, "deletion_protection", true)).await.success().unwrap();
        let stale = with(&created, "deletion_protection", false);
        let outcome = harness.delete(kind, &stale).await;
        assert!(
            outcome.message().contains("protected from deletion.\n\nSwitch the protection off"),
            "{outcome:?}"
        );
        assert_eq!(outcome.state, Some(stale), "nothing is lost");
        assert!(harness.read(kind, &created).await.success().is_some());
    }
}

#[tokio::test]
async fn a_protection_switched_on_in_between_is_a_conflict() {
    let harness = Harness::new().await;
    let [.., (kind, config, _)] = kinds();
    let created = harness.put(kind, None, &config).await.success().unwrap();
    harness.daemon.protect("demo/dev/A");
    let outcome = harness.put(kind, Some(&created), &with(&config, "value", "b")).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Variable was changed outside of this plan
    demo/dev/A was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      planned from: revision 1
      current:      revision 2

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    // To overwrite is to write the value: the protection was left out, and stays.
    let forced = with(&with(&config, "value", "b"), "on_conflict", "overwrite");
    harness.put(kind, Some(&created), &forced).await.success();
    let stale = with(&created, "on_conflict", "overwrite");
    assert!(harness.delete(kind, &stale).await.message().contains("protected"));
}

#[tokio::test]
async fn a_key_that_is_adopted_keeps_its_protection_unless_the_configuration_sets_it() {
    let harness = Harness::new().await;
    let [.., (kind, config, _)] = kinds();
    let config = with(&config, "on_conflict", "overwrite");
    // There is nothing to take over.
    let created = harness.put(kind, None, &config).await.success().unwrap();
    assert_eq!(created["deletion_protection"], false.into());
    harness.daemon.protect("demo/dev/A");
    let adopted = harness.put(kind, None, &with(&config, "value", "b")).await.success().unwrap();
    assert_eq!((&adopted["deletion_protection"], &adopted["revision"]), (&true.into(), &3_u64.into()));
    let unprotecting = with(&config, "deletion_protection", false);
    let adopted = harness.put(kind, None, &unprotecting).await.success().unwrap();
    assert_eq!(harness.delete(kind, &adopted).await.success(), None);
}

#[tokio::test]
async fn an_unknown_protection_stays_unknown_in_the_plan() {
    for (kind, config, _) in kinds() {
        let harness = Harness::new().await;
        let unknown = with(&config, "deletion_protection", Value::Unknown);
        let (planned, _) = harness.plan(kind, None, Some(&unknown)).await;
        assert_eq!(planned["deletion_protection"], Value::Unknown, "{kind}");
    }
}

#[tokio::test]
async fn what_holds_something_goes_only_by_an_applied_force_destroy() {
    for (kind, config, _) in kinds().into_iter().take(2) {
        let harness = Harness::new().await;
        harness.daemon.write("demo/dev/A", ValueType::String, "a");
        let created = harness.put(kind, None, &config).await.success().unwrap();
        let outcome = harness.delete(kind, &created).await;
        if kind == ENVIRONMENT {
            insta::assert_snapshot!(outcome.message(), @"
            Error at force_destroy: Failed to delete environment demo/dev
            The environment demo/dev holds variables: A.

            If this configuration deletes the contents too, Terraform does not know that they have to be deleted first: refer to the environment in them, as in env = kontraktor_environment.NAME.env, or add depends_on to them, apply that, and destroy again. Otherwise delete or move the contents first. To delete them together with the environment, set force_destroy = true, apply that, and destroy in a second step. Contents that are protected from deletion are never deleted.
            ");
        } else {
            assert!(outcome.message().starts_with("Error at force_destroy: Failed to delete project demo\n"));
        }
        assert_eq!(outcome.state.as_ref(), Some(&created));

        let forced =
            harness.put(kind, Some(&created), &with(&config, "force_destroy", true)).await.success().unwrap();
        harness.daemon.protect("demo/dev/A");
        if kind == ENVIRONMENT {
            let outcome = harness.delete(kind, &forced).await;
            assert!(outcome.message().contains("demo/dev/A is protected from deletion"), "{outcome:?}");
            assert_eq!(outcome.state.as_ref(), Some(&forced));
            assert!(harness.daemon.value("demo/dev/A").is_some(), "it never overrides a protected child");
            harness.daemon.write("demo/dev/A", ValueType::String, "a");
            harness.daemon.unprotect("demo/dev/A");
        } else {
            let protect =
                v1::UpdateEnvironmentRequest { deletion_protection: Some(true), ..Default::default() };
            harness.daemon.change_environment("demo/dev", protect);
            assert!(harness.delete(kind, &forced).await.message().contains("demo/dev is protected"));
            let unprotect =
                v1::UpdateEnvironmentRequest { deletion_protection: Some(false), ..Default::default() };
            harness.daemon.change_environment("demo/dev", unprotect);
        }
        assert_eq!(harness.delete(kind, &forced).await.success(), None);
        assert_eq!(harness.daemon.value("demo/dev/A"), None);
    }
}

/// A host plans an object that is tainted, or that `-replace` names, as a create without a prior state.
#[tokio::test]
async fn a_forced_replacement_of_what_is_protected_is_refused_by_the_plan() {
    for (kind, config, _) in kinds() {
        let harness = Harness::new().await;
        let protected = with(&config, "deletion_protection", true);
        let created = harness.put(kind, None, &protected).await.success().unwrap();
        // Another walk, in which nothing is known of the state: a create that the apply finds to conflict.
        harness.configure([]).await;
        harness.plan(kind, None, Some(&protected)).await;
        // With a refresh.
        assert!(harness.read(kind, &created).await.success().is_some());
        let refusal = harness.refused(kind, None, Some(&protected)).await;
        assert!(
            refusal.starts_with("Error at deletion_protection: Deletion protection is on\n"),
            "{refusal}"
        );
        assert!(
            refusal.contains("would replace") && refusal.contains("terraform untaint ADDRESS"),
            "{refusal}"
        );
        // Without one, by the first plan of a replacement.
        harness.configure([]).await;
        harness.plan(kind, Some(&created), Some(&protected)).await;
        harness.refused(kind, None, Some(&protected)).await;

        // What another client unprotected is replaced.
        let off = with(&config, "deletion_protection", false);
        let unprotected = harness.put(kind, Some(&created), &off).await.success().unwrap();
        assert!(harness.read(kind, &unprotected).await.success().is_some());
        harness.plan(kind, None, Some(&off)).await;
        // What is gone is created.
        let created = harness.put(kind, Some(&unprotected), &protected).await.success().unwrap();
        assert!(harness.read(kind, &created).await.success().is_some());
        let last = harness.put(kind, Some(&created), &off).await.success().unwrap();
        assert_eq!(harness.delete(kind, &last).await.success(), None);
        assert!(harness.read(kind, &created).await.success().is_none());
        harness.plan(kind, None, Some(&protected)).await;
    }
}

#[tokio::test]
async fn a_container_waits_for_the_deletion_of_what_it_holds() {
    let harness = Harness::new().await;
    let project = fields([("name", text("demo"))]);
    let environment = fields([("project", text("demo")), ("env", text("dev"))]);
    let variable =
        fields([("project", text("demo")), ("env", text("dev")), ("key", text("A")), ("value", text("a"))]);
    let project = harness.put(PROJECT, None, &project).await.success().unwrap();
    let environment = harness.put(ENVIRONMENT, None, &environment).await.success().unwrap();
    let variable = harness.put(VARIABLE, None, &variable).await.success().unwrap();
    // In the order in which they cannot be deleted.
    let outcomes = tokio::join!(
        harness.delete(PROJECT, &project),
        harness.delete(ENVIRONMENT, &environment),
        harness.delete(VARIABLE, &variable),
    );
    for outcome in [outcomes.0, outcomes.1, outcomes.2] {
        assert_eq!(outcome.success(), None);
    }
    assert!(harness.daemon.project("demo").is_none());
}
