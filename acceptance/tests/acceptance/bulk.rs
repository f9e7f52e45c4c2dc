//! `kontraktor_variables`: many keys as one object, with the real terraform and the real daemon.

mod addresses;
mod drift;
mod ownership;
mod rules;

use serde_json::{Value, json};
use testkit::World;

/// Returns a resource for `bulk/dev` with these lines.
fn bulk(name: &str, lines: &str) -> String {
    format!(
        "resource \"kontraktor_variables\" \"{name}\" {{\n  project = \"bulk\"\n  env = \"dev\"\n{lines}\n}}\n"
    )
}

/// Returns the variables of `bulk/dev` as key, type and value.
fn stored(world: &World) -> Vec<(String, String, String)> {
    let run = world.ktr(&["env", "show", "bulk/dev", "--output", "json"]).ok();
    let shown: Value = serde_json::from_str(&run.stdout).expect("ktr prints JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (shown["variables"].as_array().expect("a list").iter())
        .map(|variable| (text(&variable["key"]), text(&variable["type"]), text(&variable["value"])))
        .collect()
}

fn keys(world: &World) -> Vec<String> {
    stored(world).into_iter().map(|(key, _, _)| key).collect()
}

/// Returns how many keys were written so far, and in how many batches.
fn logged(world: &World) -> (usize, usize) {
    let run = world.ktr(&["audit", "--project", "bulk", "--limit", "100000", "--output", "json"]).ok();
    let log: Value = serde_json::from_str(&run.stdout).expect("ktr prints JSON");
    let batches: Vec<_> = (log["entries"].as_array().expect("a list").iter())
        .filter(|entry| !entry["key"].is_null())
        .map(|entry| entry["batch_id"].as_str().unwrap_or_default().to_owned())
        .collect();
    (batches.len(), batches.iter().collect::<std::collections::BTreeSet<_>>().len())
}

fn set(world: &World, pairs: &[&str]) {
    world.ktr(&[&["var", "set", "--create", "bulk/dev"], pairs].concat()).ok();
}

const MIXED: &str = r#"
  variables = { HOST = "db", EMPTY = "" }
  typed = {
    RATE   = { value = "1.50", type = "number", description = "per second" }
    POLICY = { value = "{\"b\": 1.0, \"a\": [1, 2]}", type = "json" }
    ON     = { value = true, type = "bool" }
    NAME   = { value = "plain" }
  }"#;

#[test]
fn keys_of_every_type_are_created_changed_and_deleted() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", MIXED));
    workspace.apply(&[]).ok().says(&["1 added"]);
    assert_eq!(logged(&world), (6, 1), "one atomic write");
    workspace.settled();
    let attributes = workspace.attributes("kontraktor_variables.v");
    assert_eq!(attributes["typed"]["RATE"]["value"], "1.50", "the author's text is kept");
    assert_eq!(attributes["typed"]["NAME"]["type"], "string");
    assert_eq!((&attributes["revision"], &attributes["id"]), (&json!(1), &json!("bulk/dev")));
    let rate = ("RATE".to_owned(), "number".to_owned(), "1.5".to_owned());
    assert!(stored(&world).contains(&rate), "{:?}", stored(&world));

    // Other spellings of the same value, in the daemon or the configuration, are no change.
    world
        .ktr(&["var", "set", "bulk/dev", "RATE=15e-1", "--type", "number", "--description", "per second"])
        .ok();
    workspace.settled();
    workspace.main(&bulk("v", &MIXED.replace("1.50", "1.500"))).settled();
    workspace.destroy().ok().says(&["1 destroyed"]);
    assert_eq!(stored(&world), []);
}

/// terraform-provider-consul PR#456.
#[test]
fn unchanged_keys_are_not_rewritten_and_a_plan_shows_each_that_changes() {
    let world = World::new();
    let workspace = world.workspace(&bulk("v", MIXED));
    workspace.apply(&[]).ok();
    workspace.main(&bulk(
        "v",
        &MIXED.replace("\"db\"", "\"db2\", NEW = \"n\"").replace("1.50", "2").replace(", EMPTY = \"\"", ""),
    ));
    let plan = workspace.plan(&[]);
    plan.says(&[
        r#"~ "HOST" = "db" -> "db2""#,
        r#"+ "NEW" = "n""#,
        r#"- "EMPTY" = "" -> null"#,
        r#"~ value = "1.50" -> "2""#,
        "(3 unchanged elements hidden)",
        "0 to add, 1 to change, 0 to destroy",
    ]);
    workspace.apply(&[]).ok();
    assert_eq!(logged(&world), (6 + 4, 2), "only changed keys were sent");
    workspace.settled();
    // Settings that do not change a value write nothing.
    let lines =
        MIXED.replace("\"db\"", "\"db2\", NEW = \"n\"").replace("1.50", "2").replace(", EMPTY = \"\"", "");
    workspace
        .main(&bulk("v", &format!("{lines}\n  on_conflict = \"overwrite\"\n  ownership = \"exclusive\"")));
    workspace.apply(&[]).ok().says(&["1 changed"]);
    workspace.settled();
    assert_eq!(logged(&world), (10, 2));
}

#[test]
fn five_thousand_keys() {
    let world = World::new();
    let config = |values: &str| {
        // One range gives 1,024 at most.
        let numbers = "flatten([for a in range(5) : [for b in range(1000) : a * 1000 + b]])";
        bulk("v", &format!("variables = {{ for n in {numbers} : \"KEY_${{n}}\" => \"{values}\" }}"))
    };
    let workspace = world.workspace(&config("one ${n}"));
    workspace.apply(&[]).ok().says(&["1 added"]);
    assert_eq!(logged(&world), (5000, 1));
    workspace.settled();
    workspace.main(&config("${n < 10 ? \"two\" : \"one\"} ${n}"));
    workspace.plan(&[]).says(&[r#""one 7" -> "two 7""#, "(4990 unchanged elements hidden)"]);
    workspace.apply(&[]).ok();
    assert_eq!(logged(&world), (5010, 2));
    workspace.destroy().ok();
    assert_eq!(logged(&world), (10_010, 3));
}

/// See terraform#30937.
#[test]
fn values_may_be_known_only_after_apply() {
    let world = World::new();
    let main = r#"resource "terraform_data" "db" {
      input = "db.internal"
    }
    "#
    .to_owned()
        + &bulk(
            "v",
            "variables = { HOST = terraform_data.db.output, PORT = \"1\" }\n  typed = { N = { value = terraform_data.db.output } }",
        )
        + &bulk(
            "w",
            "variables = { (terraform_data.db.output) = \"key\" }\n  typed = { for key in [terraform_data.db.output] : upper(key) => { value = key } }",
        );
    let workspace = world.workspace(&main);
    workspace.apply(&[]).ok();
    assert_eq!(keys(&world), ["DB.INTERNAL", "HOST", "N", "PORT", "db.internal"]);
    workspace.settled();
}
