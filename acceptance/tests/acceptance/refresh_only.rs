//! `terraform plan -refresh-only` right after an apply finds nothing: terraform compares numbers together with their
//! precision, so each must be sent as the state file holds it.

use testkit::World;

const ALL: &str = r#"
resource "kontraktor_project" "p" {
  name        = "fresh"
  description = "d"
}
resource "kontraktor_environment" "base" {
  project = kontraktor_project.p.name
  env     = "base"
}
resource "kontraktor_environment" "e" {
  project = kontraktor_project.p.name
  env     = "dev"
  imports = [kontraktor_environment.base.id]
}
resource "kontraktor_variable_schema" "s" {
  project     = kontraktor_project.p.name
  name        = "ports"
  key_pattern = ".*PORT"
  schema      = jsonencode({ type = "integer", minimum = 0.5 })
}
resource "kontraktor_variable" "v" {
  for_each = { PORT = "8080", RATE = "0.1", BIG = "12345678901234567890" }
  project  = kontraktor_environment.e.project
  env      = kontraktor_environment.e.env
  key      = each.key
  value    = each.value
  type     = "number"
}
resource "kontraktor_secret_reference" "r" {
  project   = kontraktor_environment.e.project
  env       = kontraktor_environment.e.env
  key       = "SECRET"
  reference = "vault://team/secret/app#password"
}
resource "kontraktor_variables" "b" {
  project   = kontraktor_environment.base.project
  env       = kontraktor_environment.base.env
  variables = { A = "1" }
  typed     = { N = { value = "1.50", type = "number" } }
}
"#;

#[test]
fn nothing_changed_right_after_an_apply() {
    let world = World::new();
    let workspace = world.workspace(ALL);
    workspace.apply(&[]).ok();
    for _ in 0..2 {
        let plan = workspace.plan(&["-refresh-only"]);
        assert_eq!(plan.code, 0, "{}\n{}", plan.stdout, plan.stderr);
        workspace.settled();
        // Revisions of more than one digit.
        workspace.main(&ALL.replace("8080", "9090").replace("\"1\"", "\"2\""));
        workspace.apply(&[]).ok();
    }
    world.ktr(&["var", "set", "fresh/dev", "PORT=1"]).ok();
    assert_eq!(workspace.plan(&["-refresh-only"]).code, 2, "a change elsewhere is still found");
}
