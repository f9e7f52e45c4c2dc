//! Changes by others between two runs: shown, repaired, and never overwritten unseen.

use std::process::Stdio;

use testkit::{Run, World};

const ALL: &str = r#"
resource "kontraktor_project" "p" {
  name = "drift"
}
resource "kontraktor_environment" "e" {
  project = kontraktor_project.p.name
  env     = "dev"
}
resource "kontraktor_variable" "v" {
  project = kontraktor_environment.e.project
  env     = kontraktor_environment.e.env
  key     = "KEY"
  value   = "mine"
}
"#;

#[test]
fn changed_elsewhere_is_shown_and_restored() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    world.ktr(&["var", "set", "drift/dev", "KEY=theirs"]).ok();
    let plan = workspace.plan(&[]);
    assert_eq!(plan.code, 2, "{}", plan.stdout);
    plan.says(&[r#"~ value = "theirs" -> "mine""#, "0 to add, 1 to change, 0 to destroy"]);
    workspace.apply(&[]).ok();
    world.ktr(&["var", "get", "drift/dev", "KEY"]).ok().says(&["mine"]);
    workspace.settled();
}

#[test]
fn a_write_to_another_key_is_no_drift() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    let before = workspace.attributes("kontraktor_variable.v");
    world.ktr(&["var", "set", "drift/dev", "OTHER=1", "ANOTHER=2"]).ok();
    workspace.settled();
    workspace.apply(&["-refresh-only"]).ok();
    assert_eq!(workspace.attributes("kontraktor_variable.v"), before);
}

#[test]
fn written_elsewhere_with_the_same_meaning_is_no_change() {
    let world = World::new();
    let workspace = world.workspace(
        r#"resource "kontraktor_variable" "n" {
          project = "drift"
          env     = "dev"
          key     = "N"
          value   = "1.50"
          type    = "number"
        }
        resource "kontraktor_variable" "j" {
          project = "drift"
          env     = "dev"
          key     = "J"
          value   = "{\"b\": 1.0, \"a\": [1, 2]}"
          type    = "json"
        }"#,
    );
    workspace.apply(&[]).ok();
    world.ktr(&["var", "set", "drift/dev", "N=15e-1", "--type", "number"]).ok();
    world.ktr(&["var", "set", "drift/dev", r#"J={"a":[1.0,2],"b":1}"#, "--type", "json"]).ok();
    workspace.settled();
    workspace.apply(&[]).ok();
    assert_eq!(workspace.attributes("kontraktor_variable.n")["value"], "1.50", "the author's text stays");
}

#[test]
fn another_spelling_in_the_configuration_writes_nothing() {
    let world = World::new();
    let config = |text: &str| {
        format!(
            r#"resource "kontraktor_variable" "n" {{
              project = "drift"
              env     = "dev"
              key     = "N"
              value   = "{text}"
              type    = "number"
            }}"#
        )
    };
    let workspace = world.workspace(&config("1.5"));
    workspace.apply(&[]).ok();
    workspace.main(&config("1.500")).settled();
    workspace.main(&config("1.51"));
    workspace.apply(&[]).ok().says(&["1 changed"]);
    assert_eq!(workspace.attributes("kontraktor_variable.n")["revision"], 2);
}

#[test]
fn deleted_elsewhere_is_recreated() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    world.ktr(&["var", "unset", "drift/dev", "KEY"]).ok();
    workspace.plan(&[]).says(&["1 to add, 0 to change, 0 to destroy"]);
    workspace.apply(&[]).ok();
    world.ktr(&["var", "get", "drift/dev", "KEY"]).ok().says(&["mine"]);

    world.ktr(&["var", "unset", "drift/dev", "KEY"]).ok();
    world.ktr(&["env", "delete", "drift/dev"]).ok();
    workspace.plan(&[]).says(&["2 to add, 0 to change, 0 to destroy"]);
    world.ktr(&["project", "delete", "drift"]).ok();
    workspace.plan(&[]).says(&["3 to add, 0 to change, 0 to destroy"]);
    workspace.apply(&[]).ok().says(&["3 added"]);
    workspace.settled();
}

#[test]
fn a_recreated_environment_continues_its_revisions() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    let before = workspace.attributes("kontraktor_variable.v")["revision"].as_u64().expect("a number");
    workspace.destroy().ok();
    workspace.apply(&[]).ok();
    let after = workspace.attributes("kontraktor_variable.v")["revision"].as_u64().expect("a number");
    assert!(after > before, "{before} then {after}");
}

#[test]
fn destroying_a_missing_object_is_no_error() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    world.ktr(&["var", "unset", "drift/dev", "KEY"]).ok();
    world.ktr(&["env", "delete", "drift/dev"]).ok();
    workspace.terraform(&["destroy", "-auto-approve", "-no-color", "-refresh=false"]).ok();
}

#[test]
fn changed_between_plan_and_apply_stops_the_apply() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    workspace.main(&ALL.replace("\"mine\"", "\"mine, changed\""));
    workspace.terraform(&["plan", "-no-color", "-out=saved"]).ok();
    world.ktr(&["var", "set", "drift/dev", "KEY=theirs"]).ok();
    let refused = workspace.terraform(&["apply", "-no-color", "saved"]).fails();
    let refused =
        refused.says(&["drift/dev/KEY was changed by", "through ktr at", "planned from: revision "]);
    assert!(!refused.text().contains("theirs"), "{}", refused.text());
    world.ktr(&["var", "get", "drift/dev", "KEY"]).ok().says(&["theirs"]);
    // A new plan, which shows the other change, succeeds.
    workspace.apply(&[]).ok();
    world.ktr(&["var", "get", "drift/dev", "KEY"]).ok().says(&["mine, changed"]);
}

#[test]
fn deleted_between_plan_and_apply_asks_for_another_plan() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    workspace.main(&ALL.replace("\"mine\"", "\"mine, changed\""));
    workspace.terraform(&["plan", "-no-color", "-out=saved"]).ok();
    world.ktr(&["var", "unset", "drift/dev", "KEY"]).ok();
    world.ktr(&["env", "delete", "drift/dev"]).ok();
    let refused = workspace.terraform(&["apply", "-no-color", "saved"]).fails();
    refused.says(&[
        "Variable was deleted outside of this plan",
        "drift/dev/KEY was deleted",
        "terraform plan",
    ]);
    workspace.apply(&[]).ok().says(&["2 added"]);
    world.ktr(&["var", "get", "drift/dev", "KEY"]).ok().says(&["mine, changed"]);
}

#[test]
fn replacing_before_destroying_is_refused_with_the_reason() {
    let world = World::new();
    let workspace =
        world.workspace(&ALL.replace("\"mine\"", "\"mine\"\n  lifecycle { create_before_destroy = true }"));
    workspace.apply(&[]).ok();
    let refused = workspace.apply(&["-replace=kontraktor_variable.v"]).fails();
    refused.says(&["Resource already exists", "drift/dev/KEY", "remove create_before_destroy"]);
    workspace.settled();
}

#[test]
fn deleting_what_changed_since_stops_too() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    workspace.terraform(&["plan", "-destroy", "-no-color", "-out=saved"]).ok();
    world.ktr(&["var", "set", "drift/dev", "KEY=theirs"]).ok();
    workspace.terraform(&["apply", "-no-color", "saved"]).fails().says(&["was changed by"]);
    world.ktr(&["var", "get", "drift/dev", "KEY"]).ok().says(&["theirs"]);
}

#[test]
fn two_applies_at_once_both_succeed() {
    let world = World::new();
    let config = |prefix: &str| {
        format!(
            r#"resource "kontraktor_variable" "this" {{
              count   = 20
              project = "drift"
              env     = "dev"
              key     = "{prefix}_${{count.index}}"
              value   = "x"
            }}"#
        )
    };
    let (one, two) = (world.workspace(&config("ONE")), world.workspace(&config("TWO")));
    let apply = ["apply", "-auto-approve", "-no-color"];
    let child =
        one.command(&apply).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("terraform starts");
    Run::of(&mut two.command(&apply)).ok();
    assert!(child.wait_with_output().expect("terraform ends").status.success());
    one.settled();
    two.settled();
}

#[test]
fn what_was_deleted_and_created_again_by_a_write_is_planned_again() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    world.ktr(&["env", "delete", "drift/dev", "--force", "--yes"]).ok();
    world.ktr(&["var", "set", "drift/dev", "KEY=mine", "--create"]).ok();
    let plan = workspace.plan(&[]);
    plan.says(&["kontraktor_environment.e will be created", "1 to add, 0 to change, 0 to destroy"]);
    workspace.apply(&[]).ok();
    workspace.settled();

    world.ktr(&["project", "delete", "drift", "--force", "--yes"]).ok();
    world.ktr(&["var", "set", "drift/dev", "OTHER=theirs", "--create"]).ok();
    workspace.plan(&[]).says(&["3 to add, 0 to change, 0 to destroy"]);
    workspace.apply(&[]).ok();
    workspace.settled();
    world.ktr(&["var", "get", "drift/dev", "OTHER"]).ok().says(&["theirs"]);
}

#[test]
fn what_was_deleted_and_created_again_explicitly_is_the_same_object_with_drift() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    world.ktr(&["project", "delete", "drift", "--force", "--yes"]).ok();
    world.ktr(&["project", "create", "drift", "--description", "theirs"]).ok();
    let plan = workspace.plan(&[]);
    plan.says(&["kontraktor_project.p will be updated in-place", "2 to add, 1 to change, 0 to destroy"]);
    workspace.apply(&[]).ok();
    workspace.settled();
}

#[test]
fn an_implicit_object_that_is_imported_is_kept() {
    let world = World::new();
    world.ktr(&["var", "set", "drift/dev", "KEY=mine", "--create"]).ok();
    let workspace = world.workspace(&format!(
        r#"{ALL}
import {{
  to = kontraktor_project.p
  id = "drift"
}}
import {{
  to = kontraktor_environment.e
  id = "drift/dev"
}}
import {{
  to = kontraktor_variable.v
  id = "drift/dev/KEY"
}}
"#
    ));
    workspace.apply(&[]).ok().says(&["3 imported, 0 added"]);
    workspace.settled();
}
