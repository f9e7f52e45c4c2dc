//! Writes by others between a plan and its apply, and lost responses.

use kontraktor_model::value::ValueType;
use tfplugin_proto::value::Value;

use super::{Held, bulk, created, elements, text, texts, typed};
use crate::tests::Harness;

#[tokio::test]
async fn someone_elses_change_of_one_key_stops_the_whole_write() {
    let harness = Harness::new().await;
    let mut held = created(
        &harness,
        &bulk([
            ("variables", texts([("A", "1"), ("B", "1"), ("C", "1")])),
            ("typed", elements([("T", typed("number", "1.50", None))])),
        ]),
    )
    .await;
    let config = bulk([
        ("variables", texts([("A", "2"), ("B", "1")])),
        ("typed", elements([("T", typed("number", "2", Some("two")))])),
    ]);
    let plan = held.plan(&harness, Some(&config)).await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    // A key that is not part of the plan may change.
    harness.daemon.write("demo/dev/B", ValueType::String, "theirs");
    harness.daemon.write("demo/dev/C", ValueType::Number, "3");
    harness.daemon.delete("demo/dev/T");
    let before = held.clone();
    let diagnostics = held.carry_out(&harness, Some(&config), plan).await;
    insta::assert_snapshot!(diagnostics.join("\n---\n"), @r#"
    Error at variables["A"]: Variable was changed outside of this plan
    demo/dev/A was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      planned from: revision 1
      current:      revision 2

    Run `terraform plan` again to compare the configuration with what is stored now.
    ---
    Error at variables["C"]: Variable was changed outside of this plan
    demo/dev/C was changed by unix:ada through ktr at 2023-11-14T22:13:20Z after the plan was made. Nothing was written.

      planned from: revision 1
      current:      revision 4

    Run `terraform plan` again to compare the configuration with what is stored now.
    ---
    Error at typed["T"]: Variable was deleted outside of this plan
    demo/dev/T was deleted after the plan was made. Nothing was written.

      planned from: revision 1

    Run `terraform plan` again to compare the configuration with what is stored now.
    "#);
    assert_eq!((&held.state, &held.private), (&before.state, &before.private));
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("theirs"));
    assert_eq!(harness.daemon.value("demo/dev/C").as_deref(), Some("3"));

    // The next plan rests on what is there now.
    held.refresh(&harness).await;
    held.applied(&harness, &config).await;
    held.assert_no_changes(&harness, &config).await;
    assert_eq!(harness.daemon.value("demo/dev/C"), None);
}

#[tokio::test]
async fn many_conflicts_are_counted() {
    let harness = Harness::new().await;
    let all = |value: &str| {
        let entries = (0..30).map(|number| (format!("K{number:02}"), text(value)));
        bulk([("variables", Value::object(entries))])
    };
    let mut held = created(&harness, &all("1")).await;
    for number in 0..30 {
        harness.daemon.write(&format!("demo/dev/K{number:02}"), ValueType::String, "theirs");
    }
    let diagnostics = held.apply(&harness, &all("2")).await;
    assert_eq!(diagnostics.len(), 21);
    assert!(
        diagnostics[0]
            .starts_with("Error at variables[\"K00\"]: Variable was changed outside of this plan\ndemo/dev/K00 was changed by unix:ada through ktr")
    );
    insta::assert_snapshot!(diagnostics[20], @"
    Error: 10 more errors
    They concern other keys. At most 20 errors are shown at once.
    ");
}

#[tokio::test]
async fn overwrite_writes_over_what_others_wrote() {
    let harness = Harness::new().await;
    let config =
        |value: &str| bulk([("variables", texts([("A", value)])), ("on_conflict", text("overwrite"))]);
    let mut held = created(&harness, &config("1")).await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    held.applied(&harness, &config("2")).await;
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("2"));
    held.refresh(&harness).await;
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
    assert_eq!(harness.daemon.value("demo/dev/A"), None);
}

#[tokio::test]
async fn keys_that_move_to_another_resource_outlive_the_old_one() {
    let overwrite = |entries| bulk([("variables", entries), ("on_conflict", text("overwrite"))]);
    let harness = Harness::new().await;
    let mut all = created(&harness, &overwrite(texts([("A", "1"), ("B", "1"), ("C", "1")]))).await;
    // Without `moved`, a host creates the new one and lets the old one go, in any order.
    harness.configure([]).await;
    let mut some = created(&harness, &overwrite(texts([("A", "1"), ("B", "2")]))).await;
    all.applied(&harness, &overwrite(texts([("C", "1")]))).await;
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("1"));
    assert_eq!(harness.daemon.value("demo/dev/B").as_deref(), Some("2"));
    all.assert_no_changes(&harness, &overwrite(texts([("C", "1")]))).await;
    created(&harness, &overwrite(texts([("A", "1"), ("B", "2")]))).await;
    assert_eq!(some.destroy(&harness).await, Vec::<String>::new());
    assert_eq!(harness.daemon.value("demo/dev/A").as_deref(), Some("1"));
    assert_eq!(harness.daemon.value("demo/dev/B").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_key_that_is_gone_already_does_not_stop_a_delete() {
    let harness = Harness::new().await;
    let mut held =
        created(&harness, &bulk([("variables", texts([("A", "1"), ("B", "1"), ("C", "1")]))])).await;
    harness.daemon.delete("demo/dev/B");
    held.applied(&harness, &bulk([("variables", texts([("A", "2"), ("C", "1")]))])).await;
    harness.daemon.delete("demo/dev/A");
    assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
    assert_eq!(harness.daemon.value("demo/dev/C"), None);
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_keeps_the_object() {
    let harness = Harness::new().await;
    let config = bulk([
        ("variables", texts([("A", "1")])),
        ("typed", elements([("N", typed("number", "1.50", None))])),
    ]);
    harness.daemon.set_mute(true);
    let mut held = Held::default();
    let diagnostics = held.apply(&harness, &config).await;
    insta::assert_snapshot!(diagnostics[0].replace(&harness.host(), "HOST"), @"
    Error: Outcome of the write is unknown
    The provider tried to create variables of demo/dev. The outcome of WriteVariables is unknown: it was sent to kontraktord at HOST, and no response came back (deadline exceeded).

    The state keeps the object as it was planned, marked as tainted. Run `terraform plan` again: if the write did not happen, it plans to create the object; if it did, it plans to replace the object. Run `terraform untaint ADDRESS` to keep the object as it is.
    ");
    assert_eq!((&held.state()["variables"], &held.state()["revision"]), (&texts([("A", "1")]), &Value::Null));

    harness.daemon.set_mute(false);
    held.assert_no_changes(&harness, &config).await;
    // Of a tainted object nothing is remembered, and nothing promised: it can be deleted.
    held.private.clear();
    harness.daemon.write("demo/dev/A", ValueType::String, "theirs");
    assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_update_whose_answer_is_lost_keeps_the_state() {
    let harness = Harness::new().await;
    let mut held = created(&harness, &bulk([("variables", texts([("A", "1")]))])).await;
    let before = held.clone();
    harness.daemon.set_mute(true);
    let config = bulk([("variables", texts([("A", "2")]))]);
    let diagnostics = held.apply(&harness, &config).await;
    assert!(
        diagnostics[0].starts_with("Error: Outcome of the write is unknown\nThe provider tried to update"),
        "{diagnostics:?}"
    );
    assert_eq!((&held.state, &held.private), (&before.state, &before.private));
    let diagnostics = held.destroy(&harness).await;
    assert!(
        diagnostics[0].starts_with("Error: Outcome of the write is unknown\nThe provider tried to delete"),
        "{diagnostics:?}"
    );
    harness.daemon.set_mute(false);
    // What the lost answer was about shows.
    held.refresh(&harness).await;
    assert_eq!(held.state()["variables"], texts([("A", "2")]));
    assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
}

#[tokio::test]
async fn create_missing_can_be_switched_off() {
    let harness = Harness::with([("create_missing", Value::from(false))]).await;
    let config = bulk([("variables", texts([("A", "1"), ("B", "2")]))]);
    let diagnostics = Held::default().apply(&harness, &config).await;
    insta::assert_snapshot!(diagnostics.join("\n---\n"), @r#"
    Error: Failed to create variables of demo/dev
    There is no project "demo".

    Create the project and environment first with kontraktor_project and kontraktor_environment, or set create_missing = true in the provider block.
    "#);
}

#[tokio::test]
async fn a_write_is_read_anew_and_keys_of_one_walk_are_one_request() {
    let harness = Harness::new().await;
    let config = |value: &str| bulk([("variables", texts([("A", value)]))]);
    let mut held = created(&harness, &config("1")).await;
    held.refresh(&harness).await;
    held.read(&harness).await;
    let request = harness.daemon.request();
    held.applied(&harness, &config("2")).await;
    assert_eq!(harness.daemon.request(), request, "changing a key asks for nothing");
    held.read(&harness).await;
    assert_eq!(harness.daemon.request(), request + 1);
    assert_eq!(held.state()["variables"], texts([("A", "2")]));
}

#[tokio::test]
async fn a_private_state_that_someone_edited_promises_nothing_and_is_refused() {
    let harness = Harness::new().await;
    let config = bulk([("variables", texts([("A", "1")]))]);
    let mut held = created(&harness, &config).await;
    held.private = br#"{"revisions":"[1]"}"#.to_vec();
    let plan = held.plan(&harness, Some(&config)).await;
    assert!(plan.refusal().starts_with("Error: Invalid private state"), "{:?}", plan.diagnostics);
}
