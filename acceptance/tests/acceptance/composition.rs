//! Environments that import others: what readers see, where it comes from, and how it was.

use serde_json::json;
use testkit::World;

/// `shared/base` <- `infra/default` <- `infra/dev`.
const LAYERS: &str = r#"
resource "kontraktor_environment" "base" {
  project = "shared"
  env     = "base"
}
resource "kontraktor_environment" "default" {
  project = "infra"
  env     = "default"
  imports = [kontraktor_environment.base.id]
}
resource "kontraktor_environment" "dev" {
  project = "infra"
  env     = "dev"
  imports = [kontraktor_environment.default.id]
}
locals {
  values = {
    base    = { ONLY_BASE = "base", IN_TWO = "base", IN_ALL = "base" }
    default = { IN_TWO = "default", IN_ALL = "default" }
    dev     = { IN_ALL = "dev", ONLY_DEV = "dev" }
  }
  environments = {
    base    = kontraktor_environment.base
    default = kontraktor_environment.default
    dev     = kontraktor_environment.dev
  }
  all = merge([for env, values in local.values : { for key, value in values : "${env}/${key}" => value }]...)
}
resource "kontraktor_variable" "all" {
  for_each = local.all
  project  = local.environments[split("/", each.key)[0]].project
  env      = local.environments[split("/", each.key)[0]].env
  key      = split("/", each.key)[1]
  value    = each.value
}
"#;

fn data(arguments: &str) -> String {
    format!(
        "data \"kontraktor_environment\" \"dev\" {{\n  project = \"infra\"\n  env = \"dev\"\n  {arguments}\n}}\n\
         output \"variables\" {{ value = data.kontraktor_environment.dev.variables }}\n\
         output \"origins\" {{ value = data.kontraktor_environment.dev.origins }}\n\
         output \"imports\" {{ value = data.kontraktor_environment.dev.imports }}\n\
         output \"revision\" {{ value = data.kontraktor_environment.dev.revision }}\n"
    )
}

/// Infisical #7264: the import that a value came from was not shown.
#[test]
fn the_provenance_of_imports_is_visible_through_two_levels() {
    let world = World::new();
    let writer = world.workspace(LAYERS);
    writer.apply(&[]).ok();
    writer.settled();
    let reader = world.workspace(&data(""));
    reader.apply(&[]).ok();
    assert_eq!(
        reader.output("variables"),
        json!({"ONLY_BASE": "base", "IN_TWO": "default", "IN_ALL": "dev", "ONLY_DEV": "dev"})
    );
    assert_eq!(
        reader.output("origins"),
        json!({
            "ONLY_BASE": "shared/base", "IN_TWO": "infra/default", "IN_ALL": "infra/dev", "ONLY_DEV": "infra/dev",
        })
    );
    assert_eq!(reader.output("imports"), json!(["infra/default"]));

    reader.main(&data("own_only = true")).apply(&[]).ok();
    assert_eq!(reader.output("variables"), json!({"IN_ALL": "dev", "ONLY_DEV": "dev"}));
    assert_eq!(reader.output("origins"), json!({"IN_ALL": "infra/dev", "ONLY_DEV": "infra/dev"}));

    // A write two levels below is seen by the next walk.
    world.ktr(&["var", "set", "shared/base", "ONLY_BASE=new"]).ok();
    reader.main(&data("prefix = \"ONLY_\"")).apply(&[]).ok();
    assert_eq!(reader.output("variables"), json!({"ONLY_BASE": "new", "ONLY_DEV": "dev"}));

    let one = r#"data "kontraktor_variable" "one" {
      project = "infra"
      env     = "dev"
      key     = "IN_TWO"
    }
    output "origin" { value = data.kontraktor_variable.one.origin }"#;
    reader.main(one).apply(&[]).ok();
    assert_eq!(reader.output("origin"), json!("infra/default"));
}

#[test]
fn resources_see_own_variables_only() {
    let world = World::new();
    let writer = world.workspace(LAYERS);
    writer.apply(&[]).ok();
    // The imported key is no drift, and is free to be created.
    let more = r#"resource "kontraktor_variable" "own" {
      project = kontraktor_environment.dev.project
      env     = kontraktor_environment.dev.env
      key     = "ONLY_BASE"
      value   = "own"
    }"#;
    writer.main(&format!("{LAYERS}{more}")).apply(&[]).ok().says(&["1 added, 0 changed, 0 destroyed"]);
    let reader = world.workspace(&data("prefix = \"ONLY_BASE\""));
    reader.apply(&[]).ok();
    assert_eq!(reader.output("origins"), json!({"ONLY_BASE": "infra/dev"}));
}

#[test]
fn a_revision_is_read_with_its_imports_as_of_its_commit() {
    let world = World::new();
    let writer = world.workspace(LAYERS);
    writer.apply(&[]).ok();
    // The layers were written in any order: this revision comes after all of them.
    world.ktr(&["var", "set", "infra/dev", "LAST=1"]).ok();
    let reader = world.workspace(&data(""));
    reader.apply(&[]).ok();
    let (then, revision) = (reader.output("variables"), reader.output("revision"));

    world.ktr(&["var", "set", "shared/base", "ONLY_BASE=later", "LATER=1"]).ok();
    world.ktr(&["var", "set", "infra/dev", "ONLY_DEV=later"]).ok();
    reader.apply(&[]).ok();
    assert_eq!(
        reader.output("variables"),
        json!({
            "ONLY_BASE": "later", "LATER": "1", "IN_TWO": "default", "IN_ALL": "dev", "ONLY_DEV": "later", "LAST": "1"
        })
    );

    let at = format!("at = {revision}");
    reader.main(&data(&at)).apply(&[]).ok();
    assert_eq!((reader.output("variables"), reader.output("revision")), (then, revision.clone()));

    // A point in time includes the imports of that time.
    writer.main(&LAYERS.replace("imports = [kontraktor_environment.default.id]", "imports = []"));
    writer.apply(&[]).ok();
    reader.main(&data("")).apply(&[]).ok();
    assert_eq!(reader.output("imports"), json!([]));
    reader.main(&data(&at)).apply(&[]).ok();
    assert_eq!(reader.output("imports"), json!(["infra/default"]));
}

#[test]
fn a_time_shows_everything_that_was_written_up_to_it() {
    let world = World::new();
    world.ktr(&["var", "set", "--create", "infra/dev", "A=1"]).ok();
    let history = r#"data "kontraktor_variable_history" "a" {
      project = "infra"
      env     = "dev"
      key     = "A"
    }
    output "time" { value = data.kontraktor_variable_history.a.entries[0].time }"#;
    let reader = world.workspace(history);
    reader.apply(&[]).ok();
    let time = reader.output("time").as_str().expect("a time").to_owned();
    world.ktr(&["var", "set", "infra/dev", "A=2", "B=1"]).ok();
    reader.main(&data(&format!("at = \"{time}\""))).apply(&[]).ok();
    assert_eq!(reader.output("variables"), json!({"A": "1"}));
    // Before anything was there.
    reader.main(&data("at = \"2001-01-01T00:00:00Z\""));
    reader.apply(&[]).fails().says(&["Failed to read environment infra/dev"]);
}

#[test]
fn an_impossible_point_in_time_is_an_error_that_names_it() {
    let world = World::new();
    world.ktr(&["var", "set", "--create", "infra/dev", "A=1"]).ok();
    let reader = world.workspace(&data("at = 99"));
    reader.apply(&[]).fails().says(&["Failed to read environment infra/dev", "99"]);
    reader.main(&data("at = \"yesterday\""));
    reader.apply(&[]).fails().says(&["Invalid at", "at must be a revision, such as"]);
}

fn diff(blocks: &str) -> String {
    format!(
        "data \"kontraktor_environment_diff\" \"d\" {{\n{blocks}\n}}\n\
         output \"d\" {{ value = data.kontraktor_environment_diff.d }}\n"
    )
}

#[test]
fn two_environments_are_compared_in_the_direction_that_is_written() {
    let world = World::new();
    world.ktr(&["var", "set", "--create", "infra/dev", "SAME=1", "MOVED=a", "NEW=x"]).ok();
    world.ktr(&["var", "set", "--create", "infra/prod", "SAME=1", "MOVED=b", "GONE=y"]).ok();
    let blocks = r#"from {
      project = "infra"
      env     = "prod"
    }
    to { env = "dev" }"#;
    let reader = world.workspace(&diff(blocks));
    reader.apply(&[]).ok();
    let found = reader.output("d");
    assert_eq!((&found["added"], &found["removed"]), (&json!({"NEW": "x"}), &json!({"GONE": "y"})));
    assert_eq!(
        found["changed"],
        json!({"MOVED": {"from": "b", "to": "a", "from_type": "string", "to_type": "string", "what": ["value"]}})
    );
    assert_eq!(found["identical"], json!(false));

    world.ktr(&["var", "set", "infra/prod", "MOVED=a", "NEW=x"]).ok();
    world.ktr(&["var", "unset", "infra/prod", "GONE"]).ok();
    reader.apply(&[]).ok();
    assert_eq!(reader.output("d")["identical"], json!(true));
}

#[test]
fn two_revisions_of_one_environment_are_compared() {
    let world = World::new();
    world.ktr(&["var", "set", "--create", "infra/dev", "A=1", "B=1"]).ok();
    world.ktr(&["var", "set", "infra/dev", "A=2"]).ok();
    world.ktr(&["var", "set", "infra/dev", "B=1", "--type", "number"]).ok();
    let from = |at: u32| format!("from {{\n  project = \"infra\"\n  env = \"dev\"\n  at = {at}\n}}");
    let reader = world.workspace(&diff(&format!("{}\nto {{ at = 2 }}", from(1))));
    reader.apply(&[]).ok();
    let changed = |found: &serde_json::Value| {
        found["changed"].as_object().expect("a map").keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(changed(&reader.output("d")), ["A"]);
    reader.main(&diff(&from(1))).apply(&[]).ok();
    let found = reader.output("d");
    assert_eq!(changed(&found), ["A", "B"]);
    assert_eq!(found["changed"]["B"]["what"], json!(["type"]));

    reader.main(&diff("from {\n  project = \"infra\"\n  env = \"dev\"\n}"));
    reader.apply(&[]).fails().says(&["Environment compared with itself"]);
}

#[test]
fn imports_count_in_a_difference_unless_they_are_left_out() {
    let world = World::new();
    world.workspace(LAYERS).apply(&[]).ok();
    let blocks = "from {\n  project = \"infra\"\n  env = \"default\"\n}\nto { env = \"dev\" }\n";
    let reader = world.workspace(&diff(blocks));
    reader.apply(&[]).ok();
    let found = reader.output("d");
    assert_eq!((&found["added"], &found["removed"]), (&json!({"ONLY_DEV": "dev"}), &json!({})));
    reader.main(&diff(&format!("{blocks}own_only = true"))).apply(&[]).ok();
    let found = reader.output("d");
    assert_eq!(
        (&found["added"], &found["removed"]),
        (&json!({"ONLY_DEV": "dev"}), &json!({"IN_TWO": "default"}))
    );
}
