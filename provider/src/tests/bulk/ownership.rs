//! Additive and exclusive ownership, existing keys, and imports.

use kontraktor_model::value::ValueType;
use tfplugin_proto::value::Value;

use super::{Held, bulk, created, elements, text, texts, typed};
use crate::tests::Harness;

fn exclusive(variables: Value) -> crate::framework::Fields {
    bulk([("variables", variables), ("ownership", text("exclusive"))])
}

/// "Two owners of a prefix that fight on every apply; wish for configurable ownership."
#[tokio::test]
async fn two_additive_owners_of_one_environment_do_not_fight() {
    let harness = Harness::new().await;
    let (ours, theirs) =
        (bulk([("variables", texts([("A_1", "a")]))]), bulk([("variables", texts([("A_2", "b")]))]));
    let mut first = created(&harness, &ours).await;
    let mut second = created(&harness, &theirs).await;
    for _ in 0..2 {
        first.assert_no_changes(&harness, &ours).await;
        second.assert_no_changes(&harness, &theirs).await;
    }
    assert_eq!(first.destroy(&harness).await, Vec::<String>::new());
    second.assert_no_changes(&harness, &theirs).await;
}

#[tokio::test]
async fn two_owners_of_one_key_are_found_by_the_plan_of_the_second() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    harness.daemon.write("demo/dev/B", ValueType::String, "theirs");
    harness.daemon.write("demo/dev/OTHER", ValueType::String, "theirs");
    let config = bulk([("variables", texts([("A", "1"), ("B", "2"), ("C", "3")]))]);
    let mut held = Held::default();
    insta::assert_snapshot!(held.plan(&harness, Some(&config)).await.refusal(), @r#"
    Error: Variables already exist
    Nothing was written. demo/dev already holds 2 keys that this resource is to create: A, B. A key belongs to one resource.

    Import them, so that the plan shows what changes. Replace NAME with the resource's name:

    import {
      to = kontraktor_variables.NAME
      id = "demo/dev:A,B"
    }

    Or set on_conflict = "overwrite" to replace the stored values with those of this configuration. If this resource itself is being replaced, leave its keys unchanged and change them in a second apply, and use neither create_before_destroy nor -refresh=false.

    If this stops `terraform destroy`, run `terraform destroy -refresh=false`: it skips the plan that fails, and deletes only the keys in the state.
    "#);

    // The same for an added key, except that an import is impossible while the resource is in the state.
    held.applied(&harness, &bulk([("variables", texts([("C", "3")]))])).await;
    insta::assert_snapshot!(held.plan(&harness, Some(&config)).await.refusal(), @r#"
    Error: Variables already exist
    Nothing was written. demo/dev already holds 2 keys that this resource is to create: A, B. A key belongs to one resource.

    Set on_conflict = "overwrite" for one apply to replace the stored values with those of this configuration.

    If this stops `terraform destroy`, run `terraform destroy -refresh=false`: it skips the plan that fails, and deletes only the keys in the state.
    "#);
    let overwrite =
        [config, super::fields([("on_conflict", text("overwrite"))])].into_iter().flatten().collect();
    held.applied(&harness, &overwrite).await;
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("1"));
    assert_eq!(harness.daemon.value("demo/dev/OTHER").as_deref(), Some("theirs"));
}

#[tokio::test]
async fn two_owners_in_one_configuration_are_found_by_the_plan() {
    let harness = Harness::new().await;
    let mut first = created(&harness, &bulk([("variables", texts([("A", "1"), ("B", "2")]))])).await;
    first.refresh(&harness).await;
    for (second, what) in [
        (
            bulk([("variables", texts([("A", "1"), ("C", "2")]))]),
            "already holds 1 key that this resource is to create: A.",
        ),
        (exclusive(texts([("C", "1")])), "holds 2 keys that this resource does not own"),
    ] {
        let plan = Held::default().plan(&harness, Some(&second)).await;
        assert!(plan.refusal().contains(what), "{:?}", plan.diagnostics);
    }
}

#[tokio::test]
async fn a_key_that_comes_between_plan_and_apply_is_not_overwritten() {
    let harness = Harness::new().await;
    let config = bulk([("variables", texts([("A", "1"), ("B", "2")]))]);
    let mut held = Held::default();
    let plan = held.plan(&harness, Some(&config)).await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    let diagnostics = held.carry_out(&harness, Some(&config), plan).await;
    assert_eq!(diagnostics.len(), 1);
    assert!(
        diagnostics[0].starts_with("Error: Variables already exist\nNothing was written. demo/dev already holds 1 key that this resource is to create"),
        "{diagnostics:?}"
    );
    assert_eq!((held.state, harness.daemon.value("demo/dev/B")), (None, None));
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("theirs"));
}

#[tokio::test]
async fn overwrite_adopts_what_exists_with_its_protection() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    harness.daemon.protect("demo/dev/A");
    let config = bulk([("variables", texts([("A", "1"), ("B", "2")])), ("on_conflict", text("overwrite"))]);
    let mut held = Held::default();
    assert_eq!(held.plan(&harness, Some(&config)).await.success()["deletion_protection"], Value::Unknown);
    held.applied(&harness, &config).await;
    assert_eq!(held.state()["deletion_protection"], Value::Null, "they differ");
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("1"));
    held.assert_no_changes(&harness, &config).await;
}

#[tokio::test]
async fn a_replacement_does_not_conflict_with_itself() {
    let harness = Harness::new().await;
    for config in
        [bulk([("variables", texts([("A", "1"), ("B", "2")]))]), exclusive(texts([("A", "1"), ("B", "2")]))]
    {
        let mut held = created(&harness, &config).await;
        // A tainted object is read, and then planned as if there were none.
        held.refresh(&harness).await;
        let plan = Held::default().plan(&harness, Some(&config)).await;
        assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
        assert_eq!(held.carry_out(&harness, Some(&config), plan).await, Vec::<String>::new());
        assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_requested_replacement_without_a_refresh_does_not_conflict_with_itself() {
    let harness = Harness::new().await;
    for config in [bulk([("variables", texts([("A", "1"), ("B", "2")]))]), exclusive(texts([("A", "1")]))] {
        let mut held = created(&harness, &config).await;
        harness.configure([]).await;
        // With -replace, a host plans the object as it is, and then as if there were none.
        held.plan(&harness, Some(&config)).await.success();
        let plan = Held::default().plan(&harness, Some(&config)).await;
        assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
        assert_eq!(held.carry_out(&harness, Some(&config), plan).await, Vec::<String>::new());
        assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn exclusive_ownership_shows_foreign_keys_and_removes_them() {
    let harness = Harness::new().await;
    let config = exclusive(texts([("A", "1")]));
    let mut held = created(&harness, &config).await;
    harness.daemon.write("demo/dev/PLAIN", ValueType::String, "theirs");
    harness.daemon.write("demo/dev/NUMBER", ValueType::Number, "7");
    held.refresh(&harness).await;
    assert_eq!(held.state()["variables"], texts([("A", "1"), ("PLAIN", "theirs")]));
    assert_eq!(held.state()["typed"], elements([("NUMBER", typed("number", "7", None))]));

    // Each is removed as it was shown, and not otherwise.
    let plan = held.plan(&harness, Some(&config)).await;
    harness.daemon.write("demo/dev/PLAIN", ValueType::String, "changed");
    let diagnostics = held.carry_out(&harness, Some(&config), plan).await;
    assert_eq!(diagnostics.len(), 1);
    assert!(
        diagnostics[0].starts_with("Error at variables[\"PLAIN\"]: Variable was changed outside of this plan\ndemo/dev/PLAIN was changed"),
        "{diagnostics:?}"
    );
    assert_eq!(harness.daemon.value("demo/dev/NUMBER").as_deref(), Some("7"));
    held.refresh(&harness).await;
    held.applied(&harness, &config).await;
    assert_eq!(harness.daemon.value("demo/dev/PLAIN"), None);
    assert_eq!(harness.daemon.value("demo/dev/NUMBER"), None);
    held.assert_no_changes(&harness, &config).await;
}

#[tokio::test]
async fn exclusive_ownership_does_not_begin_over_foreign_keys() {
    let harness = Harness::new().await;
    for number in 0..23 {
        harness.daemon.write(&format!("demo/dev/F{number:02}"), ValueType::String, "theirs");
    }
    let config = exclusive(texts([("A", "1"), ("F00", "mine")]));
    let mut held = Held::default();
    insta::assert_snapshot!(held.plan(&harness, Some(&config)).await.refusal(), @r#"
    Error at ownership: Environment holds other variables
    With ownership = "exclusive", this resource replaces all variables of demo/dev, which holds 23 keys that this resource does not own: F00, F01, F02, F03, F04, F05, F06, F07, F08, F09, F10, F11, F12, F13, F14, F15, F16, F17, F18, F19 and 3 more. No plan would show what happens to them.

    Import the environment, so that the plan shows it. Replace NAME with the resource's name:

    import {
      to = kontraktor_variables.NAME
      id = "demo/dev:*"
    }

    Or keep ownership = "additive", which leaves keys alone that the configuration does not list.

    If this stops `terraform destroy`, run `terraform destroy -refresh=false`: it skips the plan that fails, and deletes only the keys in the state.
    "#);

    // What is overwritten is adopted; what is not listed would be deleted unseen.
    let overwrite =
        [config.clone(), super::fields([("on_conflict", text("overwrite"))])].into_iter().flatten().collect();
    let plan = held.plan(&harness, Some(&overwrite)).await;
    assert!(
        plan.refusal().starts_with("Error at ownership: Environment holds other variables\n")
            && plan.refusal().contains("demo/dev, which holds 22 keys"),
        "{:?}",
        plan.diagnostics
    );

    let additive = bulk([("variables", texts([("A", "1")]))]);
    held.applied(&harness, &additive).await;
    let plan = held.plan(&harness, Some(&exclusive(texts([("A", "1")])))).await;
    insta::assert_snapshot!(plan.refusal(), @r#"
    Error at ownership: Environment holds other variables
    With ownership = "exclusive", this resource replaces all variables of demo/dev, which holds 23 keys that this resource does not own: F00, F01, F02, F03, F04, F05, F06, F07, F08, F09, F10, F11, F12, F13, F14, F15, F16, F17, F18, F19 and 3 more. No plan would show what happens to them.

    Import the environment, so that the plan shows it. Remove the resource from the state first, which deletes nothing: `terraform state rm kontraktor_variables.NAME`. Replace NAME with the resource's name:

    import {
      to = kontraktor_variables.NAME
      id = "demo/dev:*"
    }

    Or keep ownership = "additive", which leaves keys alone that the configuration does not list.

    If this stops `terraform destroy`, run `terraform destroy -refresh=false`: it skips the plan that fails, and deletes only the keys in the state.
    "#);

    let mut imported = Held::import(&harness, "demo/dev:*").await.expect("the environment is there");
    let plan = imported.plan(&harness, Some(&config)).await;
    assert_eq!(plan.success()["variables"], config["variables"]);
    imported.applied(&harness, &config).await;
    imported.assert_no_changes(&harness, &config).await;
    assert_eq!(harness.daemon.value("demo/dev/F22"), None);
}

/// "Import missing or clumsy."
#[tokio::test]
async fn an_import_takes_all_keys_or_those_it_names_and_needs_no_change() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "1");
    harness.daemon.write("demo/dev/B", ValueType::String, "");
    harness.daemon.write("demo/dev/N", ValueType::Number, "1.5");
    let number = || ("typed", elements([("N", typed("number", "1.50", None))]));
    let all = || texts([("A", "1"), ("B", "")]);
    for (id, config) in [
        ("demo/dev", bulk([("variables", all()), number()])),
        ("demo/dev:*", bulk([("variables", all()), number(), ("ownership", text("exclusive"))])),
        ("demo/dev:A,N", bulk([("variables", texts([("A", "1")])), number()])),
        ("demo/dev:B", bulk([("variables", texts([("B", "")]))])),
    ] {
        let mut held = Held::import(&harness, id).await.expect(id);
        assert_eq!(held.state()["id"], text("demo/dev"));
        let plan = held.plan(&harness, Some(&config)).await;
        let (planned, mut state) = (plan.success().clone(), held.state().clone());
        // The author's other spelling of the number differs in its text only.
        state.insert("typed".to_owned(), planned["typed"].clone());
        assert_eq!(planned, state, "{id}");
        held.applied(&harness, &config).await;
        held.assert_no_changes(&harness, &config).await;
    }
    assert_eq!(harness.daemon.writes.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_import_says_what_is_not_there() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "1");
    let diagnostics = Held::import(&harness, "demo/dev:A,B,C").await.expect_err("two are missing");
    insta::assert_snapshot!(diagnostics.join("\n---\n"), @"
    Error: Variables to import not found
    demo/dev has no plain variable for 2 keys of the import ID: B, C. Remove them from the import ID; the next apply creates the configured variables that were not imported.
    ");
    let nothing = Held::import(&harness, "demo/prod").await.expect("the host says that it does not exist");
    assert_eq!(nothing.state, None);
    for (id, expected) in [
        ("demo", "The import ID"),
        ("demo/dev/A", "The import ID"),
        ("Demo/dev", "In the import ID"),
        ("demo/dev:", "In the import ID"),
        ("demo/dev:A,", "In the import ID"),
        ("demo/dev:A,9", "In the import ID"),
    ] {
        let diagnostics = Held::import(&harness, id).await.expect_err(id);
        let expected = format!("Error: Invalid import ID\n{expected} ");
        assert!(diagnostics[0].starts_with(&expected), "{id}: {diagnostics:?}");
    }
}
