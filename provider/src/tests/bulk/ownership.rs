//! Whose keys are whose: additive and exclusive ownership, what exists already, and imports.

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
        first.settled(&harness, &ours).await;
        second.settled(&harness, &theirs).await;
    }
    assert_eq!(first.destroy(&harness).await, Vec::<String>::new());
    second.settled(&harness, &theirs).await;
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
    Error: demo/dev holds 2 keys already that this resource is to create
    Nothing was written. A key belongs to one resource, and somebody else made A, B.

    Import them, and the plan shows what changes. Put the resource's name in the place of NAME:

    import {
      to = kontraktor_variables.NAME
      id = "demo/dev:A,B"
    }

    Or set on_conflict = "overwrite", and the values of this configuration take their place. Where it is this resource itself that is being replaced, leave its keys as they are and change them in a second apply, and use neither create_before_destroy nor -refresh=false.

    If this stops `terraform destroy`: it begins with a plan like any other, which `terraform destroy -refresh=false` leaves out. That deletes what the state holds, and no other keys.
    "#);

    // Adding a key is no different, but an import is not to be had while the resource is in the state.
    held.applied(&harness, &bulk([("variables", texts([("C", "3")]))])).await;
    insta::assert_snapshot!(held.plan(&harness, Some(&config)).await.refusal(), @r#"
    Error: demo/dev holds 2 keys already that this resource is to create
    Nothing was written. A key belongs to one resource, and somebody else made A, B.

    Set on_conflict = "overwrite" for one apply, and the values of this configuration take their place.

    If this stops `terraform destroy`: it begins with a plan like any other, which `terraform destroy -refresh=false` leaves out. That deletes what the state holds, and no other keys.
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
        (bulk([("variables", texts([("A", "1"), ("C", "2")]))]), "holds 1 key already"),
        (exclusive(texts([("C", "1")])), "holds 2 keys that this resource does not own"),
    ] {
        let plan = Held::default().plan(&harness, Some(&second)).await;
        assert!(plan.refusal().contains(what), "{:?}", plan.told);
    }
}

#[tokio::test]
async fn a_key_that_comes_between_plan_and_apply_is_not_overwritten() {
    let harness = Harness::new().await;
    let config = bulk([("variables", texts([("A", "1"), ("B", "2")]))]);
    let mut held = Held::default();
    let plan = held.plan(&harness, Some(&config)).await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    let told = held.carry_out(&harness, Some(&config), plan).await;
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("Error: demo/dev holds 1 key already that this resource is to create"),
        "{told:?}"
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
    assert_eq!(held.plan(&harness, Some(&config)).await.good()["deletion_protection"], Value::Unknown);
    held.applied(&harness, &config).await;
    assert_eq!(held.state()["deletion_protection"], Value::Null, "they differ");
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("1"));
    held.settled(&harness, &config).await;
}

#[tokio::test]
async fn a_replacement_does_not_stumble_over_itself() {
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
async fn a_replacement_that_is_asked_for_without_a_refresh_does_not_stumble_over_itself() {
    let harness = Harness::new().await;
    for config in [bulk([("variables", texts([("A", "1"), ("B", "2")]))]), exclusive(texts([("A", "1")]))] {
        let mut held = created(&harness, &config).await;
        harness.configure([]).await;
        // With -replace, a host plans the object as it is, and then as if there were none.
        held.plan(&harness, Some(&config)).await.good();
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
    let told = held.carry_out(&harness, Some(&config), plan).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("Error at variables[\"PLAIN\"]: demo/dev/PLAIN was changed"), "{told:?}");
    assert_eq!(harness.daemon.value("demo/dev/NUMBER").as_deref(), Some("7"));
    held.refresh(&harness).await;
    held.applied(&harness, &config).await;
    assert_eq!(harness.daemon.value("demo/dev/PLAIN"), None);
    assert_eq!(harness.daemon.value("demo/dev/NUMBER"), None);
    held.settled(&harness, &config).await;
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
    Error at ownership: demo/dev holds 23 keys that this resource does not own
    With ownership = "exclusive", what the configuration lists takes the place of all that the environment holds, and no plan would show what becomes of these keys: F00, F01, F02, F03, F04, F05, F06, F07, F08, F09, F10, F11, F12, F13, F14, F15, F16, F17, F18, F19 and 3 more.

    Import the environment, and the plan shows what becomes of each key. Put the resource's name in the place of NAME:

    import {
      to = kontraktor_variables.NAME
      id = "demo/dev:*"
    }

    Or keep ownership = "additive", which leaves keys alone that the configuration does not list.

    If this stops `terraform destroy`: it begins with a plan like any other, which `terraform destroy -refresh=false` leaves out. That deletes what the state holds, and no other keys.
    "#);

    // What is overwritten is adopted; what is not listed would be deleted unseen.
    let overwrite =
        [config.clone(), super::fields([("on_conflict", text("overwrite"))])].into_iter().flatten().collect();
    let plan = held.plan(&harness, Some(&overwrite)).await;
    assert!(plan.refusal().starts_with("Error at ownership: demo/dev holds 22 keys"), "{:?}", plan.told);

    let additive = bulk([("variables", texts([("A", "1")]))]);
    held.applied(&harness, &additive).await;
    let plan = held.plan(&harness, Some(&exclusive(texts([("A", "1")])))).await;
    insta::assert_snapshot!(plan.refusal(), @r#"
    Error at ownership: demo/dev holds 23 keys that this resource does not own
    With ownership = "exclusive", what the configuration lists takes the place of all that the environment holds, and no plan would show what becomes of these keys: F00, F01, F02, F03, F04, F05, F06, F07, F08, F09, F10, F11, F12, F13, F14, F15, F16, F17, F18, F19 and 3 more.

    Import the environment, and the plan shows what becomes of each key. The resource is in the state already, so forget it first, which deletes nothing: `terraform state rm kontraktor_variables.NAME`. Put the resource's name in the place of NAME:

    import {
      to = kontraktor_variables.NAME
      id = "demo/dev:*"
    }

    Or keep ownership = "additive", which leaves keys alone that the configuration does not list.

    If this stops `terraform destroy`: it begins with a plan like any other, which `terraform destroy -refresh=false` leaves out. That deletes what the state holds, and no other keys.
    "#);

    let mut imported = Held::import(&harness, "demo/dev:*").await.expect("the environment is there");
    let plan = imported.plan(&harness, Some(&config)).await;
    assert_eq!(plan.good()["variables"], config["variables"]);
    imported.applied(&harness, &config).await;
    imported.settled(&harness, &config).await;
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
        let (planned, mut state) = (plan.good().clone(), held.state().clone());
        // Only the author's other spelling of the number is told apart by nothing but its text.
        state.insert("typed".to_owned(), planned["typed"].clone());
        assert_eq!(planned, state, "{id}");
        held.applied(&harness, &config).await;
        held.settled(&harness, &config).await;
    }
    assert_eq!(harness.daemon.writes.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_import_says_what_is_not_there() {
    let harness = Harness::new().await;
    harness.daemon.write("demo/dev/A", ValueType::String, "1");
    let told = Held::import(&harness, "demo/dev:A,B,C").await.expect_err("two are missing");
    insta::assert_snapshot!(told.join("\n---\n"), @"
    Error: demo/dev does not hold 2 keys of the import
    There is no plain variable to import under B, C. Leave them out of the import id; what is in the configuration and not imported is created by the next apply.
    ");
    let nothing = Held::import(&harness, "demo/prod").await.expect("the host says that it does not exist");
    assert_eq!(nothing.state, None);
    for (id, expected) in [
        ("demo", "Error: The import id has the wrong shape"),
        ("demo/dev/A", "Error: The import id has the wrong shape"),
        ("Demo/dev", "Error: The import id is not valid"),
        ("demo/dev:", "Error: The import id is not valid"),
        ("demo/dev:A,", "Error: The import id is not valid"),
        ("demo/dev:A,9", "Error: The import id is not valid"),
    ] {
        let told = Held::import(&harness, id).await.expect_err(id);
        assert_eq!(told[0].lines().next(), Some(expected), "{id}");
    }
}
