//! `kontraktor_secret_reference` through the calls of a host.

mod verify;

use std::sync::atomic::Ordering;

use tfplugin_proto::value::Value;

use super::{Harness, fields, render, text};
use crate::framework::Fields;

const REFERENCE: &str = "kontraktor_secret_reference";
const URL: &str = "vault://team/secret/app/db#password";

fn config<const N: usize>(reference: &str, attributes: [(&str, Value); N]) -> Fields {
    let mut config = fields([
        ("project", text("demo")),
        ("env", text("dev")),
        ("key", text("DB_PASSWORD")),
        ("reference", text(reference)),
    ]);
    config.extend(fields(attributes));
    config
}

fn pinned(version: &str) -> [(&'static str, Value); 1] {
    [("pin_version", text(version))]
}

impl Harness {
    fn writes(&self) -> usize {
        self.daemon.writes.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_reference_keeps_its_authors_spelling_from_create_to_delete() {
    let harness = Harness::new().await;
    let spelled = "vault://team/secret/app%2Fdb?version=03#pass%77ord";
    let (planned, _) = harness.plan(REFERENCE, None, Some(&config(spelled, []))).await;
    assert_eq!((&planned["id"], &planned["revision"]), (&Value::Unknown, &Value::Unknown));
    assert_eq!((&planned["vault"], &planned["verify"]), (&text("team"), &false.into()));
    let created = harness.put(REFERENCE, None, &config(spelled, [])).await.success().unwrap();
    assert_eq!((&created["reference"], &created["id"]), (&text(spelled), &text("demo/dev/DB_PASSWORD")));
    let stored = "vault://team/secret/app/db?version=3#password";
    assert_eq!(harness.daemon.reference("demo/dev/DB_PASSWORD").as_deref(), Some(stored));
    assert_eq!(harness.read(REFERENCE, &created).await.success(), Some(created.clone()));

    // No spelling of the same is a change, and none of them asks a vault.
    for same in [spelled, stored, "vault://team/secret/app%2fdb?version=3#password"] {
        let (planned, replaced) = harness.plan(REFERENCE, Some(&created), Some(&config(same, []))).await;
        assert_eq!((planned, replaced.len()), (created.clone(), 0), "{same}");
    }

    let (planned, replaced) = harness.plan(REFERENCE, Some(&created), Some(&config(URL, []))).await;
    assert_eq!((&planned["revision"], replaced.len()), (&Value::Unknown, 0));
    assert_eq!(planned["id"], created["id"], "an update keeps the id, so nothing waits for it");
    let changed = harness.put(REFERENCE, Some(&created), &config(URL, [])).await.success().unwrap();
    assert_eq!((&changed["reference"], &changed["revision"]), (&text(URL), &2_u64.into()));
    assert_eq!(harness.delete(REFERENCE, &changed).await.success(), None);
    assert_eq!(harness.daemon.reference("demo/dev/DB_PASSWORD"), None);
    assert_eq!(harness.daemon.secrets.request(), 0);
}

#[tokio::test]
async fn another_place_is_another_reference_with_an_id_that_is_not_known_yet() {
    let harness = Harness::new().await;
    let created = harness.put(REFERENCE, None, &config(URL, [])).await.success().unwrap();
    for (name, value) in [("key", text("OTHER")), ("env", text("prod")), ("project", Value::Unknown)] {
        let mut moved = config(URL, []);
        moved.insert(name.to_owned(), value);
        let (planned, replaced) = harness.plan(REFERENCE, Some(&created), Some(&moved)).await;
        assert_eq!((&planned["id"], replaced), (&Value::Unknown, vec![name.to_owned()]));
    }
}

#[tokio::test]
async fn what_is_no_reference_is_refused_with_its_column_and_without_its_text() {
    let harness = Harness::new().await;
    let mut messages = Vec::new();
    for bad in ["hunter2", "vault://team/secret/app/db", "vault://team/secret/app/db?version=x#f", ""] {
        let diagnostics = harness.validate(REFERENCE, &config(bad, pinned("1"))).await;
        assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
        messages.extend(diagnostics);
    }
    assert!(!messages.concat().contains("hunter2"));
    insta::assert_snapshot!(messages.join("\n"), @r"
    Error at reference: Invalid reference
    invalid reference at column 1: unknown scheme; expected vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name.
    Error at reference: Invalid reference
    invalid reference at column 27: the field is missing; add one, as in #password.
    Error at reference: Invalid reference
    invalid reference at column 36: the version must be a whole number of at least 1; leave it out for the newest.
    Error at reference: Invalid reference
    invalid reference at column 1: unknown scheme; expected vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or azure-kv://NAME/secret-name.
    ");
    assert_eq!(harness.validate(REFERENCE, &config(URL, [("key", text("9"))])).await.len(), 1);
    let unknown = config(URL, [("pin_version", Value::Unknown), ("verify", Value::Unknown)]);
    assert_eq!(harness.validate(REFERENCE, &unknown).await, [""; 0]);
}

#[tokio::test]
async fn a_pin_is_stored_as_the_references_version() {
    let harness = Harness::new().await;
    let created = harness.put(REFERENCE, None, &config(URL, pinned("3"))).await.success().unwrap();
    assert_eq!((&created["reference"], &created["pin_version"]), (&text(URL), &text("3")));
    let pinned_url = "vault://team/secret/app/db?version=3#password";
    assert_eq!(harness.daemon.reference("demo/dev/DB_PASSWORD").as_deref(), Some(pinned_url));
    assert_eq!(harness.read(REFERENCE, &created).await.success(), Some(created.clone()));

    // The same said in another way changes the state, and nothing that is stored.
    let writes = harness.writes();
    for same in [config(pinned_url, []), config(pinned_url, pinned("3"))] {
        let (planned, _) = harness.plan(REFERENCE, Some(&created), Some(&same)).await;
        assert_eq!(planned["revision"], created["revision"]);
        let put = harness.put(REFERENCE, Some(&created), &same).await.success().unwrap();
        assert_eq!(harness.read(REFERENCE, &put).await.success(), Some(put));
    }
    assert_eq!(harness.writes(), writes);

    // The pin moves, and goes.
    let moved = harness.put(REFERENCE, Some(&created), &config(URL, pinned("4"))).await.success().unwrap();
    assert_eq!(
        harness.daemon.reference("demo/dev/DB_PASSWORD").as_deref(),
        Some("vault://team/secret/app/db?version=4#password")
    );
    let free = harness.put(REFERENCE, Some(&moved), &config(URL, [])).await.success().unwrap();
    assert_eq!(harness.daemon.reference("demo/dev/DB_PASSWORD").as_deref(), Some(URL));
    assert_eq!(free["pin_version"], Value::Null);
    assert_eq!(harness.daemon.secrets.request(), 0, "nothing of this asks a vault");
}

#[tokio::test]
async fn a_pin_of_each_kind_of_vault_and_a_pin_that_cannot_be() {
    let harness = Harness::new().await;
    for (reference, version, stored) in [
        ("aws-sm://prod/app/db#user", "a-1", "aws-sm://prod/app/db?version=a-1#user"),
        ("aws-sm://prod/app/db?stage=AWSCURRENT", "a-1", "aws-sm://prod/app/db?version=a-1"),
        ("azure-kv://kv/db", "0a1b", "azure-kv://kv/db?version=0a1b"),
    ] {
        let created =
            harness.put(REFERENCE, None, &config(reference, pinned(version))).await.success().unwrap();
        assert_eq!(harness.daemon.reference("demo/dev/DB_PASSWORD").as_deref(), Some(stored));
        assert_eq!(harness.read(REFERENCE, &created).await.success().as_ref(), Some(&created));
        harness.delete(REFERENCE, &created).await.success();
    }
    let mut messages = Vec::new();
    for (reference, version) in [
        (URL, "newest"),
        (URL, ""),
        (URL, "3#other"),
        ("azure-kv://kv/db", "a/b"),
        ("vault://team/secret/app/db?version=3#password", "4"),
    ] {
        let diagnostics = harness.validate(REFERENCE, &config(reference, pinned(version))).await;
        assert!(!diagnostics.is_empty(), "{reference} {version}");
        messages.extend(diagnostics);
    }
    insta::assert_snapshot!(messages.join("\n"), @"
    Error at pin_version: Invalid pin_version
    With pin_version as the version of the reference, the version must be a whole number of at least 1; leave it out for the newest.
    Error at pin_version: Invalid pin_version
    pin_version is empty. Set it to a version, or remove it.
    Error at pin_version: Invalid pin_version
    With pin_version as the version of the reference, the version must be a whole number of at least 1; leave it out for the newest.
    Error at pin_version: Invalid pin_version
    With pin_version as the version of the reference, the version must be letters and digits, as at the end of the secret's identifier.
    Error at pin_version: Invalid pin_version
    The reference already names a version, and pin_version differs from it. Remove the version from the reference, or remove pin_version.
    ");
}

#[tokio::test]
async fn drift_is_another_secret_or_another_version() {
    let harness = Harness::new().await;
    let location = "demo/dev/DB_PASSWORD";
    let created = harness.put(REFERENCE, None, &config(URL, pinned("3"))).await.success().unwrap();
    let read = async || {
        // A walk of its own.
        harness.configure([]).await;
        harness.read(REFERENCE, &created).await.success().unwrap()
    };
    // Written again in another spelling.
    harness.daemon.refer(location, "vault://team/secret/app%2Fdb?version=3#password");
    let same = read().await;
    assert_eq!((&same["reference"], &same["pin_version"]), (&text(URL), &text("3")));
    assert_eq!(same["revision"], 2_u64.into());
    // Only the pin moved: the author's text of the reference stays.
    harness.daemon.refer(location, "vault://team/secret/app/db?version=5#password");
    let moved = read().await;
    assert_eq!((&moved["reference"], &moved["pin_version"]), (&text(URL), &text("5")));
    // Another secret, pinned and not.
    harness.daemon.refer(location, "vault://team/secret/other?version=5#password");
    let other = read().await;
    assert_eq!(other["reference"], text("vault://team/secret/other#password"));
    assert_eq!((&other["pin_version"], &other["vault"]), (&text("5"), &text("team")));
    harness.daemon.refer(location, "azure-kv://cloud/db");
    let other = read().await;
    assert_eq!((&other["reference"], &other["pin_version"]), (&text("azure-kv://cloud/db"), &Value::Null));
    assert_eq!(other["vault"], text("cloud"));
    // That a version was seen is no drift.
    harness.daemon.refer(location, URL);
    let free = read().await;
    harness.daemon.keep_value(URL, "s3cret", "7");
    let key = fields([("project", text("demo")), ("env", text("dev")), ("key", text("DB_PASSWORD"))]);
    harness.open("kontraktor_secret", &key).await.success();
    assert_eq!(read().await, free);
    harness.daemon.delete(location);
    harness.configure([]).await;
    assert_eq!(harness.read(REFERENCE, &created).await.success(), None);
}

#[tokio::test]
async fn an_imported_reference_needs_no_change() {
    let harness = Harness::new().await;
    harness.daemon.refer("demo/dev/DB_PASSWORD", "vault://team/secret/app/db?version=3#password");
    let imported = harness.import(REFERENCE, "demo/dev/DB_PASSWORD").await.success().unwrap();
    assert_eq!(imported["reference"], text("vault://team/secret/app/db?version=3#password"));
    assert_eq!((&imported["pin_version"], &imported["verify"]), (&Value::Null, &false.into()));
    let same = config("vault://team/secret/app/db?version=03#password", []);
    let (planned, replaced) = harness.plan(REFERENCE, Some(&imported), Some(&same)).await;
    assert_eq!((planned, replaced.len()), (imported.clone(), 0));
    // Pinned by the other way, only the state changes.
    let writes = harness.writes();
    harness.put(REFERENCE, Some(&imported), &config(URL, pinned("3"))).await.success();
    assert_eq!(harness.writes(), writes);

    assert_eq!(harness.import(REFERENCE, "demo/dev/NONE").await.success(), None);
    for (id, expected) in [
        ("demo/dev", "The import ID"),
        ("Demo/dev/A", "In the import ID"),
        ("demo/dev/9", "In the import ID"),
    ] {
        let outcome = harness.import(REFERENCE, id).await;
        let expected = format!("Error: Invalid import ID\n{expected} ");
        assert!(outcome.message().starts_with(&expected), "{id}: {outcome:?}");
    }
}

#[tokio::test]
async fn someone_elses_change_of_a_reference_is_not_overwritten() {
    let harness = Harness::new().await;
    let location = "demo/dev/DB_PASSWORD";
    let created = harness.put(REFERENCE, None, &config(URL, [])).await.success().unwrap();
    harness.daemon.refer(location, "vault://team/secret/theirs#password");
    let wanted = config(URL, pinned("3"));
    let outcome = harness.put(REFERENCE, Some(&created), &wanted).await;
    insta::assert_snapshot!(outcome.message(), @"
    Error: Secret reference was changed outside of this plan
    demo/dev/DB_PASSWORD was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      planned from: revision 1
      current:      revision 2

    Run `terraform plan` again to compare the configuration with what is stored now.
    ");
    assert_eq!(outcome.state.as_ref(), Some(&created));
    assert!(harness.delete(REFERENCE, &created).await.message().contains("planned from: revision 1"));

    let mut forced = wanted.clone();
    forced.insert("on_conflict".to_owned(), text("overwrite"));
    let overwritten = harness.put(REFERENCE, Some(&created), &forced).await.success().unwrap();
    assert_eq!(
        harness.daemon.reference(location).as_deref(),
        Some("vault://team/secret/app/db?version=3#password")
    );
    assert_eq!(harness.delete(REFERENCE, &overwritten).await.success(), None);
}

#[tokio::test]
async fn a_reference_that_exists_is_to_be_imported_or_taken_over() {
    let harness = Harness::new().await;
    let location = "demo/dev/DB_PASSWORD";
    harness.daemon.refer(location, "vault://team/secret/theirs#password");
    harness.daemon.protect(location);
    let outcome = harness.put(REFERENCE, None, &config(URL, [])).await;
    assert!(outcome.message().contains("to = kontraktor_secret_reference.NAME"), "{outcome:?}");
    let taken = harness.put(REFERENCE, None, &config(URL, [("on_conflict", text("overwrite"))])).await;
    let taken = taken.success().unwrap();
    assert_eq!((&taken["deletion_protection"], &taken["revision"]), (&true.into(), &3_u64.into()));
    assert_eq!(harness.daemon.reference(location).as_deref(), Some(URL));
}

#[tokio::test]
async fn a_protected_reference_is_neither_destroyed_nor_replaced() {
    let harness = Harness::new().await;
    let protected = config(URL, [("deletion_protection", true.into())]);
    let created = harness.put(REFERENCE, None, &protected).await.success().unwrap();
    insta::assert_snapshot!(harness.refused(REFERENCE, Some(&created), None).await, @"
    Error at deletion_protection: Deletion protection is on
    This plan would delete the secret reference demo/dev/DB_PASSWORD.

    To delete it, remove the protection first: set deletion_protection = false and apply that alone, or run

      ktr var unprotect demo/dev DB_PASSWORD

    Then run `terraform plan` again. Removing the protection and deleting always take two applies.
    ");
    let mut moved = protected.clone();
    moved.insert("key".to_owned(), text("OTHER"));
    let refusal = harness.refused(REFERENCE, Some(&created), Some(&moved)).await;
    assert!(
        refusal.contains("This change would replace the secret reference demo/dev/DB_PASSWORD"),
        "{refusal}"
    );
    // Left out, it stays.
    let changed = harness.put(REFERENCE, Some(&created), &config(URL, pinned("2"))).await.success().unwrap();
    assert_eq!(changed["deletion_protection"], true.into());
    assert!(harness.daemon.variable("demo/dev/DB_PASSWORD").unwrap().deletion_protection);
}

#[tokio::test]
async fn a_reference_whose_answer_is_lost_is_kept() {
    let harness = Harness::new().await;
    harness.daemon.set_mute(true);
    let outcome = harness.put(REFERENCE, None, &config(URL, pinned("3"))).await;
    assert!(outcome.message().starts_with("Error: Outcome of the write is unknown\n"), "{outcome:?}");
    let kept = outcome.state.expect("it may exist");
    assert_eq!((&kept["id"], &kept["revision"]), (&text("demo/dev/DB_PASSWORD"), &Value::Null));
    harness.daemon.set_mute(false);
    let read = harness.read(REFERENCE, &kept).await.success().unwrap();
    assert_eq!((&read["pin_version"], &read["revision"]), (&text("3"), &1_u64.into()));
    assert_eq!(harness.delete(REFERENCE, &kept).await.success(), None);
}

#[tokio::test]
async fn references_travel_with_variables() {
    let harness = Harness::new().await;
    let mut variable = config(URL, [("value", text("v")), ("key", text("A"))]);
    variable.remove("reference");
    let reference = config(URL, []);
    let (planned_variable, _) = harness.plan("kontraktor_variable", None, Some(&variable)).await;
    let (planned_reference, _) = harness.plan(REFERENCE, None, Some(&reference)).await;
    let (first, second) = tokio::join!(
        harness.applied("kontraktor_variable", None, Some(&planned_variable), Some(&variable)),
        harness.applied(REFERENCE, None, Some(&planned_reference), Some(&reference))
    );
    assert_eq!(first.success().unwrap()["revision"], second.success().unwrap()["revision"]);
    assert_eq!(harness.writes(), 1);
}

#[tokio::test]
async fn a_new_reference_to_an_unknown_vault_is_planned_with_a_warning() {
    let harness = Harness::new().await;
    let hear = async |prior: Option<&Fields>, reference: &str| {
        render(&harness.planned(REFERENCE, prior, Some(&config(reference, []))).await.diagnostics)
    };
    assert_eq!(hear(None, URL).await, [""; 0], "nothing is known where the vaults are not listed");
    harness.daemon.list_vault("team", "vault");
    harness.configure([]).await;
    assert_eq!(hear(None, URL).await, [""; 0]);
    insta::assert_snapshot!(hear(None, "aws-sm://team/app").await.join("\n"), @r#"
    Warning at reference: Unknown vault
    The secret demo/dev/DB_PASSWORD will not be readable: no vault "team" of kind "aws-sm" is configured. The reference is written nevertheless, because the vault may be configured later.

    Use one of team (vault), or add a [[vault]] table to kontraktord.toml.
    "#);
    // Only what is new is warned of.
    let other = config("vault://other/secret/app#x", []);
    let answer = harness.planned(REFERENCE, None, Some(&other)).await;
    let planned = harness.received(REFERENCE, answer.planned_state.as_ref()).unwrap();
    let created = harness.apply(REFERENCE, None, Some(&planned)).await.success().unwrap();
    assert_eq!(hear(Some(&created), "vault://other/secret/app#x").await, [""; 0]);
    assert_eq!(hear(Some(&created), "vault://others/secret/app#x").await.len(), 1);
}
