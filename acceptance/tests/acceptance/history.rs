//! Who wrote a variable when, and what it was: through the data source.

use serde_json::{Value, json};
use testkit::World;

fn history(arguments: &str) -> String {
    format!(
        "data \"kontraktor_variable_history\" \"h\" {{\n  project = \"infra\"\n  env = \"dev\"\n  key = \"A\"\n  \
         {arguments}\n}}\noutput \"h\" {{ value = data.kontraktor_variable_history.h }}\n"
    )
}

fn column(history: &Value, name: &str) -> Vec<Value> {
    let entries = history["entries"].as_array().expect("a list");
    entries.iter().map(|entry| entry[name].clone()).collect()
}

#[test]
fn the_history_of_a_key_outlives_it_and_its_environment() {
    let world = World::new();
    world.ktr(&["var", "set", "--create", "infra/dev", "A=one"]).ok();
    world.ktr(&["var", "set", "infra/dev", "OTHER=1"]).ok();
    world.ktr(&["var", "set", "infra/dev", "A=2", "--type", "number"]).ok();
    world.ktr(&["var", "unset", "infra/dev", "A", "OTHER"]).ok();
    let reader = world.workspace(&history(""));
    reader.apply(&[]).ok();
    let found = reader.output("h");
    assert_eq!(column(&found, "operation"), [json!("deleted"), json!("updated"), json!("created")]);
    assert_eq!(column(&found, "value"), [Value::Null, json!("2"), json!("one")]);
    assert_eq!(column(&found, "type"), [Value::Null, json!("number"), json!("string")]);
    assert_eq!(column(&found, "revision"), [json!(4), json!(3), json!(1)]);
    assert_eq!(column(&found, "via"), [json!("ktr"), json!("ktr"), json!("ktr")]);
    assert!(column(&found, "actor").iter().all(|actor| actor.as_str().expect("a name").starts_with("unix:")));
    assert_eq!((&found["exists"], &found["value"]), (&json!(false), &Value::Null));

    // Point in time: the value as of a revision between two writes of the key.
    reader.main(&history("at = 2")).apply(&[]).ok();
    let found = reader.output("h");
    assert_eq!(
        (&found["exists"], &found["value"], &found["type"]),
        (&json!(true), &json!("one"), &json!("string"))
    );
    assert_eq!(column(&found, "revision"), [json!(1)]);

    world.ktr(&["env", "delete", "infra/dev"]).ok();
    reader.main(&history("")).apply(&[]).ok();
    assert_eq!(column(&reader.output("h"), "operation").len(), 3);
}

#[test]
fn the_newest_entries_come_first_and_no_more_than_asked_for() {
    let world = World::new();
    for value in ["A=1", "A=2", "A=3"] {
        world.ktr(&["var", "set", "--create", "infra/dev", value]).ok();
    }
    let reader = world.workspace(&history("limit = 2"));
    reader.apply(&[]).ok();
    assert_eq!(column(&reader.output("h"), "value"), [json!("3"), json!("2")]);
    let time = reader.output("h")["entries"][1]["time"].as_str().expect("a time").to_owned();
    reader.main(&history(&format!("at = \"{time}\"\nlimit = 1"))).apply(&[]).ok();
    assert_eq!(reader.output("h")["value"], json!("2"));
    reader.main(&history("limit = 1001"));
    reader.apply(&[]).fails().says(&["limit must be a whole number between 1 and 1000"]);
}

#[test]
fn writes_by_terraform_are_listed_as_written_through_terraform() {
    let world = World::new();
    let writer = world.workspace(
        r#"resource "kontraktor_variable" "a" {
          project     = "infra"
          env         = "dev"
          key         = "A"
          value       = ""
          description = "what for"
        }"#,
    );
    writer.apply(&[]).ok();
    let reader = world.workspace(&history(""));
    reader.apply(&[]).ok();
    let found = reader.output("h");
    assert_eq!((&found["exists"], &found["value"]), (&json!(true), &json!("")));
    assert_eq!(column(&found, "via"), [json!("terraform")]);
    assert_eq!(column(&found, "description"), [json!("what for")]);
}
