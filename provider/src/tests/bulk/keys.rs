//! Which keys are written, in which spelling, and the validation without the daemon.

use std::sync::atomic::Ordering;

use kontraktor_model::value::ValueType;
use tfplugin_proto::value::Value;

use super::{Held, VARIABLES, bulk, created, elements, text, texts, typed};
use crate::tests::Harness;

fn mixed(rate: &str, policy: &str) -> crate::framework::Fields {
    bulk([
        ("variables", texts([("HOST", "db"), ("EMPTY", "")])),
        (
            "typed",
            elements([
                ("RATE", typed("number", rate, Some("per second"))),
                ("POLICY", typed("json", policy, None)),
                ("NAME", typed("", "plain", Some("what it is called"))),
            ]),
        ),
    ])
}

#[tokio::test]
async fn keys_keep_their_authors_spelling_from_create_to_delete() {
    let harness = Harness::new().await;
    let config = mixed("1.50", r#"{"b": 1.0, "a": [2]}"#);
    let mut held = created(&harness, &config).await;
    let state = held.state().clone();
    assert_eq!((&state["id"], &state["revision"]), (&text("demo/dev"), &Value::from(1_u64)));
    assert_eq!(
        (&state["ownership"], &state["deletion_protection"]),
        (&text("additive"), &Value::from(false))
    );
    let rate = state["typed"].get("RATE").expect("it is there");
    assert_eq!(rate.get("value"), Some(&text("1.50")));
    assert_eq!(state["typed"].get("NAME").and_then(|name| name.get("type")), Some(&text("string")));
    assert_eq!(harness.daemon.value("demo/dev/RATE").as_deref(), Some("1.5"));
    assert_eq!(harness.daemon.value("demo/dev/EMPTY").as_deref(), Some(""));
    assert_eq!(harness.daemon.writes.load(Ordering::SeqCst), 1);

    held.assert_no_changes(&harness, &config).await;
    assert_eq!(held.state(), &state);
    // Other spellings of the same are no change, also of one key among others.
    held.assert_no_changes(&harness, &mixed("15e-1", r#"{"a":[2.0],"b":1}"#)).await;
    harness.daemon.write("demo/dev/RATE", ValueType::String, "1.5");
    held.refresh(&harness).await;
    let drifted = held.state()["typed"].get("RATE").expect("it is there").clone();
    assert_eq!((drifted.get("type"), drifted.get("description")), (Some(&text("string")), Some(&text(""))));
    held.applied(&harness, &config).await;
    held.assert_no_changes(&harness, &config).await;

    assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
    assert_eq!(held.state, None);
    assert_eq!(harness.daemon.value("demo/dev/HOST"), None);
    assert_eq!(harness.daemon.writes.load(Ordering::SeqCst), 3);
}

/// "A map resource that rewrites unchanged keys."
#[tokio::test]
async fn unchanged_keys_are_not_rewritten() {
    let harness = Harness::new().await;
    let config = bulk([("variables", texts([("A", "1"), ("B", "1"), ("C", "1")]))]);
    let mut held = created(&harness, &config).await;
    let (writes, items) = (&harness.daemon.writes, &harness.daemon.items);
    assert_eq!((writes.load(Ordering::SeqCst), items.load(Ordering::SeqCst)), (1, 3));

    let config = bulk([("variables", texts([("A", "1"), ("B", "2"), ("D", "1")]))]);
    held.applied(&harness, &config).await;
    assert_eq!((writes.load(Ordering::SeqCst), items.load(Ordering::SeqCst)), (2, 6), "B, C and D");
    let revision = |key: &str| harness.daemon.variable(&format!("demo/dev/{key}")).map(|held| held.revision);
    assert_eq!(
        (revision("A"), revision("B"), revision("C"), revision("D")),
        (Some(1), Some(2), None, Some(2))
    );
    assert_eq!(held.state()["revision"], Value::from(2_u64));
    held.assert_no_changes(&harness, &config).await;
}

#[tokio::test]
async fn what_writes_nothing_asks_for_nothing() {
    let harness = Harness::new().await;
    let plain = || ("variables", texts([("A", "1")]));
    let mut held = created(&harness, &bulk([plain()])).await;
    let before = held.private.clone();
    for config in [
        bulk([plain(), ("on_conflict", text("overwrite"))]),
        bulk([plain(), ("typed", elements([]))]),
        // The same key in the other map means the same.
        bulk([("typed", elements([("A", typed("string", "1", None))]))]),
        bulk([plain(), ("ownership", text("exclusive"))]),
        bulk([plain(), ("ownership", text("additive"))]),
    ] {
        let plan = held.plan(&harness, Some(&config)).await;
        assert_eq!(plan.success()["revision"], Value::from(1_u64));
        held.applied(&harness, &config).await;
        held.assert_no_changes(&harness, &config).await;
    }
    assert_eq!(harness.daemon.writes.load(Ordering::SeqCst), 1);
    assert_eq!(held.private, before);
}

#[tokio::test]
async fn a_resource_may_hold_no_key() {
    let harness = Harness::new().await;
    let config = bulk([("variables", texts([]))]);
    let mut held = created(&harness, &config).await;
    assert_eq!(held.state()["revision"], Value::Null);
    held.assert_no_changes(&harness, &config).await;
    assert_eq!(harness.daemon.writes.load(Ordering::SeqCst), 0);
    assert_eq!(held.destroy(&harness).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_was_given_a_type_or_a_description_is_taken_back() {
    let harness = Harness::new().await;
    let config = bulk([("variables", texts([("A", "1"), ("B", "2")]))]);
    let mut held = created(&harness, &config).await;
    harness.daemon.write("demo/dev/A", ValueType::Number, "1");
    held.refresh(&harness).await;
    assert_eq!(held.state()["variables"], texts([("B", "2")]));
    assert_eq!(held.state()["typed"], elements([("A", typed("number", "1", None))]));
    let items = harness.daemon.items.load(Ordering::SeqCst);
    held.applied(&harness, &config).await;
    assert_eq!(harness.daemon.items.load(Ordering::SeqCst), items + 1, "one put corrects it");
    assert_eq!(harness.daemon.variable("demo/dev/A").map(|held| held.r#type), Some(1));
    held.assert_no_changes(&harness, &config).await;
}

/// "Out-of-band deletion errors instead of recreating."
#[tokio::test]
async fn what_was_deleted_elsewhere_is_recreated() {
    let harness = Harness::new().await;
    let config = bulk([("variables", texts([("A", "1"), ("B", "2")]))]);
    let mut held = created(&harness, &config).await;
    harness.daemon.delete("demo/dev/A");
    held.refresh(&harness).await;
    assert_eq!(held.state()["variables"], texts([("B", "2")]));
    held.applied(&harness, &config).await;
    harness.daemon.delete("demo/dev/A");
    harness.daemon.delete("demo/dev/B");
    held.refresh(&harness).await;
    assert_eq!(held.state()["variables"], texts([]), "the environment is there still");
    held.applied(&harness, &config).await;
    held.assert_no_changes(&harness, &config).await;

    // With its environment, the object is gone.
    let elsewhere = Harness::new().await;
    held.refresh(&elsewhere).await;
    assert_eq!(held.state, None);
}

#[tokio::test]
async fn a_plan_is_unknown_only_where_it_must_be() {
    let harness = Harness::new().await;
    let config = bulk([("variables", texts([("A", "1")]))]);
    let held = created(&harness, &config).await;
    let unknown = Value::object([("A", Value::Unknown), ("B", text("2"))]);
    for (config, revision) in [
        (bulk([("variables", unknown.clone())]), Value::Unknown),
        (bulk([("variables", Value::Unknown)]), Value::Unknown),
        (bulk([("variables", texts([("A", "1")])), ("typed", Value::Unknown)]), Value::Unknown),
        (
            bulk([("variables", texts([("A", "1")])), ("typed", elements([("B", Value::Unknown)]))]),
            Value::Unknown,
        ),
        (config.clone(), Value::from(1_u64)),
    ] {
        let plan = held.plan(&harness, Some(&config)).await;
        assert_eq!(plan.success()["revision"], revision);
        assert_eq!(plan.success()["variables"], config["variables"]);
    }
    let moved = [config, super::fields([("env", text("prod"))])].into_iter().flatten().collect();
    assert_eq!(held.plan(&harness, Some(&moved)).await.replaces, ["env"]);
    let plan =
        Held::default().plan(&harness, Some(&bulk([("env", Value::Unknown), ("variables", unknown)]))).await;
    assert_eq!(plan.success()["id"], Value::Unknown);
}

#[tokio::test]
async fn ten_thousand_keys_are_one_write_and_more_are_refused_by_the_plan() {
    let harness = Harness::with([("timeout", text("60s"))]).await;
    let many = |count: usize, value: &str| {
        let entries = (0..count).map(|number| (format!("KEY_{number}"), text(value)));
        bulk([("variables", Value::object(entries))])
    };
    let mut held = created(&harness, &many(10_000, "one")).await;
    held.applied(&harness, &many(10_000, "two")).await;
    assert_eq!(harness.daemon.writes.load(Ordering::SeqCst), 2);
    // What does not change does not count.
    held.applied(&harness, &many(10_001, "two")).await;
    let plan = held.plan(&harness, Some(&many(10_001, "three"))).await;
    insta::assert_snapshot!(plan.refusal(), @"
    Error: Too many changed variables
    10001 keys of demo/dev change, and one atomic write takes at most 10000 keys. Apply the change in several steps, or spread the keys over several kontraktor_variables.
    ");
    insta::assert_snapshot!(held.plan(&harness, None).await.refusal(), @"
    Error: Too many changed variables
    10001 keys of demo/dev change, and one atomic write takes at most 10000 keys. Apply the change in several steps, or spread the keys over several kontraktor_variables.
    ");

    let large = "x".repeat(65_536);
    let plan = Held::default().plan(&harness, Some(&many(1_100, &large))).await;
    insta::assert_snapshot!(plan.refusal(), @"
    Error: Changed variables are too large
    The changed keys of demo/dev have 72175390 bytes, and one atomic write takes at most 67108864 bytes (64 MiB). Apply the change in several steps, or spread the keys over several kontraktor_variables.
    ");
}

#[tokio::test]
async fn what_breaks_a_rule_is_found_without_the_daemon_and_at_its_element() {
    let harness = Harness::new().await;
    let one = |key: &str, value: Value| bulk([("variables", Value::object([(key, value)]))]);
    let element = |element: Value| bulk([("typed", elements([("A", element)]))]);
    let long = "x".repeat(65_537);
    for (config, expected) in [
        (bulk([]), vec![]),
        (one("A", text("")), vec![]),
        (one("A", Value::Unknown), vec![]),
        (bulk([("variables", Value::Unknown), ("typed", Value::Unknown)]), vec![]),
        (element(Value::Unknown), vec![]),
        (
            element(Value::object([
                ("value", text("ten")),
                ("type", Value::Unknown),
                ("description", Value::Null),
            ])),
            vec![],
        ),
        (one("9", text("x")), vec![r#"Error at variables["9"]: Invalid key in variables"#]),
        (one("A", Value::Null), vec![r#"Error at variables["A"]: Missing variables["A"]"#]),
        (one("A", text(&long)), vec![r#"Error at variables["A"]: Invalid variables["A"]"#]),
        (one("A", text("a\0b")), vec![r#"Error at variables["A"]: Invalid variables["A"]"#]),
        (element(Value::Null), vec![r#"Error at typed["A"]: Missing typed["A"]"#]),
        (
            element(Value::object([
                ("value", Value::Null),
                ("type", Value::Null),
                ("description", Value::Null),
            ])),
            vec![r#"Error at typed["A"].value: Missing typed["A"].value"#],
        ),
        (
            element(typed("number", "ten", None)),
            vec![r#"Error at typed["A"].value: Invalid typed["A"].value"#],
        ),
        (element(typed("text", "x", None)), vec![r#"Error at typed["A"].type: Invalid typed["A"].type"#]),
        (
            element(typed("", "x", Some(&"d".repeat(1_025)))),
            vec![r#"Error at typed["A"].description: Invalid typed["A"].description"#],
        ),
        (
            bulk([("typed", elements([("a b", typed("", "x", None))]))]),
            vec![r#"Error at typed["a b"]: Invalid key in typed"#],
        ),
        (
            bulk([("variables", texts([("A", "1")])), ("typed", elements([("A", typed("", "1", None))]))]),
            vec![r#"Error at typed["A"]: Duplicate key"#],
        ),
        (bulk([("ownership", text("mine"))]), vec!["Error at ownership: Invalid ownership"]),
        (bulk([("on_conflict", text("win"))]), vec!["Error at on_conflict: Invalid on_conflict"]),
        (bulk([("project", text("Demo"))]), vec!["Error at project: Invalid project"]),
    ] {
        let diagnostics = harness.validate(VARIABLES, &config).await;
        let first: Vec<_> = diagnostics.iter().filter_map(|message| message.lines().next()).collect();
        assert_eq!(first, expected);
    }
    let bad = bulk([("variables", Value::object((0..30).map(|number| (format!("{number}"), text("x")))))]);
    let diagnostics = harness.validate(VARIABLES, &bad).await;
    insta::assert_snapshot!(format!("{} messages, the last:\n{}", diagnostics.len(), diagnostics[20]), @"
    21 messages, the last:
    Error: 10 more errors
    They concern other keys. At most 20 errors are shown at once.
    ");
    assert_eq!(harness.daemon.request(), 0);
}
