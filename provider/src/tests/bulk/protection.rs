//! `deletion_protection` of many keys at once.

use std::sync::atomic::Ordering;

use tfplugin_proto::value::Value;

use super::{bulk, created, text, texts};
use crate::framework::Fields;
use crate::tests::Harness;

fn guarded<const N: usize>(on: Value, entries: [(&str, &str); N]) -> Fields {
    bulk([("variables", texts(entries)), ("deletion_protection", on)])
}

#[tokio::test]
async fn a_protected_key_is_not_planned_away() {
    let harness = Harness::new().await;
    let on = || Value::from(true);
    let mut held = created(&harness, &guarded(on(), [("A", "1"), ("B", "1")])).await;
    assert!(harness.daemon.variable("demo/dev/A").is_some_and(|variable| variable.deletion_protection));
    let plan = held.plan(&harness, Some(&guarded(on(), [("A", "1")]))).await;
    insta::assert_snapshot!(plan.refusal(), @"
    Error at deletion_protection: Deletion protection is on
    The plan would delete 1 key of demo/dev: B. To delete it, first apply with deletion_protection = false and with it still in the configuration, or run `ktr var unprotect demo/dev B`. Then run `terraform plan` again.
    ");
    // Switching off and deleting are two applies; the line may be gone, too.
    for config in [guarded(Value::from(false), [("A", "1")]), guarded(Value::Null, [("A", "1")])] {
        let plan = held.plan(&harness, Some(&config)).await;
        assert!(
            plan.refusal().starts_with("Error at deletion_protection: Deletion protection is on\nThe plan would delete 1 key of demo/dev"),
            "{:?}",
            plan.diagnostics
        );
    }
    let elsewhere = [guarded(on(), [("A", "1"), ("B", "1")]), super::fields([("env", text("prod"))])];
    for plan in [
        held.plan(&harness, None).await,
        held.plan(&harness, Some(&elsewhere.into_iter().flatten().collect())).await,
    ] {
        assert!(
            plan.refusal().starts_with("Error at deletion_protection: Deletion protection is on\nThe plan would delete 2 keys of demo/dev"),
            "{:?}",
            plan.diagnostics
        );
    }

    held.applied(&harness, &guarded(Value::from(false), [("A", "1"), ("B", "1")])).await;
    held.applied(&harness, &guarded(Value::from(false), [("A", "1")])).await;
    assert_eq!(harness.daemon.value("demo/dev/B"), None);
    assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
}

#[tokio::test]
async fn left_out_it_stays_as_it_is_and_new_keys_join() {
    let harness = Harness::new().await;
    let mut held = created(&harness, &guarded(Value::from(true), [("A", "1")])).await;
    let config = guarded(Value::Null, [("A", "2"), ("B", "1")]);
    held.applied(&harness, &config).await;
    held.assert_no_changes(&harness, &config).await;
    assert_eq!(held.state()["deletion_protection"], Value::from(true));
    let protected = |key: &str| harness.daemon.variable(key).map(|variable| variable.deletion_protection);
    assert_eq!((protected("demo/dev/A"), protected("demo/dev/B")), (Some(true), Some(true)));
}

#[tokio::test]
async fn a_key_that_others_unprotected_is_drift() {
    let harness = Harness::new().await;
    let config = guarded(Value::from(true), [("A", "1"), ("B", "1")]);
    let mut held = created(&harness, &config).await;
    harness.daemon.unprotect("demo/dev/B");
    held.refresh(&harness).await;
    assert_eq!(held.state()["deletion_protection"], Value::Null, "they differ");
    let items = harness.daemon.items.load(Ordering::SeqCst);
    held.applied(&harness, &config).await;
    assert_eq!(
        harness.daemon.items.load(Ordering::SeqCst),
        items + 1,
        "only the one that differs is written"
    );
    held.assert_no_changes(&harness, &config).await;
}

#[tokio::test]
async fn a_key_that_others_protected_stays_where_the_configuration_does_not_set_protection() {
    let harness = Harness::new().await;
    let config = guarded(Value::Null, [("A", "1"), ("B", "1")]);
    let mut held = created(&harness, &config).await;
    harness.daemon.protect("demo/dev/B");
    held.assert_no_changes(&harness, &config).await;
    held.assert_no_changes(&harness, &config).await;
    let plan = held.plan(&harness, Some(&guarded(Value::Null, [("A", "1")]))).await;
    assert!(plan.refusal().contains("The plan would delete 1 key of demo/dev: B."), "{:?}", plan.diagnostics);
    held.applied(&harness, &guarded(Value::Null, [("A", "2"), ("B", "2")])).await;
    assert!(harness.daemon.variable("demo/dev/B").is_some_and(|variable| variable.deletion_protection));
    held.applied(&harness, &guarded(Value::Null, [("B", "2")])).await;
    assert_eq!(harness.daemon.value("demo/dev/A"), None);
}

#[tokio::test]
async fn the_daemon_has_the_last_word() {
    let harness = Harness::new().await;
    let mut held = created(&harness, &guarded(Value::Null, [("A", "1"), ("B", "1")])).await;
    harness.daemon.protect("demo/dev/B");
    let diagnostics = held.destroy(&harness).await;
    insta::assert_snapshot!(diagnostics.join("\n---\n"), @"
    Error at deletion_protection: Deletion protection is on
    The plan would delete 1 key of demo/dev: B. To delete it, first apply with deletion_protection = false and with it still in the configuration, or run `ktr var unprotect demo/dev B`. Then run `terraform plan` again.
    ");
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("1"));
}
