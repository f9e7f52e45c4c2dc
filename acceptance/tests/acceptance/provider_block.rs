//! The provider block: values that are not known yet, and two blocks in one configuration.

use testkit::World;

const VARIABLE: &str = r#"resource "kontraktor_variable" "v" {
  project = "block"
  env     = "dev"
  key     = "KEY"
  value   = "one"
}
"#;

/// A configuration that is known only after apply fails no plan: see terraform#30937.
#[test]
fn unknown_at_plan_is_no_error() {
    let world = World::new();
    let workspace = world.workspace(&format!(
        r#"resource "terraform_data" "host" {{
  input = "{host}"
}}
provider "kontraktor" {{
  host           = terraform_data.host.output
  create_missing = terraform_data.host.id != ""
}}
{VARIABLE}"#,
        host = world.host()
    ));
    let plan = workspace.plan(&[]);
    assert_eq!(plan.code, 2, "{}\n{}", plan.stdout, plan.stderr);
    workspace.apply(&[]).ok().says(&["2 added"]);
    workspace.settled();
    workspace.destroy().ok();
}

#[test]
fn unknown_while_reading_keeps_the_state_and_warns() {
    let world = World::new();
    let workspace = world.workspace(VARIABLE);
    workspace.apply(&[]).ok();
    let host = format!(
        "resource \"terraform_data\" \"host\" {{\n  input = \"{}\"\n}}\n\
         provider \"kontraktor\" {{\n  host = terraform_data.host.output\n}}\n",
        world.host()
    );
    workspace.main(&format!("{host}{VARIABLE}"));
    workspace.terraform(&["plan", "-no-color"]).ok().says(&[
        "Warning:",
        "host",
        "1 to add, 0 to change, 0 to destroy",
    ]);
    workspace.apply(&[]).ok();
    workspace.settled();
}

#[test]
fn two_blocks_reach_two_daemons() {
    let (one, two) = (World::new(), World::new());
    let workspace = one.workspace(&format!(
        r#"provider "kontraktor" {{}}
provider "kontraktor" {{
  alias = "two"
  host  = "{host}"
}}
{VARIABLE}
resource "kontraktor_variable" "w" {{
  provider = kontraktor.two
  project  = "block"
  env      = "dev"
  key      = "OTHER"
  value    = "two"
}}
"#,
        host = two.host()
    ));
    workspace.apply(&[]).ok();
    one.ktr(&["var", "get", "block/dev", "KEY"]).ok().says(&["one"]);
    one.ktr(&["var", "get", "block/dev", "OTHER"]).fails();
    two.ktr(&["var", "get", "block/dev", "OTHER"]).ok().says(&["two"]);
    workspace.settled();
}
