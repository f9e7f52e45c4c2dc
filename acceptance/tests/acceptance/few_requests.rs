//! How many requests the real terraform costs. Correctness is asserted; the counts are printed, because they depend on
//! how fast terraform writes its state file.

use std::collections::{BTreeMap, BTreeSet};

use testkit::World;

const COUNT: usize = 1000;

fn variables(count: usize, value: &str) -> String {
    format!(
        r#"provider "kontraktor" {{
  batch {{
    window_ms = 3
    max_items = 500
  }}
}}
resource "kontraktor_variable" "this" {{
  count   = {count}
  project = "few"
  env     = "dev"
  key     = "KEY_${{count.index}}"
  value   = "{value} ${{count.index}}"
}}
"#
    )
}

/// How many batches, and how many writes, the log holds of an environment.
fn logged(world: &World) -> (usize, usize) {
    let run = world.ktr(&["audit", "--project", "few", "--limit", "100000", "--output", "json"]).ok();
    let log: serde_json::Value = serde_json::from_str(&run.stdout).expect("ktr prints JSON");
    let writes: Vec<_> = (log["entries"].as_array().expect("a list").iter())
        .filter(|entry| !entry["key"].is_null())
        .map(|entry| entry["batch_id"].as_str().expect("every write has its batch").to_owned())
        .collect();
    (writes.iter().collect::<BTreeSet<_>>().len(), writes.len())
}

fn stored(world: &World) -> BTreeMap<String, String> {
    let run = world.ktr(&["env", "show", "few/dev", "--output", "json"]).ok();
    let shown: serde_json::Value = serde_json::from_str(&run.stdout).expect("ktr prints JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    (shown["variables"].as_array().expect("a list").iter())
        .map(|variable| (text(&variable["key"]), text(&variable["value"])))
        .collect()
}

fn expected(value: &str) -> BTreeMap<String, String> {
    (0..COUNT).map(|number| (format!("KEY_{number}"), format!("{value} {number}"))).collect()
}

#[test]
fn a_thousand_resources_are_written_in_batches() {
    let world = World::new();
    let workspace = world.workspace(&variables(COUNT, "one"));
    let mut before = (0, 0);
    let mut count = |step: &str| {
        let now = logged(&world);
        let (batches, writes) = (now.0 - before.0, now.1 - before.1);
        println!("{step}: {writes} writes in {batches} requests");
        assert_eq!(writes, COUNT, "{step}: every variable once");
        assert!(batches <= writes);
        before = now;
    };
    workspace.apply(&[]).ok().says(&["1000 added"]);
    assert_eq!(stored(&world), expected("one"));
    count("create, 10 at a time");
    workspace.settled();

    workspace.main(&variables(COUNT, "two"));
    workspace.apply(&["-parallelism=200"]).ok().says(&["1000 changed"]);
    assert_eq!(stored(&world), expected("two"));
    count("update, 200 at a time");

    workspace.destroy().says(&["1000 destroyed"]);
    assert!(stored(&world).is_empty());
    count("destroy, 10 at a time");
}

/// Two resources for one key are written at the same time; only one of them can be created, and no other resource fails.
#[test]
fn a_refused_item_fails_alone() {
    let world = World::new();
    let twice = |name: &str| {
        format!(
            "resource \"kontraktor_variable\" \"{name}\" {{\n  project = \"few\"\n  env = \"dev\"\n  \
             key = \"SAME\"\n  value = \"{name}\"\n}}\n"
        )
    };
    let workspace = world.workspace(&(variables(8, "one") + &twice("a") + &twice("b")));
    workspace.apply(&[]).fails().says(&["Resource already exists", "few/dev/SAME"]);
    assert_eq!(stored(&world).len(), 9);
}

#[test]
fn what_batch_may_hold_is_checked_without_a_daemon() {
    let world = World::without_daemon();
    // Terraform looks at the block of a provider only where something needs it.
    let workspace = world.workspace(&variables(1, "one").replace("window_ms = 3", "window_ms = 101"));
    workspace.terraform(&["validate", "-no-color"]).fails().says(&[
        "Invalid batch.window_ms",
        "between 0 and 100",
        "window_ms = 101",
    ]);
}
