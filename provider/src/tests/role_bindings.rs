//! `kontraktor_role_binding` through the calls of a host.

use kontraktor_model::value::ValueType;
use kontraktor_proto::v1::Role;
use tfplugin_proto::value::Value;

use super::{Harness, fields, text};
use crate::framework::Fields;

const KIND: &str = "kontraktor_role_binding";
const ID: &str = "editor demo/* service-account:ci";

fn binding<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut config = fields([
        ("role", text("editor")),
        ("subject", text("service-account:ci")),
        ("pattern", text("demo/*")),
    ]);
    config.extend(fields(attributes));
    config
}

async fn with_project() -> Harness {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "a");
    harness
}

#[tokio::test]
async fn a_binding_lives_and_dies() {
    let harness = with_project().await;
    let state = harness.put(KIND, None, &binding([])).await.success().expect("it was granted");
    assert_eq!(state["id"], text(ID));
    let granted = (Role::Editor.into(), "service-account:ci".to_owned(), "demo/*".to_owned());
    assert_eq!(harness.daemon.bindings(), [granted]);
    assert_eq!(harness.read(KIND, &state).await.success(), Some(state.clone()));
    for (name, value) in [("role", "owner"), ("subject", "unix:ada"), ("pattern", "*")] {
        let (planned, replaced) =
            harness.plan(KIND, Some(&state), Some(&binding([(name, text(value))]))).await;
        assert_eq!(replaced, [name]);
        assert_ne!(planned["id"], state["id"]);
    }
    harness.delete(KIND, &state).await.success();
    assert!(harness.daemon.bindings().is_empty());
    harness.delete(KIND, &state).await.success();
    assert_eq!(harness.read(KIND, &state).await.success(), None);
}

#[tokio::test]
async fn a_pattern_that_matches_nothing_yet_is_a_warning() {
    let harness = Harness::new().await;
    let outcome = harness.put(KIND, None, &binding([])).await;
    insta::assert_snapshot!(outcome.message(), @"
    Warning at pattern: Role binding has no effect yet
    Demo/* matches no environment yet.
    ");
    assert!(outcome.state.is_some());
}

#[tokio::test]
async fn what_was_granted_before_is_imported_or_taken_over() {
    let harness = with_project().await;
    harness.daemon.grant(Role::Editor, "service-account:ci", "demo/*");
    let outcome = harness.put(KIND, None, &binding([])).await;
    assert!(outcome.message().contains(&format!("id = \"{ID}\"")), "{outcome:?}");
    assert!(outcome.message().contains("was granted before"), "{outcome:?}");
    assert_eq!(outcome.state, None);
    let imported = harness.import(KIND, ID).await.success().expect("it exists");
    assert_eq!((&imported["role"], &imported["pattern"]), (&text("editor"), &text("demo/*")));
    harness
        .put(KIND, None, &binding([("on_conflict", text("overwrite"))]))
        .await
        .success()
        .expect("taken over");

    harness.daemon.revoke_all();
    assert_eq!(harness.import(KIND, ID).await.success(), None);
    let spaces = "viewer */prod issuer.example.com:a user with spaces";
    harness.daemon.grant(Role::Viewer, "issuer.example.com:a user with spaces", "*/prod");
    assert_eq!(harness.import(KIND, spaces).await.success().expect("it exists")["id"], text(spaces));
}

#[tokio::test]
async fn invalid_bindings_and_ids_are_refused_with_the_rule() {
    let harness = Harness::new().await;
    let mut messages = Vec::new();
    for (name, value) in [("role", "root"), ("subject", "ada"), ("pattern", "demo")] {
        messages.extend(harness.validate(KIND, &binding([(name, text(value))])).await);
    }
    for id in ["editor", "editor demo/*", "root demo/* unix:ada"] {
        messages.push(harness.import(KIND, id).await.message().to_owned());
    }
    insta::assert_snapshot!(messages.join("\n\n"), @r#"
    Error at role: Invalid role
    Unknown role "root". Use one of viewer, editor, secret-reader and owner.

    Error at subject: Invalid subject
    Invalid subject: "ada" does not name its origin. Use `service-account:NAME`, `group:ISSUER:GROUP`, or an actor as the audit log shows it, such as `unix:ada` or `ISSUER:SUBJECT`.

    Error at pattern: Invalid pattern
    Invalid pattern "demo": expected one slash, as in infra-demo/* and infra-demo/dev. Use `*`, `PROJECT/*`, `*/ENV` or `PROJECT/ENV`.

    Error: Invalid import ID
    The import ID "editor" has too few parts. Use the form "ROLE PATTERN SUBJECT", with one space between the parts, such as "editor infra-demo/* service-account:ci".

    Error: Invalid import ID
    The import ID "editor demo/*" has too few parts. Use the form "ROLE PATTERN SUBJECT", with one space between the parts, such as "editor infra-demo/* service-account:ci".

    Error: Invalid import ID
    The import ID "root demo/* unix:ada" cannot be used. Unknown role "root". Use one of viewer, editor, secret-reader and owner.
    "#);
}

#[tokio::test]
async fn a_refusal_to_revoke_keeps_the_state() {
    let harness = with_project().await;
    let config = binding([("subject", text("unix:last"))]);
    let state = harness.put(KIND, None, &config).await.success().expect("it was granted");
    let outcome = harness.delete(KIND, &state).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Failed to revoke the role editor of unix:last on demo/*
    Nobody could grant roles any more.
    ");
    assert_eq!(outcome.state, Some(state));
}
