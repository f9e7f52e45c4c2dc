//! Projects, environments and variables that name each other by literals: Terraform deletes them in any order.

use testkit::World;

const LITERALS: &str = r#"
resource "kontraktor_project" "p" {
  name = "loose"
}
resource "kontraktor_environment" "dev" {
  project = "loose"
  env     = "dev"
  imports = ["loose/base"]
}
resource "kontraktor_environment" "base" {
  project = "loose"
  env     = "base"
}
resource "kontraktor_variable_schema" "s" {
  project     = "loose"
  name        = "ports"
  key_pattern = "PORT"
  schema      = "true"
}
resource "kontraktor_variable" "v" {
  count   = 40
  project = "loose"
  env     = "dev"
  key     = "KEY_${count.index}"
  value   = "x"
}
resource "kontraktor_secret_reference" "r" {
  project   = "loose"
  env       = "base"
  key       = "SECRET"
  reference = "vault://team/secret/app#password"
}
resource "kontraktor_variables" "b" {
  project   = "loose"
  env       = "base"
  variables = { A = "1", B = "2" }
}
"#;

#[test]
fn containers_wait_for_their_contents() {
    let world = World::new();
    let without_imports = LITERALS.replace("  imports = [\"loose/base\"]\n", "");
    let workspace = world.workspace(&without_imports);
    for parallelism in ["10", "100"] {
        // An import must exist, and no reference orders the environments.
        workspace.main(&without_imports).apply(&[]).ok();
        workspace.main(LITERALS).apply(&[]).ok();
        let option = format!("-parallelism={parallelism}");
        workspace.terraform(&["destroy", "-auto-approve", "-no-color", &option]).ok();
        world.ktr(&["env", "show", "loose/dev"]).fails();
        assert!(!world.ktr(&["project", "list"]).ok().text().contains("loose"));
    }
}

/// One at a time, a container that comes first cannot wait for what comes after it.
#[test]
fn one_at_a_time_the_remedy_is_named() {
    let world = World::new();
    let workspace = world.workspace(
        r#"resource "kontraktor_environment" "e" {
  project = "loose"
  env     = "dev"
}
resource "kontraktor_variable" "v" {
  project = "loose"
  env     = "dev"
  key     = "KEY"
  value   = "x"
}
"#,
    );
    workspace.apply(&[]).ok();
    let one = ["destroy", "-auto-approve", "-no-color", "-parallelism=1"];
    let run = workspace.terraform(&one);
    if run.code != 0 {
        run.says(&["env = kontraktor_environment.NAME.env", "depends_on", "force_destroy = true"]);
        workspace.terraform(&one).ok();
    }
    assert_eq!(workspace.terraform(&["state", "list"]).ok().stdout.trim(), "");

    // Where nothing comes, the refusal comes after a moment.
    workspace.apply(&[]).ok();
    world.ktr(&["var", "set", "loose/dev", "OTHER=x"]).ok();
    workspace.destroy().fails().says(&[
        "OTHER",
        "env = kontraktor_environment.NAME.env",
        "Otherwise delete or move the contents first",
    ]);
}
